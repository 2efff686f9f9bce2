"""The state database of one gateway: a small SQLite file in write-ahead mode, shared by all workers.

Holds digests and ids only. What is here may be lost without harm to patients (a replay seen twice, a warning more),
so commits are not waited for on disk (``synchronous = OFF``).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

BUSY_MS = 2000
"""How long a worker waits for another one's write before the operation fails."""


class StateDatabase:
    """One connection of one process. Made after the fork; not shared between threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.connection = sqlite3.connect(folder / "state.sqlite3", isolation_level=None, check_same_thread=False)
        self.connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")
        self.secret = _secret(folder / "state.secret")

    def close(self) -> None:
        self.connection.close()


def _secret(path: Path) -> bytes:
    """The key of all digests in the database; made once, by whichever worker comes first."""
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
