"""What is to be shown of a summary: sections, tables, rows, alerts, counts.

Without markup: ``page`` and ``plain`` write the same view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ncp.semantics.coding import CodeState
from ncp.semantics.display.pieces import Cell, Line
from ncp.semantics.model import Level, Narrative, SectionKind


class Layout(Enum):
    """What is open when the page appears; the reader can open and close every part."""

    TRANSLATED = "translated"
    ORIGINAL = "original"
    BOTH = "both"
    PRINT = "print"
    """Everything open, details too."""


@dataclass(frozen=True, slots=True, repr=False)
class Provenance:
    """What the document itself does not say.

    ``country`` ISO 3166 code of the country it came from, empty to take the custodian's; ``shown`` when it is shown and
    ``received`` when it came (aware); ``differs`` any of ``name``, ``birth``, ``sex`` in which the header differs from
    the person confirmed at the search; ``warnings`` sentences for the reader.
    """

    shown: datetime
    country: str = ""
    received: datetime | None = None
    differs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Group(Enum):
    """Where in its section a row stands."""

    CURRENT = "current"
    ENDED = "ended"
    DENIED = "denied"


class Detail(NamedTuple):
    """One datum of an entry by its label; ``inside`` what belongs to it."""

    label: str
    cell: Cell = ()
    inside: tuple[Detail, ...] = ()

    def __repr__(self) -> str:
        return "Detail(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One line of a table. ``cells`` fit the columns of the table; ``marks`` stand before the first cell.

    ``reference`` names the words of the narrative that say the same (without ``#``); ``simplified`` that the
    entry could not be laid out and is shown raw.
    """

    id: str
    group: Group
    marks: Line
    cells: tuple[Cell, ...]
    details: tuple[Detail, ...] = ()
    reference: str = ""
    is_absence: bool = False
    simplified: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Columns that have something in some row, by label, and all rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def group(self, group: Group) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.group is group)


@dataclass(frozen=True, slots=True, repr=False)
class SectionView:
    """``count`` is of items that are there (not denied, no absence); ``opens_narrative`` when the translated part does
    not say all that a reader needs."""

    id: str
    kind: SectionKind
    title: Line
    original_title: Line
    table: Table
    count: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    opens_narrative: bool
    narrative: Narrative | None
    narrative_language: str
    narrative_note: str
    parties: tuple[Detail, ...] = ()
    not_shown: tuple[Detail, ...] = ()
    inside: tuple[SectionView, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Alert:
    """Something not to be missed; ``target`` is the id of its row."""

    line: Line
    target: str
    grave: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class SummaryView:
    language: str
    document_language: str
    level: Level
    patient: tuple[Detail, ...]
    banner: tuple[str, ...]
    document: tuple[Detail, ...]
    alerts: tuple[Alert, ...]
    sections: tuple[SectionView, ...]
    missing: tuple[str, ...]
    """Titles of mandatory sections that the document does not have."""
    absent: tuple[str, ...]
    """Titles of other sections that it does not have."""
    contacts: tuple[Detail, ...]
    not_shown: tuple[Detail, ...]
    differs: tuple[str, ...]
    warnings: tuple[str, ...]
    states: Mapping[CodeState, int] = field(default_factory=dict)
    """How many coded elements came to what."""
    untranslated: int = 0
    source: str = ""
