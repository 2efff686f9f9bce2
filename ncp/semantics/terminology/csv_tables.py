"""The CSV files of the operator: ``designations``, ``valuesets`` and ``maps``, told apart by their header. Pure.

UTF-8, comma, header line first (``docs/terminology.md``). Columns may stand in any order; unknown ones are ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.rows import ImportRefused, RowRefused, Rows

FIELD_MAX = 64 * 1024

_NEEDED = {
    "designations": {"code_system_oid", "code", "lang", "designation"},
    "valuesets": {"value_set_oid", "code_system_oid", "code"},
    "maps": {"source_system_oid", "source_code", "target_system_oid", "target_code"},
}


def table_of(header: list[str]) -> str:
    """Which of the three tables a header belongs to; empty for none."""
    columns = set(header)
    return next((name for name, needed in _NEEDED.items() if needed <= columns), "")


def read(data: bytes, place: str, *, kind: str = "official") -> Rows:
    """All rows of one file; ``kind`` is the kind of its designations where no column says it."""
    header, lines = records(data, place)
    table = table_of(header)
    if not table:
        raise ImportRefused(place, "the header line fits none of designations, valuesets, maps")
    opened: set[tuple[str, str]] = set()
    for line, record in lines:
        try:
            if table == "designations":
                yield _designation(record, kind)
            elif table == "maps":
                yield _mapping(record)
            else:
                yield from _member(record, opened)
        except RowRefused as refused:
            yield rows.Refused(place, line, str(refused))


def records(data: bytes, place: str) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Header and, one by one, line number and record of a CSV file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefused(place, "not UTF-8") from None
    csv.field_size_limit(FIELD_MAX)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
    except csv.Error:
        raise ImportRefused(place, "not CSV") from None
    return header, _records(reader, header, place)


def _records(reader: Iterator[list[str]], header: list[str], place: str) -> Iterator[tuple[int, dict[str, str]]]:
    line = 1
    try:
        for values in reader:
            line += 1
            if values:
                yield line, dict(zip(header, values, strict=False))
    except csv.Error:
        raise ImportRefused(place, f"not CSV after line {line}") from None


def _designation(record: dict[str, str], kind: str) -> rows.Designation:
    said = record.get("kind", "").strip() or kind
    if said not in ("official", "own", "auto"):
        raise RowRefused("kind.unknown")
    return rows.Designation(
        rows.system(record.get("code_system_oid")),
        rows.code(record.get("code")),
        rows.language(record.get("lang")),
        rows.text(record.get("designation")),
        is_preferred=record.get("preferred", "").strip().lower() not in ("0", "false", "no"),
        kind=said,
        status=rows.status(record.get("status")),
    )


def _mapping(record: dict[str, str]) -> rows.Mapping:
    priority = record.get("priority", "").strip() or "0"
    if not priority.isascii() or not priority.isdigit() or len(priority) > 6:
        raise RowRefused("priority.malformed")
    word = rows.status(record.get("status"))
    return rows.Mapping(
        rows.system(record.get("source_system_oid")),
        rows.code(record.get("source_code")),
        rows.system(record.get("target_system_oid")),
        rows.code(record.get("target_code")),
        rows.VALID if word == rows.CURRENT else word,
        int(priority),
        rows.label(record.get("comment")),
    )


def _member(record: dict[str, str], opened: set[tuple[str, str]]) -> Rows:
    key = rows.system(record.get("value_set_oid")), rows.label(record.get("version"))
    member = rows.Member(*key, rows.system(record.get("code_system_oid")), rows.code(record.get("code")))
    if key not in opened:
        opened.add(key)
        yield rows.ValueSet(
            key[0], rows.label(record.get("value_set_name")), key[1], rows.date(record.get("effective"))
        )
    yield member
