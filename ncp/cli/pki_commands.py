"""``ncp pki dev``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ncp.cli import output
from ncp.cli.options import JSON
from ncp.wire.times import utc_now

commands = typer.Typer(no_args_is_help=True, help="Certificates for tests and development.")


@commands.command("dev", epilog="Example: ncp pki dev pki --countries HR,FR --hosts ncp.example.eu")
def dev_command(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; one folder per country is made in it.")],
    countries: Annotated[str, typer.Option(help="Country codes, separated by commas.")] = "HR,FR",
    hosts: Annotated[str, typer.Option(help="Names and addresses of the TLS servers, beside localhost.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite certificates that are there.")] = False,
    as_json: JSON = False,
) -> None:
    """Make a development PKI: per country two CAs, certificates for TLS, seal and a portal, and a trust folder.

    Nothing of it is for production, where the gateway refuses it: the keys of the CAs lie beside what they sign.
    """
    from trust_store.dev_pki import PkiExists, make_pki

    columns = (TextColumn("making keys"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=output.err, transient=True, disable=not output.err.is_terminal) as progress:
        task = progress.add_task("keys")

        def show(_: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        try:
            made = make_pki(folder, _listed(countries), utc_now(), hosts=_listed(hosts), force=force, progress=show)
        except PkiExists as exists:
            output.fail(str(exists))
        except ValueError as wrong:
            output.fail(f"--countries: {wrong}", "write for example --countries HR,FR", code=output.MISUSED)
        except OSError as error:
            output.fail(f"{folder}: {(error.strerror or 'cannot be written').lower()}")
    if as_json:
        output.say_json(made)
        return
    for country in made.values():
        output.out.print(f"{country.folder}: tls-server, tls-client, seal, portal, trust/", soft_wrap=True)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
