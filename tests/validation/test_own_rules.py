"""Each of our own rules finds what it forbids, and nothing in documents that are right."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from ncp.semantics.read_cda import DOCUMENT_LIMITS, read_element
from ncp.semantics.validation.findings import LISTED_PER_RULE, Severity
from ncp.semantics.validation.own.run import RULES, check
from ncp.semantics.validation.own.value_sets import VALUE_SETS, ValueSetRule
from ncp.semantics.validation.places import Places, element_at
from ncp.wire.xml import XmlRefused, parse
from tests.shared import shared_files
from tests.support.demo_summaries import Written, demo_summaries
from tests.support.semantics import data_of
from tests.support.spoilt import (
    ALLERGIES,
    FUNCTIONAL_SECTION,
    LEVEL_1,
    LEVEL_3,
    MEDICATION,
    PROBLEMS,
    PROCEDURES,
    Spoil,
    add,
    put,
)

DEMO = list(demo_summaries())
FULL = next(one.content for one in DEMO if (one.name, one.level) == ("HR/01-full-summary", "L3"))
PDF = next(one.content for one in DEMO if (one.name, one.level) == ("HR/01-full-summary", "L1"))
SETS = {rule.id for rule in VALUE_SETS}


def root_of(content: bytes) -> _Element:
    return parse(content, DOCUMENT_LIMITS)


def rules_of(root: _Element) -> set[str]:
    return {one.rule for one in check(root).found}


@pytest.mark.parametrize("one", DEMO, ids=lambda one: f"{one.name}-{one.level}")
def test_a_right_document_breaks_no_rule(one: Written) -> None:
    assert check(root_of(one.content)).found == ()


def test_the_section_that_the_demonstration_lacks_breaks_no_rule_either() -> None:
    root = root_of(FULL)
    FUNCTIONAL_SECTION(root)
    assert check(root).found == ()


@pytest.mark.parametrize(("rule", "spoil"), LEVEL_3.items(), ids=LEVEL_3)
def test_each_rule_finds_what_it_forbids(rule: str, spoil: Spoil) -> None:
    root = root_of(FULL)
    spoil(root)
    assert rule in rules_of(root)


@pytest.mark.parametrize(("rule", "spoil"), LEVEL_1.items(), ids=LEVEL_1)
def test_each_rule_of_a_level_1_body_finds_what_it_forbids(rule: str, spoil: Spoil) -> None:
    root = root_of(PDF)
    spoil(root)
    assert rule in rules_of(root)


def test_every_rule_has_a_document_that_breaks_it_and_a_name_of_its_own() -> None:
    names = [rule.id for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) == LEVEL_3.keys() | LEVEL_1.keys() | SETS
    assert all(rule.text.endswith(".") and rule.source for rule in RULES)


class Terminology:
    """Has every value set, and in each every code but one."""

    def contains(self, value_set: str, system: str, code: str, version: str | None = None) -> bool | None:
        return code != "WRONG"


_OBSERVED = "/h:entry/h:act/h:entryRelationship/h:observation"
_CODE = '<{} code="a" codeSystem="1.2" displayName="x"/>'
ADDED = {
    "value-set.medication.absent": put(
        f"{MEDICATION}/h:entry/h:substanceAdministration/h:code", codeSystem="2.16.840.1.113883.5.1150.1"
    ),
    "value-set.procedure.site": add(f"{PROCEDURES}/h:entry/h:procedure", _CODE.format("targetSiteCode")),
    "value-set.allergy.absent": add(f"{ALLERGIES}{_OBSERVED}", _CODE.format("value")),
    "value-set.problem.outcome": add(
        f"{PROBLEMS}{_OBSERVED}",
        '<entryRelationship typeCode="REFR"><observation><code code="11323-3" codeSystem="1.2"/>'
        f"{_CODE.format('value')}</observation></entryRelationship>",
    ),
}
"""What the full summary of the demonstration does not say."""


@pytest.mark.parametrize("rule", VALUE_SETS, ids=lambda rule: rule.id)
def test_a_code_outside_of_its_value_set_is_found(rule: ValueSetRule) -> None:
    root = root_of(FULL)
    if rule.id in ADDED:
        assert not rule.select(root)
        ADDED[rule.id](root)
    elements = rule.select(root)
    assert elements, "the rule is about something that documents have"
    assert rule.id not in {one.rule for one in check(root, Terminology()).found}  # type: ignore[arg-type]
    for element in elements:
        element.set("code", "WRONG")
    assert rule.id in {one.rule for one in check(root, Terminology()).found}  # type: ignore[arg-type]


def test_a_value_set_that_is_not_loaded_is_not_judged() -> None:
    class Empty:
        def contains(self, *_: str) -> None:
            return None

    assert check(root_of(FULL), Empty()).found == ()  # type: ignore[arg-type]


def test_findings_say_where_and_nothing_of_the_patient() -> None:
    root = root_of(FULL)
    patient = DEMO[0].patient
    LEVEL_3["time.form"](root)
    LEVEL_3["header.patient.gender.code"](root)
    LEVEL_3["quantity.unit"](root)
    LEVEL_3["telecom.form"](root)
    found = check(root).found
    assert len(found) > 4
    for one in found:
        assert element_at(root, one.place) is not None and one.line > 0
        shown = f"{one!r}"
        for secret in (patient.family, patient.given, patient.birth_date, "12.03.2020", "mm Hg", "112"):
            assert secret not in shown


def test_places_are_those_of_the_document_model() -> None:
    root = root_of(FULL)
    places = Places(root)
    model = {str(datum.place) for datum in data_of(read_element(root))}
    ours = {str(places.of(element)) for element in root.iter("*")}
    assert {place for place in model if "@" not in place and "text()" not in place} <= ours
    for element in root.iter("*"):
        assert element_at(root, places.of(element)) is element


def test_findings_of_one_rule_are_listed_up_to_a_bound_and_then_counted() -> None:
    root = root_of(FULL)
    for element in root.iter("{*}code"):
        element.attrib.pop("displayName", None)
    coded = len(check(root, each=100_000).found)
    findings = check(root)
    assert len(findings.found) == LISTED_PER_RULE < coded
    assert findings.count(Severity.WARNING) == coded


@pytest.mark.parametrize("path", shared_files("samples/cda", "*.xml"), ids=lambda path: path.name)
def test_samples_of_other_countries_are_checked_without_exception(path: object) -> None:
    root = root_of(path.read_bytes().lstrip())  # type: ignore[attr-defined]
    before = etree.tostring(root)
    for one in check(root).found:
        assert element_at(root, one.place) is not None
    assert etree.tostring(root) == before


@pytest.mark.attack
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_changed_bytes_give_findings_and_no_exception(data: st.DataObject) -> None:
    content = FULL
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = min(len(content), start + data.draw(st.integers(0, 40)))
        new = data.draw(st.sampled_from([b"", b"<x/>", b"9", b'"', b"<low/>", b"value", content[start:end] * 2]))
        content = content[:start] + new + content[end:]
    try:
        root = parse(content, DOCUMENT_LIMITS)
    except XmlRefused:
        return
    check(root)


@pytest.mark.attack
def test_a_document_full_of_mistakes_takes_time_in_proportion() -> None:
    begin, end = FULL.split(b"<structuredBody>")[0], b"</component></ClinicalDocument>"
    took = []
    for count in (1_000, 10_000):
        time_ = b'<effectiveTime><low value="9"/><high value="1"/></effectiveTime>'
        entry = b'<entry><act><code code="x"/><id/>' + time_ + b"</act></entry>"
        section = b'<component><section><code code="48765-2"/>' + entry * count + b"</section></component>"
        root = root_of(begin + b"<structuredBody>" + section + b"</structuredBody>" + end)
        start = time.process_time()
        found = check(root)
        took.append(time.process_time() - start)
        assert found.count(Severity.ERROR) > count
        assert len(found.found) < LISTED_PER_RULE * len(RULES)
    assert took[1] < 40 * took[0]


@pytest.mark.attack
def test_the_check_of_an_ordinary_document_costs_no_more_than_reading_it() -> None:
    """Compared with the reader of the model, so that a slow machine does not matter."""
    root = root_of(FULL)
    check(root)

    def best(what: object) -> float:
        times = []
        for _ in range(7):
            start = time.process_time()
            what()  # type: ignore[operator]
            times.append(time.process_time() - start)
        return min(times)

    assert best(lambda: check(root)) < best(lambda: read_element(root_of(FULL)))
