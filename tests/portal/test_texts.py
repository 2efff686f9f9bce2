"""Catalogues with an operator's folder, and what every page may use: dates, flags, names of languages, escaping."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp_portal import log as logs
from ncp_portal import texts
from ncp_portal.pages import Pages, day, language_name
from ncp_portal.texts import TextsRefused

COMMON = {"name": "Sesali", "organisation": "Agency"}


def load(own: Path | None = None, languages: tuple[str, ...] = ("fr", "en")) -> dict[str, texts.Texts]:
    return texts.load(languages, COMMON, own, {})


def test_an_operator_replaces_single_texts(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_text('[problem]\ntitle_404 = "Rien chez {organisation}"\n', encoding="utf-8")
    before, after = load(), load(tmp_path)
    assert after["fr"]("problem.title_404") == "Rien chez Agency"
    assert after["fr"]("problem.text_404") == before["fr"]("problem.text_404")
    assert after["en"].entries == before["en"].entries


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[problem]\ntitle_999 = "x"\n', "there is no text problem.title_999"),
        ('[problem]\ntitle_404 = "{secret}"\n', "placeholder"),
        ('[problem]\ntitle_404 = "{0.__class__}"\n', "placeholder"),
        ('[problem]\ntitle_404 = "{name.__class__}"\n', "placeholder"),
        ('[problem]\ntitle_404 = "{"\n', "brace"),
        ("[problem]\ntitle_404 = 5\n", "no text"),
        ('[problem]\ntitle_404 = " "\n', "no text"),
        ("[problem\n", "fr.toml"),
    ],
)
@pytest.mark.attack
def test_an_operators_text_that_cannot_be_used_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "fr.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TextsRefused) as refused:
        load(tmp_path)
    assert told in str(refused.value)


@pytest.mark.attack
def test_a_catalogue_is_no_larger_than_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "fr.toml").write_bytes(b"#" * (texts.FILE_MAX + 1))
    with pytest.raises(TextsRefused):
        load(tmp_path)


def test_a_text_that_is_not_there_is_a_defect() -> None:
    with pytest.raises(KeyError):
        load()["fr"]("problem.no_such_text")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1985-03-19", "19/03/1985"),
        ("1985-03", "03/1985"),
        ("1985", "1985"),
        ("", ""),
        ("19850319", "19850319"),
        ("1985-03-19T10:00", "1985-03-19T10:00"),
        ("unknown", "unknown"),
    ],
)
def test_a_day_is_shown_as_people_write_it(value: str, shown: str) -> None:
    assert day(value) == shown


@given(st.text())
def test_what_is_no_day_stays_as_it_is(value: str) -> None:
    shown = day(value)
    assert shown == value or sorted(shown.split("/")) == sorted(value.split("-"))


def test_languages_are_named_in_the_language_of_the_page() -> None:
    assert language_name("hr", "fr") == "Croate" and language_name("hr", "en") == "Croatian"
    assert language_name("fr-FR", "fr") == "Français"
    assert language_name("xx", "fr") == "xx"


@pytest.fixture(scope="module")
def pages() -> Pages:
    brand = SimpleNamespace(
        logo=None, name="Sesali", organisation="A", address=(), organisation_url=None, assistance_url=None
    )
    configured: Any = SimpleNamespace(brand=brand)
    return Pages(configured, load())


def test_flags_of_countries_and_of_those_that_nobody_knows(pages: Pages) -> None:
    assert pages.flag("HR").startswith("/static/flags/hr.svg?v=")
    assert pages.flag("EL") == pages.flag("GR") and pages.flag("UK") == pages.flag("GB")
    for code in ("XX", "", "../../secret", "hr.svg?", "é"):
        assert pages.flag(code).startswith("/static/flags/unknown.svg?v=")


@settings(deadline=None)
@given(st.text(min_size=1))
@pytest.mark.attack
def test_nothing_that_is_put_into_a_page_becomes_markup(pages: Pages, value: str) -> None:
    template = pages._environment.from_string("<p title='{{ v }}'>{{ v }}</p>")
    written = template.render(v=value + "<b>\"'&")
    assert "<b>" not in written and written.count("<") == 2 and written.count("'") == 2


def test_a_name_that_a_page_does_not_know_is_an_error(pages: Pages) -> None:
    with pytest.raises(jinja2.UndefinedError):
        pages._environment.from_string("{{ nobody }}").render()


# The log


def test_a_line_of_a_library_says_who_spoke_and_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logs._Quiet()
    logger = logging.Logger("library")
    logger.addHandler(handler)
    try:
        raise ValueError("Šimić 999990011")
    except ValueError:
        logger.exception("patient %s", "Đurđević")
    logger.warning("Invalid request from %s", "Đurđević")
    written = capsys.readouterr().err
    assert "999990011" not in written and "imi" not in written and "ur" not in written.replace("your", "")
    lines = [json.loads(line) for line in written.splitlines()]
    assert [each["event"] for each in lines] == ["library", "library"]
    assert lines[0]["exception"].startswith("ValueError")


def test_where_names_the_kind_and_the_innermost_place_of_ours() -> None:
    def broken(_: str) -> None:
        texts.placeholders("{")

    with pytest.raises(TextsRefused) as raised:
        broken("999990011")
    found = logs.where(raised.value)
    assert found.startswith("TextsRefused texts.py:") and "brace" not in found
