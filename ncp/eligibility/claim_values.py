"""Values of claims, whoever wrote them: what a text is, and the refusal of anything else.

Knows JSON's types only; which claim means what is for ``practices`` and ``plain_claims``.
"""

from __future__ import annotations

from typing import Any

from ncp.eligibility.refusals import NotEligible, Refusal

TEXT_MAX = 4000
"""Characters of one claim."""


def text_of(value: Any) -> str:
    """A claim as text; empty where it is absent, and providers write numbers for codes. Raises ``NotEligible``
    UNREADABLE_CLAIMS for any other type, and for a text that is too long."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise unreadable()
    return value


def unreadable() -> NotEligible:
    """The refusal of claims of an unknown form."""
    return NotEligible(Refusal.UNREADABLE_CLAIMS, "claims.form")
