"""The catalogue: every word the portal shows, by language and key.

Knows the files (``texts/<language>.toml``, nested tables; ``failures.<language>.toml``), an operator's folder whose
texts replace single ones, and what is filled into every text (the brand). Leaves to ``failures`` what its tables mean.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

FILE_MAX = 1024 * 1024


class TextsRefused(ValueError):
    """A catalogue that cannot be used; the text names file and key."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language; ``common`` is filled into every one that asks for it."""

    language: str
    entries: Mapping[str, str]
    failures: Mapping[str, Any]
    common: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of a key. Raises ``KeyError`` for one that no catalogue has: a page with a hole is a defect."""
        text = self.entries[key]
        return text.format(**{**self.common, **values}) if "{" in text else text

    def has(self, key: str) -> bool:
        return key in self.entries


def load(
    languages: tuple[str, ...], common: Mapping[str, str], own: Path | None, taglines: Mapping[str, str]
) -> dict[str, Texts]:
    """The catalogues of ``languages``. ``own`` is the operator's folder. Raises ``TextsRefused``."""
    shipped = resources.files("ncp_portal") / "texts"
    catalogues: dict[str, Texts] = {}
    for language in languages:
        entries, failures = (
            _shipped(shipped, language, f"{language}.toml"),
            _shipped(shipped, language, f"failures.{language}.toml"),
        )
        flat = dict(_flat(entries, f"{language}.toml"))
        if own is not None:
            flat = _replaced(flat, own / f"{language}.toml")
            failures = _merged(failures, _read(own / f"failures.{language}.toml"))
        tagline = taglines.get(language) or flat.get("brand.tagline", "")
        catalogues[language] = Texts(language, flat, failures, {**common, "tagline": tagline})
    return catalogues


def _shipped(folder: Any, language: str, name: str) -> dict[str, Any]:
    file = folder / name
    if not file.is_file():
        # A country's own language may come with the operator's folder alone; English is always whole.
        file = folder / name.replace(language, "en")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    data = path.read_bytes()
    if len(data) > FILE_MAX:
        raise TextsRefused(f"{path.name}: larger than {FILE_MAX} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TextsRefused(f"{path.name}: {error}") from None


def _flat(table: Mapping[str, Any], name: str, before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, name, f"{before}{key}.")
        elif isinstance(value, str) and value.strip():
            yield f"{before}{key}", value
        else:
            raise TextsRefused(f"{name}: {before}{key} is no text")


def _replaced(texts: dict[str, str], path: Path) -> dict[str, str]:
    """The texts with those of an operator's file in their places, which may not ask for other values."""
    replaced = dict(texts)
    for key, text in _flat(_read(path), path.name):
        if key not in texts:
            raise TextsRefused(f"{path.name}: there is no text {key}")
        if not placeholders(text) <= placeholders(texts[key]) | COMMON:
            raise TextsRefused(f"{path.name}: {key} has a placeholder that is not filled in here")
        replaced[key] = text
    return replaced


COMMON = frozenset(("name", "organisation", "tagline"))
"""Placeholders that are filled into every text."""


def placeholders(text: str) -> frozenset[str]:
    """The names in braces. Raises ``TextsRefused`` for a brace that is not closed or a name that is none."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError:
        raise TextsRefused("a brace is not closed") from None
    if not all(name.isidentifier() for name in names):
        raise TextsRefused("a placeholder is no name")
    return frozenset(names)


def _merged(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(shipped)
    for key, value in own.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged
