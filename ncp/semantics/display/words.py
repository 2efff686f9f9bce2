"""The words of the page itself, by language: labels, marks, sentences. Names of codes are not for this file.

They stand in ``config/display/{language}.toml``; a language that has no file is read in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

FALLBACK = "en"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``language`` is what the words are in; every table has the same keys in every language."""

    language: str
    page: Mapping[str, str]
    nature: Mapping[str, str]
    columns: Mapping[str, str]
    marks: Mapping[str, str]
    badges: Mapping[str, str]
    absences: Mapping[str, Any]
    times: Mapping[str, Any]
    units: Mapping[str, str]
    periods: Mapping[str, list[str]]
    fields: Mapping[str, str]
    parties: Mapping[str, str]
    relations: Mapping[str, str]
    narrative: Mapping[str, str]
    sections: Mapping[str, str]


def words_for(language: str) -> Words:
    """The words for a BCP 47 tag: those of its language, else English."""
    family = language.partition("-")[0].lower()
    return _read(family if family in LANGUAGES else FALLBACK)


@cache
def _read(language: str) -> Words:
    file = resources.files("config") / "display" / f"{language}.toml"
    return Words(language, **tomllib.loads(file.read_text(encoding="utf-8")))
