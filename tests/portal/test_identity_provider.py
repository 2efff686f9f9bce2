"""The test identity provider as applications see it: a real process, Authlib and joserfc as judges.

Expected values are those of OpenID Connect Core 1.0, Back-Channel Logout 1.0, RP-Initiated Logout 1.0, RFC 6749, 6750,
7636, 7662 and 9207.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.shared import shared
from tests.support.identity_provider import (
    PROFESSIONALS,
    ROOT,
    RegisteredClient,
    RunningProvider,
    answer_of,
    forms_of,
    identity_provider,
    log_in,
)

CALLBACK = "http://localhost:1/callback"
OTHER = RegisteredClient(id="other", secret="the secret of another", redirect_uris=("http://localhost:1/other",))
DOCTOR = "claire-generaliste"


def people(country: str) -> list[dict[str, Any]]:
    return tomllib.loads((PROFESSIONALS / f"{country}.toml").read_text("utf-8"))["people"]


class Listener:
    """An application's address for logout tokens."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.bodies.append((self.headers["Content-Type"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ended"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def tokens(self) -> list[str]:
        assert all(kind == "application/x-www-form-urlencoded" for kind, _ in self.bodies)
        return [parse_qs(body.decode())["logout_token"][0] for _, body in self.bodies]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def portal(listener: Listener) -> RegisteredClient:
    return RegisteredClient(redirect_uris=(CALLBACK, "http://localhost:1/second"), backchannel_logout_uri=listener.url)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, portal: RegisteredClient) -> Iterator[RunningProvider]:
    with identity_provider(tmp_path_factory.mktemp("provider"), [portal, OTHER]) as running:
        yield running


@pytest.fixture(scope="module")
def hasty_listener() -> Iterator[Listener]:
    """Its own: sessions that run out would be told into the middle of other tests."""
    listening = Listener()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, hasty_listener: Listener) -> Iterator[RunningProvider]:
    """Codes and access tokens that last a second, sessions that last three."""
    lifetimes = {"code": 1, "access_token": 1, "session": 3}
    client = RegisteredClient(redirect_uris=(CALLBACK,), backchannel_logout_uri=hasty_listener.url)
    with identity_provider(tmp_path_factory.mktemp("hasty"), [client], lifetimes=lifetimes) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, headers={"Accept": "text/html", "Accept-Language": "fr"}) as http:
        yield http


class Ask:
    """An authorization request that keeps every rule, to be changed."""

    def __init__(self, provider: RunningProvider, **changes: str | None) -> None:
        self.provider = provider
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "scope": "openid scope_all",
            "acr_values": "eidas1",
            "state": "state-" + secrets.token_urlsafe(8),
            "nonce": "nonce-" + secrets.token_urlsafe(8),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        self.values = {key: value for key, value in values.items() if value is not None}
        self.url = f"{provider.origin}/auth?{urlencode(self.values)}"

    def redeem(self, code: str, /, secret: str | None = None, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **changes,
        }
        data = {key: value for key, value in form.items() if value is not None}
        client = httpx.BasicAuth("portal", "wrong secret" if secret else _quoted_secret())
        return httpx.post(self.provider.url("token"), data=data, auth=client, trust_env=False)


def _quoted_secret() -> str:
    # RFC 6749 section 2.3.1: name and secret are form-encoded before they go into the Basic header.
    return urlencode({"": RegisteredClient().secret})[1:]


def keys_of(provider: RunningProvider) -> KeySet:
    return KeySet.import_key_set(httpx.get(provider.url("certs"), trust_env=False).json())


def tokens_for(provider: RunningProvider, browser: httpx.Client, person: str = DOCTOR, means: str = "cps") -> Any:
    ask = Ask(provider)
    answer = answer_of(log_in(browser, ask.url, person, means))
    tokens = ask.redeem(answer["code"])
    assert tokens.status_code == 200, tokens.text
    return ask, tokens.json()


def userinfo(provider: RunningProvider, token: str) -> httpx.Response:
    return httpx.get(provider.url("userinfo"), headers={"Authorization": f"Bearer {token}"}, trust_env=False)


