"""Remembers, for the time of a consultation, how the person confirmed in ITI-55 is called and when she was born.

A document fetched later is compared with it (``docs/iti-39.md``). Only keyed digests are kept: the file tells nobody
who was treated.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from ncp.storage.state import State
from ncp.wire.ids import II, CountryCode
from xca.delivered import family_words
from xcpd.messages import Person

REMEMBERED = timedelta(hours=4)
"""As long as the longest HCP assertion lives: after that the professional has to log in and identify again."""

_SHORT = 16
"""Bytes kept of each digest: enough to tell names apart, and to hold several in one entry."""
_DATES = (4, 6, 8)
"""Digits of a birth date that is known to the year, the month, the day."""


@dataclass(frozen=True, slots=True, repr=False)
class Confirmed:
    """Digests of the words of the family name and of the birth date, to each length, of one confirmed person."""

    dates: tuple[bytes, ...]
    words: frozenset[bytes]
    secret: bytes

    def __repr__(self) -> str:
        return "Confirmed(<redacted>)"

    def agrees(self, family: str, birth_date: str) -> bool:
        """Whether both family name and birth date are known on both sides and fit; anything less proves nothing.

        The words of one name are among those of the other (double names are cut in places); dates agree as far as
        both are known.
        """
        words = {self._digest(word) for word in family_words(family)}
        length = max((size for size in _DATES if size <= len(birth_date)), default=0)
        known = min(length, _DATES[len(self.dates) - 1]) if self.dates else 0
        if not words or not self.words or not known:
            return False
        date = self._digest(birth_date[:known])
        return date == self.dates[_DATES.index(known)] and (words <= self.words or self.words <= words)

    def differences(self, family: str, birth_date: str) -> tuple[str, ...]:
        """``name`` and ``birth`` where both sides know it and it does not fit: what a reader is warned of."""
        found = []
        words = {self._digest(word) for word in family_words(family)}
        if words and self.words and not (words <= self.words or self.words <= words):
            found.append("name")
        length = max((size for size in _DATES if size <= len(birth_date)), default=0)
        known = min(length, _DATES[len(self.dates) - 1]) if self.dates else 0
        if known and self._digest(birth_date[:known]) != self.dates[_DATES.index(known)]:
            found.append("birth")
        return tuple(found)

    def _digest(self, value: str) -> bytes:
        return _digest(self.secret, value)[:_SHORT]


class ConfirmedPersons:
    """Shared by all workers."""

    def __init__(self, state: State) -> None:
        self._table = state.table("confirmed")
        self._secret = state.secret

    def remember(self, country: CountryCode, person: Person, at: datetime) -> None:
        """The last confirmation of a person counts."""
        dates = [person.birth_date[:size] for size in _DATES if size <= len(person.birth_date)]
        parts = [_digest(self._secret, part)[:_SHORT] for part in (*dates, *sorted(family_words(person.family)))]
        self._table.put(
            self._key(country, person.id), bytes([len(dates)]) + b"".join(parts), until=at + REMEMBERED, at=at
        )

    def recall(self, country: CountryCode, patient: II, at: datetime) -> Confirmed | None:
        """The confirmation of this patient, or None when there was none within ``REMEMBERED``."""
        stored = self._table.get(self._key(country, patient), at=at)
        if stored is None:
            return None
        parts = [stored[start : start + _SHORT] for start in range(1, len(stored), _SHORT)]
        return Confirmed(tuple(parts[: stored[0]]), frozenset(parts[stored[0] :]), self._secret)

    def _key(self, country: CountryCode, patient: II) -> bytes:
        return _digest(self._secret, f"{country}\n{patient.root}\n{patient.extension}")


def _digest(secret: bytes, value: str) -> bytes:
    return hmac.new(secret, value.encode(), hashlib.sha256).digest()
