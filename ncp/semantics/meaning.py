"""Codes that turn the meaning of an entry round: refuted, known absent, suspected, not done.

Decided here once, so that no page can show as a fact what the document denies.
"""

from __future__ import annotations

from enum import StrEnum

from ncp.semantics.values import Coded


class Standing(StrEnum):
    STATED = "stated"
    SUSPECTED = "suspected"
    """Unconfirmed, provisional, differential or suspected."""
    DENIED = "denied"
    """Refuted, known absent, negated, not done."""


_DENIED = frozenset({"refuted", "410516002"})
"""Certainty ``refuted``; SNOMED CT known absent."""

_SUSPECTED = frozenset({"unconfirmed", "provisional", "differential", "415684004"})
"""Certainties of allergies and conditions; SNOMED CT suspected."""

NOT_DONE = frozenset({"cancelled", "nullified"})
"""Act status of what did not happen or should not have been recorded."""


def standing(negated: bool, *codes: Coded | None) -> Standing:
    """What is made of an entry by its negation, its certainty and its status; the strongest wins."""
    said = {code.code for code in codes if code is not None}
    if negated or said & _DENIED:
        return Standing.DENIED
    return Standing.SUSPECTED if said & _SUSPECTED else Standing.STATED
