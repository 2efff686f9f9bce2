"""The embedded store's file: schema, versions, and how readers and the one writer open it.

Plain ``sqlite3`` and documents inside the database, both by measurement
(``docs/decisions/0003-sqlite-for-the-store.md``). Readers are read only and see a consistent state while the loader
writes (write-ahead log); the file itself enforces that an identifier and a document id belong to one person only.
Leaves to ``patients`` and ``documents`` what the values mean.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

APPLICATION_ID = 0x4E435041
"""``NCPA``: tells a store from any other SQLite file."""

BUSY_TIMEOUT = 5.0
"""Seconds a writer waits for another writer; readers never wait for a writer."""

_VERSIONS: tuple[str, ...] = (
    """
    CREATE TABLE patient (
        id INTEGER PRIMARY KEY,
        folder TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        family TEXT NOT NULL,
        given TEXT NOT NULL,
        prefix TEXT NOT NULL,
        other_names TEXT NOT NULL,
        gender TEXT NOT NULL,
        birth_date TEXT NOT NULL,
        street TEXT NOT NULL,
        city TEXT NOT NULL,
        postal_code TEXT NOT NULL,
        country TEXT NOT NULL,
        telephone TEXT NOT NULL,
        email TEXT NOT NULL,
        deceased TEXT NOT NULL,
        test INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX patient_birth_date ON patient (birth_date);
    CREATE TABLE identifier (
        root TEXT NOT NULL,
        extension TEXT NOT NULL,
        patient INTEGER NOT NULL REFERENCES patient ON DELETE CASCADE,
        position INTEGER NOT NULL,
        PRIMARY KEY (root, extension)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identifier_patient ON identifier (patient, position);
    CREATE TABLE consent (
        patient INTEGER NOT NULL REFERENCES patient ON DELETE CASCADE,
        country TEXT NOT NULL,
        class_code TEXT NOT NULL,
        allow INTEGER NOT NULL,
        PRIMARY KEY (patient, country, class_code)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE document (
        id INTEGER PRIMARY KEY,
        patient INTEGER NOT NULL REFERENCES patient ON DELETE CASCADE,
        position INTEGER NOT NULL,
        unique_id TEXT NOT NULL UNIQUE,
        twin TEXT NOT NULL,
        class_code TEXT NOT NULL,
        format_code TEXT NOT NULL,
        mime_type TEXT NOT NULL,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        creation_time TEXT NOT NULL,
        service_start_time TEXT NOT NULL,
        language TEXT NOT NULL,
        confidentiality TEXT NOT NULL,
        authors TEXT NOT NULL,
        size INTEGER NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE INDEX document_patient ON document (patient, position);
    CREATE TABLE content (
        document INTEGER PRIMARY KEY REFERENCES document ON DELETE CASCADE,
        bytes BLOB NOT NULL
    ) STRICT;
    """,
)
"""One script per version of the schema; a newer version only ever adds a script."""

VERSION = len(_VERSIONS)


class NotAStore(Exception):
    """The file is no store, or one of a schema this program does not know. The text says what to do."""


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection, usable from any thread (one at a time).

    Raises ``sqlite3.Error`` when the file is missing or unreadable, ``NotAStore`` when it is not what we read.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        version = _version(connection)
        if version != VERSION:
            raise NotAStore(f"{path.name}: schema {version}, this program reads {VERSION}; load the documents again")
    except BaseException:
        connection.close()
        raise
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """The loader's connection: makes the file when there is none and brings an older schema up to date."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT)
    try:
        version = _version(connection, fresh=True)
        if version > VERSION:
            raise NotAStore(f"{path.name}: written by a newer program (schema {version}); use that program")
        if version == 0:
            # Documents are read whole: fewer, larger pages. Both settings last for the life of the file.
            connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        # A patient's document that was replaced or removed leaves no trace in the file.
        connection.execute("PRAGMA secure_delete = ON")
        if version < VERSION:
            _upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _upgrade(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again inside the transaction: another loader may have been faster.
        for number in range(_version(connection, fresh=True), VERSION):
            for statement in _VERSIONS[number].split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, *, fresh: bool = False) -> int:
    """The schema's version; 0 for an empty file, which only a writer may meet (``fresh``)."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if fresh and not (application or version or tables):
        return 0
    if application != APPLICATION_ID:
        raise NotAStore("the file is not a document store; name another file or remove it")
    return version
