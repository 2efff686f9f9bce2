"""Bytes that somebody made or changed give a summary or a declared error, in bounded time, and never a patient's name
in a text of ours."""

from __future__ import annotations

import time
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.semantics.read_cda import read_cda
from ncp.wire.errors import DocumentError
from tests.support.demo_summaries import demo_summaries
from tests.support.proportion import assert_in_proportion
from tests.support.semantics import account, data_of

WHOLE = next(written.content for written in demo_summaries() if written.name == "HR/01-full-summary")
ROOT = b'<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'


def document(section: bytes) -> bytes:
    body = b"<component><structuredBody><component><section>" + section + b"</section></component></structuredBody>"
    return ROOT + body + b"</component></ClinicalDocument>"


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = WHOLE
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 60)))
        strange = [b'"', b"<", b"/>", b"<!-- -->", b"<?p?>", b"<x/>", b'a="b" ', b"&#0;", b"&amp;", b"0", b"xsi:type="]
        put = draw(
            st.one_of(st.just(b""), st.binary(max_size=8), st.sampled_from(strange), st.just(data[start:end] * 2))
        )
        data = data[:start] + put + data[end:]
    return data


@settings(max_examples=50, deadline=None)
@given(mutated())
def test_changed_bytes_are_read_in_full_or_refused(data: bytes) -> None:
    try:
        summary = read_cda(data)
    except DocumentError as refused:
        assert str(refused).startswith("ERROR_HQI_GENERIC: ") and refused.reason.startswith(("xml.", "document."))
        return
    assert account(data, summary).missing == []


NAMES = ("code", "value", "effectiveTime", "entry", "act", "observation", "entryRelationship", "text", "name", "id",
         "participant", "participantRole", "originalText", "reference", "translation", "low", "period", "comp",
         "substanceAdministration", "consumable", "manufacturedProduct", "manufacturedMaterial", "ingredient",
         "section", "component", "templateId", "qualifier", "author", "assignedAuthor", "quantity", "x")  # fmt: skip
ATTRIBUTES = ("code", "codeSystem", "displayName", "value", "unit", "nullFlavor", "typeCode", "root", "extension",
              "negationInd", "operator", "use", "moodCode", "strange",
              "{http://www.w3.org/2001/XMLSchema-instance}type")  # fmt: skip
TYPES = ("CD", "PQ", "IVL_TS", "PIVL_TS", "SXPR_TS", "EIVL_TS", "RTO", "ST", "INT", "BL", "II", "TS", "x:Y", "")


@st.composite
def elements(draw: st.DrawFn, depth: int = 4) -> etree._Element:
    namespace = draw(st.sampled_from(["urn:hl7-org:v3"] * 8 + ["urn:hl7-org:pharm", "urn:x"]))
    element = etree.Element(f"{{{namespace}}}{draw(st.sampled_from(NAMES))}")
    for name in draw(st.lists(st.sampled_from(ATTRIBUTES), max_size=4, unique=True)):
        words = TYPES if name.endswith("}type") else ("a", "true", "#x", "2015", "MSK", "")
        element.set(name, draw(st.sampled_from(words)))
    element.text = draw(st.sampled_from(["", "", "words", " "]))
    if depth:
        for child in draw(st.lists(elements(depth=depth - 1), max_size=3)):
            child.tail = draw(st.sampled_from(["", "", "tail"]))
            element.append(child)
    return element


