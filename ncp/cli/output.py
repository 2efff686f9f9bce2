"""How commands speak: results to stdout, everything else to stderr, and one way out with an exit code.

Exit codes of every command: 0 done, 1 refused or failed (the reason is on stderr), 2 wrong use of the command,
3 asked and nothing found, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ncp.settings.problems import Problem

DONE, REFUSED, MISUSED, NOTHING_FOUND, STOPPED = 0, 1, 2, 3, 130

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say_json(value: object) -> None:
    """One JSON document to stdout, as UTF-8."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def plain(value: object) -> Any:
    """Dataclasses, enums, times, paths as JSON has them; empty fields of dataclasses are left out.

    Shows everything, also what hides itself from ``repr``: only for a person who asked to see it.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | memoryview():
            return f"{len(value)} bytes"
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return [plain(item) for item in items]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return {name: plain(item) for name, item in fields.items() if _is_filled(name, item)}
        case _:
            return str(value)


def _is_filled(name: str, value: object) -> bool:
    if name.startswith("_"):
        return False
    return value is not None and not (isinstance(value, str | bytes | tuple | list | Mapping | frozenset) and not value)


def fail(message: str, remedy: str = "", *, code: int = REFUSED) -> NoReturn:
    """Say what went wrong and what to do, and leave."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if remedy:
        err.print(f"       {escape(remedy)}", soft_wrap=True)
    raise typer.Exit(code)


def show_problems(problems: Iterable[Problem], console: Console = err) -> None:
    """Problems of a configuration, one a line, in a form editors can jump to."""
    for problem in problems:
        word = "[yellow]warning[/]" if problem.is_warning else "[bold red]error[/]"
        where = f"{problem.place}:{problem.line}" if problem.line else problem.place
        key = f"[bold]{escape(problem.key)}[/]: " if problem.key else ""
        console.print(f"{escape(where)}: {word}: {key}{escape(problem.problem)}", soft_wrap=True)
        if problem.remedy:
            console.print(f"    {escape(problem.remedy)}", soft_wrap=True)


@contextmanager
def working(what: str) -> Iterator[Progress]:
    """A moving line on stderr while something takes long; nothing where stderr is not a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        progress.add_task(what, total=None)
        yield progress


def write_text(path: Path | None, text: str) -> None:
    """To the file, or to stdout for None."""
    if path is None:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")
