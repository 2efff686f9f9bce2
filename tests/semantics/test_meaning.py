"""What turns the meaning of an entry round is read as such, and never hides anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.semantics.absence import ABSENT_SYSTEM, AbsenceKind
from ncp.semantics.entries import Allergy, Condition, ImplantedDevice, Medication, Procedure
from ncp.semantics.meaning import Standing
from ncp.semantics.model import PatientSummary, Section, SectionKind
from ncp.semantics.read_cda import read_cda
from ncp.semantics.values import AtEvent, Coded, Interval, Periodic, Text, TimingSet
from tests.shared import shared, shared_files

ROOT = (
    '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:q="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:e="urn:epsos-org:ep:medication">'
)


def summary(*sections: str) -> PatientSummary:
    parts = "".join(f"<component><section>{section}</section></component>" for section in sections)
    body = f"<component><structuredBody>{parts}</structuredBody></component>"
    return read_cda(f"{ROOT}{body}</ClinicalDocument>".encode())


def section(code: str, *entries: str) -> Section:
    made = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return summary(f'<code code="{code}" codeSystem="2.16.840.1.113883.6.1"/>{made}').sections[0]


def problem(value: str, more: str = "", negated: str = "") -> str:
    inner = f'<observation{negated}><code code="64572001"/>{value}{more}</observation>'
    return f'<act><code code="CONC"/><entryRelationship typeCode="SUBJ">{inner}</entryRelationship></act>'


def said(code: str, value: str) -> str:
    found = f'<observation><code code="{code}"/><value q:type="CE" code="{value}"/></observation>'
    return f'<entryRelationship typeCode="REFR">{found}</entryRelationship>'


ASTHMA = '<value q:type="CD" code="J45" codeSystem="1.2" displayName="Asthma"/>'


@pytest.mark.parametrize(
    ("entry", "standing"),
    [
        (problem(ASTHMA), Standing.STATED),
        (problem(ASTHMA, said("66455-7", "confirmed")), Standing.STATED),
        (problem(ASTHMA, said("66455-7", "refuted")), Standing.DENIED),
        (problem(ASTHMA, said("33999-4", "410516002")), Standing.DENIED),
        (problem(ASTHMA, negated=' negationInd="true"'), Standing.DENIED),
        (problem(ASTHMA, said("33999-4", "415684004")), Standing.SUSPECTED),
        (problem(ASTHMA, said("66455-7", "provisional")), Standing.SUSPECTED),
        (problem(ASTHMA, said("33999-4", "73425007")), Standing.STATED),
    ],
)
def test_a_problem_is_stated_suspected_or_denied(entry: str, standing: Standing) -> None:
    (found,) = section("11450-4", entry).entries
    assert isinstance(found, Condition)
    assert found.standing is standing and found.denied == (standing is Standing.DENIED)
    assert found.problem is not None and found.problem.words == "Asthma"


ABSENCES = {
    "48765-2": ("no-known-allergies", "no-allergy-info"),
    "11450-4": ("no-known-problems", "no-problem-info"),
    "10160-0": ("no-known-medications", "no-medication-info"),
    "46264-8": ("no-known-devices", "no-device-info"),
    "47519-4": ("no-known-procedures", "no-procedure-info"),
}


def absent(loinc: str, code: str, system: str = ABSENT_SYSTEM) -> str:
    coded = f'code="{code}" codeSystem="{system}" displayName="words"'
    if loinc in ("48765-2", "11450-4"):
        return problem(f'<value q:type="CD" {coded}/>')
    if loinc == "10160-0":
        return f"<substanceAdministration><code {coded}/></substanceAdministration>"
    if loinc == "47519-4":
        return f"<procedure><code {coded}/></procedure>"
    role = f"<participantRole><playingDevice><code {coded}/></playingDevice></participantRole>"
    return f'<supply><participant typeCode="DEV">{role}</participant></supply>'


@pytest.mark.parametrize("loinc", ABSENCES)
def test_none_known_no_information_unknown_codes_and_empty_sections_are_four_things(loinc: str) -> None:
    known, nothing = ABSENCES[loinc]
    kinds = [
        [absence.kind for absence in section(loinc, *entries).absences]
        for entries in ([absent(loinc, known)], [absent(loinc, nothing)], [absent(loinc, "no-such-code")], [])
    ]
    assert kinds == [
        [AbsenceKind.KNOWN_ABSENCE],
        [AbsenceKind.NO_INFORMATION],
        [AbsenceKind.UNCLEAR],
        [AbsenceKind.NONE_RECORDED],
    ]
    assert section(loinc, absent(loinc, known, "1.2.3")).absences == ()


def test_a_misspelt_absence_of_the_reference_data_is_understood() -> None:
    (absence,) = section("47519-4", absent("47519-4", "no-known-procedure")).absences
    assert absence.kind is AbsenceKind.KNOWN_ABSENCE


@pytest.mark.parametrize("scope", ["food", "medication", "environmental"])
def test_a_partial_absence_says_nothing_of_the_rest(scope: str) -> None:
    found = section("48765-2", absent("48765-2", f"no-known-{scope}-allergies"), problem(ASTHMA))
    (absence,) = found.absences
    assert (absence.kind, absence.scope) == (AbsenceKind.KNOWN_ABSENCE, scope)
    assert not found.contradictory


def test_an_absence_beside_a_real_entry_hides_nothing_and_is_a_contradiction() -> None:
    found = section("11450-4", problem(ASTHMA), absent("11450-4", "no-known-problems"))
    assert len(found.entries) == 2 and found.contradictory
    assert not section("11450-4", absent("11450-4", "no-known-problems")).contradictory


def test_a_withheld_entry_is_never_an_absent_one() -> None:
    (entry,) = section("47519-4", '<procedure nullFlavor="MSK"/>').entries
    assert entry.absence is not None and entry.absence.kind is AbsenceKind.WITHHELD
    hidden = summary('<code code="47519-4"/>').sections[0]
    assert [a.kind for a in hidden.absences] == [AbsenceKind.NONE_RECORDED]


def test_a_null_flavour_on_an_act_hides_no_other_entry() -> None:
    found = section("11450-4", '<act nullFlavor="NI"/>', problem(ASTHMA))
    assert [entry.absence is None for entry in found.entries] == [False, True]


def test_a_null_flavour_beside_words_is_not_taken_for_nothing() -> None:
    """``w2_hr_mock_2-9999`` has real procedures without a code, ``epsos_ee`` has "data missing" in the same form."""
    (entry,) = section("47519-4", '<procedure><code nullFlavor="NI"/><text>Appendectomy</text></procedure>').entries
    assert isinstance(entry, Procedure) and entry.text is not None and entry.text.text == "Appendectomy"
    assert entry.absence is not None and entry.absence.kind is AbsenceKind.UNCLEAR


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (
            '<originalText>Schulter</originalText><translation code="Z" codeSystem="1.2" displayName="Shoulder"/>',
            "Shoulder",
        ),
        ("<originalText>Schulter</originalText>", "Schulter"),
        ('<translation nullFlavor="NA"><originalText>Schulter</originalText></translation>', "Schulter"),
    ],
)
def test_a_concept_without_counterpart_keeps_its_words(inside: str, words: str) -> None:
    (entry,) = section("11450-4", problem(f'<value q:type="CD" nullFlavor="OTH">{inside}</value>')).entries
    assert isinstance(entry, Condition) and entry.absence is None
    assert entry.problem is not None and entry.problem.unmapped and entry.problem.words == words


def test_every_time_of_a_prescription_is_kept() -> None:
    times = (
        '<effectiveTime q:type="IVL_TS"><low value="2020"/></effectiveTime>'
        '<effectiveTime q:type="PIVL_TS" operator="A"><period value="12" unit="h"/></effectiveTime>'
        '<effectiveTime q:type="EIVL_TS"><event code="HS"/></effectiveTime>'
        '<effectiveTime q:type="SXPR_TS"><comp q:type="EIVL_TS"><event code="ACM"/></comp></effectiveTime>'
    )
    (entry,) = section("10160-0", f"<substanceAdministration>{times}</substanceAdministration>").entries
    assert isinstance(entry, Medication) and entry.period is not None
    assert [type(time) for time in entry.frequencies] == [Periodic, AtEvent, TimingSet]


def test_both_medication_extensions_give_the_same_medicine() -> None:
    def medicine(prefix: str, kind: str, inner: str) -> Medication:
        product = (
            f'<{prefix}:asSpecializedKind classCode="GRIC"><{prefix}:{kind}><{prefix}:code code="N02BE01"/>'
            f'</{prefix}:{kind}></{prefix}:asSpecializedKind><{prefix}:ingredient classCode="ACTI">'
            f'<{prefix}:{inner}><{prefix}:code code="N02"/></{prefix}:{inner}></{prefix}:ingredient>'
        )
        material = f"<manufacturedMaterial xmlns:p='urn:hl7-org:pharm'>{product}</manufacturedMaterial>"
        held = f"<consumable><manufacturedProduct>{material}</manufacturedProduct></consumable>"
        (entry,) = section("10160-0", f"<substanceAdministration>{held}</substanceAdministration>").entries
        assert isinstance(entry, Medication)
        return entry

    for found in (
        medicine("p", "generalizedMaterialKind", "ingredientSubstance"),
        medicine("e", "generalizedMedicineClass", "ingredient"),
    ):
        assert found.product is not None
        assert [kind.code.code for kind in found.product.kinds if kind.code] == ["N02BE01"]
        assert [part.code.code for part in found.product.ingredients if part.code] == ["N02"]


def test_an_unknown_section_and_an_unfitting_entry_are_kept() -> None:
    found = section("10164-2", problem(ASTHMA))
    assert found.kind is SectionKind.OTHER and len(found.entries) == 1
    (entry,) = section("46264-8", problem(ASTHMA)).entries
    assert not isinstance(entry, ImplantedDevice) and entry.source.kind == "act"


def test_a_dangling_reference_is_no_error() -> None:
    (entry,) = section("47519-4", '<procedure><text><reference value="#none"/></text></procedure>').entries
    assert isinstance(entry.text, Text) and entry.text.dangling


@pytest.mark.parametrize("path", shared_files("samples/cda", "*.xml"), ids=lambda path: path.stem)
def test_the_last_update_is_never_the_creation_date(path: Path) -> None:
    """Six samples have no date of the last update (the two ``epsos_dk`` and four ``tm_es``)."""
    header = read_cda(path.read_bytes()).header
    without = path.stem.startswith(("epsos_dk", "tm_es"))
    assert (header.last_update is None) == without


def test_the_nature_of_a_document_is_that_of_its_authors() -> None:
    for name, nature in (("epsos_lu_1987_L1", "mixed"), ("w8_cz_minimal", "automatic"), ("w8_cz_full", "manual")):
        assert read_cda(shared(f"samples/cda/{name}.xml").read_bytes()).header.nature == nature


def test_a_translation_keeps_its_levels() -> None:
    """A real document: French, English, Portuguese inside each other."""
    document = read_cda(shared("samples/cda/epsos_pt_157_pivot.xml").read_bytes())
    depths = [depth(a.type) for s in document.sections for a in s.entries if isinstance(a, Allergy) and a.type]
    assert max(depths) == 2


def depth(code: Coded) -> int:
    return max((1 + depth(inner) for inner in code.translations), default=0)


def test_an_open_end_is_kept_as_written() -> None:
    """``high`` unknown is not the same as no ``high``."""
    for high, flavor in (('<high nullFlavor="UNK"/>', "UNK"), ("", None)):
        time = f'<effectiveTime><low value="2015"/>{high}</effectiveTime>'
        (entry,) = section("11450-4", problem(ASTHMA, time)).entries
        assert isinstance(entry, Condition) and isinstance(entry.time, Interval)
        assert (entry.time.high.null_flavor if entry.time.high else None) == flavor
