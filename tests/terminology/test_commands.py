"""``ncp terminology`` from an empty folder to an activated release, and what it says when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ncp.cli.main import app
from tests.support.terminology import DUMP, NATIONAL, SYSTEM, VALUE_SET, code_system, package

runner = CliRunner()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogue") / "terminology"


def run(database: Path, *arguments: object, code: int = 0) -> Any:
    done = runner.invoke(app, ["terminology", *map(str, arguments), "--database", str(database), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_from_import_over_activation_to_look_up_and_back(database: Path, tmp_path: Path) -> None:
    (tmp_path / "ltrdb.sql").write_text(DUMP, encoding="utf-8")
    made = run(database, "import", tmp_path / "ltrdb.sql", "--note", "own licence")
    release = made["report"]["manifest"]["release"]
    assert made["activated"] is False and made["report"]["refused_count"] == 2
    listed = {one["manifest"]["release"]: one["is_active"] for one in run(database, "list", "--verify")["releases"]}
    assert len(listed) == 2 and listed[release] is False
    run(database, "lookup", SYSTEM, "C1", code=3)
    before = run(database, "activate", release)["before"]
    found = run(database, "lookup", SYSTEM, "C1", "--language", "fr-FR")
    assert found["release"] == release and found["designation"]["text"] == "L'abdomen aigu"
    assert run(database, "lookup", NATIONAL, "N1", code=3)["mappings"][0]["target_code"] == "C1"
    # Going back loses what the release brought, so it has to be agreed to.
    refused = runner.invoke(app, ["terminology", "activate", before, "--database", str(database)])
    assert refused.exit_code == 1 and "--yes" in refused.stderr and "concepts are gone" in refused.stderr
    assert run(database, "activate", before, "--yes")["active"] == before
    assert run(database, "diff", before, release)["added_concepts"]["count"] == 3


def test_a_package_can_be_imported_and_activated_in_one_step_and_says_where_it_is_from(
    database: Path, tmp_path: Path
) -> None:
    source = package(tmp_path / "p.tgz", {"CodeSystem-forms": code_system(identifier=[])})
    made = run(database, "import", source, "--language", "fr", "--activate")
    assert made["activated"] is True
    assert made["report"]["manifest"]["sources"][-1] == {
        "name": "invented.terminology",
        "version": "1.0.0",
        "license": "CC0-1.0",
    }


def test_an_import_that_shrinks_a_value_set_is_made_but_not_activated_without_consent(
    database: Path, tmp_path: Path
) -> None:
    header = "value_set_oid,value_set_name,version,code_system_oid,code\n"
    (tmp_path / "v.csv").write_text(header + "".join(f"{VALUE_SET},e,9,{SYSTEM},X{n}\n" for n in range(10)))
    run(database, "import", tmp_path / "v.csv", "--activate")
    (tmp_path / "v.csv").write_text(header + "".join(f"{VALUE_SET},e,9,{SYSTEM},X{n}\n" for n in range(5)))
    done = runner.invoke(
        app, ["terminology", "import", str(tmp_path / "v.csv"), "--activate", "--database", str(database)]
    )
    assert done.exit_code == 1 and "loses 5 of 10 codes" in done.stderr and "not activated" in done.stderr


def test_what_cannot_be_imported_is_said_in_one_line_and_changes_nothing(database: Path, tmp_path: Path) -> None:
    before = run(database, "list")
    (tmp_path / "x.json").write_text("{")
    for arguments in (["import", str(tmp_path / "x.json")], ["activate", "nothing"], ["diff", "nothing"]):
        done = runner.invoke(app, ["terminology", *arguments, "--database", str(database)])
        assert done.exit_code == 1 and done.stderr.startswith("error:") and "Traceback" not in done.output
    missing = runner.invoke(app, ["terminology", "import", str(tmp_path / "none"), "--database", str(database)])
    assert missing.exit_code == 2
    plain = runner.invoke(
        app, ["terminology", "import", "http://cts.example.eu/", "--database", str(database), "--user", "u"]
    )
    assert plain.exit_code == 1 and "https" in plain.stderr
    assert run(database, "list") == before


def test_coverage_counts_coded_elements_and_names_codes_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.xml").write_text(
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><code code="60591-5" codeSystem="2.16.840.1.113883.6.1"/>'
        f'<code code="C1" codeSystem="{SYSTEM}"><translation code="N" codeSystem="{NATIONAL}"/></code>'
        '<code nullFlavor="UNK"/></ClinicalDocument>',
        encoding="utf-8",
    )
    result = run(tmp_path / "c", "coverage", tmp_path / "d", "--language", "fr")["coverage"]
    assert (result["named"], result["unnamed"], result["nulls"], result["national"]) == (1, 1, 1, 1)
    assert [(one["code"], one["instead"]) for one in result["missing"]] == [("C1", "unknown-system")]
    (tmp_path / "d" / "b.xml").write_text("<!DOCTYPE x><x/>")
    assert run(tmp_path / "c", "coverage", tmp_path / "d", code=1)["unread"]
    run(tmp_path / "c", "coverage", tmp_path / "c", code=3)
