"""``ncp cda``: transcode, translate or show one document in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ncp.cli import output
from ncp.cli.options import CONFIG, JSON
from ncp.cli.terminology_commands import DATABASE, LANGUAGE, active_release

if TYPE_CHECKING:
    from ncp.semantics.transform.result import Transformation

commands = typer.Typer(no_args_is_help=True, help="Clinical documents in files: transcode, translate, show.")

FILE = Annotated[Path, typer.Argument(help="A CDA document.")]
OUT = Annotated[Path | None, typer.Option("--out", help="Write the document here; it holds patient data.")]
LIST = Annotated[
    Path | None, typer.Option("--elements", help="List of coded elements (CSV), instead of the one that ships.")
]
VIEW = Annotated[str, typer.Option(help="What is open on the page: translated, original, both, print.")]
DETAILS = Annotated[bool, typer.Option(help="In text: with all data of every entry.")]
STRICT = Annotated[bool, typer.Option("--strict", help="Do exactly as OpenNCP 7.1 does.")]


@commands.command("translate", epilog="Example: ncp cda translate summary.xml --language fr-FR --out french.xml")
def translate_command(
    file: FILE,
    language: LANGUAGE,
    out: OUT = None,
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    elements: LIST = None,
    strict: STRICT = False,
    as_json: JSON = False,
) -> None:
    """Give the codes of a document names in another language, as country B does.

    Exit code 1 when the document cannot be translated.
    """
    from ncp.semantics.transform.operations import translate_document

    release = active_release(config, database)
    result = translate_document(_content(file), language, release=release, elements=_elements(elements), strict=strict)
    _show(result, out, as_json)


@commands.command("transcode", epilog="Example: ncp cda transcode national.xml --out pivot.xml")
def transcode_command(
    file: FILE,
    out: OUT = None,
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    elements: LIST = None,
    strict: STRICT = False,
    as_json: JSON = False,
) -> None:
    """Replace national codes by those of the network, as country A does before a document leaves.

    Exit code 1 when country A would not send the document.
    """
    from ncp.semantics.transform.operations import transcode_document

    release = active_release(config, database)
    result = transcode_document(_content(file), release=release, elements=_elements(elements), strict=strict)
    _show(result, out, as_json)


@commands.command("show", epilog="Example: ncp cda show summary.xml --language fr-FR --out page.html")
def show_command(
    file: FILE,
    language: LANGUAGE,
    out: OUT = None,
    view: VIEW = "translated",
    details: DETAILS = False,
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
) -> None:
    """Show a summary as a professional would see it: as text here, or with --out as an HTML page.

    Exit code 1 when the file is no coded document.
    """
    from ncp.semantics.display.page import write_page
    from ncp.semantics.display.plain import write_text
    from ncp.semantics.display.view import Layout, Provenance
    from ncp.semantics.naming import Names
    from ncp.semantics.read_cda import read_cda
    from ncp.wire.errors import DocumentError
    from ncp.wire.times import utc_now

    release = active_release(config, database)
    try:
        layout = Layout(view)
    except ValueError:
        output.fail(f"--view {view}: one of {', '.join(one.value for one in Layout)}")
    try:
        summary = read_cda(_content(file))
    except DocumentError as error:
        output.fail(f"{file}: no clinical document ({error.reason})", code=output.REFUSED)
    own = summary.header.language
    names = Names(release, language, own.code if own is not None else "")
    about = Provenance(shown=utc_now())
    if out is None:
        # Written as it is: the words of a document are no markup of the terminal.
        sys.stdout.write(write_text(summary, names=names, about=about, details=details))
        return
    _write(out, write_page(summary, names=names, about=about, layout=layout))


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        output.fail(f"{out}: {(error.strerror or 'cannot be written').lower()}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        output.fail(f"{file}: {(error.strerror or 'cannot be read').lower()}")


def _elements(file: Path | None) -> Any:
    from ncp.semantics.transform.elements import ListRefused, read_list, shipped

    if file is None:
        return shipped()
    try:
        return read_list(_content(file))
    except ListRefused as refused:
        output.fail(f"{file}: {refused}")


def _show(result: Transformation, out: Path | None, as_json: bool) -> None:
    if out is not None:
        _write(out, result.content)
    if as_json:
        output.say_json(
            {
                "status": result.status,
                "counts": result.counts,
                "release": result.release,
                "errors": [_problem(one) for one in result.errors],
                "warnings": [_problem(one) for one in result.warnings],
                "elements": [{**one._asdict(), "where": one.place} for one in result.elements],
            }
        )
    else:
        output.out.print(f"{result.status}, terminology {result.release}", soft_wrap=True)
        for state, count in result.counts.items():
            output.out.print(f"{count:>6}  {state}")
        _show_problems(result)
    if result.errors:
        raise typer.Exit(output.REFUSED)


def _problem(problem: Any) -> dict[str, str]:
    return {"class": problem.wire_class, "code": problem.code, "text": problem.text, "context": problem.context}


def _show_problems(result: Transformation) -> None:
    if not result.errors and not result.warnings:
        return
    table = Table("", "", "text", "context", box=None)
    for word, found in (("error", result.errors), ("warning", result.warnings)):
        for problem in found:
            table.add_row(word, f"{problem.family} {problem.code}", problem.text, problem.context)
    output.out.print(table)
    if result.dropped:
        output.out.print(f"{result.dropped} more are not listed")
