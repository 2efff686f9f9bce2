"""``ncp store load``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ncp.cli import output
from ncp.cli.options import CONFIG, JSON

commands = typer.Typer(
    no_args_is_help=True, help="Fill the store of patients and documents that answers for this country."
)


@commands.command("load", epilog="Example: ncp store load patients/ --config ncp.toml")
def load_command(
    folder: Annotated[
        Path, typer.Argument(help="Folder with one folder per patient, patient.toml and documents in it.")
    ],
    config: CONFIG = Path("ncp.toml"),
    database: Annotated[
        Path | None, typer.Option(help="Database to fill, instead of the one the configuration names.")
    ] = None,
    time_zone: Annotated[str, typer.Option(help="With --database: zone of times that have none.")] = "UTC",
    as_json: JSON = False,
) -> None:
    """Load a folder of patients and their documents into the store; loading it again changes nothing.

    Gateways may go on answering meanwhile. A patient with a problem is left as she was, and the others are loaded.
    Exit code 1 when a patient was refused. No patient data is shown.
    """
    from ncp.connector.store.load import LoadRefused, load

    into, zone = _target(config) if database is None else (database, time_zone)
    columns = (TextColumn("loading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.err, transient=True, disable=not output.err.is_terminal) as progress:
        task = progress.add_task("patients")

        def show(done: int, total: int, _: str) -> None:
            progress.update(task, completed=done, total=total)

        try:
            report = load(folder, into, show, zone=ZoneInfo(zone))
        except LoadRefused as refused:
            output.fail(str(refused))
    if as_json:
        output.say_json({"database": into, "ok": report.ok, "report": report})
    else:
        for problem in report.problems:
            output.err.print(f"[bold red]error[/] {escape(str(problem))}", soft_wrap=True)
        for problem in report.warnings:
            output.err.print(f"[yellow]warning[/] {escape(str(problem))}", soft_wrap=True)
        output.out.print(
            f"{into}: {report.added} added, {report.replaced} replaced, {report.unchanged} unchanged, "
            f"{report.refused} refused; {report.documents} documents, {report.size} bytes",
            soft_wrap=True,
        )
    if not report.ok:
        raise typer.Exit(output.REFUSED)


def _target(config: Path) -> tuple[Path, str]:
    """Database and time zone of a configuration. Its files need not be there yet, so only the file itself is read."""
    from ncp.settings import load as load_settings

    settings = load_settings(config)
    if settings.connector is None:
        output.fail(f"{config} has no table [connector]", "name the database with --database")
    settings.connector.database.parent.mkdir(parents=True, exist_ok=True)
    return settings.connector.database, settings.country.time_zone
