"""The catalogue: a folder of releases, exactly one of them active, and a reader that follows every activation.

A release becomes visible when its complete file gets its name, and active when the file ``active`` is replaced: both
are one atomic step of the file system, so a reader sees the old release or the new one and never anything between.
Leaves what is inside a release to ``release_file`` and ``release``, and building one to ``importing``.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ncp.semantics.terminology import release_file
from ncp.semantics.terminology.answers import Concept, Designation, Manifest, Mapping, ValueSet
from ncp.semantics.terminology.release import Release
from ncp.semantics.terminology.release_file import SUFFIX, ReleaseDamaged
from ncp.wire.errors import Code, NcpError

RECHECK = 0.2
"""Seconds between two looks at which release is active: a look costs a system call, a look-up does not."""

_ACTIVE = "active"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


class CatalogueError(NcpError):
    """There is no release to read with, or the one named cannot be used."""

    def __init__(self, reason: str, context: str = "") -> None:
        super().__init__(Code.GENERIC, reason, context=context)


NO_RELEASE = "terminology.no_release"
UNKNOWN_RELEASE = "terminology.unknown_release"
DAMAGED_RELEASE = "terminology.damaged_release"


@dataclass(frozen=True, slots=True)
class Listed:
    """A release as ``ReleaseFolder.releases`` lists it."""

    manifest: Manifest
    is_active: bool
    size: int


class ReleaseFolder:
    """The releases on disk: list, activate, name a new one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, release: str) -> Path:
        """File of a release. ``CatalogueError`` for a name that could leave the folder."""
        if not _NAME.fullmatch(release):
            raise CatalogueError(UNKNOWN_RELEASE)
        return self.folder / f"{release}{SUFFIX}"

    def active(self) -> str:
        """Name of the active release; empty when there is none yet."""
        try:
            named = json.loads((self.folder / _ACTIVE).read_text(encoding="utf-8"))["release"]
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError):
            raise CatalogueError(DAMAGED_RELEASE, "the file that names the active release cannot be read") from None
        return str(named)

    def names(self) -> list[str]:
        """Names of all complete releases, in order of name."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"[!.]*{SUFFIX}"))

    def releases(self) -> Iterator[Listed]:
        """Every readable release; one that is damaged is left out (``activate`` and ``verify`` tell of it)."""
        active = self.active()
        for name in self.names():
            try:
                manifest = self.manifest(name)
            except CatalogueError:
                continue
            yield Listed(manifest, name == active, self.path(name).stat().st_size)

    def manifest(self, release: str) -> Manifest:
        """What a release says of itself, without reading all of it."""
        path = self.path(release)
        if not path.is_file():
            raise CatalogueError(UNKNOWN_RELEASE)
        try:
            connection = release_file.open_read_only(path)
            try:
                return release_file.read_manifest(connection)
            finally:
                connection.close()
        except ReleaseDamaged as damaged:
            raise CatalogueError(DAMAGED_RELEASE, str(damaged)) from None

    def verify(self, release: str) -> Manifest:
        """Read a release completely and compare it with its checksum."""
        path = self.path(release)
        if not path.is_file():
            raise CatalogueError(UNKNOWN_RELEASE)
        try:
            return release_file.verify(path)
        except ReleaseDamaged as damaged:
            raise CatalogueError(DAMAGED_RELEASE, str(damaged)) from None

    def draft_path(self) -> Path:
        """Where to build the next release: a hidden name in the same folder, so that naming it is atomic."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f".draft-{os.getpid()}-{threading.get_ident()}{SUFFIX}"

    def publish(self, draft: Path, release: str) -> None:
        """Give a finished draft its name. A release of that name with the same content stays as it is."""
        path = self.path(release)
        draft.chmod(0o444)
        try:
            os.link(draft, path)
        except FileExistsError:
            if self.manifest(release).digest != release_file.verify(draft).digest:
                raise CatalogueError(UNKNOWN_RELEASE, "another release has that name already") from None
        draft.unlink()
        _sync(self.folder)

    def activate(self, release: str) -> Manifest:
        """Make a release the active one, after reading all of it. Gateways follow within ``RECHECK`` seconds."""
        manifest = self.verify(release)
        self._point_to(release, manifest.digest)
        return manifest

    def activate_if_none(self, release: str) -> None:
        """Make it the active one unless another process has just made one so."""
        if not (self.folder / _ACTIVE).exists():
            self.activate(release)

    def _point_to(self, release: str, digest: str) -> None:
        draft = self.folder / f".{_ACTIVE}-{os.getpid()}-{threading.get_ident()}"
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"release": release, "digest": digest}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / _ACTIVE)
        _sync(self.folder)


class Catalogue:
    """The catalogue as the gateway reads it; one per process, shared by its threads.

    Every method asks the release that is active at that moment. For a document take ``current()`` once and ask that:
    then all its codes are read with one release, and its ``name`` can be kept with the result.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = ReleaseFolder(folder)
        self._pointer = folder / _ACTIVE
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = -RECHECK
        self._seen: tuple[int, int, int] | None = None
        self._process = os.getpid()
        self._release: Release | None = None
        self.problem = ""
        """Why the active release is not the one in use; empty when all is well."""

    def current(self) -> Release:
        """The active release. ``CatalogueError`` only when there never was one; a new one that cannot be read leaves
        the old one in use and sets ``problem``."""
        now = self._clock()
        release = self._release
        if release is not None and now - self._looked < RECHECK and self._process == os.getpid():
            return release
        return self._look(now)

    def _look(self, now: float) -> Release:
        with self._lock:
            if self._process != os.getpid():
                # A connection must not be used on the other side of a fork.
                self._process, self._release, self._seen = os.getpid(), None, None
            self._looked = now
            try:
                state = self._pointer.stat()
            except OSError:
                return self._kept(CatalogueError(NO_RELEASE))
            seen = (state.st_ino, state.st_mtime_ns, state.st_size)
            if self._release is not None and seen == self._seen:
                return self._release
            try:
                name = self._folder.active()
                self._release = Release(self._folder.path(name))
            except ReleaseDamaged as damaged:
                return self._kept(CatalogueError(DAMAGED_RELEASE, str(damaged)))
            except CatalogueError as error:
                return self._kept(error)
            self._seen, self.problem = seen, ""
            return self._release

    def _kept(self, error: CatalogueError) -> Release:
        self.problem = error.reason
        if self._release is None:
            raise error
        return self._release

    def lookup(self, system: str, code: str, language: str, version: str | None = None) -> Designation | None:
        """See ``Release.lookup``."""
        return self.current().lookup(system, code, language, version)

    def concept(self, system: str, code: str, version: str | None = None) -> Concept | None:
        """See ``Release.concept``."""
        return self.current().concept(system, code, version)

    def map(self, system: str, code: str, value_set: str | None = None) -> Mapping | None:
        """See ``Release.map``."""
        return self.current().map(system, code, value_set)

    def value_set(self, oid: str, version: str | None = None) -> ValueSet | None:
        """See ``Release.value_set``."""
        return self.current().value_set(oid, version)

    def contains(self, value_set: str, system: str, code: str, version: str | None = None) -> bool | None:
        """See ``Release.contains``."""
        return self.current().contains(value_set, system, code, version)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the active release."""
        return self.current().languages


def _sync(folder: Path) -> None:
    """Have the folder's names on disk before anybody relies on them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
