"""The same view as plain text, for terminals and for whoever cannot show a page.

Writes a ``SummaryView`` and the narratives as lines; controls are made visible, so that no document can move a cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ncp.semantics.cda.reading import spoken
from ncp.semantics.display.compose import compose
from ncp.semantics.display.html import visible
from ncp.semantics.display.pieces import Cell, Line, Piece, badge_of
from ncp.semantics.display.view import Detail, Group, Provenance, Row, SectionView, SummaryView
from ncp.semantics.display.words import Words, words_for
from ncp.semantics.model import Level, PatientSummary
from ncp.semantics.naming import Names


def write_text(summary: PatientSummary, *, names: Names, about: Provenance, details: bool = False) -> str:
    """The summary as lines of text, in the language of ``names``; ``details``: with all data of every entry."""
    return text_of(compose(summary, names, about), words_for(names.language), details=details)


def text_of(view: SummaryView, words: Words, *, details: bool = False) -> str:
    """The lines of a view."""
    lines = _Text(view, words, details).lines()
    return "\n".join(visible(line.replace("\n", " ").replace("\r", " ")) for line in lines) + "\n"


class _Text:
    def __init__(self, view: SummaryView, words: Words, details: bool) -> None:
        self._view = view
        self._words = words
        self._page = words.page
        self._with_details = details

    def lines(self) -> Iterator[str]:
        view, page = self._view, self._page
        yield " · ".join(view.banner)
        if view.differs:
            yield f"!! {page['differs'].format(what=', '.join(view.differs))}"
        yield page["incomplete"]
        if view.level is Level.L3:
            count = view.untranslated
            key = "untranslated_none" if not count else "untranslated_one" if count == 1 else "untranslated"
            yield page[key].format(count=count)
        yield from (f"!! {warning}" for warning in view.warnings)
        for title, facts in ((page["patient"], view.patient), (page["document"], view.document)):
            yield from self._heading(title, "=")
            yield from self._facts(facts, 0)
        if view.level is Level.L1:
            yield page["level_1"]
        else:
            yield from self._alerts()
            for title in view.missing:
                yield from self._heading(title, "-")
                yield f"!! {page['section_missing']}"
            for section in view.sections:
                yield from self._section(section)
            if view.absent:
                yield from self._heading(page["missing_sections"], "-")
                yield ", ".join(view.absent)
        yield from self._heading(page["contacts"], "=")
        for contact in view.contacts:
            yield f"{self._label(contact.label)} {self._cell(contact.cell)}"
            if self._with_details:
                yield from self._facts(contact.inside, 1)
        if view.not_shown:
            yield from self._heading(page["not_shown"], "-")
            yield from self._facts(view.not_shown, 0)
        yield ""
        yield view.source

    def _alerts(self) -> Iterator[str]:
        yield from self._heading(self._page["alerts"], "=")
        for alert in self._view.alerts:
            yield f"{'!!' if alert.grave else ' *'} {self._line(alert.line)}"
        if not self._view.alerts:
            yield self._page["no_alerts"]

    def _section(self, section: SectionView) -> Iterator[str]:
        page = self._page
        key = "entries_one" if section.count == 1 else "entries"
        yield from self._heading(f"{self._line(section.title)} ({page[key].format(count=section.count)})", "=")
        if section.original_title and section.original_title != section.title:
            yield self._line(section.original_title)
        yield from (f"!! {warning}" for warning in section.warnings)
        yield from section.notes
        for group, title in (
            (Group.CURRENT, ""),
            (Group.ENDED, page["ended_group"]),
            (Group.DENIED, page["denied_group"]),
        ):
            rows = section.table.group(group)
            if rows and title:
                yield f"  -- {title} --"
            for row in rows:
                yield from self._row(row, section.table.columns)
        if section.narrative is not None and not section.narrative.empty and section.opens_narrative:
            yield f"  [{section.narrative_note}]"
            yield f"  {spoken(section.narrative.element)}"
        for party in section.parties:
            yield f"  {self._label(party.label)} {self._cell(party.cell)}"
        if section.not_shown:
            yield f"  {self._label(page['not_shown'])}"
            yield from self._facts(section.not_shown, 2)
        for inside in section.inside:
            yield from self._section(inside)

    def _row(self, row: Row, columns: tuple[str, ...]) -> Iterator[str]:
        marks = "".join(f"[{piece.text}] " for piece in row.marks)
        yield f"  - {marks}{self._cell(row.cells[0])}"
        for label, cell in zip(columns[1:], row.cells[1:], strict=False):
            if cell:
                yield f"      {self._label(label)} {self._cell(cell)}"
        if self._with_details or row.simplified:
            yield from self._facts(row.details, 4)

    def _facts(self, details: Iterable[Detail], depth: int) -> Iterator[str]:
        for label, cell, inside in details:
            if cell or inside:
                yield f"{'  ' * depth}{self._label(label)} {self._cell(cell)}".rstrip()
                yield from self._facts(inside, depth + 1)

    def _label(self, label: str) -> str:
        return self._page["colon"].format(label=label)

    def _heading(self, title: str, rule: str) -> Iterator[str]:
        yield ""
        yield title
        yield rule * min(len(title), 78)

    def _cell(self, cell: Cell) -> str:
        return "; ".join(self._line(line) for line in cell)

    def _line(self, line: Line) -> str:
        return " ".join(self._piece(piece) for piece in line)

    def _piece(self, piece: Piece) -> str:
        if piece.tone is not None:
            return f"[{piece.text}]"
        if badge := badge_of(piece):
            return f"{piece.text} ({self._words.badges[badge]})"
        return piece.text
