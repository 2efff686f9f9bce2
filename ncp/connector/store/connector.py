"""The embedded store as a national connector: answers from one SQLite file, read only.

Metadata is read in the event loop (some ten microseconds a question), documents in a thread. Every worker process opens
its own connections, on first use, so a store may be made before the workers are started. No answer or failure carries
data of a person anywhere but in the values returned.

An unknown person, a wrong second identifier and a contradicting trait take the same statements, and one more than a
match needs: the consent of nobody. So nothing tells them from a person who refused, whose consent is asked next.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ncp.access import PermittedDescription, PermittedDiscovery, PermittedPatient, PermittedQuery, PermittedRetrieve
from ncp.connector.store import traits
from ncp.connector.store.consent import ConsentRule, allows
from ncp.connector.store.database import NotAStore, open_reader
from ncp.wire.errors import Code, ConnectorError
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.times import from_saml, to_dtm
from xca.facts import ORIGINAL_CLINICAL_DOCUMENTS, ClassCode
from xca.messages import Author, Coded, DocumentEntry, DocumentFilter
from xcpd.messages import Address, PatientSearch, Person

BUSY = "connector.busy"
UNAVAILABLE = "connector.unavailable"
MORE_TRAITS = "connector.more_traits"
FILTER = "query.filter"
GONE = "document.gone"

_NOBODY = -1

_REGISTRY_DOWN: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.PS_REGISTRY_NOT_AVAILABLE,
    ClassCode.EPRESCRIPTION: Code.EP_REGISTRY_NOT_ACCESSIBLE,
    **dict.fromkeys(ORIGINAL_CLINICAL_DOCUMENTS, Code.ORCD_GENERIC),
}

_ISO_3166 = "1.0.3166.1"

_IDENTIFIED = "SELECT patient FROM identifier WHERE root = ? AND extension = ?"
_BORN = "SELECT id FROM patient WHERE birth_date = ? ORDER BY id"
_PERSON = """
    SELECT p.*, i.root, i.extension FROM patient p JOIN identifier i ON i.patient = p.id AND i.position = 0
    WHERE p.id = ?
"""
_CONSENT = """
    SELECT c.country, c.class_code, c.allow FROM consent c JOIN patient p ON p.id = c.patient
    WHERE c.patient = ? AND p.deceased = ''
"""
_DOCUMENTS = "SELECT * FROM document WHERE patient = ? ORDER BY position"
_DOCUMENT = "SELECT * FROM document WHERE unique_id = ?"
_OWNER = "SELECT root, extension FROM identifier WHERE patient = ? ORDER BY position"
_CONTENT = """
    SELECT d.id FROM document d JOIN identifier i ON i.patient = d.patient
    WHERE d.unique_id = ? AND d.class_code = ? AND i.root = ? AND i.extension = ?
