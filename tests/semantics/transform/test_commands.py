"""``ncp cda transcode``, ``translate``, ``show``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ncp.cli.main import app
from tests.support.summaries import ICD, code, problem, section
from tests.support.summaries import document as summary
from tests.support.transform import LOINC, document


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["cda", *words, "--database", str(folder / "catalogue")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "summary.xml"
    path.write_bytes(document())
    return path


def test_a_document_is_translated_into_a_file(tmp_path: Path, file: Path) -> None:
    out = tmp_path / "french.xml"
    result = run(tmp_path, "translate", str(file), "--language", "fr-FR", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("SUCCESS, terminology shipped-") and "1  translated" in result.stdout
    assert b"<translation " in out.read_bytes()


def test_the_report_is_one_json_document(tmp_path: Path, file: Path) -> None:
    result = run(tmp_path, "transcode", str(file), "--json")
    said = json.loads(result.stdout)
    assert (said["status"], said["errors"], sum(said["counts"].values())) == ("SUCCESS", [], 1)


def test_a_document_that_would_not_be_sent_is_told_by_the_exit_code(tmp_path: Path, file: Path) -> None:
    file.write_bytes(document(code=f'<code code="57833-6" codeSystem="{LOINC}"/>'))
    result = run(tmp_path, "transcode", str(file))
    assert result.exit_code == 1 and "4511" in result.stdout


def test_a_list_that_cannot_be_used_is_told(tmp_path: Path, file: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("nothing")
    result = run(tmp_path, "transcode", str(file), "--elements", str(listed))
    assert result.exit_code == 1 and "lacks a column" in result.stderr


def test_a_summary_is_shown_in_the_terminal_or_as_a_page(tmp_path: Path) -> None:
    file, out = tmp_path / "summary.xml", tmp_path / "page.html"
    file.write_bytes(summary(section("11450-4", problem(code("value", "J45.8", ICD, "Astma\u202e", kind="CD")))))
    shown = run(tmp_path, "show", str(file), "--language", "fr-FR")
    assert shown.exit_code == 0 and "Pathologies actives (1 élément)" in shown.stdout
    # What could turn the line round on the terminal is written out.
    assert "Astma[U+202E]" in shown.stdout and "\u202e" not in shown.stdout
    assert run(tmp_path, "show", str(file), "--language", "fr-FR", "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("view", ["upside down", "pdf"])
def test_a_view_that_there_is_not_is_told_with_those_that_there_are(view: str, tmp_path: Path, file: Path) -> None:
    result = run(tmp_path, "show", str(file), "--language", "fr-FR", "--view", view)
    assert result.exit_code != 0 and "translated, original, both, print" in result.output


def test_what_is_no_document_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.xml"
    file.write_bytes(b"<a/>")
    result = run(tmp_path, "show", str(file), "--language", "fr-FR")
    assert result.exit_code == 1 and "document.format" in result.output
