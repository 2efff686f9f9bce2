"""What a transformation has to report, in the numbers and classes of the network's transformation service.

The same number means different things in the two families, so a problem always carries its family. Numbers and classes:
``eHDSI_ehealth:epsos-common`` ``TMError`` and ``TSAMError``; the meaning of each is in ``docs/transformation.md``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Family(StrEnum):
    """Who reports: the transformation of the document, or the look-up of one code."""

    TM = "TM"
    TSAM = "TSAM"


PROCESSING = "4500"

# TM
HEADER_NOT_CONFORMING = "4502"
INPUT_NOT_CONFORMING = "4507"
REQUIRED_NOT_TRANSCODED = "4505"
DOCUMENT_CODE_MISSING = "4509"
DOCUMENT_CODE_UNKNOWN = "4510"
REQUIRED_MISSING = "4511"
REQUIRED_NOT_TRANSLATED = "4512"
BASE64 = "4513"
UNKNOWN_LANGUAGE = "2505"
NO_CODED_ELEMENTS = "2506"
NOT_A_CODED_TYPE = "2507"
ATTRIBUTES_MISSING = "2508"

# TSAM
SYSTEM_UNKNOWN = "4501"
VERSION_UNKNOWN = "4502"
CONCEPT_UNKNOWN = "4503"
TARGET_UNKNOWN = "4504"
NO_DESIGNATION = "4505"
MAPPING_INVALID = "4509"
NO_CURRENT_DESIGNATION = "4510"
SEVERAL_DESIGNATIONS = "2506"
OUTSIDE_VALUE_SET = "2507"
SYSTEM_NAME_DIFFERS = "2508"
CONCEPT_NOT_CURRENT = "2509"

_TEXTS = {
    (Family.TM, PROCESSING): "Processing error (sw failure)",
    (Family.TM, HEADER_NOT_CONFORMING): "Not conforming input CDA Header",
    (Family.TM, REQUIRED_NOT_TRANSCODED): "Required coded element was not transcoded",
    (Family.TM, INPUT_NOT_CONFORMING): "Not conforming input CDA",
    (Family.TM, DOCUMENT_CODE_MISSING): "CDA Document code missing",
    (Family.TM, DOCUMENT_CODE_UNKNOWN): "Unknown CDA Document code",
    (Family.TM, REQUIRED_MISSING): "Required coded element missing",
    (Family.TM, REQUIRED_NOT_TRANSLATED): "Required coded element was not translated",
    (Family.TM, BASE64): "Problem with decoding Base64 String to DOM Document",
    (Family.TM, UNKNOWN_LANGUAGE): "Unknown Target Language",
    (Family.TM, NO_CODED_ELEMENTS): "Configuration Coded Element List is Empty",
    (Family.TM, NOT_A_CODED_TYPE): "Element does not have a proper type",
    (Family.TM, ATTRIBUTES_MISSING): "Some mandatory attributes (code, codeSystem) are missing",
    (Family.TM, "2401"): "XSD validation of input document failed",
    (Family.TM, "2402"): "Schematron validation of input document failed",
    (Family.TM, "2403"): "MDA validation of input document failed",
    (Family.TM, "2404"): "XSD validation of output document failed",
    (Family.TM, "2405"): "Schematron validation of output document failed",
    (Family.TM, "2406"): "MDA validation of output document failed",
    (Family.TSAM, PROCESSING): "Processing error (sw failure)",
    (Family.TSAM, SYSTEM_UNKNOWN): "Code System not found",
    (Family.TSAM, VERSION_UNKNOWN): "Code System Version not found",
    (Family.TSAM, CONCEPT_UNKNOWN): "Code System Concept not found",
    (Family.TSAM, TARGET_UNKNOWN): "Target Code System Concept not found",
    (Family.TSAM, NO_DESIGNATION): "Designation for Code System Concept not found",
    (Family.TSAM, MAPPING_INVALID): "Transcoding Association is invalid",
    (Family.TSAM, NO_CURRENT_DESIGNATION): 'No Designations with STATUS="Current" found',
    (Family.TSAM, SEVERAL_DESIGNATIONS): (
        'More than one Display Name was found in status "Current" and none of them has IS_PREFERRED tag set'
    ),
    (Family.TSAM, OUTSIDE_VALUE_SET): "ValueSet doesn't match for selected CodeSystemConcept",
    (Family.TSAM, SYSTEM_NAME_DIFFERS): "CodeSystem name doesn't match provided name",
    (Family.TSAM, CONCEPT_NOT_CURRENT): 'Concept STATUS is not "Current"',
}
"""Texts as the service sends them: partners and portals compare them."""

_SHOWN = 80


class Problem(NamedTuple):
    """One error or warning. ``context`` names codes, code systems and places of the document, never a person."""

    family: Family
    code: str
    context: str = ""

    @property
    def text(self) -> str:
        return _TEXTS[self.family, self.code]

    @property
    def wire_class(self) -> str:
        """``TMError``, ``TMErrorCtx``, ``TSAMError`` or ``TSAMErrorCtx``."""
        return f"{self.family}Error{'Ctx' if self.context else ''}"


def tm(code: str, context: str = "") -> Problem:
    return Problem(Family.TM, code, context)


def tsam(code: str, context: str) -> Problem:
    return Problem(Family.TSAM, code, context)


def code_context(system: str, code: str) -> str:
    """A code for people who look for it; what a document puts there may be of any length and kind."""
    return f"codeSystem {_shown(system)}, code {_shown(code)}"


def names_context(known: str, said: str) -> str:
    """Two names of one code system that differ."""
    return f"{_shown(known)} != {_shown(said)}"


def _shown(text: str) -> str:
    plain = text if text.isprintable() else "".join(character for character in text if character.isprintable())
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"
