"""Fills the embedded store from a folder: one folder per patient, ``patient.toml`` and her documents in it.

Each patient is loaded whole or not at all, in one transaction, while gateways go on answering from the same file.
Loading the same folder again changes nothing. A patient with a problem keeps what was loaded of her before. Nothing of
a patient's data is shown: problems name folder, file and field, so folders must not be named after people.

Format of the folder, and how documents are paired: ``docs/connector.md``.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from ncp.connector.store import documents
from ncp.connector.store.database import NotAStore, open_writer
from ncp.connector.store.documents import ClinicalDocument, DocumentRefused
from ncp.connector.store.patients import PatientFile
from ncp.connector.store.pdf_files import PdfFacts, level_1_of, wrap
from ncp.connector.store.problems import Problem, Refused, read_toml
from ncp.connector.store.synthetic.facts import SummaryFacts
from ncp.connector.store.synthetic.summary import write_summary

PATIENT_FILE = "patient.toml"

Progress = Callable[[int, int, str], None]
"""Called after each patient with how many are done, how many there are, and the outcome."""


class LoadRefused(Exception):
    """Nothing at all can be loaded: no such folder, or a database that cannot be written. The text says what to do."""


@dataclass(slots=True)
class LoadReport:
    """What happened, in numbers, and every problem. ``ok`` when no patient was refused."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    refused: int = 0
    documents: int = 0
    """Documents of the patients that are in the store now, refused ones not counted."""
    size: int = 0
    """Their bytes."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.refused


@dataclass(frozen=True, slots=True, repr=False)
class _Prepared:
    """One patient, read and checked, ready to be written."""

    folder: str
    patient: PatientFile
    documents: tuple[ClinicalDocument, ...]
    twins: Mapping[str, str]
    warnings: tuple[Problem, ...]

    def digest(self) -> str:
        """Of all that would be stored, so that equal means nothing to do."""
        state = hashlib.sha256(self.patient.model_dump_json().encode())
        for document in self.documents:
            state.update(json.dumps(_metadata(document, self.twins)).encode())
            state.update(document.content)
        return state.hexdigest()


def load(
    folder: Path,
    database: Path,
    progress: Progress | None = None,
    *,
    zone: tzinfo = UTC,
    maximum_size: int = documents.MAXIMUM_SIZE,
) -> LoadReport:
    """Load every patient folder below ``folder`` into ``database``, which is made when it is not there.

    ``zone`` is the country's time zone, for documents whose times have none; ``maximum_size`` bytes of one document.
    Raises ``LoadRefused`` when nothing can be loaded at all; everything else is in the report.
    """
    folders = _patient_folders(folder)
    report = LoadReport()
    try:
        connection = open_writer(database)
    except (sqlite3.Error, NotAStore, OSError) as error:
        raise LoadRefused(f"{database.name} cannot be opened: {_named(error)}") from None
    try:
        for number, place in enumerate(folders, start=1):
            outcome = _load_patient(connection, place, report, zone, maximum_size)
            if progress is not None:
                progress(number, len(folders), f"{place.name}: {outcome}")
        # What was written is moved into the file, so that it can be copied as one file.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as error:
        raise LoadRefused(
            f"{database.name} cannot be written: {_named(error)}; patients before it are loaded"
        ) from None
    finally:
        connection.close()
    return report


def _named(error: Exception) -> str:
    """Never the driver's text, which can hold values."""
    if isinstance(error, NotAStore):
        return str(error)
    return str(getattr(error, "sqlite_errorname", "") or type(error).__name__)


def _patient_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise LoadRefused(f"{folder} is no folder; name the folder that holds one folder per patient")
    found = sorted(path.parent for path in folder.glob(f"*/{PATIENT_FILE}"))
    if not found:
        raise LoadRefused(f"{folder} holds no folder with a {PATIENT_FILE} in it")
    return found


def _load_patient(
    connection: sqlite3.Connection, place: Path, report: LoadReport, zone: tzinfo, maximum_size: int
) -> str:
    try:
        prepared = _prepare(place, zone, maximum_size)
        outcome = _store(connection, prepared)
    except Refused as refused:
        report.refused += 1
        report.problems.extend(refused.problems)
        return "refused"
    report.warnings.extend(prepared.warnings)
    report.documents += len(prepared.documents)
    report.size += sum(len(document.content) for document in prepared.documents)
    if outcome == "added":
        report.added += 1
    elif outcome == "replaced":
        report.replaced += 1
    else:
        report.unchanged += 1
    return outcome


