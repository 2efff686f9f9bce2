"""Judges an authorization request: parameters in, a request that may be answered with a code out.

Order matters: until client and redirect address are known to belong together nothing is sent anywhere (RFC 6749
section 4.1.2.1). Who the person is, and sessions, are left to ``app``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from identity_provider.clients import Client
from identity_provider.failures import AuthorizationRefused

MAX_VALUE = 2_000
"""Characters of one parameter."""
MAX_AGE = 10 * 365 * 24 * 3600
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of 32 bytes, RFC 7636 section 4.2
_NOT_SUPPORTED = {"request": "request_not_supported", "request_uri": "request_uri_not_supported"}
_PROMPTS = {"none", "login", "consent", "select_account"}


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that keeps every rule. ``parameters`` are those it came with, to build its address again."""

    client: Client
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str
    prompt: frozenset[str]
    max_age: int | None
    parameters: Mapping[str, str]


def read_request(parameters: Sequence[tuple[str, str]], clients: Mapping[str, Client]) -> AuthorizationRequest:
    """Judge the parameters of an authorization request.

    ``state`` and ``nonce`` are required, as Pro Sante Connect requires them, and PKCE by S256 (RFC 7636, RFC 9700).

    Raises:
        AuthorizationRefused: with the address of the client only once that is certain.
    """
    values = dict(parameters)
    if len(values) != len(parameters):
        raise AuthorizationRefused("invalid_request", "a parameter is there twice")
    if any(len(value) > MAX_VALUE for value in values.values()):
        raise AuthorizationRefused("invalid_request", "a parameter is too long")
    client = clients.get(values.get("client_id", ""))
    if client is None:
        raise AuthorizationRefused("invalid_request", "client_id is not known here")
    redirect_uri = values.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise AuthorizationRefused("invalid_request", "redirect_uri is not one that the client is registered with")
    state = values.get("state") or None

    def refused(error: str, description: str) -> AuthorizationRefused:
        return AuthorizationRefused(error, description, redirect_uri, state)

    for key, error in _NOT_SUPPORTED.items():
        if key in values:
            raise refused(error, f"{key} is not supported")
    if "response_type" not in values:
        raise refused("invalid_request", "response_type is missing")
    if values["response_type"] != "code":
        raise refused("unsupported_response_type", "response_type must be code")
    if values.get("response_mode", "query") != "query":
        raise refused("invalid_request", "response_mode must be query")
    if "openid" not in values.get("scope", "").split():
        raise refused("invalid_scope", "scope must have openid")
    if state is None:
        raise refused("invalid_request", "state is missing")
    if not values.get("nonce"):
        raise refused("invalid_request", "nonce is missing")
    if values.get("code_challenge_method") != "S256":
        raise refused("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
        raise refused("invalid_request", "code_challenge must be 43 characters of base64url")
    prompt = frozenset(values.get("prompt", "").split())
    if prompt - _PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise refused("invalid_request", "prompt has a value that is not known, or none with another")
    age = values.get("max_age", "")
    if age and not (age.isascii() and age.isdigit() and len(age) <= 9):
        raise refused("invalid_request", "max_age must be a number of seconds")
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scope=" ".join(values["scope"].split()),
        state=state,
        nonce=values["nonce"],
        challenge=values["code_challenge"],
        prompt=prompt,
        max_age=min(int(age), MAX_AGE) if age else None,
        parameters=values,
    )


def answer_address(redirect_uri: str, issuer: str, **values: str | None) -> str:
    """The client's address with an answer; ``iss`` says whose it is (RFC 9207)."""
    given = [(key, value) for key, value in (*values.items(), ("iss", issuer)) if value is not None]
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{urlencode(given)}"
