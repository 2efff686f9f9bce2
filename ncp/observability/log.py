"""The log: one line per step, fields from an allow list, never a word about a patient or a professional.

A line can hold nothing but the fields of ``Fields`` with plain values, so no name, id or message text can slip in by
accident: anything else raises in tests and development (``strict``), and in production is left out with its name in
``dropped``. Texts of exceptions and of libraries are never written; ``where`` tells the place in the code instead.
Each line is one write, so lines of several processes on one pipe do not mix.

    log = logger()
    log.info("xcpd.answered", side="A", peer_country="FR", outcome="match", duration_ms=12.3)
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import Any, Literal, TypedDict, Unpack

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "text"]


class Fields(TypedDict, total=False):
    """Everything a line may hold beside ``ts``, ``level`` and ``event``. Names and codes only, never free text."""

    side: str
    """``A`` answering, ``B`` asking."""
    service: str
    """``xcpd``, ``xca.query``, ``xca.retrieve``, ``frontend``, ``sts`` ..."""
    operation: str
    """Operation of the front-end service."""
    transaction: str
    """Our reference number of the whole consultation step; people read it out on the telephone."""
    trace_id: str
    span_id: str
    peer_country: str
    country: str
    gateway: str
    """The country whose gateway failed."""
    message_id: str
    relates_to: str
    step: str
    outcome: str
    error_code: str
    reason: str
    """Stable name of what failed: ``sig.value``, ``trc.patient``; ``ncp explain`` knows them."""
    notes: str
    """Stable names of tolerated oddities, joined with blanks."""
    duration_ms: float
    document_class: str
    """Class code of a document."""
    documents: int
    """How many."""
    size: int
    """Bytes."""
    status: int
    """HTTP status."""
    repeat: bool
    portal: str
    """Configured name of the portal that calls."""
    purpose: str
    """Purpose of a certificate."""
    fingerprint: str
    """SHA-256 of a certificate."""
    days_left: int
    listener: str
    address: str
    """Of a listener of ours, or a peer's host and port."""
    mode: str
    version: str
    worker: int
    workers: int
    pid: int
    exit_status: int
    setting: str
    """Dotted name of a key of the configuration."""
    exception: str
    """Type and place of an exception, from ``where``; never its text."""
    library: str
    """Name of the library's logger."""
    text: str
    """Fixed text of the program, without any value filled in."""
    detail: str
    """Words for the operator about configuration, certificates or TLS; never about a message."""
    retry_seconds: float
    """After that time it is tried again."""


ALLOWED = frozenset(Fields.__annotations__)
_LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_EVENT = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_LONGEST = 256
_LONGEST_LINE = 4096
"""Bytes that POSIX writes to a pipe in one piece (PIPE_BUF on Linux)."""


class ForbiddenField(TypeError):
    """A field that no line may hold, or a value that is not plain. Names the field, never the value."""


@dataclass(slots=True)
class _State:
    threshold: int = 20
    render: Callable[[MutableMapping[str, Any], int], str] = lambda fields, longest: ""
    strict: bool = True
    descriptor: int = 1
    lost: int = 0


def configure(
    level: Level = "info", format: Format = "json", *, strict: bool = True, descriptor: int = 1, libraries: bool = False
) -> None:
    """Set level and form of all lines of this process, existing loggers included.

    ``strict`` raises ``ForbiddenField`` instead of dropping. ``descriptor`` is the file descriptor written to.
    ``libraries`` also writes warnings and errors of libraries, without the values they fill in.
    """
    _STATE.threshold = _LEVELS[level]
    _STATE.render = _json if format == "json" else _text
    _STATE.strict = strict
    _STATE.descriptor = descriptor
    if libraries:
        root = logging.getLogger()
        root.handlers[:] = [_Libraries()]
        root.setLevel(max(_STATE.threshold, logging.WARNING))


def lost_lines() -> int:
    """How many lines could not be written (a closed pipe, a full disk); the gateway goes on without them."""
    return _STATE.lost


