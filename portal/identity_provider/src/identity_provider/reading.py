"""Reads TOML files with a limit, and takes typed values out of their tables; every fault names file and key.

Leaves to its callers what the keys mean.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from identity_provider.failures import FileProblem

MAX_FILE = 2_000_000


class Table:
    """One table of a file: each key is taken once, and ``finish`` refuses what nobody asked for."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self.where = where

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; without ``default`` the key is required."""
        value = self._values.pop(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise FileProblem(f"{self.where}: {key} must be a text")
        return value

    def number(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds."""
        value = self._values.pop(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise FileProblem(f"{self.where}: {key} must be a whole number from {least} to {most}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, perhaps empty or absent."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise FileProblem(f"{self.where}: {key} must be a list of texts")
        return tuple(value)

    def raw(self, key: str) -> dict[str, Any]:
        """A table handed on as it is; absent is empty."""
        value = self._values.pop(key, {})
        if not isinstance(value, dict):
            raise FileProblem(f"{self.where}: {key} must be a table")
        return value

    def table(self, key: str) -> Table:
        """A table to read on; absent is empty."""
        return Table(self.raw(key), f"{self.where}: {key}")

    def tables(self, key: str) -> list[Table]:
        """A list of tables; absent is empty."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise FileProblem(f"{self.where}: {key} must be a list of tables")
        return [Table(one, f"{self.where}: {key} {number}") for number, one in enumerate(value, 1)]

    def has(self, key: str) -> bool:
        """Whether the key is there and not yet taken."""
        return key in self._values

    def finish(self) -> None:
        """Refuse keys that nothing reads: a misspelt option must not go unnoticed."""
        if self._values:
            raise FileProblem(f"{self.where}: unknown key {sorted(self._values)[0]}")


def read_toml(path: Path) -> Table:
    """The top table of a TOML file of at most ``MAX_FILE`` bytes.

    Raises:
        FileProblem: it cannot be read, is too long or is not TOML.
    """
    content = read_bytes(path)
    try:
        return Table(tomllib.loads(content.decode()), path.name)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileProblem(f"{path.name}: not TOML in UTF-8: {error}") from error


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most ``MAX_FILE`` bytes, or FileProblem."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise FileProblem(f"{path.name}: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise FileProblem(f"{path.name}: longer than {MAX_FILE} bytes")
    return content
