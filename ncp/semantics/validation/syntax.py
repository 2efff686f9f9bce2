"""How times, units, numbers, object identifiers and language tags are written (HL7 v3 data types R1, UCUM).

Text in, answer out; knows no XML.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_TIME = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,63}))+", re.ASCII)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}-[A-Z]{2}", re.ASCII)
_LONGEST_OID = 64
_LONGEST_UNIT = 64


@lru_cache(4096)
def instant(value: str) -> tuple[datetime, datetime] | None:
    """The first and the last moment that an HL7 time may mean, as precise as it is written; None for no time.

    Without a zone the two stand in UTC; only times that both have a zone, or both have none, should be compared finer
    than to a day.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        first = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
        if zone:
            shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
            first = first.replace(tzinfo=timezone(shift if zone[0] == "+" else -shift))
        if month is None:
            last = first.replace(month=12, day=31, hour=23, minute=59, second=59)
        elif day is None:
            last = first.replace(day=monthrange(int(year), int(month))[1], hour=23, minute=59, second=59)
        else:
            last = first.replace(
                hour=23 if hour is None else first.hour,
                minute=59 if minute is None else first.minute,
                second=59 if second is None else first.second,
            )
    except (ValueError, OverflowError):
        return None
    return first, last


def has_zone(value: str) -> bool:
    """The time says its distance from UTC."""
    return value[-5:-4] in ("+", "-") and len(value) > 5


def finer_than_a_day(value: str) -> bool:
    return len(re.split(r"[+-]", value, maxsplit=1)[0]) > 8


@lru_cache(4096)
def runs_backwards(low: str, high: str) -> bool:
    """The beginning is certainly after the end, both as precise as written; False where either is no time."""
    begin, end = instant(low), instant(high)
    if begin is None or end is None:
        return False
    # A time without a zone may stand up to 14 hours away from where it is taken to be.
    slack = timedelta(0) if has_zone(low) == has_zone(high) else timedelta(hours=14)
    try:
        return begin[0] > end[1] + slack
    except OverflowError:
        return False


@lru_cache(2048)
def is_unit(unit: str) -> bool:
    """Written like a UCUM unit: no blank outside of braces, brackets in pairs, operators between components."""
    if not unit or len(unit) > _LONGEST_UNIT or not unit.isascii():
        return False
    closing, depth, component = "", 0, False
    for place, sign in enumerate(unit):
        if closing:
            if sign == closing:
                closing = ""
            elif sign in "[{" or (closing == "]" and sign in " }"):
                return False
            continue
        if sign in "[{":
            closing, component = ("]" if sign == "[" else "}"), True
        elif sign == "(":
            if component:
                return False
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0 or not component:
                return False
        elif sign in "./":
            # Only a division may stand first: per minute.
            if not component and not (sign == "/" and (place == 0 or unit[place - 1] == "(")):
                return False
            component = False
        elif sign in "]}" or sign <= " " or sign > "~":
            return False
        else:
            component = True
    return not closing and depth == 0 and component


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def is_whole(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def is_oid(text: str) -> bool:
    return len(text) <= _LONGEST_OID and _OID.fullmatch(text) is not None


def is_uid(text: str) -> bool:
    """What may be the root of an identifier: an object identifier or a UUID."""
    return is_oid(text) or _UUID.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """Language and country, as the profile writes them (``fr-FR``)."""
    return _LANGUAGE.fullmatch(text) is not None
