"""Rows of chosen tables out of an SQL dump. Pure: text in, records out; nothing is ever executed.

Reads what ``mysqldump`` and ``mariadb-dump`` write (INSERT with one or many rows, with or without a column list; then
the columns come from CREATE TABLE), and plain INSERT statements of other databases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ncp.semantics.terminology.rows import ImportRefused

_NAME = r"(?:[`\"\[]?[A-Za-z_][A-Za-z0-9_$]*[`\"\]]?\.)?[`\"\[]?(?P<table>[A-Za-z_][A-Za-z0-9_$]*)[`\"\]]?"
_INSERT = re.compile(
    rf"^(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?INTO\s+{_NAME}\s*(?:\((?P<columns>[^()]*)\))?\s*VALUES\s*",
    re.IGNORECASE | re.MULTILINE,
)
_CREATE = re.compile(
    rf"^CREATE TABLE\s+(?:IF NOT EXISTS\s+)?{_NAME}\s*\((?P<body>[^;]*?)\)[^()\n;]*;", re.IGNORECASE | re.MULTILINE
)
_COLUMN = re.compile(r"^\s*[`\"\[]?([A-Za-z_][A-Za-z0-9_$]*)[`\"\]]?\s+(?!KEY\b|INDEX\b)\S")
_CONSTRAINTS = frozenset({"primary", "unique", "key", "constraint", "foreign", "index", "fulltext", "check"})
_VALUE = re.compile(
    r"\s*(?:(?:_binary\s*|_utf8mb4\s*|N|E|b)?'(?P<text>[^'\\]*(?:(?:\\.|'')[^'\\]*)*)'"
    r"|(?P<word>[A-Za-z0-9_.+-]+))\s*(?P<end>[,)])",
    re.DOTALL,
)
_BETWEEN = re.compile(r"\s*([,;(]|$)")
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class Dump:
    """One dump as text; ``records`` may be asked several times."""

    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        # Only MySQL quotes names with backticks, and only there a backslash escapes.
        self._backslash = "`" in text[:1_000_000]
        self._columns = {found["table"].lower(): _columns(found["body"]) for found in _CREATE.finditer(text)}

    @property
    def tables(self) -> frozenset[str]:
        """Names of the tables that rows are inserted into, in lower case."""
        return frozenset(found["table"].lower() for found in _INSERT.finditer(self._text))

    def records(self, wanted: str) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Number (from 1) and values by column name of every row of a table. NULL is None; a value is its text."""
        number = 0
        for statement in _INSERT.finditer(self._text):
            if statement["table"].lower() != wanted:
                continue
            columns = (
                [column.strip().strip('`"[]').lower() for column in statement["columns"].split(",")]
                if statement["columns"]
                else self._columns.get(wanted)
            )
            if not columns:
                raise ImportRefused(self._place, f"the columns of table {wanted} are not stated")
            for values in self._tuples(statement.end(), wanted):
                number += 1
                if len(values) != len(columns):
                    raise ImportRefused(self._place, f"row {number} of table {wanted} does not fit its columns")
                yield number, dict(zip(columns, values, strict=True))

    def _tuples(self, position: int, table: str) -> Iterator[list[str | None]]:
        text = self._text
        while position < len(text) and text[position] == "(":
            position += 1
            values: list[str | None] = []
            while True:
                found = _VALUE.match(text, position)
                if found is None:
                    raise ImportRefused(self._place, f"a row of table {table} cannot be read")
                values.append(self._value(found))
                position = found.end()
                if found["end"] == ")":
                    break
            yield values
            between = _BETWEEN.match(text, position)
            if between is None or between[1] != ",":
                return
            position = between.end()
            while position < len(text) and text[position].isspace():
                position += 1

    def _value(self, found: re.Match[str]) -> str | None:
        text = found["text"]
        if text is None:
            word: str = found["word"]
            return None if word.upper() == "NULL" else word
        if self._backslash:
            return _ESCAPE.sub(lambda one: "'" if one[1] is None else _ESCAPED.get(one[1], one[1]), text)
        return str(text).replace("''", "'")


def _columns(body: str) -> list[str]:
    """Column names of a CREATE TABLE, in order."""
    names = []
    for line in body.split("\n"):
        found = _COLUMN.match(line)
        if found and found[1].lower() not in _CONSTRAINTS:
            names.append(found[1].lower())
    return names
