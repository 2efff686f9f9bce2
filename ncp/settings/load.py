"""From a TOML file and the environment to ``Settings``, or to the list of everything that is wrong with them.

Looks at the file alone. Whether the files it names exist and fit is for ``ncp.settings.check``.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ncp.settings import rules
from ncp.settings.fields import field_at, is_table, kind_of, suggestion
from ncp.settings.model import Settings
from ncp.settings.problems import Problem, SettingsErrors
from ncp.settings.toml_lines import line_of, locate
from ncp.settings.types import REMEDIES

PREFIX = "NCP__"
_LARGEST = 1024 * 1024
_WHERE = re.compile(r"\(at line (\d+), column \d+\)")
_KINDS_OF_TEXT = ("number", "true or false", "list of", "table of", "pair of")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where each value came from: the file's lines, and the environment variables that replaced some of them."""

    path: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    overrides: Mapping[KeyPath, str] = field(default_factory=dict)

    def problem(self, key: KeyPath, problem: str, remedy: str = "", *, is_warning: bool = False) -> Problem:
        """A problem with the value of ``key``, said where the value was written."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.overrides:
                return Problem(f"${self.overrides[key[:length]]}", 0, dotted(key), problem, remedy, is_warning)
        return Problem(str(self.path), line_of(dict(self.lines), key), dotted(key), problem, remedy, is_warning)

    def origin(self, key: KeyPath) -> str:
        """``line 12``, ``$NCP__LOG__LEVEL`` or ``default``."""
        if key in self.overrides:
            return f"${self.overrides[key]}"
        return f"line {self.lines[key]}" if key in self.lines else "default"


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as read: ``settings`` is None when it cannot be used; ``problems`` may also hold warnings."""

    source: Source
    values: Mapping[str, Any]
    settings: Settings | None
    problems: tuple[Problem, ...]


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, with ``NCP__SECTION__KEY`` from the environment over them.

    Raises ``SettingsErrors`` with everything that is wrong, at once. Reads no other file than this one.
    """
    reading = read(path, environment)
    errors = [problem for problem in reading.problems if not problem.is_warning]
    if errors or reading.settings is None:
        raise SettingsErrors(errors)
    return reading.settings


def read(path: Path, environment: Mapping[str, str] | None = None) -> Reading:
    """As ``load``, but returns what is wrong instead of raising."""
    values, source, problems = _values(path, os.environ if environment is None else environment)
    if values is None:
        return Reading(source, {}, None, tuple(problems))
    settings, found = validate(values, source)
    problems += found
    if settings is not None:
        problems += rules.problems(settings, source.problem)
    return Reading(source, values, settings, tuple(problems))


def _values(path: Path, environment: Mapping[str, str]) -> tuple[dict[str, Any] | None, Source, list[Problem]]:
    source = Source(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            return None, source, [Problem(str(path), 0, "", "larger than 1 MB", "is this the configuration file?")]
        text = data.decode("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        return None, source, [Problem(str(path), 0, "", reason, "name the configuration file with --config")]
    except UnicodeDecodeError:
        return None, source, [Problem(str(path), 0, "", "not UTF-8 text", "save the file as UTF-8")]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, source, [_syntax(path, str(error))]
    overrides, problems = _override(values, environment)
    return values, Source(path, locate(text), overrides), problems


def _syntax(path: Path, message: str) -> Problem:
    where = _WHERE.search(message)
    said = _WHERE.sub("", message).strip()
    return Problem(
        str(path), int(where.group(1)) if where else 0, "", f"not TOML: {said}", 'texts stand in quotes: key = "value"'
    )


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> tuple[dict[KeyPath, str], list[Problem]]:
    overrides: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        path = _path_of(name)
        known = field_at(path) if path else None
        if known is None:
            remedy = suggestion(path) if path else "write NCP__SECTION__KEY"
            problems.append(Problem(f"${name}", 0, dotted(path), "unknown key", remedy))
            continue
        try:
            value = _from_text(environment[name], kind_of(known))
            _put(values, path, value)
        except ValueError as error:
            problems.append(Problem(f"${name}", 0, dotted(path), str(error), "write the value as in the file"))
        else:
            overrides[path] = name
    return overrides, problems


def _path_of(name: str) -> KeyPath:
    parts = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
    if len(parts) > 1 and parts[0] == "peers":
        parts[1] = parts[1].upper()
    return tuple(parts) if all(parts) else ()


def _from_text(text: str, kind: str) -> object:
    """Texts, durations, paths stand as they are; numbers, truth values and lists are written as in TOML."""
    if not kind.startswith(_KINDS_OF_TEXT):
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        raise ValueError(f"not a {kind.removeprefix('list of ')}" if "list" not in kind else "not a list") from None


def _put(values: dict[str, Any], path: KeyPath, value: object) -> None:
    names = [str(part) for part in path]
    table = values
    for depth, name in enumerate(names[:-1]):
        if depth == 1 and names[0] == "peers":  # the file may have written the country in lower case
            name = next((written for written in table if written.upper() == name), name)
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ValueError("stands inside a list, which cannot be changed from outside")
        table = inner
    table[names[-1]] = value


def validate(values: Mapping[str, Any], source: Source) -> tuple[Settings | None, list[Problem]]:
    """The values against the model. Relative paths are taken from the folder of the file."""
    problems = [
        source.problem(("peers", name), "this country stands twice", "keep one of the tables")
        for name in _twice(values.get("peers"))
    ]
    try:
        settings = Settings.model_validate_json(
            json.dumps(values, default=lambda value: {"toml": str(value)}),
            context={"folder": source.path.absolute().parent},
        )
    except ValidationError as error:
        return None, problems + _translated(error, source)
    return settings, problems


def _twice(peers: object) -> list[str]:
    seen: set[str] = set()
    found = []
    for name in peers if isinstance(peers, dict) else ():
        if name.upper() in seen:
            found.append(name)
        seen.add(name.upper())
    return found


def _translated(error: ValidationError, source: Source) -> list[Problem]:
    problems = []
    for entry in error.errors(include_url=False):
        key = tuple(part for part in entry["loc"] if part != "[key]")
        kind, value = entry["type"], entry["input"]
        if kind == "extra_forbidden":
            problem, remedy = "unknown key", suggestion(key)
        elif kind == "missing":
            problem, remedy = "missing", _missing(key)
        elif kind == "value_error":
            problem = str(entry["ctx"]["error"])
            remedy = REMEDIES.get(problem, "")
            problem += _shown(value)
        elif kind == "too_short":
            if any(other["loc"][: len(key)] == key and other["loc"] != key for other in error.errors()):
                continue  # its elements are what is wrong
            problem, remedy = "empty", "write at least one value"
        else:
            problem, remedy = _said(entry["msg"]) + _shown(value), _expected(key)
        problems.append(source.problem(key, problem, remedy))
    return sorted(problems, key=lambda problem: problem.line)


def _missing(key: KeyPath) -> str:
    known = field_at(key)
    if known is None or is_table(known):
        return f"add the table [{dotted(key)}]"
    return f"write {key[-1]} = ... ({kind_of(known)})"


def _expected(key: KeyPath) -> str:
    known = field_at(key)
    if known is None:
        return ""
    return f"write it as a table [{dotted(key)}]" if is_table(known) else f"expected: {kind_of(known)}"


def _said(message: str) -> str:
    return message.removeprefix("Input ").replace("should be", "must be").replace("valid string", "text in quotes")


def _shown(value: object) -> str:
    """The refused value of a known key; keys never hold secrets, so it may be shown."""
    return f" ({str(value)[:60]!r})" if isinstance(value, str) else f" ({value})" if isinstance(value, int) else ""


def dotted(key: KeyPath) -> str:
    """``("frontend", "portals", 0, "name")`` → ``frontend.portals[0].name``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
