"""From a summary to its view: clinical order, groups, notices, counts. Decides what is said, writes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from ncp.semantics.coding import CodeState
from ncp.semantics.display.about import About
from ncp.semantics.display.alerts import alert_of
from ncp.semantics.display.details import Details, raw
from ncp.semantics.display.pieces import MARKED, Line, Piece
from ncp.semantics.display.rows import COLUMNS, OTHER_COLUMNS, Draft, Rows
from ncp.semantics.display.view import (
    Alert,
    Detail,
    Group,
    Provenance,
    Row,
    SectionView,
    SummaryView,
    Table,
)
from ncp.semantics.display.wording import Wording
from ncp.semantics.model import MANDATORY, Level, NotShown, PatientSummary, Section, SectionKind
from ncp.semantics.naming import Names
from ncp.semantics.terminology import systems
from ncp.semantics.understand import SECTION_KINDS
from ncp.semantics.values import Coded, Text

ORDER = tuple(kind for kind in SectionKind if kind is not SectionKind.OTHER)
"""The clinical order of the page; sections of other kinds follow as the document has them."""

_LOINC = {kind: code for code, kind in SECTION_KINDS.items()}
_ENTRY = re.compile(r".*?/section(?:\[\d+\])?(?:/component(?:\[\d+\])?/section(?:\[\d+\])?)*/entry(?:\[\d+\])?")
_SECTION = re.compile(r".*?/section(?:\[\d+\])?(?:/component(?:\[\d+\])?/section(?:\[\d+\])?)*")


def compose(summary: PatientSummary, names: Names, about: Provenance) -> SummaryView:
    """The view of a summary in the language of ``names``."""
    return _Composer(summary, names, about).view()


class _Composer:
    def __init__(self, summary: PatientSummary, names: Names, about: Provenance) -> None:
        self._summary = summary
        self._about = about
        self._say = Wording(names)
        self._words = self._say.words
        self._details = Details(self._say)
        self._rows = Rows(self._say)
        self._alerts: list[tuple[int, Alert]] = []
        self._next = 0
        self._not_shown = _by_owner(summary.not_shown)

    def view(self) -> SummaryView:
        summary, about = self._summary, self._about
        header = summary.header
        who = About(self._say, self._details)
        ordered = sorted(summary.sections, key=_place_in_order)
        sections = tuple(self._section(section) for section in ordered)
        alerts = tuple(alert for _, alert in sorted(self._alerts, key=lambda one: one[0]))
        page = self._words.page
        patient = self._or_raw(lambda: who.patient(header))
        document = self._or_raw(lambda: who.document(header, about))
        contacts = self._or_raw(lambda: who.contacts(header))
        there = {section.kind for section in summary.all_sections()}
        absent = [kind for kind in ORDER if kind not in there and kind not in MANDATORY]
        states = Counter(self._say.states.values())
        language = header.language.code if header.language is not None else ""
        return SummaryView(
            language=self._words.language,
            document_language=language,
            level=summary.level,
            patient=patient,
            banner=who.banner(header, about),
            document=document,
            alerts=alerts,
            sections=sections,
            missing=tuple(self._title_of(kind) for kind in summary.missing_sections),
            absent=tuple(self._title_of(kind) for kind in absent) if summary.level is Level.L3 else (),
            contacts=contacts,
            not_shown=self._details.not_shown(self._not_shown.get("", ())),
            differs=tuple(page[f"differs_{one}"] for one in about.differs),
            warnings=about.warnings,
            states=states,
            untranslated=sum(count for state, count in states.items() if state in MARKED),
            source=page["source_line"].format(
                country=who.country(header, about) or page["unavailable"],
                day=self._say.day(about.shown.strftime("%Y%m%d%H%M%z")),
            ),
        )

    def _or_raw(self, said: Callable[[], tuple[Detail, ...]]) -> tuple[Detail, ...]:
        """A part of the header; raw when it cannot be laid out, and the rest goes on."""
        try:
            return said()
        except Exception:
            return (Detail(self._words.page["simplified"], (), raw(self._summary.header)),)

    # Sections

    def _section(self, section: Section) -> SectionView:
        self._next += 1
        number = self._next
        drafts, broken = self._drafts(section)
        columns = COLUMNS.get(section.kind, OTHER_COLUMNS)
        rows = [*self._laid_out(drafts, columns, number, section), *broken]
        used = [n for n, name in enumerate(columns) if n == 0 or any(draft.cells.get(name) for draft in drafts)]
        labels = tuple(self._words.columns[columns[n]] for n in used)
        rows = [row if row.simplified else _with_cells(row, tuple(row.cells[n] for n in used)) for row in rows]
        inside = tuple(self._section(one) for one in section.subsections)
        page = self._words.page
        notes, warnings = self._notes(section, rows)
        marked = any(
            piece.state is CodeState.UNMAPPED for row in rows for cell in row.cells for line in cell for piece in line
        )
        unnamed = any(row.simplified for row in rows) or any(_is_unsaid(draft) for draft in drafts)
        language = section.language.code if section.language is not None else self._say.names.document_language
        tongue = self._say.names.tongue(language) if language else ""
        return SectionView(
            id=f"s{number}",
            kind=section.kind,
            title=self._title(section),
            original_title=self._original_title(section.title),
            table=Table(labels, tuple(rows)),
            count=len(
                {row.id.partition(".")[0] for row in rows if row.group is not Group.DENIED and not row.is_absence}
            ),
            notes=notes,
            warnings=warnings,
            opens_narrative=not section.entries
            or all(row.is_absence for row in rows)
            or marked
            or unnamed
            or bool(warnings),
            narrative=section.narrative,
            narrative_language=language,
            narrative_note=page["narrative_note"].format(language=tongue) if tongue else page["narrative_note_unknown"],
            parties=tuple(self._details.party(party) for party in section.parties),
            not_shown=self._details.not_shown(self._not_shown.get(section.place, ())),
            inside=inside,
        )

    def _drafts(self, section: Section) -> tuple[list[Draft], list[Row]]:
        """Rows of all entries; an entry that cannot be laid out is shown raw, and the rest goes on."""
        drafts: list[Draft] = []
        broken: list[Row] = []
        for number, entry in enumerate(section.entries, 1):
            try:
                drafts.extend(self._rows.of(section.kind, entry))
            except Exception:
                broken.append(
                    Row(
                        id=f"r{self._next}-x{number}",
                        group=Group.CURRENT,
                        marks=(),
                        cells=(((Piece(self._words.page["simplified"]),),),),
                        details=raw(entry.source),
                        simplified=True,
                    )
                )
        return drafts, broken

    def _laid_out(self, drafts: list[Draft], columns: tuple[str, ...], number: int, section: Section) -> Iterable[Row]:
        groups = list(Group)
        ordered = sorted(drafts, key=lambda draft: (groups.index(draft.group), draft.rank))
        told: set[int] = set()
        ids: dict[int, int] = {}
        for place, draft in enumerate(ordered, 1):
            entry = draft.entry
            item = ids.setdefault(id(entry), place)
            row_id = f"r{number}-{item}" + (f".{place}" if place != item else "")
            details: tuple[Detail, ...] = ()
            if id(entry) not in told:
                told.add(id(entry))
                details = self._entry_details(draft)
            if (alert := _alert(draft, section.kind, self._say)) is not None:
                rank = 0 if alert[1] else ORDER.index(section.kind) + 1 if section.kind in ORDER else 99
                self._alerts.append((rank, Alert(alert[0], row_id, alert[1])))
            yield Row(
                id=row_id,
                group=draft.group,
                marks=tuple(draft.marks),
                cells=tuple(draft.cells.get(name, ()) for name in columns),
                details=details,
                reference=_reference(draft),
                is_absence=draft.is_absence,
            )

    def _entry_details(self, draft: Draft) -> tuple[Detail, ...]:
        source = draft.entry.source
        try:
            details = self._details.of(source)
        except Exception:
            details = raw(source)
        owner = _ENTRY.match(f"{source.place}/")
        items = self._not_shown.get(owner.group() if owner else source.place, ())
        if items:
            details += (Detail(self._words.page["not_shown"], (), self._details.not_shown(items)),)
        return details

    def _notes(self, section: Section, rows: list[Row]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        page = self._words.page
        notes: list[str] = []
        warnings: list[str] = []
        if section.null_flavor == "MSK":
            warnings.append(page["section_withheld"])
        elif not section.entries and not section.subsections:
            empty = section.narrative is None or section.narrative.empty
            notes.append(page["nothing"] if empty else page["no_coded"])
        if section.null_flavor not in ("", "MSK"):
            notes.append(self._say.null(section.null_flavor))
        if section.contradictory:
            warnings.append(page["contradiction"])
        found = len(section.statements)
        shown = len({entry.source.place for entry in section.entries})
        if found != shown or len(rows) < len(section.entries):
            warnings.append(page["count_differs"].format(shown=min(shown, len(rows)), found=found))
        return tuple(notes), tuple(warnings)

    # Titles

    def _title(self, section: Section) -> Line:
        """The known title of the section's kind; of an unknown kind its code's name, else the document's title."""
        if section.kind is not SectionKind.OTHER:
            return (Piece(self._title_of(section.kind)),)
        code = section.code
        if code is not None and code.code:
            named = self._say.code_line(code)
            if named[0].state is CodeState.TRANSLATED or section.title is None or not section.title.text:
                return named
        return self._original_title(section.title) or (Piece(self._words.page["item"]),)

    def _title_of(self, kind: SectionKind) -> str:
        own = self._words.sections.get(kind.value)
        return own or self._say.names.designation(systems.LOINC, _LOINC[kind]) or kind.value

    def _original_title(self, title: Text | None) -> Line:
        if title is None or not title.text:
            return ()
        return (Piece(title.text, title.language or self._say.names.document_language),)


