"""Professionals as Pro Santé Connect describes them: exercices, their activities, and the rules on every pair of them.

Claims and their oddities: ansforge/PSC-POC, ``remote-cache/resources/json-schemas/psc-data.json`` and its samples. A
missing value is an empty text, an absent key, or an absent list. Codes may come in lower case and with blanks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ncp.eligibility.claim_values import text_of, unreadable
from ncp.eligibility.refusals import Refusal
from ncp.eligibility.rules import Condition, Exclusion, PlaceRules, PracticeRules, Rules
from ncp.eligibility.situations import Evaluation, Situation, shown

EXERCICES_MAX = 50
ACTIVITIES_MAX = 200


@dataclass(frozen=True, slots=True, repr=False)
class Activity:
    """A practice situation. Codes are normalised, texts without placeholders; ``numbers`` by their name."""

    mode: str
    sector: str
    section: str
    function: str
    kind: str
    name: str
    street: str
    postal_code: str
    town: str
    commune: str
    country: str
    numbers: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Exercice:
    """A profession of the person, and where it is practised."""

    profession: str
    category: str
    skill: str
    name: str
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    identifier: str
    name: str
    exercices: tuple[Exercice, ...]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How far a pair got: ``rank`` is the position of the step that refused it."""

    rank: int
    refusal: Refusal
    rule: str
    profession: str


def evaluate(claims: Mapping[str, Any], rules: Rules) -> Evaluation:
    """Every pair judged; the pairs that pass, or the reason of the one that got furthest.

    Raises ``NotEligible`` UNREADABLE_CLAIMS for claims of another form.
    """
    judge = rules.judge
    if not isinstance(judge, PracticeRules):
        raise TypeError("rules of another kind")
    person = read_person(claims, judge, rules.place)
    passing: list[Situation] = []
    furthest: _Verdict | None = None
    barred = frozenset(_of_person(person, judge))
    for first, exercice in enumerate(person.exercices):
        for second, activity in _pairs(exercice):
            verdict = _judged(exercice, activity, barred, judge, rules.place)
            if verdict is None and activity is not None:
                passing.append(_situation(f"{first}.{second}", person, exercice, activity, rules))
            elif verdict is not None and (furthest is None or verdict.rank > furthest.rank):
                furthest = verdict
    if passing:
        return Evaluation(identifier=person.identifier, name=passing[0].name, situations=tuple(passing))
    if furthest is None:
        furthest = _NOBODY
    return Evaluation(
        identifier=person.identifier,
        name=person.name,
        refusal=furthest.refusal,
        rule=furthest.rule,
        profession=furthest.profession,
    )


_NOBODY = _Verdict(-1, Refusal.NOT_A_PROFESSIONAL, "none", "")


# --- the rules -------------------------------------------------------------------------------------------------------


def _pairs(exercice: Exercice) -> Iterator[tuple[int, Activity | None]]:
    yield from enumerate(exercice.activities) if exercice.activities else [(0, None)]


def _judged(
    exercice: Exercice, activity: Activity | None, barred: frozenset[str], judge: PracticeRules, place: PlaceRules
) -> _Verdict | None:
    """None for a pair that passes every step."""
    if not exercice.profession:
        return _NOBODY
    for rank, step in enumerate(judge.order):
        own = _STEPS.get(step)
        refusal = (
            own(exercice, activity, judge, place)
            if own is not None
            else _excluded(step, exercice, activity, barred, judge)
        )
        if refusal is not None:
            return _Verdict(rank, refusal, step, exercice.profession)
    return None


def _profession(
    exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules
) -> Refusal | None:
    """The profession is on the list. Of a student only the next step decides; any other category has to be listed."""
    listed = [each.condition for each in judge.admissions if exercice.profession in (each.condition.professions or ())]
    is_student = exercice.category in judge.student_categories
    if listed and (is_student or any(_has_category(condition, exercice) for condition in listed)):
        return None
    return Refusal.PROFESSION_NOT_ELIGIBLE