# --- the flow -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post"])
def test_a_login_with_another_library(
    provider: RunningProvider, browser: httpx.Client, portal: RegisteredClient, way: str
) -> None:
    async def flow() -> None:
        secret = _quoted_secret() if way == "client_secret_basic" else portal.secret
        async with AsyncOAuth2Client(
            portal.id,
            secret,
            scope="openid scope_all",
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint_auth_method=way,
            trust_env=False,
        ) as client:
            wallet = f"{provider.issuer}/.well-known/wallet-openid-configuration"
            found = (await client.request("GET", wallet, withhold_token=True)).json()
            verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
            url, state = client.create_authorization_url(
                found["authorization_endpoint"], code_verifier=verifier, nonce=nonce, acr_values="eidas1"
            )
            location = log_in(browser, url, DOCTOR)
            answer = answer_of(location)
            assert (answer["state"], answer["iss"]) == (state, provider.issuer)
            before = int(time.time())
            token = await client.fetch_token(
                found["token_endpoint"], authorization_response=location, code_verifier=verifier, state=state
            )
            keys = KeySet.import_key_set((await client.get(found["jwks_uri"])).json())
            decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
            rules = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": provider.issuer},
                aud={"essential": True, "value": portal.id},
                nonce={"essential": True, "value": nonce},
                azp={"value": portal.id},
                exp={"essential": True},
                iat={"essential": True},
            )
            rules.validate(decoded.claims)
            claims = decoded.claims
            assert decoded.header["kid"] == keys.keys[0].kid
            assert abs(claims["auth_time"] - before) <= 5
            assert (claims["acr"], claims["authMode"], claims["sid"]) == ("eidas1", "CARD", answer["session_state"])
            assert re.fullmatch(r"8\d{11}", claims["SubjectNameID"])
            assert claims["preferred_username"] == claims["SubjectNameID"]
            half = hashlib.sha256(token["access_token"].encode()).digest()[:16]
            assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
            info = (await client.get(found["userinfo_endpoint"])).json()
            assert info["sub"] == claims["sub"]
            assert info["otherIds"] == claims["otherIds"]
            assert info["SubjectRefPro"]["exercices"][0]["codeSavoirFaire"] == "SM54"

    asyncio.run(flow())


def test_both_names_of_the_description_say_the_same(provider: RunningProvider) -> None:
    usual, wallet = (
        httpx.get(f"{provider.issuer}/.well-known/{name}", trust_env=False)
        for name in ("openid-configuration", "wallet-openid-configuration")
    )
    found = usual.json()
    assert found == wallet.json()
    assert found["issuer"] == provider.issuer
    assert found["authorization_endpoint"] == f"{provider.origin}/auth"
    for key, name in {
        "token_endpoint": "token",
        "userinfo_endpoint": "userinfo",
        "jwks_uri": "certs",
        "end_session_endpoint": "logout",
        "introspection_endpoint": "token/introspect",
    }.items():
        assert found[key] == f"{provider.issuer}/protocol/openid-connect/{name}"
    # Required by OpenID Connect Discovery 1.0 section 3.
    assert found["response_types_supported"] == ["code"]
    assert found["subject_types_supported"] == ["public"]
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_no_private_number_of_the_key_is_published(provider: RunningProvider) -> None:
    (key,) = httpx.get(provider.url("certs"), trust_env=False).json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


def test_the_other_means_is_told(provider: RunningProvider, browser: httpx.Client) -> None:
    _, tokens = tokens_for(provider, browser, means="e-cps")
    claims = jwt.decode(tokens["id_token"], keys_of(provider), algorithms=["RS256"]).claims
    assert claims["authMode"] == userinfo(provider, tokens["access_token"]).json()["authMode"] == "MOBILE"


def test_cancelling_is_told_to_the_application(provider: RunningProvider, browser: httpx.Client) -> None:
    ask = Ask(provider)
    answer = answer_of(log_in(browser, ask.url, None))
    assert (answer["error"], answer["state"]) == ("access_denied", ask.values["state"])
    assert "code" not in answer


