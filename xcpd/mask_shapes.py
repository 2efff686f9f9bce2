"""What a country's format means for people: runs of digits and letters with their counts, where it says so plainly.

Reads the part of regular expressions in which search masks describe numbers (characters, classes, ``\\d``, counts,
groups, alternatives of one length) and gives up on everything else. Never decides whether a value fits: that is for
``xcpd.mask_formats``, whose patterns run in RE2. Leaves the words to the caller.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace

from xcpd.facts import TRAIT_MAX
from xcpd.mask_formats import FieldFormat

DIGITS = frozenset(string.digits)
CAPITALS = frozenset(string.ascii_uppercase)
SMALL = frozenset(string.ascii_lowercase)
LETTERS = CAPITALS | SMALL
_ANY = frozenset(chr(code) for code in range(0x20, 0x7F))
_ESCAPED = {"d": DIGITS, "w": LETTERS | DIGITS | {"_"}}

RUNS_MAX = 8
"""More runs than that are no help to anybody."""
_DEPTH_MAX = 8
_EXAMPLE_MAX = 40
_COUNT = re.compile(r"\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}")
_FLAGGED = re.compile(r"/(.*)/([A-Za-z]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one kind in a row: between ``least`` and ``most`` of them; ``most`` -1 is no bound."""

    characters: frozenset[str]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The runs of a format, in order."""

    runs: tuple[Run, ...]

    @property
    def least(self) -> int:
        return sum(run.least for run in self.runs)

    @property
    def most(self) -> int:
        """-1: no bound."""
        return -1 if any(run.most < 0 for run in self.runs) else sum(run.most for run in self.runs)

    def is_only_length(self, value: str) -> bool:
        """Whether every character is one that the format knows, small or capital, and their number is wrong."""
        known = frozenset().union(*(run.characters for run in self.runs))
        if any(not {one, one.upper(), one.lower()} & known for one in value):
            return False
        return len(value) < self.least or 0 <= self.most < len(value)


class _Unclear(ValueError):
    """The pattern is none that can be said in words."""


def shape_of(field_format: FieldFormat) -> Shape | None:
    """The shape of a format, or None where it is not plain: no format, a date, old letters, a complicated pattern."""
    source = field_format.source
    if not source or field_format.is_date or field_format.matches is None or len(source) > TRAIT_MAX:
        return None
    flagged = _FLAGGED.fullmatch(source)
    pattern, any_case = (flagged.group(1), "i" in flagged.group(2)) if flagged else (source, False)
    try:
        runs = _Reader(pattern.removeprefix("^")).all()
    except _Unclear:
        return None
    if any_case:
        runs = [replace(run, characters=_any_case(run.characters)) for run in runs]
    runs = _joined(runs)
    if not runs or len(runs) > RUNS_MAX or all(run.characters == _ANY for run in runs):
        return None
    return Shape(tuple(runs))


def example_of(shape: Shape, field_format: FieldFormat) -> str:
    """An invented value that the format accepts; empty where none was found. Digits wherever they are allowed, for
    nobody takes 1234… for a real number."""
    example = ""
    for run in shape.runs:
        kinds = (string.digits[1:] + "0", string.ascii_uppercase, string.ascii_lowercase)
        allowed = next((kind for kind in kinds if set(kind) <= run.characters), "".join(sorted(run.characters)))
        count = run.least or (0 if run.most == 1 else 1)
        if len(example) + count > _EXAMPLE_MAX:
            return ""
        start = sum(character in allowed for character in example) if len(allowed) > 1 else 0
        example += "".join(allowed[(start + place) % len(allowed)] for place in range(count))
    return example if field_format.accepts(example) else ""


def _any_case(characters: frozenset[str]) -> frozenset[str]:
    return characters | {one.upper() for one in characters} | {one.lower() for one in characters}


def _joined(runs: list[Run]) -> list[Run]:
    """Neighbours of the same characters as one run; empty ones gone."""
    joined: list[Run] = []
    for run in runs:
        if run.most == 0:
            continue
        if joined and joined[-1].characters == run.characters:
            before = joined.pop()
            most = -1 if before.most < 0 or run.most < 0 else before.most + run.most
            run = Run(run.characters, before.least + run.least, most)
        joined.append(run)
    return joined


class _Reader:
    """One pass over a pattern; time linear in its length, but for groups, whose depth is bounded."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def all(self) -> list[Run]:
        runs = self._alternatives(0)
        if self.at < len(self.pattern):
            raise _Unclear
        return runs

    def _next(self) -> str:
        return self.pattern[self.at] if self.at < len(self.pattern) else ""

    def _take(self) -> str:
        if self.at >= len(self.pattern):
            raise _Unclear
        self.at += 1
        return self.pattern[self.at - 1]

    def _alternatives(self, depth: int) -> list[Run]:
        if depth > _DEPTH_MAX:
            raise _Unclear
        options = [self._sequence(depth)]
        while self._next() == "|":
            self.at += 1
            options.append(self._sequence(depth))
        if len(options) == 1:
            return options[0]
        # Alternatives of one fixed length are as many characters of either kind.
        lengths = {(sum(run.least for run in runs), sum(run.most for run in runs)) for runs in options}
        bounded = all(run.most >= 0 for runs in options for run in runs)
        least, most = lengths.pop()
        if lengths or not bounded or least != most or not least:
            raise _Unclear
        return [Run(frozenset().union(*(run.characters for runs in options for run in runs)), least, most)]

    def _sequence(self, depth: int) -> list[Run]:
        runs: list[Run] = []
        while self._next() not in ("", "|", ")"):
            character = self._take()
            if character == "$" and self._next() in ("", ")"):
                continue
            if character == "(":
                if self._next() == "?":
                    self.at += 1
                    if self._take() != ":":
                        raise _Unclear
                inner = self._alternatives(depth + 1)
                if self._take() != ")":
                    raise _Unclear
                least, most = self._count()
                if (least, most) == (1, 1):
                    runs += inner
                elif len(inner) == 1 and inner[0].least == inner[0].most == 1:
                    runs.append(Run(inner[0].characters, least, most))
                else:
                    raise _Unclear
            else:
                characters = self._characters(character)
                runs.append(Run(characters, *self._count()))
        return runs

    def _characters(self, character: str) -> frozenset[str]:
        if character == ".":
            return _ANY
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escaped()
        if character in "*+?{}^$" or character not in _ANY:
            raise _Unclear
        return frozenset(character)

    def _escaped(self) -> frozenset[str]:
        character = self._take()
        if character in _ESCAPED:
            return _ESCAPED[character]
        if character.isalnum() or character not in _ANY:
            raise _Unclear
        return frozenset(character)

    def _class(self) -> frozenset[str]:
        found: set[str] = set()
        if self._next() in ("^", "]"):
            raise _Unclear
        while (character := self._take()) != "]":
            if character == "\\":
                found |= self._escaped()
            elif self._next() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._take()
                if character > last or not {character, last} <= _ANY or last in "\\[":
                    raise _Unclear
                found |= {chr(code) for code in range(ord(character), ord(last) + 1)}
            elif character == "[" or character not in _ANY:
                raise _Unclear
            else:
                found.add(character)
        # A bar in a class is a slip of somebody who meant "or", seen in several masks.
        return frozenset(found - {"|"} or found)

    def _count(self) -> tuple[int, int]:
        following = self._next()
        found = _COUNT.match(self.pattern, self.at) if following == "{" else None
        if found is not None:
            self.at = found.end()
            least = int(found.group(1))
            bounds = (least, least if found.group(2) is None else int(found.group(3)) if found.group(3) else -1)
        elif following and following in "?*+":
            self.at += 1
            bounds = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}[following]
        else:
            return (1, 1)
        if self._next() == "?":  # lazy: the same values
            self.at += 1
        if (self._next() and self._next() in "*+?{") or 0 <= bounds[1] < bounds[0]:
            raise _Unclear
        return bounds