"""


class StoreConnector:
    """``ncp.connector.NationalConnector`` over the file that ``ncp.connector.store.load`` writes.

    ``country``, ``country_name`` and ``home`` (home community id) go into every entry; ``repository`` is the repository
    unique id, an OID of at most 64 characters, the home community id when empty. Raises nothing: ``probe`` tells
    whether the file can be read.
    """

    def __init__(
        self, database: Path, *, country: CountryCode, country_name: str, home: Oid, repository: str = ""
    ) -> None:
        self._database = database
        self._facility = Coded(country, _ISO_3166, country_name)
        self._home = home
        self._repository = repository or home
        self._loop_connection: sqlite3.Connection | None = None
        # Connections for threads that read documents; append and pop are atomic.
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = 0

    async def identify(self, permitted: PermittedDiscovery) -> tuple[Person, ...]:
        """Persons to whom all the traits belong (``traits``), never a deceased one. Empty for nobody.

        ``ConnectorError`` ``connector.more_traits`` when too little is given to ask for one person.
        """
        search = permitted.search
        if not traits.is_enough(search):
            raise ConnectorError(Code.PI_MISSING_REQUIRED_FIELDS, MORE_TRAITS)
        try:
            connection = self._connection()
            persons = _identified(connection, search) if search.identifiers else _described(connection, search)
            if not persons:
                _rules(connection, _NOBODY)
        except (sqlite3.Error, NotAStore) as error:
            raise _unavailable(error, Code.PI_REGISTRY_NOT_AVAILABLE) from None
        return persons

    async def consent(self, patient: PermittedPatient) -> bool:
        """Whether the patient allows the caller's country every class asked for (``consent.allows``)."""
        try:
            connection = self._connection()
            rules = _rules(connection, _patient_of(connection, patient.patient))
        except (sqlite3.Error, NotAStore) as error:
            code = _registry_down(patient.class_codes) if patient.class_codes else Code.PI_REGISTRY_NOT_AVAILABLE
            raise _unavailable(error, code) from None
        return allows(rules, patient.caller.country, patient.class_codes)

    async def find_documents(self, permitted: PermittedQuery) -> tuple[DocumentEntry, ...]:
        """Entries of the patient in the asked classes, the newest document first, L3 before its L1.

        The filter narrows original clinical documents only: a patient summary is never hidden for its size or age.
        ``ConnectorError`` 4204 for a filter that cannot be evaluated.
        """
        query = permitted.query
        wanted = _filter(query.filter)
        try:
            connection = self._connection()
            rows = connection.execute(_DOCUMENTS, (_patient_of(connection, permitted.patient),)).fetchall()
        except (sqlite3.Error, NotAStore) as error:
            raise _unavailable(error, _registry_down(query.class_codes)) from None
        entries = [self._entry(row, permitted.patient) for row in rows if row["class_code"] in query.class_codes]
        entries = [
            entry for entry in entries if entry.class_code not in ORIGINAL_CLINICAL_DOCUMENTS or wanted.takes(entry)
        ]
        listed = {entry.unique_id for entry in entries}
        return tuple(entry if entry.twin in listed else replace(entry, twin="") for entry in entries)

    async def describe_document(self, permitted: PermittedDescription) -> DocumentEntry | None:
        """The entry by its id, whoever it belongs to; None for an unknown document or another repository's id.

        ``entry.patient`` is the permitted patient where the document is hers, else its owner's first identifier.
        """
        try:
            connection = self._connection()
            row = connection.execute(_DOCUMENT, (permitted.document_unique_id,)).fetchone()
            owner = connection.execute(_OWNER, (row["patient"] if row else _NOBODY,)).fetchall()
        except (sqlite3.Error, NotAStore) as error:
            raise _unavailable(error, Code.DATA_ACCESS_FAILURE) from None
        if row is None or permitted.repository_unique_id != self._repository:
            return None
        identifiers = [II(*pair) for pair in owner]
        return self._entry(row, permitted.patient if permitted.patient in identifiers else identifiers[0])

    async def fetch_document(self, permitted: PermittedRetrieve) -> bytes:
        """The bytes of the document, copied once. ``ConnectorError`` ``document.gone`` when it is no longer there.

        Owner and class must still be those that were permitted: a document replaced since then is gone.
        """
        return await asyncio.to_thread(self._fetch, permitted.document)

    async def probe(self) -> None:
        """Returns when the file can be read and has the schema of this program."""
        try:
            self._connection().execute("SELECT count(*) FROM identifier").fetchone()
        except (sqlite3.Error, NotAStore) as error:
            raise _unavailable(error, Code.DATA_ACCESS_FAILURE) from None

    async def close(self) -> None:
        """Closes every connection; one that reads a document just now, as soon as it has read it.

        A question asked afterwards opens new ones.
        """
        self._closed += 1
        if self._loop_connection is not None:
            self._loop_connection.close()
            self._loop_connection = None
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _connection(self) -> sqlite3.Connection:
        if self._loop_connection is None:
            self._loop_connection = self._open()
        return self._loop_connection

    def _open(self) -> sqlite3.Connection:
        connection = open_reader(self._database)
        connection.row_factory = sqlite3.Row
        return connection

    def _fetch(self, entry: DocumentEntry) -> bytes:
        closed = self._closed
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._open()
            try:
                content = _content(connection, entry)
            except BaseException:
                connection.close()
                raise
            if closed == self._closed:
                self._idle.append(connection)
            else:
                connection.close()
        except (sqlite3.Error, NotAStore) as error:
            raise _unavailable(error, _registry_down((entry.class_code,))) from None
        if content is None:
            raise ConnectorError(Code.DOCUMENT_MISSING, GONE)
        return content

    def _entry(self, row: sqlite3.Row, patient: II) -> DocumentEntry:
        return DocumentEntry(
            unique_id=row["unique_id"],
            repository_id=self._repository,
            home_community_id=self._home,
            patient=patient,
            class_code=row["class_code"],
            format_code=row["format_code"],
            mime_type=row["mime_type"],
            title=row["title"],
            description=row["description"],
            creation_time=row["creation_time"],
            language=row["language"],
            size=row["size"],
            hash=row["hash"],
            confidentiality=Coded(*json.loads(row["confidentiality"])),
            authors=tuple(Author(person, at, tuple(roles)) for person, at, roles in json.loads(row["authors"])),
            service_start_time=row["service_start_time"],
            facility=self._facility,
            twin=row["twin"],
        )


