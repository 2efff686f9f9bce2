"""``ncp validate``: exit codes, what is shown, and that nothing of a patient is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ncp.cli.main import app
from tests.support.demo_summaries import Written, demo_summaries

DEMO = list(demo_summaries())
FULL: Written = next(one for one in DEMO if (one.name, one.level) == ("HR/01-full-summary", "L3"))
_SCHEMA = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
 <ns uri="urn:hl7-org:v3" prefix="h"/><pattern id="p"><rule context="h:patient">
 <assert id="no-name" test="not(h:name)">No <value-of select="h:name"/>.</assert></rule></pattern></schema>"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


@pytest.fixture
def right(tmp_path: Path) -> Path:
    path = tmp_path / "documents" / "right.xml"
    path.parent.mkdir()
    path.write_bytes(FULL.content)
    return path


@pytest.fixture
def wrong(right: Path) -> Path:
    path = right.with_name("wrong.xml")
    path.write_bytes(FULL.content.replace(b'<birthTime value="', b'<birthTime value="x', 1))
    return path


def test_a_right_document_is_done(right: Path) -> None:
    done = run("cda", right)
    assert done.exit_code == 0
    assert "0 error, 0 warning, 0 information; looked at by own" in " ".join(done.output.split())


def test_a_wrong_document_is_refused_with_file_line_rule_and_nothing_of_the_patient(wrong: Path) -> None:
    done = run("cda", wrong)
    assert done.exit_code == 1
    line = next(
        number for number, text in enumerate(wrong.read_bytes().split(b"\n"), start=1) if b'<birthTime value="x' in text
    )
    assert f"wrong.xml:{line}: error time.form" in done.output.replace("\n", "")
    assert "recordTarget/patientRole/patient/birthTime" in done.output
    for secret in (FULL.patient.family, FULL.patient.given, FULL.patient.birth_date):
        assert secret not in done.output


def test_several_documents_make_a_table_and_only_xml_is_looked_at(wrong: Path) -> None:
    (wrong.parent / "notes.txt").write_text("x")
    done = run("cda", wrong.parent)
    assert done.exit_code == 1
    rows = [row.split() for row in done.output.splitlines()]
    assert ["right.xml", "0", "0", "-", "-", "0", "0"] in rows
    assert ["wrong.xml", "1", "1", "-", "-", "0", "0"] in rows
    assert "1 of 2 documents without errors" in done.output


def test_json_is_for_programs(wrong: Path, right: Path) -> None:
    done = run("cda", wrong, right, "--format", "json")
    first, second = json.loads(done.stdout)
    assert (first["ok"], second["ok"]) == (False, True)
    assert [one["rule"] for one in first["findings"]] == ["time.form"]
    assert first["findings"][0]["severity"] == "error" and first["checked"] == ["own"]


def test_the_least_severity_is_chosen(right: Path) -> None:
    content = right.read_bytes().replace(b'value="tel:', b'value="')
    right.write_bytes(content)
    assert "telecom.form" not in run("cda", right).output
    assert "telecom.form" in run("cda", right, "--severity", "information").output
    assert "more of telecom.form" not in run("cda", right, "--severity", "information", "--all").output


def test_rules_and_schemas_of_folders_are_applied(right: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.sch").write_text(_SCHEMA)
    done = run("cda", right, "--rules", rules, "--cache", tmp_path / "cache")
    assert done.exit_code == 1
    assert "error rules.no-name" in done.output and "No …." in done.output
    assert FULL.patient.family not in done.output
    assert list((tmp_path / "cache").glob("*.xsl"))


def test_value_sets_are_checked_with_a_catalogue(right: Path, tmp_path: Path) -> None:
    content = right.read_bytes().replace(b'administrativeGenderCode code="F"', b'administrativeGenderCode code="X"')
    right.write_bytes(content)
    done = run("cda", right, "--terminology", tmp_path / "terminology")
    assert "value-set.gender" in done.output


@pytest.mark.parametrize("content", [b"", b"<a", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', b"%PDF-1.4"])
def test_what_is_no_xml_is_not_read_and_said_so(right: Path, content: bytes) -> None:
    right.write_bytes(content)
    done = run("cda", right)
    assert done.exit_code == 1 and "right.xml" in done.output and "xml." in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone.xml",), "there is no file gone.xml"),
        (("documents", "--schemas", "gone"), "there is no folder gone"),
        (("documents", "--rules", "documents"), "holds no rules"),
        (("empty",), "there is no document"),
    ],
)
def test_wrong_use_is_told_apart_and_has_a_remedy(
    right: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    done = run("cda", *arguments)
    assert done.exit_code == 2
    assert said in done.output and len(done.output.splitlines()) >= 2


def test_without_saxon_the_command_says_what_to_install(right: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "saxonche" else find(name, *rest)
    )
    done = run("cda", right, "--rules", right.parent)
    assert done.exit_code == 2 and "pip install 'ncp-gateway[schematron]'" in done.output


def test_rules_are_listed() -> None:
    done = run("rules", "--markdown")
    assert done.exit_code == 0 and "| `header.id.missing` | error |" in done.output
