"""What a patient allowed, by country and class."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.connector.store.connector import StoreConnector
from ncp.connector.store.consent import ConsentRule, allows
from tests.support.connector import LAB, PS, Folder, about, connector, discovery, mbo, person_of
from xcpd.messages import PatientSearch


def consent(store: StoreConnector, extension: str, *classes: str, country: str = "FR") -> bool:
    return asyncio.run(store.consent(about(mbo(extension), *classes, country=country)))


def test_no_rule_is_no_consent(folder: Folder, database: Path) -> None:
    folder.patient("1", consent="")
    folder.load(database)
    assert not consent(connector(database), "999990000", PS)


def test_an_unknown_patient_has_not_consented(store: StoreConnector) -> None:
    assert not consent(store, "123456789", PS)


def test_a_deceased_patient_allows_nothing_more(store: StoreConnector) -> None:
    assert not consent(store, "999990088", PS)


def test_consent_holds_for_the_country_and_class_it_was_given_for(store: StoreConnector) -> None:
    assert consent(store, "999990108", PS)
    assert not consent(store, "999990108", PS, country="BE")
    assert not consent(store, "999990108", LAB)
    assert not consent(store, "999990108", PS, LAB), "every class asked for must be allowed"


@pytest.mark.parametrize(("country", "named"), [("FR", True), ("BE", False)])
def test_a_patient_is_named_to_a_country_only_when_it_may_see_something(
    store: StoreConnector, country: str, named: bool
) -> None:
    asked = discovery(PatientSearch((mbo("999990108"),)), country)
    (person,) = asyncio.run(store.identify(asked))
    assert asyncio.run(store.consent(person_of(asked, person))) is named


@pytest.mark.parametrize(
    ("rules", "country", "expected"),
    [
        ([("*", "*", True)], "FR", True),
        ([("*", "*", False)], "FR", False),
        ([("*", "*", True), ("FR", "*", False)], "FR", False),
        ([("*", "*", True), ("FR", "*", False)], "BE", True),
        ([("*", "*", False), ("FR", "*", True)], "FR", True),
        ([("*", PS, True), ("FR", "*", False)], "FR", False),
        ([("*", PS, False), ("FR", "*", True)], "FR", True),
        ([("FR", "*", False), ("FR", PS, True)], "FR", True),
        ([("*", "*", True), ("*", PS, False)], "FR", False),
        ([("*", LAB, True)], "FR", False),
        ([], "FR", False),
    ],
)
def test_the_rule_that_says_most_decides(rules: list[tuple[str, str, bool]], country: str, expected: bool) -> None:
    assert allows([ConsentRule(*rule) for rule in rules], country, (PS,)) is expected


@given(
    st.lists(st.builds(ConsentRule, st.sampled_from(["*", "FR", "BE"]), st.sampled_from(["*", PS, LAB]), st.booleans()))
)
def test_nothing_is_allowed_that_no_rule_allows_and_order_does_not_matter(rules: list[ConsentRule]) -> None:
    for country in ("FR", "BE", "IE"):
        for classes in ((), (PS,), (LAB,), (PS, LAB)):
            answer = allows(rules, country, classes)
            assert answer == allows(rules[::-1], country, classes)
            if answer:
                assert any(rule.allow and rule.country in ("*", country) for rule in rules)
        assert allows(rules, country, (PS, LAB)) == (allows(rules, country, (PS,)) and allows(rules, country, (LAB,)))
