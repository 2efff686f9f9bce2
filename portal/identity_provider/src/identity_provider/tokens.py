"""What the provider says in its tokens: ID token, logout token, user info, introspection. Pure: time and ids are given.

People with a ``spoil`` get a wrong answer on purpose, here and nowhere else, so that a portal's refusal can be seen.
Sources: OpenID Connect Core 1.0 sections 2 and 5.3, Back-Channel Logout 1.0 section 2.4, RFC 7662 section 2.2.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from identity_provider.clients import Client
from identity_provider.keys import ALGORITHM, new_key
from identity_provider.people import Spoil
from identity_provider.store import AccessToken, Grant, Session

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_SECONDS = 120
"""Back-Channel Logout 1.0 section 4 recommends at most two minutes."""
_FOREIGN_KEYS: dict[str, RSAKey] = {}


def id_token(
    grant: Grant, *, issuer: str, key: RSAKey, access_token: str, now: int, lifetime: int, identifier: str
) -> str:
    """The signed ID token of a login, spoilt where the person asks for it."""
    session, request = grant.session, grant.request
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": session.person.sub,
        "aud": request.client.id,
        "azp": request.client.id,
        "exp": now + lifetime,
        "iat": now,
        "auth_time": session.authenticated,
        "nonce": request.nonce,
        "jti": identifier,
        "typ": "ID",
        "sid": session.id,
        "session_state": session.id,
        "at_hash": at_hash(access_token),
        **session.person.id_token,
        **session.means.claims,
    }
    return _sealed(_spoilt(claims, session.person.spoil), session.person.spoil, key, request.client)


def logout_token(session: Session, client_id: str, *, issuer: str, key: RSAKey, now: int, identifier: str) -> str:
    """What a client is told when a session ends. It has no nonce, so that it can never pass for an ID token."""
    claims = {
        "iss": issuer,
        "sub": session.person.sub,
        "aud": client_id,
        "iat": now,
        "exp": now + _LOGOUT_SECONDS,
        "jti": identifier,
        "events": {LOGOUT_EVENT: {}},
        "sid": session.id,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "logout+jwt"}, claims, key)


def user_info(session: Session) -> dict[str, Any]:
    """The claims of the person and of the way they logged in, as the user info endpoint gives them."""
    claims = {"sub": session.person.sub, **session.person.user_info, **_told(session.means.claims)}
    return _spoilt_user_info(claims, session.person.spoil)


def user_info_body(session: Session) -> str:
    """The body of the user info endpoint's answer; no JSON at all for the person who asks for that."""
    body = json.dumps(user_info(session), ensure_ascii=False)
    return body[: len(body) // 2] if session.person.spoil is Spoil.USER_INFO_NOT_JSON else body


def introspection(token: AccessToken | None, *, issuer: str) -> dict[str, Any]:
    """What an access token stands for; of one that is not good nothing but that."""
    if token is None:
        return {"active": False}
    session, request = token.grant.session, token.grant.request
    username = str(session.person.user_info.get("preferred_username", session.person.id))
    return {
        "active": True,
        "exp": token.ends,
        "iat": token.issued,
        "auth_time": session.authenticated,
        "jti": token.id,
        "iss": issuer,
        "sub": session.person.sub,
        "typ": "Bearer",
        "azp": request.client.id,
        "nonce": request.nonce,
        "session_state": session.id,
        "sid": session.id,
        "email_verified": False,
        "scope": request.scope,
        "client_id": request.client.id,
        "username": username,
        "preferred_username": username,
        **session.person.id_token,
        **_told(session.means.claims),
    }


def at_hash(access_token: str) -> str:
    """The left half of the access token's SHA-256 (OpenID Connect Core 1.0 section 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode("ascii")).digest()[:16]
    return _base64url(half)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 section 4.6)."""
    return _base64url(hashlib.sha256(verifier.encode("ascii")).digest())


def _told(claims: Mapping[str, Any]) -> dict[str, Any]:
    """``acr`` and ``amr`` are about the authentication and belong in the ID token alone."""
    return {key: value for key, value in claims.items() if key not in {"acr", "amr"}}


def _spoilt(claims: dict[str, Any], spoil: Spoil | None) -> dict[str, Any]:
    changes: dict[Spoil, dict[str, Any]] = {
        Spoil.ACR_LOW: {"acr": "eidas0"},
        Spoil.AUTH_MODE_UNKNOWN: {"authMode": "UNKNOWN"},
        Spoil.NONCE: {"nonce": f"not-{claims['nonce']}"},
        Spoil.AUDIENCE: {"aud": "another-client", "azp": "another-client"},
        Spoil.ISSUER: {"iss": f"{claims['iss']}-another"},
        Spoil.EXPIRED: {"iat": claims["iat"] - 7_200, "exp": claims["iat"] - 3_600},
    }
    missing = {Spoil.ACR_MISSING: "acr", Spoil.AUTH_MODE_MISSING: "authMode", Spoil.NONCE_MISSING: "nonce"}
    if spoil in changes:
        claims = {**claims, **changes[spoil]}
    if spoil in missing:
        claims.pop(missing[spoil], None)
    return claims


def _sealed(claims: dict[str, Any], spoil: Spoil | None, key: RSAKey, client: Client) -> str:
    header = {"alg": ALGORITHM, "kid": key.kid}
    if spoil is Spoil.UNSIGNED:
        parts = ({"alg": "none"}, claims)
        return ".".join(_base64url(json.dumps(part).encode()) for part in parts) + "."
    if spoil is Spoil.SHARED_SECRET:
        return jwt.encode({**header, "alg": "HS256"}, claims, OctKey.import_key(client.secret))
    if spoil is Spoil.SIGNATURE:
        return jwt.encode(header, claims, _foreign_key(header["kid"] or ""))
    return jwt.encode(header, claims, key)


def _foreign_key(kid: str) -> RSAKey:
    """A key that nobody publishes, under the name of ours: only the signature tells them apart."""
    if kid not in _FOREIGN_KEYS:
        _FOREIGN_KEYS[kid] = RSAKey.import_key({**new_key().as_dict(private=True), "kid": kid})
    return _FOREIGN_KEYS[kid]


def _spoilt_user_info(claims: dict[str, Any], spoil: Spoil | None) -> dict[str, Any]:
    if spoil is Spoil.SUB:
        return {**claims, "sub": f"{claims['sub']}-another-{secrets.token_hex(4)}"}
    if spoil is Spoil.AUTH_MODE_MISSING:
        claims.pop("authMode", None)
    if spoil is Spoil.AUTH_MODE_UNKNOWN:
        claims["authMode"] = "UNKNOWN"
    if spoil is Spoil.USER_INFO_ACTIVITIES_NULL and "SubjectRefPro" in claims:
        directory = claims["SubjectRefPro"]
        exercices = [{**one, "activities": None} for one in directory.get("exercices", [])]
        return {**claims, "SubjectRefPro": {**directory, "exercices": exercices}}
    return claims


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
