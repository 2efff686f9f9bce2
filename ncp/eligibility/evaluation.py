"""From what the identity provider said to situations, and from a situation to the professional of an assertion.

The only file that knows both kinds of rules.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ncp.eligibility import plain_claims, practices
from ncp.eligibility.bounded_json import JsonRefused, read_object
from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.eligibility.rules import ClaimRules, Rules
from ncp.eligibility.situations import Evaluation, Situation
from saml_assertions.issue import Professional

USER_INFO_MAX = 256 * 1024


def read_user_info(data: bytes) -> Mapping[str, Any]:
    """The claims of a user info. Raises ``NotEligible`` UNREADABLE_CLAIMS for bytes that are no object in JSON."""
    try:
        return read_object(data, USER_INFO_MAX)
    except JsonRefused:
        raise NotEligible(Refusal.UNREADABLE_CLAIMS, "claims.json") from None


def evaluate(token: Mapping[str, Any], user_info: Mapping[str, Any], rules: Rules) -> Evaluation:
    """Who this is, and with which situations they may log in, if any.

    ``token`` are the verified claims of the ID token. Raises ``NotEligible`` UNREADABLE_CLAIMS for claims of an unknown
    form, and AUTH_FAILED when token and user info are of two persons.
    """
    if isinstance(rules.judge, ClaimRules):
        return plain_claims.evaluate(token, user_info, rules)
    evaluation = practices.evaluate(user_info, rules)
    for name in ("SubjectNameID", "preferred_username"):
        signed = token.get(name)
        if isinstance(signed, str) and signed.strip() and signed.strip() != evaluation.identifier:
            raise NotEligible(Refusal.AUTH_FAILED, "token.identifier")
    return evaluation


def choose(
    evaluation: Evaluation, wanted: str, roles: Collection[str] = ()
) -> tuple[list[Situation], Situation | None]:
    """The situations to offer, restricted to ``roles`` when there are any, and the one wanted or the only one.

    An id that is not offered chooses nothing.
    """
    offered = [each for each in evaluation.situations if not roles or each.role in roles]
    if wanted:
        return offered, next((each for each in offered if each.id == wanted), None)
    return offered, offered[0] if len(offered) == 1 else None


def professional_of(
    evaluation: Evaluation, situation: Situation, *, authenticated: datetime, authentication_class: str, purpose: str
) -> Professional:
    """Who asks, for an assertion. No specialty and no national code of a profession is in it: both stay at home."""
    return Professional(
        identifier=evaluation.identifier,
        npi=evaluation.identifier,
        name=situation.name,
        role=situation.role,
        facility_type=situation.facility_type,
        locality=situation.locality,
        organisation=situation.organisation,
        organisation_id=situation.organisation_id,
        authentication_class=authentication_class,
        authenticated=authenticated,
        purpose=purpose,
    )
