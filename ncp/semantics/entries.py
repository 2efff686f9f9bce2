"""The entries of a summary, each kind with the fields of its own.

An entry is a view: ``source`` is the whole statement it was made of, ``place`` the statement that says it (a concern
that holds two problems makes two entries of one source). What a view has no field for is in ``source``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ncp.semantics.absence import Absence
from ncp.semantics.meaning import Standing
from ncp.semantics.parties import Party, Substance
from ncp.semantics.statements import Product, ReferenceRange, Statement
from ncp.semantics.values import (
    Coded,
    Datum,
    Identifier,
    Interval,
    Quantity,
    QuantityRange,
    Ratio,
    Text,
    Timing,
    Value,
)


@dataclass(frozen=True, slots=True, repr=False)
class _Entry(Datum):
    source: Statement
    standing: Standing = Standing.STATED
    """Whether it is said to be so, suspected, or said not to be so."""
    absence: Absence | None = None
    """Set when the entry says that there is nothing, or that nothing is known."""
    text: Text | None = None

    @property
    def denied(self) -> bool:
        """Said not to be so: refuted, known absent, not done."""
        return self.standing is Standing.DENIED


@dataclass(frozen=True, slots=True, repr=False)
class Comment(Datum):
    """A remark on an entry, with who made it where that is said."""

    text: Text
    parties: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Reaction(Datum):
    """A manifestation of an allergy."""

    source: Statement
    manifestation: Coded | None = None
    values: tuple[Value, ...] = ()
    time: Timing | None = None
    severity: Coded | None = None
    denied: bool = False
    text: Text | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Allergy(_Entry):
    """``type`` allergy, intolerance or propensity; ``status`` clinical, ``concern_status`` how it is followed."""

    type: Coded | None = None
    agents: tuple[Substance, ...] = ()
    values: tuple[Value, ...] = ()
    time: Timing | None = None
    reactions: tuple[Reaction, ...] = ()
    severity: Coded | None = None
    criticality: Coded | None = None
    certainty: Coded | None = None
    status: Coded | None = None
    concern_status: Coded | None = None
    concern_time: Timing | None = None
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Condition(_Entry):
    """A problem, active or past as its section says; ``outcome`` is the health status that came of it."""

    problem: Coded | None = None
    values: tuple[Value, ...] = ()
    type: Coded | None = None
    time: Timing | None = None
    severity: Coded | None = None
    status: Coded | None = None
    certainty: Coded | None = None
    outcome: Coded | None = None
    concern_status: Coded | None = None
    concern_time: Timing | None = None
    professionals: tuple[Party, ...] = ()
    resources: tuple[Statement, ...] = ()
    information_sources: tuple[Value, ...] = ()
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Medication(_Entry):
    """``period`` from when until when; ``frequencies`` every other time of the prescription, all of them to be read."""

    product: Product | None = None
    status: Coded | None = None
    period: Interval | None = None
    frequencies: tuple[Timing, ...] = ()
    dose: Quantity | QuantityRange | None = None
    rate: Quantity | QuantityRange | None = None
    max_dose: Ratio | None = None
    route: Coded | None = None
    sites: tuple[Coded, ...] = ()
    reasons: tuple[Statement, ...] = ()
    instructions: tuple[Comment, ...] = ()
    sub_regimes: tuple[Statement, ...] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ImplantedDevice(_Entry):
    """A device or an implant of the patient; ``time`` from implantation until removal."""

    device: Coded | None = None
    names: tuple[Text, ...] = ()
    ids: tuple[Identifier, ...] = ()
    time: Timing | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Procedure(_Entry):
    procedure: Coded | None = None
    time: Timing | None = None
    status: Coded | None = None
    sites: tuple[Coded, ...] = ()
    reasons: tuple[Statement, ...] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Immunisation(_Entry):
    """``standing`` is denied for a vaccination that was not given."""

    product: Product | None = None
    time: Timing | None = None
    status: Coded | None = None
    dose_number: Value | None = None
    dose: Quantity | QuantityRange | None = None
    route: Coded | None = None
    diseases: tuple[Coded, ...] = ()
    performers: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Habit(_Entry):
    """Social history."""

    habit: Coded | None = None
    values: tuple[Value, ...] = ()
    time: Timing | None = None


@dataclass(frozen=True, slots=True, repr=False)
class DueDate(Datum):
    """Expected date of delivery, and how it was found."""

    method: Coded | None = None
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class PregnancyStatus(_Entry):
    """Pregnant or not, or not known, on the day of observation."""

    status: Coded | None = None
    time: Timing | None = None
    due: tuple[DueDate, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class PregnancyOutcome(_Entry):
    """What came of a former pregnancy; ``counts`` how many children."""

    outcome: Coded | None = None
    counts: tuple[Value, ...] = ()
    time: Timing | None = None
    dates: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Measurement(Datum):
    """One observation with what it found."""

    source: Statement
    code: Coded | None = None
    values: tuple[Value, ...] = ()
    time: Timing | None = None
    interpretations: tuple[Coded, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()
    performers: tuple[Party, ...] = ()
    methods: tuple[Coded, ...] = ()
    sites: tuple[Coded, ...] = ()
    denied: bool = False
    text: Text | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Measurements(_Entry):
    """Observations taken together: vital signs, results, an assessment. ``code`` and ``time`` are the group's.

    A single observation is a group of one.
    """

    code: Coded | None = None
    time: Timing | None = None
    performers: tuple[Party, ...] = ()
    authors: tuple[Party, ...] = ()
    items: tuple[Measurement, ...] = ()

    def measured(self, *codes: str) -> tuple[Measurement, ...]:
        """The measurements with one of these codes (LOINC ``8480-6`` systolic, ``8462-4`` diastolic, ``34530-6`` blood
        group)."""
        return tuple(item for item in self.items if item.code is not None and item.code.code in codes)


@dataclass(frozen=True, slots=True, repr=False)
class OtherEntry(_Entry):
    """An entry of a kind or in a place that the profile does not know: all there is stands in ``source``."""

    code: Coded | None = None
    values: tuple[Value, ...] = ()
    time: Timing | None = None


Entry: TypeAlias = (
    Allergy | Condition | Medication | ImplantedDevice | Procedure | Immunisation | Habit | PregnancyStatus
    | PregnancyOutcome | Measurements | OtherEntry
)  # fmt: skip
