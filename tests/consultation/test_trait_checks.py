"""What is said of traits before anybody is asked: the kind, what is expected, and nothing of what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.search_masks import SearchMasks
from ncp.trait_checks import ProblemTexts
from ncp.wire.errors import RequestError
from ncp.wire.ids import CountryCode
from xcpd.masks import read_mask

CONFIG = Path(__file__).resolve().parents[2] / "config"
TODAY = date(2026, 3, 2)
TEXTS = ProblemTexts.load(CONFIG / "mask_problems.toml")
CHOICE = b"""<searchFields xmlns="http://ec.europa.eu/sante/ehncp/ism"><country code="ES" label="l"><patientSearch>
<identifier type="CHOICE">
<ids display="CIP"><id domain="1.1" label="label.ism.regionalPatientIdentifier" format="[A-Z0-9]+"/>
<id domain="1.2" label="label.ism.regionIdentifier" format="\\d{6}"/></ids>
<ids display="SNS"><id domain="1.3" label="label.ism.nationalPersonIdentifier" format="(ab)+"
contextualDescription="On the card"/></ids>
</identifier>
<birthDate label="label.ism.birthDate" format="" mandatory="true"/><gender label="label.ism.gender" format=""/>
</patientSearch></country></searchFields>"""

SHIPPED = SearchMasks.load(
    CONFIG / "search_masks",
    [CountryCode(code) for code in ("HR", "MT")],
    CONFIG / "mask_labels.toml",
    CONFIG / "mask_problems.toml",
    CONFIG / "search_masks" / "pictures",
)
SPAIN = SearchMasks({CountryCode("ES"): read_mask(CHOICE, CountryCode("ES"))}, {}, TEXTS)


def kinds(values: Mapping[str, str], *, complete: bool = False) -> dict[str, str]:
    found = SPAIN.check(CountryCode("ES"), values, "en", complete=complete, today=TODAY)
    return {each.id: each.kind.value for each in found}


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("fr-FR", "Numéro de sécurité sociale : la saisie est trop longue ou trop courte. Attendu : 9 chiffres. "
         "Par exemple 123456789."),
        ("sv", "Social security number: too long or too short. Expected: 9 digits. For example 123456789."),
    ],
)  # fmt: skip
def test_the_message_says_how_many_digits_in_the_language_asked_for(language: str, message: str) -> None:
    (problem,) = SHIPPED.check(
        CountryCode("HR"), {"nationalSocialSecurityNumber": "4711"}, language, complete=False, today=TODAY
    )
    assert (problem.kind.value, problem.message, problem.example) == ("length", message, "123456789")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        ({"birthDate": "1970-02-29"}, {"birthDate": "date"}),
        ({"birthDate": "2027-01-01"}, {"birthDate": "date"}),
        ({"birthDate": "1570-01-01"}, {"birthDate": "date"}),
        ({"birthDate": "1970-04-09"}, {}),
        ({"birthDate": " "}, {}),
        ({"gender": "x"}, {"gender": "format"}),
        ({"gender": "f"}, {}),
        ({"regionIdentifier": "12 34 56"}, {}),
        ({"regionIdentifier": "12345"}, {"regionIdentifier": "length"}),
        ({"regionIdentifier": "12345x"}, {"regionIdentifier": "format"}),
        ({"regionIdentifier": "1" * 201}, {"regionIdentifier": "length"}),
        ({"regionalPatientIdentifier": "A\x07"}, {"regionalPatientIdentifier": "format"}),
        ({"nationalPersonIdentifier": "zz"}, {"nationalPersonIdentifier": "format"}),
        ({"other": "1"}, {"other": "unknown"}),
    ],
)
def test_kinds_of_problems_while_the_form_is_filled(values: dict[str, str], expected: dict[str, str]) -> None:
    assert kinds(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"regionalPatientIdentifier": "choice", "birthDate": "missing"}),
        ({"regionIdentifier": "123456"}, {"regionalPatientIdentifier": "missing", "birthDate": "missing"}),
        ({"nationalPersonIdentifier": "ab", "birthDate": "19700409"}, {}),
    ],
)
def test_what_is_missing_counts_when_the_form_is_complete(values: dict[str, str], expected: dict[str, str]) -> None:
    assert kinds(values, complete=True) == expected


def test_a_country_without_a_mask() -> None:
    with pytest.raises(RequestError):
        SPAIN.check(CountryCode("HR"), {}, "fr", complete=True, today=TODAY)


@given(
    st.dictionaries(
        st.sampled_from(("regionalPatientIdentifier", "regionIdentifier", "birthDate", "gender", "other")),
        st.text(alphabet=st.characters(codec="utf-8"), max_size=40).map(lambda text: f"\u2603{text}"),
    ),
    st.sampled_from(("fr", "en")),
)
def test_nothing_that_was_typed_is_said(values: dict[str, str], language: str) -> None:
    for problem in SPAIN.check(CountryCode("ES"), values, language, complete=True, today=TODAY):
        assert "\u2603" not in problem.message + problem.example


def test_every_language_says_everything() -> None:
    texts = TEXTS._texts
    assert texts["fr"].keys() == texts["en"].keys()
    for key, text in texts["en"].items():
        names = {part.partition("}")[0] for part in text.split("{")[1:]}
        assert {part.partition("}")[0] for part in texts["fr"][key].split("{")[1:]} == names, key


def test_help_pictures_stand_in_the_form_in_the_language_asked_for() -> None:
    form = SHIPPED.form(CountryCode("HR"), "fr-FR")
    assert [(image.media_type, image.name) for image in form.images] == [
        ("image/svg+xml", "Carte d'assurance santé"),
        ("image/svg+xml", "Carte d'identité"),
    ]
    assert "MBO" in form.images[0].description
    assert SHIPPED.form(CountryCode("HR"), "pl").images[1].name == "Identity card"