def _alert(draft: Draft, kind: SectionKind, say: Wording) -> tuple[Line, bool] | None:
    """As ``alert_of``; a row that it cannot make sense of is an alert by its first words."""
    try:
        return alert_of(draft, kind, say)
    except Exception:
        first = next(iter(draft.cells.values()), ())
        return (first[0], False) if first else None


def _place_in_order(section: Section) -> int:
    return ORDER.index(section.kind) if section.kind in ORDER else len(ORDER)


def _is_unsaid(draft: Draft) -> bool:
    """Something of it stands in the narrative alone."""
    return draft.is_nameless or (draft.entry.text is not None and draft.entry.text.dangling)


def _reference(draft: Draft) -> str:
    """The words of the narrative that the entry points to: its own, else those of its code."""
    entry = draft.entry
    texts = [entry.text, entry.source.text]
    for coded in (getattr(entry, name, None) for name in ("problem", "procedure", "device", "habit", "code")):
        if isinstance(coded, Coded):
            texts.append(coded.original)
    for text in texts:
        if text is not None and text.reference.startswith("#") and len(text.reference) > 1:
            return text.reference[1:]
    return ""


def _with_cells(row: Row, cells: tuple[tuple[Line, ...], ...]) -> Row:
    return Row(row.id, row.group, row.marks, cells, row.details, row.reference, row.is_absence, row.simplified)


def _by_owner(items: Iterable[NotShown]) -> dict[str, list[NotShown]]:
    """What the model has no field for, by the entry it stands in, else its section, else the document (``""``)."""
    found: dict[str, list[NotShown]] = {}
    for item in items:
        owner = _ENTRY.match(f"{item.place}/") or _SECTION.match(f"{item.place}/")
        found.setdefault(owner.group() if owner else "", []).append(item)
    return found
