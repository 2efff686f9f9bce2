"""The page: one complete HTML5 document that needs nothing from anywhere and can run nothing.

Writes a ``SummaryView`` and the narratives; what is said was decided there. The style is inline and named by its digest
in the page's own Content Security Policy, which allows nothing else; ``HEADERS`` of the client library say the same as
response headers (``docs/display.md``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from lxml import etree

from ncp.semantics.display.compose import compose
from ncp.semantics.display.html import Html, Tag
from ncp.semantics.display.narrative import Narratives
from ncp.semantics.display.pieces import Cell, Line, Piece, Tone, badge_of
from ncp.semantics.display.view import (
    Detail,
    Group,
    Layout,
    Provenance,
    Row,
    SectionView,
    SummaryView,
)
from ncp.semantics.display.words import Words, words_for
from ncp.semantics.model import Level, PatientSummary
from ncp.semantics.naming import Names

_ICONS = {Tone.DENIED: "✕", Tone.UNSURE: "?", Tone.OVER: "■", Tone.GRAVE: "⚠", Tone.PLAIN: "ⓘ"}
_HEADINGS: tuple[Tag, ...] = ("h2", "h3", "h4")


def write_page(
    summary: PatientSummary, *, names: Names, about: Provenance, layout: Layout = Layout.TRANSLATED
) -> bytes:
    """The summary as an HTML page, UTF-8, in the language of ``names`` (labels: English where there are none)."""
    return page_of(compose(summary, names, about), words_for(names.language), layout)


def page_of(view: SummaryView, words: Words, layout: Layout) -> bytes:
    """The page of a view."""
    return _Page(view, words, layout).write()


@cache
def style() -> str:
    """The style of the page."""
    return (resources.files("ncp.semantics.display") / "summary.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """The Content Security Policy of the page: its own style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


