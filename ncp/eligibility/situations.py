"""What an evaluation gives, whatever the country: a person, the situations that pass, or the one reason why none does.

Also how texts of a directory are made fit for an assertion and a page.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ncp.eligibility.refusals import NotEligible, Refusal

TEXT_MAX = 250


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Situation:
    """A practice situation that passes every rule. ``profession`` is a code, ``role`` its ISCO code; ``place`` and
    ``address`` are for people, ``locality`` for the assertion. ``notes`` are stable names for the log."""

    id: str
    profession: str
    name: str
    role: str
    facility_type: str
    place: str
    address: str = ""
    organisation: str = ""
    organisation_id: str = ""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Situation({self.id})"

    @property
    def locality(self) -> str:
        """Organisation, then address, at most 250 characters."""
        return ", ".join(part for part in (self.place, self.address) if part)[:TEXT_MAX].strip(" ,")


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Evaluation:
    """``situations`` in the order of the directory; ``refusal`` is set when there is none, with ``rule`` the step that
    refused and ``profession`` the code of the profession it is about."""

    identifier: str
    name: str
    situations: tuple[Situation, ...] = ()
    refusal: Refusal | None = None
    rule: str = ""
    profession: str = ""

    def __repr__(self) -> str:
        return f"Evaluation({len(self.situations)} situations, {self.refusal})"

    def require(self) -> Evaluation:
        """Itself. Raises ``NotEligible`` when no situation passes, or when there is nothing to call the person by."""
        if self.refusal is not None:
            raise NotEligible(self.refusal, f"eligibility.{self.rule}", profession=self.profession)
        if not self.identifier:
            raise NotEligible(Refusal.UNREADABLE_CLAIMS, "claims.identifier")
        if not self.name or not all(each.name and each.locality for each in self.situations):
            raise NotEligible(Refusal.UNREADABLE_CLAIMS, "claims.name")
        return self


_LEFT_OUT = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))


def shown(text: str) -> str:
    """A text of a directory fit to be shown and signed: without control characters and marks that turn the direction
    of writing, blanks collapsed, at most 250 characters."""
    kept = "".join(" " if each.isspace() else each for each in text if each.isspace() or _fits(each))
    return " ".join(kept.split())[:TEXT_MAX].strip()


def _fits(character: str) -> bool:
    return unicodedata.category(character) not in _LEFT_OUT
