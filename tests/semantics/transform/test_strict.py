"""The replay of OpenNCP 7.1: class and number of every failure, as its transformation service reports it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ncp.semantics.terminology import rows
from ncp.semantics.transform.result import Status, Transformation
from tests.support.transform import (
    LOINC,
    NATIONAL,
    SNOMED,
    allergy,
    document,
    found,
    names,
    problem,
    release,
    transcoded,
    translated,
)

KIND = "//h:act//h:observation/h:code"

CONTENT: list[rows.Row] = [
    rows.SystemVersion(SNOMED, "2022", "2022-01-01"),
    rows.SystemVersion(SNOMED, "2023", "2023-01-01"),
    *names(SNOMED, "good", en="good", fr="bon"),
    *names(SNOMED, "english only", en="only"),
    *names(SNOMED, "french only", fr="seulement"),
    rows.Concept(SNOMED, "new", "2023"),
    *names(SNOMED, "new", en="new", fr="neuf"),
    rows.Concept(SNOMED, "retired", "", "retired"),
    rows.Designation(SNOMED, "retired", "en-GB", "retired"),
    rows.Designation(SNOMED, "retired", "fr-FR", "retiré"),
    rows.Concept(SNOMED, "withdrawn"),
    rows.Designation(SNOMED, "withdrawn", "en-GB", "old", True, "official", "retired"),
    rows.Designation(SNOMED, "withdrawn", "fr-FR", "vieux", True, "official", "retired"),
    rows.Concept(SNOMED, "two"),
    *(rows.Designation(SNOMED, "two", tag, f"{tag} {n}", False) for tag in ("en-GB", "fr-FR") for n in (1, 2)),
    rows.Concept(SNOMED, "nameless"),
    rows.Mapping(NATIONAL, "to nameless", SNOMED, "nameless"),
    rows.Mapping(NATIONAL, "to good", SNOMED, "good"),
    rows.Mapping(NATIONAL, "invalid", SNOMED, "good", "invalid"),
]


def code(value: str, system: str = SNOMED, **more: str) -> str:
    words = {"codeSystemName": "SNOMED CT" if system == SNOMED else "Nat-Diag", "displayName": "x", **more}
    return f'<code code="{value}" codeSystem="{system}" {" ".join(f"{k}={v!r}" for k, v in words.items())}/>'


def told(result: Transformation) -> list[tuple[str, str]]:
    return [(one.wire_class, one.code) for one in (*result.errors, *result.warnings)]


@pytest.mark.parametrize(
    ("element", "transcoding", "translation"),
    [
        (code("good"), [], []),
        (code("good", "9.9"), [("TSAMErrorCtx", "4501")], [("TSAMErrorCtx", "4501")]),
        (code("good", codeSystemVersion="1999"), [("TSAMErrorCtx", "4502")], [("TSAMErrorCtx", "4502")]),
        (code("good", codeSystemVersion="2023"), [], []),
        (code("new", codeSystemVersion="2022"), [("TSAMErrorCtx", "4503")], [("TSAMErrorCtx", "4503")]),
        (code("absent"), [("TSAMErrorCtx", "4503")], [("TSAMErrorCtx", "4503")]),
        (code("french only"), [("TSAMErrorCtx", "4504")], []),
        (code("english only"), [], [("TSAMErrorCtx", "4505")]),
        (code("to nameless", NATIONAL), [("TSAMErrorCtx", "4505")], [("TSAMErrorCtx", "4505")]),
        (code("withdrawn"), [("TSAMErrorCtx", "4510")], [("TSAMErrorCtx", "4510")]),
        (code("two"), [("TSAMErrorCtx", "2506")], [("TSAMErrorCtx", "2506")]),
        # Looked at as source and as target, and told both times.
        (code("retired"), [("TSAMErrorCtx", "2509")] * 2, [("TSAMErrorCtx", "2509")]),
        (code("good", codeSystemName="SNOMED-CT"), [("TSAMErrorCtx", "2508")], [("TSAMErrorCtx", "2508")]),
        ('<code code="good"/>', [("TMErrorCtx", "2508")], [("TMErrorCtx", "2508")]),
        ('<code code="good"><originalText/></code>', [], []),
        ('<code nullFlavor="UNK"/>', [], []),
        # An association that is not valid is used when there is no other.
        (code("invalid", NATIONAL), [], [("TSAMErrorCtx", "4505")]),
    ],
)
def test_each_failure_has_its_number(
    tmp_path: Path, element: str, transcoding: list[tuple[str, str]], translation: list[tuple[str, str]]
) -> None:
    catalogue, content = release(tmp_path, CONTENT), allergy(element.replace("'", '"'))
    assert told(transcoded(content, catalogue, strict=True)) == transcoding
    assert told(translated(content, catalogue, strict=True)) == translation


def test_names_of_one_code_system_are_both_told(tmp_path: Path) -> None:
    content = allergy(code("good", codeSystemName="SNOMED-CT").replace("'", '"'))
    result = translated(content, release(tmp_path, CONTENT), strict=True)
    assert [one.context for one in result.warnings] == ["SNOMED CT != SNOMED-CT"]


def test_another_type_is_told_and_the_code_taken_all_the_same(tmp_path: Path) -> None:
    value = code("good").replace("<code", '<value xsi:type="CV"').replace("'", '"')
    result = translated(problem(value), release(tmp_path, CONTENT), strict=True)
    # The observation is a problem by two rows of the list.
    assert told(result) == [("TMError", "2507")] * 2
    assert found(result.content, "//h:observation/h:value").get("displayName") == "bon"


def test_a_language_matches_to_the_letter(tmp_path: Path) -> None:
    result = translated(allergy(code("good").replace("'", '"')), release(tmp_path, CONTENT), "fr", strict=True)
    assert ("TSAMErrorCtx", "4505") in told(result)


@pytest.mark.parametrize(
    ("operation", "number"), [(transcoded, "4505"), (translated, "4512")], ids=["transcode", "translate"]
)
def test_a_required_code_that_fails_is_an_error_of_its_own(
    tmp_path: Path, operation: Callable[..., Transformation], number: str
) -> None:
    content = document(code='<code code="60591-5" codeSystem="9.9"/>')
    result = operation(content, release(tmp_path, CONTENT), strict=True)
    assert [(one.wire_class, one.code) for one in result.errors] == [("TSAMErrorCtx", "4501"), ("TMErrorCtx", number)]
    assert result.status is Status.ERROR


def test_a_required_element_that_is_missing_is_an_error(tmp_path: Path) -> None:
    content = document(code=f'<code code="57833-6" codeSystem="{LOINC}"/>')
    result = transcoded(content, release(tmp_path, CONTENT), strict=True)
    missing = [one.context for one in result.errors if (one.wire_class, one.code) == ("TMErrorCtx", "4511")]
    assert len(missing) == 2 and missing[0] == "//author/functionCode" and missing[1].endswith("/formCode")


def test_nothing_is_written_where_the_look_up_failed(tmp_path: Path) -> None:
    content = allergy(code("absent").replace("'", '"'))
    result = transcoded(content, release(tmp_path, CONTENT), strict=True)
    assert (result.content, result.changed) == (content, False)


def test_codes_that_no_row_names_are_left(tmp_path: Path) -> None:
    inner = code("good").replace("'", '"')
    result = translated(
        document(f"<section><entry><act>{inner}</act></entry></section>"), release(tmp_path, CONTENT), strict=True
    )
    assert found(result.content, "//h:act/h:code").get("displayName") == "x"
