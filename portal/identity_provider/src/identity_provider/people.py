"""The invented professionals: who they are, what the provider says of them, what is expected of a portal.

Reads a file of people and puts defaults and own values together; what becomes of the claims is left to ``tokens``.
Format: docs/identity-provider.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from identity_provider.failures import FileProblem
from identity_provider.reading import Table, read_toml

MAX_PEOPLE = 500
LANGUAGES = ("fr", "en")
ADMITTED = "in"
"""The value of ``expects`` for people who may enter."""

_IDENTIFIER = "{identifier}"


class Spoil(StrEnum):
    """What the provider does wrongly for a person, so that a portal's checks can be seen to work."""

    ACR_MISSING = "acr_missing"
    ACR_LOW = "acr_low"
    AUTH_MODE_MISSING = "auth_mode_missing"
    AUTH_MODE_UNKNOWN = "auth_mode_unknown"
    NONCE = "nonce"
    NONCE_MISSING = "nonce_missing"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    SIGNATURE = "signature"
    UNSIGNED = "unsigned"
    SHARED_SECRET = "shared_secret"  # noqa: S105 -- the name of a fault: HS256 with the client's secret
    EXPIRED = "expired"
    SUB = "sub"
    USER_INFO_NOT_JSON = "user_info_not_json"
    USER_INFO_ACTIVITIES_NULL = "user_info_activities_null"
    USER_INFO_UNAVAILABLE = "user_info_unavailable"


@dataclass(frozen=True, slots=True)
class Means:
    """A way to log in ("carte CPS"), and the claims that tell of it."""

    id: str
    labels: Mapping[str, str]
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """One invented professional. ``user_info`` and ``id_token`` hold no claim that depends on a login."""

    id: str
    row: int
    expects: str
    name: str
    description: Mapping[str, str]
    sub: str
    user_info: Mapping[str, Any]
    id_token: Mapping[str, Any]
    spoil: Spoil | None = None

    @property
    def admitted(self) -> bool:
        """Whether a portal is expected to let this person in."""
        return self.expects == ADMITTED


@dataclass(frozen=True, slots=True)
class People:
    """Everybody of a file in its order, the ways to log in, and the words for the reasons of refusal."""

    means: tuple[Means, ...]
    persons: Mapping[str, Person]
    outcomes: Mapping[str, Mapping[str, str]]

    def groups(self) -> list[tuple[str, list[Person]]]:
        """Persons by expected outcome: those who may enter first, the others in the order of the file."""
        groups: dict[str, list[Person]] = {ADMITTED: []}
        for person in self.persons.values():
            groups.setdefault(person.expects, []).append(person)
        return [(outcome, persons) for outcome, persons in groups.items() if persons]


def read_people(path: Path) -> People:
    """Read a file of people.

    Raises:
        FileProblem: what is wrong, and where.
    """
    top = read_toml(path)
    defaults = _Defaults.read(top.table("defaults"))
    outcomes = {key: _labels(value, f"{path.name}: outcomes") for key, value in top.raw("outcomes").items()}
    means = tuple(_means(table) for table in top.tables("means"))
    persons: dict[str, Person] = {}
    for table in top.tables("people"):
        person = _person(table, defaults)
        if person.id in persons or any(person.sub == other.sub for other in persons.values()):
            raise FileProblem(f"{table.where}: {person.id} is there twice, or has the sub of another")
        if person.expects not in outcomes:
            raise FileProblem(f"{table.where}: expects {person.expects}, which outcomes does not explain")
        persons[person.id] = person
    top.finish()
    if not means or not 1 <= len(persons) <= MAX_PEOPLE:
        raise FileProblem(f"{path.name}: there must be means, and from 1 to {MAX_PEOPLE} people")
    return People(means, persons, outcomes)


@dataclass(frozen=True, slots=True)
class _Defaults:
    user_info: Mapping[str, Any]
    id_token: Mapping[str, Any]
    copied: tuple[str, ...]
    exercice: Mapping[str, Any]
    activity: Mapping[str, Any]

    @classmethod
    def read(cls, table: Table) -> _Defaults:
        defaults = cls(
            user_info=table.raw("user_info"),
            id_token=table.raw("id_token"),
            copied=table.texts("id_token_from_user_info"),
            exercice=table.raw("exercice"),
            activity=table.raw("activity"),
        )
        table.finish()
        return defaults


def _person(table: Table, defaults: _Defaults) -> Person:
    identifier, name = table.text("id"), table.text("name")
    own = table.raw("user_info")
    number = table.text("identifier", "")
    user_info: dict[str, Any] = {**_numbered(defaults.user_info, number), **own}
    if table.has("exercices"):
        exercices = [_exercice(one, own, defaults) for one in table.tables("exercices")]
        title = user_info.get("codeCivilite", "")
        user_info["SubjectRefPro"] = {"codeCivilite": title, "exercices": exercices}
    for key in table.texts("absent"):
        user_info.pop(key, None)
    person = Person(
        id=identifier,
        row=table.number("row", 0, 0, 1000),
        expects=table.text("expects"),
        name=name,
        description=_labels(table.raw("description"), f"{table.where}: description"),
        sub=table.text("sub", f"test:{identifier}"),
        user_info=user_info,
        id_token={**defaults.id_token, **{key: user_info[key] for key in defaults.copied if key in user_info}},
        spoil=_spoil(table),
    )
    table.finish()
    return person


def _exercice(table: Table, person: Mapping[str, Any], defaults: _Defaults) -> dict[str, Any]:
    """One profession, in the order of the directory's keys; ``activities`` is left out where the file has none."""
    activities = [_activity(one, defaults) for one in table.tables("activities")] if table.has("activities") else None
    names = {
        "nomDexercice": person.get("family_name", ""),
        "prenomDexercice": person.get("given_name", ""),
        "codeCiviliteDexercice": person.get("codeCivilite", ""),
    }
    exercice = {**defaults.exercice, **names, **_known(table, {**defaults.exercice, **names})}
    if activities is not None:
        exercice["activities"] = activities
    return exercice


def _activity(table: Table, defaults: _Defaults) -> dict[str, Any]:
    return {**defaults.activity, **_known(table, defaults.activity)}


def _known(table: Table, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The values a table has for these keys and no others: a misspelt key would make a person of another kind."""
    values = {key: table.text(key, "") for key in keys if table.has(key)}
    table.finish()
    return values


def _numbered(value: Any, number: str) -> Any:
    """The defaults with the person's national identifier in the places marked for it."""
    if isinstance(value, dict):
        return {key: _numbered(one, number) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbered(one, number) for one in value]
    return number if value == _IDENTIFIER else value


def _spoil(table: Table) -> Spoil | None:
    if not table.has("spoil"):
        return None
    value = table.text("spoil")
    try:
        return Spoil(value)
    except ValueError as error:
        raise FileProblem(f"{table.where}: spoil knows {', '.join(Spoil)}, not {value}") from error


def _means(table: Table) -> Means:
    means = Means(table.text("id"), _labels(table.raw("labels"), f"{table.where}: labels"), table.raw("claims"))
    table.finish()
    return means


def _labels(values: Any, where: str) -> Mapping[str, str]:
    if not isinstance(values, dict) or set(values) != set(LANGUAGES):
        raise FileProblem(f"{where}: there must be a text in each of {', '.join(LANGUAGES)}")
    if not all(isinstance(one, str) and one for one in values.values()):
        raise FileProblem(f"{where}: a text is empty")
    return dict(values)
