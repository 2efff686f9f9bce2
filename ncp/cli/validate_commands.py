"""``ncp validate``: clinical documents in files, checked as the gateway checks them, and the list of our own rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from ncp.cli import output

if TYPE_CHECKING:
    from ncp.semantics.terminology.release import Release
    from ncp.semantics.validation.findings import Finding, Findings
    from ncp.semantics.validation.validator import Validator

commands = typer.Typer(no_args_is_help=True, help="Whether clinical documents keep the rules of the profile.")

_PATIENCE = 3600.0
"""Seconds that the command waits for the rules; a person can stop it, an answer cannot."""
_EACH, _EACH_WITH_ALL = 20, 100_000


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@commands.command("cda", epilog="Example: ncp validate cda summary.xml --schemas xsd/ --rules schematron/")
def cda_command(
    documents: Annotated[
        list[Path], typer.Argument(help="Documents, or folders of documents (*.xml) with sub-folders.")
    ],
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="Folder of Schematron rules (.sch, or compiled .xsl). Needs SaxonC."),
    ] = None,
    schemas: Annotated[
        Path | None, typer.Option("--schemas", help="Folder of the XML schemas of CDA (CDA_Pharma.xsd).")
    ] = None,
    terminology: Annotated[
        Path | None,
        typer.Option("--terminology", help="Folder of the terminology catalogue: value sets are checked too."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Text for people, JSON for programs.")] = Format.TEXT,
    severity: Annotated[Level, typer.Option("--severity", help="Least severity that is listed.")] = Level.WARNING,
    everything: Annotated[
        bool, typer.Option("--all", help="List every finding, not the first 20 of each rule in each document.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="List findings when there are several documents, too.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Where compiled rules are kept; in your own cache folder when absent."),
    ] = None,
) -> None:
    """Check patient summaries: our own rules, and the schemas and Schematron rules of the folders you name.

    Nothing that is shown comes from what a document says of a patient: findings name rules, elements and lines. The
    rules of a whole profile take about 20 seconds to compile, then well under a second per document. Exit code 0: no
    errors; 1: a document has errors, or one of the checks that you asked for did not look at it; 2: a file or folder is
    not there or cannot be used.
    """
    files = list(_files(documents))
    each = _EACH_WITH_ALL if everything else _EACH
    results: list[_Result] = []
    with _working() as show:
        validator = _validator(rules, schemas, _release(terminology), cache, each, show)
        try:
            validator.start()
            for number, file in enumerate(files, start=1):
                show(f"document {number} of {len(files)}")
                results.append(_check(validator, file))
        finally:
            validator.close()
    if form is Format.JSON:
        output.say_json([result.plain(severity) for result in results])
    else:
        _show(results, severity, details or len(files) == 1)
    if any(not result.ok for result in results):
        raise typer.Exit(output.REFUSED)


@commands.command("rules", epilog="Example: ncp validate rules --markdown > rules.md")
def rules_command(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of docs/validation.md.")] = False,
) -> None:
    """List our own rules: name, severity, what breaks it, where it comes from."""
    from ncp.semantics.validation.own.run import RULES

    if markdown:
        output.write_text(None, rules_table())
        return
    table = Table("rule", "severity", "a document breaks it when", "source", box=None)
    for rule in RULES:
        table.add_row(escape(rule.id), rule.severity.value, escape(rule.text), escape(rule.source))
    output.out.print(table)


def rules_table() -> str:
    """The table of our own rules in Markdown."""
    from ncp.semantics.validation.own.run import RULES

    lines = ["| rule | severity | finding | source |", "|---|---|---|---|"]
    lines += [f"| `{rule.id}` | {rule.severity.value} | {rule.text} | {rule.source} |" for rule in RULES]
    return "\n".join(lines) + "\n"


class _Result:
    """What came of one file: findings, or why it was not read."""

    def __init__(self, file: Path, findings: Findings | None, refused: str = "") -> None:
        self.file = file
        self.findings = findings
        self.refused = refused

    @property
    def ok(self) -> bool:
        """No error, and everybody looked who was asked to."""
        from ncp.semantics.validation.findings import Severity

        found = self.findings
        return found is not None and not found.skipped and found.count(Severity.ERROR) == 0

    def listed(self, least: Level) -> tuple[Finding, ...]:
        from ncp.semantics.validation.findings import Severity

        return self.findings.at_least(Severity(least.value)) if self.findings is not None else ()

    def plain(self, least: Level) -> dict[str, Any]:
        """As the JSON form has it."""
        found = self.findings
        if found is None:
            return {"file": self.file, "ok": False, "refused": self.refused}
        return {
            "file": self.file,
            "ok": self.ok,
            "checked": found.checked,
            "findings": self.listed(least),
            "more": dict(found.more),
            "skipped": found.skipped,
        }


def _files(named: list[Path]) -> Iterator[Path]:
    for path in named:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*.xml") if one.is_file())
            if not inside:
                output.fail(
                    f"there is no document (*.xml) in {path}", "name a folder that has some", code=output.MISUSED
                )
            yield from inside
        elif path.is_file():
            yield path
        else:
            output.fail(f"there is no file {path}", "name documents, or folders of documents", code=output.MISUSED)


def _check(validator: Validator, file: Path) -> _Result:
    from ncp.semantics.read_cda import DOCUMENT_LIMITS
    from ncp.wire.xml import XmlRefused, parse

    try:
        with file.open("rb") as stream:
            content = stream.read(DOCUMENT_LIMITS.size + 1)
        # Line breaks before the declaration are stepped over, as the gateway does.
        return _Result(file, validator.check(parse(content.lstrip(b" \t\r\n"), DOCUMENT_LIMITS)))
    except XmlRefused as refused:
        return _Result(file, None, f"{refused.reason}: not XML that is read here, see ncp explain {refused.reason}")
    except OSError as error:
        return _Result(file, None, (error.strerror or "cannot be read").lower())


def _validator(
    rules: Path | None,
    schemas: Path | None,
    release: Release | None,
    cache: Path | None,
    each: int,
    show: Callable[[str], None],
) -> Validator:
    import importlib.util

    from ncp.semantics.validation.schema import SchemaChecks, SchemaFolderRefused
    from ncp.semantics.validation.schematron.process import NO_SAXON
    from ncp.semantics.validation.schematron.stylesheet import RulesRefused
    from ncp.semantics.validation.validator import Validator, rule_set

    if rules is not None and importlib.util.find_spec("saxonche") is None:
        output.fail(NO_SAXON[1], "or leave --rules out", code=output.MISUSED)
    try:
        return Validator(
            schema=SchemaChecks(schemas) if schemas is not None else None,
            rules=rule_set(rules, cache or _own_cache(), patience=_PATIENCE, progress=show)
            if rules is not None
            else None,
            release=lambda: release,
            each=each,
        )
    except (SchemaFolderRefused, RulesRefused) as refused:
        output.fail(str(refused), refused.remedy, code=output.MISUSED)


def _own_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ncp" / "validation"


def _release(folder: Path | None) -> Release | None:
    if folder is None:
        return None
    from ncp.semantics.terminology.catalogue import Catalogue, CatalogueError, ReleaseFolder
    from ncp.semantics.terminology.importing import ensure_shipped

    try:
        ensure_shipped(ReleaseFolder(folder), datetime.now(UTC))
        return Catalogue(folder).current()
    except CatalogueError as error:
        output.fail(error.context or error.reason, "see: ncp terminology list --verify", code=output.MISUSED)
    except OSError:
        output.fail(f"{folder} cannot be written", "name a folder of your own", code=output.MISUSED)


_COLOURS = {"error": "bold red", "warning": "yellow", "information": "dim"}


def _show(results: list[_Result], least: Level, with_findings: bool) -> None:
    if with_findings:
        for result in results:
            _show_findings(result, least)
    if len(results) > 1:
        _show_table(results)
    for result in results:
        if result.findings is None:
            output.err.print(
                f"{escape(str(result.file))}: [bold red]error[/]: {escape(result.refused)}", soft_wrap=True
            )
        for one in dict.fromkeys(result.findings.skipped) if result.findings is not None else ():
            output.err.print(
                f"{escape(str(result.file))}: [yellow]not looked at by {one.origin.value}[/]: {escape(one.text)}",
                soft_wrap=True,
            )


def _show_findings(result: _Result, least: Level) -> None:
    found = result.findings
    if found is None:
        return
    for one in result.listed(least):
        where = f"{result.file}:{one.line}" if one.line else str(result.file)
        colour = _COLOURS[one.severity.value]
        output.out.print(f"{escape(where)}: [{colour}]{one.severity.value}[/] {escape(one.rule)}", soft_wrap=True)
        output.out.print(f"    {escape(one.text)}", soft_wrap=True)
        output.out.print(f"    [dim]{escape(one.place) or 'ClinicalDocument'}[/]", soft_wrap=True)
    for rule, count in found.more:
        output.out.print(f"    and {count} more of {escape(rule)} (--all)", soft_wrap=True)
    counts = ", ".join(f"{found.count(severity)} {severity.value}" for severity in _severities())
    looked = ", ".join(origin.value for origin in found.checked)
    output.out.print(f"{escape(str(result.file))}: {counts}; looked at by {looked or 'nobody'}", soft_wrap=True)


def _show_table(results: list[_Result]) -> None:
    above = os.path.commonpath([result.file.absolute().parent for result in results])
    table = Table(
        Column("document", overflow="fold"), "errors", "own", "schema", "rules", "warnings", "information", box=None
    )
    for result in results:
        name = escape(os.path.relpath(result.file.absolute(), above))
        found = result.findings
        if found is None:
            table.add_row(name, "[bold red]not read[/]")
            continue
        error, *others = _severities()
        errors = found.count(error)
        by = [str(found.count(error, one)) if one in found.checked else "-" for one in _origins()]
        rest = [str(found.count(severity)) for severity in others]
        table.add_row(name, f"[bold red]{errors}[/]" if errors else "0", *by, *rest)
    output.out.print(table)
    good = sum(result.ok for result in results)
    output.out.print(f"{good} of {len(results)} documents without errors")


def _severities() -> list[Any]:
    from ncp.semantics.validation.findings import Severity

    return list(Severity)


def _origins() -> list[Any]:
    from ncp.semantics.validation.findings import Origin

    return list(Origin)


@contextmanager
def _working() -> Iterator[Callable[[str], None]]:
    """A moving line on stderr that says what is being done; nothing where stderr is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=output.err, transient=True, disable=not output.err.is_terminal) as progress:
        task = progress.add_task("checking", total=None)
        yield lambda what: progress.update(task, description=what)
