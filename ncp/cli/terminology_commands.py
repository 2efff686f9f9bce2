"""``ncp terminology``: import, list, activate, compare, look up, and see what documents need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ncp.cli import output
from ncp.cli.options import CONFIG, JSON

if TYPE_CHECKING:
    from ncp.semantics.terminology.catalogue import ReleaseFolder
    from ncp.semantics.terminology.compare import Difference
    from ncp.semantics.terminology.importing import ImportReport, SourceNote
    from ncp.semantics.terminology.release import Release
    from ncp.semantics.terminology.rows import Rows

commands = typer.Typer(
    no_args_is_help=True, help="The catalogue of codes: import releases, activate one, look codes up."
)

Show = Callable[[str], None]
DATABASE = Annotated[
    Path | None, typer.Option("--database", help="Folder of the catalogue, instead of the one the configuration names.")
]
LANGUAGE = Annotated[str, typer.Option("--language", "-l", help="Language tag, for example fr-FR.")]
YES = Annotated[bool, typer.Option("--yes", help="Agree to lost or changed names, codes and mappings.")]


@commands.command("import", epilog="Example: ncp terminology import ans.fr.terminologies-1.11.1.tgz --language fr")
def import_command(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files, folders, archives; or the https address of a central terminology server."),
    ],
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    language: Annotated[str, typer.Option(help="Language of names for which the file states none.")] = "en",
    base: Annotated[
        str, typer.Option(help="Release to add to: its name, `active`, `shipped`, or `none` to start empty.")
    ] = "active",
    kind: Annotated[
        Literal["official", "own", "auto"], typer.Option(help="What the names in CSV files are.")
    ] = "official",
    name: Annotated[str, typer.Option(help="Name of the new release; made from time and content when absent.")] = "",
    note: Annotated[str, typer.Option(help="Licence or source to keep with the release.")] = "",
    strict: Annotated[bool, typer.Option(help="Make no release when any row is refused.")] = False,
    activate: Annotated[
        bool, typer.Option("--activate", help="Activate the new release when it loses nothing.")
    ] = False,
    yes: YES = False,
    user: Annotated[str, typer.Option(help="Account at the central terminology server.", envvar="NCP_CTS_USER")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password of that account.")] = None,
    as_json: JSON = False,
) -> None:
    """Build a new release from files, on top of the active one. Gateways keep the active release meanwhile.

    Reads FHIR packages, bundles and resources, dumps and tables of OpenNCP's repository, files of its exporter, SVS
    lists, and CSV. A release is made completely or not at all.
    """
    from ncp.semantics.terminology.catalogue import CatalogueError
    from ncp.semantics.terminology.importing import build_release
    from ncp.semantics.terminology.rows import ImportRefused

    folder = _folder(config, database)
    base_name = _base(folder, base)
    notes: list[SourceNote] = []
    try:
        with _progress("importing") as show:
            report = build_release(
                folder,
                _content(sources, language, kind, user, password_file, note, notes, show),
                at=datetime.now(UTC),
                sources=lambda: notes,
                base=base_name,
                name=name,
                strict=strict,
                progress=lambda number: show(f"importing, {number} rows"),
            )
    except ImportRefused as refused:
        output.fail(str(refused), "no release was made; what was there before is unchanged")
    except CatalogueError as error:
        output.fail(error.context or error.reason)
    difference = _difference(folder, folder.active(), report.manifest.release)
    activated = False
    if activate:
        activated = _agreed(difference, yes)
        if activated:
            folder.activate(report.manifest.release)
    if as_json:
        output.say_json({"report": report, "difference": difference, "activated": activated})
    else:
        _show_import(report)
        _show_difference(difference)
        if activated:
            output.out.print(f"{report.manifest.release} is active")
        elif not activate:
            output.out.print(f"activate it with: ncp terminology activate {report.manifest.release}", soft_wrap=True)
    if activate and not activated:
        output.fail("the new release was made but not activated", "read the losses above, then repeat with --yes")


@commands.command("list", epilog="Example: ncp terminology list --verify")
def list_command(
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every release completely and check it.")] = False,
    as_json: JSON = False,
) -> None:
    """List the releases, and which of them is active. Exit code 1 when one is damaged."""
    from ncp.semantics.terminology.catalogue import CatalogueError

    folder = _folder(config, database)
    damaged: dict[str, str] = {}
    for name in folder.names():
        try:
            folder.verify(name) if verify else folder.manifest(name)
        except CatalogueError as error:
            damaged[name] = error.context or error.reason
    releases = [one for one in folder.releases() if one.manifest.release not in damaged]
    if as_json:
        output.say_json({"folder": folder.folder, "releases": releases, "damaged": damaged})
    else:
        table = Table(
            "", "release", "created", "concepts", "names", "languages", "value sets", "mappings", "size", box=None
        )
        for one in releases:
            counts = one.manifest.counts
            table.add_row(
                "active" if one.is_active else "",
                one.manifest.release,
                one.manifest.created[:19],
                str(counts["concepts"]),
                str(counts["designations"]),
                str(len(one.manifest.languages)),
                str(counts["value_sets"]),
                str(counts["mappings"]),
                f"{one.size / 1_000_000:.1f} MB",
            )
        output.out.print(table)
        for name, problem in damaged.items():
            output.err.print(f"[bold red]error:[/] {escape(name)}: {escape(problem)}", soft_wrap=True)
    if damaged:
        raise typer.Exit(output.REFUSED)


@commands.command("activate", epilog="Example: ncp terminology activate 20261125T100212Z-3f2a9c1b")
def activate_command(
    release: Annotated[str, typer.Argument(help="Name of a release, as `list` shows it.")],
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    yes: YES = False,
    as_json: JSON = False,
) -> None:
    """Make a release the one that gateways read with; they follow at once, without a restart.

    The release is read completely and checked first. What it loses against the active one must be agreed to with --yes.
    Going back is activating the former release.
    """
    from ncp.semantics.terminology.catalogue import CatalogueError

    folder = _folder(config, database)
    before = folder.active()
    try:
        folder.manifest(release)
        difference = _difference(folder, before, release)
        agreed = _agreed(difference, yes)
        if agreed:
            folder.activate(release)
    except CatalogueError as error:
        output.fail(error.context or f"there is no release {release}", "see: ncp terminology list")
    if as_json:
        output.say_json({"before": before, "active": folder.active(), "difference": difference})
    else:
        _show_difference(difference)
        if agreed:
            output.out.print(f"{release} is active, before it {before or 'none'}")
    if not agreed:
        output.fail(f"{release} is not activated", "read the losses above, then repeat with --yes")


@commands.command("diff", epilog="Example: ncp terminology diff shipped-5d0c1a2b3c4d 20261125T100212Z-3f2a9c1b")
def diff_command(
    before: Annotated[str, typer.Argument(help="The older release.")],
    after: Annotated[str, typer.Argument(help="The newer release; the active one when absent.")] = "",
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """What one release has and another has not: codes, names, mappings, members of value sets."""
    from ncp.semantics.terminology.catalogue import CatalogueError

    folder = _folder(config, database)
    try:
        for name in (before, after or folder.active()):
            folder.manifest(name)
        difference = _difference(folder, before, after or folder.active())
    except CatalogueError as error:
        output.fail(error.context or "there is no such release", "see: ncp terminology list")
    if as_json:
        output.say_json(difference)
    else:
        _show_difference(difference, examples=True)


@commands.command("lookup", epilog="Example: ncp terminology lookup 2.16.840.1.113883.6.1 48765-2 --language fr-FR")
def lookup_command(
    system: Annotated[str, typer.Argument(help="Code system: OID or FHIR address.")],
    code: Annotated[str, typer.Argument(help="The code.")],
    language: LANGUAGE = "en-GB",
    version: Annotated[str, typer.Option(help="Version of the code system, as a document names it.")] = "",
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """What the active release says of a code: its name, its status, its mappings. Exit code 3 when it has no name."""
    release = _release(_folder(config, database))
    name = release.lookup(system, code, language, version or None)
    concept = release.concept(system, code, version or None)
    mappings = release.mappings(system, code)
    if as_json:
        output.say_json({"release": release.name, "designation": name, "concept": concept, "mappings": mappings})
    elif concept is None and name is None:
        known = release.system(system)
        output.err.print(f"{'the code' if known else 'the code system'} is not in release {release.name}")
    else:
        if concept is not None:
            output.out.print(escape(f"{concept.system_name or concept.system} {concept.code}, {concept.status}"))
        if name is not None:
            marks = [name.language, name.kind, name.match.value]
            marks += [] if name.is_current else ["not current"]
            marks += [] if name.version_loaded else ["that version is not loaded"]
            marks += [f"found as {name.system} {name.code}"] if name.is_alias else []
            output.out.print(escape(f"{name.text}  [{', '.join(marks)}]"), soft_wrap=True)
        for mapping in mappings:
            target = mapping.target_system_name or mapping.target_system
            output.out.print(escape(f"-> {target} {mapping.target_code} [{mapping.status}]"), soft_wrap=True)
    if name is None:
        raise typer.Exit(output.NOTHING_FOUND)


@commands.command("coverage", epilog="Example: ncp terminology coverage documents/ --language fr")
def coverage_command(
    documents: Annotated[Path, typer.Argument(help="A document, or a folder of documents with its sub-folders.")],
    language: LANGUAGE = "en-GB",
    config: CONFIG = Path("ncp.toml"),
    database: DATABASE = None,
    show: Annotated[int, typer.Option(help="How many of the missing codes to list.", min=0)] = 40,
    as_json: JSON = False,
) -> None:
    """Which coded elements of documents have a name in a language, and which have not. Shows codes, no patient data."""
    from ncp.semantics.terminology.coverage import Counter
    from ncp.wire.xml import XmlLimits, XmlRefused, parse

    files = [documents] if documents.is_file() else sorted(documents.rglob("*.xml"))
    if not files:
        output.fail(f"there is no document in {documents}", code=output.NOTHING_FOUND)
    counter = Counter(_release(_folder(config, database)), language)
    limits = XmlLimits(size=50 * 1024 * 1024, elements=500_000, attributes=1_000_000, long_text=True)
    unread: dict[str, str] = {}
    with _progress("reading documents") as say:
        for number, file in enumerate(files, start=1):
            say(f"reading documents, {number} of {len(files)}")
            try:
                counter.add(parse(file.read_bytes(), limits))
            except XmlRefused as refused:
                unread[str(file)] = refused.reason
            except OSError:
                unread[str(file)] = "cannot be read"
    result = counter.result()
    total = result.named + result.unnamed
    if as_json:
        output.say_json({"percent": round(result.percent, 2), "coverage": result, "unread": unread})
    else:
        output.out.print(
            f"{result.documents} documents, release {result.release}: {result.named} of {total} "
            f"codes have a name in {language} ({result.percent:.1f} %); {result.national} national originals, "
            f"{result.nulls} null flavours",
            soft_wrap=True,
        )
        if result.missing[:show]:
            table = Table("times", "documents", "code system", "code", "instead", box=None)
            for one in result.missing[:show]:
                table.add_row(
                    str(one.times),
                    str(one.documents),
                    escape(one.system_name or one.system),
                    escape(one.code),
                    one.instead,
                )
            output.out.print(table)
        if len(result.missing) > show:
            output.out.print(f"and {len(result.missing) - show} more codes (--show, --json)")
        for name, reason in unread.items():
            output.err.print(f"[yellow]warning[/] {escape(name)}: {reason}", soft_wrap=True)
    if unread:
        raise typer.Exit(output.REFUSED)


def _folder(config: Path, database: Path | None) -> ReleaseFolder:
    """The catalogue of the configuration, with the content of the program in it."""
    from ncp.semantics.terminology.catalogue import ReleaseFolder
    from ncp.semantics.terminology.importing import ensure_shipped

    if database is None:
        from ncp.settings import load

        database = load(config).terminology.database
    folder = ReleaseFolder(database)
    try:
        ensure_shipped(folder, datetime.now(UTC))
    except OSError:
        output.fail(f"{database} cannot be written", "give a folder of your own with --database")
    return folder


def active_release(config: Path, database: Path | None) -> Release:
    """The active release of the catalogue that the options name; the command ends when there is none."""
    return _release(_folder(config, database))


def _release(folder: ReleaseFolder) -> Release:
    from ncp.semantics.terminology.catalogue import Catalogue

    return Catalogue(folder.folder).current()


def _base(folder: ReleaseFolder, base: str) -> str:
    from ncp.semantics.terminology import shipped
    from ncp.semantics.terminology.catalogue import CatalogueError

    match base:
        case "none":
            return ""
        case "active":
            return folder.active()
        case "shipped":
            return f"shipped-{shipped.version()}"
    try:
        return folder.manifest(base).release
    except CatalogueError:
        output.fail(f"there is no release {base}", "see: ncp terminology list", code=output.MISUSED)


def _content(
    sources: Sequence[str],
    language: str,
    kind: str,
    user: str,
    password_file: Path | None,
    note: str,
    notes: list[SourceNote],
    show: Show,
) -> Rows:
    """Rows of all sources, one after the other; ``notes`` fills as they are read."""
    from ncp.semantics.terminology import cts
    from ncp.semantics.terminology import sources as files
    from ncp.semantics.terminology.cts_http import session
    from ncp.semantics.terminology.importing import SourceNote

    for source in sources:
        if source.startswith(("https://", "http://")):
            with session() as fetch:
                yield from cts.read(source, user, _password(password_file), fetch, show)
            notes.append(SourceNote(source, license=note))
            continue
        path = Path(source)
        if not path.exists():
            output.fail(f"there is no {source}", code=output.MISUSED)
        content, packages = files.read(path, language=language, kind=kind)
        yield from content
        notes.extend(SourceNote(one.name, one.version, note or one.license) for one in packages)
        if not packages:
            notes.append(SourceNote(path.name, license=note))


def _password(file: Path | None) -> str:
    if file is None:
        return os.environ.get("NCP_CTS_PASSWORD", "")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        output.fail(f"{file} cannot be read")


def _difference(folder: ReleaseFolder, before: str, after: str) -> Difference:
    from ncp.semantics.terminology.compare import compare
    from ncp.semantics.terminology.release_file import ReleaseDamaged

    try:
        return compare(folder.path(before), folder.path(after))
    except ReleaseDamaged as damaged:
        output.fail(str(damaged))


def _agreed(difference: Difference, yes: bool) -> bool:
    return yes or not difference.losses


@contextmanager
def _progress(what: str) -> Iterator[Show]:
    """A moving line on stderr whose words can change."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=output.err, transient=True, disable=not output.err.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda words: progress.update(task, description=escape(words))


