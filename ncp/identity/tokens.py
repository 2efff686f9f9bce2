"""ID tokens: signature, issuer, audience, times, level of authentication (OpenID Connect Core 1.0, 3.1.3.7).

Pure: keys, expectations and the time are arguments. joserfc checks the signature; which keys and algorithms may be used
is decided here: public keys only, so neither ``none`` nor a keyed hash can ever pass. The nonce belongs to whoever made
it, the portal.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from ncp.eligibility.bounded_json import JsonRefused, read_object
from ncp.eligibility.refusals import NotEligible, Refusal

TOKEN_MAX = 16 * 1024
_COMPACT = re.compile(r"([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
ALGORITHMS = tuple(f"{kind}{size}" for kind in _KINDS for size in (256, 384, 512))
_KNOWN_HEADERS = frozenset(("alg", "typ", "kid", "cty", "x5t", "x5t#S256"))
_RSA_BITS = 2048
KEYS_MAX = 50
_TOKEN_TYPES = ("", "JWT", "ID")


class KeyUnknown(Exception):
    """No key of that id: the provider may have a new one."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the provider; ``algorithm`` empty where the key does not say."""

    id: str
    kind: str
    algorithm: str
    public: RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say. ``audience`` are the client ids of the portal; ``skew`` is allowed to clocks."""

    issuer: str
    audience: frozenset[str]
    levels: frozenset[str]
    skew: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, repr=False)
class IdToken:
    """Verified claims. ``authenticated`` is ``auth_time``, or where there is none the time of issue."""

    claims: Mapping[str, Any]
    subject: str
    authenticated: datetime

    def __repr__(self) -> str:
        return "IdToken(<redacted>)"


def read_keys(document: bytes, limit: int = 256 * 1024) -> tuple[Key, ...]:
    """The keys of a JWK set (RFC 7517) that may sign: RSA from 2048 bits and EC, public. Others are passed over.

    Raises ``ValueError`` for a document that is no JWK set or holds no such key.
    """
    listed = read_object(document, limit).get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ValueError("not a set of keys")
    keys = tuple(key for each in listed if isinstance(each, dict) and (key := _key(each)) is not None)
    if not keys:
        raise ValueError("holds no public key for signatures")
    return keys


def _key(given: Mapping[str, Any]) -> Key | None:
    kind, name, algorithm = given.get("kty"), given.get("kid", ""), given.get("alg", "")
    if kind not in ("RSA", "EC") or given.get("use", "sig") != "sig" or not isinstance(name, str):
        return None
    if algorithm and algorithm not in ALGORITHMS:
        return None
    wanted = ("kty", "n", "e") if kind == "RSA" else ("kty", "crv", "x", "y")
    public = {part: given.get(part) for part in wanted}
    if not all(isinstance(part, str) and len(part) <= 2048 for part in public.values()):
        return None
    try:
        made: RSAKey | ECKey = RSAKey.import_key(public) if kind == "RSA" else ECKey.import_key(public)  # type: ignore[arg-type]
        if isinstance(made, RSAKey) and made.public_key.key_size < _RSA_BITS:
            return None
    except Exception:
        # The library fails in many ways on odd numbers; the key cannot be used, and that is all.
        return None
    return Key(name, kind, algorithm, made)


def verify(token: str, keys: Iterable[Key], expected: Expected, at: datetime) -> IdToken:
    """The claims of a genuine token.

    Raises ``NotEligible`` AUTH_FAILED or AUTH_LEVEL, and ``KeyUnknown`` when no key fits: nothing of the token is
    believed before its signature is.
    """
    claims = _claims(token, tuple(keys))
    # Keycloak signs access, refresh and logout tokens with the same key, and says in the claims which is which.
    _check(claims.get("typ", "ID") == "ID" and "events" not in claims, "token.kind")
    _check(claims.get("iss") == expected.issuer, "token.issuer")
    _check(_is_for(claims, expected.audience), "token.audience")
    issued, expires = _instant(claims.get("iat"), "token.issued"), _instant(claims.get("exp"), "token.expiry")
    _check(at < expires + expected.skew, "token.expired")
    _check(issued <= at + expected.skew and expires > issued, "token.issued")
    _check(expires - issued <= expected.longest, "token.lifetime")
    if "nbf" in claims:
        _check(_instant(claims["nbf"], "token.not_before") <= at + expected.skew, "token.not_before")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _failed("token.subject")
    authenticated = _instant(claims["auth_time"], "token.auth_time") if "auth_time" in claims else issued
    _check(authenticated <= at + expected.skew, "token.auth_time")
    level = claims.get("acr")
    if not isinstance(level, str) or level not in expected.levels:
        raise NotEligible(Refusal.AUTH_LEVEL, "token.acr")
    return IdToken(claims, subject, min(authenticated, at))


def _claims(token: str, keys: Collection[Key]) -> Mapping[str, Any]:
    parts = _COMPACT.fullmatch(token) if len(token) <= TOKEN_MAX else None
    if parts is None:
        raise _failed("token.form")
    try:
        header = read_object(_decoded(parts[1]), 2048)
    except (JsonRefused, ValueError):
        raise _failed("token.header") from None
    algorithm, name = header.get("alg"), header.get("kid", "")
    if algorithm not in ALGORITHMS:
        raise _failed("token.algorithm")
    if not isinstance(name, str) or not set(header) <= _KNOWN_HEADERS or header.get("typ", "") not in _TOKEN_TYPES:
        raise _failed("token.header")
    fitting = [
        key
        for key in keys
        if key.kind == _KINDS[algorithm[:2]] and key.algorithm in ("", algorithm) and (key.id == name or not name)
    ]
    if not fitting:
        raise KeyUnknown
    if len(fitting) > 1:
        raise _failed("token.key")
    try:
        signed = jws.deserialize_compact(token, fitting[0].public, algorithms=[algorithm])
    except Exception:
        # joserfc's own errors, and those of the numbers beneath it: all mean that nobody vouches for this token.
        raise _failed("token.signature") from None
    try:
        return read_object(signed.payload or b"", TOKEN_MAX)
    except JsonRefused:
        raise _failed("token.claims") from None


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None


def _is_for(claims: Mapping[str, Any], audience: frozenset[str]) -> bool:
    named = claims.get("aud")
    listed = [named] if isinstance(named, str) else named
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        return False
    party = claims.get("azp")
    if party is None:
        return len(listed) == 1 and listed[0] in audience
    # Keycloak names the client as authorised party, and may name services beside it in the audience.
    return isinstance(party, str) and party in audience and party in listed


def _instant(value: object, reason: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**33:
        raise _failed(reason)
    return datetime.fromtimestamp(value, UTC)


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise _failed(reason)


def _failed(reason: str) -> NotEligible:
    return NotEligible(Refusal.AUTH_FAILED, reason)
