"""The ``format`` of a search mask field: how a country says what its numbers look like.

Knows the dialects that were seen (regular expressions with and without anchors, JavaScript's ``/…/i``, date patterns,
``N`` and ``L`` letters with minimum and maximum length) and turns each into one test that takes time linear in the
input, for the pattern is foreign. A format that cannot be understood checks nothing and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import re2

from xcpd.facts import TRAIT_MAX

PATTERN_MAX = 500
"""Longest pattern that is compiled, in characters; the longest one seen has 70."""
_MEMORY = 1 << 20
"""Bytes that one compiled pattern may take; beyond it RE2 refuses to compile."""

_SLASHES = re.compile(r"/(.*)/([A-Za-z]*)", re.DOTALL)
_DATE = re.compile(r"(y{4}|m{2}|d{2})([-./ ]?)(y{4}|m{2}|d{2})([-./ ]?)(y{4}|m{2}|d{2})", re.IGNORECASE)
_LETTERS = re.compile(r"[NL .,/-]*[NL][NL .,/-]*")


@dataclass(frozen=True, slots=True)
class FieldFormat:
    """What a field's value has to look like. ``source`` is the country's own text; ``is_date`` when it means a day.

    ``shortest`` and ``longest`` count characters; -1 is no bound.
    """

    source: str = ""
    is_date: bool = False
    shortest: int = -1
    longest: int = -1
    matches: Callable[[str], bool] | None = field(default=None, compare=False, repr=False)

    @property
    def checks(self) -> bool:
        return self.matches is not None or self.shortest > 0 or self.longest >= 0

    def accepts(self, value: str) -> bool:
        """Whether the whole value fits. Values longer than any trait may be never do."""
        if len(value) > TRAIT_MAX or len(value) < self.shortest or 0 <= self.longest < len(value):
            return False
        if self.matches is None:
            return True
        try:
            return self.matches(value)
        except UnicodeError:  # lone surrogates
            return False


ANY = FieldFormat()


def read_format(source: str) -> tuple[FieldFormat, str]:
    """The format of the current schema, and the name of a warning or ``""``.

    ``format.too_long`` and ``format.not_compiled``: no check, tell the operator. ``format.flags``: flags other than
    ``i`` were ignored.
    """
    source = source.strip()
    if not source:
        return ANY, ""
    date_pattern = _date_pattern(source)
    if date_pattern:
        return FieldFormat(source, is_date=True, matches=_compiled(date_pattern, ignore_case=False)), ""
    pattern, flags = source, ""
    slashes = _SLASHES.fullmatch(source)
    if slashes:
        pattern, flags = slashes.group(1), slashes.group(2)
    if len(pattern) > PATTERN_MAX:
        return FieldFormat(source[:PATTERN_MAX]), "format.too_long"
    matches = _compiled(pattern, ignore_case="i" in flags)
    if matches is None:
        return FieldFormat(source), "format.not_compiled"
    return FieldFormat(source, matches=matches), "format.flags" if set(flags) - set("igum") else ""


def read_letters(source: str, shortest: int, longest: int) -> tuple[FieldFormat, str]:
    """The format of masks before 2020: ``N`` a digit, ``L`` a letter, anything else itself; and length bounds.

    ``format.letters`` when the text holds anything else: then only the lengths are checked.
    """
    source = source.strip()
    bounds = FieldFormat(source[:PATTERN_MAX], shortest=shortest, longest=longest)
    if not source:
        return bounds, ""
    if len(source) > TRAIT_MAX or not _LETTERS.fullmatch(source):
        return bounds, "format.letters"
    classes = {"N": "[0-9]", "L": "[A-Za-z]"}
    pattern = "".join(classes.get(character) or re2.escape(character) for character in source)
    return FieldFormat(source, False, shortest, longest, _compiled(pattern, ignore_case=False)), ""


def _date_pattern(source: str) -> str:
    """``YYYY-MM-DD`` and its sisters → a regular expression; empty for anything else."""
    match = _DATE.fullmatch(source)
    if match is None:
        return ""
    first, separator, second, other_separator, third = match.groups()
    if {first[0].lower(), second[0].lower(), third[0].lower()} != {"y", "m", "d"}:
        return ""
    parts = (first, separator, second, other_separator, third)
    return "".join(f"[0-9]{{{len(part)}}}" if part[:1].isalpha() else re2.escape(part) for part in parts)


def _compiled(pattern: str, *, ignore_case: bool) -> Callable[[str], bool] | None:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        return None

    def matches(value: str) -> bool:
        return compiled.fullmatch(value) is not None

    return matches
