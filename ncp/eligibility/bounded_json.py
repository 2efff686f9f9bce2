"""JSON of strangers as plain values: bounded in size and depth, no name twice, no number that is none (RFC 8259).

Knows JSON only; what the values have to be is for whoever reads them.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

DEPTH = 20
# A text to its end, or to that of the data: so nothing is looked at twice. Else a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class JsonRefused(ValueError):
    """Not an object in JSON, or larger, deeper or odder than is read."""


def read_object(data: bytes, limit: int) -> dict[str, Any]:
    """The object that ``data`` (UTF-8, at most ``limit`` bytes) holds. Raises ``JsonRefused``, with no text of it."""
    if len(data) > limit or _depth(data) > DEPTH:
        raise JsonRefused("too large")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise JsonRefused("not JSON") from None
    if not isinstance(value, dict):
        raise JsonRefused("not an object")
    return value


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for token in _TOKEN.finditer(data):
        if token[0] in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in (b"]", b"}"):
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice")
    return values


def _no_number(text: str) -> NoReturn:
    raise ValueError("not a number")
