"""One release of the terminology in one SQLite file: its tables, how it is written, checked and described.

A release is written beside the others under a draft name, completed, checked and only then given its name; from then on
nobody changes the file, so readers need no lock. Leaves reading answers to ``release`` and which release counts to
``catalogue``.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ncp.semantics.terminology import rows, systems
from ncp.semantics.terminology.answers import Manifest

APPLICATION_ID = 0x6E637074
"""Marks our files, so that no other database is taken for a release."""
FORMAT = 1
KINDS = ("official", "own", "auto")
SUFFIX = ".sqlite3"
ROWS_MAX = 50_000_000
"""Most rows of one import; the whole catalogue of the network with all languages has about three million."""

_TABLES = """
CREATE TABLE manifest (body TEXT NOT NULL);
CREATE TABLE language (id INTEGER PRIMARY KEY, tag TEXT NOT NULL UNIQUE);
CREATE TABLE system (id INTEGER PRIMARY KEY, oid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, url TEXT NOT NULL);
CREATE TABLE system_version (id INTEGER PRIMARY KEY, system INTEGER NOT NULL REFERENCES system, label TEXT NOT NULL,
    effective TEXT NOT NULL, status TEXT, UNIQUE (system, label));
CREATE TABLE concept (system INTEGER NOT NULL REFERENCES system, code TEXT NOT NULL, id INTEGER NOT NULL, status TEXT,
    PRIMARY KEY (system, code)) WITHOUT ROWID;
CREATE UNIQUE INDEX concept_id ON concept (id);
CREATE TABLE concept_version (concept INTEGER NOT NULL, version INTEGER NOT NULL REFERENCES system_version,
    PRIMARY KEY (concept, version)) WITHOUT ROWID;
CREATE TABLE designation (concept INTEGER NOT NULL, language INTEGER NOT NULL REFERENCES language,
    rank INTEGER NOT NULL, text TEXT NOT NULL, kind INTEGER NOT NULL, preferred INTEGER NOT NULL, status TEXT,
    use TEXT, PRIMARY KEY (concept, language, rank)) WITHOUT ROWID;
