"""Keeps every message of a gateway in a folder: for the demonstration and for finding faults, in development only.

The files hold patient data; configuration refuses the key in every mode but development.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

_numbers = itertools.count(1)


class Capture:
    """``<number>-<process>-<service>-<what>.<xml|mime>``, numbered in the order of the worker's messages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def __call__(
        self, transaction: str, service: str, what: str, content_type: str, chunks: Sequence[bytes | memoryview]
    ) -> None:
        """``what`` as in ``ncp.exchange.Capture``; a multipart message is kept with its Content-Type before it."""
        multipart = content_type.lower().startswith("multipart/")
        service = re.sub(r"[^A-Za-z0-9-]", "-", service)
        name = f"{next(_numbers):04d}-{os.getpid()}-{service}-{what}.{'mime' if multipart else 'xml'}"
        with (self._folder / name).open("wb") as file:
            if multipart:
                file.write(f"Content-Type: {content_type}\r\nX-Transaction: {transaction}\r\n\r\n".encode())
            for chunk in chunks:
                file.write(chunk)
