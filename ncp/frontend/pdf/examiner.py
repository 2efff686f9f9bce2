"""The gateway's end of the process that looks into PDFs: starts it when first needed, asks it, ends it when it hangs.

Knows processes and sockets and nothing of PDFs. Whatever goes wrong is a refusal: nothing is shown unseen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ncp.frontend.pdf.answers import ANSWER_MAX, LENGTH_BYTES, READY, is_answer
from ncp.frontend.pdf.names import PdfRefused


@dataclass(frozen=True, slots=True)
class ExaminerLimits:
    """``memory`` bytes of address space and ``cpu_seconds`` for one file; ``patience`` seconds for its answer and
    ``start_patience`` for a process to start; ``processes`` at most, so that a costly file delays few others."""

    memory: int = 1024 * 1024 * 1024
    cpu_seconds: int = 10
    patience: float = 20.0
    start_patience: float = 30.0
    processes: int = 2


class Examiner:
    """Judges PDFs in processes of their own. For threads; one for a worker of the gateway.

    The processes end with the gateway: their end of the socket is closed then.
    """

    def __init__(self, limits: ExaminerLimits | None = None) -> None:
        self._limits = limits or ExaminerLimits()
        self._free = threading.BoundedSemaphore(self._limits.processes)
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def examine(self, data: bytes) -> tuple[str, ...]:
        """Names of what a professional should be warned of (``names.WARNINGS``), in order.

        Raises ``PdfRefused``: what ``look`` and ``structure`` say, ``pdf.too_costly`` for a file that exceeds a limit,
        ``pdf.not_examined`` when there is no process to ask or none is free in time.
        """
        deadline = time.monotonic() + self._limits.patience
        if not self._free.acquire(timeout=self._limits.patience):
            raise PdfRefused("pdf.not_examined")
        try:
            process = self._take()
            try:
                line = process.ask(data, max(deadline - time.monotonic(), self._limits.cpu_seconds))
            except OSError:
                process.end()
                raise PdfRefused("pdf.too_costly") from None
            except BaseException:
                process.end()
                raise
            with self._lock:
                self._idle.append(process)
        finally:
            self._free.release()
        verdict, *names = line.decode().split()
        if verdict != "ok":
            raise PdfRefused(names[0])
        return tuple(names)

    def close(self) -> None:
        """Ends the processes that wait; the next file starts a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _take(self) -> _Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive():
                    return process
                process.end()
        try:
            return _Process(self._limits)
        except OSError:
            raise PdfRefused("pdf.not_examined") from None


class _Process:
    """One process and the socket to it. ``OSError`` (``TimeoutError`` is one) when it is gone, hangs or babbles."""

    def __init__(self, limits: ExaminerLimits) -> None:
        ours, theirs = socket.socketpair()
        # The modules of this interpreter, and nothing else of its surroundings.
        places = os.pathsep.join(str(Path(each).absolute()) for each in sys.path if each)
        try:
            with theirs:
                self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [
                        *(sys.executable, "-P", "-m", "ncp.frontend.pdf.process"),
                        *(str(limits.memory), str(limits.cpu_seconds)),
                    ],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
                    cwd="/",
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._channel = ours
        try:
            if self._line(limits.start_patience) != READY:
                raise ConnectionError
        except BaseException:
            self.end()
            raise

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def ask(self, data: bytes, seconds: float) -> bytes:
        """The line that answers a file."""
        deadline = time.monotonic() + seconds
        self._channel.settimeout(seconds)
        self._channel.sendall(len(data).to_bytes(LENGTH_BYTES))
        self._channel.sendall(data)
        line = self._line(deadline - time.monotonic())
        if not is_answer(line):
            raise ConnectionError
        return line

    def end(self) -> None:
        """Ends it and whatever it forked."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def _line(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n") and len(line) < ANSWER_MAX:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            got = self._channel.recv(ANSWER_MAX)
            if not got:
                raise ConnectionError
            line += got
        return line
