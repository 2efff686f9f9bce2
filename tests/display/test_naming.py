"""What a code is called, and how good that name is (``docs/display.md``, names)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.semantics.coding import CodeState
from ncp.semantics.naming import Names
from ncp.semantics.terminology import rows
from ncp.semantics.terminology.release import Release
from ncp.semantics.understand import SECTION_KINDS
from ncp.semantics.values import Coded, Place, Text
from tests.display.conftest import made
from tests.support.summaries import SNOMED, Shown, code, document, page, problem, section

AT = Place("x")
NATIONAL = "1.2.250.1.999.1"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return made(
        tmp_path_factory.mktemp("small"),
        [
            rows.Designation(SNOMED, "1", "en-GB", "Wheeze"),
            rows.Designation(SNOMED, "1", "fr-FR", "Sifflement"),
            rows.Designation(SNOMED, "2", "en-GB", "Only English"),
            rows.Designation(SNOMED, "3", "fr-BE", "Septante"),
            rows.Concept(SNOMED, "4", "2026", status="retired"),
            rows.Designation(SNOMED, "4", "fr-FR", "Ancien"),
        ],
    )


@pytest.mark.parametrize(
    ("coded", "state", "text", "language"),
    [
        (Coded(AT, "1", SNOMED, display="Wheeze"), CodeState.TRANSLATED, "Sifflement", "fr-FR"),
        (Coded(AT, "1", SNOMED, system_version="1999"), CodeState.TRANSLATED, "Sifflement", "fr-FR"),
        (Coded(AT, "2", SNOMED, display="Šum"), CodeState.FALLBACK_ENGLISH, "Only English", "en-GB"),
        (Coded(AT, "3", SNOMED), CodeState.TRANSLATED, "Septante", "fr-BE"),
        (Coded(AT, "99", SNOMED, display="Words"), CodeState.FALLBACK_ENGLISH, "Words", ""),
        (Coded(AT, "99", SNOMED), CodeState.UNKNOWN_CODE, "99 (SNOMED CT)", ""),
        (Coded(AT, "N1", NATIONAL, display="Riječi"), CodeState.UNKNOWN_CODE, "Riječi", ""),
        (Coded(AT, "N1", "", system_name="Mine"), CodeState.UNKNOWN_CODE, "N1 (Mine)", ""),
        (
            Coded(AT, null_flavor="OTH", translations=(Coded(AT, "N1", NATIONAL, display="Class"),)),
            CodeState.UNMAPPED,
            "Class",
            "",
        ),
        (Coded(AT, null_flavor="OTH", original=Text(AT, "Riječi")), CodeState.UNMAPPED, "Riječi", "hr-HR"),
        (Coded(AT, original=Text(AT, "Riječi")), CodeState.NOT_CODED, "Riječi", "hr-HR"),
    ],
)
def test_every_code_has_words_and_a_state(
    coded: Coded, state: CodeState, text: str, language: str, small: Release
) -> None:
    named = Names(small, "fr-FR", "hr-HR").of(coded)
    assert (named.state, named.text, named.language) == (state, text, language)


@pytest.mark.parametrize(("own", "state"), [("en-IE", CodeState.SAME), ("cs-CZ", CodeState.FALLBACK_ENGLISH)])
def test_an_english_reader_is_told_when_nobody_knows_that_a_name_is_english(
    own: str, state: CodeState, small: Release
) -> None:
    assert Names(small, "en-GB", own).of(Coded(AT, "99", SNOMED, display="Astma")).state is state


def test_a_retired_concept_is_named_and_said_to_be_retired(small: Release) -> None:
    assert Names(small, "fr-FR").of(Coded(AT, "4", SNOMED)).retired


def test_a_null_flavour_keeps_the_words_beside_it(shipped: Release) -> None:
    named = Names(shipped, "fr-FR", "hr-HR").of(Coded(AT, null_flavor="UNK", original=Text(AT, "možda")))
    assert (named.state, named.text, named.words) == (CodeState.NULL, "Inconnu", "možda")


def test_english_and_national_words_are_kept_behind_the_name(small: Release) -> None:
    pivot = Coded(AT, "1", SNOMED, display="Wheeze", translations=(Coded(AT, "N1", NATIONAL, display="Piskanje"),))
    friendly = Coded(AT, "1", SNOMED, display="Sifflement", translations=(pivot,))
    for coded in (pivot, friendly):
        origin = Names(small, "fr-FR").origin(coded)
        assert (origin.english, origin.national) == ("Wheeze", "Piskanje")


def test_a_translated_element_tells_its_english_without_any_catalogue(empty: Release) -> None:
    pivot = Coded(AT, "1", SNOMED, display="Wheeze")
    origin = Names(empty, "fr-FR").origin(Coded(AT, "1", SNOMED, display="Sifflement", translations=(pivot,)))
    assert origin.english == "Wheeze"


def test_an_empty_catalogue_marks_every_code_and_names_all_by_the_document(empty: Release) -> None:
    content = document(section("11450-4", problem(code("value", "1", SNOMED, "Wheeze", kind="CD"))))
    shown = Shown(page(content, empty))
    (row,) = shown.rows()
    assert "Wheeze" in row and "Non traduit" in row
    assert "ne sont pas traduits" in shown.words()


def test_the_shipped_sets_need_no_badge(shipped: Release) -> None:
    names = Names(shipped, "fr-FR")
    for loinc in SECTION_KINDS:
        assert names.of(Coded(AT, loinc, "2.16.840.1.113883.6.1")).state is CodeState.TRANSLATED
    assert names.of(Coded(AT, "active"), "2.16.840.1.113883.5.14").state is CodeState.TRANSLATED


@pytest.mark.parametrize(
    ("tag", "french"),
    [("hr-HR", "croate (Croatie)"), ("de", "allemand"), ("xx-XX", "xx-XX"), ("", "")],
)
def test_languages_by_name(tag: str, french: str, shipped: Release) -> None:
    assert Names(shipped, "fr-FR").tongue(tag) == french


def test_no_word_of_a_document_is_in_a_repr(small: Release, tmp_path: Path) -> None:
    names = Names(small, "fr-FR")
    coded = Coded(AT, "N1", NATIONAL, display="Secret")
    assert "Secret" not in repr(names.of(coded)) + repr(names.origin(coded)) + repr(coded)