CREATE TABLE value_set (id INTEGER PRIMARY KEY, oid TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE value_set_version (id INTEGER PRIMARY KEY, value_set INTEGER NOT NULL REFERENCES value_set,
    label TEXT NOT NULL, effective TEXT NOT NULL, status TEXT, UNIQUE (value_set, label));
CREATE TABLE member (version INTEGER NOT NULL REFERENCES value_set_version, concept INTEGER NOT NULL,
    PRIMARY KEY (version, concept)) WITHOUT ROWID;
CREATE TABLE mapping (source INTEGER NOT NULL, rank INTEGER NOT NULL, target INTEGER NOT NULL, status TEXT NOT NULL,
    priority INTEGER NOT NULL, comment TEXT NOT NULL, PRIMARY KEY (source, rank)) WITHOUT ROWID;
"""
# Status is NULL where it is "current": most rows by far.

_STAGED = """
CREATE TEMP TABLE staged (seq INTEGER PRIMARY KEY, concept INTEGER, language INTEGER, text TEXT, kind INTEGER,
    preferred INTEGER, status TEXT, use TEXT)
"""
_UNSTAGE = """
DELETE FROM designation WHERE (concept, language) IN (SELECT concept, language FROM staged);
INSERT INTO designation (concept, language, rank, text, kind, preferred, status, use)
    SELECT concept, language, row_number() OVER (PARTITION BY concept, language
            ORDER BY status IS NOT NULL, preferred DESC, kind, first) - 1, text, kind, preferred, status, use
    FROM (SELECT concept, language, text, min(kind) AS kind, max(preferred) AS preferred,
                 CASE WHEN sum(status IS NULL) > 0 THEN NULL ELSE max(status) END AS status,
                 max(use) AS use, min(seq) AS first
          FROM staged GROUP BY concept, language, text)
    ORDER BY concept, language;
DROP TABLE staged;
"""

_CONTENT = {
    "systems": "SELECT oid, name, url FROM system ORDER BY oid",
    "system_versions": "SELECT s.oid, v.label, v.effective, v.status FROM system_version v JOIN system s ON s.id = "
    "v.system ORDER BY s.oid, v.label",
    "concepts": "SELECT s.oid, c.code, c.status FROM system s JOIN concept c ON c.system = s.id ORDER BY s.oid, c.code",
    "concept_versions": "SELECT s.oid, c.code, v.label FROM concept_version x JOIN concept c ON c.id = x.concept "
    "JOIN system s ON s.id = c.system JOIN system_version v ON v.id = x.version ORDER BY s.oid, c.code, v.label",
    "designations": "SELECT s.oid, c.code, l.tag, d.rank, d.text, d.kind, d.preferred, d.status, d.use "
    "FROM designation d JOIN concept c ON c.id = d.concept JOIN system s ON s.id = c.system "
    "JOIN language l ON l.id = d.language ORDER BY s.oid, c.code, l.tag, d.rank",
    "value_sets": "SELECT w.oid, w.name, v.label, v.effective, v.status FROM value_set w "
    "JOIN value_set_version v ON v.value_set = w.id ORDER BY w.oid, v.label",
    "members": "SELECT w.oid, v.label, s.oid, c.code FROM member m JOIN value_set_version v ON v.id = m.version "
    "JOIN value_set w ON w.id = v.value_set JOIN concept c ON c.id = m.concept JOIN system s ON s.id = c.system "
    "ORDER BY w.oid, v.label, s.oid, c.code",
    "mappings": "SELECT s.oid, c.code, m.rank, t.oid, k.code, m.status, m.priority, m.comment FROM mapping m "
    "JOIN concept c ON c.id = m.source JOIN system s ON s.id = c.system JOIN concept k ON k.id = m.target "
    "JOIN system t ON t.id = k.system ORDER BY s.oid, c.code, m.rank",
}
"""The whole content, in the order that the digest is made over; independent of internal numbers."""


class ReleaseDamaged(Exception):
    """A file that is not a release of ours, or no longer what it was when it was made."""


class Draft:
    """A release in the making: rows are added, then ``finish`` gives a complete file or ``discard`` leaves nothing."""

    def __init__(self, path: Path, base: Path | None = None) -> None:
        self._path = path
        if base is not None:
            _copy(base, path)
        else:
            path.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._refused: list[rows.Refused] = []
        self.added: dict[str, int] = {}
        self._mappings: list[rows.Mapping] = []
        self._cleared: set[int] = set()
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536", "temp_store=MEMORY"):
            self._db.execute(f"PRAGMA {pragma}")
        if base is None:
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        self._db.execute("BEGIN")
        self._db.execute(_STAGED)
        self._load_keys()

    def _load_keys(self) -> None:
        self._languages: dict[str, int] = dict(self._db.execute("SELECT tag, id FROM language"))
        self._systems: dict[str, int] = dict(self._db.execute("SELECT oid, id FROM system"))
        self._urls: dict[str, int] = dict(self._db.execute("SELECT url, id FROM system WHERE url <> ''"))
        self._concepts: dict[tuple[int, str], int] = {
            (system, code): number for system, code, number in self._db.execute("SELECT system, code, id FROM concept")
        }
        self._next_concept = max(self._concepts.values(), default=0) + 1

    def add(self, content: Iterable[rows.Row]) -> None:
        """Take rows in, in any order that names a value set before its members; ``Refused`` rows are collected."""
        into: dict[type, Any] = {
            rows.System: self._add_system,
            rows.SystemVersion: self._add_system_version,
            rows.Concept: self._add_concept,
            rows.Designation: self._add_designation,
            rows.ValueSet: self._add_value_set,
            rows.Member: self._add_member,
            rows.Mapping: self._mappings.append,
            rows.Refused: self._refused.append,
            rows.Note: lambda _: None,
        }
        total = sum(self.added.values())
        for row in content:
            kind = type(row)
            into[kind](row)
            self.added[kind.__name__] = self.added.get(kind.__name__, 0) + 1
            total += 1
            if total > ROWS_MAX:
                raise rows.ImportRefused("", f"more than {ROWS_MAX} rows")

    @property
    def refused(self) -> tuple[rows.Refused, ...]:
        return tuple(self._refused)

    def finish(self, release: str, created: str, base: str, sources: tuple[dict[str, str], ...]) -> Manifest:
        """Write everything out and describe it; the file is complete and closed afterwards."""
        self._apply_mappings()
        for statement in _UNSTAGE.split(";"):
            self._db.execute(statement)
        self._db.execute("COMMIT")
        counts = {name: self._count(query) for name, query in _CONTENT.items()}
        languages = dict(
            self._db.execute(
                "SELECT l.tag, count(DISTINCT d.concept) FROM designation d JOIN language l ON l.id = d.language "
                "GROUP BY l.tag ORDER BY l.tag"
            )
        )
        manifest = Manifest(release, created, base, content_digest(self._db), counts, languages, sources)
        self._db.execute("DELETE FROM manifest")
        self._db.execute("INSERT INTO manifest VALUES (?)", (manifest_json(manifest),))
        self._db.execute("VACUUM")
        self._db.close()
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return manifest

    def discard(self) -> None:
        """Close and remove the file; safe to call at any time, also after ``finish``'s file has got its name."""
        self._db.close()
        self._path.unlink(missing_ok=True)

    def _count(self, query: str) -> int:
        number: int = self._db.execute(f"SELECT count(*) FROM ({query.partition(' ORDER BY ')[0]})").fetchone()[0]  # noqa: S608
        return number

    def _system(self, key: str) -> int:
        known = self._systems.get(key)
        if known is None:
            oid = systems.oid_of(key)
            known = self._systems.get(oid)
            if known is None:
                known = self._urls.get(key)
            if known is None:
                url = systems.url_of(oid) or (key if "://" in key else "")
                known = self._new_system(oid, systems.NAMES.get(oid, ""), url)
        return known

    def _new_system(self, oid: str, name: str, url: str) -> int:
        number: int = self._db.execute(
            "INSERT INTO system (oid, name, url) VALUES (?, ?, ?) RETURNING id", (oid, name, url)
        ).fetchone()[0]
        self._systems[oid] = number
        if url:
            self._urls.setdefault(url, number)
        return number

    def _add_system(self, row: rows.System) -> None:
        by_url = self._systems.get(row.url) if row.url else None
        if by_url is not None and row.oid not in self._systems:
            # So far known by its address only: now it has its OID.
            self._db.execute("UPDATE system SET oid = ?, url = ? WHERE id = ?", (row.oid, row.url, by_url))
            self._systems[row.oid] = self._systems.pop(row.url)
            self._urls.setdefault(row.url, by_url)
        number = self._system(row.oid)
        name = systems.NAMES.get(row.oid) or row.name
        if name:
            self._db.execute("UPDATE system SET name = ? WHERE id = ?", (name, number))
        if row.url and row.url not in self._urls:
            self._db.execute("UPDATE system SET url = ? WHERE id = ? AND url = ''", (row.url, number))
            self._urls[row.url] = number

    def _system_version(self, system: int, label: str) -> int:
        found = self._db.execute("SELECT id FROM system_version WHERE system = ? AND label = ?", (system, label))
        row = found.fetchone()
        if row is None:
            row = self._db.execute(
                "INSERT INTO system_version (system, label, effective) VALUES (?, ?, '') RETURNING id", (system, label)
            ).fetchone()
        number: int = row[0]
        return number

    def _add_system_version(self, row: rows.SystemVersion) -> None:
        number = self._system_version(self._system(row.system), row.label)
        self._db.execute(
            "UPDATE system_version SET effective = ?, status = ? WHERE id = ?",
            (row.effective, _status(row.status), number),
        )

    def _concept(self, system_key: str, code: str) -> int:
        key = (self._systems.get(system_key) or self._system(system_key), code)
        number = self._concepts.get(key)
        if number is None:
            number = self._next_concept
            self._next_concept += 1
            self._concepts[key] = number
            self._db.execute("INSERT INTO concept (system, code, id) VALUES (?, ?, ?)", (*key, number))
        return number

    def _add_concept(self, row: rows.Concept) -> None:
        number = self._concept(row.system, row.code)
        system = self._systems.get(row.system) or self._system(row.system)
        self._db.execute(
            "UPDATE concept SET status = ? WHERE system = ? AND code = ? AND status IS NOT ?",
            (_status(row.status), system, row.code, _status(row.status)),
        )
        if row.version:
            version = self._system_version(system, row.version)
            self._db.execute("INSERT OR IGNORE INTO concept_version VALUES (?, ?)", (number, version))

    def _add_designation(self, row: rows.Designation) -> None:
        language = self._languages.get(row.language)
        if language is None:
            language = self._db.execute(
                "INSERT INTO language (tag) VALUES (?) RETURNING id", (row.language,)
            ).fetchone()[0]
            self._languages[row.language] = language
        self._db.execute(
            "INSERT INTO staged (concept, language, text, kind, preferred, status, use) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._concept(row.system, row.code),
                language,
                row.text,
                KINDS.index(row.kind),
                int(row.is_preferred),
                _status(row.status),
                row.use or None,
            ),
        )

    def _value_set_version(self, oid: str, label: str, name: str = "") -> int:
        known = self._db.execute(
            "INSERT INTO value_set (oid, name) VALUES (?, ?) ON CONFLICT (oid) DO UPDATE SET name = "
            "CASE WHEN excluded.name <> '' THEN excluded.name ELSE name END RETURNING id",
            (oid, name),
        ).fetchone()[0]
        version: int = self._db.execute(
            "INSERT INTO value_set_version (value_set, label, effective) VALUES (?, ?, '') "
            "ON CONFLICT (value_set, label) DO UPDATE SET label = label RETURNING id",
            (known, label),
        ).fetchone()[0]
        return version

    def _add_value_set(self, row: rows.ValueSet) -> None:
        version = self._value_set_version(row.oid, row.version, row.name)
        self._open = (row.oid, row.version), version
        self._db.execute(
            "UPDATE value_set_version SET effective = ?, status = ? WHERE id = ?",
            (row.effective, _status(row.status), version),
        )
        if version not in self._cleared:
            self._cleared.add(version)
            self._db.execute("DELETE FROM member WHERE version = ?", (version,))

    _open: tuple[tuple[str, str], int] = (("", ""), 0)

    def _add_member(self, row: rows.Member) -> None:
        key, version = self._open
        if key != (row.value_set, row.version):
            version = self._value_set_version(row.value_set, row.version)
            self._open = (row.value_set, row.version), version
        self._db.execute("INSERT OR IGNORE INTO member VALUES (?, ?)", (version, self._concept(row.system, row.code)))

    def _apply_mappings(self) -> None:
        """Mappings last: a target has to be a concept of the finished release."""
        by_source: dict[int, dict[int, rows.Mapping]] = {}
        for number, row in enumerate(self._mappings, start=1):
            target = self._concepts.get((self._system(row.target_system), row.target_code))
            if target is None:
                self._refused.append(rows.Refused("mappings", number, "mapping.target_unknown"))
                continue
            by_source.setdefault(self._concept(row.source_system, row.source_code), {})[target] = row
        for source, targets in by_source.items():
            self._db.execute("DELETE FROM mapping WHERE source = ?", (source,))
            ordered = sorted(targets.items(), key=lambda pair: (pair[1].status != rows.VALID, pair[1].priority))
            for rank, (target, row) in enumerate(ordered):
                self._db.execute(
                    "INSERT INTO mapping VALUES (?, ?, ?, ?, ?, ?)",
                    (source, rank, target, row.status, row.priority, row.comment),
                )


