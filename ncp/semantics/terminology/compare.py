"""What one release has, and another has not: counted, with examples, and whether it needs a person's consent.

Reads two files of ``release_file``; decides with ``Difference.losses`` what an operator must confirm.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ncp.semantics.terminology.release_file import ReleaseDamaged, open_read_only

SHOWN = 200
"""Examples of each kind."""
LOSS_PERCENT = 1
"""A value set that loses more of its members than this needs confirmation."""

_CONCEPT = "SELECT s.oid AS oid, c.code AS code FROM {0}.concept c JOIN {0}.system s ON s.id = c.system"
_NAME = (
    "SELECT s.oid AS oid, c.code AS code, l.tag AS tag, d.text AS text FROM {0}.designation d "
    "JOIN {0}.concept c ON c.id = d.concept JOIN {0}.system s ON s.id = c.system "
    "JOIN {0}.language l ON l.id = d.language WHERE d.rank = 0"
)
_MAP = (
    "SELECT s.oid, c.code, t.oid, k.code, m.status FROM {0}.mapping m JOIN {0}.concept c ON c.id = m.source "
    "JOIN {0}.system s ON s.id = c.system JOIN {0}.concept k ON k.id = m.target JOIN {0}.system t ON t.id = k.system"
)
_MEMBER = (
    "SELECT DISTINCT w.oid AS oid, s.oid AS system, c.code AS code FROM {0}.member m "
    "JOIN {0}.value_set_version v ON v.id = m.version JOIN {0}.value_set w ON w.id = v.value_set "
    "JOIN {0}.concept c ON c.id = m.concept JOIN {0}.system s ON s.id = c.system"
)


@dataclass(frozen=True, slots=True)
class Change:
    """So many differences of one kind, and the first of them, each as its columns."""

    count: int
    examples: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SetChange:
    """A value set (all its versions together) that gained or lost members."""

    oid: str
    name: str
    before: int
    added: int
    removed: int

    @property
    def is_loss(self) -> bool:
        return self.removed * 100 > self.before * LOSS_PERCENT


@dataclass(frozen=True, slots=True)
class Difference:
    """From release ``before`` to release ``after``. Columns: concepts (system, code); names (system, code, language,
    text), renamed (system, code, language, old, new); mappings (source system, code, target system, code, status)."""

    before: str
    after: str
    added_concepts: Change
    removed_concepts: Change
    added_names: Change
    removed_names: Change
    renamed: Change
    added_mappings: Change
    removed_mappings: Change
    value_sets: tuple[SetChange, ...]

    @property
    def is_empty(self) -> bool:
        return not self.value_sets and not any(
            getattr(self, name).count for name in self.__slots__ if isinstance(getattr(self, name), Change)
        )

    @property
    def losses(self) -> tuple[str, ...]:
        """What a person should agree to before the new release becomes active, in words; empty when nothing."""
        found = [
            f"{change.count} {what}"
            for change, what in (
                (self.removed_concepts, "concepts are gone"),
                (self.renamed, "names have changed"),
                (self.removed_names, "names are gone"),
                (self.removed_mappings, "mappings are gone or changed"),
            )
            if change.count
        ]
        found += [
            f"value set {one.name or one.oid} loses {one.removed} of {one.before} codes"
            for one in self.value_sets
            if one.is_loss
        ]
        return tuple(found)


def compare(before: Path, after: Path) -> Difference:
    """Everything that differs between two releases. ``ReleaseDamaged`` when one cannot be read."""
    open_read_only(before).close()
    connection = open_read_only(after)
    try:
        connection.execute("ATTACH DATABASE ? AS old", (f"{before.resolve().as_uri()}?mode=ro&immutable=1",))
        return _Comparison(connection).difference(before.stem, after.stem)
    except sqlite3.Error:
        raise ReleaseDamaged("a release cannot be read") from None
    finally:
        connection.close()


class _Comparison:
    """The queries. ``main`` is the newer release, ``old`` the older."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def difference(self, before: str, after: str) -> Difference:
        name_key = "SELECT oid, code, tag FROM ({0})"
        return Difference(
            before,
            after,
            added_concepts=self._only_in("main", "old", _CONCEPT),
            removed_concepts=self._only_in("old", "main", _CONCEPT),
            added_names=self._only_in("main", "old", name_key.format(_NAME)),
            removed_names=self._only_in("old", "main", name_key.format(_NAME)),
            renamed=self._change(
                f"SELECT o.oid, o.code, o.tag, o.text, n.text FROM ({_NAME.format('old')}) o "  # noqa: S608
                f"JOIN ({_NAME.format('main')}) n ON n.oid = o.oid AND n.code = o.code AND n.tag = o.tag "
                "WHERE n.text <> o.text"
            ),
            added_mappings=self._only_in("main", "old", _MAP),
            removed_mappings=self._only_in("old", "main", _MAP),
            value_sets=self._value_sets(),
        )

    def _only_in(self, here: str, there: str, query: str) -> Change:
        return self._change(f"{query.format(here)} EXCEPT {query.format(there)}")

    def _change(self, query: str) -> Change:
        count, examples = 0, []
        for row in self._db.execute(query):
            count += 1
            if count <= SHOWN:
                examples.append(tuple(map(str, row)))
        return Change(count, tuple(examples))

    def _value_sets(self) -> tuple[SetChange, ...]:
        names: dict[str, str] = {}
        for schema in ("old", "main"):
            names.update(self._db.execute(f"SELECT oid, name FROM {schema}.value_set"))  # noqa: S608
        before = self._sizes(_MEMBER.format("old"))
        added = self._sizes(f"{_MEMBER.format('main')} EXCEPT {_MEMBER.format('old')}")
        removed = self._sizes(f"{_MEMBER.format('old')} EXCEPT {_MEMBER.format('main')}")
        return tuple(
            SetChange(oid, names.get(oid, ""), before.get(oid, 0), added.get(oid, 0), removed.get(oid, 0))
            for oid in sorted({*added, *removed})
        )

    def _sizes(self, query: str) -> dict[str, int]:
        return dict(self._db.execute(f"SELECT oid, count(*) FROM ({query}) GROUP BY oid"))  # noqa: S608
