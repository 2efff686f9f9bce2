"""One worker process: it builds its application after the fork and serves every listener in one event loop.

Nothing with a handle (key, database, HSM session) is shared between processes, because nothing is opened before the
fork. Leaves the life of processes to ``ncp.server`` and one connection to ``ncp.tls_protocol``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection
from typing import Any, NoReturn

import uvicorn
from uvicorn.config import Config

from ncp.server_options import AppFactory, Endpoint, Listener, ServerOptions
from ncp.tls_protocol import GatewayProtocol

log = logging.getLogger("ncp.server")

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What the supervisor handles, and a child must put away."""


def work(
    options: ServerOptions,
    factory: AppFactory,
    sockets: Mapping[str, socket.socket],
    ready: connection.Connection,
    parent: int,
) -> NoReturn:
    """The life of a worker process. Ends the process: nothing of the supervisor may run on in its child."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A terminal sends INT to the whole group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    status = 1
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_serve(options, factory, sockets, ready, parent))
        status = 0
    except Exception as failure:
        log.error("worker failed", extra={"kind": type(failure).__name__, "reason": _told(failure)})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        logging.shutdown()
        os._exit(status)


def _told(failure: Exception) -> str:
    """What a failure at start says: there is no patient yet, and an operator needs the words."""
    return str(failure)[:500]


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


async def _serve(
    options: ServerOptions,
    factory: AppFactory,
    sockets: Mapping[str, socket.socket],
    ready: connection.Connection,
    parent: int,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_loop_failure)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    service = factory()
    servers = [_Server(options, listener, service.endpoints[listener.name]) for listener in options.listeners]
    await service.start()
    try:
        serving = [asyncio.create_task(server.serve(sockets=[sockets[server.listener.name]])) for server in servers]
        while not all(server.started for server in servers):
            if any(task.done() for task in serving):
                break
            await asyncio.sleep(0.01)
        else:
            ready.send_bytes(b"ready")
        ready.close()
        await _until_stopped(stop, serving, parent)
        for server in servers:
            server.should_exit = True
        for outcome in await asyncio.gather(*serving, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
    finally:
        await service.stop()


async def _until_stopped(stop: asyncio.Event, serving: Sequence[asyncio.Task[None]], parent: int) -> None:
    """Until TERM, until a listener fails, or until the supervisor is gone: nobody would watch this worker then."""
    while not stop.is_set() and not any(task.done() for task in serving) and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)


def _on_loop_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Failures outside any request. The default handler would log objects, and with them perhaps a message."""
    kind = type(context.get("exception")).__name__
    log.error("event loop failure", extra={"reason": "server.loop", "kind": kind})


class _Server(uvicorn.Server):
    """uvicorn's server for one listener: our protocol, our SSLContext, no signal handlers of its own."""

    def __init__(self, options: ServerOptions, listener: Listener, endpoint: Endpoint) -> None:
        if listener.tls is not (endpoint.tls is not None):
            raise ValueError(f"listener {listener.name}: TLS is declared or handed in, but not both")
        super().__init__(
            Config(
                endpoint.app,
                http=GatewayProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=listener.limits.idle_timeout,  # type: ignore[arg-type]
                timeout_graceful_shutdown=options.stop_timeout,  # type: ignore[arg-type]
            )
        )
        self.options, self.listener, self.endpoint = options, listener, endpoint

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        tls_times: dict[str, Any] = {}
        if self.endpoint.tls is not None:
            tls_times = {"ssl_handshake_timeout": self.options.handshake_timeout, "ssl_shutdown_timeout": 5.0}
        self.servers = [
            await loop.create_server(
                lambda: GatewayProtocol(self.config, self.server_state, self.listener.limits, loop),
                sock=each,
                ssl=self.endpoint.tls,
                backlog=self.listener.backlog,
                **tls_times,
            )
            for each in sockets or ()
        ]
        self.started = True
