"""Building a release: a base, what is imported onto it, a report, and either a complete new release or nothing.

Leaves formats to the readers and tables to ``release_file``. Activation is a step of its own (``catalogue``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ncp.semantics.terminology import rows, shipped, systems
from ncp.semantics.terminology.answers import Manifest
from ncp.semantics.terminology.catalogue import ReleaseFolder
from ncp.semantics.terminology.release import Release
from ncp.semantics.terminology.release_file import Draft, ReleaseDamaged, rewrite_manifest
from ncp.semantics.terminology.rows import ImportRefused

REFUSED_SHOWN = 1000
"""Refused rows named in a report; the number of all of them is always given."""
_STEP = 10_000


@dataclass(frozen=True, slots=True)
class SourceNote:
    """Where imported content came from, kept in the release for ever."""

    name: str
    version: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``added`` counts rows read by kind; ``manifest`` tells what the release now holds."""

    manifest: Manifest
    added: dict[str, int]
    refused_count: int
    refused: tuple[rows.Refused, ...]
    missing_sets: tuple[str, ...]


def build_release(
    folder: ReleaseFolder,
    content: Iterable[rows.Row],
    *,
    at: datetime,
    sources: Callable[[], Sequence[SourceNote]],
    base: str = "",
    name: str = "",
    strict: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """A new release: that of ``base`` (none when empty) with ``content`` on top. It is not activated.

    Imported names replace those of the same concept and language, an imported version of a value set replaces that
    version, imported mappings replace those of the same source code; everything else of the base stays.
    ``sources`` is asked at the end, when the content has been read. ``ImportRefused`` leaves no release behind.
    """
    draft_path = folder.draft_path()
    try:
        draft = Draft(draft_path, folder.path(base) if base else None)
    except ReleaseDamaged as damaged:
        draft_path.unlink(missing_ok=True)
        raise ImportRefused(base, f"the base cannot be used: {damaged}") from None
    try:
        draft.add(_counted(content, progress))
        if not any(count for kind, count in draft.added.items() if kind not in ("Refused", "Note", "System")):
            raise ImportRefused("", "nothing in it could be imported")
        inherited = folder.manifest(base).sources if base else ()
        notes = ({"name": one.name, "version": one.version, "license": one.license} for one in sources())
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        manifest = draft.finish(name or stamp, at.isoformat(), base, (*inherited, *notes))
        if strict and draft.refused:
            place, line, reason = draft.refused[0]
            raise ImportRefused(place, f"{len(draft.refused)} rows refused, the first at {line}: {reason}")
        if not name:
            manifest = _renamed(draft_path, manifest, f"{stamp}-{manifest.digest[:8]}")
        folder.publish(draft_path, manifest.release)
    finally:
        draft.discard()
    return ImportReport(
        manifest,
        draft.added,
        len(draft.refused),
        draft.refused[:REFUSED_SHOWN],
        _missing(folder.path(manifest.release)),
    )


def ensure_shipped(folder: ReleaseFolder, at: datetime) -> str:
    """Name of the release with the shipped content, built when it is not there yet, and made active when no release
    is or when the active one is shipped content of an older version of the program."""
    name = f"shipped-{shipped.version()}"
    if not folder.path(name).is_file():
        note = SourceNote("content of the program", shipped.version(), "see config/terminology/PROVENANCE.md")
        build_release(folder, shipped.read(), at=at, sources=lambda: [note], name=name)
    active = folder.active()
    if not active:
        folder.activate_if_none(name)
    elif active.startswith("shipped-") and active != name:
        folder.activate(name)
    return name


def _counted(content: Iterable[rows.Row], progress: Callable[[int], None]) -> Iterator[rows.Row]:
    for number, row in enumerate(content, start=1):
        if number % _STEP == 0:
            progress(number)
        yield row


def _renamed(path: Path, manifest: Manifest, release: str) -> Manifest:
    """The manifest under the final name, which holds part of the digest and so is known only at the end."""
    renamed = replace(manifest, release=release)
    rewrite_manifest(path, renamed)
    return renamed


def _missing(path: Path) -> tuple[str, ...]:
    """Value sets that patient summaries need and the release has not."""
    release = Release(path)
    return tuple(f"{oid} {name}" for oid, name in systems.EXPECTED.items() if release.value_set(oid) is None)
