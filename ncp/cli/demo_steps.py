"""What the demonstration shows: a consultation as steps, each with its question, its answer and the way it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

Rows = tuple[tuple[str, str], ...]


class Way(Enum):
    """How far a step goes, seen from the professional. The value counts the hops of ``STATIONS`` it passes."""

    GATEWAY_B = 1
    """Answered by the own gateway."""
    COUNTRY_A = 3
    """Through both gateways into the national system of the patient's country."""


@dataclass(frozen=True, slots=True)
class Place:
    """A country of the demonstration."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``transaction`` is the IHE name where the step crosses the border; ``files`` are links of the report.

    ``is_refusal``: the gateway said no, which was to be shown.
    """

    title: str
    way: Way
    asked: Rows
    answered: Rows
    seconds: float
    transaction: str = ""
    files: Rows = ()
    is_refusal: bool = False


@dataclass(frozen=True, slots=True)
class Consultation:
    """The whole demonstration: ``asking`` is country B, ``answering`` country A."""

    asking: Place
    answering: Place
    at: datetime
    steps: Sequence[Step]
    files: Rows = ()
    """Everything else that was left: label and path relative to the report."""

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


def stations(asking: Place, answering: Place) -> tuple[str, str, str, str]:
    """The four stations of the way from the professional to the document."""
    return (f"portal {asking.code}", f"NCP-B {asking.code}", f"NCP-A {answering.code}", f"store {answering.code}")


def milliseconds(seconds: float) -> str:
    """``0.0123`` → ``12 ms``; from two seconds on with one digit: ``2.3 s``."""
    return f"{seconds:.1f} s" if seconds >= 2 else f"{seconds * 1000:.0f} ms"