def _prepare(place: Path, zone: tzinfo, maximum_size: int) -> _Prepared:
    """Everything is read and every problem found before anything is written."""
    patient = read_toml(PatientFile, _bytes(place, PATIENT_FILE, maximum_size), f"{place.name}/{PATIENT_FILE}")
    found: list[ClinicalDocument] = []
    problems: list[Problem] = []
    for name, content in _contents(place, patient, maximum_size, problems):
        try:
            document = documents.read_document(content, zone=zone, maximum_size=maximum_size)
            documents.check_patient(document, patient)
            found.append(document)
        except DocumentRefused as refused:
            problems.append(Problem(f"{place.name}/{name}", refused.field, refused.reason, refused.remedy))
    ids = [document.unique_id for document in found]
    if len(set(ids)) < len(ids):
        problems.append(
            Problem(place.name, "id", "two documents with the same id", "Give every representation an id of its own")
        )
    if problems:
        raise Refused(problems)
    twins, unclear = documents.pair(found)
    warnings: tuple[Problem, ...] = ()
    if unclear:
        warnings = (
            Problem(
                place.name,
                "relatedDocument",
                "a link between L3 and L1 fits several documents and was left out",
                "Let each pair name a parent document or set of its own",
            ),
        )
    return _Prepared(place.name, patient, _ordered(found, twins), twins, warnings)


