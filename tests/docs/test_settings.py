"""Keys of the configuration on the pages exist, and the limits on the page are those in force."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from ncp.settings.fields import field_at
from ncp.settings.model import Settings
from ncp.settings.units import parse_duration, parse_size
from ncp_portal.settings import Settings as PortalSettings
from tests.support.docs import PAGES, ROOT, blocks, name, quoted, text

_KEY = re.compile(r"^\[{1,2}([a-zA-Z_.<> ]+)\]{1,2}(?: ([a-z_0-9]+))?(?: = .*)?$")
_DOTTED = re.compile(r"^(?:limits|responding|initiating)\.[a-z_]+$")
"""Tables whose names no reason begins with."""
_FILES_OF_OTHERS = {"tool.importlinter", "Service", "absent", "address", "author", "organisation"}
"""Tables of other files: pyproject.toml, a systemd unit, the folder of patients, help pictures."""
_PORTALS_PAGES = {"portal.md", "portal-guide.md"}
_OTHER_TABLES = {"picture", "picture.name", "picture.alt", "other_names", "consent", "allergies"}


def _exists(dotted: str, page: str = "") -> bool:
    if page in _PORTALS_PAGES and _is_portals(*dotted.split(".")):
        return True
    path = tuple("FR" if part in ("XX", "CC", "<country>") else part for part in dotted.split("."))
    if path[:1] == ("peers",) and len(path) == 2:
        return True
    return field_at(path) is not None or path == ("peers",) or _is_table(path)


def _is_table(path: tuple[str, ...]) -> bool:
    fields = Settings.model_fields
    for part in path:
        if part not in fields:
            return False
        inner = str(fields[part].annotation)
        found = re.search(r"ncp\.settings\.model\.(\w+)", inner)
        if found is None:
            return False
        model = getattr(importlib.import_module("ncp.settings.model"), found.group(1))
        fields = getattr(model, "model_fields", {})
    return bool(fields)


def _is_portals(table: str, key: str = "", *more: str) -> bool:
    """Whether the web portal, whose file is another one, has this table or key."""
    field = PortalSettings.model_fields.get(table)
    return field is not None and not more and (not key or key in getattr(field.annotation, "model_fields", {}))


def _named(page: Path) -> set[str]:
    found: set[str] = set()
    for code in quoted(page):
        match = _KEY.match(code)
        if match is not None:
            table, key = match.groups()
            if table not in _FILES_OF_OTHERS | _OTHER_TABLES:
                found.add(f"{table}.{key}" if key else table)
        elif _DOTTED.match(code):
            found.add(code)
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "errors.md"], ids=name)
def test_every_key_of_a_page_exists(page: Path) -> None:
    assert {key for key in _named(page) if not _exists(key, page.name)} == set()


def test_keys_were_found_and_wrong_ones_are_noticed() -> None:
    named = set().union(*(_named(page) for page in PAGES))
    assert {"server.max_connections", "trust.anchors", "peers.XX", "frontend.portals", "capture"} <= named
    assert not _exists("server.speed") and not _exists("metrics") and _exists("tls.client")
    assert (
        not _exists("login.speed", "portal.md") and not _exists("login.scope") and _exists("login.scope", "portal.md")
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_example_of_configuration_on_a_page_names_keys_that_exist(page: Path) -> None:
    for language, block in blocks(page):
        if language != "toml":
            continue
        for table, values in tomllib.loads(block).items():
            if table in Settings.model_fields and isinstance(values, dict):
                assert all(_exists(f"{table}.{key}") for key in values), f"{name(page)}: {table}"


# --- the page of limits ----------------------------------------------------------------------------------------------

LIMITS = ROOT / "docs" / "limits.md"
_ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<value>[^|]+) \| (?P<by>[^|]+) \|", re.MULTILINE)
_CONSTANT = re.compile(r"`([\w/]+)\.py:([A-Za-z_]\w*)(?:\.(\w+))?`")
_SIZES = {
    "characters": 1,
    "bytes": 1,
    "KB": 1024,
    "kB": 1024,
    "MB": 1024**2,
    "GB": 1024**3,
    "ms": 0.001,
    "s": 1,
    "h": 3600,
}


_NUMBER = re.compile(rf"(\d+)(?: ({'|'.join(_SIZES)})\b)?")


def _rows() -> list[tuple[str, str, str]]:
    return [(row["what"], row["value"], row["by"]) for row in _ROW.finditer(text(LIMITS)) if "`" in row["by"]]


@pytest.mark.parametrize(
    ("what", "value", "by"), [row for row in _rows() if "`[" in row[2]], ids=lambda text: text[:40]
)
def test_a_limit_that_is_configured_has_the_default_of_the_page(what: str, value: str, by: str) -> None:
    table, key = re.findall(r"`\[(\w+)\] (\w+)`", by)[0]
    field = field_at((table, key))
    assert field is not None
    default = field.default
    assert default is not PydanticUndefined
    if value[0].isdigit():
        wanted: object = int(value) if value.isdigit() else value
        if isinstance(default, str | timedelta):
            parse = parse_duration if value[-1] in "smhd" and not value.endswith("B") else parse_size
            assert parse(str(default)) == parse(value), what
        else:
            assert default == wanted, what


@pytest.mark.parametrize(
    ("what", "value", "by"), [row for row in _rows() if ".py:" in row[2]], ids=lambda text: text[:40]
)
def test_a_limit_that_is_fixed_has_the_value_of_the_page(what: str, value: str, by: str) -> None:
    constants: list[object] = []
    for found in _CONSTANT.findall(by):
        constant = _constant(*found)
        constants += constant.values() if isinstance(constant, Mapping) else [constant]
    numbers = [(float(number), unit) for number, unit in _NUMBER.findall(value)]
    for constant, (number, unit) in zip(constants, numbers, strict=False):
        if isinstance(constant, int | float):
            assert constant == pytest.approx(number * _SIZES.get(unit, 1)), what
        elif isinstance(constant, timedelta):
            assert constant.total_seconds() == number * _SIZES[unit], what
    assert constants


def _constant(module: str, constant: str, attribute: str) -> object:
    found = getattr(importlib.import_module(module.replace("/", ".")), constant)
    if attribute:
        return found.__dataclass_fields__[attribute].default
    return found


def test_the_page_of_limits_has_both_kinds() -> None:
    assert len([row for row in _rows() if "`[" in row[2]]) >= 12
    assert len([row for row in _rows() if ".py:" in row[2]]) >= 25
