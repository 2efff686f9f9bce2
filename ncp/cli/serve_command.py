"""``ncp serve``."""

from __future__ import annotations

from pathlib import Path

import typer

from ncp.cli import output
from ncp.cli.config_commands import settings_or_fail
from ncp.cli.options import CONFIG


def serve_command(config: CONFIG = Path("ncp.toml")) -> None:
    """Run the gateway until it is stopped.

    Checks the configuration and every file it names first, and does not start with an error. Logs to stdout. SIGTERM
    and Ctrl-C let running requests finish (server.stop_timeout); SIGHUP reads the configuration and its files anew.
    """
    settings_or_fail(config)
    from ncp.wiring import serve

    try:
        status = serve(config)
    except OSError as error:  # the supervisor opens nothing but its listening sockets
        output.fail(
            f"an address cannot be listened on: {(error.strerror or 'refused').lower()}",
            "is another gateway running? see server.listen, frontend.listen and health.listen",
        )
    raise typer.Exit(status)
