"""Answers from one release: designations, concepts, mappings, value sets. Read-only, thread-safe, one per process.

Knows the tables of ``release_file`` and the look-up rules (``docs/terminology.md``). Answers are kept in bounded
caches, which need no clearing because a release never changes.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ncp.semantics.terminology import systems
from ncp.semantics.terminology.answers import Concept, Designation, Mapping, Match, System, ValueSet
from ncp.semantics.terminology.languages import choices
from ncp.semantics.terminology.release_file import KINDS, ReleaseDamaged, open_read_only, read_manifest

CACHED = 8192
"""Answers kept per question; one answer takes some 400 bytes."""


class Release:
    """One release. Use the same one for a whole document, so that all its codes are read alike."""

    def __init__(self, path: Path) -> None:
        connection = open_read_only(path)
        weakref.finalize(self, connection.close)
        try:
            self.manifest = read_manifest(connection)
            questions = _Questions(connection)
        except (sqlite3.Error, ReleaseDamaged):
            connection.close()
            raise ReleaseDamaged("the release cannot be read") from None
        self._questions = questions
        self._lookup = lru_cache(CACHED)(questions.lookup)
        self._concept = lru_cache(CACHED)(questions.concept)
        self._mappings = lru_cache(CACHED)(questions.mappings)
        self._value_set = lru_cache(1024)(questions.value_set)
        self._contains = lru_cache(CACHED)(questions.contains)
        self._systems_in = lru_cache(1024)(questions.systems_in)
        self._designations = lru_cache(CACHED)(questions.designations)

    @property
    def name(self) -> str:
        """Identifier of the release; to be kept with everything that was read with it."""
        return self.manifest.release

    def lookup(self, system: str, code: str, language: str, version: str | None = None) -> Designation | None:
        """The best name of a code, or None when the release has none in this language and none in English.

        ``system`` is the OID (or FHIR address) and counts alone; the name of a system never does. A ``version`` that is
        not loaded does not hide the name: the answer says so.
        """
        return self._lookup(system, code, language, version or "")

    def concept(self, system: str, code: str, version: str | None = None) -> Concept | None:
        """The concept itself; None when the system or the code is unknown."""
        return self._concept(system, code, version or "")

    def mappings(self, system: str, code: str) -> tuple[Mapping, ...]:
        """All mappings of a national code, valid ones first, then by priority."""
        return self._mappings(system, code)

    def map(self, system: str, code: str, value_set: str | None = None) -> Mapping | None:
        """The mapping to use: the first valid one (into that value set, when one is named and loaded), else the first
        of any status, else None."""
        found = self._mappings(system, code)
        if value_set is not None:
            inside = [
                one for one in found if self._contains(value_set, one.target_system, one.target_code, "") is not False
            ]
            return inside[0] if inside else None
        return found[0] if found else None

    def value_set(self, oid: str, version: str | None = None) -> ValueSet | None:
        """That version of a value set, else its newest one; None when the value set is not loaded."""
        return self._value_set(oid, version or "")

    def contains(self, value_set: str, system: str, code: str, version: str | None = None) -> bool | None:
        """Whether the code is a member; None when the value set is not loaded (then nobody can tell)."""
        return self._contains(value_set, system, code, version or "")

    def members(self, value_set: str, version: str | None = None) -> Iterator[tuple[str, str]]:
        """(system, code) of every member; empty when the value set is not loaded."""
        return self._questions.members(value_set, version or "")

    def systems_in(self, value_set: str) -> tuple[str, ...]:
        """The code systems that the newest version of a value set draws from, the one with most members first."""
        return self._systems_in(value_set)

    def designations(self, system: str, code: str, tag: str) -> tuple[Designation, ...]:
        """All names of exactly this code in exactly this language tag, current and retired, the preferred first."""
        return self._designations(system, code, tag)

    def system(self, identifier: str) -> System | None:
        """A code system by OID or FHIR address."""
        return self._questions.system(identifier)

    @property
    def languages(self) -> tuple[str, ...]:
        """Tags of all languages with at least one designation."""
        return tuple(self.manifest.languages)

    @property
    def value_sets(self) -> tuple[ValueSet, ...]:
        """Every value set in its newest version."""
        return self._questions.value_sets()


_Tier = tuple[str, tuple[int, ...], dict[int, tuple[int, str, Match]]]
"""A query, the languages it asks for, and for each of them position, tag and nearness."""


class _Questions:
    """The queries, uncached. Statements are prepared once by SQLite's own cache; one at a time per connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        # One cursor for all questions: each takes its rows at once, and making a cursor costs more than that.
        self._cursor = connection.cursor()
        self._lock = threading.Lock()
        self._languages = dict(connection.execute("SELECT tag, id FROM language").fetchall())
        self._systems: dict[int, System] = {}
        self._by_key: dict[str, int] = {}
        versions: dict[int, list[str]] = {}
        for number, label in connection.execute("SELECT system, label FROM system_version ORDER BY effective, label"):
            versions.setdefault(number, []).append(label)
        for number, oid, name, url in connection.execute("SELECT id, oid, name, url FROM system ORDER BY id"):
            self._systems[number] = System(oid, name, url, tuple(versions.get(number, ())))
            self._by_key[oid] = number
            if url:
                self._by_key.setdefault(url, number)
        self._families = lru_cache(256)(self._family)
        # Counting members takes milliseconds for the large value sets, and there are few dozens of them.
        self._sets = lru_cache(1024)(self._set_version)

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._cursor.execute(query, values).fetchall()

    def _number(self, identifier: str) -> int | None:
        number = self._by_key.get(identifier)
        return number if number is not None else self._by_key.get(systems.oid_of(identifier))

    def system(self, identifier: str) -> System | None:
        number = self._number(identifier)
        return None if number is None else self._systems[number]

    def _family(self, language: str) -> tuple[_Tier, ...]:
        """Languages to look into as at most two queries: the language asked for, and only then English."""
        found = choices(language, self._languages)
        order = {self._languages[tag]: (place, tag, match) for place, (tag, match) in enumerate(found)}
        tiers = []
        for english in (False, True):
            numbers = tuple(n for n, (_, _, match) in order.items() if (match is Match.ENGLISH) is english)
            if numbers:
                marks = ", ".join("?" * len(numbers))
                query = (
                    "SELECT c.id, c.status, d.language, d.rank, d.text, d.kind, d.preferred, d.status "  # noqa: S608
                    "FROM concept c CROSS JOIN designation d ON d.concept = c.id "
                    f"WHERE c.system = ? AND c.code = ? AND d.language IN ({marks})"
                )
                tiers.append((query, numbers, order))
        return tuple(tiers)

    def _find(self, system: str, code: str) -> tuple[int, int, str] | None:
        number = self._number(system)
        if number is None:
            return None
        found = self._rows("SELECT id, status FROM concept WHERE system = ? AND code = ?", (number, code))
        if not found:
            return None
        concept, status = found[0]
        return number, concept, status or "current"

    def _version_loaded(self, number: int, concept: int, version: str) -> bool:
        if not version:
            return True
        if version not in self._systems[number].versions:
            return False
        labels = self._versions(concept)
        return not labels or version in labels

    def _versions(self, concept: int) -> tuple[str, ...]:
        query = (
            "SELECT v.label FROM concept_version x JOIN system_version v ON v.id = x.version "
            "WHERE x.concept = ? ORDER BY v.effective, v.label"
        )
        return tuple(str(row[0]) for row in self._rows(query, (concept,)))

    def lookup(self, system: str, code: str, language: str, version: str) -> Designation | None:
        found = self._designation(system, code, language, version, is_alias=False)
        if found is None:
            oid = systems.oid_of(system)
            for other, spelling in systems.aliases(oid, code):
                found = self._designation(other, spelling, language, "", is_alias=True)
                if found is not None:
                    break
        return found

    def _designation(
        self, system: str, code: str, language: str, version: str, *, is_alias: bool
    ) -> Designation | None:
        number = self._number(system)
        if number is None:
            return None
        for query, languages, order in self._families(language):  # noqa: B007  used after the loop
            candidates = self._rows(query, (number, code, *languages))
            if candidates:
                break
        else:
            return None
        row = candidates[0]
        if len(candidates) > 1:
            row = min(
                candidates,
                key=lambda one: (
                    one[7] is not None,
                    order[one[2]][2] is Match.REGION,
                    one[5],
                    order[one[2]][0],
                    one[3],
                ),
            )
        concept, concept_status, tag_number, _, text, kind, preferred, status = row
        _, tag, match = order[tag_number]
        # By position: passing eleven names is a twelfth of a first look-up.
        return Designation(
            self._systems[number].oid,
            code,
            text,
            tag,
            match,
            KINDS[kind],
            bool(preferred),
            status is None,
            concept_status or "current",
            not version or self._version_loaded(number, concept, version),
            is_alias,
        )

    def concept(self, system: str, code: str, version: str) -> Concept | None:
        found = self._find(system, code)
        if found is None:
            return None
        number, key, status = found
        home = self._systems[number]
        return Concept(
            system=home.oid,
            system_name=home.name,
            system_url=home.url,
            code=code,
            status=status,
            versions=self._versions(key),
            version_loaded=self._version_loaded(number, key, version),
        )

    def mappings(self, system: str, code: str) -> tuple[Mapping, ...]:
        found = self._find(system, code)
        if found is None:
            return ()
        source = self._systems[found[0]].oid
        query = (
            "SELECT c.system, c.code, m.status, m.priority, m.comment FROM mapping m JOIN concept c ON c.id = m.target "
            "WHERE m.source = ? ORDER BY m.rank"
        )
        return tuple(
            Mapping(
                source_system=source,
                source_code=code,
                target_system=self._systems[target].oid,
                target_code=target_code,
                target_system_name=self._systems[target].name,
                status=status,
                priority=priority,
                comment=comment,
            )
            for target, target_code, status, priority, comment in self._rows(query, (found[1],))
        )

    def _set_version(self, oid: str, version: str) -> tuple[int, ValueSet] | None:
        query = (
            "SELECT v.id, w.name, v.label, v.effective, (SELECT count(*) FROM member m WHERE m.version = v.id) "
            "FROM value_set w JOIN value_set_version v ON v.value_set = w.id WHERE w.oid = ? "
            "ORDER BY v.label = ? DESC, v.status IS NOT NULL, v.effective DESC, v.id DESC LIMIT 1"
        )
        found = self._rows(query, (oid, version))
        if not found:
            return None
        number, name, label, effective, size = found[0]
        loaded = not version or label == version
        return number, ValueSet(oid, name, label, effective, size, loaded)

    def value_set(self, oid: str, version: str) -> ValueSet | None:
        found = self._sets(oid.strip(), version)
        return None if found is None else found[1]

    def value_sets(self) -> tuple[ValueSet, ...]:
        oids = [str(row[0]) for row in self._rows("SELECT oid FROM value_set ORDER BY oid", ())]
        return tuple(found[1] for found in (self._set_version(oid, "") for oid in oids) if found is not None)

    def contains(self, oid: str, system: str, code: str, version: str) -> bool | None:
        found = self._sets(oid.strip(), version)
        if found is None:
            return None
        concept = self._find(system, code)
        if concept is None:
            return False
        return bool(self._rows("SELECT 1 FROM member WHERE version = ? AND concept = ?", (found[0], concept[1])))

    def systems_in(self, oid: str) -> tuple[str, ...]:
        found = self._sets(oid.strip(), "")
        if found is None:
            return ()
        query = (
            "SELECT c.system, count(*) FROM member m JOIN concept c ON c.id = m.concept WHERE m.version = ? "
            "GROUP BY c.system ORDER BY count(*) DESC, c.system"
        )
        return tuple(self._systems[number].oid for number, _ in self._rows(query, (found[0],)))

    def designations(self, system: str, code: str, tag: str) -> tuple[Designation, ...]:
        concept, language = self._find(system, code), self._languages.get(tag)
        if concept is None or language is None:
            return ()
        query = (
            "SELECT text, kind, preferred, status FROM designation WHERE concept = ? AND language = ? "
            "ORDER BY preferred DESC, rank"
        )
        return tuple(
            Designation(
                self._systems[concept[0]].oid,
                code,
                text,
                tag,
                Match.EXACT,
                KINDS[kind],
                bool(preferred),
                status is None,
                concept[2],
            )
            for text, kind, preferred, status in self._rows(query, (concept[1], language))
        )

    def members(self, oid: str, version: str) -> Iterator[tuple[str, str]]:
        found = self._sets(oid.strip(), version)
        if found is None:
            return
        query = "SELECT c.system, c.code FROM member m JOIN concept c ON c.id = m.concept WHERE m.version = ?"
        for number, code in self._rows(query, (found[0],)):
            yield self._systems[number].oid, str(code)
