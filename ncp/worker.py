"""One worker process: it builds its application after the fork and serves every listener in one event loop.

Nothing with a handle (key, database, HSM session) is shared between processes, because nothing is opened before the
fork. Leaves the life of processes to ``ncp.server`` and one connection to ``ncp.tls_protocol``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection
from typing import Any, NoReturn

import uvicorn
from uvicorn.config import Config

from ncp.observability.log import logger, where
from ncp.server_options import AppFactory, Endpoint, Listener, ServerOptions
from ncp.tls_protocol import GatewayProtocol

_log = logger()

_M_MMAP_THRESHOLD = -3  # malloc.h

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What the supervisor handles, and a child must put away."""


def work(
    options: ServerOptions,
    factory: AppFactory,
    sockets: Mapping[str, socket.socket],
    ready: connection.Connection,
    parent: int,
    unused: Sequence[socket.socket],
) -> NoReturn:
    """The life of a worker process. Ends the process: nothing of the supervisor may run on in its child.

    ``unused`` are listening sockets of an older configuration; as long as one process holds them, peers connect to
    them and wait for nothing.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A terminal sends INT to the whole group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    for each in unused:
        each.close()
    status = 1
    _give_memory_back()
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_serve(options, factory, sockets, ready, parent))
        status = 0
    except Exception as failure:
        # There is no patient yet, and an operator needs the words.
        _log.error("server.worker_failed", exception=where(failure), detail=str(failure))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        logging.shutdown()
        os._exit(status)


def _give_memory_back() -> None:
    """Keep glibc from holding on to what a large document took.

    Its threshold for giving memory back at once grows with every large block freed, so that after one document of
    10 MB the next ones stay in the heap for ever. A set threshold does not grow. Elsewhere nothing is done.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2 * 1024 * 1024)


def keep_what_is_built() -> None:
    """What was built at the start is no garbage: the collector need not look through it with every document."""
    gc.collect()
    gc.freeze()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


_HANDSHAKES_END = 0.5
"""Seconds for TLS handshakes that began before the drain; the loop does not tell of them."""


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
            keep_what_is_built()
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
    failure = context.get("exception")
    _log.error("server.event_loop_failure", reason="server.loop", exception="" if failure is None else where(failure))


class _LoggedHandshake(ssl.SSLObject):
    """Tells the operator why a peer did not get in: after a failed handshake the loop closes without a word."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLCertVerificationError as failure:
            _log.warning("server.peer_refused", reason="tls.certificate", detail=failure.verify_message)
            raise
        except ssl.SSLError as failure:
            _log.info("server.handshake_failed", reason="tls.handshake", detail=failure.reason)
            raise


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
        self.draining = False
        if endpoint.tls is not None and endpoint.tls.sslobject_class is ssl.SSLObject:
            endpoint.tls.sslobject_class = _LoggedHandshake

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        tls_times: dict[str, Any] = {}
        if self.endpoint.tls is not None:
            tls_times = {"ssl_handshake_timeout": self.options.handshake_timeout, "ssl_shutdown_timeout": 2.0}
        self.servers = [
            await loop.create_server(
                lambda: GatewayProtocol(
                    self.config, self.server_state, self.listener.limits, loop, lambda: self.draining
                ),
                sock=each,
                ssl=self.endpoint.tls,
                backlog=self.listener.backlog,
                **tls_times,
            )
            for each in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, let handshakes that are under way end, then drain."""
        for server in self.servers:
            server.close()
        self.draining = True
        # Idle connections end while handshakes do; uvicorn asks each connection once more.
        for each in list(self.server_state.connections):
            each.shutdown()
        if self.endpoint.tls is not None:
            await asyncio.sleep(_HANDSHAKES_END)
        await super().shutdown(sockets)
