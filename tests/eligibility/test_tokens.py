"""ID tokens: what is genuine passes, and nothing else does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.eligibility.refusals import NotEligible, Refusal
from ncp.identity.fetching import FetchFailed
from ncp.identity.keys import KnownKeys, PublishedKeys
from ncp.identity.tokens import Expected, IdToken, KeyUnknown, read_keys, verify
from tests.support.logins import ISSUER, SUBJECT, Provider, b64, token_claims

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
EXPECTED = Expected(ISSUER, frozenset({"sesali", "sesali-mobile"}), frozenset({"eidas1", "eidas3"}))
PROVIDER = Provider()
KEYS = read_keys(PROVIDER.jwks())


def checked(token: str, expected: Expected = EXPECTED, at: datetime = AT) -> IdToken:
    return verify(token, KEYS, expected, at)


def refusal(token: str, **options: Any) -> tuple[Refusal, str]:
    with pytest.raises(NotEligible) as refused:
        checked(token, **options)
    assert not token or token not in str(refused.value)
    return refused.value.refusal, refused.value.reason


def good(**values: Any) -> dict[str, Any]:
    return token_claims(at=AT, **values)


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_genuine_token_passes(key: str) -> None:
    token = checked(PROVIDER.sign(good(), key))
    assert token.subject == SUBJECT
    assert token.authenticated == AT - timedelta(seconds=20)


@pytest.mark.parametrize(
    "claims",
    [
        {"acr": "eidas3"},
        {"typ": "ID"},
        {"aud": ["sesali", "account"], "azp": "sesali"},
        {"aud": ["sesali"], "azp": ...},
        {"aud": "sesali-mobile", "azp": "sesali-mobile"},
        {"exp": int(AT.timestamp()) - 59, "iat": int(AT.timestamp()) - 200},
        {"iat": int(AT.timestamp()) + 59},
        {"nbf": int(AT.timestamp()) + 59},
    ],
    ids=str,
)
def test_variants_that_are_genuine(claims: dict[str, Any]) -> None:
    checked(PROVIDER.sign(good(**claims)))


def test_without_auth_time_the_time_of_issue_counts_and_no_time_lies_ahead() -> None:
    assert checked(PROVIDER.sign(good(auth_time=...))).authenticated == AT - timedelta(seconds=5)
    ahead = checked(PROVIDER.sign(good(auth_time=int(AT.timestamp()) + 30)))
    assert ahead.authenticated == AT


@pytest.mark.parametrize(
    ("level", "expected"), [(..., "token.acr"), ("eidas0", "token.acr"), (["eidas1"], "token.acr")]
)
def test_33_the_level_of_authentication(level: Any, expected: str) -> None:
    assert refusal(PROVIDER.sign(good(acr=level))) == (Refusal.AUTH_LEVEL, expected)


NOW = int(AT.timestamp())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an access token": ({"typ": "Bearer"}, "token.kind"),
    "a logout token": ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "token.kind"),
    "another issuer": ({"iss": ISSUER + "/"}, "token.issuer"),
    "no issuer": ({"iss": ...}, "token.issuer"),
    "34 another audience": ({"aud": "other", "azp": "other"}, "token.audience"),
    "another party": ({"aud": ["sesali", "other"], "azp": "other"}, "token.audience"),
    "two audiences, no party": ({"aud": ["sesali", "other"], "azp": ...}, "token.audience"),
    "party not in the audience": ({"aud": "other", "azp": "sesali"}, "token.audience"),
    "no audience": ({"aud": ..., "azp": ...}, "token.audience"),
    "audience of another kind": ({"aud": {"sesali": 1}}, "token.audience"),
    "34 expired": ({"exp": NOW - 61}, "token.expired"),
    "no expiry": ({"exp": ...}, "token.expiry"),
    "expiry as text": ({"exp": str(NOW + 60)}, "token.expiry"),
    "expiry true": ({"exp": True}, "token.expiry"),
    "expiry at the end of time": ({"exp": 1e308}, "token.expiry"),
    "valid for a year": ({"exp": NOW + 31_536_000}, "token.lifetime"),
    "issued ahead": ({"iat": NOW + 61}, "token.issued"),
    "not issued": ({"iat": ...}, "token.issued"),
    "not yet valid": ({"nbf": NOW + 61}, "token.not_before"),
    "no subject": ({"sub": ...}, "token.subject"),
    "subject as number": ({"sub": 7}, "token.subject"),
    "authenticated ahead": ({"auth_time": NOW + 61}, "token.auth_time"),
    "authenticated never": ({"auth_time": "now"}, "token.auth_time"),
}


@pytest.mark.parametrize(("claims", "reason"), WRONG.values(), ids=WRONG)
def test_34_a_token_that_says_something_else_is_refused(claims: dict[str, Any], reason: str) -> None:
    assert refusal(PROVIDER.sign(good(**claims))) == (Refusal.AUTH_FAILED, reason)


def test_a_portal_without_audience_can_log_nobody_in() -> None:
    nobody = Expected(ISSUER, frozenset(), EXPECTED.levels)
    assert refusal(PROVIDER.sign(good()), expected=nobody)[1] == "token.audience"


# --- attacks ---------------------------------------------------------------------------------------------------------


def forged(header: dict[str, Any], payload: bytes = b"", signature: bytes = b"s") -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(payload or json.dumps(good()).encode())}.{b64(signature)}"


GENUINE = PROVIDER.sign(good())
HEAD, BODY, SIGNATURE = GENUINE.split(".")
TWICE = b64(b'{"alg": "none", "alg": "RS256", "kid": "rsa"}')
ATTACKS: dict[str, tuple[str, str]] = {
    "none": (forged({"alg": "none"}), "token.algorithm"),
    "None": (forged({"alg": "None", "kid": "rsa"}), "token.algorithm"),
    "none without signature": (f"{b64(b'{}')}.{BODY}.", "token.form"),
    "HS256 with the public key": (PROVIDER.sign_with_public_key(good()), "token.algorithm"),
    "algorithm as list": (forged({"alg": ["RS256"]}), "token.algorithm"),
    "a key of its own": (forged({"alg": "RS256", "kid": "rsa", "jwk": PROVIDER.jwk("rsa")}), "token.header"),
    "keys from elsewhere": (forged({"alg": "RS256", "kid": "rsa", "jku": "https://evil.example"}), "token.header"),
    "critical": (forged({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}), "token.header"),
    "kid of another kind": (forged({"alg": "RS256", "kid": {"$ne": ""}}), "token.header"),
    "an access token": (PROVIDER.sign(good(), typ="at+jwt"), "token.header"),
    "another key of that name": (Provider().sign(good()), "token.signature"),
    "other claims, old signature": (
        f"{HEAD}.{b64(json.dumps(good(sub='f:1:evil')).encode())}.{SIGNATURE}",
        "token.signature",
    ),
    "signature cut": (GENUINE[:-10], "token.signature"),
    "signature of zeros": (f"{HEAD}.{BODY}.{b64(bytes(256))}", "token.signature"),
    "ECDSA of zeros": (forged({"alg": "ES256", "kid": "ec"}, signature=bytes(64)), "token.signature"),
    "padding": (GENUINE + "==", "token.form"),
    "blank": (GENUINE.replace(".", ". ", 1), "token.form"),
    "encrypted": (".".join([HEAD] * 5), "token.form"),
    "nothing": ("", "token.form"),
    "huge": (f"{HEAD}.{'A' * 20_000}.{SIGNATURE}", "token.form"),
    "header of brackets": (f"{b64(b'[' * 1500)}.{BODY}.{SIGNATURE}", "token.header"),
    "header twice": (f"{TWICE}.{BODY}.{SIGNATURE}", "token.header"),
    "payload of brackets": (PROVIDER.sign(b"[" * 9000), "token.claims"),
    "payload nested": (PROVIDER.sign(b'{"a":' * 1500 + b"1" + b"}" * 1500), "token.claims"),
    "payload no object": (PROVIDER.sign(b'"sub"'), "token.claims"),
    "payload twice": (PROVIDER.sign(b'{"sub": "a", "sub": "b"}'), "token.claims"),
}


@pytest.mark.attack
@pytest.mark.parametrize(("token", "reason"), ATTACKS.values(), ids=ATTACKS)
def test_forged_tokens_are_refused(token: str, reason: str) -> None:
    assert refusal(token) == (Refusal.AUTH_FAILED, reason)


@pytest.mark.attack
def test_a_key_is_used_for_its_own_algorithm_only() -> None:
    with pytest.raises(KeyUnknown):
        checked(forged({"alg": "PS256", "kid": "rsa"}))
    with pytest.raises(KeyUnknown):
        checked(forged({"alg": "RS256", "kid": "ec"}))


@pytest.mark.attack
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_changed_token_passes(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(GENUINE) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_.=") | st.characters())
    token = GENUINE[:position] + letter + GENUINE[position + 1 :]
    if token == GENUINE or (position == len(GENUINE) - 1 and letter not in ".="):
        return  # the last letter of base64url has bits that mean nothing
    with pytest.raises((NotEligible, KeyUnknown)):
        checked(token)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_only_public_keys_for_signatures_are_read() -> None:
    small = Provider({"small": rsa.generate_private_key(65537, 1024)})
    odd = [
        {"kty": "oct", "k": b64(b"secret"), "kid": "o"},
        {"kty": "OKP", "crv": "Ed25519", "x": b64(bytes(32)), "kid": "e"},
        {**PROVIDER.jwk("rsa"), "use": "enc"},
        {**PROVIDER.jwk("rsa"), "alg": "HS256"},
        {"kty": "RSA", "kid": "half", "n": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": b64(bytes(32)), "y": b64(bytes(32)), "kid": "off"},
        small.jwk("small"),
        "key",
    ]
    keys = read_keys(json.dumps({"keys": [*odd, PROVIDER.jwk("rsa")]}).encode())
    assert [key.id for key in keys] == ["rsa"]
    for wrong in (b"", b"[]", b'{"keys": {}}', json.dumps({"keys": odd}).encode(), b'{"keys": []}'):
        with pytest.raises(ValueError):
            read_keys(wrong)


def test_a_token_without_a_key_id_needs_one_key_of_its_kind() -> None:
    token = PROVIDER.sign(good(), kid=...)
    assert checked(token).subject == SUBJECT
    both = read_keys(json.dumps({"keys": [PROVIDER.jwk("rsa"), Provider().jwk("rsa") | {"kid": "b"}]}).encode())
    with pytest.raises(NotEligible, match=r"token\.key"):
        verify(token, both, EXPECTED, AT)


class Source:
    """An address of keys: counts how often it is asked."""

    def __init__(self, document: bytes | None) -> None:
        self.document = document
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        if self.document is None:
            raise FetchFailed("connect")
        return self.document


def published(source: Source) -> PublishedKeys:
    return PublishedKeys(source, lifetime=timedelta(hours=1), pause=timedelta(seconds=60))


def test_keys_are_fetched_once_and_again_after_their_lifetime() -> None:
    source = Source(PROVIDER.jwks())
    keys = published(source)
    for _ in range(3):
        keys.verified(GENUINE, EXPECTED, AT)
    assert source.asked == 1
    later = AT + timedelta(hours=1, seconds=1)
    keys.verified(PROVIDER.sign(token_claims(at=later)), EXPECTED, later)
    assert source.asked == 2


def test_a_new_key_of_the_provider_is_found() -> None:
    source = Source(PROVIDER.jwks("ec"))
    keys = published(source)
    keys.verified(PROVIDER.sign(good(), "ec"), EXPECTED, AT)
    source.document = PROVIDER.jwks()
    later = AT + timedelta(seconds=61)
    keys.verified(PROVIDER.sign(token_claims(at=later)), EXPECTED, later)
    assert source.asked == 2


@pytest.mark.attack
def test_made_up_key_ids_make_no_more_than_one_fetch_per_pause() -> None:
    source = Source(PROVIDER.jwks())
    keys = published(source)
    for number in range(50):
        with pytest.raises(NotEligible, match=r"token\.key"):
            keys.verified(forged({"alg": "RS256", "kid": f"k{number}"}), EXPECTED, AT + timedelta(seconds=number))
    assert source.asked == 1


def test_old_keys_serve_while_the_provider_does_not_answer() -> None:
    source = Source(PROVIDER.jwks())
    keys = published(source)
    keys.verified(GENUINE, EXPECTED, AT)
    for document in (None, b"<html>"):
        source.document = document
        later = AT + timedelta(hours=2)
        keys.verified(PROVIDER.sign(token_claims(at=later)), EXPECTED, later)


@pytest.mark.attack
def test_keys_that_could_not_be_renewed_for_a_day_serve_no_more() -> None:
    source = Source(PROVIDER.jwks())
    keys = published(source)
    keys.verified(GENUINE, EXPECTED, AT)
    source.document = None
    later = AT + timedelta(hours=25, seconds=1)
    with pytest.raises(NotEligible, match=r"keys\.unavailable"):
        keys.verified(PROVIDER.sign(token_claims(at=later)), EXPECTED, later)


def test_without_keys_nobody_logs_in() -> None:
    with pytest.raises(NotEligible, match=r"AUTH_FAILED: keys\.unavailable"):
        published(Source(None)).verified(GENUINE, EXPECTED, AT)
    with pytest.raises(NotEligible, match=r"AUTH_FAILED: token\.key"):
        KnownKeys(PROVIDER.jwks("ec")).verified(GENUINE, EXPECTED, AT)
