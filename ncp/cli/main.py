"""The command ``ncp``: joins the commands, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from ncp.cli import (
    cda_commands,
    client_commands,
    config_commands,
    output,
    pki_commands,
    store_commands,
    terminology_commands,
    validate_commands,
)
from ncp.cli.demo import demo_command
from ncp.cli.explain import explain_command
from ncp.cli.read_command import read_command
from ncp.cli.serve_command import serve_command
from ncp.settings.problems import SettingsErrors
from ncp.wire.errors import NcpError

app = typer.Typer(
    name="ncp",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="National Contact Point for eHealth: run, check, ask and explain a MyHealth@EU gateway.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 nothing found, 130 stopped with Ctrl-C.",
)
app.command("serve", epilog="Example: ncp serve --config ncp.toml")(serve_command)
app.command("demo", epilog="Example: ncp demo --out demo-out")(demo_command)
app.add_typer(config_commands.commands, name="config")
app.command("countries", epilog="Example: ncp countries --config ncp.toml --language fr")(
    client_commands.countries_command
)
app.add_typer(client_commands.patient_commands, name="patient")
app.add_typer(client_commands.documents_commands, name="documents")
app.add_typer(pki_commands.commands, name="pki")
app.add_typer(store_commands.commands, name="store")
app.add_typer(terminology_commands.commands, name="terminology")
app.add_typer(validate_commands.commands, name="validate")
app.add_typer(cda_commands.commands, name="cda")
app.command("explain", epilog="Example: ncp explain 4703")(explain_command)


app.command("read", epilog="Example: ncp read answer.xml --trust trust --at 2026-07-01T12:00:00Z")(read_command)


def run() -> None:
    """Entry point: exit codes as ``ncp.cli.output`` lists them, and no traceback unless NCP_TRACEBACK is set."""
    try:
        app()
    except SettingsErrors as error:
        output.show_problems(error.problems)
        sys.exit(output.REFUSED)
    except NcpError as error:
        output.err.print(f"[bold red]error:[/] {error.code} {error.message}", soft_wrap=True)
        output.err.print(f"       reason {error.reason or 'unknown'}; ncp explain {error.code}", soft_wrap=True)
        sys.exit(output.REFUSED)
    except KeyboardInterrupt:
        sys.exit(output.STOPPED)
    except BrokenPipeError:
        # The reader of our output has gone (`ncp ... | head`); nothing is wrong and nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(output.REFUSED)
    except Exception as error:
        if os.environ.get("NCP_TRACEBACK"):
            raise
        output.err.print(f"[bold red]internal error:[/] {type(error).__name__}", soft_wrap=True)
        output.err.print("       set NCP_TRACEBACK=1 and repeat the command to see where", soft_wrap=True)
        sys.exit(output.REFUSED)
