"""The entries of each section: what they cannot do without, and what a reader of them needs.

An entry is known by its element and ``typeCode`` path, a nested observation by its code: older documents carry other
templates. An entry that says "none" or "not known" is asked for no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping

from ncp.semantics.absence import ABSENT_SYSTEM
from ncp.semantics.model import SectionKind
from ncp.semantics.validation.own.rules import ERROR, WARNING, PathRule

_CODED = "@code or @nullFlavor"
_REAL = f"not(h:value/@codeSystem='{ABSENT_SYSTEM}') and not(h:code/@codeSystem='{ABSENT_SYSTEM}')"

# Concerns: allergies, problems, past illness

_CONCERN = "h:entry/h:act"
# Some write the severity, the status or the source of information beside what it is of.
_BESIDE = "@code='SEV' or @code='33999-4' or @code='11323-3' or @code='66455-7' or @code='82606-5' or @code='48766-0'"
_STATED = f"{_CONCERN}/h:entryRelationship[@typeCode='SUBJ']/h:observation[not(h:code[{_BESIDE}])]"


def _expects(kind: str, elements: str, source: str, *names: str) -> PathRule:
    allowed = " or ".join(f"self::h:{name}" for name in names)
    return PathRule(
        f"{kind}.entry.kind",
        WARNING,
        f"An entry of this section is not {elements}.",
        source,
        f"h:entry/*[not({allowed})][not(self::h:templateId)]",
    )


def _concern(kind: str, name: str, source: str, inner: str) -> tuple[PathRule, ...]:
    """What the act round an allergy or a problem must have."""
    return (
        _expects(kind, "an act", source, "act"),
        PathRule(
            f"{kind}.concern.id",
            WARNING,
            f"The concern of {name} has no id.",
            source,
            f"{_CONCERN}[not(h:id[@root or @nullFlavor])]",
        ),
        PathRule(
            f"{kind}.concern.status",
            WARNING,
            f"The concern of {name} has no statusCode of active, suspended, aborted, completed.",
            source,
            f"{_CONCERN}[not(h:statusCode[@code='active' or @code='suspended' or @code='aborted' or"
            " @code='completed'])]",
        ),
        PathRule(
            f"{kind}.concern.time",
            WARNING,
            f"The concern of {name} has no effectiveTime.",
            source,
            f"{_CONCERN}[not(h:effectiveTime)]",
        ),
        PathRule(
            f"{kind}.concern.end",
            WARNING,
            f"The concern of {name} is over (completed, aborted) and has no end, not even as unknown.",
            source,
            f"{_CONCERN}[h:statusCode[@code='completed' or @code='aborted']][h:effectiveTime/h:low]"
            "[not(h:effectiveTime/h:high)]",
        ),
        PathRule(
            f"{kind}.concern.ended",
            WARNING,
            f"The concern of {name} is active and has an end.",
            source,
            f"{_CONCERN}[h:statusCode/@code='active'][h:effectiveTime/h:high/@value]",
        ),
        PathRule(
            f"{kind}.missing",
            ERROR,
            f"A concern holds no {name}: no observation of typeCode SUBJ.",
            source,
            f"{_CONCERN}[not(h:entryRelationship[@typeCode='SUBJ']/h:observation)]",
        ),
        PathRule(
            f"{kind}.id",
            WARNING,
            f"{name.capitalize()} without id.",
            inner,
            f"{_STATED}[not(h:id[@root or @nullFlavor])]",
        ),
        PathRule(
            f"{kind}.code",
            ERROR,
            f"{name.capitalize()} without code of its kind.",
            inner,
            f"{_STATED}[not(h:code[{_CODED}])]",
        ),
        PathRule(
            f"{kind}.status",
            WARNING,
            f"The statusCode of {name} is missing.",
            inner,
            f"{_STATED}[not(h:statusCode[{_CODED}])]",
        ),
        PathRule(
            f"{kind}.time",
            WARNING,
            f"{name.capitalize()} without effectiveTime.",
            inner,
            f"{_STATED}[not(h:effectiveTime)]",
        ),
    )


def _qualified(kind: str, what: str, code: str, source: str) -> PathRule:
    """A nested observation must say its value."""
    return PathRule(
        f"{kind}.{what}.value",
        ERROR,
        f"An observation of {what} has no value, not even a null flavour.",
        source,
        f"{_STATED}/h:entryRelationship/h:observation[h:code/@code='{code}']"
        "[not(h:value[@code or @nullFlavor or @value])]",
    )


_REACTION = f"{_STATED}/h:entryRelationship[@typeCode='MFST']/h:observation"
_AGENT = "h:participant[@typeCode='CSM']/h:participantRole/h:playingEntity"

_ALLERGIES = (
    *_concern("allergy", "an allergy", "eHDSI 3.16", "eHDSI 3.17"),
    PathRule(
        "allergy.agent.missing",
        ERROR,
        "An allergy does not say to what: no participant CSM with a playingEntity.",
        "eHDSI 3.17",
        f"{_STATED}[{_REAL}][not({_AGENT})]",
    ),
    PathRule(
        "allergy.agent.code",
        ERROR,
        "The agent of an allergy has no code, not even a null flavour.",
        "eHDSI 3.17",
        f"{_STATED}/{_AGENT}[not(h:code[{_CODED}])]",
    ),
    PathRule(
        "allergy.reaction.value",
        ERROR,
        "A reaction has no value, not even a null flavour.",
        "eHDSI 3.44",
        f"{_REACTION}[not(h:value[@code or @nullFlavor or @value])]",
    ),
    PathRule(
        "allergy.reaction.code",
        WARNING,
        "A reaction has no code of its kind.",
        "eHDSI 3.44",
        f"{_REACTION}[not(h:code[{_CODED}])]",
    ),
    PathRule(
        "allergy.reaction.time",
        WARNING,
        "A reaction has no effectiveTime.",
        "eHDSI 3.44",
        f"{_REACTION}[not(h:effectiveTime)]",
    ),
    PathRule(
        "allergy.severity.value",
        ERROR,
        "An observation of severity has no value, not even a null flavour.",
        "eHDSI 3.8",
        f"{_REACTION}/h:entryRelationship/h:observation[h:code/@code='SEV'][not(h:value[{_CODED}])] |"
        f" {_STATED}/h:entryRelationship/h:observation[h:code/@code='SEV'][not(h:value[{_CODED}])]",
    ),
    _qualified("allergy", "criticality", "82606-5", "eHDSI 3.33"),
    _qualified("allergy", "certainty", "66455-7", "eHDSI 3.35"),
    _qualified("allergy", "clinical-status", "33999-4", "eHDSI 3.34"),
)


def _problems(kind: str, name: str) -> tuple[PathRule, ...]:
    return (
        *_concern(kind, name, "eHDSI 3.15", "eHDSI 3.7"),
        PathRule(
            f"{kind}.value",
            ERROR,
            f"{name.capitalize()} without value: it does not say which.",
            "eHDSI 3.7",
            f"{_STATED}[not(h:value[@code or @nullFlavor or @value or normalize-space(.)])]",
        ),
        _qualified(kind, "severity", "SEV", "eHDSI 3.8"),
        _qualified(kind, "certainty", "66455-7", "eHDSI 3.49"),
        _qualified(kind, "clinical-status", "33999-4", "eHDSI 3.9"),
        _qualified(kind, "outcome", "11323-3", "eHDSI 3.10"),
    )


# Medication

_GIVEN = "h:entry/h:substanceAdministration"
_MATERIAL = "h:consumable/h:manufacturedProduct/h:manufacturedMaterial"
_SUBSTANCE = f"{_GIVEN}[not(h:code/@codeSystem='{ABSENT_SYSTEM}')]/{_MATERIAL}"
_INGREDIENT = f"{_SUBSTANCE}/*[@classCode='ACTI'][self::p:ingredient or self::e:ingredient]"
_INNER = "*[self::p:ingredientSubstance or self::p:ingredient or self::e:ingredient or self::e:ingredientSubstance]"
_STRENGTH = "*[self::p:quantity or self::e:quantity]"

_MEDICATION = (
    _expects("medication", "a substanceAdministration", "eHDSI 2.3", "substanceAdministration"),
    PathRule(
        "medication.id", ERROR, "A medicine has no id.", "eHDSI 3.4", f"{_GIVEN}[not(h:id[@root or @nullFlavor])]"
    ),
    PathRule(
        "medication.status",
        ERROR,
        "A medicine has no statusCode.",
        "eHDSI 3.4",
        f"{_GIVEN}[not(h:statusCode[{_CODED}])]",
    ),
    PathRule(
        "medication.time",
        ERROR,
        "A medicine has no effectiveTime: since when is not said, not even as unknown.",
        "eHDSI 3.4",
        f"{_GIVEN}[not(h:effectiveTime)]",
    ),
    PathRule(
        "medication.product",
        ERROR,
        "A medicine has no product: consumable/manufacturedProduct/manufacturedMaterial.",
        "eHDSI 3.31",
        f"{_GIVEN}[not({_MATERIAL})]",
    ),
    PathRule(
        "medication.name",
        WARNING,
        "A medicine has neither a name nor a code nor an active ingredient.",
        "eHDSI 3.32",
        f"{_SUBSTANCE}[not(h:name[normalize-space(.)])][not(h:code[@code or @nullFlavor])]"
        "[not(p:ingredient or e:ingredient)]",
    ),
    PathRule(
        "medication.ingredient.missing",
        WARNING,
        "A medicine does not say its active ingredient.",
        "eHDSI 3.32",
        f"{_SUBSTANCE}[not(p:ingredient or e:ingredient or p:part or e:part)]",
    ),
    PathRule(
        "medication.ingredient.substance",
        ERROR,
        "An active ingredient has neither code nor name, not even a null flavour.",
        "eHDSI 3.32",
        f"{_INGREDIENT}[not({_INNER}/*[local-name()='code' or local-name()='name']"
        "[@code or @nullFlavor or normalize-space(.)])]",
    ),
    PathRule(
        "medication.strength",
        WARNING,
        "An active ingredient has no strength: numerator and denominator.",
        "eHDSI 3.32",
        f"{_INGREDIENT}[not({_STRENGTH}[@nullFlavor or (*[local-name()='numerator'] and"
        " *[local-name()='denominator'])])]",
    ),
    PathRule(
        "medication.form",
        WARNING,
        "A medicine has no dose form.",
        "eHDSI 3.32",
        f"{_SUBSTANCE}[not(p:formCode or e:formCode)]",
    ),
    PathRule(
        "medication.dose",
        WARNING,
        "A medicine has no dose, and none stands in a part of its regime.",
        "eHDSI 3.4",
        f"{_GIVEN}[{_REAL}][not(h:doseQuantity)][not(h:entryRelationship/h:substanceAdministration)]",
    ),
    PathRule(
        "medication.period.type",
        WARNING,
        "The first effectiveTime of a medicine is not an interval from until.",
        "eHDSI 3.4",
        f"{_GIVEN}[{_REAL}]/h:effectiveTime[1][not(@nullFlavor)][not(h:low or h:high or h:width or h:center)]"
        "[not(@value)]",
    ),
)

# Devices, procedures, vaccinations

_SUPPLY = "h:entry/h:supply"
_DEVICE = "h:participant[@typeCode='DEV']/h:participantRole/h:playingDevice"
_DEVICES = (
    _expects("device", "a supply", "eHDSI 2.4", "supply"),
    PathRule(
        "device.missing",
        ERROR,
        "An entry names no device: participant DEV with a playingDevice.",
        "eHDSI 3.5",
        f"{_SUPPLY}[not({_DEVICE})]",
    ),
    PathRule(
        "device.code",
        ERROR,
        "A device has no code, not even a null flavour.",
        "eHDSI 3.5",
        f"{_SUPPLY}/{_DEVICE}[not(h:code[{_CODED}])]",
    ),
    PathRule(
        "device.time",
        WARNING,
        "A device has no date of implantation: effectiveTime/low, not even as unknown.",
        "eHDSI 3.5",
        f"{_SUPPLY}[not(h:effectiveTime[@value or @nullFlavor or h:low])]",
    ),
)

_DONE = "h:entry/h:procedure"
_PROCEDURES = (
    _expects("procedure", "a procedure", "eHDSI 2.11", "procedure"),
    PathRule(
        "procedure.code",
        ERROR,
        "A procedure has no code, not even a null flavour.",
        "eHDSI 3.26",
        f"{_DONE}[not(h:code[{_CODED}])]",
    ),
    PathRule(
        "procedure.status",
        ERROR,
        "A procedure has no statusCode.",
        "eHDSI 3.26",
        f"{_DONE}[not(h:statusCode[{_CODED}])]",
    ),
    PathRule(
        "procedure.time",
        WARNING,
        "A procedure has no effectiveTime, not even as unknown.",
        "eHDSI 3.26",
        f"{_DONE}[not(h:effectiveTime)]",
    ),
    PathRule(
        "procedure.mood",
        ERROR,
        "moodCode of a procedure is neither EVN (done) nor INT (planned).",
        "eHDSI 3.26",
        f"{_DONE}[not(@moodCode='EVN' or @moodCode='INT')]",
    ),
)

_IMMUNISATIONS = (
    _expects("immunisation", "a substanceAdministration", "eHDSI 2.15", "substanceAdministration"),
    PathRule(
        "immunisation.status",
        ERROR,
        "A vaccination has no statusCode: given or not given is not said.",
        "eHDSI 3.19",
        f"{_GIVEN}[not(h:statusCode[{_CODED}])]",
    ),
    PathRule(
        "immunisation.time",
        ERROR,
        "A vaccination has no effectiveTime.",
        "eHDSI 3.19",
        f"{_GIVEN}[not(h:effectiveTime)]",
    ),
    PathRule(
        "immunisation.product", ERROR, "A vaccination has no product.", "eHDSI 3.19", f"{_GIVEN}[not({_MATERIAL})]"
    ),
    PathRule(
        "immunisation.vaccine",
        ERROR,
        "A vaccine has no code, not even a null flavour.",
        "eHDSI 3.19",
        f"{_GIVEN}/{_MATERIAL}[not(h:code[{_CODED}])]",
    ),
    PathRule(
        "immunisation.number",
        ERROR,
        "The number of a dose has no value.",
        "eHDSI 3.28",
        f"{_GIVEN}/h:entryRelationship/h:observation[h:code/@code='30973-2'][not(h:value[@value or @nullFlavor])]",
    ),
)

# Observations

_OBSERVED = "h:entry/h:observation"
_VALUE = "h:value[@code or @value or @nullFlavor or * or normalize-space(.)]"


def _observation(kind: str, name: str, source: str, only: str = "") -> tuple[PathRule, ...]:
    """``only`` narrows which of them need a time."""
    return (
        PathRule(
            f"{kind}.code",
            ERROR,
            f"{name} has no code, not even a null flavour.",
            source,
            f"{_OBSERVED}[not(h:code[{_CODED}])]",
        ),
        PathRule(
            f"{kind}.value",
            WARNING,
            f"{name} has no value, not even a null flavour.",
            source,
            f"{_OBSERVED}[not({_VALUE})]",
        ),
        PathRule(
            f"{kind}.time", WARNING, f"{name} has no effectiveTime.", source, f"{_OBSERVED}{only}[not(h:effectiveTime)]"
        ),
    )


_GROUP = "h:entry/h:organizer"
_MEMBER = f"{_GROUP}/h:component/h:observation"


def _group(kind: str, name: str, source: str) -> tuple[PathRule, ...]:
    return (
        PathRule(
            f"{kind}.group.empty",
            ERROR,
            f"A group of {name} has no observation.",
            source,
            f"{_GROUP}[not(h:component/h:observation)]",
        ),
        PathRule(
            f"{kind}.group.code", WARNING, f"A group of {name} has no code.", source, f"{_GROUP}[not(h:code[{_CODED}])]"
        ),
        PathRule(
            f"{kind}.member.code",
            ERROR,
            f"One of {name} has no code, not even a null flavour.",
            source,
            f"{_MEMBER}[not(h:code[{_CODED}])]",
        ),
        PathRule(
            f"{kind}.member.value",
            WARNING,
            f"One of {name} has no value, not even a null flavour.",
            source,
            f"{_MEMBER}[not({_VALUE})]",
        ),
        PathRule(
            f"{kind}.group.time",
            WARNING,
            f"Neither a group of {name} nor each of it has an effectiveTime.",
            source,
            f"{_GROUP}[not(h:effectiveTime)][h:component/h:observation[not(h:effectiveTime)]]",
        ),
    )


_PRESSURE = "h:code[@code='8480-6' or @code='8462-4']"

ENTRIES: Mapping[SectionKind, tuple[PathRule, ...]] = {
    SectionKind.ALLERGIES: _ALLERGIES,
    SectionKind.PROBLEMS: _problems("problem", "a problem"),
    SectionKind.PAST_ILLNESS: _problems("illness", "a past illness"),
    SectionKind.MEDICATION: _MEDICATION,
    SectionKind.DEVICES: _DEVICES,
    SectionKind.PROCEDURES: _PROCEDURES,
    SectionKind.IMMUNISATIONS: _IMMUNISATIONS,
    SectionKind.SOCIAL_HISTORY: (
        _expects("social", "an observation", "eHDSI 2.13", "observation"),
        *_observation("social", "A habit", "eHDSI 3.23"),
    ),
    SectionKind.PREGNANCY: (
        _expects("pregnancy", "an observation", "eHDSI 2.7", "observation"),
        *_observation("pregnancy", "A statement on pregnancy", "eHDSI 3.45, 3.46, 3.47", "[h:code/@code='82810-3']"),
        PathRule(
            "pregnancy.due",
            ERROR,
            "An expected date of delivery has no value.",
            "eHDSI 3.24",
            f"{_OBSERVED}/h:entryRelationship/h:observation[h:code[@code='11778-8' or @code='11779-6' or"
            " @code='11780-4']][not(h:value[@value or @nullFlavor])]",
        ),
    ),
    SectionKind.VITAL_SIGNS: (
        _expects("vital", "an organizer", "eHDSI 2.6", "organizer", "observation"),
        *_group("vital", "vital signs", "eHDSI 3.21, 3.22"),
        PathRule(
            "vital.pressure.unit",
            WARNING,
            "A blood pressure is not in mm[Hg].",
            "eHDSI 3.22",
            f"{_MEMBER}[{_PRESSURE}]/h:value[@value][not(@unit='mm[Hg]')]",
        ),
    ),
    SectionKind.RESULTS: (
        _expects("result", "an observation or an organizer", "eHDSI 2.5", "observation", "organizer"),
        *_observation("result", "A result", "eHDSI 3.25"),
        *_group("result", "results", "eHDSI 3.42, 3.43"),
    ),
    SectionKind.FUNCTIONAL_STATUS: (
        _expects("functional", "an observation or an organizer", "eHDSI 2.14", "observation", "organizer"),
        *_observation("functional", "A functional finding", "eHDSI 3.40"),
        *_group("functional", "functional findings", "eHDSI 3.39, 3.40"),
    ),
}
"""About the sections of each kind; paths are taken from ``section``."""
