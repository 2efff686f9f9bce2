"""How a stored query spells its parameters: quotes, lists, coded values (ITI TF-2 3.18.4.1.2.3.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_QUOTED = re.compile(r"\s*'((?:[^']|'')*)'\s*")


def read_quoted(value: str) -> tuple[str, ...]:
    """``'a'`` or ``('a','b')`` → the strings; a doubled quote inside is one quote.

    ``ValueError`` for anything else: no quotes, an open quote, text behind the closing quote or parenthesis.
    """
    text = value.strip()
    if not text.startswith("("):
        only = _QUOTED.fullmatch(text)
        if only is None:
            raise ValueError("not one quoted string")
        return (only.group(1).replace("''", "'"),)
    if not text.endswith(")"):
        raise ValueError("not a closed list")
    inner = text[1:-1]
    found: list[str] = []
    position = 0
    while True:
        item = _QUOTED.match(inner, position)
        if item is None:
            raise ValueError("not a quoted string in the list")
        found.append(item.group(1).replace("''", "'"))
        position = item.end()
        if position == len(inner):
            return tuple(found)
        if inner[position] != ",":
            raise ValueError("no comma between the strings of the list")
        position += 1


def write_quoted(text: str) -> str:
    """``'text'``, quotes inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def write_list(texts: Sequence[str]) -> str:
    """``('a','b')`` without blanks: OpenNCP splits at the commas and keeps blanks."""
    return "(" + ",".join(write_quoted(text) for text in texts) + ")"


def read_codes(values: Sequence[str], scheme: str) -> tuple[str, ...]:
    """Codes of one coding scheme from all the values of a slot, in order, each once.

    Reads the IHE form ``('A^^scheme','B^^scheme')`` and what OpenNCP 5.2 to 8.0.1 sends, one pair of quotes around all
    (``('A^^scheme,B^^scheme')``); no code of the profile holds a comma. ``ValueError`` for a code of another scheme,
    without one, or without a code.
    """
    codes: dict[str, None] = {}
    for value in values:
        for text in read_quoted(value):
            for coded in text.split(","):
                code, separator, found_scheme = coded.strip().partition("^^")
                if not separator or not code or found_scheme != scheme:
                    raise ValueError("not a code of the coding scheme")
                codes[code] = None
    return tuple(codes)
