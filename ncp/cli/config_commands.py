"""``ncp config check | show | docs``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ncp.cli import output
from ncp.cli.options import CONFIG, JSON
from ncp.settings.check import check, now
from ncp.settings.fields import is_table, kind_of, written
from ncp.settings.load import KeyPath, Reading, dotted, read
from ncp.settings.model import Settings, Table
from ncp.settings.reference import reference

commands = typer.Typer(no_args_is_help=True, help="Check, show and explain the configuration.")


@commands.command("check", epilog="Example: ncp config check --config ncp.toml")
def check_command(config: CONFIG = Path("ncp.toml"), as_json: JSON = False) -> None:
    """Check the configuration and every file it names, without any network.

    Says every problem at once, each with file, line, key and remedy. Exit code 1 when there is an error.
    """
    reading = check(config, now())
    errors = [problem for problem in reading.problems if not problem.is_warning]
    if as_json:
        output.say_json({"file": str(config), "ok": not errors, "problems": reading.problems})
    else:
        output.show_problems(reading.problems)
        warnings = len(reading.problems) - len(errors)
        summary = f"{len(errors)} errors, {warnings} warnings" if reading.problems else "no problems"
        output.out.print(f"{config}: {summary}", soft_wrap=True)
    if errors:
        raise typer.Exit(output.REFUSED)


@commands.command("show", epilog="Example: NCP__LOG__LEVEL=debug ncp config show --config ncp.toml")
def show_command(config: CONFIG = Path("ncp.toml"), as_json: JSON = False) -> None:
    """Show every value that counts, and whether it comes from the file, the environment or the default.

    Secrets cannot show up: they stand in files of their own, which this command does not open.
    """
    reading = read(config, os.environ)
    if reading.settings is None:
        output.show_problems(reading.problems)
        raise typer.Exit(output.REFUSED)
    values = list(_effective(reading.settings, reading, ()))
    if as_json:
        output.say_json([{"key": key, "value": value, "origin": origin} for key, value, origin in values])
        return
    width = max(len(key) for key, _, _ in values)
    for key, value, origin in values:
        style = "dim" if origin == "default" else ""
        output.out.print(f"{key:{width}} = {value or '(none)'}  # {origin}", style=style, markup=False, soft_wrap=True)


@commands.command("docs", epilog="Example: ncp config docs > docs/configuration.md")
def docs_command() -> None:
    """Write the reference of every key, in Markdown, to stdout."""
    output.write_text(None, reference())


def _effective(table: Table, reading: Reading, path: KeyPath) -> Iterator[tuple[str, str, str]]:
    for name, field in type(table).model_fields.items():
        value: Any = getattr(table, name)
        key = (*path, name)
        if not is_table(field):
            yield dotted(key), written(value, kind_of(field)), reading.source.origin(key)
        elif isinstance(value, Table):
            yield from _effective(value, reading, key)
        elif isinstance(value, tuple):
            for position, item in enumerate(value):
                yield from _effective(item, reading, (*key, position))
        elif value is not None:
            for country, item in value.items():
                yield from _effective(item, reading, (*key, _as_written(reading, country)))


def _as_written(reading: Reading, country: str) -> str:
    """The name of a peer as the file has it, so that its lines are found."""
    peers = reading.values.get("peers", {})
    return next((name for name in peers if name.upper() == country), country)


def settings_or_fail(config: Path) -> Settings:
    """The checked settings of a file; says everything that is wrong and leaves when there is an error."""
    reading = check(config, now())
    if reading.settings is None or any(not problem.is_warning for problem in reading.problems):
        output.show_problems(reading.problems)
        output.fail(f"{config} cannot be used", f"see all of it again with: ncp config check --config {config}")
    return reading.settings
