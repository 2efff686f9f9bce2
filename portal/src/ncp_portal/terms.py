"""Who accepted which terms of use, and when: a line of a file, on disk before the service is used.

Knows that bringing a file to the disk takes milliseconds whatever is in it: lines that come meanwhile go together with
the next turn, so that many logins at once wait for two turns and not for each other.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path


class TermsRecord:
    """Appends to one file. Used by one event loop."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lines: list[str] = []
        self._turn = asyncio.Lock()

    async def accepted(self, version: str, professional: str, at: str) -> None:
        """Returns when it is on disk. Raises ``OSError``. ``at`` is ISO 8601 with a zone."""
        line = json.dumps({"version": version, "professional": professional, "at": at}, ensure_ascii=False)
        self._lines.append(line)
        async with self._turn:
            if line not in self._lines:
                return
            lines = self._lines[:]
            await asyncio.to_thread(_append, self._path, "".join(f"{each}\n" for each in lines))
            del self._lines[: len(lines)]


def _append(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        data = text.encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
