"""The look at a PDF's objects as a viewer finds them: by the cross references, through every filter.

Why a library beside the byte look: an object may be packed in ways that bytes do not show (filters referred to from
elsewhere, predictors, several filters in a row), and a look that refused all of these would refuse good files too. Why
pypdf: it is kept, and it is Python alone, so a crafted file can at worst cost time and memory, which ``process``
bounds; a parser in C++ could be made to run the file's code. Why not the library alone: it believes one cross
reference where another viewer believes another one or none. So both look, and either may refuse.
Sources: ISO 32000-1, 7.5.4 and 7.5.8 (cross references), 7.7.2 (catalogue).
"""

from __future__ import annotations

from io import BytesIO

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, PdfObject

from ncp.frontend.pdf.names import ACTIVE, ACTIVE_KEYS, OPEN_ACTION, OUTSIDE, PdfRefused

OBJECTS_MAX = 200_000
"""Objects of a file; a report of a thousand pages has some ten thousand."""
VALUES_MAX = 5_000_000
"""Values in all objects together."""


def look(data: bytes) -> frozenset[str]:
    """Names of warnings (``names.WARNINGS``). Raises ``PdfRefused``: ``pdf.active``, ``pdf.encrypted``,
    ``pdf.unreadable`` or ``pdf.too_large``; ``MemoryError`` is left to the process."""
    try:
        return _look(data)
    except (PdfRefused, MemoryError):
        raise
    except Exception:  # whatever a parser trips over, a viewer may not
        raise PdfRefused("pdf.unreadable") from None


def _look(data: bytes) -> frozenset[str]:
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise PdfRefused("pdf.encrypted")
    if not isinstance(reader.root_object["/Pages"], DictionaryObject):
        raise PdfRefused("pdf.unreadable")
    inventory = _Inventory()
    inventory.look_at(reader.trailer)
    places = [(number, generation) for generation, found in reader.xref.items() for number in found]
    places += [(number, 0) for number in reader.xref_objStm]
    if len(places) > OBJECTS_MAX:
        raise PdfRefused("pdf.too_large")
    for number, generation in places:
        inventory.look_at(reader.get_object(IndirectObject(number, generation, reader)))
    return frozenset(inventory.outside)


class _Inventory:
    """What was found so far. References are not followed: every object is looked at once, under its own number."""

    def __init__(self) -> None:
        self.outside: set[str] = set()
        self._room = VALUES_MAX

    def look_at(self, value: PdfObject | None) -> None:
        waiting: list[object] = [value]
        while waiting:
            found = waiting.pop()
            self._room -= 1
            if self._room < 0:
                raise PdfRefused("pdf.too_large")
            if isinstance(found, DictionaryObject):
                for key, each in found.items():
                    self._key(key, each)
                    waiting.append(each)
            elif isinstance(found, ArrayObject):
                waiting.extend(found)
            elif isinstance(found, NameObject):
                self._name(found)

    def _key(self, key: object, value: object) -> None:
        name = str(key).removeprefix("/")
        if name in ACTIVE_KEYS:
            raise PdfRefused("pdf.active")
        if name == OPEN_ACTION:
            target = value.get_object() if isinstance(value, IndirectObject) else value
            if not isinstance(target, ArrayObject):
                raise PdfRefused("pdf.active")
        self._name(key)

    def _name(self, written: object) -> None:
        name = str(written).removeprefix("/")
        if name in ACTIVE:
            raise PdfRefused("pdf.active")
        if name in OUTSIDE:
            self.outside.add(OUTSIDE[name])
