"""Values of a document in the reader's words: dates, quantities, frequencies, codes, texts.

Everything as precise as it was written: nothing is completed, rounded, converted or shifted to another zone; what is
not understood is shown as it stands (``docs/display.md``, values).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from typing import Any

from ncp.semantics.coding import CodeState
from ncp.semantics.display.pieces import Cell, Line, Piece, Tone
from ncp.semantics.display.words import Words, words_for
from ncp.semantics.naming import ACT_STATUS, Names
from ncp.semantics.parties import Address, Name, Telecom
from ncp.semantics.values import (
    AtEvent,
    Coded,
    Flag,
    Identifier,
    Interval,
    Number,
    Periodic,
    Place,
    Point,
    Quantity,
    QuantityRange,
    QuantityTranslation,
    Ratio,
    Text,
    Timing,
    TimingSet,
    Value,
)

_TIME = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4}|Z)?", re.ASCII
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_ANNOTATION = re.compile(r"\{([^{}]*)\}")
NARROW = "\u202f"
"""Between a number and its unit: they stay on one line."""


class Wording:
    """How values are said to one reader: the page's words and the names of one release."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.words: Words = words_for(names.language)
        self.comma = "," if self.words.language == "fr" else "."
        self.states: dict[Place, CodeState] = {}
        """What became of every code that was said, by its place."""
        self._said: dict[type, Callable[[Any], Cell]] = {
            Coded: self.coded,
            Text: self.text,
            Identifier: lambda one: self.plain(self.identifier(one)),
            Quantity: lambda one: self.plain(self.quantity(one)),
            QuantityRange: lambda one: self.plain(self.amount(one)),
            Ratio: lambda one: self.plain(self.ratio(one)),
            Number: lambda one: self.plain(self.number(one.value) or self.null(one.null_flavor)),
            Flag: lambda one: self.plain(self.flag(one)),
            Point: self.timing,
            Interval: self.timing,
            Periodic: self.timing,
            AtEvent: self.timing,
            TimingSet: self.timing,
        }

    # Cells

    def plain(self, text: str) -> Cell:
        """Words of the page or of a number; no cell for no words."""
        return ((Piece(text),),) if text else ()

    def coded(self, coded: Coded | None) -> Cell:
        """A code by its name; nothing for no element."""
        return () if coded is None else (self.code_line(coded),)

    def status(self, status: Coded | None) -> Cell:
        """The state of an act, whose code needs no system."""
        return () if status is None else (self.code_line(status, ACT_STATUS),)

    def code_line(self, coded: Coded, implied: str = "") -> Line:
        """The name, the document's words beside a null flavour, qualifiers; ``implied`` as for ``Names.of``."""
        named = self.names.of(coded, implied)
        self.states[coded.place] = named.state
        line: Line = (Piece(named.text, named.language, named.state),)
        if named.words:
            line += (Piece(named.words, self.names.document_language),)
        if named.retired:
            line += (Piece(self.words.marks["retired"], tone=Tone.PLAIN),)
        for qualifier in coded.qualifiers:
            for part in (qualifier.name, qualifier.value):
                if part is not None and not part.empty:
                    line += self.code_line(part)
        return line

    def text(self, text: Text | None) -> Cell:
        """Free words of the country, in its language."""
        if text is None:
            return ()
        if text.text:
            return ((Piece(text.text, text.language or self.names.document_language),),)
        if text.null_flavor:
            return self.plain(self.null(text.null_flavor))
        return ()

    def value(self, value: Value) -> Cell:
        """A value of any type."""
        return self._said[type(value)](value)

    def values(self, values: Iterable[Value]) -> Cell:
        return tuple(line for value in values for line in self.value(value))

    def timing(self, timing: Timing | None, *, since: bool = False) -> Cell:
        """A time. ``since``: an open end means "since", for what lasts until it is said to be over."""
        if timing is None:
            return ()
        said = self.time(timing, since=since)
        return self.plain(said)

    # Words

    def null(self, flavor: str) -> str:
        """A null flavour in words; empty for none."""
        return self.names.null_flavor(flavor) if flavor else ""

    def identifier(self, one: Identifier) -> str:
        shown = one.extension or one.root
        if one.authority and shown:
            shown = f"{shown} ({one.authority})"
        return shown or self.null(one.null_flavor)

    def name(self, name: Name) -> str:
        return name.text or self.null(name.null_flavor)

    def address(self, address: Address) -> str:
        """The address in the order of the document, its country by name."""
        shown = []
        for part in address.parts:
            if not part.text:
                continue
            shown.append(self.names.country(part.text) if part.kind == "country" else part.text)
        return ", ".join(shown) or self.null(address.null_flavor)

    def telecom(self, telecom: Telecom) -> str:
        """Number or address as text, with its use in words; never a link."""
        scheme, colon, rest = telecom.value.partition(":")
        shown = rest if colon and scheme.lower() in ("tel", "mailto", "fax", "http", "https") else telecom.value
        if colon and scheme.lower() in ("http", "https"):
            shown = telecom.value
        shown = shown.strip() or self.null(telecom.null_flavor)
        use = [self.names.designation(_ADDRESS_USE, one) or one for one in telecom.use.split()]
        return f"{shown} ({', '.join(use)})" if shown and use else shown

    def flag(self, flag: Flag) -> str:
        page = self.words.page
        known = {"true": page["yes"], "1": page["yes"], "false": page["no"], "0": page["no"]}
        return known.get(flag.value, flag.value) or self.null(flag.null_flavor)

    # Numbers and quantities

    def number(self, digits: str) -> str:
        """As written, with the reader's decimal sign."""
        return digits.replace(".", self.comma) if self.comma == "," and _NUMBER.fullmatch(digits) else digits

    def unit(self, unit: str) -> str:
        """A UCUM unit in short words; annotations in the words of the document; unknown ones as they stand."""
        known = self.words.units.get(unit)
        if known is not None:
            return known
        if unit in ("", "1"):
            return ""
        if "{" in unit:
            # An annotation is the country's word for what is counted.
            outside = _ANNOTATION.sub("", unit)
            inside = " ".join(_ANNOTATION.findall(unit))
            if outside in ("", "1"):
                return inside or unit
            return f"{inside}{self.unit(outside)}" if outside.startswith("/") else f"{self.unit(outside)} {inside}"
        numerator, slash, denominator = unit.partition("/")
        if slash and "/" not in denominator:
            return f"{self.unit(numerator)}/{self.unit(denominator)}"
        return unit

    def quantity(self, quantity: Quantity, *, counted: bool = False) -> str:
        """Number and unit. ``counted``: without a unit it counts units of presentation."""
        said = self.number(quantity.value)
        elsewhere = [
            f"{self.number(t.value)}{NARROW}{word}" if word else self.number(t.value)
            for t in quantity.translations
            for word in (_unit_word(t),)
            if t.value not in ("", quantity.value)
        ]
        also = f" (= {'; '.join(elsewhere)})" if elsewhere else ""
        if not said:
            return f"{self.null(quantity.null_flavor)}{also}".strip()
        unit = self.unit(quantity.unit)
        # A translation of the same number only says the unit in the country's word.
        named = (_unit_word(t) for t in quantity.translations if t.value in ("", quantity.value))
        words = " ".join(dict.fromkeys(word for word in named if word))
        if not unit:
            unit = words or (self.words.times["unit_of_presentation"] if counted or quantity.unit == "1" else "")
        elif words and words != unit:
            unit = f"{unit} ({words})"
        said = (f"{said}{NARROW}{unit}" if unit else said) + also
        return f"{said} {self.words.times['excluded']}" if quantity.inclusive == "false" else said

    def amount(self, amount: Quantity | QuantityRange | None, *, counted: bool = False) -> str:
        """A quantity or a range of them."""
        if amount is None:
            return ""
        if isinstance(amount, Quantity):
            return self.quantity(amount, counted=counted)
        times = self.words.times
        if amount.value:
            return self.quantity(Quantity(amount.place, amount.value, amount.unit), counted=counted)
        low, high = amount.low, amount.high
        parts = []
        if low is not None and high is not None and low.value and high.value:
            if (low.value, low.unit) == (high.value, high.unit):
                parts.append(self.quantity(high, counted=counted))
            elif low.unit == high.unit and not low.translations and low.inclusive != "false":
                parts.append(
                    times["range"].format(low=self.number(low.value), high=self.quantity(high, counted=counted))
                )
            else:
                parts.append(
                    times["range"].format(
                        low=self.quantity(low, counted=counted), high=self.quantity(high, counted=counted)
                    )
                )
        else:
            if low is not None and low.value:
                parts.append(times["at_least"].format(low=self.quantity(low, counted=counted)))
            if high is not None and high.value:
                parts.append(times["at_most"].format(high=self.quantity(high, counted=counted)))
        if amount.center is not None and amount.center.value:
            parts.append(times["around"].format(time=self.quantity(amount.center, counted=counted)))
        if amount.width is not None and amount.width.value:
            parts.append(times["for"].format(width=self.quantity(amount.width, counted=counted)))
        if not parts:
            flavors = (amount.null_flavor, *(end.null_flavor for end in (low, high) if end is not None))
            return next((self.null(flavor) for flavor in flavors if flavor), "")
        return ", ".join(parts)

    def ratio(self, ratio: Ratio | Quantity | None) -> str:
        """``500 mg / 1 unit``."""
        if ratio is None:
            return ""
        if isinstance(ratio, Quantity):
            return self.quantity(ratio)
        above = self.quantity(ratio.numerator) if ratio.numerator is not None else ""
        below = self.quantity(ratio.denominator, counted=True) if ratio.denominator is not None else ""
        if above and below:
            return str(self.words.times["per"].format(numerator=above, denominator=below))
        return above or below or self.null(ratio.null_flavor)

    # Times

    def day(self, digits: str) -> str:
        """HL7 digits as precise as written; what is no date as it stands."""
        match = _TIME.fullmatch(digits)
        if match is None:
            return digits
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        if month is not None and not 1 <= int(month) <= 12:
            return digits
        if day is not None and not 1 <= int(day) <= _days(int(year), int(month)):
            return digits
        times = self.words.times
        if month is None:
            said = str(year)
        elif day is None:
            said = times["month"].format(name=times["months"][int(month) - 1], year=year)
        else:
            said = times["day"].format(day=day, month=month, year=year)
        if hour is not None:
            if int(hour) > 24 or int(minute or 0) > 59 or int(second or 0) > 60:
                return digits
            clock = f"{hour}:{minute}" if minute is not None else f"{hour} h"
            if second is not None and (second != "00" or fraction):
                clock += f":{second}" + (f"{self.comma}{fraction}" if fraction else "")
            said = f"{said} {clock}"
        if zone:
            # A zone beside a bare day says nothing to the reader, but it was written.
            written = "UTC" if zone == "Z" else f"{zone[:3]}:{zone[3:]}"
            said = f"{said} ({written})" if hour is not None else said
        return said

    def point(self, point: Point) -> str:
        said = self.day(point.value) if point.value else self.null(point.null_flavor)
        return f"{said} {self.words.times['excluded']}" if said and point.inclusive == "false" else said

    def time(self, timing: Timing, *, since: bool = False) -> str:
        """Any timing in words; empty when it says nothing at all."""
        if isinstance(timing, Point):
            said = self.point(timing)
        elif isinstance(timing, Interval):
            said = self._interval(timing, since=since)
        elif isinstance(timing, Periodic):
            said = self._periodic(timing)
        elif isinstance(timing, AtEvent):
            said = self._at_event(timing)
        else:
            said = f" {self.words.times['and']} ".join(filter(None, map(self.time, timing.parts)))
            said = said or self.null(timing.null_flavor)
        if said and timing.operator == "E":
            said = f"{self.words.times['except']} {said}"
        return said

    def _interval(self, interval: Interval, *, since: bool) -> str:
        times = self.words.times
        low, high = interval.low, interval.high
        parts = []
        if interval.value:
            parts.append(self.day(interval.value))
        begins = low is not None and bool(low.value)
        ends = high is not None and bool(high.value)
        if begins and ends and low is not None and high is not None:
            if low.value == high.value and low.inclusive != "false" != high.inclusive:
                parts.append(self.point(high))
            else:
                key = "between" if _is_day(low) and _is_day(high) else "between_month"
                parts.append(times[key].format(low=self.point(low), high=self.point(high)))
        elif begins and low is not None:
            key = "since" if since else "from"
            parts.append(times[key if _is_day(low) else f"{key}_month"].format(time=self.point(low)))
        elif ends and high is not None:
            parts.append(times["until" if _is_day(high) else "until_month"].format(time=self.point(high)))
        if interval.center is not None and interval.center.value:
            parts.append(times["around"].format(time=self.point(interval.center)))
        if interval.width is not None and interval.width.value:
            parts.append(times["for"].format(width=self.quantity(interval.width)))
        if not parts:
            flavors = (interval.null_flavor, low.null_flavor if low else "", high.null_flavor if high else "")
            return next((self.null(flavor) for flavor in flavors if flavor), "")
        if low is not None and low.null_flavor and not begins and not interval.value:
            parts.append(times["start_null"].format(word=self.null(low.null_flavor)))
        if high is not None and high.null_flavor and not ends and high.null_flavor != "NA":
            unknown = high.null_flavor == "UNK"
            parts.append(
                times["end_unknown"] if unknown else times["end_null"].format(word=self.null(high.null_flavor))
            )
        return ", ".join(parts)

    def _periodic(self, periodic: Periodic) -> str:
        times, periods = self.words.times, self.words.periods
        period = periodic.period
        said = ""
        if period is not None and period.value:
            one, several, gender = periods.get(period.unit, ("", "", ""))
            if not one:
                every = times["every_masculine"]
                said = every.format(period=self.quantity(period))
            elif periodic.times_per_period and (count := _times_a_day(period.value, period.unit)):
                day = periods["d"][0]
                said = times["once_per"].format(unit=day)
                if count > 1:
                    said = times["times_per"].format(count=count, unit=day)
            elif _is_one(period.value) and period.unit in ("d", "wk", "mo", "a"):
                said = times["once_per"].format(unit=one)
            else:
                every = times["every"] if gender == "f" else times["every_masculine"]
                said = every.format(period=f"{self.number(period.value)}{NARROW}{several}")
        elif period is not None:
            said = self.null(period.null_flavor)
        if periodic.value:
            said = f"{said}, {self.day(periodic.value)}" if said else self.day(periodic.value)
        if periodic.phase is not None and (phase := self._interval(periodic.phase, since=False)):
            phase = times["phase"].format(time=phase)
            said = f"{said} ({phase})" if said else phase
        if periodic.alignment:
            said = f"{said} ({times['aligned'].format(word=periodic.alignment)})"
        return said or self.null(periodic.null_flavor)

    def _at_event(self, at: AtEvent) -> str:
        said = ""
        if at.event is not None:
            named = self.names.of(at.event)
            if named.state in (CodeState.UNKNOWN_CODE, CodeState.FALLBACK_ENGLISH) and not at.event.system:
                # The type of the time names the code system, so documents leave it out.
                said = next(
                    filter(None, (self.names.designation(system, at.event.code) for system in _TIMING_EVENTS)), ""
                )
            said = said or named.text
        if at.offset is not None and (offset := self.amount(at.offset)):
            offset = self.words.times["offset"].format(amount=offset)
            said = f"{said} ({offset})" if said else offset
        return said or self.null(at.null_flavor)


_ADDRESS_USE = "2.16.840.1.113883.5.1119"
_TIMING_EVENTS = ("2.16.840.1.113883.5.139", "2.16.840.1.113883.4.642.4.76")


def _days(year: int, month: int) -> int:
    return monthrange(year, month)[1] if year else 31


def _unit_word(translation: QuantityTranslation) -> str:
    unit = translation.unit
    return (unit.original.text if unit.original is not None else "") or unit.display or unit.code


def _is_day(point: Point) -> bool:
    return len(point.value) >= 8


def _is_one(digits: str) -> bool:
    return bool(_NUMBER.fullmatch(digits)) and float(digits) == 1


def _times_a_day(digits: str, unit: str) -> int:
    """How many periods make a day, when that is a whole number; 0 otherwise."""
    hours = {"h": 1.0, "d": 24.0, "min": 1 / 60}.get(unit)
    if hours is None or not _NUMBER.fullmatch(digits) or float(digits) <= 0:
        return 0
    count = 24 / (float(digits) * hours)
    return round(count) if abs(count - round(count)) < 1e-9 and count < 100 else 0
