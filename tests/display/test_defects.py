"""Defects known of displays in the field (``docs/display.md``, what others do): none of them is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.semantics.terminology import rows as content
from ncp.semantics.terminology.release import Release
from tests.display.conftest import made
from tests.support.summaries import (
    ABSENT,
    ATC,
    HEADER,
    ICD,
    ROOT,
    Shown,
    allergy,
    code,
    concern,
    document,
    medicine,
    page,
    problem,
    said,
    section,
    text,
)

ASTHMA = code("value", "J45", ICD, "Asthma", kind="CD")


def test_d1_an_absence_code_hides_no_real_entry(shipped: Release) -> None:
    none = problem(code("value", "no-known-problems", ABSENT, kind="CD"))
    shown = Shown(page(document(section("11450-4", none, problem(ASTHMA))), shipped))
    assert [row for row in shown.rows() if "Aucun problème de santé connu" in row]
    assert [row for row in shown.rows() if "Asthma" in row or "asthme" in row]
    assert "Information contradictoire" in shown.section()


def test_d2_a_null_flavour_on_one_act_hides_nothing_else(shipped: Release) -> None:
    null = problem(code("value", more="", kind="CD")).replace("<act>", '<act nullFlavor="UNK">')
    shown = Shown(page(document(section("11450-4", null, problem(ASTHMA))), shipped))
    assert len(shown.rows()) == 2 and any("sthm" in row for row in shown.rows())


@pytest.mark.parametrize(
    "value",
    [
        code("value", "Z-771", "1.2.250.1.999.1", "National thing", kind="CD"),
        code("value", "195967001", display="National thing", kind="CD"),
        '<value xsi:type="CD" nullFlavor="OTH"><originalText>National thing</originalText></value>',
        '<value xsi:type="CD" nullFlavor="OTH"><translation code="1" displayName="National thing"/></value>',
        '<value xsi:type="CD" code="x" displayName="National thing"/>',
    ],
)
def test_d3_d4_problems_of_any_code_system_are_shown_by_their_words(value: str, empty: Release) -> None:
    (row,) = Shown(page(document(section("11450-4", problem(value))), empty)).rows()
    assert "National thing" in row


def test_d5_an_unknown_code_is_never_a_blank_cell(shipped: Release) -> None:
    (row,) = Shown(page(document(section("11450-4", problem(code("value", "Q99.9", ICD, kind="CD")))), shipped)).rows()
    assert "Q99.9 (ICD-10)" in row and "Non traduit" in row


def test_d6_severity_outcome_status_negation_and_plans_are_shown(shipped: Release) -> None:
    more = (
        said("SEV", "24484000", display="Severe")
        + said("33999-4", "413322009", "REFR", display="Resolved")
        + said("11323-3", "162467007", "REFR", display="Free of symptoms")
    )
    planned = f'<procedure moodCode="INT">{code("code", "999001", display="Planned thing")}</procedure>'
    negated = f'<procedure negationInd="true">{code("code", "18286008", display="Catheter")}</procedure>'
    stopped = medicine("Exemplol", status="aborted")
    content = document(
        section("11450-4", problem(ASTHMA, more)), section("10160-0", stopped), section("47519-4", planned, negated)
    )
    shown = Shown(page(content, shipped))
    (row,) = [row for row in shown.rows("current") if "sthm" in row]
    assert "GRAVE" in row and "RÉSOLU" in row and "Free of symptoms" in row
    assert any("INTERROMPU" in row and "Exemplol" in row for row in shown.rows("ended"))
    assert any("PRÉVUE" in row and "Planned thing" in row for row in shown.rows("current"))
    assert any("NON RÉALISÉ" in row and "Catheter" in row for row in shown.rows("denied"))


def test_d7_a_refuted_allergy_is_no_normal_row(shipped: Release) -> None:
    refuted = allergy(code("code", "J01CA04", ATC, "amoxicillin"), said("66455-7", "refuted"))
    real = allergy(code("code", "256349002", display="peanut"), said("82606-5", "high"))
    shown = Shown(page(document(section("48765-2", refuted, real)), shipped))
    (denied,) = shown.rows("denied")
    assert "ÉCARTÉ" in denied and "amoxicil" in denied
    assert "(1)" in next(shown.words(nav) for nav in shown.root.iter("nav"))
    assert "amoxicil" not in shown.alerts()


def test_d8_every_time_of_a_medicine_is_shown(shipped: Release) -> None:
    times = (
        '<effectiveTime xsi:type="IVL_TS"><low value="20260101"/></effectiveTime>'
        '<effectiveTime xsi:type="PIVL_TS"><period value="12" unit="h"/></effectiveTime>'
        '<effectiveTime xsi:type="EIVL_TS"><event code="ACM"/></effectiveTime>'
        '<effectiveTime xsi:type="SXPR_TS"><comp xsi:type="EIVL_TS"><event code="HS"/></comp>'
        '<comp xsi:type="PIVL_TS"><period value="2" unit="d"/></comp></effectiveTime>'
    )
    (row,) = Shown(page(document(section("10160-0", medicine("Exemplol", times))), shipped)).rows()
    for words in ("01/01/2026", "toutes les 12 h", "Avant le petit-déjeuner", "Au coucher et tous les 2 jours"):
        assert words in row


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('<value xsi:type="PQ" value="20" unit="{cigarettes}/d"/>', "20 cigarettes/j"),
        ('<value xsi:type="INT" value="7"/>', "7"),
        ('<value xsi:type="ST">pozitivno</value>', "pozitivno"),
        (code("value", "1", "1.2.3", "Coded words", kind="CD"), "Coded words"),
        ('<value xsi:type="IVL_PQ"><low value="1" unit="mg"/><high value="2.5" unit="mg"/></value>', "1 à 2,5 mg"),
        ('<value xsi:type="BL" value="true"/>', "oui"),
        ('<value xsi:type="TS" value="201503"/>', "mars 2015"),
        (
            '<value xsi:type="RTO"><numerator value="1" unit="mg"/><denominator value="2" unit="mL"/></value>',
            "1 mg / 2 mL",
        ),
        ('<value value="4"/>', "4"),
    ],
)
def test_d9_values_of_every_type_are_shown(value: str, words: str, shipped: Release) -> None:
    habit = f'<observation><code code="229819007" codeSystem="2.16.840.1.113883.6.96"/>{value}</observation>'
    exam = f"<observation>{code('code', '1', '1.2.3', 'Exam')}{value}</observation>"
    shown = Shown(page(document(section("29762-2", habit), section("30954-2", exam)), shipped))
    assert len(shown.rows()) == 2 and all(words in row for row in shown.rows())


def test_d10_types_are_read_whatever_their_prefix(shipped: Release) -> None:
    other = (
        document(section("11450-4", problem(ASTHMA)))
        .replace(b"xsi:type", b"q7:type")
        .replace(b"xmlns:xsi", b"xmlns:q7")
        .replace(b'"CD"', b'"urn:CD"')
    )
    (row,) = Shown(page(other, shipped)).rows()
    assert "sthm" in row


def test_d11_authors_and_performers_are_never_paired_by_position(shipped: Release) -> None:
    def person(kind: str, name: str, inside: str) -> str:
        who = f"<{inside}><assignedPerson><name>{name}</name></assignedPerson></{inside}>"
        return f"<{kind}><time value='2026'/>{who}</{kind}>"

    authors = person("author", "First Author", "assignedAuthor") + person("author", "Second Author", "assignedAuthor")
    performer = person("performer", "Only Performer", "assignedEntity")
    event = f"<documentationOf><serviceEvent>{performer}</serviceEvent></documentationOf>"
    shown = Shown(page(document(section("11450-4"), header=HEADER + authors + event), shipped))
    words = shown.words()
    for label, name in (
        ("Auteur(s) :", "First Author"),
        ("Auteur(s) :", "Second Author"),
        ("Professionnel ayant réalisé :", "Only Performer"),
    ):
        assert f"{label} {name}" in words


def test_d12_deleted_words_stay_and_say_so(shipped: Release) -> None:
    narrative = (
        '<content revised="delete">stara doza</content> <content revised="insert">nova doza</content>'
        '<sub>2</sub><sup>3</sup><linkHtml href="http://example.org/x">veza</linkHtml>'
        '<renderMultiMedia referencedObject="m1"><caption>slika</caption></renderMultiMedia>'
    )
    shown = Shown(page(document(section("42348-3", text=narrative)), shipped))
    words = shown.section()
    for piece in (
        "[supprimé] stara doza",
        "[ajouté] nova doza",
        "veza [lien externe non ouvert: http://example.org/x]",
    ):
        assert piece in words
    assert "slika [image non affichée]" in words
    assert not [a for a in shown.root.iter("a") if not (a.get("href") or "").startswith("#")]


@pytest.mark.attack
def test_d13_attributes_of_the_narrative_do_not_get_into_the_page(empty: Release) -> None:
    narrative = (
        '<table onclick="alert(1)" style="x:y" border="1"><tr onmouseover="alert(2)"><td colspan="2" rowspan="x" '
        'styleCode="Bold onclick=1" style="a:b">ćelija</td></tr></table>'
        '<list onload="x"><item style="c:d">i</item></list>'
    )
    shown = Shown(page(document(section("42348-3", text=narrative)), empty))
    for element in shown.root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
    (cell,) = [td for td in shown.root.iter("td") if "ćelija" in shown.words(td)]
    assert (cell.get("colspan"), cell.get("rowspan"), cell.get("class")) == ("2", None, "bold")


def test_d14_nothing_is_fetched_from_anywhere(shipped: Release) -> None:
    shown = Shown(page(document(section("11450-4", problem(ASTHMA))), shipped))
    names = {str(element.tag) for element in shown.root.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg", "video", "audio"}
    assert b"url(" not in shown.html and b"@import" not in shown.html
    (policy,) = [one.get("content") for one in shown.root.iter("meta") if one.get("http-equiv")]
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("food", "Aucune allergie alimentaire connue"),
        ("medication", "Aucune allergie médicamenteuse connue"),
        ("environmental", "Aucune allergie environnementale connue"),
    ],
)
def test_d15_a_partial_absence_is_a_row_among_others(scope: str, words: str, shipped: Release) -> None:
    none = concern(f"<observation>{code('value', f'no-known-{scope}-allergies', ABSENT, kind='CD')}</observation>")
    real = allergy(code("code", "J01CA04", ATC, "amoxicillin"))
    shown = Shown(page(document(section("48765-2", none, real)), shipped))
    assert len(shown.rows("current")) == 2 and any(words in row for row in shown.rows())
    assert "contradictoire" not in shown.section()


def test_d16_the_country_of_a_vaccination_is_its_country(shipped: Release) -> None:
    performer = (
        "<performer><assignedEntity><representedOrganization><name>Centar</name></representedOrganization>"
        "<addr><streetAddressLine>Ulica 1</streetAddressLine><city>Gent</city><country>BE</country></addr>"
        "</assignedEntity></performer>"
    )
    entry = medicine("Cjepivo", performer, status="completed")
    (row,) = Shown(page(document(section("11369-6", entry)), shipped)).rows()
    assert "Belgique, Centar" in row and "Ulica" not in row


def test_d17_the_contact_of_a_participant_is_read_at_its_own_level(shipped: Release) -> None:
    participant = (
        '<participant typeCode="IND"><associatedEntity classCode="ECON"><telecom value="tel:+3851"/>'
        "<associatedPerson><name>Ivan Horvat</name></associatedPerson></associatedEntity></participant>"
    )
    words = Shown(page(document(section("11450-4"), header=HEADER + participant), shipped)).words()
    assert "Ivan Horvat" in words and "+3851" in words


def test_d18_a_catalogue_in_a_folder_with_blanks_and_accents(tmp_path: Path) -> None:
    folder = tmp_path / "données de l'hôpital č"
    folder.mkdir()
    release = made(folder, [content.System(ICD, "ICD-10"), content.Designation(ICD, "J45", "fr-FR", "mot appris")])
    assert "mot appris" in text(document(section("11450-4", problem(ASTHMA))), release)


def test_a_document_of_the_old_medication_namespace_shows_the_same(shipped: Release) -> None:
    inside = (
        "<epsos:formCode code='10219000' codeSystem='0.4.0.127.0.16.1.1.2.1' displayName='Tablet'/>"
        "<epsos:ingredient classCode='ACTI'><epsos:quantity><epsos:numerator value='500' unit='mg'/>"
        "<epsos:denominator value='1' unit='1'/></epsos:quantity><epsos:ingredient classCode='MMAT'>"
        "<epsos:code code='N02BE01' codeSystem='2.16.840.1.113883.6.73' displayName='paracetamol'/></epsos:ingredient>"
        "</epsos:ingredient>"
    )
    old = document(section("10160-0", medicine("Exemplol", inside=inside)))
    new = (
        old.replace(b"<epsos:ingredient classCode='MMAT'", b"<epsos:ingredientSubstance")
        .replace(b"</epsos:ingredient></epsos:ingredient>", b"</epsos:ingredientSubstance></epsos:ingredient>")
        .replace(b"epsos:", b"pharm:")
    )
    rows = [Shown(page(one, shipped)).rows() for one in (old, new)]
    assert rows[0] == rows[1] and "500 mg / 1 unité(s)" in rows[0][0]
    assert ROOT.count("xmlns:pharm") == 1
