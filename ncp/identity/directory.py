"""The directory of professionals: whether somebody still practises and has a card that is neither out nor opposed.

Reads a FHIR R4 search for ``Practitioner`` with the extension ``as-ext-smartcard`` (ansforge/IG-fhir-annuaire). How
an answer is fetched is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from ncp.eligibility.bounded_json import JsonRefused, read_object
from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.identity.fetching import FetchFailed

LARGEST = 1024 * 1024
_SMART_CARD = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-smartcard"


class Directory:
    """``fetch`` gives the answer to a search for an identifier."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch

    def check(self, identifier: str, at: datetime) -> None:
        """Raises ``NotEligible`` CARD_INVALID, or DIRECTORY_UNAVAILABLE when nothing is known: nobody gets in on it."""
        try:
            found = read_object(self._fetch(identifier), LARGEST)
        except (FetchFailed, JsonRefused):
            raise NotEligible(Refusal.DIRECTORY_UNAVAILABLE, "directory.unavailable") from None
        if found.get("resourceType") != "Bundle":
            raise NotEligible(Refusal.DIRECTORY_UNAVAILABLE, "directory.answer")
        persons = [each for each in _practitioners(found) if _has(each, identifier)]
        active = [each for each in persons if each.get("active") is True]
        if not active:
            raise NotEligible(Refusal.CARD_INVALID, "directory.inactive")
        cards = [card for each in active for card in _cards(each)]
        # Somebody who only ever used the application has no card in the directory.
        if cards and not any(_is_good(card, at.date()) for card in cards):
            raise NotEligible(Refusal.CARD_INVALID, "directory.card")


def _practitioners(bundle: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in _objects(bundle, "entry"):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "Practitioner":
            yield resource


def _has(practitioner: Mapping[str, Any], identifier: str) -> bool:
    return any(each.get("value") == identifier for each in _objects(practitioner, "identifier"))


def _cards(practitioner: Mapping[str, Any]) -> Iterator[dict[str, Mapping[str, Any]]]:
    for extension in _objects(practitioner, "extension"):
        if extension.get("url") == _SMART_CARD:
            yield {str(each.get("url")): each for each in _objects(extension, "extension")}


def _is_good(card: Mapping[str, Mapping[str, Any]], today: date) -> bool:
    opposed = _day(card.get("oppositionDate", {}), "valueDate", "valueDateTime")
    if opposed is not None and opposed <= today:
        return False
    period = card.get("period", {}).get("valuePeriod")
    if not isinstance(period, dict):
        return True
    begin, end = _day(period, "start"), _day(period, "end")
    return (begin is None or begin <= today) and (end is None or today <= end)


def _day(given: Mapping[str, Any], *names: str) -> date | None:
    """A day; one that cannot be read is the first there is: fail closed for an opposition, and for an end."""
    for name in names:
        value = given.get(name)
        if value is None:
            continue
        try:
            return date.fromisoformat(str(value)[:10])
        except ValueError:
            return date.min
    return None


def _objects(given: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = given.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