def _student(exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules) -> Refusal | None:
    if exercice.category not in judge.student_categories:
        return None
    for condition in _open_to(exercice, judge):
        if activity is None or condition.functions is None or activity.function in condition.functions:
            return None
        if not activity.function and judge.student_without_function:
            return None
    return Refusal.STUDENT_NOT_ELIGIBLE


def _section(exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules) -> Refusal | None:
    listed = _open_to(exercice, judge)
    if activity is None or all(each.sections is None and each.sectors is None for each in listed):
        return None
    if any(_in(activity.section, each.sections) and _in(activity.sector, each.sectors) for each in listed):
        return None
    return Refusal.PHARMACIST_SECTION


def _practice(exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules) -> Refusal | None:
    return Refusal.NO_PRACTICE_SITUATION if activity is None else None


def _mode(exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules) -> Refusal | None:
    return Refusal.NO_PRACTICE_MODE if activity is not None and activity.mode not in judge.modes else None


def _place(exercice: Exercice, activity: Activity | None, judge: PracticeRules, place: PlaceRules) -> Refusal | None:
    if activity is None:
        return None
    known = {
        "name": bool(activity.name),
        "locality": bool(activity.postal_code or activity.commune) or _is_abroad(activity, place),
        "sector": bool(activity.sector) and (place.allow_undefined or activity.sector not in place.sectors_undefined),
    }
    return None if all(known[need] for need in place.needs) else Refusal.PLACE_INSUFFICIENT


_Step = Callable[[Exercice, Activity | None, PracticeRules, PlaceRules], Refusal | None]
_STEPS: Mapping[str, _Step] = {
    "profession": _profession,
    "student": _student,
    "section": _section,
    "situation": _practice,
    "mode": _mode,
    "place": _place,
}


def _is_abroad(activity: Activity, place: PlaceRules) -> bool:
    return activity.country not in place.home_country_codes and bool(activity.street or activity.town)


def _open_to(exercice: Exercice, judge: PracticeRules) -> list[Condition]:
    """Lines of the list for this profession and category."""
    return [
        each.condition
        for each in judge.admissions
        if exercice.profession in (each.condition.professions or ()) and _has_category(each.condition, exercice)
    ]


def _has_category(condition: Condition, exercice: Exercice) -> bool:
    return _in(exercice.category, condition.categories) and exercice.category not in condition.categories_except


def _of_person(person: Person, judge: PracticeRules) -> Iterator[str]:
    """Exclusions that bar the person, because one of its exercices or activities meets them."""
    for exclusion in judge.exclusions:
        if exclusion.scope == "person" and any(_met_anywhere(exclusion, each) for each in person.exercices):
            yield exclusion.id


def _excluded(
    step: str, exercice: Exercice, activity: Activity | None, barred: frozenset[str], judge: PracticeRules
) -> Refusal | None:
    for exclusion in judge.exclusions:
        if exclusion.id != step:
            continue
        if step in barred and exclusion.scope == "person":
            return exclusion.refusal
        met = (
            _met_anywhere(exclusion, exercice)
            if exclusion.scope == "exercice"
            else _met(exclusion.condition, exercice, activity)
        )
        if met:
            return exclusion.refusal
    return None


def _met_anywhere(exclusion: Exclusion, exercice: Exercice) -> bool:
    return any(_met(exclusion.condition, exercice, activity) for _, activity in _pairs(exercice))


def _met(condition: Condition, exercice: Exercice, activity: Activity | None) -> bool:
    of_exercice = (
        _in(exercice.profession, condition.professions)
        and _has_category(condition, exercice)
        and _in(exercice.skill, condition.skills)
    )
    if activity is None:
        wanted = (condition.functions, condition.sections, condition.sectors, condition.kinds)
        return of_exercice and all(each is None for each in wanted)
    return (
        of_exercice
        and _in(activity.function, condition.functions)
        and _in(activity.section, condition.sections)
        and _in(activity.sector, condition.sectors)
        and _in(activity.kind, condition.kinds)
    )


def _in(value: str, allowed: frozenset[str] | None) -> bool:
    return allowed is None or value in allowed


# --- what passes -----------------------------------------------------------------------------------------------------