def _status(word: str) -> str | None:
    return None if word == rows.CURRENT else word


def _copy(base: Path, path: Path) -> None:
    """A writable copy of a release; through SQLite, so that a damaged base is noticed here."""
    path.unlink(missing_ok=True)
    source, target = open_read_only(base), sqlite3.connect(path)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that can change nothing and takes no lock: the file of a release never changes.

    No memory map: pages then count as this process's memory, and a file cut short would be a signal, not an error.
    """
    if not path.is_file():
        raise ReleaseDamaged("there is no such release")
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in ("query_only=1", "trusted_schema=0", "cell_size_check=1", "cache_size=-24576", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}")
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        connection.close()
        raise ReleaseDamaged("the file is not a database") from None
    if not ours or version != FORMAT:
        connection.close()
        raise ReleaseDamaged("the file is not a release of this program's format")
    return connection


def content_digest(connection: sqlite3.Connection) -> str:
    """SHA-256 over the whole content in a fixed order: the same content has the same digest in every file."""
    digest = hashlib.sha256()
    for name, query in _CONTENT.items():
        digest.update(f"\x1d{name}\x1d".encode())
        for row in connection.execute(query):
            digest.update("\x1f".join(map(str, row)).encode())
            digest.update(b"\x1e")
    return digest.hexdigest()


def read_manifest(connection: sqlite3.Connection) -> Manifest:
    """What the release says of itself."""
    try:
        body = json.loads(connection.execute("SELECT body FROM manifest").fetchone()[0])
        return Manifest(**{**body, "sources": tuple(body["sources"])})
    except (sqlite3.Error, TypeError, ValueError, KeyError):
        raise ReleaseDamaged("the release does not describe itself") from None


def rewrite_manifest(path: Path, manifest: Manifest) -> None:
    """Replace what a draft says of itself; only before it is published."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("UPDATE manifest SET body = ?", (manifest_json(manifest),))
    finally:
        connection.close()


def manifest_json(manifest: Manifest) -> str:
    return json.dumps({name: getattr(manifest, name) for name in Manifest.__slots__}, ensure_ascii=False)


def verify(path: Path) -> Manifest:
    """Read the whole file: sound for SQLite, and the content that its manifest names.

    Raises ``ReleaseDamaged``. Takes seconds for a large release.
    """
    connection = open_read_only(path)
    try:
        manifest = read_manifest(connection)
        if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise ReleaseDamaged("the database is damaged")
        if content_digest(connection) != manifest.digest:
            raise ReleaseDamaged("the content is not what the release was made with")
        return manifest
    except sqlite3.Error:
        raise ReleaseDamaged("the database is damaged") from None
    finally:
        connection.close()
