"""The server: a supervisor, worker processes that share its listening sockets, and in each worker one event loop.

The supervisor binds, forks, watches and restarts; it runs no loop and no thread, opens no key and no database. A worker
builds its application after the fork (``AppFactory``), so that nothing with a handle is ever shared, and serves every
listener of the gateway (peers, front end, health) until it is told to stop. Sockets are inherited and stay open in the
supervisor: a connection that arrives while workers are exchanged waits in the queue and is not lost.

Signals to the supervisor: TERM or INT stops (requests in flight have ``stop_timeout`` to finish, a second signal does
not wait), HUP asks for a new configuration and exchanges the workers. Knows nothing of the gateway.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from typing import Any

from ncp.observability.log import logger
from ncp.server_options import AppFactory, Endpoint, Listener, ServerOptions, Service
from ncp.tls_protocol import ConnectionLimits
from ncp.worker import SIGNALS, work

__all__ = [
    "AppFactory",
    "ConnectionLimits",
    "Endpoint",
    "Listener",
    "Reload",
    "ServerOptions",
    "Service",
    "serve",
]

_log = logger()

_RESTART_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_STABLE_AFTER = 60.0
"""A worker that lived this long (seconds) has nothing to do with the crash before it."""
_KILL_AFTER = 5.0
"""Seconds beyond ``stop_timeout`` after which a worker that does not end is killed."""


Reload = Callable[[], tuple[ServerOptions, AppFactory]]
"""Called in the supervisor at HUP; raises when the new configuration is broken. Must not open keys or databases."""

Addresses = Mapping[str, tuple[str, int]]


def serve(
    options: ServerOptions,
    factory: AppFactory,
    *,
    reload: Reload | None = None,
    on_ready: Callable[[Addresses], None] | None = None,
) -> int:
    """Serve until a signal says stop. Returns the exit status: 0 after a stop, 1 when no worker could start.

    ``on_ready`` gets the bound address of each listener (a port 0 is then known) once all workers listen. Raises
    ``OSError`` when an address cannot be bound, ``ValueError`` for less than one worker. Call it from the main thread
    of a process with no other thread.
    """
    if options.workers < 1:
        raise ValueError("at least one worker is needed")
    return _Supervisor(options, factory, reload).run(on_ready)


# --- the supervisor --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Worker:
    process: ForkProcess
    ready: connection.Connection
    started: float
    is_ready: bool = False
    stopping: bool = False
    deadline: float = math.inf


@dataclass(slots=True)
class _Supervisor:
    options: ServerOptions
    factory: AppFactory
    reload: Reload | None
    workers: list[_Worker] = field(default_factory=list)
    sockets: dict[tuple[str, int], socket.socket] = field(default_factory=dict)
    stops: int = 0
    hangups: int = 0
    crashes: int = 0
    restart_at: float = math.inf
    wake: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def run(self, on_ready: Callable[[Addresses], None] | None) -> int:
        self._bind(self.options)
        with self._signals():
            try:
                fresh = self._spawn(self.options, self.factory, self.options.workers)
                if not self._all_ready(fresh, self.options.start_timeout):
                    self.stops += 1
                    self._stop_all()
                    return 0 if self.stops > 1 else 1
                self._tell_addresses()
                if on_ready is not None:
                    on_ready(self._addresses())
                while not self.stops:
                    self._turn()
                self._stop_all()
            finally:
                self._kill(self.workers)
                for each in (*self.sockets.values(), *self.wake):
                    each.close()
        return 0

    def _turn(self) -> None:
        """Wait for something to happen and do what follows from it."""
        self._wait(min(self.restart_at, *(worker.deadline for worker in self.workers), math.inf))
        if self.hangups and not self.stops:
            self.hangups = 0
            self._exchange()
        self._reap()
        if time.monotonic() >= self.restart_at and not self.stops:
            self.restart_at = math.inf
            missing = self.options.workers - sum(not worker.stopping for worker in self.workers)
            if missing > 0:
                self._spawn(self.options, self.factory, missing)

    def _wait(self, until: float) -> None:
        """Until a worker tells it is ready, a worker ends, a signal comes or the time is there."""
        waiting: list[Any] = [self.wake[0], *(worker.process.sentinel for worker in self.workers)]
        waiting += [worker.ready for worker in self.workers if not worker.is_ready and not worker.ready.closed]
        timeout = None if until == math.inf else max(0.0, until - time.monotonic())
        happened = connection.wait(waiting, timeout)
        if self.wake[0] in happened:
            self.wake[0].recv(4096)
        for worker in self.workers:
            if worker.ready in happened:
                with contextlib.suppress(EOFError, OSError):
                    worker.is_ready = worker.ready.recv_bytes() == b"ready"
                worker.ready.close()

    def _reap(self) -> None:
        """Take note of ended workers, kill those that overstay, plan a restart for those that crashed."""
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.process.exitcode is None:
                if now >= worker.deadline:
                    _log.error("server.worker_killed", pid=_pid(worker), reason="server.stop_timeout")
                    worker.process.kill()
                    worker.deadline = now + _KILL_AFTER
                continue
            self.workers.remove(worker)
            worker.ready.close()
            if worker.stopping:
                continue
            self.crashes = 0 if now - worker.started > _STABLE_AFTER else self.crashes + 1
            delay = _RESTART_DELAYS[min(max(self.crashes - 1, 0), len(_RESTART_DELAYS) - 1)]
            self.restart_at = min(self.restart_at, now + delay)
            _log.error(
                "server.worker_ended", pid=_pid(worker), exit_status=worker.process.exitcode, retry_seconds=delay
            )

    def _exchange(self) -> None:
        """HUP: new workers with the new configuration, then the old ones drain. Whatever fails leaves the old alone."""
        if self.reload is None:
            _log.warning("server.reload_refused", reason="server.no_reload")
            return
        try:
            options, factory = self.reload()
            self._bind(options)
        except Exception as failure:
            # A configuration holds no patient, and the operator needs the words.
            _log.error("server.reload_refused", reason="server.configuration", detail=str(failure))
            self._close_unused(self.options)
            return
        old = list(self.workers)
        fresh = self._spawn(options, factory, options.workers)
        if not self._all_ready(fresh, options.start_timeout):
            _log.error("server.reload_refused", reason="server.start")
            self._kill(fresh)
            self._close_unused(self.options)
            return
        self.options, self.factory = options, factory
        self.crashes, self.restart_at = 0, math.inf
        self._tell_to_stop(old)
        self._close_unused(options)
        _log.info("server.reloaded", workers=len(fresh))
        self._tell_addresses()

    def _all_ready(self, fresh: Sequence[_Worker], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not all(worker.is_ready for worker in fresh):
            ended = any(worker.process.exitcode is not None for worker in fresh)
            if ended or self.stops or time.monotonic() >= deadline:
                return False
            self._wait(deadline)
        return True

    def _stop_all(self) -> None:
        self._tell_to_stop(self.workers)
        while self.sockets:
            self.sockets.popitem()[1].close()
        asked = self.stops
        while self.workers:
            self._wait(min(worker.deadline for worker in self.workers))
            if self.stops > asked:
                self._kill(self.workers)
            self._reap()

    def _tell_to_stop(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            if not worker.stopping:
                worker.stopping = True
                worker.deadline = time.monotonic() + self.options.stop_timeout + _KILL_AFTER
                worker.process.terminate()

    def _kill(self, workers: Sequence[_Worker]) -> None:
        for worker in list(workers):
            worker.stopping = True
            worker.process.kill()
            worker.process.join()
            worker.ready.close()
            if worker in self.workers:
                self.workers.remove(worker)

    # --- sockets and processes

    def _bind(self, options: ServerOptions) -> None:
        for listener in options.listeners:
            address = (listener.host, listener.port)
            if address not in self.sockets:
                self.sockets[address] = _bound(listener)

    def _close_unused(self, options: ServerOptions) -> None:
        used = {(listener.host, listener.port) for listener in options.listeners}
        for address in list(self.sockets):
            if address not in used:
                self.sockets.pop(address).close()

    def _addresses(self) -> dict[str, tuple[str, int]]:
        return {each.name: self.sockets[each.host, each.port].getsockname()[:2] for each in self.options.listeners}

    def _tell_addresses(self) -> None:
        for name, (host, port) in self._addresses().items():
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            _log.info("server.serving", listener=name, address=address, workers=self.options.workers)

    def _spawn(self, options: ServerOptions, factory: AppFactory, count: int) -> list[_Worker]:
        """Fork ``count`` workers. Signals wait until a child has put away the handlers it inherits."""
        fresh: list[_Worker] = []
        parent = os.getpid()
        sockets = {each.name: self.sockets[each.host, each.port] for each in options.listeners}
        unused = [each for each in self.sockets.values() if each not in sockets.values()]
        for _ in range(count):
            receiver, sender = connection.Pipe(duplex=False)
            process = get_context("fork").Process(
                target=work, args=(options, factory, sockets, sender, parent, unused), name="ncp-worker"
            )
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            sender.close()
            fresh.append(_Worker(process, receiver, time.monotonic()))
        self.workers += fresh
        return fresh

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        for end in self.wake:
            end.setblocking(False)
        previous = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(self.wake[1].fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self.hangups += 1
        else:
            self.stops += 1


def _pid(worker: _Worker) -> int:
    return worker.process.pid or 0


def _bound(listener: Listener) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(listener.backlog)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound
