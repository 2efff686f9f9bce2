"""One document under transformation: its codes, what is said about them, and the report that grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from lxml.etree import _Element

from ncp.semantics.cda.reading import XSI_TYPE
from ncp.semantics.coding import CodeState
from ncp.semantics.terminology.release import Release
from ncp.semantics.transform.elements import UNLISTED, Place
from ncp.semantics.transform.paths import Standing, Surroundings
from ncp.semantics.transform.problems import Problem
from ncp.semantics.transform.result import PROBLEMS_MAX, ElementResult
from ncp.semantics.transform.standing import is_name_in_another_language

SWEEPS_MAX = 1000
"""Codes of one document whose name is looked for in all languages."""


class Written(NamedTuple):
    """A code as the document has it, trimmed. ``null_flavor`` is None where there is none; ``type`` is ``xsi:type``."""

    system: str
    code: str
    name: str
    system_name: str
    version: str
    null_flavor: str | None
    type: str


def written(element: _Element) -> Written:
    # One call for all of them: each single one costs half of that.
    get = dict(element.items()).get
    return Written(
        get("codeSystem", "").strip(),
        get("code", "").strip(),
        get("displayName", "").strip(),
        get("codeSystemName", "").strip(),
        get("codeSystemVersion", "").strip(),
        get("nullFlavor"),
        get(XSI_TYPE, ""),
    )


@dataclass(slots=True)
class Work:
    """``changed`` is set by whoever writes into the document."""

    release: Release
    around: Surroundings
    repeats: bool = False
    """Whether a problem is told as often as it is met; else once."""
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _told: set[tuple[bool, Problem]] = field(default_factory=set)
    elements: list[ElementResult] = field(default_factory=list)
    changed: bool = False
    dropped: int = 0
    sweeps: int = 0

    def is_named_elsewhere(self, said: Written) -> bool:
        """Whether the name is one that the catalogue gives the code in some language other than English.

        Asks every language; a document of real life needs it for a handful of codes, and after ``SWEEPS_MAX`` the
        answer is no.
        """
        if self.sweeps >= SWEEPS_MAX:
            return False
        self.sweeps += 1
        return is_name_in_another_language(self.release, said.system, said.code, said.name)

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
        system: str,
        code: str,
        state: CodeState,
        *,
        place: Place = UNLISTED,
        language: str = "",
        version_loaded: bool = True,
    ) -> None:
        """Note what became of an element; ``system`` and ``code`` are those that it now has."""
        self.elements.append(
            ElementResult(
                Standing(self.around, element),
                system,
                code,
                state,
                language,
                place.name,
                place.usage,
                version_loaded,
            )
        )
