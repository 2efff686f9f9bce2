"""Other people's samples and schemas: read in place where they are, never copied; tests skip where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(os.environ.get("NCP_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared(path: str) -> Path:
    """A file or folder of the shared material; skips the test, saying why, when it is not there."""
    found = _ROOT / path
    if not found.exists():
        pytest.skip(f"shared/{path} is not beside the project (set NCP_SHARED to its folder)")
    return found


def shared_files(folder: str, pattern: str) -> list[Path]:
    """Files below a shared folder for parametrisation; empty when the folder is absent."""
    root = _ROOT / folder
    return sorted(root.glob(pattern)) if root.is_dir() else []
