"""JSON and XML of strangers, bounded: size, depth, and no surprise but ``ImportRefused``. Pure."""

from __future__ import annotations

import json
from typing import Any

from lxml import etree

from ncp.semantics.terminology.rows import ImportRefused
from ncp.wire import xml
from ncp.wire.xml import XmlRefused

XML_LIMITS = xml.XmlLimits(size=64 * 1024 * 1024, depth=30, elements=5_000_000, attributes=15_000_000)


def read_json(data: bytes, place: str) -> Any:
    """The value in ``data`` (UTF-8, a byte order mark is tolerated)."""
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ImportRefused(place, "not UTF-8") from None
    except RecursionError:
        # The parser's own bound, some hundred levels; a code system's tree of concepts has twenty.
        raise ImportRefused(place, "JSON nested too deeply") from None
    except ValueError:
        raise ImportRefused(place, "not JSON") from None


def read_xml(data: bytes, place: str) -> etree._Element:
    """The root of ``data``, parsed as every message of strangers is."""
    try:
        return xml.parse(data, XML_LIMITS)
    except XmlRefused as error:
        raise ImportRefused(place, f"not acceptable XML ({error.reason})") from None


def fields(value: object) -> dict[str, Any]:
    """``value`` as an object; an empty one when it is something else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """``value`` as a list; an empty one when it is something else."""
    return value if isinstance(value, list) else []


def _no_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")
