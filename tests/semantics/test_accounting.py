"""Nothing of a document is dropped: an accountant that knows only XML compares what is written with what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from ncp.semantics.read_cda import read_cda
from tests.shared import shared, shared_files
from tests.support.demo_summaries import Written
from tests.support.semantics import V3, account

SAMPLES = shared_files("samples/cda", "*.xml")


def test_there_are_samples() -> None:
    assert len(list(shared("samples/cda").glob("*.xml"))) == 56


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_value_of_a_sample_is_in_the_model_or_listed_as_not_shown(path: Path) -> None:
    content = path.read_bytes()
    found = account(content, read_cda(content))
    assert found.missing == []
    assert found.coded > 5
    assert found.values > 50


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_has_as_many_sections_and_entries_as_it_has_elements(path: Path) -> None:
    content = path.read_bytes()
    summary = read_cda(content)
    root = etree.fromstring(content)
    sections = list(summary.all_sections())
    assert len(sections) == len(root.findall(f".//{V3}section"))
    inside = [
        child
        for entry in root.iter(f"{V3}entry")
        for child in entry.iterchildren("*")
        if child.tag != f"{V3}templateId"
    ]
    assert sum(len(section.statements) for section in sections) == len(inside)
    entries = [entry for section in sections for entry in section.entries]
    assert len({entry.place for entry in entries}) == len(entries)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_little_of_a_sample_is_not_understood(path: Path) -> None:
    """Listing everything as not shown would satisfy the accountant; only what no schema of CDA has may be there."""
    assert len(read_cda(path.read_bytes()).not_shown) <= {"w6_pt_mock_bad-mapping": 7}.get(path.stem, 1)


def test_every_value_of_our_own_documents_is_in_the_model(demo: list[Written]) -> None:
    assert len(demo) > 15
    for document in demo:
        summary = read_cda(document.content)
        assert account(document.content, summary).missing == [], document.name
        assert summary.not_shown == (), document.name


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_values_written_into_a_sample_where_nobody_expects_them_are_listed(path: Path) -> None:
    """A strange element, attribute and text in every element of the document: all of them must be found again."""
    root = etree.fromstring(path.read_bytes())
    strange = 0
    for element in list(root.iter("*")):
        parents = {etree.QName(a).localname for a in (element, *element.iterancestors())}
        if "text" in parents or parents & {"templateId", "typeId", "realmCode"}:
            continue
        element.set("strange", f"attribute {strange}")
        child = etree.SubElement(element, "{urn:example}strange", code=f"code {strange}")
        child.text = f"words {strange}"
        strange += 1
    content = etree.tostring(root, encoding="utf-8")
    assert strange > 50
    found = account(content, read_cda(content))
    assert found.missing == []


@pytest.mark.parametrize("name", ["w8_cz_full.xml", "w3_pt_goiter.xml"])
def test_the_accountant_sees_what_is_taken_out_of_the_model(name: str) -> None:
    """It judges another document's model, and one with a code more: it must not find everything in order."""
    content = shared(f"samples/cda/{name}").read_bytes()
    summary = read_cda(content)
    changed = content.replace(b'displayName="', b'displayName="x', 3)
    assert len(account(changed, summary).missing) >= 3
    without = content.replace(b"</entry>", b'<act classCode="ACT" moodCode="EVN"/></entry>', 1)
    assert account(without, summary).missing
