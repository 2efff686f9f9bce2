"""OpenNCP's Local Terminology Repository: its eight tables as rows of ours. Pure.

Tables and columns: ``ncp-docker-dev-AT/eHDSI_ehealth:tsam`` (entities) and ``docs/terminology.md``. One concept stands
in the repository once per version of a code system or value set; here it becomes one concept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from ncp.semantics.terminology import csv_tables, rows, systems
from ncp.semantics.terminology.rows import ImportRefused, RowRefused, Rows
from ncp.semantics.terminology.sql_dump import Dump

TABLES = frozenset(
    {
        "code_system",
        "code_system_version",
        "code_system_concept",
        "designation",
        "transcoding_association",
        "value_set",
        "value_set_version",
        "x_concept_value_set",
    }
)
_NEEDED = frozenset({"code_system", "code_system_version", "code_system_concept"})

_Record = dict[str, str | None]
_Key = tuple[str, str]


class Source(Protocol):
    """Where tables come from: a dump, or one CSV file per table."""

    @property
    def tables(self) -> frozenset[str]: ...

    def records(self, wanted: str) -> Iterator[tuple[int, _Record]]: ...


class CsvTables:
    """One CSV file per table, named as the table; ``NULL`` and ``\\N`` are no value."""

    def __init__(self, files: Mapping[str, tuple[str, bytes]]) -> None:
        self._files = files

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(self._files)

    def records(self, wanted: str) -> Iterator[tuple[int, _Record]]:
        if wanted not in self._files:
            return
        place, data = self._files[wanted]
        _, lines = csv_tables.records(data, place)
        for line, record in lines:
            yield line, {name: None if value in ("NULL", "\\N") else value for name, value in record.items()}


def read_dump(text: str, place: str) -> Rows:
    """Rows of an SQL dump of the repository."""
    return read(Dump(text, place), place)


def read(source: Source, place: str) -> Rows:
    """Rows of the repository's tables. ``ImportRefused`` when the tables of concepts are not among them."""
    missing = _NEEDED - source.tables
    if missing:
        raise ImportRefused(place, f"not a terminology repository: no rows of {', '.join(sorted(missing))}")
    reader = _Reader(source, place)
    yield from reader.systems()
    yield from reader.concepts()
    yield from reader.designations()
    yield from reader.value_sets()
    yield from reader.mappings()


class _Reader:
    """One pass per table; numbers of the repository are kept only as long as the pass."""

    def __init__(self, source: Source, place: str) -> None:
        self._source = source
        self._place = place
        self._versions: dict[str, tuple[str, str]] = {}
        self._concepts: dict[str, _Key] = {}

    def _refused(self, table: str, number: int, reason: object) -> rows.Refused:
        return rows.Refused(f"{self._place}:{table}", number, str(reason))

    def systems(self) -> Rows:
        oids: dict[str, str] = {}
        for number, record in self._source.records("code_system"):
            try:
                oid = rows.system(systems.oid_of(record.get("oid") or record.get("url") or ""))
            except RowRefused as refused:
                yield self._refused("code_system", number, refused)
                continue
            oids[record.get("id") or ""] = oid
            yield rows.System(oid, rows.label(record.get("name")), rows.label(record.get("url")))
        for number, record in self._source.records("code_system_version"):
            known = oids.get(record.get("code_system_id") or "")
            if known is None:
                yield self._refused("code_system_version", number, "system.unknown")
                continue
            label = rows.label(record.get("local_name")) or rows.label(record.get("full_name"))
            self._versions[record.get("id") or ""] = known, label
            if label:
                yield rows.SystemVersion(
                    known, label, rows.date(record.get("effective_date")), rows.status(record.get("status"))
                )

    def concepts(self) -> Rows:
        for number, record in self._source.records("code_system_concept"):
            version = self._versions.get(record.get("code_system_version_id") or "")
            if version is None:
                yield self._refused("code_system_concept", number, "system.unknown")
                continue
            try:
                code = rows.code(record.get("code"))
            except RowRefused as refused:
                yield self._refused("code_system_concept", number, refused)
                continue
            self._concepts[record.get("id") or ""] = version[0], code
            yield rows.Concept(version[0], code, version[1], rows.status(record.get("status")))

    def designations(self) -> Rows:
        for number, record in self._source.records("designation"):
            key = self._concepts.get(record.get("code_system_concept_id") or "")
            if key is None:
                yield self._refused("designation", number, "concept.unknown")
                continue
            try:
                yield rows.Designation(
                    *key,
                    rows.language(record.get("language_code")),
                    rows.text(record.get("designation")),
                    is_preferred=(record.get("is_preferred") or "").lower() in ("1", "true", "t", "\x01"),
                    status=rows.status(record.get("status")),
                    use=rows.label(record.get("type")),
                )
            except RowRefused as refused:
                yield self._refused("designation", number, refused)

    def value_sets(self) -> Rows:
        sets: dict[str, tuple[str, str]] = {}
        for number, record in self._source.records("value_set"):
            try:
                oid = rows.system(record.get("oid"))
            except RowRefused as refused:
                yield self._refused("value_set", number, refused)
                continue
            sets[record.get("id") or ""] = oid, rows.label(record.get("epsos_name")) or rows.label(record.get("name"))
        versions: dict[str, _Key] = {}
        for number, record in self._source.records("value_set_version"):
            known = sets.get(record.get("value_set_id") or "")
            if known is None:
                yield self._refused("value_set_version", number, "value_set.unknown")
                continue
            label = rows.label(record.get("version_name"))
            versions[record.get("id") or ""] = known[0], label
            effective = rows.date(record.get("effective_date")) or rows.date(record.get("release_date"))
            yield rows.ValueSet(known[0], known[1], label, effective, rows.status(record.get("status")))
        for number, record in self._source.records("x_concept_value_set"):
            version = versions.get(record.get("value_set_version_id") or "")
            key = self._concepts.get(record.get("code_system_concept_id") or "")
            if version is None or key is None:
                yield self._refused("x_concept_value_set", number, "value_set.unknown" if key else "concept.unknown")
                continue
            yield rows.Member(*version, *key)

    def mappings(self) -> Rows:
        for number, record in self._source.records("transcoding_association"):
            source = self._concepts.get(record.get("source_concept_id") or "")
            target = self._concepts.get(record.get("target_concept_id") or "")
            if source is None or target is None:
                yield self._refused("transcoding_association", number, "concept.unknown")
                continue
            word = rows.status(record.get("status"))
            status = rows.VALID if word == rows.CURRENT else word
            yield rows.Mapping(*source, *target, status, 0, rows.label(record.get("quality")))
