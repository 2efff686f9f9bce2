"""The story of a login: the token is genuine, the person is known, the rules let a situation pass, one is chosen.

Every refusal leaves with its text in the language that was asked for. Issuing the assertion is for the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ncp.eligibility import evaluation
from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.eligibility.rules import Rules
from ncp.eligibility.situations import Evaluation, Situation
from ncp.exchange import Exchange
from ncp.identity.directory import Directory
from ncp.identity.keys import Keys
from ncp.identity.tokens import Expected, IdToken
from ncp.wire.errors import AccessError, Code, RequestError
from saml_assertions.issue import Professional


@dataclass(frozen=True, slots=True)
class Levels:
    """How a claim about the means of authentication becomes an authentication class of SAML.

    ``missing`` is the class where the claim is absent, empty to refuse.
    """

    claim: str
    classes: Mapping[str, str]
    missing: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Admitted:
    """Who may log in; ``professional`` is None while a situation has to be chosen of ``offered``."""

    who: Evaluation
    offered: tuple[Situation, ...]
    chosen: Situation | None
    professional: Professional | None

    def __repr__(self) -> str:
        return f"Admitted({len(self.offered)} situations)"


@dataclass(frozen=True, slots=True)
class Desk:
    """What logins need; made once per configuration by ``ncp.wiring``. ``expected`` makes what a token must say out of
    the client ids of a portal."""

    rules: Rules
    keys: Keys
    expected: Callable[[frozenset[str]], Expected]
    levels: Levels
    directory: Directory | None = None
    close: Callable[[], None] = lambda: None

    def admit(
        self,
        *,
        id_token: str,
        user_info: bytes,
        situation: str,
        purpose: str,
        language: str,
        audience: frozenset[str],
        roles: Collection[str],
        exchange: Exchange,
    ) -> Admitted:
        """Raises ``NotEligible`` with its text in ``language``; ``AccessError`` where the portal may vouch for none of
        the roles; ``RequestError`` for a situation that is not offered."""
        try:
            return self._admit(id_token, user_info, situation, purpose, audience, roles, exchange)
        except NotEligible as refused:
            refused.message, refused.language = self.rules.message(refused.refusal, language, refused.profession)
            raise

    def _admit(
        self,
        id_token: str,
        user_info: bytes,
        situation: str,
        purpose: str,
        audience: frozenset[str],
        roles: Collection[str],
        exchange: Exchange,
    ) -> Admitted:
        with exchange.step("token"):
            token = self.keys.verified(id_token, self.expected(audience), exchange.at)
        with exchange.step("user info"):
            claims = evaluation.read_user_info(user_info)
            if claims.get("sub") != token.subject:
                raise NotEligible(Refusal.AUTH_FAILED, "token.subject_differs")
            authentication_class = self._class(token, claims)
        with exchange.step("rules"):
            who = evaluation.evaluate(token.claims, claims, self.rules).require()
        if self.directory is not None:
            with exchange.step("directory"):
                self.directory.check(who.identifier, exchange.at)
        offered, chosen = evaluation.choose(who, situation, roles)
        if not offered:
            raise AccessError(Code.NOT_ALLOWED, "portal.role", message="This portal may not vouch for this role")
        if situation and chosen is None:
            raise RequestError(Code.GENERIC, "request.situation", message="This situation is not offered")
        if chosen is None:
            exchange.notes.append("login.to_choose")
            return Admitted(who, tuple(offered), None, None)
        exchange.notes.extend(("login.accepted", *chosen.notes))
        return Admitted(
            who, tuple(offered), chosen, _professional(who, chosen, token.authenticated, authentication_class, purpose)
        )

    def _class(self, token: IdToken, claims: Mapping[str, Any]) -> str:
        """From the ID token, else from the user info; a list names several means, of which one has to be known."""
        for source in (token.claims, claims):
            said = source.get(self.levels.claim)
            if said in (None, "", []):
                continue
            means = said if isinstance(said, list) else [said]
            for each in means:
                if isinstance(each, str) and (found := self.levels.classes.get(each.strip().upper())):
                    return found
            raise NotEligible(Refusal.AUTH_LEVEL, "token.means")
        if not self.levels.missing:
            raise NotEligible(Refusal.AUTH_LEVEL, "token.means_missing")
        return self.levels.missing


def _professional(
    who: Evaluation, chosen: Situation, authenticated: datetime, authentication_class: str, purpose: str
) -> Professional:
    return evaluation.professional_of(
        who, chosen, authenticated=authenticated, authentication_class=authentication_class, purpose=purpose
    )
