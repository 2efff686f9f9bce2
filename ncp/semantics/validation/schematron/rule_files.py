"""Which files of a folder are rules, and which of them are for which document.

The name of a file decides: ``L1`` as a word of it (or ``xds_sd``) for level 1, the name of a kind of document for that
kind; anything else is for every document of level 3. That is how the publications of the profile name them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ncp.semantics.model import Level
from ncp.semantics.validation.schematron.stylesheet import VERSION, RulesRefused

_ENDINGS = (".sch", ".xsl", ".xslt")
_READ = (*_ENDINGS, ".xml", ".json", ".txt", ".csv")
"""What rules may read while they run; a change of any of it makes another set of rules."""

MAX_FILES = 20
"""Rule files at the top of the folder; each is compiled and kept in memory."""

_LEVEL_1 = re.compile(r"(?:^|[^a-z0-9])(?:l1|level1|xds_?sd)(?:$|[^a-z0-9])", re.IGNORECASE)

KINDS = {
    "60591-5": ("patientsummary", "friendlycda"),
    "57833-6": ("eprescription",),
    "60593-1": ("edispensation",),
    "34133-9": ("hcer",),
    "56445-0": ("mro",),
}
"""LOINC code of a kind of document, and how names of files call it."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """``digest`` names the file together with everything it may read."""

    path: Path
    level: Level
    kinds: tuple[str, ...]
    digest: str

    @property
    def name(self) -> str:
        return self.path.name

    def fits(self, level: Level, code: str) -> bool:
        """It is for documents of this level and LOINC code."""
        return self.level is level and (not self.kinds or code in self.kinds)


def find_rules(folder: Path) -> tuple[RuleFile, ...]:
    """The rule files at the top of a folder, in order of name. ``RulesRefused`` when there is none, or too many."""
    if not folder.is_dir():
        raise RulesRefused(folder, "there is no such folder", "name the folder that holds the .sch or .xsl files")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())
    if not paths:
        raise RulesRefused(folder, "holds no rules", "put .sch or .xsl files into it, with what they include below it")
    if len(paths) > MAX_FILES:
        raise RulesRefused(folder, f"holds more than {MAX_FILES} rule files", "keep one version of the rules in it")
    included = _digest_of_what_is_read(folder)
    return tuple(RuleFile(path, level_of(path.name), kinds_of(path.name), _digest(path, included)) for path in paths)


def level_of(name: str) -> Level:
    """The level of document that a file of this name is for."""
    return Level.L1 if _LEVEL_1.search(Path(name).stem.replace("_", " ").replace("xds sd", "xds_sd")) else Level.L3


def kinds_of(name: str) -> tuple[str, ...]:
    """LOINC codes of the documents that a file of this name is for; empty for all."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return tuple(code for code, words in KINDS.items() if any(word in plain for word in words))


def _digest_of_what_is_read(folder: Path) -> bytes:
    """Everything below the folder that rules may include or read."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _READ and path.is_file():
            digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _digest(path: Path, included: bytes) -> str:
    return hashlib.sha256(f"{VERSION}\0{path.absolute()}\0".encode() + included).hexdigest()[:32]
