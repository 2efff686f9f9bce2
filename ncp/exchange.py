"""The one record of a transaction: parties, ids, times, steps, outcome.

Logs, metrics, audit and evidence are functions of it. It holds ids, codes and durations; what it knows of persons stays
in fields that the log never reads (``caller``, ``patient``, ``documents``, ``transformations``). Knows nothing of XML
or sockets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType

from ncp.wire.errors import NcpError
from ncp.wire.ids import II, CountryCode
from saml_assertions.claims import VerifiedCaller

Capture = Callable[[str, str, str, str, Sequence[bytes]], None]
"""Keeps a message, in development only: transaction, service, what it is, Content-Type, bytes.

NCP-A has ``request`` and ``answer``, NCP-B ``outgoing-request`` (every attempt, as written) and ``incoming-answer``."""


class Side(StrEnum):
    """Which role this gateway plays in the transaction."""

    NCP_A = "NCP-A"
    NCP_B = "NCP-B"


class Service(StrEnum):
    """What the transaction is."""

    DISCOVERY = "ITI-55"
    QUERY = "ITI-38"
    RETRIEVE = "ITI-39"
    HCP_ASSERTION = "HCP"
    TRC_ASSERTION = "TRC"
    NOK_ASSERTION = "NOK"
    FRONT_END = "front end"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story: name, how it ended (``ok`` or a reason), milliseconds it took, end in epoch seconds."""

    name: str
    outcome: str
    duration_ms: float
    ended: float


@dataclass(frozen=True, slots=True, repr=False)
class Transformed:
    """A document that was transcoded or translated, for the audit of translations: ids as ``root^extension``, before
    and after, ``counts`` of coded elements by what became of them, the release of the catalogue they were read with."""

    direction: str
    document_in: str
    document_out: str
    parents: tuple[str, ...]
    has_device: bool
    status: str
    counts: Mapping[str, int]
    release: str
    language: str = ""

    def __repr__(self) -> str:
        return f"Transformed({self.direction}, {self.status})"


class _Timed:
    """The time of one step; a class of its own because it stands on the hot path, ten times per transaction."""

    __slots__ = ("_begun", "_exchange", "_name")

    def __init__(self, exchange: Exchange, name: str) -> None:
        self._exchange = exchange
        self._name = name
        self._begun = time.perf_counter()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if kind is None:
            outcome = "ok"
        elif isinstance(error, NcpError):
            outcome = error.reason or error.code
        else:
            outcome = "failed"
        self._exchange.steps.append(Step(self._name, outcome, (time.perf_counter() - self._begun) * 1000, time.time()))


@dataclass(slots=True, repr=False)
class Exchange:
    """Filled while the story is told; complete when it ends. ``transaction`` is the reference number people quote."""

    transaction: str
    side: Side
    at: datetime
    service: Service = Service.UNKNOWN
    peer_country: CountryCode | None = None
    peer_subject: str = ""
    portal: str = ""
    message_id: str = ""
    relates_to: str = ""
    caller: VerifiedCaller | None = None
    patient: II | None = None
    documents: tuple[str, ...] = ()
    transformations: list[Transformed] = field(default_factory=list)
    consent: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: NcpError | None = None
    started: float = field(default_factory=time.perf_counter)

    def __repr__(self) -> str:
        return f"Exchange({self.transaction}, {self.side}, {self.service})"

    def step(self, name: str) -> _Timed:
        """Times one step and records how it ended, also when it ends in an error."""
        return _Timed(self, name)

    @property
    def outcome(self) -> str:
        """``ok``, or the code the transaction ended with."""
        return self.error.code if self.error else "ok"

    @property
    def duration_ms(self) -> float:
        """Milliseconds since the exchange began."""
        return (time.perf_counter() - self.started) * 1000
