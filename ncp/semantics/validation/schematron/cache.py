"""Stylesheets kept on disk under the digest of what they were made of: made once, read ever after.

A file becomes visible complete or not at all, so any number of processes may make the same one at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ncp.semantics.validation.schematron.rule_files import RuleFile
from ncp.semantics.validation.schematron.stylesheet import RulesRefused, stylesheet

KEPT = 40
"""Files kept; older ones go when a new one comes."""


def compiled(rules: RuleFile, folder: Path, progress: Callable[[str], None] = lambda step: None) -> Path:
    """The stylesheet of a rule file, made when it is not there yet. Raises ``RulesRefused``."""
    path = folder / f"{rules.digest}.xsl"
    if path.is_file():
        return path
    content = stylesheet(rules.path, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        _forget_old(folder, path)
    except OSError as error:
        said = (error.strerror or "cannot be written").lower()
        raise RulesRefused(folder, f"compiled rules cannot be kept: {said}", "let the gateway write to it") from None
    return path


def _forget_old(folder: Path, newest: Path) -> None:
    files = sorted(folder.glob("*.xsl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[KEPT:]:
        if path != newest:
            path.unlink(missing_ok=True)
