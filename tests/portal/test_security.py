"""The guard before every handler: where a form may come from, how large it may be, what every answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ncp_portal import security
from ncp_portal.security import FORM_MAX, Guard, TooLarge, TooSlow, policy, same

ORIGIN = "https://portal.example"
PROVIDER = "https://provider.example"
NEEDED = {
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "referrer-policy",
    "cache-control",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "x-frame-options",
}


class Reached:
    """Counts what came through."""

    def __init__(self) -> None:
        self.count = 0
        self.body = b""


def application(reached: Reached) -> Starlette:
    async def page(request: Request) -> Response:
        reached.count += 1
        reached.body = await request.body()
        return PlainTextResponse("reached")

    async def broken(request: Request) -> Response:
        raise RuntimeError("Šimić-Đurđević")

    async def forbidden(request: Request) -> Response:
        raise HTTPException(403)

    async def refused(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("refused", scope["refused"])(scope, receive, send)

    async def status(request: Request, error: Exception) -> Response:
        return PlainTextResponse(type(error).__name__, 413 if isinstance(error, TooLarge) else 408)

    routes = [
        Route("/", page, methods=["GET", "POST"]),
        Route("/out", page, methods=["POST"]),
        Route("/broken", broken),
        Route("/forbidden", forbidden),
        Route("/health/live", page),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(
                Guard,
                origin=ORIGIN,
                provider=lambda: PROVIDER,
                exempt=frozenset(("/out",)),
                refuse=refused,
                is_secure=True,
            )
        ],
        exception_handlers={TooLarge: status, TooSlow: status},
    )


def ask(
    reached: Reached,
    method: str = "GET",
    path: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    parts: Iterable[bytes] = (b"",),
    host: str = "portal.example",
    stall: float = 0.0,
) -> tuple[int, dict[str, str]]:
    sent: list[MutableMapping[str, Any]] = []
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        if stall:
            await asyncio.sleep(stall)
        if not waiting:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    given = [("host", host), *headers]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "https",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
        "server": ("portal.example", 443),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    asyncio.run(application(reached)(scope, receive, send))
    starts = [each for each in sent if each["type"] == "http.response.start"]
    assert len(starts) == 1
    return starts[0]["status"], {name.decode(): value.decode() for name, value in starts[0]["headers"]}


OWN = (("origin", ORIGIN), ("sec-fetch-site", "same-origin"))


@pytest.mark.attack
@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", (), 200),
        ("POST", "/", OWN, 200),
        ("POST", "/", (), 403),
        ("GET", "/nowhere", (), 404),
        ("PUT", "/", OWN, 405),
        ("GET", "/forbidden", (), 403),
        ("GET", "/broken", (), 500),
        ("POST", "/", (*OWN, ("content-length", "99999999")), 413),
    ],
)
def test_every_answer_carries_every_header(method: str, path: str, headers: Any, status: int) -> None:
    found, given = ask(Reached(), method, path, headers)
    assert found == status
    assert set(given) >= NEEDED
    assert "default-src 'none'" in given["content-security-policy"] and given["cache-control"] == "no-store"


def test_what_nobody_foresaw_is_logged_by_kind_and_not_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    ask(Reached(), path="/broken")
    log = capsys.readouterr().err
    assert "RuntimeError" in log and "imi" not in log


@pytest.mark.attack
@pytest.mark.parametrize(
    "host", ["", "evil.example", "portal.example.evil.example", "portal.example:444", "PORTAL.EXAMPLE@evil.example"]
)
def test_another_host_is_refused(host: str) -> None:
    reached = Reached()
    assert ask(reached, host=host)[0] == 421 and reached.count == 0
    assert ask(reached, path="/health/live", host=host)[0] == 200


@pytest.mark.attack
@pytest.mark.parametrize(
    "length", ["-1", "65537", "1e3", "0x10", "99999999999999999999", "", " 12", "12, 12", "+5", "\xb2"]
)
def test_a_length_that_is_none_or_too_large_is_refused(length: str) -> None:
    reached = Reached()
    assert ask(reached, "POST", headers=(*OWN, ("content-length", length)))[0] == 413
    assert reached.count == 0


@pytest.mark.attack
@pytest.mark.parametrize("length", [(), (("content-length", "10"),)])
def test_a_body_that_lies_about_its_length_is_cut_at_the_limit(length: Any) -> None:
    reached = Reached()
    fits = [b"x" * 1024] * 64
    assert ask(reached, "POST", headers=(*OWN, *length), parts=fits)[0] == 200
    assert len(reached.body) == FORM_MAX
    reached = Reached()
    assert ask(reached, "POST", headers=(*OWN, *length), parts=[*fits, b"x"])[0] == 413
    assert reached.body == b""


@pytest.mark.attack
def test_a_body_that_does_not_come_in_time_ends_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "FORM_SECONDS", 0.05)
    assert ask(Reached(), "POST", headers=OWN, parts=[b"x"] * 100, stall=0.02)[0] == 408


def test_the_provider_sends_forms_without_being_a_page_of_ours_but_none_that_are_larger() -> None:
    assert ask(Reached(), "POST", "/out")[0] == 200
    assert ask(Reached(), "POST", "/out", (("origin", "https://evil.example"),))[0] == 200
    assert ask(Reached(), "POST", "/out", (("content-length", str(FORM_MAX + 1)),))[0] == 413
    assert ask(Reached(), "POST", "/out/", ())[0] == 403


ORIGINS = st.sampled_from(
    [None, "null", "https://evil.example", "http://portal.example", ORIGIN + ".evil.example", ORIGIN + ":444", "", "*"]
)
SITES = st.sampled_from([None, "cross-site", "same-site", "none", "", "Same-Origin", "same-origin, cross-site"])
METHODS = st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "TRACE", "CONNECT", "PROPFIND"])
OTHERS = st.dictionaries(
    st.sampled_from(["referer", "x-forwarded-host", "x-http-method-override", "sec-fetch-mode", "content-type"]),
    st.sampled_from([ORIGIN, "GET", "portal.example", "navigate", "text/plain"]),
)


@pytest.mark.attack
@settings(deadline=None)
@given(METHODS, ORIGINS, SITES, OTHERS)
def test_a_form_of_another_site_never_gets_through(
    method: str, origin: str | None, site: str | None, others: dict[str, str]
) -> None:
    given_headers = list(others.items())
    given_headers += [("origin", origin)] if origin is not None else []
    given_headers += [("sec-fetch-site", site)] if site is not None else []
    reached = Reached()
    status, _ = ask(reached, method, "/", given_headers)
    assert status in (403, 413) and reached.count == 0


@pytest.mark.attack
@settings(deadline=None)
@given(st.sampled_from([ORIGIN, "https://evil.example"]), st.sampled_from(["same-origin", "cross-site"]))
def test_two_statements_that_contradict_each_other_are_no_permission(origin: str, site: str) -> None:
    reached = Reached()
    status, _ = ask(reached, "POST", "/", (("origin", origin), ("sec-fetch-site", site)))
    assert (status == 200) == (origin == ORIGIN and site == "same-origin") == bool(reached.count)


def test_the_policy_names_the_summarys_style_and_nothing_inline() -> None:
    written = policy(provider=PROVIDER, style="'sha256-abc='")
    assert "style-src 'self' 'sha256-abc='" in written and f"form-action 'self' {PROVIDER}" in written
    for each in (written, policy(provider="")):
        assert "unsafe" not in each and "data:" not in each and " *" not in each
        assert "base-uri 'none'" in each and "frame-ancestors 'none'" in each


@given(st.text(), st.text(min_size=1).filter(lambda text: text.isascii()))
def test_a_token_is_the_sessions_or_not(token: str, expected: str) -> None:
    assert same(expected, expected)
    assert same(token, expected) == (token == expected)
    assert not same(token, "")
