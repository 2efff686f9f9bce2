"""``ncp cda transcode`` and ``ncp cda translate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ncp.cli.main import app
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
