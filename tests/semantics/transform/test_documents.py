"""Whole documents: nothing but codes, names and translations changes, whatever the document; and nothing stops it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.semantics.coding import CodeState
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.codes import CODES_MAX
from ncp.semantics.transform.problems import tm
from ncp.semantics.transform.result import PROBLEMS_MAX, Status, refused_form, wire_form
from tests.shared import shared_files
from tests.support.demo_summaries import demo_summaries
from tests.support.transform import NATIONAL, SNOMED, document, names, problem, release, transcoded, translated

SAMPLES = shared_files("samples/cda", "*.xml")
MAY_CHANGE = {"code", "codeSystem", "codeSystemName", "codeSystemVersion", "displayName", "nullFlavor"}
TRANSLATION = ("{urn:hl7-org:v3}translation", "{urn:epsos-org:ep:medication}translation")


@pytest.fixture(scope="module")
def shipped_release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("catalogue")
    ensure_shipped(ReleaseFolder(folder), datetime(2026, 5, 1, tzinfo=UTC))
    return Catalogue(folder).current()


def without_names(content: bytes) -> bytes:
    """The document in canonical form without what a transformation may write: attributes of coded elements, and
    translations."""
    root = etree.fromstring(content.lstrip(), etree.XMLParser(resolve_entities=False, huge_tree=True))
    for element in list(root.iter(*TRANSLATION)):
        parent, before = element.getparent(), element.getprevious()
        assert parent is not None
        if before is not None:
            before.tail = (before.tail or "") + (element.tail or "")
        else:
            parent.text = (parent.text or "") + (element.tail or "")
        parent.remove(element)
    for element in root.iter("*"):
        if element.get("code") is not None or element.get("nullFlavor") == "OTH":
            for name in MAY_CHANGE:
                element.attrib.pop(name, None)
    return etree.tostring(root.getroottree(), method="c14n", with_comments=True)


def national_words(content: bytes) -> Iterator[tuple[str, str, str]]:
    """Every name, with its code, that a document has anywhere."""
    for element in etree.fromstring(content.lstrip()).iter("*"):
        if element.get("displayName") and element.get("codeSystem"):
            yield element.get("codeSystem", ""), element.get("code", ""), element.get("displayName", "").strip()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("strict", [False, True], ids=["ours", "strict"])
def test_in_every_sample_only_names_codes_and_translations_change(
    sample: Path, strict: bool, shipped_release: Release
) -> None:
    content = sample.read_bytes()
    before = without_names(content)
    for result in (
        transcoded(content, shipped_release, strict=strict),
        translated(content, shipped_release, strict=strict),
    ):
        assert without_names(result.content) == before
        assert result.content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<?xml") == content.lstrip(
            b"\xef\xbb\xbf \r\n"
        ).startswith(b"<?xml")
        if not strict:
            # No name that the document had is lost.
            assert set(national_words(content)) <= set(national_words(result.content))
            again = (translated if result.language else transcoded)(result.content, shipped_release)
            assert (again.content, again.changed) == (result.content, False)
        assert read_cda(result.content).level == read_cda(content).level
        for one in (*result.errors, *result.warnings):
            assert one.text and one.code.isdigit()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_code_of_a_sample_is_accounted_for_once(sample: Path, shipped_release: Release) -> None:
    result = translated(sample.read_bytes(), shipped_release)
    places = [element.place for element in result.elements]
    assert len(places) == len(set(places))
    assert sum(result.counts.values()) == len(places)
    root = etree.fromstring(result.content.lstrip())
    for element in result.elements[:50]:
        path = "/" + "/".join(
            "*[local-name()='{}'][{}]".format(*[*step.rstrip("]").split("["), "1"][:2])
            for step in ("ClinicalDocument/" + element.place).split("/")
        )
        (node,) = root.getroottree().xpath(path)
        assert (node.get("code", "").strip(), node.get("codeSystem", "").strip()) == (element.code, element.system)


def test_the_demonstrations_documents_arrive_in_french(shipped_release: Release) -> None:
    for written in demo_summaries():
        result = translated(written.content, shipped_release)
        assert not result.errors
        assert CodeState.OUTSIDE_VALUE_SET not in result.counts
        unknown = {one.code for one in result.elements if one.state is CodeState.UNKNOWN_CODE}
        assert unknown <= {"DRUG", "IMMUNIZ", "SEV", "CONC", "PCP"}, "codes of the templates, which no value set has"
        assert not result.warnings


CODES = st.sampled_from(["mapped", "known", "unknown", "", "  ", "x" * 300])
SYSTEMS = st.sampled_from([SNOMED, NATIONAL, "9.9", "", "urn:oid:9.9"])
NAMESPACES = st.sampled_from(["urn:hl7-org:v3"] * 4 + ["urn:hl7-org:pharm", "urn:epsos-org:ep:medication", "urn:x"])
TAGS = st.sampled_from(["code", "value", "translation", "originalText", "text", "section", "observation", "x", "event"])


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    element = etree.Element(f"{{{draw(NAMESPACES)}}}{draw(TAGS)}")
    for name, values in (
        ("code", CODES),
        ("codeSystem", SYSTEMS),
        ("displayName", st.sampled_from(["national", "known (en)", ""])),
        ("nullFlavor", st.sampled_from(["OTH", "UNK"])),
        ("{http://www.w3.org/2001/XMLSchema-instance}type", st.sampled_from(["CD", "x:CE", "PQ"])),
    ):
        if draw(st.integers(0, 9)) < (7 if name in ("code", "codeSystem", "displayName") else 1):
            element.set(name, draw(values))
    element.text = draw(st.sampled_from([None, " ", "words"]))
    if depth:
        for child in draw(st.lists(trees(depth=depth - 1), max_size=3)):
            child.tail = draw(st.sampled_from([None, " ", "tail"]))
            element.append(child)
    return element


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Release:
    from ncp.semantics.terminology import rows

    return release(
        tmp_path_factory.mktemp("catalogue"),
        [
            *names(SNOMED, "known", en="known (en)", fr="connu", de="bekannt"),
            rows.Mapping(NATIONAL, "mapped", SNOMED, "known"),
        ],
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(trees(), max_size=4))
def test_any_tree_keeps_everything_but_names(invented: Release, made: list[etree._Element]) -> None:
    inner = b"".join(etree.tostring(one, with_tail=False) for one in made).decode()
    for content in (document(inner), problem(inner)):
        outward = transcoded(content, invented)
        inward = translated(outward.content, invented)
        german = translated(inward.content, invented, "de-DE")
        for result, before in ((outward, content), (inward, outward.content), (german, inward.content)):
            assert texts(result.content) == texts(before)
            gone = {name for _, _, name in set(national_words(before)) - set(national_words(result.content))}
            assert gone <= {"connu", "Résumé du patient"}, "names that the translation before had given"
            assert all(len(one.context) < 300 for one in (*result.errors, *result.warnings))
        assert translated(german.content, invented, "fr-FR").content == inward.content
        assert transcoded(outward.content, invented).content == outward.content


def texts(content: bytes) -> list[str]:
    """All letters; a translation that moves inside another takes its own along."""
    return sorted("".join("".join(etree.fromstring(content).itertext()).split()))


def test_an_unchanged_document_stays_as_it_was_to_the_byte(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + document().replace(b"<component>", b"<component ><!-- c -->", 1)
    result = transcoded(content, release(tmp_path, []))
    assert (result.content, result.changed) == (content, False)


@pytest.mark.parametrize(
    ("declaration", "kept"),
    [
        (
            b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>',
            b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>',
        ),
        (b"", b"<?pi of the document?>"),
        (b'<?xml version="1.0" encoding="US-ASCII"?>', b'<?xml version="1.0" encoding="UTF-8"?>'),
    ],
)
def test_declaration_comments_and_instructions_stay(tmp_path: Path, declaration: bytes, kept: bytes) -> None:
    root = document().partition(b"?>\n")[2]
    content = declaration + b"<?pi of the document?><!-- before -->" + root + b"<!-- after -->"
    result = translated(content, release(tmp_path, []))
    assert result.changed and result.content.startswith(kept)
    assert b"<?pi of the document?>" in result.content and result.content.rstrip().endswith(b"<!-- after -->")
    assert "Résumé du patient" in result.content.decode()


def test_the_structure_of_the_service_has_our_list_beside_it(tmp_path: Path) -> None:
    value = f'<value code="Z" codeSystem="{NATIONAL}" displayName="words"/>'
    result = transcoded(problem(value), release(tmp_path, []))
    form = json.loads(json.dumps(wire_form(result, "7f0c")))
    assert (form["requestId"], form["status"], form["errors"]) == ("7f0c", "WARNING", [])
    assert base64.b64decode(form["responseCDA"]) == result.content
    assert form["warnings"] == [
        {
            "@class": "TSAMErrorCtx",
            "code": "4503",
            "description": "Code System Concept not found",
            "context": f"codeSystem {NATIONAL}, code Z",
        }
    ]
    assert form["codedElements"]["counts"] == {"same": 1, "unmapped": 1}
    refused = refused_form(tm("4513"), "1")
    assert (refused["status"], refused["errors"][0]["@class"], refused["errors"][0]["code"]) == (
        "ERROR",
        "TMError",
        "4513",
    )


# Hostile input


@pytest.mark.attack
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b"\xff\xfe<\x00",
        b"<a>" * 200 + b"</a>" * 200,
    ],
)
def test_what_is_no_document_comes_back_as_it_was_with_an_error(invented: Release, content: bytes) -> None:
    for result in (transcoded(content, invented), translated(content, invented)):
        assert (result.content, result.status) == (content, Status.ERROR)
        assert result.errors[0].code == "4507"


@pytest.mark.attack
def test_the_narrative_is_never_touched_whatever_stands_in_it(invented: Release) -> None:
    code = f'<code code="known" codeSystem="{SNOMED}" displayName="known (en)"/>'
    content = document(f"<section><text><paragraph>{code}</paragraph>{code}</text></section>")
    result = translated(content, invented)
    assert len(result.elements) == 1, "the code of the document"
    assert result.content.count(code.encode()) == 2


@pytest.mark.attack
def test_very_many_codes_take_bounded_time_and_their_problems_are_counted(invented: Release) -> None:
    many = "".join(f'<code code="c{n}" codeSystem="{SNOMED}"/>' for n in range(20_000))
    begun = time.perf_counter()
    result = translated(document(f"<section><entry>{many}</entry></section>"), invented)
    assert time.perf_counter() - begun < 10
    assert len(result.elements) == 20_001
    listed = "".join(
        f'<entry><procedure><templateId root="1.3.6.1.4.1.12559.11.10.1.3.1.3.26"/><code code="c{n}" codeSystem="9.9"/>'
        "</procedure></entry>"
        for n in range(PROBLEMS_MAX + 100)
    )
    result = translated(document(f"<section>{listed}</section>"), invented)
    assert (len(result.warnings), result.dropped) == (PROBLEMS_MAX, 100)


@pytest.mark.attack
def test_more_codes_than_any_patient_has_are_refused(invented: Release) -> None:
    many = "<code code='c'/>" * (CODES_MAX + 1)
    content = document(f"<section><entry>{many}</entry></section>")
    result = transcoded(content, invented)
    assert (result.status, result.content) == (Status.ERROR, content)


@pytest.mark.attack
def test_words_in_a_code_are_cut_and_freed_of_what_breaks_lines(tmp_path: Path) -> None:
    value = f'<value code="{"x" * 5000}&#10;injected" codeSystem="9.9&#13;&#10;"/>'
    result = translated(problem(value), release(tmp_path, []))
    (told,) = result.warnings
    assert len(told.context) < 200 and "\n" not in told.context and "\r" not in told.context
