"""A small service on the real server, in a process of its own: ``python -m tests.support.server_app CONFIG``.

CONFIG is a JSON file; it is read again at every reload. The bound addresses are printed as one JSON line when ready.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ncp.http_in import Router, client_certificate, header, read_body, send_response
from ncp.observability.log import configure
from ncp.server import AppFactory, ConnectionLimits, Endpoint, Listener, ServerOptions, Service, serve
from tests.support.tls import server_context

BODY_LIMIT = 1_000_000


def load(path: Path) -> tuple[ServerOptions, AppFactory]:
    config = json.loads(path.read_text())
    limits = ConnectionLimits(**config.get("limits", {}))
    options = ServerOptions(
        listeners=(
            Listener(name="peers", host="127.0.0.1", port=0, limits=limits),
            Listener(name="health", host="127.0.0.2", port=config.get("health_port", 0), tls=False, limits=limits),
        ),
        workers=config["workers"],
        stop_timeout=config.get("stop_timeout", 5.0),
        start_timeout=10.0,
        handshake_timeout=2.0,
    )
    return options, lambda: build(config, Path(config["folder"]))


def build(config: dict[str, Any], folder: Path) -> Service:
    if config.get("start_fails"):
        raise RuntimeError("told to fail")
    label = config.get("label", "")

    async def answer(scope: Any, send: Any, **facts: Any) -> None:
        data = json.dumps({"pid": os.getpid(), "label": label, **facts}).encode()
        await send_response(send, 200, [("content-type", "application/json")], [data])

    async def who(scope: Any, receive: Any, send: Any) -> None:
        der = client_certificate(scope)
        tls = dict(scope["extensions"].get("tls", {}))
        tls.pop("client_cert_der", None)
        await answer(scope, send, der=hashlib.sha256(der).hexdigest() if der else None, tls=tls)

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        body = await read_body(
            receive, BODY_LIMIT, 1.0, header(scope, "content-encoding"), declared_length=header(scope, "content-length")
        )
        names = [name.decode() for name, _ in scope["headers"]]
        await answer(scope, send, length=len(body), digest=hashlib.sha256(body).hexdigest(), headers=names)

    async def early(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, send, early=True)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(float(scope["query_string"]))
        await answer(scope, send)

    async def big(scope: Any, receive: Any, send: Any) -> None:
        block = b"\x00" * 1_000_000
        await send_response(send, 200, [("content-type", "application/pdf")], [block] * int(scope["query_string"]))

    async def crash(scope: Any, receive: Any, send: Any) -> None:
        os._exit(9)

    async def error(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("secret Jansen")

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        raise ValueError("secret Jansen")

    routes = Router(
        {
            ("GET", "/who"): who,
            ("POST", "/echo"): echo,
            ("POST", "/early"): early,
            ("GET", "/slow"): slow,
            ("GET", "/big"): big,
            ("GET", "/crash"): crash,
            ("GET", "/error"): error,
            ("GET", "/half"): half,
        }
    )

    async def started() -> None:
        (folder / f"started-{os.getpid()}").touch()

    async def stopped() -> None:
        (folder / f"stopped-{os.getpid()}").touch()

    tls = server_context(folder / "server.pem", folder / "anchor.pem")
    return Service({"peers": Endpoint(routes, tls), "health": Endpoint(routes)}, started, stopped)


def main() -> int:
    configure(descriptor=sys.stderr.fileno(), libraries=True)
    path = Path(sys.argv[1])
    options, factory = load(path)

    def reload() -> tuple[ServerOptions, AppFactory]:
        return load(path)

    return serve(options, factory, reload=reload, on_ready=lambda at: print(json.dumps(at), flush=True))


if __name__ == "__main__":
    sys.exit(main())
