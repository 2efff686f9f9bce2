"""Identifiers as they stand on the wire: HL7 instance identifiers, CX, OIDs, home community ids, UUIDs.

Knows their forms and how to compare them. Leaves to others whose they are.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import NewType

CountryCode = NewType("CountryCode", str)
"""ISO 3166-1 alpha-2, upper case (``EU`` in test environments)."""

Oid = NewType("Oid", str)
"""Dotted decimal object identifier, without ``urn:oid:``."""

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
OID_MAX = 64
"""Longest OID that XDS metadata allows (ITI TF-3 4.2.3.1.7)."""


def country_code(text: str) -> CountryCode:
    """Upper-cased country code; ``ValueError`` when it is not two letters."""
    if not _COUNTRY.fullmatch(text.strip()):
        raise ValueError("not a country code of two letters")
    return CountryCode(text.strip().upper())


def oid(text: str) -> Oid:
    """The OID in ``text``, with or without ``urn:oid:``; ``ValueError`` when it is none."""
    bare = text.strip().removeprefix("urn:oid:")
    if len(bare) > OID_MAX or not _OID.fullmatch(bare):
        raise ValueError("not an object identifier")
    return Oid(bare)


def urn_oid(value: str) -> str:
    """``urn:oid:`` in front, once."""
    return value if value.startswith("urn:oid:") else f"urn:oid:{value}"


def urn_uuid(value: uuid.UUID) -> str:
    """``urn:uuid:`` and the UUID in lower case."""
    return f"urn:uuid:{value}"


@dataclass(frozen=True, slots=True, repr=False)
class II:
    """HL7 v3 instance identifier. Most of them name a person, so it never shows itself in logs or tracebacks."""

    root: str
    extension: str = ""

    def __repr__(self) -> str:
        return "II(<redacted>)"

    def as_cx(self) -> str:
        """The HL7 v2 CX spelling of XDS: ``extension^^^&root&ISO`` (ITI TF-3 4.2.3.1.7)."""
        return f"{self.extension}^^^&{self.root}&ISO"


def parse_cx(text: str) -> II:
    """``extension^^^&root&ISO`` → ``II``. ``ValueError`` for an empty part, a name space or a type other than ISO.

    The extension may hold any character but ``^``; Germany joins an access code with ``|``.
    """
    parts = text.strip().split("^")
    if len(parts) < 4:
        raise ValueError("not a CX value: fewer than four components")
    extension, authority = parts[0].strip(), parts[3].strip().split("&")
    if len(authority) != 3 or authority[0].strip() or authority[2].strip() != "ISO":
        raise ValueError("not a CX value: the assigning authority is not &root&ISO")
    root = authority[1].strip()
    if not extension or not root:
        raise ValueError("not a CX value: empty extension or root")
    return II(root, extension)
