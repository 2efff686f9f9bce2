"""Which value set belongs to which coded element of a patient summary, and whether a code is in it.

Asks a terminology release that is handed in; a value set that it has not is not judged. Source of places and numbers:
OpenNCP's ``coded_element_list_ehdsi.xml`` and the eHDSI templates of Wave 8. ``translation`` is never judged: it is
what the code was before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from ncp.semantics.terminology.release import Release
from ncp.semantics.validation.own.rules import WARNING, PathRule, Rule

ARC = "1.3.6.1.4.1.12559.11.10.1.3.1.42."

_ROOT = "/h:ClinicalDocument"
_SECTIONS = f"{_ROOT}/h:component/h:structuredBody/h:component/h:section"
_ENTRY = f"{_SECTIONS}/h:entry"


def _in(section: str) -> str:
    return f"{_SECTIONS}[h:code/@code='{section}']/h:entry"


_CONCERNS = "h:act/h:entryRelationship[@typeCode='SUBJ']/h:observation"
_ALLERGY = f"{_in('48765-2')}/{_CONCERNS}"
_PROBLEM = f"{_SECTIONS}[h:code[@code='11450-4' or @code='11348-0']]/h:entry/{_CONCERNS}"
_MEDICINE = f"{_in('10160-0')}/h:substanceAdministration"
_MATERIAL = f"{_MEDICINE}/h:consumable/h:manufacturedProduct/h:manufacturedMaterial"
_VACCINE = f"{_in('11369-6')}/h:substanceAdministration"


def _nested(base: str, code: str) -> str:
    return f"{base}/h:entryRelationship/h:observation[h:code/@code='{code}']/h:value"


@dataclass(frozen=True, slots=True)
class ValueSetRule(PathRule):
    """Elements whose code must be in one of ``sets``."""

    sets: tuple[str, ...]


def _rule(name: str, what: str, path: str, *numbers: str) -> ValueSetRule:
    """``numbers`` are those of value sets below ``ARC``, any of which will do."""
    source = "eHDSI value set " + " or ".join(f"42.{number}" for number in numbers)
    sets = tuple(f"{ARC}{number}" for number in numbers)
    return ValueSetRule(f"value-set.{name}", WARNING, f"{what} is not in its value set.", source, path, sets)


VALUE_SETS: tuple[ValueSetRule, ...] = (
    _rule("document", "The kind of document", f"{_ROOT}/h:code", "32"),
    _rule(
        "gender",
        "administrativeGenderCode",
        f"{_ROOT}/h:recordTarget/h:patientRole/h:patient/h:administrativeGenderCode",
        "34",
    ),
    _rule(
        "role",
        "The role of a professional",
        f"{_ROOT}/h:author/h:functionCode | {_ROOT}/h:documentationOf/h:serviceEvent/h:performer/h:functionCode",
        "1",
    ),
    _rule(
        "relation",
        "The relation of a contact to the patient",
        f"{_ROOT}/h:participant[not(h:functionCode/@code='PCP')]/h:associatedEntity/h:code",
        "38",
    ),
    _rule("section", "The code of a section", f"{_SECTIONS}/h:code", "26"),
    _rule("allergy.type", "The kind of an allergy", f"{_ALLERGY}/h:code", "18"),
    _rule(
        "allergy.agent",
        "The agent of an allergy",
        f"{_ALLERGY}/h:participant[@typeCode='CSM']/h:participantRole/h:playingEntity/h:code",
        "19",
        "24",
        "61",
    ),
    _rule(
        "allergy.reaction",
        "A reaction",
        f"{_ALLERGY}/h:entryRelationship[@typeCode='MFST']/h:observation/h:value",
        "11",
        "5",
    ),
    _rule(
        "allergy.severity",
        "The severity of a reaction",
        _nested(f"{_ALLERGY}/h:entryRelationship[@typeCode='MFST']/h:observation", "SEV"),
        "13",
    ),
    _rule("allergy.criticality", "The criticality of an allergy", _nested(_ALLERGY, "82606-5"), "57"),
    _rule("allergy.certainty", "The certainty of an allergy", _nested(_ALLERGY, "66455-7"), "58"),
    _rule("allergy.status", "The clinical status of an allergy", _nested(_ALLERGY, "33999-4"), "59"),
    _rule("allergy.absent", "An absence of allergies", f"{_ALLERGY}/h:value", "47"),
    _rule("problem", "A problem", f"{_PROBLEM}/h:value", "5", "63", "50"),
    _rule("problem.kind", "The kind of a problem", f"{_PROBLEM}/h:code", "23"),
    _rule("problem.severity", "The severity of a problem", _nested(_PROBLEM, "SEV"), "13"),
    _rule("problem.status", "The status of a problem", _nested(_PROBLEM, "33999-4"), "15"),
    _rule("problem.certainty", "The certainty of a problem", _nested(_PROBLEM, "66455-7"), "64"),
    _rule("problem.outcome", "The outcome of a problem", _nested(_PROBLEM, "11323-3"), "30"),
    _rule(
        "medication.absent",
        "An absence of medication",
        f"{_MEDICINE}/h:code[@codeSystem='2.16.840.1.113883.5.1150.1']",
        "49",
    ),
    _rule("medication.route", "A route of administration", f"{_MEDICINE}/h:routeCode", "12"),
    _rule("medication.form", "A dose form", f"{_MATERIAL}/p:formCode | {_MATERIAL}/e:formCode", "2"),
    _rule(
        "medication.ingredient",
        "An active ingredient",
        f"{_MATERIAL}/p:ingredient/p:ingredientSubstance/p:code | {_MATERIAL}/e:ingredient/e:ingredient/e:code",
        "24",
        "61",
    ),
    _rule(
        "medication.class",
        "The class of a medicine",
        f"{_MATERIAL}/p:asSpecializedKind[@classCode='GRIC']/p:generalizedMaterialKind/p:code",
        "24",
    ),
    _rule(
        "device",
        "A device",
        f"{_in('46264-8')}/h:supply/h:participant[@typeCode='DEV']/h:participantRole/h:playingDevice/h:code",
        "8",
        "48",
    ),
    _rule("procedure", "A procedure", f"{_in('47519-4')}/h:procedure/h:code", "10", "51"),
    _rule("procedure.site", "The site of a procedure", f"{_in('47519-4')}/h:procedure/h:targetSiteCode", "65"),
    _rule("vaccine", "A vaccine", f"{_VACCINE}/h:consumable/h:manufacturedProduct/h:manufacturedMaterial/h:code", "28"),
    _rule(
        "vaccine.disease",
        "A disease vaccinated against",
        f"{_VACCINE}/h:participant/h:participantRole[@classCode='AGNT']/h:code",
        "5",
    ),
    _rule("social", "A habit", f"{_in('29762-2')}/h:observation/h:code", "14"),
    _rule(
        "pregnancy.status",
        "A pregnancy status",
        f"{_in('10162-6')}/h:observation[h:code/@code='82810-3']/h:value",
        "60",
    ),
    _rule("blood-group", "A blood group", f"{_ENTRY}/h:observation[h:code/@code='34530-6']/h:value", "20"),
    _rule("pressure", "A vital sign", f"{_in('8716-3')}/h:organizer/h:component/h:observation/h:code", "21"),
)


def check_value_sets(root: _Element, release: Release) -> Iterator[tuple[Rule, _Element]]:
    """Coded elements whose code is certainly in none of their value sets: all of them are loaded, none has it."""
    for rule in VALUE_SETS:
        for element in rule.select(root):
            code, system = element.get("code"), element.get("codeSystem")
            if not code or not system or element.get("nullFlavor") is not None:
                continue
            answers = [release.contains(oid, system.strip(), code.strip()) for oid in rule.sets]
            if answers and all(answer is False for answer in answers):
                yield rule, element
