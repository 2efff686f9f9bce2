"""The portal's page and its examples tell what the program knows: keys, events, texts that a country replaces."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ncp_portal import settings_page, texts
from ncp_portal.log import Fields
from ncp_portal.settings import Settings, SettingsRefused, load
from tests.support.docs import ROOT

PAGE = (ROOT / "docs" / "portal.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "portal/src/ncp_portal").glob("*.py")]
EXAMPLES = ROOT / "config" / "portal"


def _keys(table: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{name}.")
        else:
            yield before + name


def test_the_keys_on_the_page_are_those_of_the_program() -> None:
    assert settings_page.replaced(PAGE) == PAGE, "run python -m ncp_portal.settings_page docs/portal.md"
    assert "| none |  |" not in PAGE


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        settings_page.replaced("# A page\n")


def test_every_event_of_the_log_is_on_the_page_and_no_other() -> None:
    written = {event for source in SOURCES for event in re.findall(r"\blog\(\s*\"([a-z_.]+)\"", source)}
    assert (
        set(re.findall(r"^\| `([a-z]+(?:\.[a-z_]+)?)` \|.*\|.*`[a-z_]+`", PAGE.partition("## Log")[2], re.M)) == written
    )


def test_every_field_of_the_log_is_on_the_page() -> None:
    log = PAGE.partition("## Log")[2].partition("## Health")[0]
    assert {field for field in Fields.__annotations__ if f"`{field}`" not in log} == set()


@pytest.mark.parametrize("country", ["fr", "ie"])
def test_an_example_is_taken_as_it_stands(country: str, tmp_path: Path) -> None:
    """Beside the files that it names; production, over TLS."""
    example = (EXAMPLES / f"{country}.toml").read_text(encoding="utf-8")
    for name in (
        "pki/portal.pem",
        "pki/portal.key",
        "pki/gateway-ca.pem",
        "secrets/pro-sante-connect",
        "secrets/login",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "texts-ie").symlink_to(EXAMPLES / "texts-ie")
    (tmp_path / "portal.toml").write_text(example, encoding="utf-8")
    settings = load(tmp_path / "portal.toml")
    assert settings.country == country.upper()
    assert settings.mode == "production"
    assert settings.server.is_secure


def test_the_example_of_france_names_every_key() -> None:
    example = (EXAMPLES / "fr.toml").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:# )?(\w+) = ", example, re.M))
    known = {key for field in Settings.model_fields.values() for key in getattr(field.annotation, "model_fields", {})}
    assert known - named == {"trust"} - named


def test_a_folder_of_texts_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "portal.toml").write_text((EXAMPLES / "ie.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SettingsRefused, match="texts: there is no folder"):
        load(tmp_path / "portal.toml")


def test_the_texts_of_the_second_country_replace_texts_that_exist_and_are_those_on_the_page() -> None:
    common = {"name": "X", "organisation": "Y"}
    own = texts.load(("en",), common, EXAMPLES / "texts-ie", {})["en"].entries
    shipped = texts.load(("en",), common, None, {})["en"].entries
    replaced = {key for key in own if own[key] != shipped[key]}
    listed = set(_keys(tomllib.loads((EXAMPLES / "texts-ie" / "en.toml").read_text(encoding="utf-8"))))
    assert replaced == listed
    table = PAGE.partition("| key | speaks of |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([\w.]+)`", table)) == listed
