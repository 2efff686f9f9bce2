"""The one record of a transaction: parties, ids, times, steps, outcome.

Logs, metrics, audit and evidence are functions of it. It holds ids, codes and durations; what it knows of persons stays
in fields that the log never reads (``caller``, ``patient``, ``documents``). Knows nothing of XML or sockets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ncp.wire.errors import NcpError
from ncp.wire.ids import II, CountryCode
from saml_assertions.claims import VerifiedCaller


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
    """One step of the story: its name, how it ended (``ok`` or a reason), its duration in milliseconds."""

    name: str
    outcome: str
    duration_ms: float


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
    consent: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: NcpError | None = None
    started: float = field(default_factory=time.perf_counter)
    on_step: Callable[[Exchange, Step], None] | None = None

    def __repr__(self) -> str:
        return f"Exchange({self.transaction}, {self.side}, {self.service})"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times one step and records how it ended, also when it ends in an error."""
        begun = time.perf_counter()
        outcome = "ok"
        try:
            yield
        except NcpError as error:
            outcome = error.reason or error.code
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            done = Step(name, outcome, (time.perf_counter() - begun) * 1000)
            self.steps.append(done)
            if self.on_step is not None:
                self.on_step(self, done)

    @property
    def outcome(self) -> str:
        """``ok``, or the code the transaction ended with."""
        return self.error.code if self.error else "ok"

    @property
    def duration_ms(self) -> float:
        """Milliseconds since the exchange began."""
        return (time.perf_counter() - self.started) * 1000