def _show_import(report: ImportReport) -> None:
    counts = report.manifest.counts
    output.out.print(
        f"release {report.manifest.release}: {counts['concepts']} concepts, {counts['designations']} names in "
        f"{len(report.manifest.languages)} languages, {counts['value_sets']} value sets, {counts['mappings']} mappings",
        soft_wrap=True,
    )
    output.out.print(
        "read: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.added.items())), soft_wrap=True
    )
    for row in report.refused[:20]:
        place = f"{row.place}:{row.line}" if row.line else row.place
        output.err.print(f"[yellow]refused[/] {escape(place)}: {escape(row.reason)}", soft_wrap=True)
    if report.refused_count > 20:
        output.err.print(f"[yellow]refused[/] {report.refused_count} rows in all (--json lists more)")
    if report.missing_sets:
        output.err.print(
            f"[yellow]warning[/] value sets of patient summaries that are not in it: {', '.join(report.missing_sets)}",
            soft_wrap=True,
        )


def _show_difference(difference: Difference, *, examples: bool = False) -> None:
    parts = {
        "concepts added": difference.added_concepts,
        "concepts removed": difference.removed_concepts,
        "names added": difference.added_names,
        "names removed": difference.removed_names,
        "names changed": difference.renamed,
        "mappings added": difference.added_mappings,
        "mappings removed": difference.removed_mappings,
    }
    said = ", ".join(f"{change.count} {what}" for what, change in parts.items() if change.count)
    output.out.print(f"against {difference.before}: {said or 'no difference'}", soft_wrap=True)
    for one in difference.value_sets:
        output.out.print(
            f"  {escape(one.name or one.oid)}: +{one.added} -{one.removed} of {one.before}", soft_wrap=True
        )
    if examples:
        for what, change in parts.items():
            for example in change.examples:
                output.out.print(escape(f"  {what}: {' '.join(example)}"), soft_wrap=True)
    for loss in difference.losses:
        output.err.print(f"[yellow]loss[/] {escape(loss)}", soft_wrap=True)
