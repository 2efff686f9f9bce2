"""Times as the messages write them. The clock itself is always an argument of the caller."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def utc_now() -> datetime:
    """Now, aware, in UTC. Only the I/O ring calls this."""
    return datetime.now(UTC)


def to_saml(at: datetime) -> str:
    """xs:dateTime in UTC with milliseconds and ``Z`` (SAML Core 1.3.3)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def from_saml(text: str) -> datetime:
    """xs:dateTime with a zone → aware UTC. ``ValueError`` without a zone, for ``:60``, or for a date that is none.

    ``24:00:00`` is midnight of the next day (XML Schema Part 2, 3.2.7); digits behind the microsecond are cut.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an xs:dateTime with a zone")
    year, month, day, hour, minute, second = (int(match.group(i)) for i in range(1, 7))
    micro = int(((match.group(7) or "") + "000000")[:6])
    zone = match.group(8)
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        if offset > timedelta(hours=14):
            raise ValueError("not a time zone")
        if zone[0] == "-":
            offset = -offset
    next_day = hour == 24
    if next_day and (minute or second or micro):
        raise ValueError("not a time of day")
    try:
        at = datetime(year, month, day, 0 if next_day else hour, minute, second, micro, timezone(offset))
        return (at + timedelta(days=1) if next_day else at).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("not a date") from None


def to_hl7(at: datetime) -> str:
    """HL7 v3 TS with milliseconds in UTC, as OpenNCP sends it: ``yyyyMMddHHmmss.SSS+0000``."""
    at = at.astimezone(UTC)
    return at.strftime("%Y%m%d%H%M%S.") + f"{at.microsecond // 1000:03d}+0000"


def to_dtm(at: datetime) -> str:
    """XDS DTM in UTC to the second (ITI TF-3 4.2.3.1.7)."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