def _contents(
    place: Path, patient: PatientFile, maximum_size: int, problems: list[Problem]
) -> Iterator[tuple[str, bytes]]:
    """File name and CDA bytes of every document of one patient, in the order of the names."""
    structured: dict[str, bytes] = {}
    names = sorted(path.name for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    for name in names:
        stem, _, kind = name.rpartition(".")
        try:
            if kind == "xml":
                structured[stem] = _bytes(place, name, maximum_size)
                yield name, structured[stem]
            elif kind == "toml" and name != PATIENT_FILE and not name.endswith(".pdf.toml"):
                for content in _summary(place, name, patient, maximum_size):
                    yield name, content
            elif kind not in ("toml", "pdf"):
                problems.append(
                    Problem(f"{place.name}/{name}", "", "not a kind of file that is loaded", "Remove it, or see docs")
                )
        except Refused as refused:
            problems.extend(refused.problems)
    for name in names:
        if name.endswith(".pdf"):
            try:
                yield name, _pdf(place, name, patient, structured.get(name.removesuffix(".pdf")), maximum_size)
            except Refused as refused:
                problems.extend(refused.problems)


def _summary(place: Path, name: str, patient: PatientFile, maximum_size: int) -> Sequence[bytes]:
    facts = read_toml(SummaryFacts, _bytes(place, name, maximum_size), f"{place.name}/{name}")
    if not patient.test:
        raise Refused(
            [
                Problem(
                    f"{place.name}/{name}",
                    "",
                    "invented facts for a patient who is not marked as invented",
                    f"Write test = true into {PATIENT_FILE}, or put the real document here",
                )
            ]
        )
    return write_summary(patient, facts)


def _pdf(place: Path, name: str, patient: PatientFile, structured: bytes | None, maximum_size: int) -> bytes:
    """A PDF as CDA L1: with the header of the CDA of the same name, else with the facts beside it."""
    pdf = _bytes(place, name, maximum_size)
    if structured is not None:
        try:
            return level_1_of(structured, pdf, maximum_size)
        except DocumentRefused as refused:
            raise Refused([Problem(f"{place.name}/{name}", refused.field, refused.reason, refused.remedy)]) from None
    facts_name = f"{name}.toml"
    if not (place / facts_name).is_file():
        raise Refused(
            [
                Problem(
                    f"{place.name}/{name}",
                    "",
                    "nothing says what this PDF is",
                    f"Put the CDA beside it under the same name, or describe it in {facts_name}",
                )
            ]
        )
    return wrap(
        patient, read_toml(PdfFacts, _bytes(place, facts_name, maximum_size), f"{place.name}/{facts_name}"), pdf
    )


def _bytes(place: Path, name: str, maximum_size: int) -> bytes:
    path = place / name
    try:
        if path.stat().st_size > maximum_size:
            raise Refused(
                [Problem(f"{place.name}/{name}", "", f"more than {maximum_size} bytes", "It cannot be exchanged")]
            )
        return path.read_bytes()
    except OSError:
        raise Refused([Problem(f"{place.name}/{name}", "", "cannot be read", "Check its permissions")]) from None


def _ordered(found: Sequence[ClinicalDocument], twins: Mapping[str, str]) -> tuple[ClinicalDocument, ...]:
    """The newest first; an L1 right behind its L3."""
    by_id = {document.unique_id: document for document in found}
    heads = [document for document in found if document.level == "L3" or document.unique_id not in twins]
    heads.sort(key=lambda document: (document.creation_time, document.unique_id), reverse=True)
    ordered: list[ClinicalDocument] = []
    for head in heads:
        ordered.append(head)
        if head.unique_id in twins:
            ordered.append(by_id[twins[head.unique_id]])
    return tuple(ordered)


def _store(connection: sqlite3.Connection, prepared: _Prepared) -> str:
    digest = prepared.digest()
    connection.execute("BEGIN IMMEDIATE")
    try:
        known = connection.execute("SELECT digest FROM patient WHERE folder = ?", (prepared.folder,)).fetchone()
        if known is not None and known[0] == digest:
            connection.execute("ROLLBACK")
            return "unchanged"
        connection.execute("DELETE FROM patient WHERE folder = ?", (prepared.folder,))
        _insert(connection, prepared, digest)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return "added" if known is None else "replaced"


def _insert(connection: sqlite3.Connection, prepared: _Prepared, digest: str) -> None:
    patient = prepared.patient
    address = patient.address
    row = (
        prepared.folder,
        digest,
        patient.family,
        patient.given,
        patient.prefix,
        json.dumps(patient.names()),
        patient.gender,
        patient.birth_date,
        address.street,
        address.city,
        address.postal_code,
        address.country,
        patient.telephone,
        patient.email,
        patient.deceased,
        int(patient.test),
    )
    key = connection.execute(
        """INSERT INTO patient (folder, digest, family, given, prefix, other_names, gender, birth_date, street, city,
        postal_code, country, telephone, email, deceased, test) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)""",
        row,
    ).lastrowid
    for position, identifier in enumerate(patient.identifiers):
        _insert_once(
            connection,
            "INSERT INTO identifier (root, extension, patient, position) VALUES (?,?,?,?)",
            (identifier.root, identifier.extension, key, position),
            Problem(
                f"{prepared.folder}/{PATIENT_FILE}",
                f"identifiers.{position}",
                "this identifier is already there, for this or another patient",
                "Correct it, or remove the folder that has it by mistake",
            ),
        )
    connection.executemany(
        "INSERT INTO consent (patient, country, class_code, allow) VALUES (?,?,?,?)",
        [(key, rule.country, rule.class_code, int(rule.allow)) for rule in patient.rules()],
    )
    for position, document in enumerate(prepared.documents):
        _insert_document(connection, prepared, key, position, document)


def _insert_document(
    connection: sqlite3.Connection, prepared: _Prepared, key: int | None, position: int, document: ClinicalDocument
) -> None:
    number = _insert_once(
        connection,
        """INSERT INTO document (patient, position, unique_id, twin, class_code, format_code, mime_type, title,
        description, creation_time, service_start_time, language, confidentiality, authors, size, hash)
        VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)""",
        (key, position, *_metadata(document, prepared.twins)),
        Problem(
            prepared.folder,
            "id",
            "another patient's document has the same id",
            "Give the document an id of its own, or remove the other one",
        ),
    )
    connection.execute("INSERT INTO content (document, bytes) VALUES (?,?)", (number, document.content))


def _metadata(document: ClinicalDocument, twins: Mapping[str, str]) -> tuple[str | int, ...]:
    """The columns of ``document`` that follow its owner and position."""
    confidentiality = document.confidentiality
    return (
        document.unique_id,
        twins.get(document.unique_id, ""),
        document.class_code,
        document.format_code,
        "text/xml",
        document.title,
        document.description,
        document.creation_time,
        document.service_start_time,
        document.language,
        json.dumps([confidentiality.code, confidentiality.scheme, confidentiality.name]),
        json.dumps([[author.person, author.institution, list(author.specialties)] for author in document.authors]),
        len(document.content),
        document.hash,
    )


def _insert_once(
    connection: sqlite3.Connection, statement: str, values: tuple[object, ...], problem: Problem
) -> int | None:
    try:
        return connection.execute(statement, values).lastrowid
    except sqlite3.IntegrityError:
        raise Refused([problem]) from None
