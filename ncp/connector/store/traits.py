"""Whether identity traits belong to a person. Pure; knows nothing of the database.

With an identifier, what else is given must not contradict the person. Without one, everything given must be the
person's, and enough must be given (``is_enough``). Rules, also in ``docs/connector.md``:

* birth date: digit by digit as far as both sides have digits (``1970`` fits ``19700409``);
* gender: equal where both sides have one;
* names: without regard to case, accents, hyphens and order; one side may have more names than the other (``Ana`` fits
  ``Ana Marija``); names in different scripts cannot be compared and do not contradict;
* postal code, city and country: equal in the same sense. The street is not compared: nobody spells it twice the same.
  A country without any other part of an address is no trait: gateways write there the country they ask (OpenNCP).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from xcpd.messages import PatientSearch, Person

MAXIMUM_IDENTIFIERS = 20
"""Of one patient; so nobody can have more than these."""

_DATE = re.compile(r"(?:\d{4}|\d{6}|\d{8})(?!\d)", re.ASCII)
_TIME = re.compile(r"\d{8}\d{2,6}(?:\.\d+)?(?:[+-]\d{4})?", re.ASCII)
# Letters that Unicode does not take apart, as the passport spells them (ICAO 9303-3, table A).
_LETTERS = str.maketrans({"ß": "ss", "đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})


def is_enough(search: PatientSearch) -> bool:
    """Whether the traits can name one person: an identifier, or family name, given name and the whole birth date."""
    return bool(search.identifiers) or bool(
        search.family and search.given and len(birth_digits(search.birth_date) or "") == 8
    )


def contradicts(search: PatientSearch, person: Person, other_names: Iterable[tuple[str, str]]) -> bool:
    """Whether any trait of the search, beside the identifiers, cannot be this person's."""
    names = [(person.family, person.given), *other_names]
    asked, known = search.address, person.address
    is_address = bool(asked.street or asked.city or asked.postal_code)
    return (
        _other_date(search.birth_date, person.birth_date)
        or _other(search.gender, person.gender)
        or _other_names(search, names)
        or _other(asked.postal_code, known.postal_code)
        or _other(asked.city, known.city)
        or (is_address and _other(asked.country, known.country))
    )


def is_this_person(search: PatientSearch, person: Person, other_names: Iterable[tuple[str, str]]) -> bool:
    """Whether every trait of a search without identifiers is known to be this person's."""
    names = [(person.family, person.given), *other_names]
    return (
        birth_digits(search.birth_date) == person.birth_date
        and _words(search.gender) in ([], _words(person.gender))
        and any(_is_name(search.family, family) and _is_name(search.given, given) for family, given in names)
        and not contradicts(search, person, other_names)
    )


def birth_digits(text: str) -> str | None:
    """``yyyy``, ``yyyyMM`` or ``yyyyMMdd`` of an HL7 time; empty for empty, None for what is no date."""
    text = text.strip()
    if not text:
        return ""
    if _DATE.fullmatch(text):
        return text
    return text[:8] if _TIME.fullmatch(text) else None


def _other_date(asked: str, known: str) -> bool:
    digits = birth_digits(asked)
    if digits is None:
        return True
    return not (digits.startswith(known) or known.startswith(digits))


def _other(asked: str, known: str) -> bool:
    left, right = "".join(_words(asked)), "".join(_words(known))
    return bool(left and right) and left != right


def _other_names(search: PatientSearch, names: Iterable[tuple[str, str]]) -> bool:
    """None of the names that can be compared is the one asked for."""
    verdicts = [
        {_same_name(search.family, family), _same_name(search.given, given)} - {None} for family, given in names
    ]
    return {True} not in verdicts and any(False in verdict for verdict in verdicts)


def _same_name(asked: str, known: str) -> bool | None:
    """None where there is nothing to compare: no name, or another script."""
    left, right = _words(asked), _words(known)
    if not left or not right or _scripts(left).isdisjoint(_scripts(right)):
        return None
    return set(left) <= set(right) or set(right) <= set(left)


def _is_name(asked: str, known: str) -> bool:
    left, right = _words(asked), _words(known)
    return bool(left) and set(left) <= set(right)


def _words(text: str) -> list[str]:
    """The words of a name, folded: ``Šimić-Đurić`` → ``simic``, ``duric``."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    letters = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c) and c not in "'’")
    return letters.split()


def _scripts(words: list[str]) -> set[str]:
    """The scripts of the letters: ``LATIN``, ``GREEK``, ``CYRILLIC`` … (first word of the character's name)."""
    return {unicodedata.name(c, "?").split()[0] for word in words for c in word if c.isalpha()}
