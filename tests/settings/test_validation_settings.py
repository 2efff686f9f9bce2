"""The table [validation]: folders that are not there, SaxonC that is not installed, modes without effect."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ncp.settings.check import check
from tests.support.settings import AT, CORRECT, write_correct


def problems(folder: Path, table: str) -> dict[str, tuple[str, str, bool]]:
    path = write_correct(folder)
    path.write_text(f"{CORRECT}\n[validation]\n{table}\n", encoding="utf-8")
    return {one.key: (one.problem, one.remedy, one.is_warning) for one in check(path, AT, {}).problems}


def test_folders_with_files_in_them_are_right(tmp_path: Path) -> None:
    (tmp_path / "xsd" / "xsd-pharma").mkdir(parents=True)
    (tmp_path / "xsd" / "xsd-pharma" / "CDA_Pharma.xsd").touch()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "epsos-PatientSummary.sch").touch()
    assert problems(tmp_path, 'schema_folder = "xsd"\nrules_folder = "rules"') == {}


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ('schema_folder = "xsd"', "validation.schema_folder", "no such folder"),
        ('rules_folder = "gone"', "validation.rules_folder", "no such folder"),
        ('rules_folder = "masks"', "validation.rules_folder", "holds no file .sch"),
        ('schema_folder = "masks"', "validation.schema_folder", "holds no file .xsd"),
        ('own = "loud"', "validation.own", "'off', 'warn' or 'refuse'"),
        ('rules_limit = "1s"', "validation.rules_limit", "shorter than rules_patience"),
        ('rules_memory = "64MB"', "validation.rules_memory", "less than 256 MB"),
        ('rules_mode = "refuse"', "validation.rules_mode", "has no effect without rules_folder"),
        ('schema_mode = "refuse"', "validation.schema_mode", "has no effect without schema_folder"),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_a_remedy(tmp_path: Path, table: str, key: str, said: str) -> None:
    problem, remedy, is_warning = problems(tmp_path, table)[key]
    assert said in problem and remedy
    assert is_warning == key.endswith("_mode")


def test_rules_without_saxon_are_said_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "saxonche" else find(name, *rest)
    )
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.sch").touch()
    problem, remedy, _ = problems(tmp_path, 'rules_folder = "rules"')["validation.rules_folder"]
    assert "SaxonC is not installed" in problem and "ncp-gateway[schematron]" in remedy
