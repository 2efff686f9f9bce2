"""Everything that one entry of a section says, in neutral words: acts, what they are about, how they belong together.

A ``Statement`` is complete where the typed entries of ``ncp.semantics.entries`` choose: every one of them points to
the statement it was made of, so that a choice of columns loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ncp.semantics.parties import Name, Organisation, Party
from ncp.semantics.values import Coded, Datum, Identifier, Interval, Quantity, QuantityRange, Ratio, Text, Timing, Value


@dataclass(frozen=True, slots=True, repr=False)
class Ingredient(Datum):
    """``role`` is ``ACTI`` for an active ingredient; its ``strength`` is ``numerator`` per ``denominator``."""

    role: str = ""
    code: Coded | None = None
    names: tuple[Name, ...] = ()
    strength: Ratio | Quantity | None = None
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class MaterialKind(Datum):
    """A class that a medicine belongs to: its ATC class (``GRIC``; ``GEN`` up to Wave 5) or its product identifier."""

    relation: str = ""
    code: Coded | None = None
    names: tuple[Name, ...] = ()
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Package(Datum):
    """``content`` is the amount in the package; a package may stand in another one."""

    code: Coded | None = None
    names: tuple[Name, ...] = ()
    form: Coded | None = None
    content: Quantity | Ratio | None = None
    capacity: Quantity | None = None
    outer: tuple[Package, ...] = ()
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class CombinedPart(Datum):
    """One product of a combination pack."""

    quantity: Quantity | Ratio | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Product(Datum):
    """A medicine, a vaccine, a material."""

    ids: tuple[Identifier, ...] = ()
    code: Coded | None = None
    names: tuple[Name, ...] = ()
    description: Text | None = None
    form: Coded | None = None
    lot: Text | None = None
    expires: Timing | None = None
    manufacturer: Organisation | None = None
    authorisation_holder: Organisation | None = None
    packages: tuple[Package, ...] = ()
    kinds: tuple[MaterialKind, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    parts: tuple[CombinedPart, ...] = ()
    null_flavor: str = ""

    @property
    def text(self) -> str:
        return next((name.text for name in self.names if name.text), "")


@dataclass(frozen=True, slots=True, repr=False)
class ReferenceRange(Datum):
    """What is usual for a result."""

    code: Coded | None = None
    text: Text | None = None
    values: tuple[Value, ...] = ()
    interpretation: Coded | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Relation(Datum):
    """How another statement belongs to this one: ``SUBJ``, ``REFR``, ``MFST``, ``RSON``, ``COMP``…

    ``kind`` tells what holds it: ``entryRelationship``, ``component``, ``reference``, ``precondition``.
    """

    kind: str
    type_code: str
    statement: Statement
    inverted: str = ""
    negated: bool = False
    sequence: str = ""
    priority: str = ""
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Statement(Datum):
    """One act and all that it says. ``kind`` is its element: ``act``, ``observation``, ``substanceAdministration``…

    ``mood`` ``EVN`` happened, ``INT`` planned or prescribed; ``negated``: it did not happen, it is not there;
    ``profiles`` the templates it claims, the only hint where a code is missing.
    """

    kind: str
    act_class: str = ""
    mood: str = ""
    negated: bool = False
    null_flavor: str = ""
    profiles: tuple[str, ...] = ()
    ids: tuple[Identifier, ...] = ()
    code: Coded | None = None
    text: Text | None = None
    title: Text | None = None
    status: Coded | None = None
    times: tuple[Timing, ...] = ()
    values: tuple[Value, ...] = ()
    priority: Coded | None = None
    confidentiality: Coded | None = None
    language: Coded | None = None
    interpretations: tuple[Coded, ...] = ()
    methods: tuple[Coded, ...] = ()
    sites: tuple[Coded, ...] = ()
    approach_sites: tuple[Coded, ...] = ()
    route: Coded | None = None
    dose: Quantity | QuantityRange | None = None
    rate: Quantity | QuantityRange | None = None
    max_dose: Ratio | None = None
    unit: Coded | None = None
    quantity: Quantity | None = None
    repeats: QuantityRange | Quantity | None = None
    supply_period: Interval | None = None
    product: Product | None = None
    ranges: tuple[ReferenceRange, ...] = ()
    parties: tuple[Party, ...] = ()
    relations: tuple[Relation, ...] = ()

    def of(self, *type_codes: str) -> Iterator[Statement]:
        """The statements that belong to this one in any of these ways."""
        return (relation.statement for relation in self.relations if relation.type_code in type_codes)

    def acting(self, part: str) -> tuple[Party, ...]:
        """Authors, performers, participants of this statement alone."""
        return tuple(party for party in self.parties if party.part == part)
