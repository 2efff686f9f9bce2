"""``ncp countries``, ``ncp patient find``, ``ncp documents list | get``: ask other countries, as a portal does."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ncp.cli import output
from ncp.cli.options import JSON
from ncp.cli.portal import (
    CERTIFICATE,
    CONFIG_OPTION,
    KEY,
    LANGUAGE,
    PROFESSIONAL,
    TIMEOUT,
    TRUST,
    URL,
    access,
    gateway,
    session,
)
from ncp.wire.times import utc_now

if TYPE_CHECKING:
    from ncp_client import Document, DocumentPair, Gateway, SearchMask, Session, Traits, Treatment

patient_commands = typer.Typer(no_args_is_help=True, help="Find patients of other countries.")
documents_commands = typer.Typer(no_args_is_help=True, help="List and fetch documents of a patient.")

COUNTRY = Annotated[str, typer.Argument(help="Country of the patient, for example HR.")]
ROOT = Annotated[str, typer.Argument(help="OID of the patient's id, as patient find shows it.")]
EXTENSION = Annotated[str, typer.Argument(help="The patient's id itself.")]
CONSENTED = Annotated[bool, typer.Option("--consented", help="The patient has read the notice and consents.")]
EMERGENCY = Annotated[bool, typer.Option("--emergency", help="Emergency: no consent can be asked for.")]
CLASS_CODE = Annotated[str, typer.Option("--class", help="Class of document (LOINC); the patient summary by default.")]


def countries_command(
    config: CONFIG_OPTION = None,
    url: URL = "",
    certificate: CERTIFICATE = None,
    key: KEY = None,
    trust: TRUST = None,
    language: LANGUAGE = "en",
    timeout: TIMEOUT = 90.0,
    as_json: JSON = False,
) -> None:
    """List the countries that can be asked, their services and whether they can be reached."""
    to = access(config, url, certificate, key, trust)
    with gateway(to, timeout) as opened, output.working("asking the gateway"):
        found = opened.countries(language)
    if as_json:
        output.say_json(found)
        return
    table = Table("code", "country", "services", "live", "state", "since")
    for country in found:
        colour = {"green": "green", "yellow": "yellow", "red": "red"}.get(country.state, "white")
        since = f"{country.since:%Y-%m-%d %H:%M}" if country.since else ""
        live = "yes" if country.live else "no"
        services = " ".join(country.services)
        table.add_row(country.code, escape(country.name), services, live, f"[{colour}]{country.state}[/]", since)
    output.out.print(table)


@patient_commands.command("find", epilog="Example: ncp patient find HR --id 999990011 --config ncp.toml")
def find_command(
    country: COUNTRY,
    identifier: Annotated[
        list[str] | None, typer.Option("--id", help="VALUE, or FIELD=VALUE where the country asks for several.")
    ] = None,
    family: Annotated[str, typer.Option(help="Family name.")] = "",
    given: Annotated[str, typer.Option(help="Given name.")] = "",
    birth_date: Annotated[str, typer.Option(help="For example 1970-04-09.")] = "",
    gender: Annotated[str, typer.Option(help="F, M or UN.")] = "",
    config: CONFIG_OPTION = None,
    url: URL = "",
    certificate: CERTIFICATE = None,
    key: KEY = None,
    trust: TRUST = None,
    who: PROFESSIONAL = None,
    language: LANGUAGE = "en",
    timeout: TIMEOUT = 90.0,
    as_json: JSON = False,
) -> None:
    """Find a patient of another country (ITI-55). Exit code 3 when nobody is found.

    Without any detail it shows what the country asks for.
    """
    to = access(config, url, certificate, key, trust)
    named = {"family": family, "given": given, "birthDate": birth_date, "gender": gender}
    with gateway(to, timeout) as opened:
        mask = opened.search_mask(country.upper(), language)
        if not identifier and not any(named.values()):
            _show_mask(mask, as_json)
            raise typer.Exit(output.MISUSED)
        traits = _traits(mask, identifier or [], named)
        with output.working(f"asking {country.upper()}"):
            found = session(opened, to, who).find_patient(country.upper(), traits)
    if as_json:
        output.say_json(found)
    for patient in () if as_json else found:
        output.out.print(f"[bold]{escape(patient.given)} {escape(patient.family)}[/]")
        rows = {
            "id": f"{patient.root} {patient.extension}",
            "born": patient.birth_date,
            "gender": patient.gender,
            "address": ", ".join(part for part in (patient.street, patient.postal_code, patient.city) if part),
            "look at": ", ".join(patient.warnings),
        }
        _rows(rows)
    if not found:
        output.err.print(f"nobody found in {country.upper()}")
        raise typer.Exit(output.NOTHING_FOUND)


def _show_mask(mask: SearchMask, as_json: bool) -> None:
    if as_json:
        output.say_json(mask)
        return
    table = Table("field", "what", "form", "mandatory")
    for field in mask.fields:
        table.add_row(field.id, escape(field.name), escape(field.format), "yes" if field.mandatory else "")
    output.out.print(table)
    output.err.print("give the details: --id VALUE, --id FIELD=VALUE, --family ... (ncp patient find --help)")


def _traits(mask: SearchMask, identifiers: list[str], named: dict[str, str]) -> Traits:
    from ncp_client import InvalidTraits

    values: dict[str, str | date] = {}
    by_kind = {field.kind: field.id for field in mask.fields}
    for kind, text in named.items():
        if text and kind in by_kind:
            values[by_kind[kind]] = _day(text) if kind == "birthDate" else text
        elif text:
            output.fail(f"{mask.country} does not ask for {kind}", "leave it out", code=output.MISUSED)
    asked = [field.id for field in mask.fields if field.kind == "identifier"]
    for text in identifiers:
        field, is_named, value = text.partition("=")
        if not is_named:
            if len(asked) != 1:
                output.fail(
                    "which identifier?", f"write FIELD=VALUE with one of: {', '.join(asked)}", code=output.MISUSED
                )
            field, value = asked[0], text
        values[field] = value
    try:
        return mask.fill(values)
    except InvalidTraits as wrong:
        said = "; ".join(f"{field or 'the details'}: {problem}" for field, problem in wrong.problems.items())
        output.fail(said, f"see what is asked: ncp patient find {mask.country}", code=output.MISUSED)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        output.fail("--birth-date: not a date", "write for example 1970-04-09", code=output.MISUSED)


@documents_commands.command(
    "list", epilog="Example: ncp documents list HR 2.16.840.1.113883.2.7.2.2 999990011 --consented"
)
def list_command(
    country: COUNTRY,
    root: ROOT,
    extension: EXTENSION,
    class_code: CLASS_CODE = "60591-5",
    consented: CONSENTED = False,
    emergency: EMERGENCY = False,
    config: CONFIG_OPTION = None,
    url: URL = "",
    certificate: CERTIFICATE = None,
    key: KEY = None,
    trust: TRUST = None,
    who: PROFESSIONAL = None,
    language: LANGUAGE = "en",
    timeout: TIMEOUT = 90.0,
    as_json: JSON = False,
) -> None:
    """List the documents of a patient (ITI-38). Exit code 3 when there is none.

    One of --consented and --emergency says on what ground the patient is treated; it becomes the purpose of use in the
    assertion of the treatment.
    """
    to = access(config, url, certificate, key, trust)
    _ground(consented, emergency)
    with gateway(to, timeout) as opened, output.working(f"asking {country.upper()}"):
        treatment = _treatment(opened, session(opened, to, who), country.upper(), root, extension, language, emergency)
        pairs = treatment.documents(class_code)
    if as_json:
        output.say_json(pairs)
    else:
        _show_documents(pairs)
    for warning in pairs.warnings:
        output.err.print(f"[yellow]look at[/] {escape(warning)}")
    if not pairs:
        output.err.print("no document of this class")
        raise typer.Exit(output.NOTHING_FOUND)


def _show_documents(pairs: list[DocumentPair]) -> None:
    for number, pair in enumerate(pairs, start=1):
        best = pair.best
        output.out.print(f"[bold]{number} {escape(best.title)}[/]")
        created = f"{best.created:%Y-%m-%d %H:%M}" if best.created else ""
        rows = {"made": created, "by": ", ".join(best.authors), "description": best.description}
        for label, document in (("structured", pair.structured), ("original", pair.original)):
            if document is not None:
                rows[label] = f"{document.unique_id} ({document.mime_type}, {document.size or '?'} bytes)"
        _rows(rows)


@documents_commands.command(
    "get", epilog="Example: ncp documents get HR 2.16.840.1.113883.2.7.2.2 999990011 --consented -o summary.xml"
)
def get_command(
    country: COUNTRY,
    root: ROOT,
    extension: EXTENSION,
    to_file: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    document_id: Annotated[str, typer.Option("--document", help="Id from documents list; the first by default.")] = "",
    original: Annotated[bool, typer.Option("--original", help="The PDF instead of the structured document.")] = False,
    class_code: CLASS_CODE = "60591-5",
    consented: CONSENTED = False,
    emergency: EMERGENCY = False,
    config: CONFIG_OPTION = None,
    url: URL = "",
    certificate: CERTIFICATE = None,
    key: KEY = None,
    trust: TRUST = None,
    who: PROFESSIONAL = None,
    language: LANGUAGE = "en",
    timeout: TIMEOUT = 90.0,
    as_json: JSON = False,
) -> None:
    """Fetch a document of a patient (ITI-39) into a file, its codes named in --language.

    With --original the PDF inside the original document is written. Exit code 3 when there is no such document.
    """
    to = access(config, url, certificate, key, trust)
    _ground(consented, emergency)
    with gateway(to, timeout) as opened, output.working(f"asking {country.upper()}"):
        logged_in = session(opened, to, who)
        treatment = _treatment(opened, logged_in, country.upper(), root, extension, language, emergency)
        chosen = _chosen(treatment.documents(class_code), document_id, original)
        if chosen is None:
            output.fail("no such document", "see what there is: ncp documents list", code=output.NOTHING_FOUND)
        fetched = treatment.fetch(chosen, language=language)
        content, kind = fetched.content, fetched.mime_type
        if original:
            rendered = logged_in.render(fetched, view="pdf", language=language)
            content, kind = rendered.content, rendered.media_type
    try:
        to_file.write_bytes(content)
    except OSError as error:
        output.fail(f"{to_file}: {(error.strerror or 'cannot be written').lower()}")
    said = {
        "file": to_file,
        "media_type": kind,
        "size": len(content),
        "warnings": fetched.warnings,
        "translation": fetched.translation,
    }
    if as_json:
        output.say_json(said)
    else:
        output.out.print(f"{to_file}: {kind}, {len(content)} bytes", soft_wrap=True)
        for warning in fetched.warnings:
            output.err.print(f"[yellow]look at[/] {escape(warning)}")


def _chosen(pairs: list[DocumentPair], document_id: str, original: bool) -> Document | None:
    for pair in pairs:
        wanted = pair.original if original else pair.best
        known = {one.unique_id for one in (pair.structured, pair.original) if one is not None}
        if wanted is not None and (not document_id or document_id in known):
            return wanted
    return None


def _ground(consented: bool, emergency: bool) -> None:
    if consented == emergency:
        output.fail("say on what ground", "--consented or --emergency, one of them", code=output.MISUSED)


def _treatment(
    opened: Gateway, logged_in: Session, country: str, root: str, extension: str, language: str, emergency: bool
) -> Treatment:
    from ncp_client import Consent, Patient

    patient = Patient(country=country, root=root, extension=extension)
    if emergency:
        return logged_in.confirm_treatment(patient, purpose="EMERGENCY")
    notice = opened.notice(country, language)
    consent = Consent(notice.version, notice.language, utc_now())
    return logged_in.confirm_treatment(patient, consent=consent)


def _rows(rows: dict[str, str]) -> None:
    table = Table.grid(padding=(0, 2))
    for label, text in rows.items():
        if text:
            table.add_row(f"  [cyan]{label}[/]", escape(text))
    output.out.print(table)
