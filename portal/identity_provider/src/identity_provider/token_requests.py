"""Judges what clients send to the token endpoint and to introspection: who they are, and what a code is worth to them.

Sources: RFC 6749 sections 2.3.1, 4.1.3 and 5.2; RFC 7636 section 4.6; RFC 6750 section 2.1.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import unquote_plus

from identity_provider.clients import Client
from identity_provider.failures import TokenRefused
from identity_provider.store import Grant, Store
from identity_provider.tokens import challenge_of

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")


def single_values(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters of a form, each there once (RFC 6749 section 3.2)."""
    values = dict(parameters)
    if len(values) != len(parameters):
        raise TokenRefused("invalid_request", "a parameter is there twice")
    return values


def authenticated_client(authorization: str | None, form: Mapping[str, str], clients: Mapping[str, Client]) -> Client:
    """The client that proves itself by ``client_secret_basic`` or ``client_secret_post``, not by both.

    Raises:
        TokenRefused: invalid_client, which does not say whether the name or the secret was wrong.
    """
    if authorization is not None:
        if "client_secret" in form:
            raise TokenRefused("invalid_request", "the client authenticates in two ways at once")
        identifier, secret = _basic(authorization)
        if form.get("client_id", identifier) != identifier:
            raise TokenRefused("invalid_request", "client_id is not the one of the Authorization header")
    else:
        identifier, secret = form.get("client_id", ""), form.get("client_secret", "")
    client = clients.get(identifier)
    if client is None or not client.knows(secret):
        raise _invalid_client()
    return client


def redeem(form: Mapping[str, str], client: Client, store: Store, now: int) -> tuple[str, Grant]:
    """The code and what it stands for, once everything fits that the authorization request said.

    Raises:
        TokenRefused: with the error of RFC 6749 section 5.2; the code is used up nevertheless.
    """
    if "grant_type" not in form:
        raise TokenRefused("invalid_request", "grant_type is missing")
    if form["grant_type"] != "authorization_code":
        raise TokenRefused("unsupported_grant_type", "grant_type must be authorization_code")
    for key in ("code", "redirect_uri", "code_verifier"):
        if not form.get(key):
            raise TokenRefused("invalid_request", f"{key} is missing")
    code, verifier = form["code"], form["code_verifier"]
    grant = store.grant_of(code, client.id, now)
    if grant is None:
        raise TokenRefused("invalid_grant", "the code is unknown, was used, has run out or is another client's")
    if form["redirect_uri"] != grant.request.redirect_uri:
        raise TokenRefused("invalid_grant", "redirect_uri is not the one of the authorization request")
    if not _VERIFIER.fullmatch(verifier) or not secrets.compare_digest(challenge_of(verifier), grant.request.challenge):
        raise TokenRefused("invalid_grant", "code_verifier does not fit the challenge")
    return code, grant


def bearer_token(authorization: str | None) -> str:
    """The access token of an Authorization header.

    Raises:
        TokenRefused: there is none; without an error code where nothing was sent at all (RFC 6750 section 3.1).
    """
    if not authorization:
        raise TokenRefused("", "there is no access token", HTTPStatus.UNAUTHORIZED, "Bearer")
    found = _BEARER.fullmatch(authorization)
    if found is None:
        raise invalid_token()
    return found[1]


def invalid_token() -> TokenRefused:
    """The refusal of an access token that is unknown, has run out, or whose session has ended."""
    description = "the access token is not good, or not any more"
    challenge = f'Bearer error="invalid_token", error_description="{description}"'
    return TokenRefused("invalid_token", description, HTTPStatus.UNAUTHORIZED, challenge)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _invalid_client() from error
    identifier, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _invalid_client()
    return unquote_plus(identifier), unquote_plus(secret)


def _invalid_client() -> TokenRefused:
    return TokenRefused(
        "invalid_client",
        "the client is not known or its secret is wrong",
        HTTPStatus.UNAUTHORIZED,
        'Basic realm="client"',
    )
