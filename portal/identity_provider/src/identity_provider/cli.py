"""The command ``ncp-test-identity-provider``: checks the options, reads the files, starts the server."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from identity_provider.app import create_app
from identity_provider.failures import FileProblem
from identity_provider.settings import Settings, read_settings

_DESCRIPTION = (
    "A real OpenID Connect provider with invented health professionals, for development and tests. "
    "Everybody may be anybody here: never let real patient data be reached through it."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 1 a file or address that cannot be used, 2 wrong use."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # The client logs whole addresses; ours are told by our own lines.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = read_settings(options.config)
        if not settings.listen.loopback and not options.allow_remote:
            raise FileProblem(
                f"listen: {settings.listen.address} can be reached from other machines, and this provider lets "
                "everybody be anybody; use 127.0.0.1, or say --allow-remote"
            )
        app = create_app(settings)
        _serve(app, settings)
    except FileProblem as problem:
        print(f"ncp-test-identity-provider: {problem}", file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """Entry point."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ncp-test-identity-provider", description=_DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="start the provider", description=_DESCRIPTION)
    serve.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration, in TOML")
    serve.add_argument("--allow-remote", action="store_true", help="listen on an address that other machines can reach")
    return parser


def _serve(app: object, settings: Settings) -> None:
    listen = settings.listen
    print(f"Issuer: {settings.issuer}\nSessions: {settings.origin}/sessions", file=sys.stderr)
    uvicorn.run(
        app,  # type: ignore[arg-type]  # an ASGI application, whose type uvicorn keeps to itself
        host=listen.address,
        port=listen.port,
        ssl_certfile=listen.certificate,
        ssl_keyfile=str(listen.key) if listen.key else None,
        # Addresses hold codes, states and tokens.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=1000,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    run()
