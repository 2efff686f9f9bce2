"""The portal's log: one JSON line per event, fields from a list, never a word about a patient or a professional.

Knows which fields a line may have. Paths are written as their route (``/search/{id}/identity``), never as they came;
texts of exceptions are never written, the place in the code is. What uvicorn and other libraries say goes through the
same writer by name of logger and level only.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TypedDict, Unpack


class Fields(TypedDict, total=False):
    """Everything a line may hold beside ``ts`` and ``event``: names, codes and numbers."""

    method: str
    route: str
    status: int
    duration_ms: float
    own_ms: float
    """``duration_ms`` without what was awaited of the gateway and the identity provider."""
    country: str
    step: str
    outcome: str
    code: str
    """Error code of the gateway or the network."""
    reference: str
    """Transaction id of the gateway, which people tell support."""
    exception: str
    """Kind and place, without its text."""
    reason: str
    count: int
    listen: str


def log(event: str, **fields: Unpack[Fields]) -> None:
    """Writes a line to standard error."""
    line = {"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")


def where(error: BaseException) -> str:
    """Kind of an exception and the innermost line of ours that it passed."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = PurePath(trace.tb_frame.f_code.co_filename)
        if "ncp_portal" in file.parts or "ncp_client" in file.parts:
            place = f"{file.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} {place}".strip()


class _Quiet(logging.Handler):
    """Lines of libraries: who spoke and how loud; their words may quote what a browser or a peer sent."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], BaseException):
            log("library", reason=f"{record.name} {record.levelname}", exception=where(record.exc_info[1]))
        else:
            log("library", reason=f"{record.name} {record.levelname}")


def take_over() -> None:
    """From now on nothing but this module writes lines."""
    logging.basicConfig(handlers=[_Quiet()], level=logging.WARNING, force=True)
