"""``ncp explain`` knows every code, tells for whom it is, and groups what no list has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ncp.cli.error_facts import FACTS, TRANSFORMATION
from ncp.cli.explain import explain, page
from ncp.cli.main import app
from ncp.cli.reasons import GROUPS, REASONS
from ncp.wire.errors import Code, all_codes

ROOT = Path(__file__).resolve().parents[2]
WHERE = {"ITI-55", "ITI-38", "ITI-39", "ITI-41", "front end", "log"}


@pytest.mark.parametrize("code", list(all_codes()), ids=lambda code: code.value)
def test_every_code_tells_what_it_means_for_whom_where_and_since_when(code: Code) -> None:
    found = explain(code.value)
    assert found.is_known
    assert found.text == code.text
    assert found.when.endswith(".")
    assert found.where
    assert set(found.where) <= WHERE
    assert found.versions
    assert found.user.endswith(".")
    assert found.operator.endswith(".")


@pytest.mark.parametrize(
    ("code", "since"),
    [
        ("ERROR_PI_GENERIC", "6.0"),
        ("ERROR_PI_MISSING_REQUIRED_FIELDS", "8.0"),
        ("WARNING_PI_NO_CONSENT", "8.0"),
        ("ERROR_PS_INCORRECT_LANGUAGE", "8.1 only"),
        ("1102", "up to 7.1"),
        ("XDSUnknownPatientId", "ITI TF-3"),
    ],
)
def test_the_version_that_first_knew_a_code_is_told(code: str, since: str) -> None:
    assert since in explain(code).versions


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("ERROR_PI_NO_MATCH", "ITI-55"),
        ("4206", "ITI-38"),
        ("ERROR_PS_NOT_FOUND", "ITI-38"),
        ("XDSMissingDocument", "ITI-39"),
        ("4106", "ITI-41"),
        ("ERROR_GENERIC_CONNECTION_NOT_POSSIBLE", "front end"),
        ("WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS", "log"),
    ],
)
def test_the_message_that_carries_a_code_is_told(code: str, where: str) -> None:
    assert where in explain(code).where


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("ERROR_XX_NOT_FOUND", "not found"),
        ("1109", "not found"),
        ("ERROR_LAB_NO_CONSENT", "consent"),
        ("ERROR_HPI_SOMETHING", "professional"),
        ("ERROR_SEC_SOMETHING", "security"),
        ("ERROR_LAB_NOT_AVAILABLE", "try later"),
        ("NS250", "technical"),
    ],
)
def test_a_code_of_no_list_is_grouped_by_its_name(code: str, family: str) -> None:
    found = explain(code)
    assert not found.is_known
    assert found.family == family


def test_a_transformation_code_tells_both_of_its_meanings() -> None:
    found = explain("4505")
    assert "Required coded element was not transcoded" in found.text
    assert "Designation for Code System Concept not found" in found.text
    assert "no document is sent" in found.when
    assert "the document is sent nevertheless" in explain("2502").when


def test_a_reason_of_the_log_tells_what_the_peer_was_told() -> None:
    assert explain("sig.value").told == ("ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED",)
    assert explain("TRC.patient").told == ("4206", "ERROR_GENERIC_DOCUMENT_MISSING")
    assert explain("wsa.action.mismatch").text == GROUPS["wsa"]


def test_the_codes_of_logins_are_known() -> None:
    found = explain("private_insurance")
    assert (found.name, found.family, found.is_known) == ("PRIVATE_INSURANCE", "professional", True)
    assert explain("eligibility.X5").text == GROUPS["eligibility"]
    assert explain("token.signature").text == GROUPS["token"]


def test_spelling_and_case_are_forgiven() -> None:
    assert explain(" error_pi_no_match ").name == "ERROR_PI_NO_MATCH"
    assert explain("xdsmissingdocument").name == "XDSMissingDocument"


def test_the_command_explains_and_its_exit_code_tells_whether_the_code_is_known() -> None:
    runner = CliRunner()
    known = runner.invoke(app, ["explain", "ERROR_PI_NO_MATCH"])
    assert known.exit_code == 0
    assert "ITI-55" in known.stdout
    unknown = runner.invoke(app, ["explain", "ERROR_PI_NOMATCH"])
    assert unknown.exit_code == 3
    assert "ERROR_PI_NO_MATCH" in unknown.stdout
    none = runner.invoke(app, ["explain"])
    assert none.exit_code == 2


def test_the_command_speaks_json() -> None:
    runner = CliRunner()
    found = json.loads(runner.invoke(app, ["explain", "4701", "--json"]).stdout)
    assert found["family"] == "consent"
    everything = json.loads(runner.invoke(app, ["explain", "--all", "--json"]).stdout)
    assert {entry["name"] for entry in everything} == {*FACTS, *TRANSFORMATION, *REASONS}


def test_the_command_lists_every_code() -> None:
    listed = CliRunner().invoke(app, ["explain", "--all"]).stdout
    assert all(code.value in listed for code in all_codes())


def test_the_page_of_errors_is_up_to_date() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == page(), "run: ncp explain --all --markdown > docs/errors.md"


_REASON = re.compile(
    r"""(?:Error|Fault|Refused|refuse\w*|fault|refusal\w*)\(\s*(?:[\w.]+,\s*)?["']([a-z_]+\.[a-z_.]+)["']"""
)


def test_every_reason_that_the_gateway_gives_is_explained() -> None:
    # Importers of terminology refuse rows of files, with reasons for their report only.
    rows = ROOT / "ncp" / "semantics" / "terminology"
    given = {
        reason
        for folder in ("ncp", "xcpd", "xca", "saml_assertions", "trust_store")
        for path in (ROOT / folder).rglob("*.py")
        if rows not in path.parents
        for reason in _REASON.findall(path.read_text(encoding="utf-8"))
    }
    assert given, "the pattern finds no reason at all"
    assert not {reason for reason in given if not explain(reason).is_known or explain(reason).kind != "reason"}
