"""What a reviewer found could be misread: each is said as the document says it."""

from __future__ import annotations

import pytest

from ncp.semantics.terminology.release import Release
from tests.support.summaries import (
    HEADER,
    ICD,
    LOINC,
    SNOMED,
    Shown,
    allergy,
    code,
    document,
    medicine,
    page,
    problem,
    said,
    section,
    text,
)

ASTHMA = code("value", "J45.8", ICD, "Dah", kind="CD")
DEVICE = code("code", "14106009", SNOMED, "Stimulator")


def rows(release: Release, *sections: str, group: str = "") -> list[str]:
    return Shown(page(document(*sections), release)).rows(group)


def negated(written: str) -> str:
    return written.replace('typeCode="SUBJ"', 'typeCode="SUBJ" negationInd="true"', 1)


def test_a_negated_relation_denies_what_it_relates(shipped: Release) -> None:
    (row,) = rows(shipped, section("11450-4", negated(problem(ASTHMA))), group="denied")
    assert "ABSENT" in row and "Dah" in row
    reaction = code("value", "39579001", SNOMED, "Šok", kind="CD")
    inside = f"<observation>{reaction}</observation>"
    manifestation = f'<entryRelationship typeCode="MFST" negationInd="true">{inside}</entryRelationship>'
    (row,) = rows(shipped, section("48765-2", allergy(code("code", "1", "2.3", "Prašina"), manifestation)))
    assert "ABSENT" in row


@pytest.mark.parametrize("about", [said("82606-5", "high"), said("SEV", "442452003")])
def test_what_is_denied_of_a_finding_is_not_said_of_it(about: str, shipped: Release) -> None:
    shown = Shown(
        page(document(section("48765-2", allergy(code("code", "1", "2.3", "Prašina"), negated(about)))), shipped)
    )
    (row,) = shown.rows("current")
    assert "RISQUE" not in row and "PRONOSTIC" not in row and "Prašina" not in shown.alerts()
    (row,) = rows(shipped, section("11450-4", problem(ASTHMA, negated(said("66455-7", "refuted")))), group="current")
    assert "ÉCARTÉ" not in row


def test_of_several_severities_the_gravest_counts(shipped: Release) -> None:
    made = problem(ASTHMA, said("SEV", "255604002") + said("SEV", "442452003"))
    assert "PRONOSTIC VITAL" in rows(shipped, section("11450-4", made))[0]


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ('value="1"><translation value="5" code="mL" displayName="mL"/>', "1 unité(s) (= 5 mL)"),
        ('value="100" unit="mg"><translation value="2" displayName="tableta"/>', "100 mg (= 2 tableta)"),
        ('nullFlavor="OTH"><translation value="2" displayName="mmol"/>', "Autre (hors nomenclature) (= 2 mmol)"),
        ('value="2" unit="1"><translation value="2" displayName="tablete"/>', "2 tablete"),
    ],
)
def test_a_quantity_in_another_unit_keeps_both_numbers(quantity: str, words: str, shipped: Release) -> None:
    made = medicine("Lijek", f"<doseQuantity {quantity}</doseQuantity>")
    assert words in rows(shipped, section("10160-0", made))[0]


def test_a_strange_entry_among_vital_signs_keeps_its_name(shipped: Release) -> None:
    made = '<act><code code="1" codeSystem="2.3" displayName="Nešto"/><effectiveTime value="20200101"/></act>'
    (row,) = rows(shipped, section("8716-3", made))
    assert "Nešto" in row and "01/01/2020" in row


def measured(loinc: str, value: str, time: str) -> str:
    return (
        f'<component><observation><code code="{loinc}" codeSystem="{LOINC}"/><effectiveTime value="{time}"/>'
        f'<value xsi:type="PQ" value="{value}" unit="mm[Hg]"/></observation></component>'
    )


def test_a_blood_pressure_is_never_made_of_two_days(shipped: Release) -> None:
    pair = measured("8480-6", "120", "20200101") + measured("8462-4", "80", "20250101")
    (row,) = rows(shipped, section("8716-3", f"<organizer>{pair}</organizer>"))
    assert "120/80" not in row and "01/01/2025" in row
    pair = measured("8480-6", "120", "20200101") + measured("8462-4", "80", "20200101")
    assert "120/80 mmHg" in rows(shipped, section("8716-3", f"<organizer>{pair}</organizer>"))[0]


def test_groups_inside_groups_are_looked_into(shipped: Release) -> None:
    inner = f"<component><organizer>{measured('8480-6', '120', '20200101')}</organizer></component>"
    assert "120 mmHg" in " ".join(rows(shipped, section("30954-2", f"<organizer>{inner}</organizer>")))


@pytest.mark.parametrize(
    ("attributes", "status", "words"),
    [(' moodCode="INT"', "active", "PRÉVUE"), ("", "aborted", "INTERROMPU"), ("", "completed", "oui")],
)
def test_a_vaccination_is_given_only_when_it_was(attributes: str, status: str, words: str, shipped: Release) -> None:
    (row,) = rows(shipped, section("11369-6", medicine("Cjepivo", status=status, attributes=attributes)))
    assert words in row and ("oui" in row.split()) is (words == "oui")