class Logger:
    """Writes lines; ``bind`` makes one that adds fields to each of them."""

    __slots__ = ("_bound",)

    def __init__(self, bound: Mapping[str, Any]) -> None:
        self._bound = bound

    def debug(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 10:
            _write("debug", event, self._bound, fields)

    def info(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 20:
            _write("info", event, self._bound, fields)

    def warning(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 30:
            _write("warning", event, self._bound, fields)

    def error(self, event: str, **fields: Unpack[Fields]) -> None:
        _write("error", event, self._bound, fields)

    def bind(self, **fields: Unpack[Fields]) -> Logger:
        return Logger({**self._bound, **fields})


def logger(**fields: Unpack[Fields]) -> Logger:
    """A logger; cheap enough for module level, where it follows later ``configure`` calls."""
    return Logger(fields)


def steps(common: Fields, done: Sequence[tuple[str, str, float, float]]) -> None:
    """Lines of event ``step`` at level info that share ``common``: (step, outcome, duration_ms, epoch seconds) each.

    Written together: what the lines share is checked and put into form once, which makes a line cost a tenth.
    """
    if _STATE.threshold > 20 or not done:
        return
    if _STATE.render is not _json:
        for step, outcome, duration, ended in done:
            fields = {"event": "step", **common, "step": step, "outcome": outcome, "duration_ms": duration}
            _send(_stamp("info", _allow(fields), ended))
        return
    shared = _encode(_shortened(_allow({"event": "step", **common}), _LONGEST))
    waiting = bytearray()
    for step, outcome, duration, ended in done:
        line = (
            f'{{"ts":"{_moment(ended)}","level":"info",{shared[1:-1]},"step":{_quote(step)},'
            f'"outcome":{_quote(outcome)},"duration_ms":{duration:.3f}}}\n'
        ).encode("ascii")
        if len(waiting) + len(line) > _LONGEST_LINE:
            _send(bytes(waiting))
            waiting.clear()
        waiting += line
    _send(bytes(waiting))


def where(error: BaseException) -> str:
    """``KeyError at ncp/responding.py:88``: type and innermost place in the code, without the text of the exception."""
    name = type(error).__name__
    innermost: TracebackType | None = error.__traceback__
    if innermost is None:
        return name
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    parts = PurePath(innermost.tb_frame.f_code.co_filename).parts
    return f"{name} at {'/'.join(parts[-2:])}:{innermost.tb_lineno}"


def _write(level: str, event: str, bound: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    _send(_stamp(level, _allow({**bound, **fields, "event": event})))


def _allow(fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    dropped = [
        name
        for name, value in fields.items()
        if name != "event" and (name not in ALLOWED or not (value is None or isinstance(value, (str, int, float))))
    ]
    if not dropped and type(fields["event"]) is str and _EVENT.fullmatch(fields["event"]):
        return fields
    if _STATE.strict:
        if dropped:
            raise ForbiddenField(f"a log line may not hold: {', '.join(dropped)}")
        raise ForbiddenField("an event is a stable name such as xcpd.answered, never a text")
    kept = {name: value for name, value in fields.items() if name not in dropped}
    if dropped:
        kept["dropped"] = " ".join(name[:40] for name in dropped)
    if not (type(kept["event"]) is str and _EVENT.fullmatch(kept["event"])):
        kept["event"] = "log.event_refused"
    return kept


def _stamp(level: str, fields: MutableMapping[str, Any], at: float | None = None) -> bytes:
    line: dict[str, Any] = {"ts": _moment(time.time() if at is None else at), "level": level}
    line["event"] = fields.pop("event")
    line.update(fields)
    text = _STATE.render(line, _LONGEST)
    if len(text) > _LONGEST_LINE // 4:  # a character takes up to four bytes
        data = text.encode("utf-8", "replace")
        return data if len(data) <= _LONGEST_LINE else _STATE.render(line, 48).encode("utf-8", "replace")
    return text.encode("utf-8", "replace")


def _moment(epoch: float) -> str:
    milliseconds = int(epoch * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


_last_second: tuple[int, str] = (0, "")


def _second(epoch: int) -> str:
    global _last_second
    known, text = _last_second
    if known != epoch:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))
        _last_second = (epoch, text)
    return text


_quote = json.encoder.encode_basestring_ascii
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode


def _json(fields: MutableMapping[str, Any], longest: int) -> str:
    return _encode(_shortened(fields, longest)) + "\n"


def _text(fields: MutableMapping[str, Any], longest: int) -> str:
    fields = _shortened(fields, longest)
    head = f"{fields['ts']} {fields['level']:7} {fields['event']}"
    rest = (f"{name}={_word(value)}" for name, value in fields.items() if name not in ("ts", "level", "event"))
    return " ".join((head, *rest)) + "\n"


def _shortened(fields: MutableMapping[str, Any], longest: int) -> MutableMapping[str, Any]:
    for name, value in fields.items():
        if isinstance(value, str) and len(value) > longest:
            fields[name] = value[: longest - 1] + "…"
    return fields


def _word(value: object) -> str:
    """A value without white space or control characters as it is, anything else quoted."""
    text = str(value)
    return text if text.isprintable() and text and " " not in text else json.dumps(text)


def _send(line: bytes) -> None:
    """One ``write`` per line, and never an exception into the work that is logged."""
    try:
        while line:
            line = line[os.write(_STATE.descriptor, line) :]
    except OSError:
        _STATE.lost += 1


class _Libraries(logging.Handler):
    """Warnings and failures of libraries, reduced to what cannot name a person.

    The name of the library, and of an exception its type and place; the text only of the server's own loggers, as the
    template before values are filled in.
    """

    def emit(self, record: logging.LogRecord) -> None:
        log = logger(library=record.name[:80])
        if record.name.startswith("uvicorn") and isinstance(record.msg, str):
            log = log.bind(text=record.msg.strip())
        if record.exc_info and record.exc_info[1] is not None:
            log = log.bind(exception=where(record.exc_info[1]))
        if record.levelno >= logging.ERROR:
            log.error("library.error")
        else:
            log.warning("library.warning")


_STATE = _State(render=_json)
