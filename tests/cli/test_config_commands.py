"""``ncp config`` checks, shows and documents; errors name key, line and remedy, and nothing shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ncp.cli.main import app
from ncp.settings.reference import reference
from tests.support.settings import AT, CORRECT, write_correct

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_LINE = CORRECT.splitlines().index('timeout = "60s"') + 1
runner = CliRunner()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("NCP_")]:
        monkeypatch.delenv(name)
    path = write_correct(tmp_path)
    monkeypatch.setattr("ncp.cli.config_commands.now", lambda: AT)
    return path


def test_a_correct_configuration_passes(config: Path) -> None:
    done = runner.invoke(app, ["config", "check", "-c", str(config)])
    assert done.exit_code == 0, done.output
    assert "no problems" in done.stdout


def test_every_problem_is_said_with_file_line_key_and_remedy(config: Path) -> None:
    config.write_text(CORRECT.replace('"60s"', "60").replace("[log]", "[log]\nfoo = 1"))
    done = runner.invoke(app, ["config", "check", "-c", str(config)])
    assert done.exit_code == 1
    assert f"{config}:{TIMEOUT_LINE}: error: initiating.timeout: not a duration" in done.stderr
    assert '"30s"' in done.stderr
    assert "log.foo: unknown key" in done.stderr
    assert "2 errors, 0 warnings" in done.stdout


def test_a_warning_does_not_fail_the_check(config: Path) -> None:
    (config.parent / "masks" / "FR.xml").unlink()
    done = runner.invoke(app, ["config", "check", "-c", str(config)])
    assert done.exit_code == 0
    assert "warning: initiating.search_masks" in done.stderr
    assert "0 errors, 1 warnings" in done.stdout


def test_the_check_speaks_json(config: Path) -> None:
    config.write_text(CORRECT.replace('"60s"', "60"))
    done = runner.invoke(app, ["config", "check", "-c", str(config), "--json"])
    said = json.loads(done.stdout)
    assert done.exit_code == 1
    assert said["ok"] is False
    assert [problem["key"] for problem in said["problems"]] == ["initiating.timeout"]
    assert said["problems"][0]["line"] > 1


def test_show_tells_where_each_value_comes_from(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NCP__LOG__LEVEL", "debug")
    done = runner.invoke(app, ["config", "show", "-c", str(config), "--json"])
    assert done.exit_code == 0, done.output
    values = {entry["key"]: (entry["value"], entry["origin"]) for entry in json.loads(done.stdout)}
    assert values["log.level"] == ('"debug"', "$NCP__LOG__LEVEL")
    assert values["initiating.timeout"] == ('"1m"', f"line {TIMEOUT_LINE}")
    assert values["limits.request"] == ('"2MB"', "default")
    assert values["frontend.portals[0].name"][0] == '"portal"'
    assert values["peers.FR.services"][0] == '["PS"]'


def test_show_refuses_a_wrong_file(config: Path) -> None:
    config.write_text("x = 1")
    done = runner.invoke(app, ["config", "show", "-c", str(config)])
    assert done.exit_code == 1
    assert "unknown key" in done.stderr


def test_docs_writes_the_reference() -> None:
    assert runner.invoke(app, ["config", "docs"]).stdout == reference()


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "check", "-c", "/absent.toml"],
        ["config", "show", "-c", "/"],
        ["explain"],
        ["nothing"],
        ["config", "x"],
    ],
)
def test_no_wrong_use_shows_a_traceback(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ncp.cli", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_every_command_has_help_with_an_example() -> None:
    def walk(group: object, path: list[str]) -> list[list[str]]:
        commands = getattr(group, "commands", None)
        if commands is None:
            return [path]
        return [found for name, inner in commands.items() for found in walk(inner, [*path, name])]

    for path in walk(get_command(app), []):
        done = runner.invoke(app, [*path, "--help"])
        assert done.exit_code == 0
        assert "Example" in done.stdout, path
