"""Commands, options and make targets on the pages exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ncp.cli.main import app
from tests.support.docs import PAGES, ROOT, blocks, name, quoted

COMMAND = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _lines(page: Path) -> Iterator[str]:
    """Lines of shell on a page: in backticks, in blocks, without comments; a line that goes on is one."""
    yield from quoted(page)
    for language, block in blocks(page):
        if language in ("", "sh", "bash"):
            yield from block.replace("\\\n", " ").splitlines()


def _commands(page: Path) -> Iterator[str]:
    for line in _lines(page):
        for part in re.split(r"&&|\||;", line.split(" #")[0]):
            words = re.sub(r"^\s*(?:/\S*/)?(?=ncp )", "", part.strip())
            if words.startswith("ncp "):
                yield words


def _problem(line: str) -> str:
    """What is wrong with a command line, empty for nothing: its words down to the command, then its options."""
    words = shlex.split(re.sub(r"[>…].*", "", line))[1:]
    command: Any = COMMAND
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        if found is None:
            return f"there is no command {words[0]}"
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word.partition("=")[0] for word in words if word.startswith("-")]
    return ", ".join(f"no option {option}" for option in unknown if option not in known | {"--help", "-h"})


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    assert {line: problem for line in _commands(page) if (problem := _problem(line))} == {}


def test_commands_were_found_and_wrong_ones_are_noticed() -> None:
    found = {line.split()[1] for page in PAGES for line in _commands(page)}
    assert {"serve", "config", "pki", "store", "explain", "read", "documents", "patient", "countries"} <= found
    assert _problem("ncp store unload x") and _problem("ncp serve --fast") and not _problem("ncp read a --at b")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    named = {target for line in _lines(page) for target in re.findall(r"^make ([a-z-]+)", line.strip())}
    assert named <= TARGETS


def test_the_two_commands_of_the_readme_are_targets() -> None:
    named = {line.strip() for line in _lines(ROOT / "README.md")}
    assert {"make demo", "make test"} <= named
    assert {"demo", "demo-up", "test", "lint", "attack", "bench"} <= TARGETS


def test_options_of_other_programs_of_ours_exist() -> None:
    source = (ROOT / "benchmarks" / "bench.py").read_text()
    for page in PAGES:
        for line in _lines(page):
            if "benchmarks/bench.py" in line:
                for option in re.findall(r" (--[a-z-]+)", line):
                    assert f'"{option}"' in source
