"""Days and instants between a portal's xs:dateTime and the digits of HL7 and XDS.

``birthDate`` is an xs:dateTime in OpenNCP's schema and means a day: the date in the value's own offset when its time
there is midnight, else the date in the country's time zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ncp.wire.times import from_saml

_DATE_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DIGITS = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.\d+)?", re.ASCII)


def day_of(text: str, zone: ZoneInfo) -> str:
    """A portal's ``birthDate`` → HL7 digits ``yyyyMMdd``. An xs:date is read too. ``ValueError`` for anything else."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an xs:dateTime")
    year, month, day, hour, minute, second, offset = match.groups()
    written = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC)
    if offset is None or written.time() == time():
        return year + month + day
    try:
        return from_saml(text).astimezone(zone).date().isoformat().replace("-", "")
    except OverflowError:
        raise ValueError("not a date") from None


def midnight_of(digits: str, zone: ZoneInfo) -> str:
    """HL7 digits of a whole day → ``yyyy-MM-ddT00:00:00`` with the country's offset of that day; empty for less."""
    match = _DIGITS.fullmatch(digits.strip())
    if match is None or match.group(3) is None:
        return ""
    try:
        day = datetime(int(match.group(1)), int(match.group(2)), int(match.group(3)), tzinfo=zone)
    except ValueError:
        return ""
    # Before time zones existed the tables hold local mean time, whose seconds xs:dateTime cannot write.
    minutes = round((day.utcoffset() or timedelta()).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{day.date().isoformat()}T00:00:00{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def partial_day(digits: str) -> str:
    """HL7 digits → ``1970``, ``1970-04`` or ``1970-04-09``; empty when they are none."""
    match = _DIGITS.fullmatch(digits.strip())
    return "-".join(part for part in match.groups()[:3] if part) if match else ""


def instant_of(dtm: str) -> str:
    """XDS DTM (UTC, possibly partial) → xs:dateTime with ``Z``; empty when it is none (ITI TF-3 4.2.3.1.7)."""
    match = _DIGITS.fullmatch(dtm.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        at = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
    except ValueError:
        return ""
    return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def filter_instant(text: str, zone: ZoneInfo) -> str:
    """A portal's filter date → ISO 8601 instant in UTC; without a zone it is the country's. ``ValueError`` if none."""
    text = text.strip()
    match = _DATE_TIME.fullmatch(text)
    if match is None or match.group(4) is None:
        raise ValueError("not an xs:dateTime")
    if match.group(7):
        at = from_saml(text)
    else:
        try:
            at = datetime.fromisoformat(text.partition(".")[0]).replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            raise ValueError("not a date") from None
    return at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
