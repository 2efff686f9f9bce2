"""The provider's word: logout tokens with every rule broken one by one, and logins that a provider spoils."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from ncp_portal.login import LoginFailed, LogoutRefused, Provider
from ncp_portal.settings import LoginSettings

NOW = 1_800_000_000.0
CLIENT = "portal"
SECRET = "the secret of the tests, thirty-two bytes"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
NEW_KEY = RSAKey.generate_key(2048, {"kid": "two"})
STRANGER = RSAKey.import_key({**RSAKey.generate_key(2048).as_dict(private=True), "kid": "one"})


@dataclass
class Published:
    """What a provider publishes, over HTTP, and what it was asked for."""

    keys: list[Any] = field(default_factory=lambda: [KEY])
    asked: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    origin: str = ""

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return KeySet(self.keys).as_dict(private=False)
        return {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/auth",
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.changes,
        }


@pytest.fixture
def published() -> Iterator[Published]:
    kept = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append(self.path)
            body = json.dumps(kept.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def provider(published: Published, tmp_path: Path) -> Provider:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    settings = LoginSettings.model_validate(
        {"metadata_url": f"{published.origin}/meta", "client_id": CLIENT, "client_secret_file": tmp_path / "secret"}
    )
    return Provider(settings, callback="http://localhost/login/callback", after_logout="http://localhost/signed-out")


def claims(published: Published, **changes: Any) -> dict[str, Any]:
    """A logout token that keeps every rule (OpenID Connect Back-Channel Logout 1.0, 2.4); None takes a claim away."""
    found = {
        "iss": published.origin,
        "sub": "anne",
        "aud": CLIENT,
        "iat": int(NOW),
        "exp": int(NOW) + 120,
        "jti": "number-1",
        "events": {EVENT: {}},
        "sid": "s1",
        **changes,
    }
    return {key: value for key, value in found.items() if value is not None}


def signed(given: dict[str, Any], key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": "one", **header}, given, key, algorithms=[alg])


def end(provider: Provider, token: str, now: float = NOW) -> tuple[str, str]:
    return asyncio.run(provider.end_session(token, now))


def test_a_logout_token_names_the_sessions_that_end(provider: Provider, published: Published) -> None:
    assert end(provider, signed(claims(published))) == ("anne", "s1")
    assert end(provider, signed(claims(published, sub=None, jti="2"))) == ("", "s1")
    assert end(provider, signed(claims(published, sid=None, jti="3"))) == ("anne", "")
    assert end(provider, signed(claims(published, aud=["other", CLIENT], jti="4"))) == ("anne", "s1")
    assert end(provider, signed(claims(published, jti="5"), typ="logout+jwt")) == ("anne", "s1")


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": {"portal": 1}},
        {"iat": None},
        {"iat": int(NOW) - 3600},
        {"iat": int(NOW) + 3600},
        {"iat": "now"},
        {"iat": True},
        {"exp": int(NOW) - 3600},
        {"exp": "never"},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": EVENT},
        {"events": {EVENT + "x": {}}},
        {"events": {EVENT: "yes"}},
        {"events": {EVENT: None}},
        {"nonce": "anything"},
        {"sub": None, "sid": None},
        {"sub": "", "sid": ""},
        {"sub": 5},
        {"sid": ["s1"]},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 10_000},
    ],
    ids=repr,
)
def test_each_rule_of_a_logout_token_is_kept_or_it_is_refused(
    provider: Provider, published: Published, changes: dict[str, Any]
) -> None:
    given = claims(published)
    for key, value in changes.items():
        given.pop(key) if value is None else given.update({key: value})
    with pytest.raises(LogoutRefused):
        end(provider, signed(given))


@pytest.mark.attack
def test_a_logout_token_is_good_once(provider: Provider, published: Published) -> None:
    token = signed(claims(published))
    end(provider, token)
    with pytest.raises(LogoutRefused, match="jti"):
        end(provider, token)


@pytest.mark.attack
def test_a_refused_token_does_not_use_up_the_number_of_a_good_one(provider: Provider, published: Published) -> None:
    with pytest.raises(LogoutRefused):
        end(provider, signed(claims(published, aud="another")))
    assert end(provider, signed(claims(published))) == ("anne", "s1")


def unsigned(given: dict[str, Any], alg: str) -> str:
    parts = (json.dumps(each).encode() for each in ({"alg": alg, "kid": "one"}, given))
    return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts) + "."


def with_the_public_key(given: dict[str, Any]) -> str:
    """HS256 with what everybody knows as its secret."""
    text = unsigned(given, "HS256")[:-1]
    code = hmac.digest(KEY.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"


@pytest.mark.attack
@pytest.mark.parametrize(
    "forge",
    [
        lambda given: unsigned(given, "none"),
        lambda given: unsigned(given, "None"),
        lambda given: unsigned(given, "RS256"),
        lambda given: signed(given, OctKey.import_key(SECRET), "HS256"),
        lambda given: with_the_public_key(given),
        lambda given: signed(given, STRANGER),
        lambda given: signed(given, ECKey.generate_key("P-256"), "ES256"),
        lambda given: signed(given, STRANGER, jwk=STRANGER.as_dict(private=False)),
        lambda given: signed(given, STRANGER, jku="https://evil.example/keys"),
        lambda given: signed(given)[:-4] + "AAAA",
        lambda given: signed(given).replace(".", "", 1),
        lambda given: json.dumps(given),
        lambda given: "",
        lambda given: "a.b.c",
        lambda given: "é.ü.ñ",
        lambda given: "x" * 70_000,
        lambda given: "." * 60_000,
    ],
)
def test_a_signature_is_the_providers_or_the_token_is_refused(
    provider: Provider, published: Published, forge: Any
) -> None:
    with pytest.raises(LogoutRefused):
        end(provider, forge(claims(published)))


@pytest.mark.attack
def test_an_id_token_is_no_logout_token(provider: Provider, published: Published) -> None:
    given = claims(published, events=None, nonce="n", auth_time=int(NOW))
    given.pop("events", None)
    with pytest.raises(LogoutRefused):
        end(provider, signed(given, typ="JWT"))


def test_a_key_that_the_provider_has_since_then_is_fetched_and_strangers_do_not_make_us_ask_on_and_on(
    provider: Provider, published: Published
) -> None:
    end(provider, signed(claims(published)))
    published.keys.append(NEW_KEY)
    assert end(provider, signed(claims(published, jti="2"), NEW_KEY, kid="two")) == ("anne", "s1")
    before = published.asked.count("/keys")
    for _ in range(20):
        with pytest.raises(LogoutRefused):
            end(provider, signed(claims(published, jti="3"), STRANGER, kid="three"))
    assert published.asked.count("/keys") == before


def test_a_provider_that_does_not_answer_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    settings = LoginSettings.model_validate(
        {"metadata_url": "http://127.0.0.1:9/meta", "client_id": CLIENT, "client_secret_file": tmp_path / "secret"}
    )
    provider = Provider(settings, callback="http://localhost/cb", after_logout="http://localhost/out")
    with pytest.raises(LoginFailed) as failed:
        asyncio.run(provider.begin(None, {}, "fr"))  # type: ignore[arg-type]
    assert failed.value.code == "AUTH_UNAVAILABLE"
    with pytest.raises(LogoutRefused):
        end(provider, "a.b.c")


@pytest.mark.parametrize("changes", [{"jwks_uri": None}, {"jwks_uri": "http://127.0.0.1:9/keys"}, {"issuer": None}])
def test_a_provider_that_says_nothing_of_its_keys_ends_nothing(
    provider: Provider, published: Published, changes: dict[str, Any]
) -> None:
    published.changes = changes
    with pytest.raises(LogoutRefused):
        end(provider, signed(claims(published)))
