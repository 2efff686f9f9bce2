"""What the catalogue answers: frozen, hashable, complete enough to say how good the answer is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ncp.semantics.frozen import cheaply_made


class Match(Enum):
    """How near the language of a designation is to the one that was asked for."""

    EXACT = "exact"
    """The very tag, or the language without or with its own region (``fr`` for ``fr-FR`` and the other way round)."""
    REGION = "other-region"
    """The same language as another country writes it."""
    ENGLISH = "english"
    """Not the language asked for: the English of the pivot."""


@cheaply_made
@dataclass(frozen=True, slots=True)
class Designation:
    """The name to show for a code.

    ``version_loaded`` is False when the document names a version of the code system that this release does not know
    (the name then comes from the versions it does know); ``is_alias`` when the code was found under another spelling.
    """

    system: str
    code: str
    text: str
    language: str
    match: Match
    kind: str = "official"
    is_preferred: bool = True
    is_current: bool = True
    concept_status: str = "current"
    version_loaded: bool = True
    is_alias: bool = False


@dataclass(frozen=True, slots=True)
class System:
    oid: str
    name: str
    url: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Concept:
    """A code that the release knows. ``versions`` is empty where the source names none."""

    system: str
    system_name: str
    system_url: str
    code: str
    status: str
    versions: tuple[str, ...] = ()
    version_loaded: bool = True

    @property
    def is_current(self) -> bool:
        return self.status == "current"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A national code and what it is in MyHealth@EU. Only ``status`` ``valid`` is to be used without a warning."""

    source_system: str
    source_code: str
    target_system: str
    target_code: str
    target_system_name: str
    status: str
    priority: int = 0
    comment: str = ""

    @property
    def is_valid(self) -> bool:
        return self.status == "valid"


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One version of a value set. ``version_loaded`` is False when another version was asked for than is loaded."""

    oid: str
    name: str
    version: str
    effective: str
    size: int
    version_loaded: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says of itself. ``digest`` is SHA-256 over its whole content in a fixed order, in hexadecimal."""

    release: str
    created: str
    base: str
    digest: str
    counts: dict[str, int]
    languages: dict[str, int]
    sources: tuple[dict[str, str], ...]
