"""What a transformation gives back, and the form in which the network's transformation service gives it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from ncp.semantics.coding import CodeState
from ncp.semantics.transform.elements import Usage
from ncp.semantics.transform.kinds import DocumentFacts
from ncp.semantics.transform.problems import Problem


class Status(StrEnum):
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Direction(StrEnum):
    TRANSCODE = "transcode"
    """National to network, where the document leaves."""
    TRANSLATE = "translate"
    """Into the reader's language, where it arrives."""


class ElementResult(NamedTuple):
    """One coded element: its code as it now is, what became of it, the language of its name, where it stands.

    ``name`` is the list's name for the place, empty for a code that no row of the list names. ``language`` is empty
    where no name was given. ``version_loaded`` is False when the document names a version of the code system that the
    release does not have; that never hides a name.
    """

    where: Where
    system: str
    code: str
    state: CodeState
    language: str = ""
    name: str = ""
    usage: Usage = Usage.NONE
    version_loaded: bool = True

    @property
    def place(self) -> str:
        """Where the element stands, as ``ncp.semantics.values.Place`` says it."""
        return self.where.place


class Where(Protocol):
    """An element that can tell its place; most are never asked."""

    @property
    def place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Transformation:
    """The document as it now is, and everything there is to say about it.

    ``content`` equals what came in, byte for byte, when nothing was changed and the bytes were handed in. ``language``
    is the one asked for; empty when transcoding. ``dropped`` counts problems beyond ``PROBLEMS_MAX``.
    """

    content: bytes
    direction: Direction
    facts: DocumentFacts
    release: str
    language: str = ""
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    elements: tuple[ElementResult, ...] = field(default=(), repr=False)
    changed: bool = False
    dropped: int = 0

    @property
    def status(self) -> Status:
        if self.errors:
            return Status.ERROR
        return Status.WARNING if self.warnings else Status.SUCCESS

    @property
    def counts(self) -> dict[CodeState, int]:
        """How many elements of each state, in the order of ``CodeState``; states without any are left out."""
        found = Counter(element.state for element in self.elements)
        return {state: found[state] for state in CodeState if found[state]}


PROBLEMS_MAX = 500
"""Errors and warnings each of one result; a document of real life has at most as many as codes."""


def wire_form(result: Transformation, request_id: str) -> dict[str, Any]:
    """The result as the REST service of OpenNCP writes it (``eHDSI_ehealth:translations-and-mappings``,
    ``TMResponseStructure``), with our counts and elements added as ``codedElements``."""
    return {
        "requestId": request_id,
        "responseCDA": base64.b64encode(result.content).decode("ascii"),
        "status": result.status.value,
        "errors": [_problem(problem) for problem in result.errors],
        "warnings": [_problem(problem) for problem in result.warnings],
        "codedElements": {
            "release": result.release,
            "language": result.language,
            "counts": {state.value: count for state, count in result.counts.items()},
            "elements": [_element(element) for element in result.elements],
        },
    }


def refused_form(problem: Problem, request_id: str, content: bytes = b"") -> dict[str, Any]:
    """The same structure for a document that could not be read at all; the input goes back as it came."""
    return {
        "requestId": request_id,
        "responseCDA": base64.b64encode(content).decode("ascii"),
        "status": Status.ERROR.value,
        "errors": [_problem(problem)],
        "warnings": [],
    }


def _problem(problem: Problem) -> dict[str, str]:
    form = {"@class": problem.wire_class, "code": problem.code, "description": problem.text}
    return {**form, "context": problem.context} if problem.context else form


def _element(element: ElementResult) -> Mapping[str, Any]:
    form: dict[str, Any] = {
        "place": element.place,
        "codeSystem": element.system,
        "code": element.code,
        "state": element.state.value,
    }
    if element.language:
        form["language"] = element.language
    if element.name:
        form["name"] = element.name
    if not element.version_loaded:
        form["versionLoaded"] = False
    return form
