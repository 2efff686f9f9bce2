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
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import Any, Literal, TypedDict, Unpack

from structlog import BoundLoggerBase
from structlog.typing import Processor

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
    """Fixed text of the program or of OpenSSL, or what is wrong with the configuration; never anything of a message."""


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
    ``libraries`` also writes what libraries log, without the values they fill in.
    """
    _STATE.threshold = _LEVELS[level]
    _STATE.render = _json if format == "json" else _text
    _STATE.strict = strict
    _STATE.descriptor = descriptor
    if libraries:
        root = logging.getLogger()
        root.handlers[:] = [_Libraries()]
        root.setLevel(max(_STATE.threshold, logging.INFO))


def lost_lines() -> int:
    """How many lines could not be written (a closed pipe, a full disk); the gateway goes on without them."""
    return _STATE.lost


class Logger(BoundLoggerBase):
    """Writes lines; ``bind`` makes one that adds fields to each of them."""

    def debug(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 10:
            self._proxy_to_logger("debug", event, **fields)

    def info(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 20:
            self._proxy_to_logger("info", event, **fields)

    def warning(self, event: str, **fields: Unpack[Fields]) -> None:
        if _STATE.threshold <= 30:
            self._proxy_to_logger("warning", event, **fields)

    def error(self, event: str, **fields: Unpack[Fields]) -> None:
        self._proxy_to_logger("error", event, **fields)

    def bind(self, **fields: Unpack[Fields]) -> Logger:  # type: ignore[override]
        made = super().bind(**fields)
        assert isinstance(made, Logger)  # noqa: S101  structlog makes one of the same class
        return made


def logger(**fields: Unpack[Fields]) -> Logger:
    """A logger; cheap enough for module level, where it follows later ``configure`` calls."""
    return Logger(_WRITER, _PROCESSORS, dict(fields))


def steps(common: Fields, done: Sequence[tuple[str, str, float, float]]) -> None:
    """Lines of event ``step`` at level info that share ``common``: (step, outcome, duration_ms, epoch seconds) each.

    Written together: what the lines share is checked and put into form once, which makes a line cost a tenth.
    """
    if _STATE.threshold > 20 or not done:
        return
    if _STATE.render is not _json:
        for step, outcome, duration, ended in done:
            fields = {"event": "step", **common, "step": step, "outcome": outcome, "duration_ms": duration}
            _WRITER.info(_stamp(None, "info", _allow(None, "info", fields), ended))
        return
    shared = _encode(_shortened(_allow(None, "info", {"event": "step", **common}), _LONGEST))
    waiting = bytearray()
    for step, outcome, duration, ended in done:
        line = (
            f'{{"ts":"{_moment(ended)}","level":"info",{shared[1:-1]},"step":{_quote(step)},'
            f'"outcome":{_quote(outcome)},"duration_ms":{duration:.3f}}}\n'
        ).encode("ascii")
        if len(waiting) + len(line) > _LONGEST_LINE:
            _WRITER.info(bytes(waiting))
            waiting.clear()
        waiting += line
    _WRITER.info(bytes(waiting))


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


def _allow(_: object, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
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


def _stamp(_: object, method: str, fields: MutableMapping[str, Any], at: float | None = None) -> bytes:
    line: dict[str, Any] = {"ts": _moment(time.time() if at is None else at), "level": method}
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


class _Writer:
    """The end of the chain: one ``write`` per line, and never an exception into the work that is logged."""

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(_STATE.descriptor, line) :]
        except OSError:
            _STATE.lost += 1

    debug = info = warning = error = _write


_OWN = "ncp."
_OF_RECORDS = {
    "reason": "reason",
    "status": "status",
    "kind": "exception",
    "place": "text",
    "detail": "text",
    "reference": "transaction",
    "code": "error_code",
    "workers": "workers",
    "pid": "pid",
    "exit": "exit_status",
    "listeners": "address",
}
"""Fields that modules of ours pass to the standard ``logging`` as ``extra``, and what they are called here."""


class _Libraries(logging.Handler):
    """What comes by the standard library's ``logging``, reduced to what cannot name a person.

    Of modules of ours the fixed text and known ``extra`` fields. Of libraries the name, and of an exception its type
    and place; the text only of the server's own loggers, as the template before values are filled in.
    """

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {}
        event = ""
        if record.name.startswith(_OWN) and isinstance(record.msg, str):
            event = f"{record.name.removeprefix(_OWN)}.{record.msg}".replace(" ", "_").lower()
            given = {name: getattr(record, name, None) for name in _OF_RECORDS}
            fields = {_OF_RECORDS[name]: _plain(value) for name, value in given.items() if value is not None}
        if not _EVENT.fullmatch(event):
            event = ""
            fields = {"library": record.name[:80]}
            if record.name.startswith("uvicorn") and isinstance(record.msg, str):
                fields["text"] = record.msg.strip()
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = where(record.exc_info[1])
        log = Logger(_WRITER, _PROCESSORS, fields)
        if record.levelno >= logging.ERROR:
            log.error(event or "library.error")
        elif record.levelno >= logging.WARNING:
            log.warning(event or "library.warning")
        elif record.levelno >= logging.INFO:
            log.info(event or "library.said")
        else:
            log.debug(event or "library.whispered")


def _plain(value: object) -> str | int | float:
    return value if isinstance(value, str | int | float) else str(value)


_STATE = _State(render=_json)
_WRITER = _Writer()
_PROCESSORS: list[Processor] = [_allow, _stamp]
