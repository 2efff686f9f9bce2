"""The texts of the patient information notice, by language.

Knows the shape of a notice file, and where those for patients of one country stand. Leaves to configuration every word
(``config/notices/<language>.toml``, or the folder of ``[frontend] notices``) and which fonts hold its letters, to
``notice_pdf`` how the page looks.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncp.wire.ids import CountryCode, country_code

FILE_MAX = 256 * 1024
PLACEHOLDERS = frozenset(("treatment", "residence", "controller", "contact"))
_SAME_READERS = {"no": "nb", "nn": "nb"}
"""Norwegian without saying which of the two, or the other one, is answered in Bokmål."""
_FORM = ("heading", "name", "given", "statement", "agreement", "place", "date", "signature")


class NoticeRefused(ValueError):
    """A notice file that cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Fonts:
    """Two TrueType files that hold every letter of the texts."""

    regular: Path
    bold: Path


@dataclass(frozen=True, slots=True)
class Parties:
    """What is filled into the texts: names of the countries in the language of the notice, who is responsible in the
    country of treatment, and whom to ask."""

    treatment: str
    residence: str
    controller: str
    contact: str


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A notice in one language. ``form`` has the labels of the signature form by name."""

    language: str
    version: str
    title: str
    subtitle: str
    sections: tuple[tuple[str, str], ...]
    form: Mapping[str, str]


def read_notice(data: bytes, language: str) -> NoticeText:
    """A notice file (TOML). Raises ``NoticeRefused`` for a missing or unknown key or a placeholder that is none."""
    if len(data) > FILE_MAX:
        raise NoticeRefused(f"{language}: larger than {FILE_MAX} bytes")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NoticeRefused(f"{language}: not TOML: {type(error).__name__}") from None
    _expect_keys(language, table, {"version", "title", "subtitle", "section", "form"})
    if not isinstance(table["section"], list) or not table["section"] or not isinstance(table["form"], dict):
        raise NoticeRefused(f"{language}: [[section]] and [form] are needed")
    sections = []
    for section in table["section"]:
        _expect_keys(language, section, {"heading", "text"})
        sections.append((_text(language, section["heading"]), _text(language, section["text"])))
    _expect_keys(language, table["form"], set(_FORM))
    return NoticeText(
        language=language,
        version=_text(language, table["version"]),
        title=_text(language, table["title"]),
        subtitle=_text(language, table["subtitle"]),
        sections=tuple(sections),
        form={key: _text(language, table["form"][key]) for key in _FORM},
    )


def load_notices(folder: Path) -> dict[str, NoticeText]:
    """Every ``<language>.toml`` of a folder, by language. Raises ``NoticeRefused`` when there is none."""
    notices = {file.stem.lower(): read_notice(file.read_bytes(), file.stem.lower()) for file in folder.glob("*.toml")}
    if not notices:
        raise NoticeRefused(f"no notice in {folder.name}")
    return notices


def load_notices_of_countries(folder: Path) -> dict[CountryCode, dict[str, NoticeText]]:
    """The notices that replace the general ones for patients of one country: ``<COUNTRY>/<language>.toml``.

    Raises ``NoticeRefused`` for a file that cannot be used and for a folder that no country has for a name.
    """
    notices: dict[CountryCode, dict[str, NoticeText]] = {}
    for inside in sorted(each for each in folder.iterdir() if each.is_dir()):
        try:
            country = country_code(inside.name)
        except ValueError:
            raise NoticeRefused(f"{inside.name}: a folder of notices is named after a country") from None
        if country in notices:
            raise NoticeRefused(f"{inside.name}: two folders for one country")
        notices[country] = load_notices(inside)
    return notices


def choose(notices: Mapping[str, NoticeText], language: str) -> NoticeText:
    """The notice in the language asked for (BCP 47), else in English, else any: a notice is always better than none."""
    wanted = language.lower()
    primary = wanted.partition("-")[0]
    for tag in (wanted, primary, _SAME_READERS.get(primary, ""), "en"):
        if tag in notices:
            return notices[tag]
    return notices[min(notices)]


def _expect_keys(language: str, table: Mapping[str, Any], expected: set[str]) -> None:
    missing, unknown = expected - table.keys(), table.keys() - expected
    if missing or unknown:
        raise NoticeRefused(f"{language}: missing {sorted(missing)}, unknown {sorted(unknown)}")


def _text(language: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise NoticeRefused(f"{language}: a text is empty")
    try:
        fields = list(string.Formatter().parse(value))
    except ValueError:
        raise NoticeRefused(f"{language}: a brace is not closed") from None
    for _, name, specification, conversion in fields:
        if name is not None and (name not in PLACEHOLDERS or specification or conversion):
            raise NoticeRefused(f"{language}: a placeholder is not known")
    return value
