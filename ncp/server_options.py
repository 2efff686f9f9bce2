"""What a server is told: listeners, limits, and what answers on them. Shared by supervisor and worker."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ncp.http_in import Handler
from ncp.tls_protocol import ConnectionLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """One address to listen on. ``tls`` False is for loopback and for a declared proxy only."""

    name: str
    host: str
    port: int
    tls: bool = True
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    backlog: int = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """What the supervisor needs to know. Times in seconds.

    ``start_timeout``      for a worker from fork to listening   ``stop_timeout``  for requests in flight at a stop
    ``handshake_timeout``  for the TLS handshake of one connection
    """

    listeners: tuple[Listener, ...]
    workers: int = 2
    start_timeout: float = 60.0
    stop_timeout: float = 30.0
    handshake_timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers on one listener. ``tls`` is None exactly where ``Listener.tls`` is False."""

    app: Handler
    tls: ssl.SSLContext | None = None


async def _nothing() -> None:
    """The default of what a service does at start and stop."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that one worker serves: endpoints by listener name, and what to do before and after in its loop."""

    endpoints: Mapping[str, Endpoint]
    start: Callable[[], Awaitable[None]] = _nothing
    stop: Callable[[], Awaitable[None]] = _nothing


AppFactory = Callable[[], Service]
"""Called once in each worker, in its running event loop. Raises when the worker cannot serve."""
