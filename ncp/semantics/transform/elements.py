"""The list of coded elements: which value sets belong where, and how much each kind of document needs them.

A code is found by what it is (``codes``), not by this list; the list adds value set, usage and name. The one that ships
(``config/coded_elements.csv``) has the places of the network's own list
(``eHDSI_ehealth:translations-and-mappings/src/main/resources/coded_element_list_ehdsi.xml``), rows of ours for places
that it misses, and rows of it that are too broad, which only the strict transformation takes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

from lxml.etree import _Element

from ncp.semantics.model import Level
from ncp.semantics.transform.kinds import Kind
from ncp.semantics.transform.paths import Path, PathIndex, PathRefused, Surroundings, parse_path

ROWS_MAX = 1000
SIZE_MAX = 1024 * 1024


class Usage(StrEnum):
    """How much a kind of document needs the element."""

    REQUIRED = "R"
    """Without it, or without a code of the network in it, the document is not sent."""
    NULL_ALLOWED = "RNFA"
    """Required, a null flavour will do."""
    OPTIONAL = "O"
    NONE = "NA"


class Origin(StrEnum):
    """Whose row it is."""

    BOTH = "both"
    OPENNCP = "openncp"
    """Of the strict transformation alone."""
    OWN = "own"
    """Of ours alone."""


_COLUMNS = {
    (Kind.PATIENT_SUMMARY, Level.L3): "ps3",
    (Kind.PATIENT_SUMMARY, Level.L1): "ps1",
    (Kind.EPRESCRIPTION, Level.L3): "ep3",
    (Kind.EPRESCRIPTION, Level.L1): "ep1",
    (Kind.EDISPENSATION, Level.L3): "ed3",
    (Kind.HCER, Level.L3): "hcer3",
    (Kind.HCER, Level.L1): "hcer1",
    (Kind.MRO, Level.L3): "mro3",
    (Kind.MRO, Level.L1): "mro1",
}


class ListRefused(ValueError):
    """A list of coded elements that cannot be used; the text names the line."""


@dataclass(frozen=True, slots=True)
class CodedElement:
    """One row: where, which value sets (by OID), what it is called, and its usage by kind and level."""

    text: str
    path: Path
    value_sets: tuple[str, ...]
    name: str
    usages: tuple[tuple[tuple[Kind, Level], Usage], ...]
    origin: Origin = Origin.BOTH
    fixed: frozenset[tuple[str, str]] = frozenset()
    """Codes (system, code) of the template itself, which stand there beside the value set."""

    def usage(self, kind: Kind, level: Level) -> Usage:
        return next((usage for key, usage in self.usages if key == (kind, level)), Usage.NONE)


@dataclass(frozen=True, slots=True)
class Place:
    """What all rows that fit one element say together."""

    value_sets: tuple[str, ...] = ()
    fixed: frozenset[tuple[str, str]] = frozenset()
    name: str = ""
    usage: Usage = Usage.NONE


UNLISTED = Place()


class Found(NamedTuple):
    """The rows of one element in the order of the list, and what they say together."""

    rows: tuple[CodedElement, ...]
    place: Place


NOTHING = Found((), UNLISTED)


class Matcher:
    """The rows that count for one kind and level of documents, ready to be asked for an element."""

    def __init__(self, rows: tuple[CodedElement, ...], kind: Kind, level: Level) -> None:
        self.rows = rows
        self.required = tuple(row for row in rows if row.usage(kind, level) is Usage.REQUIRED)
        self._kind, self._level = kind, level
        self._index = PathIndex((row.path, (number, row)) for number, row in enumerate(rows))
        self.names = tuple(sorted({row.path.name for row in rows if not row.path.attribute}))
        self._found: dict[tuple[int, ...], Found] = {}

    def find(self, element: _Element, around: Surroundings) -> Found:
        """The rows whose path leads to the element."""
        found = self._index.find(around.spot(element), around)
        if not found:
            return NOTHING
        key = tuple([number for number, _ in found])
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = self._joined(tuple(row for _, row in sorted(found, key=lambda one: one[0])))
        return known

    def _joined(self, rows: tuple[CodedElement, ...]) -> Found:
        usages = {row.usage(self._kind, self._level) for row in rows}
        place = Place(
            tuple(dict.fromkeys(value_set for row in rows for value_set in row.value_sets)),
            frozenset().union(*(row.fixed for row in rows)),
            rows[0].name,
            next(usage for usage in Usage if usage in usages),
        )
        return Found(rows, place)


class CodedElements:
    """A whole list."""

    def __init__(self, rows: tuple[CodedElement, ...]) -> None:
        self.rows = rows
        self.matcher = cache(self._matcher)

    def _matcher(self, kind: Kind, level: Level, strict: bool = False) -> Matcher:
        """The rows of this kind and level; with ``strict`` those of the network's own list, and none of ours."""
        origins = (Origin.BOTH, Origin.OPENNCP) if strict else (Origin.BOTH, Origin.OWN)
        rows = (row for row in self.rows if row.origin in origins and row.usage(kind, level) is not Usage.NONE)
        return Matcher(tuple(rows), kind, level)


@cache
def shipped() -> CodedElements:
    """The list that comes with the program."""
    return read_list((resources.files("config") / "coded_elements.csv").read_bytes())


def read_list(data: bytes) -> CodedElements:
    """A list in CSV: ``path``, ``value_sets`` (OIDs with blanks between), ``name``, one column of usage (``R``,
    ``RNFA``, ``O``, ``NA`` or empty) per kind and level, and optionally ``origin`` and ``fixed``.

    Raises ``ListRefused``.
    """
    if len(data) > SIZE_MAX:
        raise ListRefused("a list of coded elements has at most a megabyte")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = tuple(_rows(reader))
    except (UnicodeDecodeError, csv.Error):
        raise ListRefused("not a CSV file in UTF-8") from None
    return CodedElements(rows)


def _rows(reader: csv.DictReader[str]) -> Iterator[CodedElement]:
    if not {"path", "value_sets", *_COLUMNS.values()} <= set(reader.fieldnames or ()):
        raise ListRefused("the header line lacks a column")
    for number, record in enumerate(reader, start=2):
        if number > ROWS_MAX:
            raise ListRefused(f"more than {ROWS_MAX} rows")
        try:
            yield CodedElement(
                record["path"].strip(),
                parse_path(record["path"].strip()),
                tuple((record["value_sets"] or "").split()),
                (record.get("name") or "").strip(),
                tuple((key, Usage(record[column] or "NA")) for key, column in _COLUMNS.items()),
                Origin(record.get("origin") or "both"),
                frozenset(_fixed(record.get("fixed") or "")),
            )
        except PathRefused as refused:
            raise ListRefused(f"line {number}: {refused}") from None
        except ValueError:
            raise ListRefused(f"line {number}: an unknown word") from None


def _fixed(text: str) -> Iterator[tuple[str, str]]:
    for word in text.split():
        system, _, code = word.partition("#")
        yield system, code
