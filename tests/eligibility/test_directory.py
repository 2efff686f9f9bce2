"""The directory of professionals: cards out of their time or opposed, persons who do not practise, no answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.identity.directory import Directory
from ncp.identity.fetching import FetchFailed

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
NUMBER = "810101201234"
CARD = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-smartcard"


def card(*, start: str = "2024-02-21", end: str = "2027-02-21", opposed: Any = None) -> dict[str, Any]:
    """A card as the example of ansforge/IG-fhir-annuaire has it."""
    parts: list[dict[str, Any]] = [
        {"url": "type", "valueCodeableConcept": {"coding": [{"code": "CPS"}]}},
        {"url": "number", "valueString": "3100345668"},
        {"url": "period", "valuePeriod": {"start": start, "end": end}},
    ]
    if opposed is not None:
        parts.append({"url": "oppositionDate", "valueDateTime": opposed})
    return {"url": CARD, "extension": parts}


def practitioner(*cards: dict[str, Any], active: Any = True, number: str = NUMBER) -> dict[str, Any]:
    return {
        "resourceType": "Practitioner",
        "extension": list(cards),
        "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": number}],
        "active": active,
    }


def bundle(*found: dict[str, Any]) -> bytes:
    entries = [{"resource": each} for each in found]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()


GOOD = {
    "a card in its time": bundle(practitioner(card())),
    "no card, the application only": bundle(practitioner()),
    "an old card and a new one": bundle(practitioner(card(end="2025-01-01"), card())),
    "opposed from tomorrow": bundle(practitioner(card(opposed="2026-11-26"))),
    "the last day": bundle(practitioner(card(end="2026-11-25"))),
}
INVALID = {
    "43 opposed yesterday": bundle(practitioner(card(opposed="2026-11-24"))),
    "opposed at an unreadable time": bundle(practitioner(card(opposed="soon"))),
    "out of its time": bundle(practitioner(card(end="2026-11-24"))),
    "not yet": bundle(practitioner(card(start="2026-11-26"))),
    "not active": bundle(practitioner(card(), active=False)),
    "active as text": bundle(practitioner(card(), active="true")),
    "nobody": bundle(),
    "somebody else": bundle(practitioner(card(), number="810101201235")),
}
UNAVAILABLE = [b"", b"<html>", b'{"resourceType": "OperationOutcome"}', b"[" * 100_000]


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
def test_who_practises_gets_in(answer: bytes) -> None:
    Directory(lambda identifier: answer).check(NUMBER, AT)


@pytest.mark.parametrize("answer", INVALID.values(), ids=INVALID)
def test_43_an_invalid_card_is_refused(answer: bytes) -> None:
    with pytest.raises(NotEligible) as refused:
        Directory(lambda identifier: answer).check(NUMBER, AT)
    assert refused.value.refusal is Refusal.CARD_INVALID


@pytest.mark.parametrize("answer", UNAVAILABLE)
def test_43_an_answer_that_is_none_lets_nobody_in(answer: bytes) -> None:
    with pytest.raises(NotEligible) as refused:
        Directory(lambda identifier: answer).check(NUMBER, AT)
    assert refused.value.refusal is Refusal.DIRECTORY_UNAVAILABLE


def test_43_without_an_answer_nobody_gets_in() -> None:
    def down(identifier: str) -> bytes:
        raise FetchFailed("connect")

    with pytest.raises(NotEligible) as refused:
        Directory(down).check(NUMBER, AT)
    assert refused.value.refusal is Refusal.DIRECTORY_UNAVAILABLE
