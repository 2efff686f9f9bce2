"""Remembers, for the time of a consultation, how the person confirmed in ITI-55 is called and when she was born.

A document fetched later is compared with it (``docs/iti-39.md``). Only keyed digests are kept: the file tells nobody who
was treated.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from ncp.storage.state import StateDatabase
from ncp.wire.ids import II, CountryCode
from xcpd.messages import Person

REMEMBERED = timedelta(hours=4)
"""As long as the longest HCP assertion lives: after that the professional has to log in and identify again."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Digests of family name and birth date of one confirmed person."""

    family: bytes
    birth_date: bytes
    secret: bytes

    def contradicts(self, family: str, birth_date: str) -> bool:
        """Whether a document's family name or birth date is another one. What a side does not say contradicts nothing."""
        return self._differs(self.family, _name(family)) or self._differs(self.birth_date, birth_date[:8])

    def _differs(self, remembered: bytes, value: str) -> bool:
        return bool(remembered and value) and not hmac.compare_digest(remembered, _digest(self.secret, value))


class ConfirmedPersons:
    """Shared by all workers through the state database."""

    def __init__(self, state: StateDatabase) -> None:
        self._state = state
        state.connection.execute(
            "CREATE TABLE IF NOT EXISTS confirmed ("
            "person BLOB PRIMARY KEY, family BLOB NOT NULL, birth_date BLOB NOT NULL, until REAL NOT NULL)"
        )

    def remember(self, country: CountryCode, person: Person, at: datetime) -> None:
        """The last confirmation of a person counts; entries past their time are dropped on the way."""
        secret = self._state.secret
        birth_date = person.birth_date[:8]
        self._state.connection.execute("DELETE FROM confirmed WHERE until < ?", (at.timestamp(),))
        self._state.connection.execute(
            "INSERT OR REPLACE INTO confirmed VALUES (?, ?, ?, ?)",
            (
                self._key(country, person.id),
                _digest(secret, _name(person.family)) if person.family else b"",
                _digest(secret, birth_date) if birth_date else b"",
                (at + REMEMBERED).timestamp(),
            ),
        )

    def recall(self, country: CountryCode, patient: II, at: datetime) -> Confirmed | None:
        """The confirmation of this patient, or None when there was none within ``REMEMBERED``."""
        row = self._state.connection.execute(
            "SELECT family, birth_date FROM confirmed WHERE person = ? AND until >= ?",
            (self._key(country, patient), at.timestamp()),
        ).fetchone()
        return Confirmed(row[0], row[1], self._state.secret) if row else None

    def _key(self, country: CountryCode, patient: II) -> bytes:
        return _digest(self._state.secret, f"{country}\n{patient.root}\n{patient.extension}")


def _name(name: str) -> str:
    """Names compared without regard to case, accents and blanks: countries write them differently in two systems."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def _digest(secret: bytes, value: str) -> bytes:
    return hmac.new(secret, value.encode(), hashlib.sha256).digest()
