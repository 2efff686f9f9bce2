"""The reasons for which somebody may not log in, and the error that carries one to the portal.

The texts people read stand in the rule file, by code and language (``docs/eligibility.md``).
"""

from __future__ import annotations

from enum import StrEnum

from ncp.wire.errors import Family, NcpError


class Refusal(StrEnum):
    """The codes; the value is the code on the wire."""

    AUTH_FAILED = "AUTH_FAILED"
    AUTH_CANCELLED = "AUTH_CANCELLED"
    """Said by portals only: the provider tells them that the person gave up."""
    AUTH_LEVEL = "AUTH_LEVEL"
    CARD_INVALID = "CARD_INVALID"
    NOT_A_PROFESSIONAL = "NOT_A_PROFESSIONAL"
    PROFESSION_NOT_ELIGIBLE = "PROFESSION_NOT_ELIGIBLE"
    STUDENT_NOT_ELIGIBLE = "STUDENT_NOT_ELIGIBLE"
    PHARMACIST_SECTION = "PHARMACIST_SECTION"
    OCCUPATIONAL_MEDICINE = "OCCUPATIONAL_MEDICINE"
    NO_PRACTICE_SITUATION = "NO_PRACTICE_SITUATION"
    NO_PRACTICE_MODE = "NO_PRACTICE_MODE"
    PLACE_INSUFFICIENT = "PLACE_INSUFFICIENT"
    PRIVATE_INSURANCE = "PRIVATE_INSURANCE"
    NON_CARE_ACTIVITY = "NON_CARE_ACTIVITY"
    DIRECTORY_UNAVAILABLE = "DIRECTORY_UNAVAILABLE"
    UNREADABLE_CLAIMS = "UNREADABLE_CLAIMS"


class NotEligible(NcpError):
    """Somebody who may not log in. ``profession`` is the code of the profession that the text names, for ``told``."""

    def __init__(
        self, refusal: Refusal, reason: str, *, profession: str = "", message: str = "", language: str = "en"
    ) -> None:
        super().__init__(refusal.value, reason, message=message)
        self.refusal = refusal
        self.profession = profession
        self.language = language

    @property
    def family(self) -> Family:
        return Family.PROFESSIONAL
