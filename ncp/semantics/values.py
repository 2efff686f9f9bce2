"""The smallest things a document says: codes, times, quantities, words, identifiers.

Every value keeps what was written: digits, units and codes stay text, nothing is completed, rounded or converted.
Leaves designations in other languages to the terminology, words for people to the display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType, TypeAlias

from ncp.semantics.frozen import cheaply_made

Place = NewType("Place", str)
"""Where in the document a thing stands: ``component/structuredBody/component[3]/section/entry[2]/act``.

Names without namespace from below the root, the number among the siblings of that name where it is not the first.
The same document gives the same places, every time.
"""


@dataclass(frozen=True, slots=True, repr=False)
class Datum:
    """Something of a patient: it never shows itself in logs or tracebacks."""

    place: Place

    def __init_subclass__(cls) -> None:
        # Called twice for a class with slots: as it is written, and as the dataclass that is made of it.
        if "__dataclass_fields__" in cls.__dict__:
            cheaply_made(cls)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class Text(Datum):
    """Words of the document.

    ``text`` is what is to be read: inline, or what ``reference`` names in the narrative; empty when the reference
    leads nowhere, which is common and no error.
    """

    text: str
    reference: str = ""
    null_flavor: str = ""
    language: str = ""
    media_type: str = ""

    @property
    def dangling(self) -> bool:
        """A reference to nothing."""
        return bool(self.reference) and not self.text


@dataclass(frozen=True, slots=True, repr=False)
class Identifier(Datum):
    """HL7 instance identifier; the comparison is of root and extension, case-sensitive."""

    root: str
    extension: str = ""
    null_flavor: str = ""
    authority: str = ""
    displayable: str = ""

    def same(self, other: Identifier) -> bool:
        return bool(self.root) and (self.root, self.extension) == (other.root, other.extension)


@dataclass(frozen=True, slots=True, repr=False)
class Qualifier(Datum):
    """Name and value that narrow a code (left, upper)."""

    name: Coded | None
    value: Coded | None
    inverted: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Coded(Datum):
    """A code as written, with its translations from newest to oldest inside each other (``docs/document-model.md``)."""

    code: str = ""
    system: str = ""
    system_name: str = ""
    system_version: str = ""
    display: str = ""
    null_flavor: str = ""
    original: Text | None = None
    translations: tuple[Coded, ...] = ()
    qualifiers: tuple[Qualifier, ...] = ()
    value_set: str = ""

    @property
    def unmapped(self) -> bool:
        """A concept of the country without a counterpart in the value set: it has words all the same."""
        return self.null_flavor == "OTH"

    @property
    def empty(self) -> bool:
        """Nothing to show but, at most, a null flavour."""
        return not (self.code or self.display or self.words)

    @property
    def words(self) -> str:
        """What the document calls it; never empty while it has any word for it.

        An unmapped concept is named by its translation first, then by the original text; every other code by its own
        display name first.
        """
        original = self.original.text if self.original else ""
        translated = next((words for t in self.translations if (words := t.words)), "")
        named = (translated, original, self.display) if self.null_flavor else (self.display, original, translated)
        return next((words for words in named if words), "")


# Times


@dataclass(frozen=True, slots=True, repr=False)
class Point(Datum):
    """One time as HL7 digits, as precise as written (``2015``, ``201503``, ``20150301093000+0100``)."""

    value: str
    null_flavor: str = ""
    operator: str = ""
    inclusive: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Interval(Datum):
    """From, until, for. A missing ``high`` does not mean that it goes on."""

    low: Point | None = None
    high: Point | None = None
    width: Quantity | None = None
    center: Point | None = None
    value: str = ""
    null_flavor: str = ""
    operator: str = ""

    @property
    def empty(self) -> bool:
        """No time in it, at most a null flavour."""
        ends = (self.low, self.high, self.center)
        return not (self.value or self.width or any(end is not None and end.value for end in ends))


@dataclass(frozen=True, slots=True, repr=False)
class Periodic(Datum):
    """Every ``period``; so many times a day rather than at that distance when ``times_per_period`` (institution)."""

    period: Quantity | None = None
    phase: Interval | None = None
    times_per_period: bool = False
    alignment: str = ""
    null_flavor: str = ""
    operator: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class AtEvent(Datum):
    """At an event of the day: before breakfast, at bed time."""

    event: Coded | None = None
    offset: QuantityRange | Quantity | None = None
    null_flavor: str = ""
    operator: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class TimingSet(Datum):
    """Several timings joined."""

    parts: tuple[Timing, ...] = ()
    null_flavor: str = ""
    operator: str = ""


Timing: TypeAlias = Point | Interval | Periodic | AtEvent | TimingSet


# Quantities


@dataclass(frozen=True, slots=True, repr=False)
class QuantityTranslation(Datum):
    """The same quantity in a unit of the country, or the word for the unit."""

    value: str
    unit: Coded


@dataclass(frozen=True, slots=True, repr=False)
class Quantity(Datum):
    """Number as written and UCUM unit."""

    value: str
    unit: str = ""
    null_flavor: str = ""
    translations: tuple[QuantityTranslation, ...] = ()
    inclusive: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class QuantityRange(Datum):
    low: Quantity | None = None
    high: Quantity | None = None
    width: Quantity | None = None
    center: Quantity | None = None
    null_flavor: str = ""
    value: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Ratio(Datum):
    numerator: Quantity | None = None
    denominator: Quantity | None = None
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Number(Datum):
    """A bare number (a count, a dose number) as written."""

    value: str
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Flag(Datum):
    """Yes or no: ``true``, ``false`` or a null flavour."""

    value: str
    null_flavor: str = ""


Value: TypeAlias = (
    Coded | Quantity | QuantityRange | Ratio | Number | Flag | Text | Identifier | Point | Interval | Periodic | AtEvent
    | TimingSet
)  # fmt: skip
