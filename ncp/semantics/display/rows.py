"""From the entries of a section to the rows of its table: which columns, what stands in them, in which order, and the
marks that turn a meaning round.

A choice of columns loses nothing: ``details`` has the whole entry. Every entry makes at least one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ncp.semantics.absence import Absence, AbsenceKind
from ncp.semantics.coding import CodeState
from ncp.semantics.display.pieces import Cell, Line, Piece, Tone
from ncp.semantics.display.view import Group
from ncp.semantics.display.wording import Wording
from ncp.semantics.entries import (
    Allergy,
    Comment,
    Condition,
    Entry,
    Habit,
    Immunisation,
    ImplantedDevice,
    Measurement,
    Measurements,
    Medication,
    OtherEntry,
    PregnancyOutcome,
    PregnancyStatus,
    Procedure,
)
from ncp.semantics.meaning import Standing
from ncp.semantics.model import SectionKind
from ncp.semantics.parties import Party, Substance
from ncp.semantics.statements import Ingredient, Product, Statement
from ncp.semantics.terminology import systems
from ncp.semantics.values import Coded, Interval, Quantity, Timing, Value

LIFE_THREATENING = "442452003"
SEVERE = "24484000"
KNOWN_ABSENT = "410516002"
RESOLVED = frozenset({"413322009", "resolved"})
INACTIVE = frozenset({"73425007", "inactive"})
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"
# SNOMED CT severities, finding statuses; FHIR allergy statuses; LOINC blood pressure (eHDSI value sets 13, 15, 59, 21).

_MARKED_STATUS = ("aborted", "suspended", "completed", "cancelled")
_NOT_YET = frozenset({"aborted", "suspended", "held", "new", "active"})
"""States of a vaccination that was not given, or not to its end."""
_ENDED = frozenset({*_MARKED_STATUS, "nullified", "obsolete"})


@dataclass(slots=True)
class Draft:
    """A row in the making. ``rank`` sorts within its group, the lower first; ``cells`` by name of column."""

    entry: Entry
    cells: dict[str, Cell] = field(default_factory=dict)
    marks: list[Piece] = field(default_factory=list)
    group: Group = Group.CURRENT
    rank: int = 5
    is_absence: bool = False
    is_nameless: bool = False
    item: Measurement | None = None
    """The one measurement of its entry that the row is about."""


Drafts: TypeAlias = list[Draft]

COLUMNS: dict[SectionKind, tuple[str, ...]] = {
    SectionKind.ALLERGIES: (
        *("agent", "type", "manifestations", "severity", "criticality", "certainty", "status", "since", "details"),
    ),
    SectionKind.PROBLEMS: ("problem", "status", "certainty", "since", "severity", "outcome", "details"),
    SectionKind.PAST_ILLNESS: ("problem", "onset", "end", "status", "outcome", "severity", "certainty", "details"),
    SectionKind.MEDICATION: (
        *("medicine", "substances", "form", "dose", "frequency", "route", "period", "status", "reason"),
        "instructions",
    ),
    SectionKind.DEVICES: ("device", "identifier", "implanted", "removed", "period"),
    SectionKind.PROCEDURES: ("procedure", "site", "date", "state", "reason"),
    SectionKind.IMMUNISATIONS: ("vaccine", "brand", "date", "rank", "lot", "given", "where"),
    SectionKind.PREGNANCY: ("subject", "value", "date", "due", "count"),
    SectionKind.VITAL_SIGNS: ("date", "pressure", "other", "by"),
    SectionKind.RESULTS: ("exam", "date", "result", "range", "interpretation", "by"),
    SectionKind.FUNCTIONAL_STATUS: ("exam", "date", "result", "range", "interpretation", "by"),
    SectionKind.SOCIAL_HISTORY: ("item", "value", "date"),
}
"""Columns of each kind of section; the first one names what the row is about."""
OTHER_COLUMNS = ("item", "value", "date")


class Rows:
    """Rows of one document."""

    def __init__(self, wording: Wording) -> None:
        self._say = wording
        self._marks = wording.words.marks
        self._made: dict[type, Callable[[Any], Drafts]] = {
            Allergy: self._allergy,
            Condition: self._condition,
            Medication: self._medication,
            ImplantedDevice: self._device,
            Procedure: self._procedure,
            Immunisation: self._immunisation,
            Habit: self._habit,
            PregnancyStatus: self._pregnancy,
            PregnancyOutcome: self._outcome,
            OtherEntry: self._other,
        }

    def of(self, kind: SectionKind, entry: Entry) -> Drafts:
        """The rows of one entry, with absence, denial and doubt marked; the first cell is never empty."""
        if isinstance(entry, Measurements):
            drafts = self._vital_signs(entry) if kind is SectionKind.VITAL_SIGNS else self._results(entry)
        else:
            drafts = self._made[type(entry)](entry)
        columns = COLUMNS.get(kind, OTHER_COLUMNS)
        for draft in drafts:
            self._fit(draft, columns)
            self._standing(draft)
            self._absence(draft, kind, columns[0])
            if not draft.cells.get(columns[0]):
                said = columns[0] == "date" and any(draft.cells.values())
                page = self._say.words.page
                draft.is_nameless |= not said
                draft.cells[columns[0]] = self._say.plain(page["unavailable"]) if said else self._nameless(entry)
        return drafts

    def _fit(self, draft: Draft, columns: tuple[str, ...]) -> None:
        """An entry in a section that is not its own: all it says goes into the first cell."""
        if columns[0] not in draft.cells or ("item" in draft.cells and "item" not in columns):
            cells = tuple(line for cell in draft.cells.values() for line in cell)
            draft.cells = {columns[0]: cells}

    def mark(self, name: str, tone: Tone) -> Piece:
        return Piece(self._marks[name], tone=tone)

    # What turns the meaning

    def _standing(self, draft: Draft) -> None:
        entry = draft.entry
        if entry.standing is Standing.DENIED:
            draft.group = Group.DENIED
            draft.marks.insert(0, self.mark(_denial(entry), Tone.DENIED))
        elif entry.standing is Standing.SUSPECTED:
            unconfirmed = any(code is not None and code.code == "unconfirmed" for code in _certainties(entry))
            draft.marks.insert(0, self.mark("unconfirmed" if unconfirmed else "suspected", Tone.UNSURE))

    def _absence(self, draft: Draft, kind: SectionKind, first: str) -> None:
        absence = draft.entry.absence
        if absence is None:
            return
        said = self.absence_line(absence, kind)
        statement = absence.statement
        words: Cell = ()
        if statement is None or not (statement.code or statement.words):
            words = self._say.text(draft.entry.text) or self._say.text(draft.entry.source.text)
        shown = {piece.text for line in (said, *words) for piece in line}
        other = tuple(line for line in draft.cells.get(first, ()) if not shown.issuperset(piece.text for piece in line))
        names = any(piece.state is not CodeState.NULL for line in other for piece in line)
        if absence.kind is AbsenceKind.UNCLEAR and (words or names):
            # The words may name something after all: it counts, and the narrative is to be read.
            draft.is_nameless = True
            draft.cells[first] = (*words, *other, said)
            return
        draft.is_absence = True
        draft.rank = 0
        draft.cells[first] = (said, *other, *words)
        if draft.entry.standing is not Standing.DENIED:
            draft.marks.clear()
            draft.group = Group.CURRENT

    def absence_line(self, absence: Absence, kind: SectionKind) -> Line:
        """An absence by the designation of its code, else by its kind and null flavour."""
        absences = self._say.words.absences
        statement = absence.statement
        if statement is not None and (statement.code or statement.words):
            return self._say.code_line(statement)
        if absence.kind is AbsenceKind.WITHHELD:
            return (Piece(absences["withheld"]),)
        if absence.kind is AbsenceKind.UNCLEAR:
            flavor = self._say.null(absence.null_flavor)
            return (Piece(absences["unclear"]), *((Piece(f"({flavor})"),) if flavor else ()))
        known, unknown = absences.get(kind.value, absences["other"])
        if absence.kind is AbsenceKind.KNOWN_ABSENCE:
            return (Piece(known),)
        flavor = self._say.null(absence.null_flavor)
        return (Piece(unknown), *((Piece(f"({flavor})"),) if flavor and absence.null_flavor != "NI" else ()))

    def _nameless(self, entry: Entry) -> Cell:
        """What the narrative calls an entry that no code names; words that say so where nothing does."""
        said = self._say.text(entry.text) or self._say.text(entry.source.text)
        if said:
            return said
        flavor = entry.source.null_flavor or (entry.source.code.null_flavor if entry.source.code else "")
        word = self._say.null(flavor)
        named = self._say.words.page["unnamed"]
        return ((Piece(f"{named} ({word})" if word else named),),)

    # Allergies and problems

    def _allergy(self, entry: Allergy) -> Drafts:
        say = self._say
        draft = Draft(entry)
        agents = tuple(line for agent in entry.agents for line in self._substance(agent))
        # Older documents name what the allergy is to, or that there is none, in the value.
        values = say.values(value for value in entry.values if not (isinstance(value, Coded) and value.empty))
        reactions: list[Line] = []
        worst = [entry.severity]
        for reaction in entry.reactions:
            line: Line = ()
            if reaction.denied:
                line += (self.mark("absent", Tone.DENIED),)
            named = tuple(piece for each in say.values(reaction.values) for piece in each)
            line += named or tuple(piece for each in say.text(reaction.text) for piece in each)
            if reaction.severity is not None:
                line += self._severity(reaction.severity)
                if not reaction.denied:
                    worst.append(reaction.severity)
            if reaction.time is not None and (time := say.time(reaction.time)):
                line += (Piece(f"({time})"),)
            if line:
                reactions.append(line)
        draft.cells = {
            "agent": agents or values or say.values(entry.values),
            "type": (*say.coded(entry.type), *(values if agents else ())),
            "manifestations": tuple(reactions),
            "severity": (self._severity(entry.severity),) if entry.severity else (),
            "criticality": self._criticality(entry.criticality),
            "certainty": say.coded(entry.certainty),
            "status": say.coded(entry.status) or say.status(entry.concern_status),
            "since": self._begins(entry.time, entry.concern_time),
            "details": self._comments(entry.comments),
        }
        if entry.criticality is not None and entry.criticality.code == "high":
            draft.rank = 2
        self._grave(draft, *worst)
        self._over(draft, entry.status)
        return [draft]

    def _condition(self, entry: Condition) -> Drafts:
        say = self._say
        draft = Draft(entry)
        problem = say.values(entry.values)
        if entry.problem is not None and entry.problem.empty and entry.text is not None and entry.text.text:
            # A null flavour where the problem would be named: the words of the narrative name it.
            problem = (*say.text(entry.text), *problem)
        period = entry.time or entry.concern_time
        remarks: list[Line] = [
            *(self._named_party(party) for party in entry.professionals if party.text),
            *(line for value in entry.information_sources for line in say.value(value)),
            *(line for statement in entry.resources for line in self._resource(statement)),
            *self._comments(entry.comments),
        ]
        draft.cells = {
            "problem": problem,
            "status": say.coded(entry.status) or say.status(entry.concern_status),
            "certainty": say.coded(entry.certainty),
            "severity": (self._severity(entry.severity),) if entry.severity else (),
            "outcome": say.coded(entry.outcome),
            "details": tuple(remarks),
            "since": say.timing(period, since=True),
            "onset": self._begins(entry.time, entry.concern_time),
            "end": self._ends(entry.time, entry.concern_time),
        }
        if entry.problem is not None and entry.problem.system == systems.ORPHANET:
            draft.marks.append(self.mark("rare", Tone.PLAIN))
        self._grave(draft, entry.severity)
        self._over(draft, entry.status)
        return [draft]

    def _severity(self, severity: Coded) -> Line:
        line = self._say.code_line(severity)
        if severity.code == LIFE_THREATENING:
            return (self.mark("life_threatening", Tone.GRAVE), *line)
        return (self.mark("severe", Tone.GRAVE), *line) if severity.code == SEVERE else line

    def _criticality(self, criticality: Coded | None) -> Cell:
        if criticality is None:
            return ()
        line = self._say.code_line(criticality)
        return ((self.mark("high", Tone.GRAVE), *line),) if criticality.code == "high" else (line,)

    def _grave(self, draft: Draft, *severities: Coded | None) -> None:
        codes = {severity.code for severity in severities if severity is not None}
        if LIFE_THREATENING in codes:
            draft.rank = 1
        elif SEVERE in codes:
            draft.rank = min(draft.rank, 3)

    def _over(self, draft: Draft, status: Coded | None) -> None:
        if status is None:
            return
        if status.code in RESOLVED:
            draft.marks.append(self.mark("resolved", Tone.OVER))
            draft.rank += 10
        elif status.code in INACTIVE:
            draft.marks.append(self.mark("inactive", Tone.OVER))
            draft.rank += 10

    def _begins(self, *times: Timing | None) -> Cell:
        for time in times:
            if isinstance(time, Interval):
                if time.low is not None and (said := self._say.point(time.low)):
                    return self._say.plain(said)
                if time.value or time.center or time.width or time.null_flavor:
                    return self._say.timing(time)
            elif time is not None and (cell := self._say.timing(time)):
                return cell
        return ()

    def _ends(self, *times: Timing | None) -> Cell:
        for time in times:
            if isinstance(time, Interval) and time.high is not None:
                if time.high.value:
                    return self._say.plain(self._say.point(time.high))
                if time.high.null_flavor == "UNK":
                    return self._say.plain(self._say.words.times["end_unknown"])
                if time.high.null_flavor not in ("", "NA"):
                    return self._say.plain(self._say.point(time.high))
        return ()

    def _comments(self, comments: Iterable[Comment]) -> Cell:
        return tuple(line for comment in comments for line in self._say.text(comment.text))

    def _resource(self, statement: Statement) -> Cell:
        """An external document: its address is text, never a link."""
        lines = []
        text = statement.text
        if text is not None and (text.text or text.reference):
            lines.append((Piece(text.text or text.reference),))
        return tuple(lines)

    def _substance(self, substance: Substance) -> Cell:
        """Its code's name, then the names the document gives it where they differ."""
        say = self._say
        lines = list(say.coded(substance.code)) if substance.code is not None and not substance.code.empty else []
        shown = {piece.text for line in lines for piece in line}
        for name in substance.names:
            if name.text and name.text not in shown:
                shown.add(name.text)
                lines.append((Piece(name.text, say.names.document_language),))
        if substance.description is not None:
            lines.extend(line for line in say.text(substance.description) if line[0].text not in shown)
        if not lines and substance.code is not None:
            lines = list(say.coded(substance.code))
        return tuple(lines)

    def _named_party(self, party: Party) -> Line:
        organisation = party.organisation.text if party.organisation else ""
        parts = [party.text, *([organisation] if organisation and organisation != party.text else [])]
        return (Piece(", ".join(parts)),)

    # Medicines, vaccines

    def _medication(self, entry: Medication) -> Drafts:
        say = self._say
        draft = Draft(entry)
        product = entry.product
        drug = entry.source.code
        period = say.timing(entry.period, since=False)
        frequency = tuple(line for time in entry.frequencies for line in say.timing(time))
        for regime in entry.sub_regimes:
            parts = [say.time(time) for time in regime.times]
            said = ", ".join(filter(None, (say.amount(regime.dose, counted=True), *parts)))
            if said:
                frequency += ((Piece(said),),)
        extra = (say.amount(entry.rate), say.ratio(entry.max_dose))
        labels = (say.words.fields["rate"], say.words.fields["max_dose"])
        dose = say.plain(say.amount(entry.dose, counted=True))
        dose += tuple((Piece(f"{label}: {said}"),) for label, said in zip(labels, extra, strict=True) if said)
        draft.cells = {
            "medicine": self._product(product) or (say.coded(drug) if drug is not None and not drug.empty else ()),
            "substances": self._substances(product),
            "form": say.coded(product.form) if product is not None else (),
            "dose": dose,
            "frequency": frequency,
            "route": (*say.coded(entry.route), *(line for site in entry.sites for line in say.coded(site))),
            "period": period,
            "status": say.status(entry.status),
            "reason": self._reasons(entry.reasons),
            "instructions": self._comments(entry.instructions),
        }
        if entry.status is not None and entry.status.code in _ENDED:
            draft.group = Group.ENDED
            if entry.status.code in _MARKED_STATUS:
                draft.marks.append(self.mark(entry.status.code, Tone.OVER))
        return [draft]

    def _product(self, product: Product | None) -> Cell:
        """What the medicine is called: its name, its code, else its class or its substances."""
        if product is None:
            return ()
        say = self._say
        language = say.names.document_language
        lines: list[Line] = [(Piece(name.text, language),) for name in product.names if name.text]
        shown = {line[0].text for line in lines}
        if product.code is not None and not product.code.empty:
            line = say.code_line(product.code)
            if line[0].text not in shown:
                lines.append(line)
        if not lines and product.description is not None:
            lines.extend(say.text(product.description))
        if not lines:
            named = [kind.code for kind in product.kinds] or [one.code for one in product.ingredients]
            lines = [say.code_line(code) for code in named if code is not None and not code.empty]
        if not lines:
            lines = [(Piece(name.text, language),) for kind in product.kinds for name in kind.names if name.text]
        for part in product.parts:
            lines.extend(self._product(part.product))
        return tuple(lines)

    def _substances(self, product: Product | None) -> Cell:
        if product is None:
            return ()
        lines = [line for one in product.ingredients for line in self._ingredient(one)]
        if not lines:
            lines = [self._say.code_line(kind.code) for kind in product.kinds if kind.code and not kind.code.empty]
        for part in product.parts:
            lines.extend(self._substances(part.product))
        return tuple(lines)

    def _ingredient(self, one: Ingredient) -> Cell:
        say = self._say
        line: Line = say.code_line(one.code) if one.code is not None and not one.code.empty else ()
        shown = {piece.text for piece in line}
        for name in one.names:
            if name.text and name.text not in shown:
                line += (Piece(name.text, say.names.document_language),)
        if not line and one.code is not None:
            line = say.code_line(one.code)
        if strength := say.ratio(one.strength):
            line += (Piece(strength),)
        return (line,) if line else ()

    def _reasons(self, reasons: Iterable[Statement]) -> Cell:
        say = self._say
        lines: list[Line] = []
        for reason in reasons:
            named = say.values(reason.values) or say.text(reason.text)
            if not named and reason.code is not None and not reason.code.empty:
                named = say.coded(reason.code)
            lines.extend(named)
        return tuple(lines)

    def _immunisation(self, entry: Immunisation) -> Drafts:
        say, words = self._say, self._say.words
        draft = Draft(entry)
        product = entry.product
        brand: Cell = ()
        vaccine: list[Line] = []
        if product is not None:
            brand = tuple((Piece(name.text, say.names.document_language),) for name in product.names if name.text)
            if product.code is not None and not (product.code.empty and brand):
                vaccine.extend(say.coded(product.code))
        vaccine.extend((Piece("→"), *say.code_line(disease)) for disease in entry.diseases if not disease.empty)
        mood, status = entry.source.mood, entry.status.code if entry.status is not None else ""
        if mood not in ("", "EVN"):
            draft.marks.append(self.mark("planned", Tone.UNSURE))
        is_done = mood in ("", "EVN") and status not in _NOT_YET and entry.absence is None
        given = say.plain(words.page["yes"]) if is_done else say.status(entry.status)
        if status in _MARKED_STATUS and status not in ("completed", "cancelled"):
            draft.marks.append(self.mark(status, Tone.OVER))
        draft.cells = {
            "vaccine": tuple(vaccine),
            "brand": brand if vaccine else (),
            "date": say.timing(entry.time),
            "rank": say.value(entry.dose_number) if entry.dose_number is not None else (),
            "lot": say.text(product.lot) if product is not None else (),
            "given": ((self.mark("not_done", Tone.DENIED),),) if entry.denied else given,
            "where": tuple(self._place(party) for party in entry.performers if self._place(party)),
        }
        if not vaccine:
            draft.cells["vaccine"] = brand
        return [draft]

    def _place(self, party: Party) -> Line:
        """Country, centre, professional of a vaccination."""
        organisation = party.organisation
        addresses = (*party.addresses, *(organisation.addresses if organisation else ()))
        country = next((address.country for address in addresses if address.country), "")
        person = party.person.text if party.person else ""
        shown = (
            self._say.names.country(country) if country else "",
            organisation.text if organisation else "",
            person,
        )
        said = ", ".join(filter(None, shown))
        return (Piece(said),) if said else ()

    # Devices, procedures

    def _device(self, entry: ImplantedDevice) -> Drafts:
        say = self._say
        draft = Draft(entry)
        names = tuple(line for text in entry.names for line in say.text(text))
        coded = say.coded(entry.device) if entry.device is not None and not (entry.device.empty and names) else ()
        ids = tuple((Piece(shown),) for one in entry.ids if (shown := say.identifier(one)))
        interval = isinstance(entry.time, Interval)
        draft.cells = {
            "device": (*coded, *names),
            "identifier": ids,
            "implanted": self._begins(entry.time),
            "removed": self._ends(entry.time),
            "period": say.timing(entry.time) if interval and not (self._begins(entry.time)) else (),
        }
        return [draft]

    def _procedure(self, entry: Procedure) -> Drafts:
        say = self._say
        draft = Draft(entry)
        if entry.denied:
            state: Cell = ((self.mark("not_done", Tone.DENIED),),)
        elif entry.planned:
            draft.marks.append(self.mark("planned", Tone.UNSURE))
            state = say.plain(say.words.marks["planned"])
        else:
            state = say.status(entry.status) or (() if entry.absence else say.plain(say.words.marks["done"]))
            if entry.status is not None and entry.status.code in ("aborted", "suspended"):
                draft.marks.append(self.mark(entry.status.code, Tone.OVER))
        code = entry.procedure
        draft.cells = {
            "procedure": say.coded(code) if code is not None and not code.empty else (),
            "site": tuple(line for site in entry.sites for line in say.coded(site)),
            "date": say.timing(entry.time),
            "state": state,
            "reason": self._reasons(entry.reasons),
        }
        if not draft.cells["procedure"]:
            draft.cells["procedure"] = (*say.text(entry.text), *say.coded(code))
        return [draft]

    # Observations

    def _habit(self, entry: Habit) -> Drafts:
        return [self._observed(entry, entry.habit, entry.values, entry.time)]

    def _other(self, entry: OtherEntry) -> Drafts:
        draft = self._observed(entry, entry.code, entry.values, entry.time)
        return [draft]

    def _observed(self, entry: Entry, code: Coded | None, values: tuple[Value, ...], time: Timing | None) -> Draft:
        say = self._say
        named = say.coded(code) if code is not None and not code.empty else ()
        text = say.text(entry.text)
        value = say.values(values)
        return Draft(entry, {"item": named or text, "value": value, "date": say.timing(time)})

    def _pregnancy(self, entry: PregnancyStatus) -> Drafts:
        say = self._say
        due: list[Line] = []
        for date in entry.due:
            line = tuple(piece for each in say.values(date.values) for piece in each)
            method = (Piece("·"), *say.code_line(date.method)) if date.method is not None and line else ()
            if line:
                due.append((*line, *method))
        subject = say.plain(say.names.designation(systems.LOINC, "82810-3")) or say.coded(entry.source.code)
        return [
            Draft(
                entry,
                {
                    "subject": subject,
                    "value": say.coded(entry.status),
                    "date": say.timing(entry.time),
                    "due": tuple(due),
                },
                rank=1,
            )
        ]

    def _outcome(self, entry: PregnancyOutcome) -> Drafts:
        say = self._say
        return [
            Draft(
                entry,
                {
                    "subject": say.coded(entry.outcome or entry.source.code),
                    "date": say.values(entry.dates) or say.timing(entry.time),
                    "count": say.values(entry.counts),
                },
            )
        ]

    def _vital_signs(self, entry: Measurements) -> Drafts:
        say = self._say
        times = [entry.time, *(item.time for item in entry.items)]
        of_group = next((time for time in times if time is not None and say.time(time)), None)
        systolic, diastolic = entry.measured(SYSTOLIC), entry.measured(DIASTOLIC)
        paired: tuple[Measurement, ...] = ()
        pressure: Cell = ()
        if len(systolic) == 1 and len(diastolic) == 1 and not (systolic[0].denied or diastolic[0].denied):
            above, below = _quantity(systolic[0]), _quantity(diastolic[0])
            same_time = self._own_time(systolic[0], of_group) == self._own_time(diastolic[0], of_group)
            if above is not None and below is not None and above.unit == below.unit and same_time:
                paired = (systolic[0], diastolic[0])
                pressure = say.plain(f"{say.number(above.value)}/{say.quantity(below)}")
        others = tuple(self._measured(item, of_group) for item in entry.items if item not in paired)
        # The date of a measurement that differs from its group's is said with it.
        pressure += tuple(
            (Piece(f"({time})"),) for time in dict.fromkeys(self._own_time(item, of_group) for item in paired) if time
        )
        return [
            Draft(
                entry,
                {
                    "date": say.timing(of_group),
                    "pressure": pressure,
                    "other": others or (() if pressure else say.text(entry.text)),
                    "by": tuple(self._named_party(party) for party in entry.performers if party.text),
                },
            )
        ]

    def _measured(self, item: Measurement, group_time: Timing | None) -> Line:
        say = self._say
        line: Line = (self.mark("absent", Tone.DENIED),) if item.denied else ()
        if item.code is not None and not item.code.empty:
            line += (*say.code_line(item.code), Piece(":"))
        line += tuple(piece for each in say.values(item.values) for piece in each)
        for interpretation in item.interpretations:
            line += say.code_line(interpretation)
        if time := self._own_time(item, group_time):
            line += (Piece(f"({time})"),)
        return line or tuple(piece for each in say.text(item.text) for piece in each)

    def _own_time(self, item: Measurement, group_time: Timing | None) -> str:
        if item.time is None or group_time is None:
            return ""
        own, of_group = self._say.time(item.time), self._say.time(group_time)
        return own if own != of_group else ""

    def _results(self, entry: Measurements) -> Drafts:
        """A row for each observation of a group; a group without any is a row too."""
        say = self._say
        group: Cell = ()
        if entry.source.kind == "organizer" and entry.code is not None and not entry.code.empty:
            group = say.coded(entry.code)
        by = (*entry.performers, *entry.authors)
        drafts: Drafts = []
        for item in entry.items:
            named = say.coded(item.code) if item.code is not None and not item.code.empty else say.text(item.text)
            if item.denied and not entry.denied:
                named = ((self.mark("absent", Tone.DENIED), *(named[0] if named else ())), *named[1:])
            time = item.time or entry.time
            drafts.append(
                Draft(
                    entry,
                    {
                        "exam": (*named, *(((Piece("·"), *group[0]),) if group and group != named else ())),
                        "date": say.timing(time),
                        "result": say.values(item.values),
                        "range": self._ranges(item),
                        "interpretation": tuple(line for one in item.interpretations for line in say.coded(one)),
                        "by": tuple(self._named_party(p) for p in (item.performers or by) if p.text),
                    },
                    item=item,
                )
            )
        if not drafts:
            drafts.append(Draft(entry, {"exam": group or say.text(entry.text), "date": say.timing(entry.time)}))
        return drafts

    def _ranges(self, item: Measurement) -> Cell:
        say = self._say
        return tuple(
            line
            for one in item.ranges
            for line in (
                *say.values(one.values),
                *say.text(one.text),
                *(say.coded(one.interpretation) if one.interpretation else ()),
            )
        )


def _quantity(item: Measurement) -> Quantity | None:
    value = item.values[0] if len(item.values) == 1 else None
    return value if isinstance(value, Quantity) and value.value and not item.interpretations else None


def _certainties(entry: Entry) -> tuple[Coded | None, ...]:
    return (entry.certainty, entry.status) if isinstance(entry, Allergy | Condition) else ()


def _denial(entry: Entry) -> str:
    if isinstance(entry, Allergy | Condition):
        refuted = entry.certainty is not None and entry.certainty.code == "refuted"
        return "refuted" if refuted else "absent"
    return "not_done" if isinstance(entry, Medication | Procedure | Immunisation) else "absent"