@settings(max_examples=50, deadline=None)
@given(st.lists(elements(), max_size=4), st.sampled_from(["48765-2", "10160-0", "11450-4", "8716-3", "10162-6", "x"]))
def test_any_tree_in_any_section_is_accounted_for(trees: list[etree._Element], code: str) -> None:
    root = etree.fromstring(document(f'<code code="{code}"/>'.encode()))
    section = next(root.iter("{urn:hl7-org:v3}section"))
    for tree in trees:
        section.append(tree)
    content = etree.tostring(root)
    assert account(content, read_cda(content)).missing == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "xml.malformed"),
        (b"%PDF-1.7", "xml.malformed"),
        (b"<!DOCTYPE a><a/>", "xml.dtd"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "xml.encoding"),
        (b"<a/>", "document.format"),
        (b"<ClinicalDocument/>", "document.format"),
        (ROOT + b"</ClinicalDocument>", "document.body"),
        (document(b"<x>" * 120 + b"</x>" * 120), "xml.too_deep"),
        (document(b"<x/>" * 600_000), "xml.too_large"),
    ],
)
def test_what_is_no_document_is_refused_by_name(content: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read_cda(content)
    assert refused.value.reason == reason


def test_references_that_repeat_the_narrative_endlessly_are_refused() -> None:
    nested = b"".join(b'<content ID="c%d">' % n for n in range(80)) + b"x" * 1_000_000 + b"</content>" * 80
    asked = b"".join(b'<entry><act><text><reference value="#c%d"/></text></act></entry>' % n for n in range(80))
    with pytest.raises(DocumentError) as refused:
        read_cda(document(b"<text>" + nested + b"</text>" + asked))
    assert refused.value.reason == "document.references"


def test_the_same_row_named_many_times_is_read_once() -> None:
    row = b'<content ID="c">' + b"x" * 100_000 + b"</content>"
    asked = b'<entry><act><text><reference value="#c"/></text></act></entry>' * 2_000
    summary = read_cda(document(b"<text>" + row + b"</text>" + asked))
    texts = {id(entry.text.text) for entry in summary.sections[0].entries if entry.text}
    assert len(texts) == 1


def test_statements_in_statements_without_end_are_listed_and_not_followed() -> None:
    deep = b'<entryRelationship typeCode="COMP"><act>' * 40 + b"</act></entryRelationship>" * 40
    content = document(b"<entry><act>" + deep + b"</act></entry>")
    summary = read_cda(content)
    assert [item.what for item in summary.not_shown] == ["entryRelationship"]
    assert account(content, summary).missing == []


@pytest.mark.slow
def test_a_very_large_document_is_read_in_proportion() -> None:
    found = b'<code code="1" codeSystem="1.2"/><value xsi:type="PQ" value="1" unit="g"/>'
    entry = b"<entry><observation>" + found + b"</observation></entry>"
    took = []
    for count in (500, 5_000):
        content = document(b'<code code="30954-2"/>' + entry * count)
        start = time.process_time()
        assert len(read_cda(content).sections[0].entries) == count
        took.append(time.process_time() - start)
    assert took[1] < 40 * took[0]


def test_nothing_of_the_model_shows_itself() -> None:
    summary = read_cda(WHOLE)
    shown = repr(summary)
    assert shown == "PatientSummary(<redacted>)"
    for datum in data_of(summary):
        assert repr(datum) == f"{type(datum).__name__}(<redacted>)"
        assert is_dataclass(datum) and fields(datum)
        assert not hasattr(datum, "__dict__")


FLOODS = {
    "text between elements": (b'<entry><act><code code="a">', b"<a/>xxxxxxxxxxxxxxxx", b"</code></act></entry>"),
    "text between comments": (b'<entry><act><code code="a">', b"<!---->xxxxxxxxxxxxxxxx", b"</code></act></entry>"),
    "words between comments": (b"<entry><act><text>", b"<!---->y ", b"</text></act></entry>"),
    "an unknown part with comments": (b"<entry><act><strange>", b"<!---->y ", b"</strange></act></entry>"),
    "translations": (b'<entry><act><code code="a">', b'<translation code="b"/>', b"</code></act></entry>"),
    "timings": (b'<entry><act><effectiveTime xsi:type="SXPR_TS">', b"<comp/>", b"</effectiveTime></act></entry>"),
    "units": (b'<entry><supply><quantity value="1">', b'<translation value="1"/>', b"</quantity></supply></entry>"),
    "relations": (b"<entry><act>", b"<entryRelationship><act/></entryRelationship>", b"</act></entry>"),
    "entries": (b"", b"<entry/>", b""),
}


@pytest.mark.attack
@pytest.mark.parametrize(("before", "many", "after"), FLOODS.values(), ids=FLOODS)
def test_many_of_one_thing_take_time_in_proportion(before: bytes, many: bytes, after: bytes) -> None:
    assert_in_proportion(lambda count: read_cda(document(before + many * count + after)), 10_000)
