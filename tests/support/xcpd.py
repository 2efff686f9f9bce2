"""Builders, strategies and schemas for the tests of ``xcpd``."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from ncp.wire.ids import II, Oid
from ncp.wire.xml import NS_HL7, parse, text_of
from tests.shared import shared
from xcpd.messages import Address, PatientDiscovery, PatientSearch, Person

HR, FR = Oid("2.16.17.710.840.1000.990.1"), Oid("2.16.17.710.790.1000.990.1")
MBO = "2.16.840.1.113883.2.7.2.2"
NS = {"h": NS_HL7}


def discovery(**changes: object) -> PatientDiscovery:
    """France asks Croatia for one person by number."""
    whole = PatientDiscovery(
        id=II("0d8a3f0e-6a55-4d55-9f4e-0c5a1be0a701", "4821930567"),
        creation_time="20260314091530.204+0000",
        sender=FR,
        receiver=HR,
        query_id=II("7b0c0b5e-52c5-4f0c-8a3a-6f0f4b1f9d22"),
        search=PatientSearch(identifiers=(II(MBO, "123456789"),)),
        query=QUERY,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


QUERY = (
    b'<queryByParameter xmlns="urn:hl7-org:v3"><queryId root="7b0c0b5e-52c5-4f0c-8a3a-6f0f4b1f9d22"/>'
    b'<statusCode code="new"/><responseModalityCode code="R"/><responsePriorityCode code="I"/><matchCriterionList/>'
    b'<parameterList><livingSubjectId><value root="2.16.840.1.113883.2.7.2.2" extension="123456789"/>'
    b"<semanticsText>LivingSubject.id</semanticsText></livingSubjectId></parameterList></queryByParameter>"
)


def person(**changes: object) -> Person:
    whole = Person(
        id=II(MBO, "123456789"),
        family="Primjer",
        given="Ana Marija",
        gender="F",
        birth_date="19700409",
        address=Address("Ulica 1", "Zagreb", "10000", "HR"),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def element(data: bytes) -> _Element:
    return parse(data)


def body_of(path: Path) -> _Element:
    """The HL7 element of a sample, from inside its envelope where it has one, as a document of its own."""
    data = path.read_bytes()
    root = parse(data)
    inside = root.find(".//{http://www.w3.org/2003/05/soap-envelope}Body/*")
    return root if inside is None else inside


@functools.cache
def schema(path: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared(f"schemas/{path}")))


def schema_errors(data: bytes, path: str) -> list[str]:
    validator = schema(path)
    validator.validate(etree.fromstring(data))
    return [f"{entry.line}: {entry.message}" for entry in validator.error_log]


def request_errors(data: bytes) -> list[str]:
    return schema_errors(data, "hl7v3/PRPA_IN201305UV02.xsd")


def response_errors(data: bytes) -> list[str]:
    return schema_errors(data, "hl7v3/PRPA_IN201306UV02.xsd")


def canonical(node: _Element) -> bytes:
    """Exclusive C14N without blanks between elements, comments and unused namespaces: what two spellings share."""
    copy = etree.fromstring(etree.tostring(node, with_tail=False))
    for each in copy.iter("*"):
        for attribute in ("text", "tail"):
            value = getattr(each, attribute)
            if value is not None and not value.strip():
                setattr(each, attribute, None)
        if not len(each):
            each.text = text_of(each) or None
    return etree.tostring(copy, method="c14n", exclusive=True, with_comments=False)


def code_blocks(text: str, section: str) -> list[str]:
    """The XML blocks of one section (``# 2`` …) of a specification file."""
    start = text.index(f"\n{section} ")
    rest = text[start + 1 :]
    following = re.search(rf"\n#{{1,{section.count('#')}}} ", rest)
    return re.findall(r"```xml\n(.*?)```", rest[: following.start()] if following else rest, re.DOTALL)


# Hypothesis: values as real messages carry them.

_LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
words = st.text(_LETTERS, min_size=1, max_size=40).map(lambda text: " ".join(text.split())).filter(bool)
oids = st.lists(st.integers(0, 10**6), min_size=2, max_size=8).map(
    lambda arcs: "2." + ".".join(str(arc) for arc in arcs)
)
uuids = st.uuids(version=4).map(str)
extensions = st.text(_LETTERS, min_size=1, max_size=40).map(str.strip).filter(bool)
identifiers = st.builds(II, oids, extensions)
days = st.dates().map(lambda day: f"{day:%Y%m%d}".rjust(8, "0"))
birth_dates = st.one_of(st.just(""), days, days.map(lambda day: day[:6]), days.map(lambda day: day[:4]))
genders = st.sampled_from(["", "F", "M", "UN"])
optional = st.one_of(st.just(""), words)
addresses = st.builds(Address, optional, optional, optional, optional)
names = st.one_of(st.just(("", "")), st.tuples(words, words))


@st.composite
def searches(draw: st.DrawFn) -> PatientSearch:
    family, given = draw(names)
    return PatientSearch(
        identifiers=tuple(draw(st.lists(identifiers, max_size=4))),
        family=family,
        given=given,
        gender=draw(genders),
        birth_date=draw(birth_dates),
        address=draw(addresses),
    )


@st.composite
def discoveries(draw: st.DrawFn) -> PatientDiscovery:
    return PatientDiscovery(
        id=II(draw(uuids), draw(extensions)),
        creation_time="20260314091530.204+0000",
        sender=Oid(draw(oids)),
        receiver=Oid(draw(oids)),
        query_id=II(draw(uuids)),
        search=draw(searches()),
    )


persons = st.builds(
    Person,
    id=identifiers,
    family=words,
    given=words,
    gender=genders,
    birth_date=st.one_of(st.just(""), days),
    address=addresses,
    match_quality=st.integers(0, 100),
)
