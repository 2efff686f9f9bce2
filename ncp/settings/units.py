"""Durations and sizes as a configuration file writes them: a number with its unit, never a bare number."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(\d{1,9})\s*(ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(r"(\d{1,9})\s*(B|KB|MB|GB)", re.ASCII)
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}

DURATION_REMEDY = 'write a number with its unit, for example "30s", "15m", "2h" or "7d"'
SIZE_REMEDY = 'write a number with its unit, for example "64KB" or "2MB"'


def parse_duration(value: object) -> timedelta:
    """``"30s"`` → 30 seconds; units ms, s, m, h, d. ``ValueError`` for anything else, bare numbers included."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration")
    return timedelta(milliseconds=int(match.group(1)) * _MILLISECONDS[match.group(2)])


def parse_size(value: object) -> int:
    """``"64KB"`` → 65536 bytes; units B, KB, MB, GB of 1024. ``ValueError`` for anything else, also bare numbers."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a size")
    return int(match.group(1)) * _BYTES[match.group(2)]


def write_duration(value: timedelta) -> str:
    """The shortest exact spelling: ``timedelta(seconds=90)`` → ``90s``."""
    milliseconds = value // timedelta(milliseconds=1)
    for unit in ("d", "h", "m", "s"):
        if milliseconds and milliseconds % _MILLISECONDS[unit] == 0:
            return f"{milliseconds // _MILLISECONDS[unit]}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def write_size(value: int) -> str:
    """The shortest exact spelling: ``65536`` → ``64KB``."""
    for unit in ("GB", "MB", "KB"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]}{unit}"
    return f"{value}B"
