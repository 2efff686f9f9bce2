"""Everything an entry, a party or an organisation says, as labelled data: what a table has no column for is here.

Walks the fields of the model, so that a field added to it is shown without a change here. Leaves the choice of columns
to ``rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

from ncp.semantics.coding import CodeState
from ncp.semantics.display.pieces import Cell, Line, Piece
from ncp.semantics.display.view import Detail
from ncp.semantics.display.wording import Wording
from ncp.semantics.model import NotShown
from ncp.semantics.naming import ACT_STATUS
from ncp.semantics.parties import Address, Name, Party, Telecom
from ncp.semantics.statements import Relation, Statement
from ncp.semantics.terminology import systems
from ncp.semantics.values import (
    AtEvent,
    Coded,
    Datum,
    Flag,
    Identifier,
    Interval,
    Number,
    Periodic,
    Point,
    Quantity,
    QuantityRange,
    Ratio,
    Text,
    TimingSet,
)

_VALUES = (Quantity, QuantityRange, Ratio, Number, Flag, Point, Interval, Periodic, AtEvent, TimingSet)
_BUILD = frozenset({"place", "kind", "act_class", "profiles", "part"})
"""How a document is built; what of it carries meaning is said by other fields."""
_IMPLIED = {"status": ACT_STATUS, "signature": "2.16.840.1.113883.5.89"}
"""Systems of codes that name none because their place does."""
_FIELDS: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}
_NORMAL = frozenset({("mood", "EVN"), ("type_code", "")})


def _fields(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of the fields of a type, and what gets all of them at once."""
    known = _FIELDS.get(kind)
    if known is None:
        names = tuple(one.name for one in fields(kind) if one.name not in _BUILD)
        get = attrgetter(*names)
        known = _FIELDS[kind] = names, get if len(names) > 1 else lambda one: (get(one),)
    return known


