"""The state of one gateway that its workers share: an LMDB file of digests, each with the time until which it counts.

Chosen over SQLite for the hot path: remembering one message costs 6 µs instead of 50 to 140 µs
(``docs/decisions/0004-lmdb-for-shared-state.md``).
What is here may be lost without harm to patients, so commits are not waited for on disk.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import lmdb

CAPACITY = 1024 * 1024 * 1024
"""Bytes the file may grow to (it is sparse): some eight million messages within their four hours."""

_SWEEP_EVERY, _SWEEP = 16, 64
"""After so many writes so many entries are looked at, and dropped when their time is over: faster than they come."""

_UNTIL = struct.Struct(">d")


class State:
    """One environment of one process. Open it after the fork; calls may come from one thread at a time."""

    was_damaged = False
    """Whether what the last run left could not be read and was put aside."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / "state.lmdb"
        try:
            self._environment = _open(file)
        except (lmdb.CorruptedError, lmdb.InvalidError, lmdb.VersionMismatchError):
            # Commits are not waited for, so a crash of the machine may leave half a page. The gateway starts all the
            # same, with an empty memory; the damaged file stays for whoever wants to look.
            file.replace(file.with_suffix(f".damaged-{os.getpid()}"))
            self._environment = _open(file)
            self.was_damaged = True
        # What a killed worker was reading would else be kept for it for ever, and the file grow to its end.
        self._environment.reader_check()
        self.secret = _secret(folder / "state.secret")

    def table(self, name: str) -> Table:
        """The table of that name, made when it is not there yet."""
        return Table(self._environment, self._environment.open_db(name.encode()))

    def close(self) -> None:
        self._environment.close()


class Table:
    """Keys and values as bytes; an entry past its time is as good as none."""

    def __init__(self, environment: lmdb.Environment, database: Any) -> None:
        self._environment = environment
        self._database = database
        self._writes = 0
        self._swept_to = b""

    def first(self, key: bytes, value: bytes, *, until: datetime, at: datetime) -> bytes | None:
        """Store ``value`` unless something stands under ``key``; None when stored, else what stands. One atomic step,
        also between processes."""
        with self._environment.begin(self._database, write=True, buffers=False) as transaction:
            standing = _standing(transaction.get(key), at)
            if standing is not None:
                return standing
            transaction.put(key, _UNTIL.pack(until.timestamp()) + value)
            self._sweep(transaction, at)
        return None

    def put(self, key: bytes, value: bytes, *, until: datetime, at: datetime) -> None:
        """Store ``value`` in place of whatever stands under ``key``."""
        with self._environment.begin(self._database, write=True, buffers=False) as transaction:
            transaction.put(key, _UNTIL.pack(until.timestamp()) + value)
            self._sweep(transaction, at)

    def get(self, key: bytes, *, at: datetime) -> bytes | None:
        """What stands under ``key`` at that time."""
        with self._environment.begin(self._database, buffers=False) as transaction:
            return _standing(transaction.get(key), at)

    def _sweep(self, transaction: lmdb.Transaction, at: datetime) -> None:
        self._writes += 1
        if self._writes % _SWEEP_EVERY:
            return
        cursor = transaction.cursor()
        there = cursor.set_range(self._swept_to) if self._swept_to else cursor.first()
        for _ in range(_SWEEP):
            if not there:
                break
            if _standing(bytes(cursor.value()), at) is None:
                cursor.delete()  # moves on to the next entry, or to none
                there = bool(cursor.key())
            else:
                there = cursor.next()
        self._swept_to = bytes(cursor.key()) if there else b""


def _open(file: Path) -> lmdb.Environment:
    return lmdb.open(
        str(file),
        subdir=False,
        mode=0o600,
        map_size=CAPACITY,
        max_dbs=8,
        sync=False,
        metasync=False,
        writemap=True,
    )


def _standing(stored: bytes | None, at: datetime) -> bytes | None:
    if stored is None or _UNTIL.unpack_from(stored)[0] <= at.timestamp():
        return None
    return bytes(stored[_UNTIL.size :])


def _secret(path: Path) -> bytes:
    """The key of all digests; made once, by whichever worker comes first."""
    with contextlib.suppress(FileExistsError):
        # Written beside and linked into place, so that no worker ever reads half a secret.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_bytes()
