"""Dates, numbers, units, doses and frequencies in words: as precise as written (HL7 v3 data types; UCUM)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.semantics.display.wording import Wording
from ncp.semantics.naming import Names
from ncp.semantics.read_cda import read_cda
from ncp.semantics.terminology.release import Release
from ncp.semantics.values import Place, Point, Quantity
from tests.support.summaries import Shown, document, medicine, page, section


def wording(release: Release, language: str = "fr-FR") -> Wording:
    return Wording(Names(release, language, "hr-HR"))


@pytest.mark.parametrize(
    ("digits", "french", "english"),
    [
        ("2015", "2015", "2015"),
        ("201503", "mars 2015", "March 2015"),
        ("20150301", "01/03/2015", "01/03/2015"),
        ("201503011430", "01/03/2015 14:30", "01/03/2015 14:30"),
        ("201503011430+0200", "01/03/2015 14:30 (+02:00)", "01/03/2015 14:30 (+02:00)"),
        ("20150301143005", "01/03/2015 14:30:05", "01/03/2015 14:30:05"),
        ("19700101", "01/01/1970", "01/01/1970"),
        ("29991231", "31/12/2999", "31/12/2999"),
        # What is no date is shown as it stands.
        ("20151301", "20151301", "20151301"),
        ("20150230", "20150230", "20150230"),
        ("20150229", "20150229", "20150229"),
        ("20160229", "29/02/2016", "29/02/2016"),
        ("2015-03-01", "2015-03-01", "2015-03-01"),
        ("yesterday", "yesterday", "yesterday"),
    ],
)
def test_dates(digits: str, french: str, english: str, shipped: Release) -> None:
    assert wording(shipped).day(digits) == french
    assert wording(shipped, "en-GB").day(digits) == english


@given(st.from_regex(r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])", fullmatch=True))
def test_no_digit_of_a_day_is_lost_or_moved(digits: str) -> None:
    said = _BARE.day(digits)
    assert said == f"{digits[6:]}/{digits[4:6]}/{digits[:4]}"


@given(st.text(max_size=20))
def test_anything_in_the_place_of_a_date_is_said_and_breaks_nothing(written: str) -> None:
    assert bool(_BARE.day(written)) is bool(written)


@pytest.mark.parametrize(
    ("value", "unit", "french", "english"),
    [
        ("500", "mg", "500 mg", "500 mg"),
        ("2.5", "mL", "2,5 mL", "2.5 mL"),
        ("0.10", "g", "0,10 g", "0.10 g"),
        ("120", "mm[Hg]", "120 mmHg", "120 mmHg"),
        ("10", "[iU]", "10 UI", "10 IU"),
        ("3", "d", "3 j", "3 d"),
        ("1", "1", "1 unité(s)", "1 unit(s)"),
        ("2", "{tablet}", "2 tablet", "2 tablet"),
        ("20", "{cigarettes}/d", "20 cigarettes/j", "20 cigarettes/d"),
        ("5", "mmol/L", "5 mmol/L", "5 mmol/L"),
        ("7", "[foo_bar]", "7 [foo_bar]", "7 [foo_bar]"),
        ("about 5", "mg", "about 5 mg", "about 5 mg"),
    ],
)
def test_quantities_keep_their_digits(value: str, unit: str, french: str, english: str, shipped: Release) -> None:
    quantity = Quantity(Place("x"), value, unit)
    assert wording(shipped).quantity(quantity).replace("\u202f", " ") == french
    assert wording(shipped, "en-GB").quantity(quantity).replace("\u202f", " ") == english


FREQUENCIES = [
    (
        '<effectiveTime xsi:type="PIVL_TS"><period value="12" unit="h"/></effectiveTime>',
        "toutes les 12 h",
        "every 12 h",
    ),
    ('<effectiveTime xsi:type="PIVL_TS"><period value="8" unit="h"/></effectiveTime>', "toutes les 8 h", "every 8 h"),
    (
        '<effectiveTime xsi:type="PIVL_TS"><period value="1" unit="d"/></effectiveTime>',
        "1 fois par jour",
        "once per day",
    ),
    (
        '<effectiveTime xsi:type="PIVL_TS" institutionSpecified="true"><period value="12" unit="h"/></effectiveTime>',
        "2 fois par jour",
        "2 times per day",
    ),
    (
        '<effectiveTime xsi:type="PIVL_TS"><period value="2" unit="d"/></effectiveTime>',
        "tous les 2 jours",
        "every 2 days",
    ),
    (
        '<effectiveTime xsi:type="PIVL_TS"><period value="1" unit="wk"/></effectiveTime>',
        "1 fois par semaine",
        "once per week",
    ),
    ('<effectiveTime xsi:type="PIVL_TS"><period value="5" unit="foo"/></effectiveTime>', "5 foo", "5 foo"),
    ('<effectiveTime xsi:type="PIVL_TS"><period nullFlavor="UNK"/></effectiveTime>', "Inconnu", "Unknown"),
    ('<effectiveTime xsi:type="EIVL_TS"><event code="HS"/></effectiveTime>', "Au coucher", ""),
    (
        '<effectiveTime xsi:type="EIVL_TS"><event code="ACM"/><offset value="30" unit="min"/></effectiveTime>',
        "Avant le petit-déjeuner (décalage : 30 min)",
        "(offset: 30 min)",
    ),
    (
        '<effectiveTime xsi:type="PIVL_TS" operator="E"><period value="1" unit="wk"/></effectiveTime>',
        "sauf 1 fois par semaine",
        "except once per week",
    ),
]


@pytest.mark.parametrize(("written", "french", "english"), FREQUENCIES)
def test_frequencies_are_never_guessed(written: str, french: str, english: str, shipped: Release) -> None:
    content = document(section("10160-0", medicine("Lijek", written)))
    (row,) = Shown(page(content, shipped)).rows()
    assert french in row
    (row,) = Shown(page(content, shipped, "en-GB")).rows()
    assert english in row


@pytest.mark.parametrize(
    ("inside", "french"),
    [
        ('<low value="20260101"/>', "à partir du 01/01/2026"),
        ('<low value="202601"/>', "à partir de janvier 2026"),
        ('<high value="20260101"/>', "jusqu'au 01/01/2026"),
        ('<low value="20260101"/><high value="20260201"/>', "du 01/01/2026 au 01/02/2026"),
        ('<low value="20260101"/><high nullFlavor="UNK"/>', "à partir du 01/01/2026, fin inconnue"),
        ('<low value="20260101"/><width value="10" unit="d"/>', "à partir du 01/01/2026, pendant 10 j"),
        ('<width value="10" unit="d"/>', "pendant 10 j"),
        ('<center value="2026"/>', "vers 2026"),
    ],
)
def test_periods_say_what_is_written_and_never_that_it_goes_on(inside: str, french: str, shipped: Release) -> None:
    times = f'<effectiveTime xsi:type="IVL_TS">{inside}</effectiveTime>'
    (row,) = Shown(page(document(section("10160-0", medicine("Lijek", times))), shipped)).rows()
    assert french in row and "en cours" not in row.replace("En cours", "")


@pytest.mark.parametrize(
    ("dose", "french"),
    [
        ('<doseQuantity><low value="1"/><high value="2"/></doseQuantity>', "1 à 2 unité(s)"),
        ('<doseQuantity><low value="1" unit="mg"/><high value="1" unit="mg"/></doseQuantity>', "1 mg"),
        ('<doseQuantity value="1.5"/>', "1,5 unité(s)"),
        ('<doseQuantity><low value="1" unit="mg"/></doseQuantity>', "au moins 1 mg"),
        ('<doseQuantity nullFlavor="NAV"/>', "Information momentanément indisponible"),
    ],
)
def test_doses(dose: str, french: str, shipped: Release) -> None:
    (row,) = Shown(page(document(section("10160-0", medicine("Lijek", dose))), shipped)).rows()
    assert french in row


def test_telephone_and_mail_are_text_and_never_links(shipped: Release) -> None:
    header = (
        '<recordTarget><patientRole><id root="1"/><telecom use="MC" value="tel:+3851234"/>'
        '<telecom value="mailto:a@b.hr"/><telecom value="javascript:alert(1)"/></patientRole></recordTarget>'
    )
    shown = Shown(page(document(section("11450-4"), header=header), shipped))
    words = shown.words()
    assert "+3851234 (Téléphone mobile)" in words and "a@b.hr" in words and "javascript:alert(1)" in words
    assert all((link.get("href") or "").startswith("#") for link in shown.root.iter("a"))


class _NoRelease:
    """Names nothing: for what needs no names."""

    name = "none"

    def lookup(self, *_: object) -> None:
        return None


_BARE = Wording(Names(_NoRelease(), "fr-FR"))  # type: ignore[arg-type]


def test_a_point_without_a_value_is_its_null_flavour(shipped: Release) -> None:
    assert wording(shipped).point(Point(Place("x"), "", "UNK")) == "Inconnu"
    assert wording(shipped).point(Point(Place("x"), "")) == ""
    assert read_cda(document()).sections == ()