@pytest.mark.parametrize("mood", ["INT", "PRP", "PRMS", "RQO"])
def test_a_procedure_in_another_mood_is_planned(mood: str, shipped: Release) -> None:
    made = f'<procedure moodCode="{mood}">{code("code", "1", "2.3", "Zahvat")}</procedure>'
    assert "PRÉVUE" in rows(shipped, section("47519-4", made))[0]


@pytest.mark.parametrize(
    ("high", "alerted"), [("nullFlavor='UNK'", True), ("nullFlavor='NA'", True), ("value='2020'", False)]
)
def test_a_device_without_a_known_removal_is_still_there(high: str, alerted: bool, shipped: Release) -> None:
    role = f"<participantRole><playingDevice>{DEVICE}</playingDevice></participantRole>"
    time = f"<effectiveTime xsi:type='IVL_TS'><low value='2015'/><high {high}/></effectiveTime>"
    made = f'<supply>{time}<participant typeCode="DEV">{role}</participant></supply>'
    shown = Shown(page(document(section("46264-8", made)), shipped))
    alert = shown.alerts()
    assert ("timulat" in alert or "pacemaker" in alert) is alerted


@pytest.mark.parametrize(
    ("loinc", "made"),
    [
        ("47519-4", f'<procedure nullFlavor="NI">{code("code", "1", "2.3", "Zahvat")}</procedure>'),
        (
            "46264-8",
            '<supply nullFlavor="NI"><participant typeCode="DEV"><participantRole><playingDevice>'
            f"{code('code', '1', '2.3', 'Zahvat')}</playingDevice></participantRole></participant></supply>",
        ),
    ],
)
def test_a_null_flavour_round_something_named_does_not_take_it_away(loinc: str, made: str, shipped: Release) -> None:
    shown = Shown(page(document(section(loinc, made)), shipped))
    (row,) = shown.rows("current")
    assert row.startswith("Zahvat") and "(1)" in next(shown.words(nav) for nav in shown.root.iter("nav"))


def test_entries_of_an_unknown_section_are_known_by_their_shape(shipped: Release) -> None:
    made = section("99999-9", problem(ASTHMA, said("66455-7", "refuted")), medicine("Aspirin"))
    assert "Aspirin" in rows(shipped, made, group="current")[0]
    (denied,) = rows(shipped, made, group="denied")
    assert "ÉCARTÉ" in denied and "Dah" in denied


def test_a_medicine_that_is_withheld_says_so(shipped: Release) -> None:
    made = (
        "<substanceAdministration><consumable><manufacturedProduct><manufacturedMaterial><code nullFlavor='MSK'/>"
        "</manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration>"
    )
    assert "Information masquée" in rows(shipped, section("10160-0", made))[0]


def test_the_blood_group_is_alerted_in_a_group_too(shipped: Release) -> None:
    group = f"<component><observation>{code('code', '34530-6', LOINC)}{code('value', '1', '2.3', 'Grupa A', kind='CD')}"
    made = f"<organizer>{group}</observation></component>{measured('8480-6', '1', '2020')}</organizer>"
    assert "Grupa A" in Shown(page(document(section("30954-2", made)), shipped)).alerts()


@pytest.mark.attack
def test_digits_of_another_script_do_not_take_the_page_away(shipped: Release) -> None:
    event = (
        "<documentationOf><serviceEvent><effectiveTime><high value='²²²²'/></effectiveTime></serviceEvent>"
        "</documentationOf>"
    )
    assert "²²²²" in Shown(page(document(section("11450-4", problem(ASTHMA)), header=HEADER + event), shipped)).words()


def test_a_part_of_the_header_that_cannot_be_laid_out_is_shown_raw(
    shipped: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("ncp.semantics.display.about.About.document", broken)
    words = Shown(page(document(section("11450-4", problem(ASTHMA))), shipped)).words()
    assert "Affichage simplifié" in words and "Dah" in words and "Horvat" in words


def test_a_code_beside_a_null_flavour_is_not_lost(shipped: Release) -> None:
    value = '<value xsi:type="CD" code="X12" codeSystemName="Nat" nullFlavor="OTH"/>'
    assert "X12 (Nat)" in rows(shipped, section("11450-4", problem(value)))[0]


def test_the_text_says_all_that_the_details_say(shipped: Release) -> None:
    made = f'<procedure>{code("code", "1", "2.3", "Zahvat")}<text>KOMPLIKACIJA</text><stray x="STRAY"/></procedure>'
    shown = text(document(section("47519-4", made)), shipped, details=True)
    assert "KOMPLIKACIJA" in shown and "STRAY" in shown


def test_deleted_words_are_never_read_as_said(shipped: Release) -> None:
    """Neither in the text nor where an entry is named by them."""
    narrative = (
        'Alergija <content revised="delete">na penicilin</content> nema. <content ID="a" revised="delete">Zahvat'
        "</content>"
    )
    named = '<procedure><code nullFlavor="OTH"><originalText><reference value="#a"/></originalText></code></procedure>'
    content = document(section("47519-4", named, text=narrative))
    (row,) = Shown(page(content, shipped)).rows()
    assert "[- Zahvat-]" in row or "[-Zahvat-]" in row
    assert "Alergija [-na penicilin-] nema." in text(content, shipped)
