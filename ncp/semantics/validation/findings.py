"""What a validation found: rule, severity, place, words. Never anything of what the document says of a person.

Knows the order of severities and the bound on how many findings of one rule are listed. Leaves to ``policy`` what
becomes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from ncp.semantics.values import Place

LISTED_PER_RULE = 20
"""Findings of one rule that are listed, unless more are asked for; the rest is counted."""


class Severity(StrEnum):
    ERROR = "error"
    """The document breaks a rule that a receiver may rely on."""
    WARNING = "warning"
    """A rule is broken that documents of real countries break."""
    INFORMATION = "information"
    """Worth knowing for who wrote the document."""

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return _ORDER.index(self)


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFORMATION)


class Origin(StrEnum):
    """Which of the three looked."""

    OWN = "own"
    SCHEMA = "schema"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule at one place.

    ``place`` is the element that breaks it, or that lacks something (``docs/document-model.md``, empty for the root);
    ``text`` comes from the rule alone, so it may be logged and shown; ``line`` is 0 where it is not known.
    """

    origin: Origin
    rule: str
    severity: Severity
    place: Place
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """One of the three did not look: ``reason`` is stable (``validation.busy``), ``text`` says what it means."""

    origin: Origin
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything found in one document. ``more`` counts, by rule, findings beyond those listed."""

    found: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    more: tuple[tuple[str, int], ...] = ()
    checked: tuple[Origin, ...] = ()
    """Who looked, in order; the others were not asked or are in ``skipped``."""

    def of(self, origin: Origin) -> tuple[Finding, ...]:
        return tuple(one for one in self.found if one.origin is origin)

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """Findings of this severity or graver."""
        return tuple(one for one in self.found if one.severity.rank <= severity.rank)

    def count(self, severity: Severity, origin: Origin | None = None) -> int:
        """How many of exactly this severity, those that are not listed among them; of one origin or of all."""
        more = dict(self.more)
        here = [one for one in self.found if one.severity is severity and origin in (None, one.origin)]
        return len(here) + sum(more.get(rule, 0) for rule in {one.rule for one in here})

    @property
    def errors(self) -> tuple[Finding, ...]:
        return self.at_least(Severity.ERROR)

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.found + other.found,
            self.skipped + other.skipped,
            self.more + other.more,
            self.checked + other.checked,
        )


Pending = tuple[str, Callable[[], Finding]]
"""The name of a rule that was broken, and what makes the finding: finding the place of thousands takes long."""


def listed(origin: Origin, found: Iterable[Pending], each: int = LISTED_PER_RULE) -> Findings:
    """Findings of one origin, at most ``each`` of one rule; the others are never made, only counted."""
    seen: Counter[str] = Counter()
    kept: list[Finding] = []
    for rule, make in found:
        seen[rule] += 1
        if seen[rule] <= each:
            kept.append(make())
    more = tuple((rule, count - each) for rule, count in seen.items() if count > each)
    return Findings(tuple(kept), (), more, (origin,))


def skipped(origin: Origin, reason: str, text: str) -> Findings:
    """Nothing was looked at, and why."""
    return Findings(skipped=(Skipped(origin, reason, text),))
