"""Words of the narrative in the language of the document (``labels.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Labels:
    """One language."""

    general: Mapping[str, str]
    sections: Mapping[str, str]
    columns: Mapping[str, str]
    words: Mapping[str, str]

    def word(self, code: str) -> str:
        """What a code is called; the last word of ``system code display`` when no word is kept for it."""
        parts = code.split(" ", 2)
        return self.words.get(parts[1] if len(parts) == 3 else code, parts[-1])


@cache
def labels_of(language: str) -> Labels:
    """The words of ``hr-HR``; English ones for a language that has none."""
    table = tomllib.loads(resources.files(__package__).joinpath("labels.toml").read_text(encoding="utf-8"))
    chosen = table.get(language.partition("-")[0], table["en"])
    general = {key: value for key, value in chosen.items() if isinstance(value, str)}
    return Labels(general, chosen["sections"], chosen["columns"], chosen["words"])


def shown_date(digits: str | None) -> str:
    """``yyyyMMdd`` as ``dd.MM.yyyy``, as far as it is known."""
    if not digits:
        return ""
    return ".".join(part for part in (digits[6:8], digits[4:6], digits[:4]) if part)