def _situation(id: str, person: Person, exercice: Exercice, activity: Activity, rules: Rules) -> Situation:
    judge = rules.judge
    prefix = judge.organisation_prefix if isinstance(judge, PracticeRules) else ""
    numbers = judge.organisation_numbers if isinstance(judge, PracticeRules) else ()
    number = next((digit + activity.numbers[name] for name, digit in numbers if activity.numbers.get(name)), "")
    facility = rules.facilities.get(activity.sector, "")
    town = " ".join(part for part in (activity.postal_code, activity.town) if part) or activity.commune
    return Situation(
        id=id,
        profession=exercice.profession,
        name=exercice.name or person.name,
        role=rules.roles[exercice.profession],
        facility_type=facility or "Other",
        place=activity.name,
        address=shown(", ".join(part for part in (activity.street, town) if part)),
        organisation=activity.name,
        organisation_id=prefix + number if number else "",
        notes=() if facility else ("sector.unlisted",),
    )


# --- reading ---------------------------------------------------------------------------------------------------------


def read_person(claims: Mapping[str, Any], judge: PracticeRules, place: PlaceRules) -> Person:
    """The person that a user info describes; nobody's exercices for somebody who is no professional.

    Raises ``NotEligible`` UNREADABLE_CLAIMS where an object, list or text is something else.
    """
    described = _object(claims, "SubjectRefPro")
    exercices = _objects(described, "exercices", EXERCICES_MAX)
    elsewhere = _shown(claims, "SubjectOrganization", place) if place.use_subject_organization else ""
    return Person(
        identifier=shown(_text(claims, "SubjectNameID") or _text(claims, "preferred_username")),
        name=_full_name(claims, "given_name", "family_name"),
        exercices=tuple(
            Exercice(
                profession=_code(each, "codeProfession"),
                category=_code(each, "codeCategorieProfessionnelle") or judge.empty_category,
                skill=_code(each, "codeSavoirFaire"),
                name=_full_name(each, "prenomDexercice", "nomDexercice"),
                activities=tuple(
                    _activity(one, judge, place, elsewhere) for one in _objects(each, "activities", ACTIVITIES_MAX)
                ),
            )
            for each in exercices
        ),
    )


def _activity(given: Mapping[str, Any], judge: PracticeRules, place: PlaceRules, elsewhere: str) -> Activity:
    street = ("numeroVoie", "indiceRepetitionVoie", "codeTypeDeVoie", "libelleVoie")
    named = _shown(given, "raisonSocialeSite", place) or _shown(given, "enseigneCommercialeSite", place) or elsewhere
    # A kind of street alone ("R") is no address.
    has_street = any(_shown(given, name, place) for name in ("numeroVoie", "libelleVoie"))
    return Activity(
        mode=_code(given, "codeModeExercice"),
        sector=_code(given, "codeSecteurDactivite"),
        section=_code(given, "codeSectionPharmacien"),
        function=_code(given, "codeRole"),
        kind=_code(given, "codeGenreActivite"),
        name=named,
        street=shown(" ".join(_shown(given, name, place) for name in street)) if has_street else "",
        postal_code=_shown(given, "codePostal", place),
        town=_shown(given, "bureauCedex", place),
        commune=_shown(given, "codeCommune", place),
        country=_code(given, "codePays"),
        numbers={name: _shown(given, name, place).replace(" ", "") for name, _ in judge.organisation_numbers},
    )


def _full_name(given: Mapping[str, Any], first: str, last: str) -> str:
    return shown(f"{_text(given, first)} {_text(given, last)}")


def _object(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = given.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unreadable()
    return value


def _objects(given: Mapping[str, Any], key: str, most: int) -> list[Mapping[str, Any]]:
    value = given.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most or not all(isinstance(each, dict) for each in value):
        raise unreadable()
    return value


def _text(given: Mapping[str, Any], key: str) -> str:
    return text_of(given.get(key)).strip()


def _code(given: Mapping[str, Any], key: str) -> str:
    return _text(given, key).upper()


def _shown(given: Mapping[str, Any], key: str, place: PlaceRules) -> str:
    """A text of a place; empty for what stands for nothing."""
    text = shown(_text(given, key))
    return "" if text.upper() in place.placeholders or not text.replace("0", "").strip(" .-/") else text