class _Filter:
    """A ``DocumentFilter`` read once. Bounds are inclusive; a creation time known to the day only is not excluded by
    an hour of that day."""

    def __init__(self, after: str, before: str, maximum_size: int | None) -> None:
        self._after = after
        self._before = before
        self._maximum_size = maximum_size

    def takes(self, entry: DocumentEntry) -> bool:
        created = entry.creation_time
        return (
            (self._maximum_size is None or entry.size is None or entry.size <= self._maximum_size)
            and (not self._after or created.ljust(14, "9") >= self._after)
            and (not self._before or created.ljust(14, "0") <= self._before)
        )


def _filter(asked: DocumentFilter) -> _Filter:
    try:
        after = to_dtm(from_saml(asked.created_after)) if asked.created_after else ""
        before = to_dtm(from_saml(asked.created_before)) if asked.created_before else ""
    except ValueError:
        raise ConnectorError(Code.ARGUMENT_NOT_EVALUABLE, FILTER) from None
    return _Filter(after, before, asked.maximum_size)


def _identified(connection: sqlite3.Connection, search: PatientSearch) -> tuple[Person, ...]:
    """All the identifiers are one person's, and nothing else contradicts her."""
    # Every identifier is looked up, also behind one that is unknown: see the module's docstring.
    wanted = set(search.identifiers)
    if len(wanted) > traits.MAXIMUM_IDENTIFIERS:
        return ()
    patients = {_patient_of(connection, identifier) for identifier in wanted}
    patient = patients.pop() if len(patients) == 1 else _NOBODY
    row = connection.execute(_PERSON, (patient,)).fetchone()
    if row is None or row["deceased"]:
        return ()
    person, other_names = _person(row)
    return () if traits.contradicts(search, person, other_names) else (person,)


def _described(connection: sqlite3.Connection, search: PatientSearch) -> tuple[Person, ...]:
    """Without identifiers: everybody who has all the traits."""
    born = connection.execute(_BORN, (traits.birth_digits(search.birth_date),)).fetchall()
    rows = [connection.execute(_PERSON, (row["id"],)).fetchone() for row in born]
    candidates = [_person(row) for row in rows if row is not None and not row["deceased"]]
    return tuple(person for person, names in candidates if traits.is_this_person(search, person, names))


def _patient_of(connection: sqlite3.Connection, identifier: II) -> int:
    row = connection.execute(_IDENTIFIED, (identifier.root, identifier.extension)).fetchone()
    return int(row["patient"]) if row else _NOBODY


def _rules(connection: sqlite3.Connection, patient: int) -> list[ConsentRule]:
    rows = connection.execute(_CONSENT, (patient,)).fetchall()
    return [ConsentRule(row["country"], row["class_code"], bool(row["allow"])) for row in rows]


def _person(row: sqlite3.Row) -> tuple[Person, list[tuple[str, str]]]:
    person = Person(
        id=II(row["root"], row["extension"]),
        family=row["family"],
        given=row["given"],
        prefix=row["prefix"],
        gender=row["gender"],
        birth_date=row["birth_date"],
        address=Address(row["street"], row["city"], row["postal_code"], row["country"]),
        telephone=row["telephone"],
        email=row["email"],
    )
    return person, [(family, given) for family, given in json.loads(row["other_names"])]


def _content(connection: sqlite3.Connection, entry: DocumentEntry) -> bytes | None:
    """The document's bytes, read in one piece straight into the value returned.

    Two statements in one transaction, so that a loader cannot replace the document between them.
    """
    connection.execute("BEGIN")
    try:
        key = (entry.unique_id, entry.class_code, entry.patient.root, entry.patient.extension)
        row = connection.execute(_CONTENT, key).fetchone()
        if row is None:
            return None
        with connection.blobopen("content", "bytes", row["id"], readonly=True) as blob:
            return blob.read()
    finally:
        connection.execute("COMMIT")


def _registry_down(class_codes: tuple[str, ...]) -> Code:
    return _REGISTRY_DOWN.get(class_codes[0], Code.DATA_ACCESS_FAILURE) if class_codes else Code.DATA_ACCESS_FAILURE


def _unavailable(error: Any, code: Code) -> ConnectorError:
    """Never with the text of the driver, which names files and statements; its error name goes to operators."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    busy = name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return ConnectorError(code, BUSY if busy else UNAVAILABLE, context=f"document store: {name}")
