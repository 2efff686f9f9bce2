"""The rule file: who may log in, as data (``config/eligibility``, ``docs/eligibility.md``).

Knows every key and refuses what is misspelt; nothing of tokens and of the persons that are judged.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ncp.eligibility.refusals import Refusal
from saml_assertions import facts

LARGEST = 512 * 1024
STEPS = ("profession", "student", "section", "situation", "mode", "place")
"""Steps of the program's own; any other name in ``order`` is that of an exclusion."""
NEEDS = ("name", "locality", "sector")
_SCOPES = ("activity", "exercice", "person")
_OF_ACTIVITY = ("functions", "sections", "sectors", "kinds")
_PLACEHOLDERS = frozenset(("profession",))


class RulesRefused(ValueError):
    """A rule file that cannot be used: ``key`` is what is wrong, ``problem`` how, ``remedy`` what to do."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}; {remedy}" if key else f"{problem}; {remedy}")
        self.key = key
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold of an exercice and an activity; None holds always. ``""`` in a set stands for "not given"."""

    professions: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    categories_except: frozenset[str] = frozenset()
    skills: frozenset[str] | None = None
    functions: frozenset[str] | None = None
    sections: frozenset[str] | None = None
    sectors: frozenset[str] | None = None
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """One line of the positive list."""

    id: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who is refused although the positive list names the profession; ``scope`` activity, exercice or person."""

    id: str
    refusal: Refusal
    condition: Condition
    scope: str = "activity"


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """When a place is known well enough, and which texts stand for nothing."""

    needs: frozenset[str]
    placeholders: frozenset[str]
    home_country_codes: frozenset[str] = frozenset({""})
    sectors_undefined: frozenset[str] = frozenset()
    allow_undefined: bool = False
    use_subject_organization: bool = False


@dataclass(frozen=True, slots=True)
class PracticeRules:
    """Rules for exercices and activities, as Pro Santé Connect tells them."""

    order: tuple[str, ...]
    admissions: tuple[Admission, ...]
    exclusions: tuple[Exclusion, ...]
    student_categories: frozenset[str]
    student_without_function: bool
    empty_category: str
    modes: frozenset[str]
    organisation_prefix: str
    organisation_numbers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """Where claims are found: by purpose the places in order, each a list of dotted names that are put together."""

    places: Mapping[str, tuple[tuple[tuple[str, ...], ...], ...]]
    situations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """One rule file. ``judge`` tells how persons are described; the rest is common."""

    judge: PracticeRules | ClaimRules
    place: PlaceRules
    roles: Mapping[str, str]
    facilities: Mapping[str, str]
    professions: Mapping[str, Mapping[str, str]]
    messages: Mapping[str, Mapping[str, str]]

    def profession(self, code: str, language: str) -> str:
        """The name of a profession in ``language``, else in the first language of the file, else its code."""
        names = self.professions.get(code, {})
        return names.get(_base(language)) or next(iter(names.values()), code)

    def message(self, refusal: Refusal, language: str, profession: str = "") -> tuple[str, str]:
        """What somebody is told, and the language it is in: the one asked for, else the first of the file."""
        spoken = _base(language) if _base(language) in self.messages else next(iter(self.messages))
        text = self.messages[spoken][refusal.value]
        return text.replace("{profession}", self.profession(profession, spoken) or "–"), spoken


def read_rules(data: bytes) -> Rules:
    """The rules of a file. Raises ``RulesRefused``, which names the key."""
    if len(data) > LARGEST:
        raise RulesRefused("", "larger than 512 KB", "is this the right file?")
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8 text"
        raise RulesRefused("", f"not TOML: {said}", 'texts stand in quotes: key = "value"') from None
    top = _Table(values, "")
    kind = top.choice("kind", ("practices", "claims"))
    top.text("country")
    rules = Rules(
        judge=_practices(top) if kind == "practices" else _claims(top),
        place=_place(top.table("place")),
        roles={_code(key): role for key, role in top.table("roles").all_of(tuple(facts.ROLES)).items()},
        facilities={
            _code(key): kind for key, kind in top.table("facilities").all_of(tuple(facts.FACILITY_TYPES)).items()
        },
        professions={_code(key): names.texts_by_name() for key, names in top.table("professions").tables()},
        messages=_messages(top.table("messages")),
    )
    top.end()
    if isinstance(rules.judge, PracticeRules):
        _every_admitted_has_a_role(rules.judge, rules.roles)
    return rules


def _practices(top: _Table) -> PracticeRules:
    students, category, modes = top.table("students"), top.table("category"), top.table("modes")
    organisation = top.table("organisation")
    judge = PracticeRules(
        order=tuple(top.texts("order")),
        admissions=tuple(_admission(table) for table in top.tables_of("admit")),
        exclusions=tuple(each for table in top.tables_of("exclude") if (each := _exclusion(table)) is not None),
        student_categories=_codes(students.texts("categories")),
        student_without_function=students.choice("function_missing", ("allow", "refuse")) == "allow",
        empty_category=_code(category.text("when_empty")),
        modes=_codes(modes.texts("accepted")),
        organisation_prefix=organisation.text("prefix"),
        organisation_numbers=organisation.pairs("numbers"),
    )
    for table in (students, category, modes, organisation):
        table.end()
    _check_order(judge, {each.text("id") for each in top.tables_of("exclude")})
    return judge


def _admission(table: _Table) -> Admission:
    admission = Admission(table.text("id"), _condition(table))
    if not admission.condition.professions:
        raise table.refused("professions", "missing", "name at least one profession")
    table.end()
    return admission


def _exclusion(table: _Table) -> Exclusion | None:
    code = table.choice("code", tuple(Refusal))
    exclusion = Exclusion(
        table.text("id"), Refusal(code), _condition(table), table.choice("scope", _SCOPES, default="activity")
    )
    enabled = table.flag("enabled", default=True)
    if exclusion.condition == Condition():
        raise table.refused("", "has no condition", "it would refuse everybody: name what is excluded")
    table.end()
    return exclusion if enabled else None


def _condition(table: _Table) -> Condition:
    names = ("professions", "categories", "skills", "functions", "sections", "sectors", "kinds")
    given: dict[str, frozenset[str]] = {name: _codes(table.texts(name)) for name in names if name in table.values}
    return Condition(**given, categories_except=_codes(table.texts("categories_except", default=())))


def _check_order(judge: PracticeRules, named: set[str]) -> None:
    remedy = f"name each of {', '.join((*STEPS, *sorted(named)))} once"
    if sorted(judge.order) != sorted({*STEPS, *named}):
        raise RulesRefused("order", "a step is missing, unknown or stands twice", remedy)
    if judge.order[:2] != ("profession", "student"):
        raise RulesRefused("order", "begins with another step", 'begin with "profession", "student"')
    after = judge.order[judge.order.index("situation") :]
    for each in judge.exclusions:
        if any(getattr(each.condition, name) is not None for name in _OF_ACTIVITY) and each.id not in after:
            raise RulesRefused(
                "order", f"{each.id} looks at the activity before there is one", "put it after situation"
            )
    if not {"mode", "place"} <= set(after):
        raise RulesRefused("order", "mode or place stand before situation", "put them after situation")


def _every_admitted_has_a_role(judge: PracticeRules, roles: Mapping[str, str]) -> None:
    for admission in judge.admissions:
        for profession in sorted(admission.condition.professions or ()):
            if profession not in roles:
                raise RulesRefused("roles", f"no role for the profession {profession}", "name its ISCO code")


CLAIMS = ("identifier", "name", "role", "facility_type", "organisation", "organisation_id", "address")
_NEEDED_CLAIMS = ("identifier", "name", "role", "organisation", "address")


def _claims(top: _Table) -> ClaimRules:
    table = top.table("claims")
    for name in _NEEDED_CLAIMS:
        if not table.texts(name):
            raise table.refused(name, "empty", "name the claim that gives it")
    places = {
        name: tuple(
            tuple(tuple(part.split(".")) for part in place.split("+")) for place in table.texts(name, default=())
        )
        for name in CLAIMS
    }
    situations = table.text("situations", default="")
    table.end()
    return ClaimRules(places, tuple(situations.split(".")) if situations else ())


def _place(table: _Table) -> PlaceRules:
    needs = table.texts("needs")
    if not set(needs) <= set(NEEDS):
        raise table.refused("needs", "names something unknown", f"choose from {', '.join(NEEDS)}")
    place = PlaceRules(
        needs=frozenset(needs),
        placeholders=_codes(table.texts("placeholders", default=())),
        home_country_codes=_codes(table.texts("home_country_codes", default=("",))),
        sectors_undefined=_codes(table.texts("sectors_undefined", default=())),
        allow_undefined=table.choice("sector_undefined", ("refuse", "allow"), default="refuse") == "allow",
        use_subject_organization=table.choice("subject_organization", ("ignore", "use"), default="ignore") == "use",
    )
    table.end()
    return place


def _messages(table: _Table) -> dict[str, dict[str, str]]:
    messages = {}
    for language, texts in table.tables():
        given = texts.texts_by_name()
        for code in Refusal:
            if not given.get(code.value, "").strip():
                raise texts.refused(code.value, "missing", "write the text of this code in every language")
        for name, text in given.items():
            if name not in Refusal.__members__:
                raise texts.refused(name, "no code of this program", f"known: {', '.join(Refusal)}")
            if not _placeholders(text) <= _PLACEHOLDERS:
                raise texts.refused(name, "holds an unknown placeholder", "only {profession} is filled in")
        messages[language] = given
    if not messages:
        raise table.refused("", "no language", "add [messages.en]")
    return messages


def _placeholders(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return {"{"}


def _base(language: str) -> str:
    return language.partition("-")[0].lower()


def _code(text: str) -> str:
    return text.strip().upper()


def _codes(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(_code(text) for text in texts)


class _Table:
    """A table of the file that remembers which of its keys were read."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.values = values
        self._name = name
        self._read: set[str] = set()

    def refused(self, key: str, problem: str, remedy: str) -> RulesRefused:
        return RulesRefused(".".join(part for part in (self._name, key) if part), problem, remedy)

    def _get(self, key: str, kind: type, default: Any) -> Any:
        self._read.add(key)
        value = self.values.get(key, default)
        if value is None:
            raise self.refused(key, "missing", "write it as in the file that ships")
        if not isinstance(value, kind):
            raise self.refused(key, "not of the right kind", f"expected: {_KINDS[kind]}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._get(key, str, default))

    def flag(self, key: str, *, default: bool) -> bool:
        return bool(self._get(key, bool, default))

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            raise self.refused(key, f"unknown value ({value[:40]!r})", f"choose from {', '.join(known)}")
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        values = self._get(key, list, None if default is None else list(default))
        if not all(isinstance(value, str) for value in values):
            raise self.refused(key, "not a list of texts", 'write ["A", "B"]')
        return tuple(values)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        found = []
        for value in self._get(key, list, None):
            if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
                raise self.refused(key, "not a list of pairs", 'write [["name", "prefix"]]')
            found.append((value[0], value[1]))
        return tuple(found)

    def table(self, key: str) -> _Table:
        return _Table(self._get(key, dict, None), f"{self._name}.{key}" if self._name else key)

    def tables_of(self, key: str) -> list[_Table]:
        values = self._get(key, list, [])
        if not all(isinstance(value, dict) for value in values):
            raise self.refused(key, "not a list of tables", f"write [[{key}]]")
        return [_Table(value, f"{key}[{position}]") for position, value in enumerate(values)]

    def tables(self) -> list[tuple[str, _Table]]:
        return [(key, self.table(key)) for key in self.values]

    def texts_by_name(self) -> dict[str, str]:
        return {key: self.text(key) for key in self.values}

    def all_of(self, known: Sequence[str]) -> dict[str, str]:
        return {key: self.choice(key, known) for key in self.values}

    def end(self) -> None:
        """Raises ``RulesRefused`` for a key that nothing reads."""
        for key in self.values:
            if key not in self._read:
                raise self.refused(key, "unknown key", f"known here: {', '.join(sorted(self._read))}")


_KINDS = {str: "text in quotes", bool: "true or false", list: "a list", dict: "a table"}