class _Page:
    def __init__(self, view: SummaryView, words: Words, layout: Layout) -> None:
        self._view = view
        self._words = words
        self._page = words.page
        self._layout = layout
        self._anchors = _anchors(view)
        self._html = Html()
        self._written: dict[int, str] = {}
        self._narratives = Narratives(self._html, words, self._anchors)

    def write(self) -> bytes:
        html, view, page = self._html, self._view, self._page
        html.open("html", language=view.language)
        html.open("head")
        html.open("meta", charset="utf-8")
        html.open("meta", http_equiv="Content-Security-Policy", content=policy())
        html.open("meta", name="viewport", content="width=device-width, initial-scale=1")
        # No name of a patient: titles of windows are kept in histories.
        html.element("title", page["title"])
        html.style(style())
        html.close("head")
        html.open("body", f"summary layout-{self._layout.value}")
        if view.level is not Level.L1:
            self._link("#alerts", page["skip_alerts"], "skip")
            self._link("#sections", page["skip_sections"], "skip")
        self._banner()
        html.open("main")
        self._notice()
        self._document()
        if view.level is Level.L1:
            html.element("div", page["level_1"], "box note")
        else:
            self._alerts()
            self._index()
            self._sections()
        self._contacts()
        self._not_shown(view.not_shown)
        html.close("main")
        html.element("footer", view.source)
        html.close("body")
        html.close("html")
        return html.bytes()

    # Above the sections

    def _banner(self) -> None:
        html = self._html
        name, *facts, read_only = self._view.banner
        html.open("header", "banner")
        html.element("h1", name)
        for fact in facts:
            html.element("span", fact, "fact")
        html.element("span", read_only, "readonly")
        html.close("header")

    def _notice(self) -> None:
        html, view, page = self._html, self._view, self._page
        if view.differs:
            html.open("div", "box grave", role="alert")
            self._warn(page["differs"].format(what=", ".join(view.differs)))
            html.close("div")
        html.open("div", "box notice")
        html.element("div", page["incomplete"])
        if view.level is Level.L3:
            count = view.untranslated
            key = "untranslated_none" if not count else "untranslated_one" if count == 1 else "untranslated"
            html.element("div", page[key].format(count=count), "count")
        for warning in view.warnings:
            self._warn(warning)
        html.close("div")

    def _document(self) -> None:
        html = self._html
        html.open("div", "columns")
        for title, facts in (
            (self._page["patient"], self._view.patient),
            (self._page["document"], self._view.document),
        ):
            html.open("section", "box")
            html.element("h2", title)
            self._facts(fact for fact in facts if fact.cell)
            for label, cell, inside in facts:
                if inside and not cell:
                    self._toggle(label, self._layout is Layout.PRINT, "detail")
                    self._facts(inside)
                    html.close("details")
            html.close("section")
        html.close("div")

    def _alerts(self) -> None:
        html = self._html
        html.open("section", "box alerts", id="alerts")
        html.element("h2", self._page["alerts"])
        if self._view.alerts:
            html.open("ul")
            for alert in self._view.alerts:
                html.open("li", "grave" if alert.grave else "")
                html.open("a", href=f"#{alert.target}")
                if alert.grave:
                    html.text(f"{_ICONS[Tone.GRAVE]} ")
                self._line(alert.line)
                html.close("a")
                html.close("li")
            html.close("ul")
        else:
            html.element("div", self._page["no_alerts"])
        html.close("section")

    def _index(self) -> None:
        html = self._html
        html.open("nav", "box")
        html.element("h2", self._page["index"])
        html.open("ul")
        for section in self._view.sections:
            html.open("li")
            html.open("a", href=f"#{section.id}")
            self._line(section.title)
            html.close("a")
            html.text(f" ({section.count})")
            html.close("li")
        html.close("ul")
        html.close("nav")

    # Sections

    def _sections(self) -> None:
        html, view, page = self._html, self._view, self._page
        html.open("section", id="sections")
        html.element("h2", page["sections"])
        for title in view.missing:
            html.open("section", "box clinical missing")
            html.element("h3", title)
            self._warn(page["section_missing"])
            html.close("section")
        for section in view.sections:
            self._section(section, 1)
        if view.absent:
            html.open("section", "box")
            html.element("h3", page["missing_sections"])
            html.open("ul")
            for title in view.absent:
                html.element("li", title)
            html.close("ul")
            html.close("section")
        html.close("section")

    def _section(self, section: SectionView, depth: int) -> None:
        html, page = self._html, self._page
        html.open("section", "box clinical", id=section.id)
        heading = _HEADINGS[min(depth, 2)]
        html.open(heading)
        self._line(section.title)
        key = "entries_one" if section.count == 1 else "entries"
        html.element("span", page[key].format(count=section.count), "count")
        html.close(heading)
        if section.original_title and section.original_title != section.title:
            html.open("div", "original-title")
            self._line(section.original_title)
            html.close("div")
        for warning in section.warnings:
            self._warn(warning)
        html.open("div", "halves")
        self._translation(section)
        self._narrative(section)
        html.close("div")
        self._facts(section.parties)
        self._not_shown(section.not_shown)
        for inside in section.inside:
            self._section(inside, depth + 1)
        html.close("section")

    def _translation(self, section: SectionView) -> None:
        page = self._page
        self._toggle(page["translation"], self._layout is not Layout.ORIGINAL, "half coded")
        for note in section.notes:
            self._html.element("div", note, "note")
        for group, title in (
            (Group.CURRENT, ""),
            (Group.ENDED, page["ended_group"]),
            (Group.DENIED, page["denied_group"]),
        ):
            if rows := section.table.group(group):
                self._table(section, title, rows, group)
        self._html.close("details")

    def _table(self, section: SectionView, title: str, rows: tuple[Row, ...], group: Group) -> None:
        html = self._html
        html.open("div", "frame")
        html.open("table", f"entries {group.value}")
        html.open("caption", "" if title else "hidden")
        if title:
            html.text(title)
        else:
            self._line(section.title)
        html.close("caption")
        html.open("thead")
        html.open("tr")
        for column in section.table.columns:
            html.open("th", scope="col")
            html.text(column)
            html.close("th")
        html.close("tr")
        html.close("thead")
        html.open("tbody")
        width = str(len(section.table.columns))
        for row in rows:
            self._row(row, width)
        html.close("tbody")
        html.close("table")
        html.close("div")

    def _row(self, row: Row, width: str) -> None:
        html = self._html
        html.open("tr", "absence" if row.is_absence else "", id=row.id)
        for number, cell in enumerate(row.cells):
            tag: Tag = "td" if number else "th"
            if number:
                html.open(tag)
            else:
                span = {"colspan": width} if row.simplified else {}
                html.open(tag, scope="row", **span)
                for piece in row.marks:
                    self._piece(piece)
            self._cell(cell)
            html.close(tag)
        html.close("tr")
        anchor = self._anchors.get(row.reference, "")
        if not row.details and not anchor:
            return
        html.open("tr", "more")
        html.open("td", colspan=width)
        if anchor:
            self._link(f"#{anchor}", self._page["source_text"], "source")
        if row.details:
            self._toggle(self._page["details"], row.simplified or self._layout is Layout.PRINT, "detail")
            self._facts(row.details)
            html.close("details")
        html.close("td")
        html.close("tr")

    def _narrative(self, section: SectionView) -> None:
        page = self._page
        self._toggle(page["narrative"], section.opens_narrative or self._layout is not Layout.TRANSLATED, "half words")
        narrative = section.narrative
        if narrative is None or narrative.empty:
            self._html.element("div", page["narrative_empty"], "note")
        else:
            self._html.element("div", section.narrative_note, "note")
            self._narratives.write(narrative.element, section.narrative_language)
        self._html.close("details")

    # Below

    def _contacts(self) -> None:
        html = self._html
        if not self._view.contacts:
            return
        html.open("section", "box")
        html.element("h2", self._page["contacts"])
        for contact in self._view.contacts:
            named = " ".join(piece.text for line in contact.cell for piece in line)
            title = " ".join(filter(None, (self._page["colon"].format(label=contact.label), named)))
            self._toggle(title, self._layout is Layout.PRINT, "detail")
            self._facts(contact.inside)
            html.close("details")
        html.close("section")

    def _not_shown(self, details: tuple[Detail, ...]) -> None:
        if not details:
            return
        self._toggle(self._page["not_shown"], self._layout is Layout.PRINT, "box raw")
        self._html.element("div", self._page["not_shown_note"], "note")
        self._facts(details)
        self._html.close("details")

    # Pieces

    def _toggle(self, title: str, is_open: bool, kind: str) -> None:
        """Begins a part that can be opened and closed; whoever calls ends it."""
        if is_open:
            self._html.open("details", kind, open="")
        else:
            self._html.open("details", kind)
        self._html.element("summary", title)

    def _link(self, target: str, text: str, kind: str) -> None:
        """A link inside the page; its target is made here, never taken from the document."""
        self._html.open("a", kind, href=target)
        self._html.text(text)
        self._html.close("a")

    def _facts(self, details: Iterable[Detail]) -> None:
        html = self._html
        shown = [detail for detail in details if detail[1] or detail[2]]
        if not shown:
            return
        html.open("dl")
        for label, cell, inside in shown:
            html.element("dt", label)
            if not inside and len(cell) == 1 and len(cell[0]) == 1 and cell[0][0].state is None:
                # Most data are one word or number.
                text, language, _, tone = cell[0][0]
                if tone is None:
                    html.element("dd", text, "", language if language != self._view.language else "")
                    continue
            html.open("dd")
            if len(cell) > 1:
                self._repeated(cell)
            else:
                self._cell(cell)
            if inside:
                self._facts(inside)
            html.close("dd")
        html.close("dl")

    def _repeated(self, cell: Cell) -> None:
        """A cell that may be one of many of the same: those are one object (``Details.code``)."""
        html = self._html
        known = self._written.get(id(cell))
        if known is not None:
            html.again(known)
            return
        mark = html.mark()
        self._cell(cell)
        self._written[id(cell)] = html.since(mark)

    def _cell(self, cell: Cell) -> None:
        if len(cell) == 1:
            self._line(cell[0])
            return
        html = self._html
        for line in cell:
            html.open("div")
            self._line(line)
            html.close("div")

    def _line(self, line: Line) -> None:
        for number, piece in enumerate(line):
            if number:
                self._html.text(" ")
            self._piece(piece)

    def _piece(self, piece: Piece) -> None:
        html = self._html
        text, language, state, tone = piece
        if tone is not None:
            html.element("span", f"{_ICONS[tone]} {text}", f"mark {tone.value}")
            html.text(" ")
            return
        if language == self._view.language:
            language = ""
        if state is not None and (badge := badge_of(piece)):
            html.element("span", text, state.value, language)
            html.text(" ")
            html.element("span", self._words.badges[badge], "badge")
        elif language:
            html.element("span", text, "", language)
        else:
            html.text(text)

    def _warn(self, text: str) -> None:
        self._html.open("div")
        self._html.element("span", f"{_ICONS[Tone.GRAVE]} {text}", "mark grave")
        self._html.close("div")


def _all(sections: Iterable[SectionView]) -> Iterator[SectionView]:
    for section in sections:
        yield section
        yield from _all(section.inside)


def _anchors(view: SummaryView) -> dict[str, str]:
    """New ids for the pieces of narrative that a row points to and that are there."""
    sections = list(_all(view.sections))
    referred = {row.reference for section in sections for row in section.table.rows if row.reference}
    found: dict[str, str] = {}
    for section in sections:
        if section.narrative is None or not referred:
            continue
        for name in _IDS(section.narrative.element):
            if name in referred and name not in found:
                found[str(name)] = f"n{len(found) + 1}"
    return found


_IDS = etree.XPath("descendant-or-self::*/@ID", smart_strings=False)
