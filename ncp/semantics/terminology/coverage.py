"""Which coded elements of documents the catalogue has a name for. Pure but for the ``Release`` it is given.

Every element with a code and a code system counts, wherever it stands (also translations), not a list of paths. Only
codes are reported, never what a document says of a patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml.etree import _Element

from ncp.semantics.terminology import systems
from ncp.semantics.terminology.answers import Match
from ncp.semantics.terminology.release import Release
from ncp.wire.xml import NS_HL7, local_name

_TRANSLATION = f"{{{NS_HL7}}}translation"


@dataclass(frozen=True, slots=True)
class Coded:
    """A code as it stands in a document."""

    system: str
    code: str
    version: str
    is_translation: bool


@dataclass(slots=True)
class CodeCount:
    """A code without a name in the language: how often, in how many documents, and what there is instead."""

    system: str
    system_name: str
    code: str
    instead: str
    times: int = 0
    documents: int = 0


@dataclass(slots=True)
class Coverage:
    """Counts over documents. ``instead`` of a missing code: ``other-region``, ``english``, ``no-name``,
    ``unknown-code``, ``unknown-system``."""

    language: str
    release: str
    documents: int = 0
    named: int = 0
    """Occurrences with a name in the language."""
    unnamed: int = 0
    nulls: int = 0
    """Coded elements that carry a nullFlavor instead of a code."""
    national: int = 0
    """Occurrences inside ``translation``: national originals, not counted above."""
    by_system: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Per code system: occurrences with and without a name."""
    missing: list[CodeCount] = field(default_factory=list)

    @property
    def percent(self) -> float:
        total = self.named + self.unnamed
        return 100.0 if not total else 100.0 * self.named / total


def coded_elements(root: _Element) -> Iterator[Coded]:
    """Every element with ``code`` and ``codeSystem``, in document order."""
    for element in root.iter("{*}*"):
        code, system = element.get("code"), element.get("codeSystem")
        if code and system:
            yield Coded(
                system.strip(),
                code.strip(),
                (element.get("codeSystemVersion") or "").strip(),
                any(one.tag == _TRANSLATION for one in (element, *element.iterancestors())),
            )


def count_nulls(root: _Element) -> int:
    """Elements that stand for a code and have none: ``code`` or ``value`` with a nullFlavor and no code."""
    return sum(
        1
        for element in root.iter("{*}*")
        if element.get("nullFlavor") and not element.get("code") and local_name(element).lower().endswith("code")
    )


class Counter:
    """Adds up documents."""

    def __init__(self, release: Release, language: str) -> None:
        self._release = release
        self._result = Coverage(language, release.name)
        self._missing: dict[tuple[str, str], CodeCount] = {}

    def add(self, root: _Element) -> None:
        """Count one document."""
        result = self._result
        result.documents += 1
        result.nulls += count_nulls(root)
        seen: set[tuple[str, str]] = set()
        for coded in coded_elements(root):
            if coded.is_translation:
                result.national += 1
                continue
            instead = self._instead(coded)
            with_name, without = result.by_system.get(coded.system, (0, 0))
            if not instead:
                result.named += 1
                result.by_system[coded.system] = with_name + 1, without
                continue
            result.unnamed += 1
            result.by_system[coded.system] = with_name, without + 1
            key = coded.system, coded.code
            known = self._release.system(coded.system)
            entry = self._missing.setdefault(
                key,
                CodeCount(*key[:1], known.name if known else systems.NAMES.get(coded.system, ""), coded.code, instead),
            )
            entry.times += 1
            entry.documents += key not in seen
            seen.add(key)

    def result(self) -> Coverage:
        """The counts so far, missing codes the most frequent first."""
        self._result.missing = sorted(self._missing.values(), key=lambda one: (-one.times, one.system, one.code))
        return self._result

    def _instead(self, coded: Coded) -> str:
        found = self._release.lookup(coded.system, coded.code, self._result.language, coded.version)
        if found is not None:
            return "" if found.match is Match.EXACT else found.match.value
        if self._release.concept(coded.system, coded.code) is not None:
            return "no-name"
        return "unknown-system" if self._release.system(coded.system) is None else "unknown-code"
