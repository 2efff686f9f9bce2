"""The sections of a level 3 patient summary: which there must be, and what each must have.

Sections are known by their LOINC code, as the document model knows them. Order is free.
"""

from __future__ import annotations

from ncp.semantics.model import MANDATORY, SectionKind
from ncp.semantics.validation.own.rules import ERROR, INFORMATION, WARNING, PathRule, Rule

_CDA = "CDA R2 4.3.2"
_PS = "eHDSI 1.3"

MISSING: dict[SectionKind, Rule] = {
    kind: Rule(
        f"section.{kind.value}.missing",
        ERROR,
        f"The mandatory section {name} ({code}) is missing.",
        f"{_PS}; {template}",
    )
    for kind, name, code, template in (
        (SectionKind.ALLERGIES, "allergies and adverse reactions", "48765-2", "2.12"),
        (SectionKind.PROBLEMS, "active problems", "11450-4", "2.9"),
        (SectionKind.MEDICATION, "medication summary", "10160-0", "2.3"),
        (SectionKind.DEVICES, "medical devices and implants", "46264-8", "2.4"),
        (SectionKind.PROCEDURES, "history of procedures", "47519-4", "2.11"),
    )
}
"""By kind of section; the five that every summary has."""

SECTION: tuple[PathRule, ...] = (
    PathRule(
        "section.code.missing",
        ERROR,
        "A section has no code, so nobody can tell what it is about.",
        _CDA,
        "self::*[not(h:code/@code)]",
    ),
    PathRule(
        "section.title.missing",
        ERROR,
        "A section has no title.",
        _PS,
        "self::*[not(h:title[@nullFlavor or normalize-space(.)])]",
    ),
    PathRule(
        "section.text.missing",
        ERROR,
        "A section has no narrative for people: text is missing.",
        f"{_PS}; CDA R2 4.3.5",
        "self::*[not(h:text)]",
    ),
    PathRule(
        "section.text.empty",
        WARNING,
        "The narrative of a section has no word in it.",
        "CDA R2 4.3.5",
        "h:text[not(normalize-space(.))][not(@nullFlavor)]",
    ),
    PathRule(
        "section.template.missing", INFORMATION, "A section has no templateId.", _PS, "self::*[not(h:templateId/@root)]"
    ),
    PathRule(
        "section.nested",
        INFORMATION,
        "A section stands inside a section; the profile has none.",
        _PS,
        "h:component/h:section",
    ),
    PathRule(
        "entry.empty",
        ERROR,
        "An entry has nothing in it.",
        _CDA,
        "h:entry[not(@nullFlavor)][not(h:act or h:encounter or h:observation or h:observationMedia or h:organizer"
        " or h:procedure or h:regionOfInterest or h:substanceAdministration or h:supply)]",
    ),
)
"""About every section."""

NO_ENTRY = Rule(
    "section.entry.missing",
    ERROR,
    "A mandatory section has no entry: it must say that nothing is known, or that there is nothing.",
    f"{_PS}; IPS absent and unknown data",
)
ONLY_ABSENT = Rule(
    "section.contradiction",
    WARNING,
    "A section says that there is nothing, or that nothing is known, and has other entries beside it.",
    "IPS absent and unknown data",
)
REPEATED = Rule("section.repeated", INFORMATION, "This section stands more than once.", _PS)
UNKNOWN = Rule("section.unknown", INFORMATION, "The profile has no section of this code.", "eHDSI value set 42.26")
SECTION_SYSTEM = Rule(
    "section.code.system", ERROR, "The code of a section is not a LOINC code.", "eHDSI value set 42.26"
)

SINGLE: tuple[Rule, ...] = (*MISSING.values(), NO_ENTRY, ONLY_ABSENT, REPEATED, UNKNOWN, SECTION_SYSTEM)
"""Rules that need more than one path."""

NEEDS_ENTRY = frozenset(MANDATORY)
