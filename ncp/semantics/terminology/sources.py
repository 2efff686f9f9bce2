"""The operator's files: a file, a folder or an archive as bounded pieces of bytes, and which reader takes each.

Nothing is unpacked to disk, so no name in an archive can reach anything; names that try are refused all the same.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from ncp.semantics.terminology import bounded, csv_tables, fhir, ltr, rows, xml_lists
from ncp.semantics.terminology.rows import ImportRefused, Rows

FILE_MAX = 512 * 1024 * 1024
"""Largest single file, unpacked; a dump of a whole repository has some 300 MB."""
TOTAL_MAX = 1024 * 1024 * 1024
"""Most bytes of one import, unpacked."""
FILES_MAX = 20_000
_HEADER_MAX = 64 * 1024
_READ = (".json", ".xml", ".csv", ".sql")
_CHUNK = 1024 * 1024
_ARCHIVES = (".tgz", ".tar.gz", ".tar", ".zip")
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Piece(NamedTuple):
    """One file: its name within the source, and its bytes."""

    place: str
    data: bytes


class Package(NamedTuple):
    """What a FHIR package says of itself."""

    name: str
    version: str
    license: str


def pieces(path: Path) -> Iterator[Piece]:
    """The files to read of a file, a folder (with its sub-folders) or an archive, in order of name."""
    if path.is_dir():
        yield from _folder(path)
        return
    name = path.name.lower()
    try:
        with path.open("rb") as file:
            if name.endswith(".zip"):
                yield from _zip(file, path.name)
            elif name.endswith(_ARCHIVES):
                yield from _tar(file, path.name)
            elif name.endswith(".gz"):
                unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=file))
                yield Piece(path.name[:-3], _bounded(unpacked, path.name))
            else:
                yield Piece(path.name, _bounded(file, path.name))
    except (OSError, EOFError, zlib.error):
        raise ImportRefused(path.name, "the file cannot be read") from None


def _folder(path: Path) -> Iterator[Piece]:
    total = 0
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in _READ)
    if len(files) > FILES_MAX:
        raise ImportRefused(path.name, f"more than {FILES_MAX} files")
    for file in files:
        try:
            with file.open("rb") as opened:
                data = _bounded(opened, file.name)
        except OSError:
            raise ImportRefused(file.name, "the file cannot be read") from None
        total += len(data)
        if total > TOTAL_MAX:
            raise ImportRefused(path.name, f"more than {TOTAL_MAX} bytes")
        yield Piece(file.relative_to(path).as_posix(), data)


def _bounded(file: IO[bytes], place: str, limit: int = FILE_MAX) -> bytes:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise ImportRefused(place, f"more than {limit} bytes")
    return data


class _Counted(io.RawIOBase):
    """An unpacked stream that ends in a refusal once it has given more than the limit."""

    def __init__(self, file: IO[bytes], place: str) -> None:
        self._file = file
        self._place = place
        self._given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_CHUNK if size < 0 else size)
        self._given += len(data)
        if self._given > TOTAL_MAX:
            raise ImportRefused(self._place, f"more than {TOTAL_MAX} bytes unpacked")
        return data


class _Member(tarfile.TarInfo):
    """A header that cannot announce a longer extension of itself than any name needs."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENDED and member.size > _HEADER_MAX:
            raise ImportRefused("", "an archive header is too long")
        return member


def _tar(file: IO[bytes], place: str) -> Iterator[Piece]:
    is_packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_packed else file
    count = 0
    try:
        with tarfile.open(fileobj=_Counted(stream, place), mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                count += 1
                if count > FILES_MAX:
                    raise ImportRefused(place, f"more than {FILES_MAX} files")
                name = _name(member.name, place)
                if not member.isreg() or not _is_wanted(name):
                    continue
                if member.size > FILE_MAX:
                    raise ImportRefused(f"{place}:{name}", f"more than {FILE_MAX} bytes")
                opened = archive.extractfile(member)
                if opened is not None:
                    yield Piece(name, _bounded(opened, name))
    except (tarfile.TarError, zlib.error, EOFError, ValueError, UnicodeError):
        raise ImportRefused(place, "not a readable archive") from None


def _zip(file: IO[bytes], place: str) -> Iterator[Piece]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > FILES_MAX:
                raise ImportRefused(place, f"more than {FILES_MAX} files")
            total = 0
            for member in members:
                name = _name(member.filename, place)
                if member.is_dir() or not _is_wanted(name):
                    continue
                with archive.open(member) as opened:
                    data = _bounded(opened, name)
                total += len(data)
                if total > TOTAL_MAX:
                    raise ImportRefused(place, f"more than {TOTAL_MAX} bytes unpacked")
                yield Piece(name, data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise ImportRefused(place, "not a readable archive") from None


def _name(name: str, place: str) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or (parts.parts and parts.parts[0].endswith(":")):
        raise ImportRefused(place, "an archive whose names leave its folder")
    return str(parts)


def _is_wanted(name: str) -> bool:
    """Terminology lies directly in ``package/`` of a FHIR package; its other folders hold examples and tools."""
    parts = PurePosixPath(name)
    is_aside = parts.parts[0] == "package" and len(parts.parts) > 2
    return parts.suffix.lower() in _READ and not is_aside and not parts.name.startswith(".")


def read(path: Path, *, language: str = "en", kind: str = "official") -> tuple[Rows, list[Package]]:
    """Rows of everything at ``path``, whatever of the known formats it is; and the packages found, once read.

    ``language`` counts for names whose language is not stated; ``kind`` for designations of CSV files.
    """
    packages: list[Package] = []
    return _rows(path, language, kind, packages), packages


def _rows(path: Path, language: str, kind: str, packages: list[Package]) -> Rows:
    resources: list[fhir.Resource] = []
    tables: dict[str, tuple[str, bytes]] = {}
    count = 0
    for place, data in pieces(path):
        suffix = PurePosixPath(place).suffix.lower()
        if suffix == ".json":
            value = bounded.read_json(data, place)
            if PurePosixPath(place).name == "package.json" and "resourceType" not in bounded.fields(value):
                packages.append(_package(bounded.fields(value)))
            elif fhir.is_terminology(value):
                count += 1
                resources.append(fhir.Resource(place, value))
        elif suffix == ".xml":
            count += 1
            yield from xml_lists.read(bounded.read_xml(data, place), place, language)
        elif suffix == ".csv":
            count += 1
            stem = PurePosixPath(place).stem.lower()
            if stem in ltr.TABLES and not csv_tables.table_of(csv_tables.records(data, place)[0]):
                tables[stem] = place, data
            else:
                yield from csv_tables.read(data, place, kind=kind)
        elif suffix == ".sql":
            count += 1
            yield from ltr.read_dump(_text(data, place), place)
        else:
            raise ImportRefused(place, "unknown kind of file: give .tgz, .zip, .json, .xml, .csv or .sql")
    if not count:
        raise ImportRefused(path.name, "no terminology in it")
    yield from fhir.read(resources, language)
    if tables:
        yield from ltr.read(ltr.CsvTables(tables), path.name)


def _package(value: dict[str, object]) -> Package:
    return Package(rows.label(value.get("name")), rows.label(value.get("version")), rows.label(value.get("license")))


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportRefused(place, "not UTF-8") from None
