"""Who may log in, France: the table of cases that the rules were agreed with, one test per line and variant."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ncp.eligibility.evaluation import choose, evaluate, professional_of, read_user_info
from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.eligibility.rules import Rules, read_rules
from ncp.eligibility.situations import Evaluation
from ncp.wire.ids import Oid
from saml_assertions.facts import AUTHENTICATION_CLASS
from saml_assertions.issue import issue_hcp
from tests.shared import shared
from tests.support.assertions import AT, FR, message, seal_of, verify_message
from tests.support.logins import NUMBER, ROOT, activity, exercice, user_info

FILE = (ROOT / "config/eligibility/fr.toml").read_text(encoding="utf-8")
RULES = read_rules(FILE.encode())


def changed(*changes: tuple[str, str]) -> Rules:
    text = FILE
    for pattern, by in changes:
        text, count = re.subn(pattern, by, text)
        assert count
    return read_rules(text.encode())


def judged(*exercices: Any, rules: Rules = RULES, **claims: Any) -> Evaluation:
    return evaluate({}, read_user_info(json.dumps(user_info(*exercices, **claims)).encode()), rules)


def told(*exercices: Any, rules: Rules = RULES, **claims: Any) -> Any:
    """``(role, facility)`` of each situation that passes, or the refusal."""
    try:
        found = judged(*exercices, rules=rules, **claims).require()
    except NotEligible as refused:
        return refused.refusal
    return [(each.role, each.facility_type) for each in found.situations]


def bare(profession: str, category: str = "C", **values: Any) -> dict[str, Any]:
    """An exercice without ``activities``."""
    made = exercice(profession, category, **values)
    del made["activities"]
    return made


GP, H = [("221", "Resident Physician")], "Hospital"
X = Refusal
REFUSED = ("26", "28", "31", "35", "71", "73", "86", "93", "97", "41", "99")
CASES = {
    "1 general practitioner": (exercice("10", skill="SM54"), GP),
    "2 radiologist": (exercice("10", "C", activity(mode="S", sector="SA01"), skill="SM44"), [("221", H)]),
    "3 occupational medicine": (exercice("10", skill="SM25"), X.OCCUPATIONAL_MEDICINE),
    "4 CAPA11": (exercice("10", skill="CAPA11"), X.OCCUPATIONAL_MEDICINE),
    "4 SCH35": (exercice("10", skill="SCH35"), X.OCCUPATIONAL_MEDICINE),
    "4 C41": (exercice("10", skill="C41"), X.OCCUPATIONAL_MEDICINE),
    "5 SA66": (exercice("10", "C", activity(mode="S", sector="SA66"), skill="SM54"), X.OCCUPATIONAL_MEDICINE),
    "6 FON-29": (
        exercice("10", "C", activity(function="FON-29", sector="SA04"), skill="SM54"),
        X.OCCUPATIONAL_MEDICINE,
    ),
    "7 nurse SA66": (exercice("60", "C", activity(mode="S", sector="SA66")), [("2221", "Other")]),
    "9 absent": (bare("10"), X.NO_PRACTICE_SITUATION),
    "9 empty": (bare("10", activities=[]), X.NO_PRACTICE_SITUATION),
    "10 no mode": (exercice("10", "C", activity(mode="")), X.NO_PRACTICE_MODE),
    "10 mode I": (exercice("10", "C", activity(mode="I")), X.NO_PRACTICE_MODE),
    "10 mode X": (exercice("10", "C", activity(mode="X")), X.NO_PRACTICE_MODE),
    "11 volunteer": (exercice("10", "C", activity(mode="B", sector="SA28")), [("221", "Other")]),
    "12 insurer": (exercice("10", "C", activity(sector="SA23")), X.PRIVATE_INSURANCE),
    "13 insurer and practice": (exercice("10", "C", activity(sector="SA23"), activity()), GP),
    "14 insurer and no mode": (exercice("10", "C", activity(sector="SA23"), activity(mode="")), X.NO_PRACTICE_MODE),
    "15 no name": (exercice("10", "C", activity(name="")), X.PLACE_INSUFFICIENT),
    "15 no locality": (exercice("10", "C", activity(codePostal="", codeCommune="")), X.PLACE_INSUFFICIENT),
    "15 SA43": (exercice("10", "C", activity(sector="SA43")), X.PLACE_INSUFFICIENT),
    "15 no sector": (exercice("10", "C", activity(sector="")), X.PLACE_INSUFFICIENT),
    "16 enseigne": (exercice("10", "C", activity(name=" ", enseigneCommercialeSite="MAISON")), GP),
    "17 intern": (exercice("10", "E", activity(function="FON-48", mode="S", sector="SA01")), [("221", H)]),
    "18 student without function": (exercice("10", "E", activity(mode="S", sector="SA01")), [("221", H)]),
    "19 another function": (exercice("10", "E", activity(function="FON-05")), X.STUDENT_NOT_ELIGIBLE),
    "20 midwife": (exercice("50", "E"), X.STUDENT_NOT_ELIGIBLE),
    "20 nurse": (exercice("60", "E"), X.STUDENT_NOT_ELIGIBLE),
    "21 A": (exercice("21", "C", activity(section="A", sector="SA33")), [("2262", "Pharmacy")]),
    "22 G": (exercice("21", "C", activity(section="G", sector="SA25")), [("2262", "Other")]),
    "23 H": (exercice("21", "C", activity(section="H", mode="S", sector="SA01")), [("2262", H)]),
    "24 B": (exercice("21", "C", activity(section="B", sector="SA32")), X.PHARMACIST_SECTION),
    "24 C": (exercice("21", "C", activity(section="C", sector="SA31")), X.PHARMACIST_SECTION),
    "24 EB": (exercice("21", "C", activity(section="EB")), X.PHARMACIST_SECTION),
    "24 EC": (exercice("21", "C", activity(section="EC")), X.PHARMACIST_SECTION),
    "25 in": (exercice("21", "C", activity(section="", sector="SA33")), [("2262", "Pharmacy")]),
    "25 out": (exercice("21", "C", activity(section="", sector="SA32")), X.PHARMACIST_SECTION),
    "26 intern": (exercice("21", "E", activity(function="FON-48", sector="SA01")), [("2262", H)]),
    "27 officine": (exercice("39", "C", activity(mode="S", sector="SA33")), [("3213", "Pharmacy")]),
    "27 hospital": (exercice("38", "C", activity(mode="S", sector="SA01")), [("3213", H)]),
    **{
        f"29 {code}": (exercice(code), X.PROFESSION_NOT_ELIGIBLE)
        for code in ["26", "28", "31", "35", "71", "73", "86", "93", "97", "41", "99"]
    },
    "30 no profession": (exercice(""), X.NOT_A_PROFESSIONAL),
    "32 GENR04": (exercice("10", "C", activity(kind="GENR04")), GP),
    "37 spaces and case": (exercice(" 10", " c ", activity(sector="sa07 ", mode=" l")), GP),
    "42 SM25 without activities": (bare("10", codeSavoirFaire="SM25"), X.OCCUPATIONAL_MEDICINE),
    "44 pharmacist without activities": (bare("21"), X.NO_PRACTICE_SITUATION),
    "44 E SA33": (exercice("21", "C", activity(section="E", sector="SA33")), [("2262", "Pharmacy")]),
    "44 E SA46": (exercice("21", "C", activity(section="E", sector="SA46")), X.PHARMACIST_SECTION),
    "45 preparer as student": (exercice("39", "E"), X.STUDENT_NOT_ELIGIBLE),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_the_table(given: dict[str, Any], expected: Any) -> None:
    assert told(given) == expected


ROLES = {
    "40": "2261", "50": "2222", "60": "2221", "69": "2221", "70": "2264", "80": "2269", "91": "2266", "92": "2267",
    "94": "2269", "95": "2265", "96": "2269", "98": "3211",
}  # fmt: skip


@pytest.mark.parametrize(("profession", "role"), ROLES.items())
def test_28_the_other_professions_and_their_roles(profession: str, role: str) -> None:
    assert told(exercice(profession)) == [(role, "Resident Physician")]


def test_8_occupational_medicine_bars_the_exercice_or_with_the_strict_setting_the_person() -> None:
    both = (
        exercice("10", "C", activity(sector="SA66"), skill="SM25"),
        exercice("10", "C", activity(), skill="SM54"),
    )
    assert [each.id for each in judged(*both).situations] == ["1.0"]
    strict = changed(('scope = "exercice"', 'scope = "person"'))
    assert told(*both, rules=strict) == X.OCCUPATIONAL_MEDICINE


def test_13_the_insurer_is_not_offered() -> None:
    found = judged(exercice("10", "C", activity(sector="SA23"), activity()))
    assert [each.id for each in found.situations] == ["0.1"]


def test_18_students_without_a_function_can_be_refused() -> None:
    strict = changed(('function_missing = "allow"', 'function_missing = "refuse"'))
    student = exercice("10", "E", activity(mode="S", sector="SA01"))
    assert told(student, rules=strict) == X.STUDENT_NOT_ELIGIBLE
    assert told(bare("10", "E"), rules=strict) == X.NO_PRACTICE_SITUATION


@pytest.mark.parametrize("described", [{}, {"SubjectRefPro": None}, {"SubjectRefPro": {"exercices": []}}])
def test_30_nobody_without_a_profession(described: dict[str, Any]) -> None:
    claims = user_info()
    del claims["SubjectRefPro"]
    found = evaluate({}, read_user_info(json.dumps(claims | described).encode()), RULES)
    with pytest.raises(NotEligible) as refused:
        found.require()
    assert refused.value.refusal is X.NOT_A_PROFESSIONAL


def test_31_one_of_two_professions_is_enough() -> None:
    found = judged(exercice("93"), exercice("60"))
    assert [(each.id, each.profession, each.role) for each in found.situations] == [("1.0", "60", "2221")]


@pytest.mark.parametrize(
    "activities", [{"kind": "GENR04"}, {"function": "FON-19"}, {"sector": "SA22"}, {"sector": "SA62"}], ids=str
)
def test_32_activities_that_are_no_care_can_be_refused(activities: dict[str, str]) -> None:
    doctor = exercice("10", "C", activity(**activities))
    assert isinstance(told(doctor), list)
    assert told(doctor, rules=changed(("enabled = false", "enabled = true"))) == X.NON_CARE_ACTIVITY


@pytest.mark.parametrize("given", [b"", b"[]", b"nope", b'{"sub": 1', b"\xff\xfe", b'{"a": NaN}', b'{"a": 1, "a": 2}'])
def test_36_what_is_no_json_object_is_unreadable(given: bytes) -> None:
    with pytest.raises(NotEligible) as refused:
        read_user_info(given)
    assert refused.value.refusal is X.UNREADABLE_CLAIMS


@pytest.mark.parametrize(
    "described",
    [
        [],
        "10",
        {"exercices": {}},
        {"exercices": ["10"]},
        {"exercices": [exercice("10")] * 51},
        {"exercices": [exercice("10", activities={})]},
        {"exercices": [exercice(["10"])]},
        {"exercices": [exercice("10", "C", activity(mode={"a": 1}))]},
        {"exercices": [exercice("10", "C", activity(name="x" * 4001))]},
        {"exercices": [exercice("10", "C", *([activity()] * 201))]},
    ],
    ids=lambda described: str(described)[:40],
)
def test_36_what_has_another_form_is_unreadable(described: Any) -> None:
    assert told(SubjectRefPro=described) == X.UNREADABLE_CLAIMS


def test_36_null_is_as_empty() -> None:
    assert told(bare("10", activities=None)) == X.NO_PRACTICE_SITUATION
    assert told(SubjectRefPro={"exercices": None}) == X.NOT_A_PROFESSIONAL
    assert told(exercice("10", None, activity(numeroVoie=None))) == GP


def test_38_odd_names_are_escaped_and_cut_and_the_assertion_is_valid() -> None:
    odd = "<b>&\u202e\u200f\x00\ud7ff" + "x" * 300
    found = judged(
        exercice("10", "C", activity(name=odd, libelleVoie=odd), nomDexercice=odd, prenomDexercice="<A&B>")
    ).require()
    assertion = issued(found)
    claims = verify_message(message(assertion)).hcp
    assert claims.subject == found.situations[0].name and claims.subject.startswith("<A&B> <b>&")
    assert len(found.situations[0].locality) <= 250 and len(found.situations[0].name) <= 250
    assert not {"\u202e", "\u200f", "\x00"} & set(found.situations[0].locality + found.situations[0].name)


def issued(found: Evaluation, purpose: str = "TREATMENT") -> bytes:
    offered, chosen = choose(found, found.situations[0].id)
    assert offered and chosen is not None
    who = professional_of(
        found,
        chosen,
        authenticated=AT,
        authentication_class=AUTHENTICATION_CLASS + "SmartcardPKI",
        purpose=purpose,
    )
    return issue_hcp(who, country=FR, home=Oid("1.2.999.1"), signer=seal_of("FR"), id="_a1", at=AT)


ID = "urn:hl7ii:1.2.250.1.71.4.2.2:"
NUMBERS: dict[str, tuple[dict[str, str], str]] = {
    "39 zeros": ({"numeroSirenSite": "000000000", "numeroSiretSite": "00000000000000"}, ""),
    "40 FINESS": ({"numeroFinessSite": "750000000", "numeroSiretSite": "12345678900011"}, ID + "1750000000"),
    "legal entity": ({"numeroFinessetablissementJuridique": "750000001"}, ID + "1750000001"),
    "SIRET": ({"numeroSiretSite": "12345678900011", "numeroSirenSite": "123456789"}, ID + "312345678900011"),
    "SIREN": ({"numeroSirenSite": "123456789"}, ID + "2123456789"),
    "technical": ({"identifiantTechniqueDeLaStructure": "R10100000012345"}, ID + "R10100000012345"),
    "none": ({}, ""),
}


@pytest.mark.parametrize(("numbers", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_39_40_the_number_of_the_organisation(numbers: dict[str, str], expected: str) -> None:
    assert judged(exercice("10", "C", activity(**numbers))).situations[0].organisation_id == expected


@pytest.mark.parametrize(
    "blank", [{"name": "NC"}, {"name": " - "}, {"name": "000"}, {"codePostal": "00000", "codeCommune": "NC"}], ids=str
)
def test_placeholders_are_blank(blank: dict[str, str]) -> None:
    assert told(exercice("10", "C", activity(**blank))) == X.PLACE_INSUFFICIENT


def test_a_place_abroad_needs_country_and_street_or_town() -> None:
    abroad = {"codePostal": "", "codeCommune": "", "codePays": "99138"}
    assert told(exercice("10", "C", activity(**abroad))) == GP
    nowhere = {**abroad, "libelleVoie": "", "numeroVoie": "", "bureauCedex": ""}
    assert told(exercice("10", "C", activity(**nowhere))) == X.PLACE_INSUFFICIENT


def test_the_professional_of_the_assertion() -> None:
    found = judged(exercice("10", "C", activity(sector="SA01", numeroFinessSite="350000001"), skill="SM54")).require()
    claims = verify_message(message(issued(found, "EMERGENCY"))).hcp
    assert (claims.name_id, claims.npi, claims.subject) == (NUMBER, NUMBER, "Camille EXEMPLE")
    assert (claims.roles, claims.facility_type, claims.purpose) == (("221",), "Hospital", "EMERGENCY")
    assert claims.locality == "CABINET EXEMPLE, 2 R DE LA PAIX, 35000 RENNES"
    assert claims.organisation_id == ID + "1350000001"
    situation = found.situations[0]
    assert situation.name == "Camille EXEMPLE"
    assert situation.locality == "CABINET EXEMPLE, 2 R DE LA PAIX, 35000 RENNES"
    assert situation.organisation == "CABINET EXEMPLE"
    text = issued(found).decode()
    assert "SM54" not in text and "SA01" not in text and 'code="221"' in text


def test_the_name_falls_back_to_that_of_the_login() -> None:
    found = judged(exercice("10", nomDexercice="", prenomDexercice=""))
    assert found.situations[0].name == "Camille EXEMPLE"
    with pytest.raises(NotEligible, match=r"claims\.name"):
        judged(exercice("10", nomDexercice="", prenomDexercice=""), given_name="", family_name="").require()
    with pytest.raises(NotEligible, match=r"claims\.identifier"):
        judged(exercice("10"), SubjectNameID="", preferred_username="").require()


def test_token_and_user_info_of_two_persons_are_refused() -> None:
    with pytest.raises(NotEligible, match="AUTH_FAILED"):
        evaluate({"preferred_username": "899700000002"}, user_info(exercice("10")), RULES)


def test_a_sector_that_the_list_does_not_know_is_other_and_noted() -> None:
    (found,) = judged(exercice("10", "C", activity(sector="SA99"))).situations
    assert (found.facility_type, found.notes) == ("Other", ("sector.unlisted",))


def test_a_portal_for_some_roles_is_offered_those() -> None:
    found = judged(exercice("10"), exercice("60"))
    offered, chosen = choose(found, "", {"2221"})
    assert [each.id for each in offered] == ["1.0"] and chosen == offered[0]
    assert choose(found, "0.0", {"2221"})[1] is None
    assert choose(found, "")[1] is None
    assert choose(found, "7.7")[1] is None


def test_the_order_of_the_steps_decides_which_reason_is_shown() -> None:
    insurer_and_bad_place = exercice("10", "C", activity(sector="SA23"), activity(name=""))
    assert told(insurer_and_bad_place) == X.PLACE_INSUFFICIENT
    same_step = exercice("93"), exercice("26")
    assert judged(*same_step).profession == "93"


# --- messages --------------------------------------------------------------------------------------------------------


def test_messages_name_the_profession_in_the_language() -> None:
    text, language = RULES.message(X.PROFESSION_NOT_ELIGIBLE, "fr-FR", "93")
    assert language == "fr"
    assert text.startswith("Votre profession (Psychologue) ne fait pas partie des catégories de professionnels ")
    assert "(Psychologist)" in RULES.message(X.PROFESSION_NOT_ELIGIBLE, "en", "93")[0]
    assert RULES.message(X.AUTH_FAILED, "hr")[1] == "fr"


def test_the_french_texts_are_those_that_were_agreed() -> None:
    page = shared("spec/hcp_eligibility_fr.md").read_text(encoding="utf-8")
    agreed = dict(re.findall(r"^\| `([A-Z_]+)` \|.*« (.+) »[^|]*\|$", page, re.MULTILINE))
    assert agreed == dict(RULES.messages["fr"])


# --- samples of others -----------------------------------------------------------------------------------------------


def sample(name: str) -> bytes:
    found: Path = shared(f"samples/saml/psc/{name}.json")
    return found.read_bytes()


def test_the_full_sample_has_three_situations() -> None:
    found = evaluate({}, read_user_info(sample("userinfo_full")), RULES).require()
    assert [(each.id, each.facility_type) for each in found.situations] == [
        ("0.0", "Resident Physician"),
        ("0.1", "Resident Physician"),
        ("0.2", "Hospital"),
    ]
    assert found.identifier == "ANS20210107161422"
    verify_message(message(issued(found)))


def test_the_minimal_sample_has_no_practice_situation() -> None:
    found = evaluate({}, read_user_info(sample("userinfo_minimal_no_activity")), RULES)
    assert found.refusal is X.NO_PRACTICE_SITUATION


@pytest.mark.parametrize("name", ["A <b> & 'c' \"d\"", "É" * 400, "\u202eevil\u202c", "Ⅷ\u00a0Ⅸ", "🙂 clinic"])
def test_assertions_of_odd_places_follow_the_official_schema(name: str) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared("schemas/saml/ehdsi-assertion.xsd"))))
    assertion = issued(judged(exercice("10", "C", activity(name=name), nomDexercice=name)).require())
    schema.assertValid(etree.fromstring(assertion))
