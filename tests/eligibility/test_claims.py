"""The second kind of rules: a provider that states the profession itself (``config/eligibility/ie.toml``)."""

from __future__ import annotations

from typing import Any

import pytest

from ncp.eligibility.evaluation import evaluate
from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.eligibility.rules import read_rules
from tests.support.logins import ROOT

RULES = read_rules((ROOT / "config/eligibility/ie.toml").read_bytes())
NURSE = {
    "sub": "1",
    "registration_number": "NMBI-0001",
    "given_name": "Aoife",
    "family_name": "Example",
    "profession": "nurse",
    "facility_type": "hospital",
    "organisation": "Example Hospital",
    "organisation_id": "urn:oid:1.2.3",
    "organisation_address": {"street": "1 Quay", "locality": "Cork"},
}


def told(claims: dict[str, Any], token: dict[str, Any] | None = None) -> Any:
    try:
        found = evaluate(token or {}, claims, RULES).require()
    except NotEligible as refused:
        return refused.refusal
    return [(each.id, each.role, each.facility_type, each.locality) for each in found.situations]


def test_claims_make_a_situation() -> None:
    assert told(NURSE) == [("0", "2221", "Hospital", "Example Hospital, 1 Quay Cork")]
    found = evaluate({}, NURSE, RULES)
    assert (found.identifier, found.name) == ("NMBI-0001", "Aoife Example")
    assert found.situations[0].organisation_id == "urn:oid:1.2.3"
    assert RULES.profession("NURSE", "en-IE") == "Nurse"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"profession": None}, Refusal.NOT_A_PROFESSIONAL),
        ({"profession": " "}, Refusal.NOT_A_PROFESSIONAL),
        ({"profession": "optician"}, Refusal.PROFESSION_NOT_ELIGIBLE),
        ({"organisation": None}, Refusal.PLACE_INSUFFICIENT),
        ({"organisation": "N/A"}, Refusal.PLACE_INSUFFICIENT),
        ({"organisation_address": None}, Refusal.PLACE_INSUFFICIENT),
        ({"organisation_address": "Quay"}, Refusal.UNREADABLE_CLAIMS),
        ({"profession": ["nurse"]}, Refusal.UNREADABLE_CLAIMS),
        ({"practices": {"profession": "nurse"}}, Refusal.UNREADABLE_CLAIMS),
        ({"practices": [{}] * 201}, Refusal.UNREADABLE_CLAIMS),
        ({"registration_number": "", "preferred_username": ""}, Refusal.UNREADABLE_CLAIMS),
    ],
    ids=str,
)
def test_who_is_refused(change: dict[str, Any], expected: Refusal) -> None:
    assert told(NURSE | change) == expected


def test_what_is_signed_comes_first() -> None:
    found = evaluate({"profession": "doctor", "name": "Aoife Signed"}, NURSE, RULES)
    assert (found.situations[0].role, found.name) == ("221", "Aoife Signed")


def test_several_situations_are_told_by_a_list() -> None:
    practices = [
        {"profession": "optician"},
        {"facility_type": "Practice", "organisation": "Surgery"},
        {},
    ]
    claims = NURSE | {"practices": practices}
    assert told(claims) == [
        ("1", "2221", "Resident Physician", "Surgery, 1 Quay Cork"),
        ("2", "2221", "Hospital", "Example Hospital, 1 Quay Cork"),
    ]


def test_a_facility_that_the_list_does_not_know_is_other_and_noted() -> None:
    (found,) = evaluate({}, NURSE | {"facility_type": "space station"}, RULES).situations
    assert (found.facility_type, found.notes) == ("Other", ("facility.unlisted",))
