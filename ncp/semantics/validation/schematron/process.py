"""The process that runs SaxonC, from the gateway's side: started, asked, given up on, started anew.

One thread of this class owns the process and asks it one thing at a time. Whoever has a document waits no longer than
it said; one that takes longer is looked at to the end all the same, so that it costs no new start.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ncp
from ncp.semantics.validation.schematron.frames import ConnectionOver, receive, send
from ncp.semantics.validation.schematron.rule_files import RuleFile

PREPARE_LIMIT = 600.0
"""Seconds for compiling one rule file; the rules of a whole profile take twenty."""

START_LIMIT = 30.0
MAX_WAITING = 8
"""Documents that wait for the process; more are not looked at."""

LONGEST_PAUSE = 600.0
"""Seconds before a process that keeps dying is started again; the first time it is one second, then twice as long."""

_WORKER = "ncp.semantics.validation.schematron.worker"
_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``memory`` in bytes, ``run`` in seconds for one document by one rule file."""

    memory: int = 2 * 1024**3
    run: float = 30.0


class RulesUnavailable(Exception):
    """The rules did not look at the document. ``reason`` is stable, ``text`` for people and free of the document."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.text = text


NO_SAXON = (
    "validation.no_saxonche",
    "SaxonC is not installed, so Schematron rules cannot be run: pip install 'ncp-gateway[schematron]'.",
)
BUSY = ("validation.busy", "The rules are busy with other documents.")
STARTING = ("validation.starting", "The rules are being compiled; this takes up to half a minute after a start.")
SLOW = ("validation.slow", "The rules did not come to an end in the time that an answer may wait for them.")
DIED = ("validation.died", "The process that runs the rules ended: too much memory, too much time, or killed.")
FAILED = ("validation.failed", "The rules themselves failed on this document")
PAUSED = ("validation.paused", "The process that runs the rules keeps ending and is not started for a while.")
CLOSED = ("validation.closed", "The gateway is stopping.")


@dataclass(slots=True)
class _Job:
    rules: RuleFile
    document: bytes
    done: threading.Event = field(default_factory=threading.Event)
    report: bytes = b""
    failure: RulesUnavailable | None = None
    abandoned: bool = False
    """Nobody waits for it any more."""


class SchematronProcess:
    """Runs rule files over documents. Thread-safe. ``close`` ends it; so does the end of this process."""

    def __init__(
        self,
        rules: tuple[RuleFile, ...],
        cache: Path,
        limits: Limits = Limits(),
        progress: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._rules = rules
        self._cache = cache
        self._limits = limits
        self._progress = progress
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MAX_WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._ready: set[str] = set()
        self._refused: dict[str, RulesUnavailable] = {}
        self._deaths = 0
        self._not_before = 0.0
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to compile, so that the first document does not have to wait for it. Returns at once."""
        with self._lock:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._keep, name="schematron", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the process and the thread. Documents that wait are not looked at."""
        with self._lock:
            self._closing = True
            thread, process = self._thread, self._process
        if process is not None:
            process.kill()
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self._jobs.put_nowait(None)
            thread.join(_GRACE)

    @property
    def pid(self) -> int:
        """The process that runs the rules; 0 when there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def run(self, rules: RuleFile, document: bytes, patience: float) -> bytes:
        """The SVRL report of a rule file on a document (UTF-8, written by ``ncp.wire.xml.serialise``).

        Waits at most ``patience`` seconds. Raises ``RulesUnavailable``.
        """
        if self._closing:
            raise RulesUnavailable(*CLOSED)
        self.start()
        job = _Job(rules, document)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise RulesUnavailable(*BUSY) from None
        if not job.done.wait(patience):
            job.abandoned = True
            raise RulesUnavailable(*(SLOW if rules.digest in self._ready else STARTING))
        if job.failure is not None:
            raise job.failure
        return job.report

    # What the thread does

    def _keep(self) -> None:
        while not self._closing:
            job = self._next()
            if job is None or job.abandoned:
                continue
            try:
                job.report = self._ask(job)
            except RulesUnavailable as failure:
                job.failure = failure
            finally:
                job.done.set()
        self._end()
        while True:
            try:
                left = self._jobs.get_nowait()
            except queue.Empty:
                return
            if left is not None:
                left.failure = RulesUnavailable(*CLOSED)
                left.done.set()

    def _next(self) -> _Job | None:
        """The next document; while there is none, the next rule file is compiled."""
        waiting = [one for one in self._rules if one.digest not in self._ready and one.digest not in self._refused]
        pause = self._not_before - time.monotonic()
        try:
            if not waiting:
                return self._jobs.get()
            if pause > 0:
                return self._jobs.get(timeout=pause)
            return self._jobs.get_nowait()
        except queue.Empty:
            if waiting and self._not_before <= time.monotonic():
                with contextlib.suppress(RulesUnavailable):
                    self._prepare(waiting[0])
            return None

    def _ask(self, job: _Job) -> bytes:
        if self._closing:
            raise RulesUnavailable(*CLOSED)
        self._prepare(job.rules)
        answer, report = self._exchange(
            {"do": "run", "digest": job.rules.digest, "limit": self._limits.run}, job.document, self._limits.run
        )
        self._deaths = 0
        if "error" in answer:
            code = f"{answer.get('code', '')!s:.40}"
            raise RulesUnavailable(FAILED[0], f"{FAILED[1]} ({code})." if code else f"{FAILED[1]}.")
        return report

    def _prepare(self, rules: RuleFile) -> None:
        """The process is up and has compiled the rules. Raises ``RulesUnavailable``."""
        if rules.digest in self._refused:
            raise self._refused[rules.digest]
        self._started()
        if rules.digest in self._ready:
            return
        request = {"do": "prepare", "path": str(rules.path), "digest": rules.digest, "limit": PREPARE_LIMIT}
        answer, _ = self._exchange(request, b"", PREPARE_LIMIT, rules.name)
        if "error" in answer:
            text = f"{answer.get('problem', '')!s:.600} {answer.get('remedy', '')!s:.200}".strip()
            failure = self._refused[rules.digest] = RulesUnavailable("validation.rules_refused", text)
            raise failure
        self._ready.add(rules.digest)

    def _exchange(
        self, request: dict[str, Any], body: bytes, limit: float, name: str = ""
    ) -> tuple[dict[str, Any], bytes]:
        connection = self._connection
        if connection is None:
            raise RulesUnavailable(*DIED)
        # The process ends itself at its limit; this is for one that cannot.
        until = time.monotonic() + limit + _GRACE
        try:
            send(connection, request, body, until=until)
            while True:
                answer, content = receive(connection, until=until)
                if "progress" not in answer:
                    return answer, content
                self._progress(f"{name}: {answer['progress']}")
        except ConnectionOver:
            self._end()
            self._deaths += 1
            self._not_before = time.monotonic() + min(2.0 ** (self._deaths - 1), LONGEST_PAUSE)
            raise RulesUnavailable(*DIED) from None

    def _started(self) -> None:
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return
        self._end()
        if importlib.util.find_spec("saxonche") is None:
            raise self._refuse_all(*NO_SAXON)
        if time.monotonic() < self._not_before:
            raise RulesUnavailable(*PAUSED)
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", _WORKER, str(theirs.fileno())]
            with self._lock:
                if self._closing:
                    ours.close()
                    raise RulesUnavailable(*CLOSED)
                self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
                    command,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                )
        self._connection = ours
        answer, _ = self._exchange_start()
        if answer.get("error") == "no_saxonche":
            self._end()
            raise self._refuse_all(*NO_SAXON)

    def _exchange_start(self) -> tuple[dict[str, Any], bytes]:
        return self._exchange({"memory": self._limits.memory, "cache": str(self._cache)}, b"", START_LIMIT)

    def _refuse_all(self, reason: str, text: str) -> RulesUnavailable:
        failure = RulesUnavailable(reason, text)
        self._refused = {one.digest: failure for one in self._rules}
        return failure

    def _end(self) -> None:
        self._ready.clear()
        connection, self._connection = self._connection, None
        with self._lock:
            process, self._process = self._process, None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """What the process needs of ours: where the program is, and nothing that it does not need."""
    places = [str(Path(ncp.__file__).parents[1]), *(place for place in sys.path if place)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)), "LC_ALL": "C.UTF-8"}
