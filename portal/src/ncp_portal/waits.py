"""How long a request has waited for others: the gateway, the countries behind it, the identity provider.

What is left of its duration is the portal's own time, which is what somebody can make faster here. Waits within waits
count once. Reads the process's clock; belongs to one request by way of its context.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Waits:
    """Seconds that one request has waited so far."""

    seconds: float = 0.0
    is_waiting: bool = False


_current: ContextVar[Waits | None] = ContextVar("waits", default=None)


def begin() -> Waits:
    """Waits of the request that begins here."""
    waits = Waits()
    _current.set(waits)
    return waits


@contextmanager
def for_others() -> Iterator[None]:
    """What is awaited inside is the time of somebody else."""
    waits = _current.get()
    if waits is None or waits.is_waiting:
        yield
        return
    began, waits.is_waiting = time.perf_counter(), True
    try:
        yield
    finally:
        waits.seconds += time.perf_counter() - began
        waits.is_waiting = False
