"""One document under transformation: its codes, what is said about them, and the report that grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from lxml.etree import _Element

from ncp.semantics.coding import CodeState
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.codes import Places
from ncp.semantics.transform.elements import UNLISTED, Place
from ncp.semantics.transform.paths import Surroundings
from ncp.semantics.transform.problems import Problem
from ncp.semantics.transform.result import PROBLEMS_MAX, ElementResult


class Written(NamedTuple):
    """A code as the document has it, trimmed."""

    system: str
    code: str
    name: str
    system_name: str
    version: str


def written(element: _Element) -> Written:
    get = element.get
    return Written(
        get("codeSystem", "").strip(),
        get("code", "").strip(),
        get("displayName", "").strip(),
        get("codeSystemName", "").strip(),
        get("codeSystemVersion", "").strip(),
    )


@dataclass(slots=True)
class Work:
    """``changed`` is set by whoever writes into the document."""

    release: Release
    around: Surroundings
    places: Places
    repeats: bool = False
    """Whether a problem is told as often as it is met; else once."""
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _told: set[tuple[bool, Problem]] = field(default_factory=set)
    elements: list[ElementResult] = field(default_factory=list)
    changed: bool = False
    dropped: int = 0

    def error(self, problem: Problem) -> None:
        self._add(self.errors, problem, (True, problem))

    def warn(self, problem: Problem) -> None:
        self._add(self.warnings, problem, (False, problem))

    def _add(self, problems: list[Problem], problem: Problem, key: tuple[bool, Problem]) -> None:
        if not self.repeats:
            if key in self._told:
                return
            self._told.add(key)
        if len(problems) < PROBLEMS_MAX:
            problems.append(problem)
        else:
            self.dropped += 1

    def became(
        self,
        element: _Element,
        state: CodeState,
        *,
        place: Place = UNLISTED,
        language: str = "",
        version_loaded: bool = True,
    ) -> None:
        """Note what became of an element, with the code it now has."""
        self.elements.append(
            ElementResult(
                self.places.of(element),
                element.get("codeSystem", "").strip(),
                element.get("code", "").strip(),
                state,
                language,
                place.name,
                place.usage,
                version_loaded,
            )
        )