class Details:
    """The details of one document."""

    def __init__(self, wording: Wording) -> None:
        self._say = wording
        self._labels = wording.words.fields
        self._codes: dict[tuple[str, ...], tuple[Cell, CodeState]] = {}
        say = wording
        self._cells: dict[type, Callable[[str, Any], Cell]] = {
            str: self._word,
            bool: self._flag,
            Coded: self._coded,
            Text: self._text,
            Identifier: lambda _, one: self._identifier(one),
            Name: lambda _, one: say.plain(say.name(one)),
            Address: lambda _, one: say.plain(say.address(one)),
            Telecom: lambda _, one: say.plain(say.telecom(one)),
            **dict.fromkeys(_VALUES, lambda _, one: say.value(one)),
        }

    def of(self, datum: Datum) -> tuple[Detail, ...]:
        """All that a datum says, but what it is empty of."""
        return tuple(self._parts(datum))

    def party(self, party: Party, label: str = "") -> Detail:
        """A party: who, then everything else."""
        label = label or self._say.words.parties.get(party.part, party.part)
        return Detail(label, self._say.plain(party.text), self.of(party))

    def not_shown(self, items: Iterable[NotShown]) -> tuple[Detail, ...]:
        """What the model has no field for, as it stands in the document."""
        return tuple(
            Detail(
                item.what,
                tuple(
                    (Piece(f"{where}:"), Piece(what, self._say.names.document_language)) for where, what in item.content
                )
                or self._say.plain(item.place),
            )
            for item in items
        )

    def _parts(self, datum: Datum) -> Iterator[Detail]:
        names, values = _fields(type(datum))
        labels = self._labels
        for name, value in zip(names, values(datum), strict=True):
            if not value:
                continue
            if type(value) is tuple:
                for each in value:
                    if (made := self._one(name, labels.get(name, name), each)) is not None:
                        yield made
            elif (made := self._one(name, labels.get(name, name), value)) is not None:
                yield made

    def _one(self, name: str, label: str, value: Any) -> Detail | None:
        """A value by its label; None where it says nothing."""
        say = self._cells.get(type(value))
        if say is not None:
            cell = say(name, value)
            return Detail(label, cell) if cell else None
        if isinstance(value, Relation):
            return self._relation(value)
        if isinstance(value, Party):
            return self.party(value)
        inside = self.of(value)
        return Detail(label, (), inside) if inside else None

    def _coded(self, name: str, value: Coded) -> Cell:
        return self.code(value, _IMPLIED.get(name, "")) if value.null_flavor or not value.empty else ()

    def _text(self, name: str, value: Text) -> Cell:
        cell = self._say.text(value)
        if value.reference and not value.reference.startswith("#"):
            # An address outside the document: told, never followed.
            return (*cell, (Piece(value.reference),))
        return cell

    def _flag(self, name: str, value: bool) -> Cell:
        return self._say.plain(self._say.words.page["yes"])

    def _word(self, name: str, value: str) -> Cell:
        if name == "null_flavor":
            return self._say.plain(self._say.null(value))
        return () if (name, value) in _NORMAL else ((Piece(value),),)

    def code(self, coded: Coded, implied: str = "") -> Cell:
        """Name; code and system; English and the country's own words; other codes."""
        if coded.original is not None or coded.translations or coded.qualifiers:
            return self._code(coded, implied)
        # The same few codes stand in every entry: kinds of observations, states, severities.
        key = (
            *(coded.code, coded.system, coded.system_name, coded.system_version, coded.display, coded.null_flavor),
            implied,
        )
        known = self._codes.get(key)
        if known is None:
            known = self._codes[key] = self._code(coded, implied), self._say.states[coded.place]
        self._say.states[coded.place] = known[1]
        return known[0]

    def _code(self, coded: Coded, implied: str) -> Cell:
        say = self._say
        lines: list[Line] = [say.code_line(coded, implied)]
        if coded.code:
            system = coded.system_name or systems.NAMES.get(coded.system, "")
            written = " · ".join(filter(None, (coded.code, system, coded.system, coded.system_version)))
            lines.append((Piece(f"{self._colon('code')} {written}"),))
        shown = {piece.text for piece in lines[0]}
        origin = say.names.origin(coded)
        for key, words, language in (
            ("english", origin.english, "en"),
            ("national", origin.national, say.names.document_language),
        ):
            if words and words not in shown:
                shown.add(words)
                lines.append((Piece(self._colon(key)), Piece(words, language)))
        if coded.display and coded.display not in shown:
            shown.add(coded.display)
            lines.append((Piece(coded.display),))
        original = coded.original.text if coded.original is not None else ""
        if original and original not in shown:
            lines.append((Piece(self._colon("original")), Piece(original, say.names.document_language)))
        waiting = list(reversed(coded.translations))
        while waiting:
            inner = waiting.pop()
            waiting.extend(reversed(inner.translations))
            written = " · ".join(filter(None, (inner.code, inner.system_name or systems.NAMES.get(inner.system, ""))))
            words = inner.words
            if (written and inner.code != coded.code) or (words and words not in shown):
                shown.add(words)
                lines.append((Piece(f"{self._colon('translations')} {written}".rstrip()), Piece(words)))
        return tuple(lines)

    def _identifier(self, value: Identifier) -> Cell:
        written = " · ".join(filter(None, (value.extension, value.root, value.authority)))
        return self._say.plain(written or self._say.null(value.null_flavor))

    def _relation(self, relation: Relation) -> Detail:
        relations = self._say.words.relations
        label = relations.get(relation.type_code, relations["other"])
        if relation.inverted == "true" and relation.type_code not in ("MFST", "SUBJ"):
            label = relations["inverted"].format(relation=label)
        extra = []
        if relation.negated:
            extra.append(Detail(self._label("negated"), self._say.plain(self._say.words.page["yes"])))
        if relation.sequence:
            extra.append(Detail(self._label("sequence"), self._say.plain(relation.sequence)))
        if relation.null_flavor:
            extra.append(Detail(self._label("null_flavor"), self._say.plain(self._say.null(relation.null_flavor))))
        return Detail(label, self._head(relation.statement), (*extra, *self.of(relation.statement)))

    def _head(self, statement: Statement) -> Cell:
        """What a linked statement is about, in one line."""
        return (self._say.code_line(statement.code),) if statement.code and not statement.code.empty else ()

    def _colon(self, key: str) -> str:
        return self._say.words.page["colon"].format(label=self._label(key))

    def _label(self, name: str) -> str:
        return self._labels.get(name, name)


def raw(datum: Datum) -> tuple[Detail, ...]:
    """Every word of a datum with the name of its field and nothing else: for an entry that could not be laid out."""
    found: list[Detail] = []
    waiting: list[Any] = [datum]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for name in (each.name for each in fields(one)):
            value = getattr(one, name)
            inside = value if isinstance(value, tuple) else (value,)
            for each in inside:
                if isinstance(each, Datum):
                    waiting.append(each)
                elif isinstance(each, str) and each and name not in _BUILD:
                    found.append(Detail(name, ((Piece(each),),)))
    return tuple(found)
