"""Professionals of a country whose identity provider states profession and place in claims, where the rule file says.

The ID token, which is signed, comes before the user info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ncp.eligibility.claim_values import text_of, unreadable
from ncp.eligibility.refusals import Refusal
from ncp.eligibility.rules import ClaimRules, PlaceRules, Rules
from ncp.eligibility.situations import Evaluation, Situation, shown

SITUATIONS_MAX = 200


def evaluate(token: Mapping[str, Any], user_info: Mapping[str, Any], rules: Rules) -> Evaluation:
    """Every situation judged: profession, then place; as in ``practices`` the one that got furthest gives the reason.

    Raises ``NotEligible`` UNREADABLE_CLAIMS where a claim is something else than the rule file says.
    """
    judge = rules.judge
    if not isinstance(judge, ClaimRules):
        raise TypeError("rules of another kind")
    common = (token, user_info)
    identifier = _claim("identifier", common, judge, rules.place)
    name = _claim("name", common, judge, rules.place)
    passing: list[Situation] = []
    furthest, rank, about = (Refusal.NOT_A_PROFESSIONAL, "none"), -1, ""
    for position, own in enumerate(_situations(common, judge)):
        sources = (own, *common)
        role = _claim("role", sources, judge, rules.place).upper()
        place = _claim("organisation", sources, judge, rules.place)
        address = _claim("address", sources, judge, rules.place)
        if not role:
            verdict: tuple[int, Refusal, str] | None = (0, Refusal.NOT_A_PROFESSIONAL, "none")
        elif role not in rules.roles:
            verdict = (1, Refusal.PROFESSION_NOT_ELIGIBLE, "profession")
        elif not _is_known(place, address, rules.place):
            verdict = (2, Refusal.PLACE_INSUFFICIENT, "place")
        else:
            verdict = None
        if verdict is None:
            facility = _claim("facility_type", sources, judge, rules.place).upper()
            passing.append(
                Situation(
                    id=str(position),
                    profession=role,
                    name=name,
                    role=rules.roles[role],
                    facility_type=rules.facilities.get(facility, "Other"),
                    place=place,
                    address=address,
                    organisation=place,
                    organisation_id=_claim("organisation_id", sources, judge, rules.place),
                    notes=() if facility in rules.facilities else ("facility.unlisted",),
                )
            )
        elif verdict[0] > rank:
            rank, furthest, about = verdict[0], verdict[1:], role
    if passing:
        return Evaluation(identifier=identifier, name=name, situations=tuple(passing))
    return Evaluation(identifier=identifier, name=name, refusal=furthest[0], rule=furthest[1], profession=about)


def _is_known(place: str, address: str, rules: PlaceRules) -> bool:
    known = {"name": bool(place), "locality": bool(address), "sector": True}
    return all(known[need] for need in rules.needs)


def _situations(sources: Sequence[Mapping[str, Any]], judge: ClaimRules) -> list[Mapping[str, Any]]:
    """The objects that describe one situation each; one empty one where the claims themselves describe the only one."""
    for source in sources:
        found = _at(source, judge.situations) if judge.situations else None
        if found is None:
            continue
        if (
            not isinstance(found, list)
            or len(found) > SITUATIONS_MAX
            or not all(isinstance(one, dict) for one in found)
        ):
            raise unreadable()
        if found:
            return found
    return [{}]


def _claim(purpose: str, sources: Sequence[Mapping[str, Any]], judge: ClaimRules, place: PlaceRules) -> str:
    for parts in judge.places[purpose]:
        for source in sources:
            found = [text_of(_at(source, part)) for part in parts]
            text = shown(" ".join(each for each in found if each))
            if text and text.upper() not in place.placeholders:
                return text
    return ""


def _at(source: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = source
    for name in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise unreadable()
        value = value.get(name)
    return value
