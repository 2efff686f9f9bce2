"""What an importer hands on: one row per fact, checked one by one, whatever file it came from.

Knows what a well-formed code, text, language tag and OID is. Leaves formats to the readers and storage to
``release_file``. A row that cannot be accepted becomes ``Refused`` with its place; it never stops the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

TEXT_MAX = 4000
"""Longest designation; the longest in public use (names of substances) have some 2 500 characters."""
CODE_MAX = 256
NAME_MAX = 1000

CURRENT = "current"
VALID = "valid"
_CURRENT_WORDS = frozenset({"", "current", "active", "valid", "published", "final", "draft"})
"""Status words that mean "may be used"; a draft code system of the eHDSI package is in use all the same."""

# C0 and C1 controls, line separators, direction overrides and isolates: nothing of this belongs into a name, and the
# last kind can make a text read as another.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,5}")


class System(NamedTuple):
    """A code system, by OID (or what stands in its place) or, where none is known, by URL."""

    oid: str
    name: str = ""
    url: str = ""


class SystemVersion(NamedTuple):
    system: str
    label: str
    effective: str = ""
    status: str = CURRENT


class Concept(NamedTuple):
    system: str
    code: str
    version: str = ""
    status: str = CURRENT


class Designation(NamedTuple):
    """One name. ``kind``: ``official`` (the owner's or the network's), ``own`` (this product's or the operator's),
    ``auto`` (made by a machine, to be marked)."""

    system: str
    code: str
    language: str
    text: str
    is_preferred: bool = True
    kind: str = "official"
    status: str = CURRENT
    use: str = ""


class ValueSet(NamedTuple):
    """A version of a value set; what follows as ``Member`` replaces what was known of that very version."""

    oid: str
    name: str = ""
    version: str = ""
    effective: str = ""
    status: str = CURRENT


class Member(NamedTuple):
    value_set: str
    version: str
    system: str
    code: str


class Mapping(NamedTuple):
    """From a national concept to one of the value sets; the lowest priority number is tried first."""

    source_system: str
    source_code: str
    target_system: str
    target_code: str
    status: str = VALID
    priority: int = 0
    comment: str = ""


class Refused(NamedTuple):
    """A row that was left out. ``reason`` is a stable word; it never repeats what stood in the file."""

    place: str
    line: int
    reason: str


class Note(NamedTuple):
    """Something the operator should know that is no refusal."""

    place: str
    text: str


Row = System | SystemVersion | Concept | Designation | ValueSet | Member | Mapping | Refused | Note
Rows = Iterator[Row]


class RowRefused(ValueError):
    """A field that cannot be accepted; the text is the stable reason."""


class ImportRefused(Exception):
    """A file that cannot be imported at all; the text says why and never repeats its content."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem


def code(value: object) -> str:
    """A code or an identifier of a system: no blank at its ends, no control character, not empty."""
    text = _trimmed(value, "code")
    if len(text) > CODE_MAX:
        raise RowRefused("code.too_long")
    return text


def system(value: object) -> str:
    """OID, GUID, URL or national word of a code system or value set, without ``urn:oid:``.

    Trimmed, because published lists carry OIDs with a trailing blank.
    """
    text = _trimmed(value, "system")
    if len(text) > CODE_MAX or " " in text:
        raise RowRefused("system.malformed")
    if text[:8].lower() in ("urn:oid:", "urn:uuid"):
        text = text.split(":", 2)[2]
    if not text:
        raise RowRefused("system.empty")
    return text


def text(value: object, limit: int = TEXT_MAX) -> str:
    """A name for people: white space collapsed, NFC, no control or direction characters."""
    if not isinstance(value, str):
        raise RowRefused("text.missing" if value is None else "text.not_text")
    if len(value) > limit:
        raise RowRefused("text.too_long")
    plain = _SPACE.sub(" ", value).strip()
    if _CONTROL.search(plain):
        raise RowRefused("text.control_character")
    plain = unicodedata.normalize("NFC", plain)
    if not plain:
        raise RowRefused("text.empty")
    return plain


def label(value: object, default: str = "") -> str:
    """A short optional text (version, name, comment): empty when there is none that can be used."""
    try:
        return text(value, NAME_MAX)
    except RowRefused:
        return default


def language(value: object) -> str:
    """A BCP 47 tag in its usual spelling: ``fr``, ``fr-FR``, ``sr-Latn-RS``."""
    tag = _trimmed(value, "language")
    if not _TAG.fullmatch(tag):
        raise RowRefused("language.malformed")
    first, *rest = tag.replace("_", "-").split("-")
    return "-".join([first.lower(), *(_subtag(part) for part in rest)])


def status(value: object) -> str:
    """``current`` for every word that means so, otherwise the word in lower case."""
    word = label(value).lower()
    return CURRENT if word in _CURRENT_WORDS else word


def date(value: object) -> str:
    """The day of a date or time in ISO 8601; empty when it is none."""
    found = re.match(r"\d{4}(-\d{2}(-\d{2})?)?", value) if isinstance(value, str) else None
    return found[0] if found else ""


def _subtag(part: str) -> str:
    if len(part) == 2 and part.isalpha():
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


def _trimmed(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise RowRefused(f"{what}.missing" if value is None else f"{what}.not_text")
    plain = value.strip()
    if not plain:
        raise RowRefused(f"{what}.empty")
    if _CONTROL.search(plain):
        raise RowRefused(f"{what}.control_character")
    return plain
