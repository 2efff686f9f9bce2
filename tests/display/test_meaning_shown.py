"""Absence, denial, doubt, gravity: the words that a clinician must not miss, in French and in English."""

from __future__ import annotations

import pytest

from ncp.semantics.terminology.release import Release
from tests.support.summaries import (
    ABSENT,
    ATC,
    ICD,
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

ASTHMA = code("value", "J45.8", ICD, "Dah", kind="CD")
PEANUT = code("code", "91935009", display="Kikiriki")

ABSENCES = {
    "no-allergy-info": ("48765-2", "Aucune information sur les allergies"),
    "no-known-allergies": ("48765-2", "Aucune allergie connue"),
    "no-known-medication-allergies": ("48765-2", "Aucune allergie médicamenteuse connue"),
    "no-known-environmental-allergies": ("48765-2", "Aucune allergie environnementale connue"),
    "no-known-food-allergies": ("48765-2", "Aucune allergie alimentaire connue"),
    "no-problem-info": ("11450-4", "Aucune information sur les problèmes de santé"),
    "no-known-problems": ("11450-4", "Aucun problème de santé connu"),
    "no-medication-info": ("10160-0", "Aucune information sur les traitements"),
    "no-known-medications": ("10160-0", "Aucun traitement connu"),
    "no-device-info": ("46264-8", "Aucune information sur les dispositifs médicaux"),
    "no-known-devices": ("46264-8", "Aucun dispositif médical connu"),
    "no-procedure-info": ("47519-4", "Aucune information sur les antécédents chirurgicaux"),
    "no-known-procedures": ("47519-4", "Aucun antécédent chirurgical connu"),
}
"""The designations of value sets 47 to 51 (``config/terminology/designations.csv`` is made from them)."""


def entry(loinc: str, coded: dict[str, str]) -> str:
    attributes = {"code": coded["code"], "system": coded["system"], "display": coded.get("display", "")}
    if loinc in ("48765-2", "11450-4"):
        return concern(f"<observation>{code('value', kind='CD', **attributes)}</observation>")
    if loinc == "10160-0":
        coded_drug = f'{code("code", **attributes)}<statusCode code="active"/>'
        return f"<substanceAdministration>{coded_drug}</substanceAdministration>"
    if loinc == "47519-4":
        return f"<procedure>{code('code', **attributes)}</procedure>"
    device = f"<participantRole><playingDevice>{code('code', **attributes)}</playingDevice></participantRole>"
    return f'<supply><participant typeCode="DEV">{device}</participant></supply>'


def real(loinc: str) -> str:
    return entry(loinc, {"code": "X1", "system": "1.2.3", "display": "Stvarno"})


@pytest.mark.parametrize("absence", ABSENCES)
def test_each_absence_says_its_own_sentence_and_hides_nothing(absence: str, shipped: Release) -> None:
    loinc, words = ABSENCES[absence]
    made = entry(loinc, {"code": absence, "system": ABSENT})
    alone = Shown(page(document(section(loinc, made)), shipped))
    (row,) = alone.rows("current")
    assert words in row and "(0)" in next(alone.words(nav) for nav in alone.root.iter("nav"))
    beside = Shown(page(document(section(loinc, made, real(loinc))), shipped))
    assert len(beside.rows("current")) == 2 and any("Stvarno" in row for row in beside.rows())
    partial = absence in (
        "no-known-food-allergies",
        "no-known-medication-allergies",
        "no-known-environmental-allergies",
    )
    assert ("contradictoire" in beside.section()) is not partial


@pytest.mark.parametrize("loinc", ["48765-2", "11450-4", "10160-0", "46264-8", "47519-4"])
def test_an_unknown_absence_code_is_shown_by_its_words_with_the_narrative_open(loinc: str, shipped: Release) -> None:
    made = entry(loinc, {"code": "no-such-thing", "system": ABSENT, "display": "Ništa posebno"})
    shown = Shown(page(document(section(loinc, made, text="Ništa")), shipped))
    (row,) = shown.rows()
    assert "Ništa posebno" in row
    (words,) = [one for one in shown.root.iter("details") if "words" in (one.get("class") or "")]
    assert words.get("open") is not None


def test_a_null_flavour_beside_words_is_an_item_to_be_read_and_no_absence(shipped: Release) -> None:
    """As documents of Wave 2 say an allergy and its absence alike: in words alone."""
    made = concern('<observation><text>alergija na kivi</text><value xsi:type="CD" nullFlavor="NA"/></observation>')
    shown = Shown(page(document(section("48765-2", made, text="alergija na kivi")), shipped))
    (row,) = shown.rows("current")
    assert row.startswith("alergija na kivi") and "lire les mots du document" in row
    assert "(1)" in next(shown.words(nav) for nav in shown.root.iter("nav"))
    (words,) = [one for one in shown.root.iter("details") if "words" in (one.get("class") or "")]
    assert words.get("open") is not None


def test_a_null_flavour_without_words_is_no_device_to_be_alerted_of(shipped: Release) -> None:
    device = '<participantRole><playingDevice><code nullFlavor="NA"/></playingDevice></participantRole>'
    made = f'<supply><participant typeCode="DEV">{device}</participant></supply>'
    shown = Shown(page(document(section("46264-8", made)), shipped))
    assert "Sans objet" not in shown.alerts()
    assert "(0)" in next(shown.words(nav) for nav in shown.root.iter("nav"))


def test_the_five_kinds_of_nothing_are_five_sentences(shipped: Release) -> None:
    withheld = section("10160-0").replace("<section>", '<section nullFlavor="MSK">')
    shown = page(document(section("48765-2", text="Bez"), section("11450-4"), withheld), shipped)
    words = Shown(shown).words()
    for sentence in (
        "Section absente du document : le pays n'a pas transmis cette information.",
        "Aucune donnée codée",
        "Aucune information",
        "Information masquée",
        "Sections non transmises",
    ):
        assert sentence in words, sentence


FLAVORS = {
    "NI": "Aucune information",
    "UNK": "Inconnu",
    "ASKU": "Demandé, non connu du patient",
    "NASK": "Non demandé",
    "NAV": "Information momentanément indisponible",
    "NA": "Sans objet",
    "MSK": "Information masquée",
    "NP": "Non présent",
    "INV": "Valeur invalide",
    "TRC": "Traces",
    "QS": "Quantité suffisante",
    "DER": "À calculer",
}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_null_flavours_of_a_datum_are_words(flavor: str, shipped: Release) -> None:
    severity = (
        '<entryRelationship typeCode="SUBJ"><observation><code code="SEV"/>'
        f'<value xsi:type="CD" nullFlavor="{flavor}"/></observation></entryRelationship>'
    )
    (row,) = Shown(page(document(section("11450-4", problem(ASTHMA, severity))), shipped)).rows()
    assert FLAVORS[flavor] in row


@pytest.mark.parametrize(
    ("made", "french", "english", "group"),
    [
        (problem(ASTHMA, said("66455-7", "refuted")), "ÉCARTÉ", "REFUTED", "denied"),
        (problem(ASTHMA, said("33999-4", "410516002", "REFR")), "ABSENT", "ABSENT", "denied"),
        (problem(ASTHMA, attributes=' negationInd="true"'), "ABSENT", "ABSENT", "denied"),
        (problem(ASTHMA, said("33999-4", "415684004", "REFR")), "SUSPECTÉ", "SUSPECTED", "current"),
        (problem(ASTHMA, said("66455-7", "provisional")), "SUSPECTÉ", "SUSPECTED", "current"),
        (problem(ASTHMA, said("66455-7", "differential")), "SUSPECTÉ", "SUSPECTED", "current"),
        (problem(ASTHMA, said("66455-7", "unconfirmed")), "NON CONFIRMÉ", "NOT CONFIRMED", "current"),
        (problem(ASTHMA, said("33999-4", "413322009", "REFR")), "RÉSOLU", "RESOLVED", "current"),
        (problem(ASTHMA, said("33999-4", "73425007", "REFR")), "INACTIF", "INACTIVE", "current"),
        (problem(ASTHMA, said("SEV", "442452003")), "PRONOSTIC VITAL", "LIFE THREATENING", "current"),
        (problem(ASTHMA, said("SEV", "24484000")), "GRAVE", "SEVERE", "current"),
    ],
)
def test_what_turns_a_problem_round_stands_before_its_name(
    made: str, french: str, english: str, group: str, shipped: Release
) -> None:
    content = document(section("11450-4", made))
    (row,) = Shown(page(content, shipped)).rows(group)
    assert french in row and "Dah" in row
    (row,) = Shown(page(content, shipped, "en-GB")).rows(group)
    assert english in row and "Dah" in row
    # The plain text says the same.
    assert f"[{french}]" in text(content, shipped) and f"[{english}]" in text(content, shipped, "en-GB")


@pytest.mark.parametrize(
    ("loinc", "made", "words", "group"),
    [
        ("10160-0", medicine("Lijek", status="completed"), "TERMINÉ", "ended"),
        ("10160-0", medicine("Lijek", status="aborted"), "INTERROMPU", "ended"),
        ("10160-0", medicine("Lijek", status="suspended"), "SUSPENDU", "ended"),
        ("10160-0", medicine("Lijek", attributes=' negationInd="true"'), "NON RÉALISÉ", "denied"),
        ("11369-6", medicine("Lijek", status="cancelled"), "NON RÉALISÉ", "denied"),
        ("11369-6", medicine("Lijek", status="completed", attributes=' negationInd="true"'), "NON RÉALISÉ", "denied"),
        ("10160-0", medicine("Lijek"), "En cours", "current"),
    ],
)
def test_states_of_medicines_and_vaccinations(loinc: str, made: str, words: str, group: str, shipped: Release) -> None:
    (row,) = Shown(page(document(section(loinc, made)), shipped)).rows(group)
    assert words in row and "Lijek" in row


@pytest.mark.parametrize(
    ("status", "words"),
    [("60001007", "Not pregnant words"), ("261665006", "Unknown words"), ("77386006", "Pregnant words")],
)
def test_pregnant_not_pregnant_and_not_known_are_three_words(status: str, words: str, empty: Release) -> None:
    made = f'<observation><code code="82810-3"/>{code("value", status, display=words, kind="CD")}</observation>'
    shown = Shown(page(document(section("10162-6", made)), empty))
    (row,) = shown.rows()
    assert words in row
    assert (words in shown.alerts()) is (status == "77386006")


def test_alerts_name_what_must_not_be_missed_and_lead_to_it(shipped: Release) -> None:
    high = allergy(PEANUT, said("82606-5", "high"))
    threatening = allergy(
        code("code", "J01CA04", ATC, "Penicilin"),
        '<entryRelationship typeCode="MFST"><observation>'
        + code("value", "1", "2.3", "Šok", kind="CD")
        + said("SEV", "442452003")
        + "</observation></entryRelationship>",
    )
    mild = allergy(code("code", "1", "2.3", "Prašina"), said("82606-5", "low"))
    refuted = allergy(code("code", "2", "2.3", "Mačka"), said("82606-5", "high") + said("66455-7", "refuted"))
    device = entry("46264-8", {"code": "14106009", "system": "2.16.840.1.113883.6.96", "display": "Stimulator"})
    blood = (
        '<observation><code code="34530-6" codeSystem="2.16.840.1.113883.6.1"/>'
        f"{code('value', '278149003', display='Krvna grupa A', kind='CD')}</observation>"
    )
    content = document(
        section("30954-2", blood), section("46264-8", device), section("48765-2", mild, high, threatening, refuted)
    )
    shown = Shown(page(content, shipped))
    alerts = shown.alerts()
    assert "Kikiriki" in alerts and "Prašina" not in alerts and "Mačka" not in alerts
    assert "RISQUE ÉLEVÉ" in alerts and "PRONOSTIC VITAL" in alerts
    targets = {link.get("href") for link in shown.root.iter("a")}
    ids = {f"#{element.get('id')}" for element in shown.root.iter() if element.get("id")}
    assert targets <= ids
    rows = shown.rows("current")
    # Life threatening first, then high criticality, whatever the document's order.
    assert ["Penicilin" in rows[0] or "pénicilline" in rows[0] or "amoxicil" in rows[0], "Kikiriki" in rows[1]] == [
        True,
        True,
    ]


def test_sections_stand_in_clinical_order_with_unknown_ones_after_them(shipped: Release) -> None:
    codes = ["99999-9", "42348-3", "8716-3", "10160-0", "48765-2", "11450-4"]
    shown = Shown(page(document(*(section(one, title=f"T{one}") for one in codes)), shipped))
    words = shown.words(next(one for one in shown.root.iter("section") if one.get("id") == "sections"))
    order = [words.index(f"T{one}") for one in ("48765-2", "11450-4", "10160-0", "8716-3", "42348-3", "99999-9")]
    assert order == sorted(order)


def test_an_identity_that_differs_is_said_before_everything(shipped: Release) -> None:
    shown = Shown(page(document(section("11450-4")), shipped, differs=("birth", "sex")))
    words = shown.words()
    assert words.index("diffère de l'identité confirmée") < words.index("Informations sur la synthèse médicale")
    assert "date de naissance, sexe" in words


def test_the_title_of_the_window_names_nobody(shipped: Release) -> None:
    title = Shown(page(document(section("11450-4")), shipped)).root.find("head/title")
    assert title is not None and title.text == "Synthèse médicale"
