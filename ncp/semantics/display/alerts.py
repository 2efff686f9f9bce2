"""What must not be missed: taken from the sections, each with the row it stands in. Never the only place of a datum."""

from __future__ import annotations

from ncp.semantics.display.pieces import Line, Piece
from ncp.semantics.display.rows import LIFE_THREATENING, Draft
from ncp.semantics.display.wording import Wording
from ncp.semantics.entries import Allergy, ImplantedDevice, PregnancyStatus
from ncp.semantics.model import SectionKind
from ncp.semantics.values import Interval

BLOOD_GROUP = "34530-6"
NOT_PREGNANT = "60001007"
UNKNOWN_PREGNANCY = "261665006"
# LOINC blood group; SNOMED CT statuses of value set 60.


def alert_of(draft: Draft, kind: SectionKind, say: Wording) -> tuple[Line, bool] | None:
    """The alert of a row and whether it is a grave one; None for a row that needs none.

    Allergies of high criticality or that threatened life, absence statements on allergies, implants, a pregnancy that
    goes on or may, the blood group. Nothing denied.
    """
    entry = draft.entry
    if entry.denied:
        return None
    if draft.is_absence:
        # One line says it; what else stands in the cell is in the row.
        return (draft.cells[_FIRST[kind]][0], False) if kind is SectionKind.ALLERGIES else None
    if isinstance(entry, Allergy):
        severities = [entry.severity, *(r.severity for r in entry.reactions if not r.denied)]
        threatening = any(one is not None and one.code == LIFE_THREATENING for one in severities)
        high = entry.criticality is not None and entry.criticality.code == "high"
        if not (threatening or high):
            return None
        marks = say.words.marks
        why = [marks[key] for key, said in (("life_threatening", threatening), ("high", high)) if said]
        return (*_named(draft, "agent"), Piece(f"({', '.join(why)})")), True
    if isinstance(entry, ImplantedDevice):
        time = entry.time
        removed = isinstance(time, Interval) and time.high is not None and bool(time.high.value)
        planned = entry.source.mood not in ("", "EVN")
        return None if removed or planned or draft.is_nameless else (_named(draft, "device"), False)
    if isinstance(entry, PregnancyStatus):
        code = entry.status.code if entry.status is not None else ""
        if code in (NOT_PREGNANT, UNKNOWN_PREGNANCY) or not (code or entry.due):
            return None
        line = (*_first(draft, "subject"), Piece(":"), *_first(draft, "value"), *_first(draft, "due"))
        return line, False
    item = draft.item
    if item is not None and item.code is not None and item.code.code == BLOOD_GROUP and not item.denied:
        return (*_first(draft, "exam"), Piece(":"), *_first(draft, "result")), False
    return None


_FIRST = {SectionKind.ALLERGIES: "agent"}


def _first(draft: Draft, column: str) -> Line:
    cell = draft.cells.get(column, ())
    return cell[0] if cell else ()


def _named(draft: Draft, column: str) -> Line:
    """The marks of a row and its name: suspected stays suspected."""
    return (*draft.marks, *_first(draft, column))
