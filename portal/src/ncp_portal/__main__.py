"""The command ``ncp-portal``: serve, and check a configuration without serving."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

import uvicorn

from ncp_portal.app import make_app
from ncp_portal.connections import BoundedProtocol
from ncp_portal.failures import BadTexts
from ncp_portal.log import log, take_over
from ncp_portal.portal import Portal
from ncp_portal.settings import Settings, SettingsRefused, load
from ncp_portal.texts import TextsRefused


def run() -> None:
    """Entry point; the exit status is 0, or 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="ncp-portal", description="The web portal of a National Contact Point.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("serve", "serve the portal until SIGTERM"),
        ("check", "say what is wrong with a configuration, and serve nothing"),
    ):
        command = commands.add_parser(name, help=about, description=about.capitalize() + ".")
        command.add_argument("--config", "-c", type=Path, required=True, metavar="FILE", help="TOML file")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.config)
        portal = Portal(settings)
    except (SettingsRefused, TextsRefused, BadTexts) as refused:
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(2) from None
    except OSError as error:
        sys.stderr.write(f"{arguments.config}: {type(error).__name__}: {(error.strerror or 'not usable').lower()}\n")
        raise SystemExit(2) from None
    if arguments.command == "check":
        sys.stdout.write(f"{arguments.config}: good\n")
        portal.close()
        return
    serve(settings, portal)


def serve(settings: Settings, portal: Portal) -> None:
    """Serves until SIGTERM or SIGINT."""
    take_over()
    gc.freeze()
    host, _, port = settings.server.listen.rpartition(":")
    log("portal.started", listen=settings.server.listen)
    uvicorn.run(
        make_app(portal),
        host=host.strip("[]"),
        port=int(port),
        ssl_certfile=settings.server.certificate,
        ssl_keyfile=settings.server.key,
        proxy_headers=bool(settings.server.proxies),
        forwarded_allow_ips=list(settings.server.proxies),
        http=BoundedProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        limit_concurrency=settings.server.connections,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=32 * 1024,
    )


if __name__ == "__main__":
    run()
