"""What a document says is not there, or not known: four meanings that must never be taken for each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ncp.semantics.values import Coded, Datum, Place

ABSENT_SYSTEM = "2.16.840.1.113883.5.1150.1"
"""IPS absent and unknown data."""

SNOMED_CT = "2.16.840.1.113883.6.96"


class AbsenceKind(StrEnum):
    KNOWN_ABSENCE = "known_absence"
    """There is none, says the country."""
    NO_INFORMATION = "no_information"
    """The country does not know whether there is one. This is not "none"."""
    NONE_RECORDED = "none_recorded"
    """The section is there and has no entry."""
    WITHHELD = "withheld"
    """There is something, and it is not shown to us."""
    UNCLEAR = "unclear"
    """The code is not known here, or there is a null flavour with words beside it that may name something after all:
    the words have to be read."""


@dataclass(frozen=True, slots=True, repr=False)
class Absence(Datum):
    """``scope`` is empty for all that the section is about, else what alone is absent (``food``, ``medication``,
    ``environmental``: nothing is said of the others); ``statement`` its words in the document."""

    kind: AbsenceKind
    scope: str = ""
    statement: Coded | None = None
    null_flavor: str = ""


# SNOMED CT, as documents before the absence code system used it: no known allergies (two concepts), no current problems
# or disability; drug treatment unknown.
_SNOMED = {
    "160244002": AbsenceKind.KNOWN_ABSENCE,
    "716186003": AbsenceKind.KNOWN_ABSENCE,
    "160245001": AbsenceKind.KNOWN_ABSENCE,
    "182904002": AbsenceKind.NO_INFORMATION,
}

_KNOWN = {
    "no-known-allergies": "",
    "no-known-medication-allergies": "medication",
    "no-known-environmental-allergies": "environmental",
    "no-known-food-allergies": "food",
    "no-known-medications": "",
    "no-known-problems": "",
    "no-known-procedures": "",
    # Misspelt in the EU reference data of Wave 3.
    "no-known-procedure": "",
    "no-known-devices": "",
}

_NO_INFORMATION = frozenset(
    {"no-allergy-info", "no-medication-info", "no-problem-info", "no-procedure-info", "no-device-info"}
)


def stated(code: Coded | None) -> Absence | None:
    """The absence that a code states; None for a code of something that is there."""
    if code is None:
        return None
    if code.system == ABSENT_SYSTEM:
        if code.code in _KNOWN:
            return Absence(code.place, AbsenceKind.KNOWN_ABSENCE, _KNOWN[code.code], code)
        kind = AbsenceKind.NO_INFORMATION if code.code in _NO_INFORMATION else AbsenceKind.UNCLEAR
        return Absence(code.place, kind, "", code, code.null_flavor)
    if code.system == SNOMED_CT and code.code in _SNOMED:
        return Absence(code.place, _SNOMED[code.code], "", code)
    return None


_NULL_KINDS = {
    "MSK": AbsenceKind.WITHHELD,
    "NI": AbsenceKind.NO_INFORMATION,
    "UNK": AbsenceKind.NO_INFORMATION,
    "ASKU": AbsenceKind.NO_INFORMATION,
    "NASK": AbsenceKind.NO_INFORMATION,
    "NAV": AbsenceKind.NO_INFORMATION,
}


def nothing_but(place: Place, null_flavor: str, *, said: bool, statement: Coded | None = None) -> Absence:
    """The absence of an entry that has a null flavour where its content would be.

    ``said``: it has words of its own beside it. They may name something, so that it is not taken for "nothing".
    """
    kind = _NULL_KINDS.get(null_flavor, AbsenceKind.UNCLEAR)
    if said and kind is AbsenceKind.NO_INFORMATION:
        kind = AbsenceKind.UNCLEAR
    return Absence(place, kind, "", statement, null_flavor)