# --- authorization requests that break a rule -----------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain", "code_challenge": "a" * 43}, "invalid_request"),
        ({"code_challenge_method": None, "code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"scope": "scope_all"}, "invalid_scope"),
        ({"response_type": "id_token token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "http://localhost:1/r"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_to_the_application(
    provider: RunningProvider, browser: httpx.Client, changes: dict[str, str | None], error: str
) -> None:
    answer = browser.get(Ask(provider, **changes).url)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    told = answer_of(answer.headers["location"])
    assert (told["error"], told["iss"]) == (error, provider.issuer)


@pytest.mark.attack
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://localhost:1/callback/"},
        {"redirect_uri": "http://localhost:1/callback?x=1"},
        {"redirect_uri": "HTTP://localhost:1/callback"},
        {"redirect_uri": "http://localhost:1/other"},
        {"redirect_uri": "http://attacker.example/"},
        {"state": "x" * 5000},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    provider: RunningProvider, browser: httpx.Client, changes: dict[str, str | None]
) -> None:
    answer = browser.get(Ask(provider, **changes).url)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.attack
def test_a_parameter_twice_is_refused(provider: RunningProvider, browser: httpx.Client) -> None:
    answer = browser.get(Ask(provider).url + "&redirect_uri=http%3A%2F%2Fattacker.example%2F")
    assert answer.status_code == 400


@pytest.mark.attack
def test_a_login_page_works_once_and_in_its_browser(provider: RunningProvider, browser: httpx.Client) -> None:
    (form,) = forms_of(browser.get(Ask(provider).url))
    fields = {**form.fields, "person": DOCTOR}
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.post(form.action, data=fields).status_code == 400
    assert browser.post(form.action, data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.post(form.action, data=fields).status_code == 303
    assert browser.post(form.action, data=fields).status_code == 400


# --- the token endpoint ---------------------------------------------------------------------------------------------


@pytest.mark.attack
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": "http://localhost:1/second"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
)
def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(
    provider: RunningProvider, browser: httpx.Client, changes: dict[str, str | None], error: str
) -> None:
    ask = Ask(provider)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    answer = ask.redeem(code, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.attack
def test_a_code_used_again_takes_back_what_it_gave(provider: RunningProvider, browser: httpx.Client) -> None:
    ask = Ask(provider)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    first = ask.redeem(code)
    token = first.json()["access_token"]
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert userinfo(provider, token).status_code == 200
    again = ask.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert userinfo(provider, token).status_code == 401


@pytest.mark.attack
def test_a_wrong_secret_gives_nothing_and_leaves_the_code(provider: RunningProvider, browser: httpx.Client) -> None:
    ask = Ask(provider)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    answer = ask.redeem(code, secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert ask.redeem(code).status_code == 200


@pytest.mark.attack
def test_a_code_of_another_client_gives_nothing(provider: RunningProvider, browser: httpx.Client) -> None:
    ask = Ask(provider)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": ask.verifier}
    posted = {**form, "client_id": OTHER.id, "client_secret": OTHER.secret}
    answer = httpx.post(provider.url("token"), data=posted, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.attack
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"grant_type=authorization_code&grant_type=authorization_code", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % one for one in range(60)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_refused(provider: RunningProvider, content: bytes, kind: str) -> None:
    answer = httpx.post(provider.url("token"), content=content, headers={"Content-Type": kind}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_code_and_an_access_token_run_out(hasty: RunningProvider, browser: httpx.Client) -> None:
    _, tokens = tokens_for(hasty, browser)
    ask = Ask(hasty)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    time.sleep(2.1)
    late = ask.redeem(code)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
    refused = userinfo(hasty, tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.attack
def test_user_info_without_a_token(provider: RunningProvider) -> None:
    silent = httpx.get(provider.url("userinfo"), trust_env=False)
    # RFC 6750 section 3.1: no error code where no authentication was tried.
    assert (silent.status_code, silent.headers["www-authenticate"]) == (401, "Bearer")
    assert userinfo(provider, "guessed").status_code == 401


def test_introspection(provider: RunningProvider, browser: httpx.Client) -> None:
    ask, tokens = tokens_for(provider, browser)
    url, data = provider.url("token/introspect"), {"token": tokens["access_token"]}
    told = httpx.post(url, data=data, auth=("portal", _quoted_secret()), trust_env=False).json()
    assert (told["active"], told["client_id"], told["nonce"]) == (True, "portal", ask.values["nonce"])
    other = httpx.post(url, data=data, auth=(OTHER.id, OTHER.secret), trust_env=False).json()
    assert other == {"active": False}
    assert httpx.post(url, data=data, trust_env=False).status_code == 401


# --- sessions and their end -----------------------------------------------------------------------------------------


def test_an_open_session_answers_at_once_unless_a_login_is_wanted(
    provider: RunningProvider, browser: httpx.Client
) -> None:
    first = answer_of(log_in(browser, Ask(provider).url, DOCTOR))
    again = browser.get(Ask(provider, prompt="none").url)
    assert answer_of(again.headers["location"])["session_state"] == first["session_state"]
    assert browser.get(Ask(provider, prompt="login").url).status_code == 200
    assert browser.get(Ask(provider, max_age="0").url).status_code == 200


def judged_logout_token(provider: RunningProvider, token: str, sub: str, sid: str) -> dict[str, Any]:
    """Back-Channel Logout 1.0 sections 2.4 and 2.6."""
    decoded = jwt.decode(token, keys_of(provider), algorithms=["RS256"])
    claims = decoded.claims
    assert decoded.header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"], claims["sub"], claims["sid"]) == (provider.issuer, "portal", sub, sid)
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["iat"] <= time.time() + 1 and 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert "nonce" not in claims
    return claims


def test_logout_by_the_application(provider: RunningProvider, browser: httpx.Client, listener: Listener) -> None:
    _, tokens = tokens_for(provider, browser)
    claims = jwt.decode(tokens["id_token"], keys_of(provider), algorithms=["RS256"]).claims
    listener.bodies.clear()
    query = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": "http://localhost:1/goodbye",
        "state": "s&t",
    }
    answer = browser.get(provider.url("logout"), params=query)
    assert answer.headers["location"] == "http://localhost:1/goodbye?state=s%26t"
    (token,) = listener.tokens()
    judged_logout_token(provider, token, claims["sub"], claims["sid"])
    assert userinfo(provider, tokens["access_token"]).status_code == 401
    assert browser.get(Ask(provider).url).status_code == 200


def test_logout_without_a_hint_asks_first(provider: RunningProvider, browser: httpx.Client, listener: Listener) -> None:
    _, tokens = tokens_for(provider, browser)
    listener.bodies.clear()
    page = browser.get(provider.url("logout"))
    assert page.status_code == 200
    assert userinfo(provider, tokens["access_token"]).status_code == 200
    (form,) = forms_of(page)
    assert browser.post(form.action, data=form.fields).status_code == 303
    assert userinfo(provider, tokens["access_token"]).status_code == 401
    assert len(listener.tokens()) == 1


@pytest.mark.attack
@pytest.mark.parametrize("address", ["http://attacker.example/", "http://localhost:1/goodbye?x=1"])
def test_logout_leads_nowhere_else(provider: RunningProvider, browser: httpx.Client, address: str) -> None:
    _, tokens = tokens_for(provider, browser)
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": address}
    answer = browser.get(provider.url("logout"), params=query)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.attack
def test_a_forged_hint_ends_nothing(provider: RunningProvider, browser: httpx.Client) -> None:
    _, tokens = tokens_for(provider, browser)
    head, body, _ = tokens["id_token"].split(".")
    for forged in (f"{head}.{body}.AAAA", f"{head}.{body}.", "x", "a.b.c"):
        assert browser.get(provider.url("logout"), params={"id_token_hint": forged}).status_code == 400
    assert userinfo(provider, tokens["access_token"]).status_code == 200


def test_ending_a_session_from_outside(provider: RunningProvider, browser: httpx.Client, listener: Listener) -> None:
    _, tokens = tokens_for(provider, browser)
    claims = jwt.decode(tokens["id_token"], keys_of(provider), algorithms=["RS256"]).claims
    listener.bodies.clear()
    url = f"{provider.origin}/sessions/end"
    stranger = httpx.post(
        url, data={"session": claims["sid"]}, headers={"Sec-Fetch-Site": "cross-site"}, trust_env=False
    )
    assert (stranger.status_code, listener.bodies) == (403, [])
    answer = httpx.post(url, data={"session": claims["sid"]}, trust_env=False)
    assert answer.json() == {"ended": 1, "told": [{"client_id": "portal", "status": 200}]}
    judged_logout_token(provider, listener.tokens()[0], claims["sub"], claims["sid"])
    assert httpx.post(url, data={"session": claims["sid"]}, trust_env=False).json()["ended"] == 0


def test_the_page_of_sessions_has_a_button_for_each(provider: RunningProvider, browser: httpx.Client) -> None:
    _, tokens = tokens_for(provider, browser)
    sid = jwt.decode(tokens["id_token"], keys_of(provider), algorithms=["RS256"]).claims["sid"]
    page = browser.get(f"{provider.origin}/sessions")
    (form,) = [one for one in forms_of(page) if one.fields["session"] == sid]
    assert browser.post(form.action, data=form.fields).headers["location"] == "/sessions"
    assert userinfo(provider, tokens["access_token"]).status_code == 401


def test_a_session_that_runs_out_is_told_as_well(
    hasty: RunningProvider, browser: httpx.Client, hasty_listener: Listener
) -> None:
    _, tokens = tokens_for(hasty, browser)
    claims = jwt.decode(tokens["id_token"], keys_of(hasty), algorithms=["RS256"]).claims
    until = time.monotonic() + 15
    while time.monotonic() < until:
        for token in hasty_listener.tokens():
            told = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
            if told["sid"] == claims["sid"]:
                judged_logout_token(hasty, token, claims["sub"], claims["sid"])
                return
        time.sleep(0.2)
    raise AssertionError("nobody was told")


# --- people ---------------------------------------------------------------------------------------------------------


def test_there_is_somebody_for_every_case() -> None:
    rows = {one["row"] for one in people("fr")}
    assert rows >= {*range(1, 43), 44, 45}


@pytest.mark.parametrize("country", ["fr", "ie"])
def test_everybody_can_log_in_and_is_as_the_file_says(tmp_path: Path, portal: RegisteredClient, country: str) -> None:
    with identity_provider(tmp_path, [portal], PROFESSIONALS / f"{country}.toml") as running:
        keys = keys_of(running)
        means = "cps" if country == "fr" else "card"
        for person in people(country):
            with httpx.Client(trust_env=False) as browser:
                ask, tokens = tokens_for(running, browser, person["id"], means)
            answer = userinfo(running, tokens["access_token"])
            judge_person(person, ask, tokens["id_token"], answer, keys)


def judge_person(person: dict[str, Any], ask: Ask, token: str, answer: httpx.Response, keys: KeySet) -> None:
    """An honest person gets a right answer; a spoilt one exactly the fault that the file names."""
    spoil = person.get("spoil")
    expected = ask.provider.issuer, "portal", ask.values["nonce"]
    if spoil in {"signature", "unsigned", "shared_secret"}:
        with pytest.raises(JoseError):
            jwt.decode(token, keys, algorithms=["RS256"])
        return
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    wrong = {
        "issuer": claims["iss"] != expected[0],
        "audience": claims["aud"] != expected[1],
        "nonce": "nonce" in claims and claims["nonce"] != expected[2],
        "nonce_missing": "nonce" not in claims,
        "expired": claims["exp"] < time.time(),
        "acr_missing": "acr" not in claims,
        "acr_low": claims.get("acr") == "eidas0",
        "auth_mode_missing": "SubjectNameID" in claims and "authMode" not in claims,
        "auth_mode_unknown": claims.get("authMode") == "UNKNOWN",
        "user_info_unavailable": answer.status_code == 503,
    }
    if spoil == "user_info_not_json":
        with pytest.raises(ValueError):
            answer.json()
    elif answer.status_code == 200:
        info = answer.json()
        wrong["sub"] = info["sub"] != claims["sub"]
        family = person["user_info"]["family_name"]
        assert info["family_name"] == family
        exercices = info.get("SubjectRefPro", {}).get("exercices", [])
        if isinstance(exercices, list):
            given = [one.get("activities", "absent") for one in exercices]
            wrong["user_info_activities_null"] = None in given
            assert len(exercices) == len(person.get("exercices", []))
        assert ("profession" in info) == ("profession" in person["user_info"])
    assert [fault for fault, there in wrong.items() if there] == ([spoil] if spoil in wrong else [])


def test_claims_have_the_form_of_the_published_schema(provider: RunningProvider, browser: httpx.Client) -> None:
    """The schema (ansforge/PSC-POC) describes list items by place; what it requires is checked."""
    schema = json.loads(shared("samples/saml/psc/psc-data.schema.json").read_text("utf-8"))["$defs"]
    _, tokens = tokens_for(provider, browser, "paul-multisite")
    info = userinfo(provider, tokens["access_token"]).json()
    conforms(info, schema["UserInfo"], "user info")
    told = httpx.post(
        provider.url("token/introspect"),
        data={"token": tokens["access_token"]},
        auth=("portal", _quoted_secret()),
        trust_env=False,
    ).json()
    conforms(told, schema["IntrospectionResponse"], "introspection")
    assert set(told) <= set(schema["IntrospectionResponse"]["properties"])
    assert 200 <= len(tokens["access_token"]) <= 2000
    sample = json.loads(shared("samples/saml/psc/userinfo_full.json").read_text("utf-8"))
    assert set(info) >= set(sample)
    ours, theirs = (one["SubjectRefPro"]["exercices"][0] for one in (info, sample))
    assert set(ours) == set(theirs)
    assert set(ours["activities"][0]) == set(theirs["activities"][0])


def conforms(value: Any, schema: dict[str, Any], where: str) -> None:
    """The keywords that this schema uses, each item of a list judged by the first place's rule."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), where
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), where
        for key, rule in schema.get("properties", {}).items():
            if key in value:
                conforms(value[key], rule, f"{where} {key}")
    if isinstance(value, list) and schema.get("items"):
        for one in value:
            conforms(one, schema["items"][0], f"{where} item")


# --- pages and command ----------------------------------------------------------------------------------------------


def test_pages_run_nothing_and_speak_two_languages(provider: RunningProvider, browser: httpx.Client) -> None:
    page = browser.get(Ask(provider).url)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "form-action 'self' http://localhost:1;" in policy
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|\sstyle=|\son\w+=|javascript:", page.text)
    assert '<html lang="fr">' in page.text and "Fournisseur d&#39;identité de test" in page.text
    assert "Chevron &lt;b&gt;" in page.text
    english = browser.get(Ask(provider, ui_locales="en").url)
    assert '<html lang="en">' in english.text and "Test identity provider" in english.text


@pytest.mark.attack
def test_another_name_for_the_provider_is_refused(provider: RunningProvider) -> None:
    url = f"{provider.issuer}/.well-known/openid-configuration"
    assert httpx.get(url, headers={"Host": "attacker.example"}, trust_env=False).status_code == 400


def test_nothing_secret_is_logged(provider: RunningProvider, browser: httpx.Client) -> None:
    ask = Ask(provider)
    code = answer_of(log_in(browser, ask.url, DOCTOR))["code"]
    tokens = ask.redeem(code).json()
    log = (provider.folder / "provider.log").read_text("utf-8")
    assert f"login of {DOCTOR}" in log
    for secret in (code, tokens["access_token"], tokens["id_token"], ask.values["state"], RegisteredClient().secret):
        assert secret not in log


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "identity_provider", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "portal" / "identity_provider" / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help() -> None:
    shown = command("serve", "--help")
    assert shown.returncode == 0
    assert "--config" in shown.stdout and "--allow-remote" in shown.stdout


@pytest.mark.attack
@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_it_listens_to_this_machine_alone(tmp_path: Path, address: str) -> None:
    config = tmp_path / "provider.toml"
    config.write_text(
        f'[listen]\naddress = "{address}"\n[provider]\nissuer = "http://localhost:9080/auth/realms/x"\n'
        f'clients = "none.toml"\npeople = "none.toml"\n'
    )
    refused = command("serve", "--config", str(config))
    assert refused.returncode == 1
    assert "--allow-remote" in refused.stderr
    # With the option the next fault is found: the files are not there.
    allowed = command("serve", "--allow-remote", "--config", str(config))
    assert allowed.returncode == 1
    assert "none.toml" in allowed.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("issuer", "issuers"), "issuer must be"),
        (("http://localhost:9080/auth/realms/x", "localhost"), "issuer must be"),
        (("[provider]", "[lifetimes]\ncode = 3600\n[provider]"), "code must be"),
        (("[provider]", "[listen]\ncertificate = 'c.pem'\n[provider]"), "belong together"),
        (("[provider]", "[listem]\n[provider]"), "unknown key listem"),
        (("[provider]", "[provider"), "not TOML"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    config = tmp_path / "provider.toml"
    right = '[provider]\nissuer = "http://localhost:9080/auth/realms/x"\nclients = "none.toml"\npeople = "none.toml"\n'
    config.write_text(right.replace(*change))
    refused = command("serve", "--config", str(config))
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
