"""The programs of the demonstration as processes: started, waited for, and ended on every way out."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ncp.settings.types import Listen

START_SECONDS = 60.0
STOP_SECONDS = 10.0
_TAIL = 15


class GatewayDied(Exception):
    """A gateway did not become ready; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One program to start: its configuration, where it is asked whether it is ready, where its log goes. ``module`` is
    the command that takes ``serve``; ``path`` answers 200 once it is ready."""

    name: str
    config: Path
    health: Listen
    log: Path
    module: str = "ncp.cli"
    path: str = "/health/ready"
    host: str = ""
    """The ``Host`` that the program expects, where it is not the address that it listens on."""


@contextlib.contextmanager
def running(gateways: Sequence[Gateway]) -> Iterator[None]:
    """All of them ready; none of their processes is left when the block ends, however it ends."""
    processes: list[subprocess.Popen[bytes]] = []
    signals = _Signals()
    with signals.as_exceptions():
        try:
            for gateway in gateways:
                with signals.held():
                    processes.append(_started(gateway))
            deadline = time.monotonic() + START_SECONDS
            for gateway, process in zip(gateways, processes, strict=True):
                _wait_until_ready(gateway, process, deadline)
            yield
        finally:
            with signals.held():
                _end(processes)


class _Signals:
    """SIGINT, SIGTERM and SIGHUP end the block, so that what it started is ended too; but never between the birth of a
    process and the note of it, nor while processes are being ended."""

    def __init__(self) -> None:
        self._is_held = False
        self._came = False

    @contextlib.contextmanager
    def as_exceptions(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self._leave) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._came:
            self._came = False
            raise KeyboardInterrupt

    def _leave(self, number: int, frame: FrameType | None) -> None:
        if not self._is_held:
            raise KeyboardInterrupt
        self._came = True


def _started(gateway: Gateway) -> subprocess.Popen[bytes]:
    gateway.log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCP__")}
    with gateway.log.open("wb") as log:
        # A process group of its own: Ctrl-C reaches the demonstration only, which then ends the whole group.
        return subprocess.Popen(  # noqa: S603  our own program, no shell
            [sys.executable, "-m", gateway.module, "serve", "--config", str(gateway.config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _wait_until_ready(gateway: Gateway, process: subprocess.Popen[bytes], deadline: float) -> None:
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GatewayDied(f"{gateway.name} ended at once:\n{tail(gateway.log)}")
        if _is_ready(gateway):
            return
        time.sleep(0.05)
    raise GatewayDied(f"{gateway.name} is not ready after {START_SECONDS:.0f} s:\n{tail(gateway.log)}")


def _is_ready(gateway: Gateway) -> bool:
    connection = http.client.HTTPConnection(gateway.health.host, gateway.health.port, timeout=2)
    try:
        connection.request("GET", gateway.path, headers={"Host": gateway.host} if gateway.host else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # not listening yet
        return False
    finally:
        connection.close()


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask politely, wait, then insist; the whole group each time, workers included."""
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def tail(log: Path) -> str:
    """The last lines of a log."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])
    return ""
