"""What strangers, other sites and other professionals try over HTTP, against the portal as a process."""

from __future__ import annotations

import html
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from tests.support.identity_provider import log_in
from tests.support.web import DOCTOR, PATIENT, Stack, Visitor

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.attack]

COOKIE = "portal"
SECURITY_HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cache-control",
    "cross-origin-opener-policy",
    "x-frame-options",
    "permissions-policy",
}


@pytest.fixture
def visitor(running: Stack) -> Iterator[Visitor]:
    with Visitor(running.url) as found:
        yield found


@pytest.fixture
def doctor(visitor: Visitor) -> Visitor:
    visitor.log_in()
    assert visitor.path == "/search"
    return visitor


def token_of(visitor: Visitor) -> str:
    return visitor.http.cookies[COOKIE]


def raw(running: Stack, *parts: bytes, wait: float = 0.0, patience: float = 40.0) -> bytes:
    """What the portal answers to these bytes, until it ends the connection or nothing comes any more."""
    with socket.create_connection(("127.0.0.1", running.web.portal.port), timeout=patience) as connection:
        answer = bytearray()
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(wait)
            while data := connection.recv(65536):
                answer += data
        except (ConnectionError, TimeoutError):
            pass
        return bytes(answer)


def request(running: Stack, head: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [head, f"Host: localhost:{running.web.portal.port}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


# Forms of others


@pytest.mark.parametrize("path", ["/search", "/logout", "/session/keep", "/place"])
@pytest.mark.parametrize("token", ["", "x", "another's"])
def test_a_form_without_the_sessions_own_token_changes_nothing(
    running: Stack, doctor: Visitor, path: str, token: str
) -> None:
    if token == "another's":
        with Visitor(running.url) as other:
            other.log_in()
            token = other.csrf
            assert token
    page = doctor.http.post(running.url + path, data={"csrf": token, "country": "HR"}, follow_redirects=False)
    assert page.status_code == 403 and set(page.headers) >= SECURITY_HEADERS
    assert doctor.get("/search").status_code == 200 and doctor.path == "/search", "still logged in"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(
    running: Stack, doctor: Visitor, headers: dict[str, str]
) -> None:
    page = doctor.http.post(
        running.url + "/search", data={"csrf": doctor.csrf, "country": "HR"}, headers=headers, follow_redirects=False
    )
    assert page.status_code == 403


@pytest.mark.parametrize("media", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_form_of_another_kind_is_refused(running: Stack, doctor: Visitor, media: str) -> None:
    content = f"csrf={doctor.csrf}&country=HR"
    page = doctor.http.post(running.url + "/search", content=content, headers={"Content-Type": media})
    assert page.status_code == 400


# Sessions of others


def test_the_cookie_before_the_login_is_not_the_one_after_it_and_is_worth_nothing(
    running: Stack, visitor: Visitor
) -> None:
    answer = visitor.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
    before = token_of(visitor)
    visitor.page = visitor.http.get(log_in(visitor.http, answer.headers["location"], DOCTOR))
    assert visitor.path == "/search" and token_of(visitor) != before
    with httpx.Client(cookies={COOKIE: before}, trust_env=False) as thief:
        answer = thief.get(running.url + "/search", follow_redirects=False)
        assert answer.status_code == 303 and "session-ended" in answer.headers["location"]


def test_a_cookie_that_the_attacker_chose_is_never_taken_over(running: Stack) -> None:
    with Visitor(running.url) as victim:
        victim.http.cookies.set(COOKIE, "chosen-by-the-attacker", domain="localhost.local", path="/")
        victim.log_in()
        assert "chosen-by-the-attacker" not in {each.value for each in victim.http.cookies.jar if each.name == COOKIE}


@pytest.mark.parametrize(
    "cookie",
    [
        b"x",
        b"x" * 20_000,
        b"\xff\xfe\x80",
        b"a=b; portal=; portal=x",
        b'"' * 100,
        b"portal=" + b"%00" * 50,
        b"; " * 4000,
    ],
)
def test_a_forged_cookie_finds_no_session(running: Stack, cookie: bytes) -> None:
    value = cookie if b"portal" in cookie else b"portal=" + cookie
    head = request(running, "GET /search HTTP/1.1")[:-2]
    answer = raw(running, head + b"Cookie: " + value + b"\r\n\r\n")
    assert status(answer) == 303, answer[:200]
    assert b"location: /" in answer.lower()


def test_the_cookie_is_kept_from_scripts_and_other_sites(running: Stack, visitor: Visitor) -> None:
    answer = visitor.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE)]
    lower = cookie.lower()
    assert "httponly" in lower and "samesite=lax" in lower and "path=/" in lower
    assert "expires" not in lower and "max-age" not in lower and "domain" not in lower


# Logins of others


@pytest.mark.parametrize(
    "query",
    ["", "code=x", "state=x", "code=x&state=y", "code=&state=", "error=access_denied", "error=%00&state=x"],
)
def test_a_callback_that_nobody_asked_for_logs_nobody_in(running: Stack, visitor: Visitor, query: str) -> None:
    page = visitor.get(f"/login/callback?{query}")
    assert page.status_code == 403 and not visitor.http.cookies.get(COOKIE)


def test_the_callback_of_another_browser_logs_nobody_in(running: Stack, visitor: Visitor) -> None:
    with Visitor(running.url) as attacker:
        answer = attacker.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
        callback = log_in(attacker.http, answer.headers["location"], DOCTOR)
    # The victim has begun a login, too, or none at all: the attacker's answer is not taken.
    visitor.page = visitor.http.get(callback)
    assert visitor.page.status_code == 403
    visitor.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
    visitor.page = visitor.http.get(callback)
    assert visitor.page.status_code == 403
    assert visitor.get("/search").url.path != "/search"


def test_a_code_is_good_once_and_another_state_is_not(running: Stack, visitor: Visitor) -> None:
    answer = visitor.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
    callback = log_in(visitor.http, answer.headers["location"], DOCTOR)
    query = dict(parse_qsl(urlsplit(callback).query))
    spoilt = callback.split("?")[0] + "?" + urlencode({**query, "state": query["state"][::-1]})
    assert visitor.http.get(spoilt).status_code == 403
    visitor.page = visitor.http.get(callback)
    assert visitor.path == "/search", "an answer to another login, which anybody could send, ends nothing"
    visitor.page = visitor.http.get(callback)
    assert visitor.page.status_code == 403
    assert visitor.get("/search").status_code == 200 and visitor.path == "/search", "and the real session stays"


@pytest.mark.parametrize("token", [None, "", "a.b.c", "x" * 60_000])
def test_only_the_provider_ends_sessions_by_the_back_channel(
    running: Stack, doctor: Visitor, token: str | None
) -> None:
    data = {} if token is None else {"logout_token": token}
    answer = httpx.post(running.url + "/login/back-channel", data=data, trust_env=False)
    assert answer.status_code == 400
    assert httpx.get(running.url + "/login/back-channel", trust_env=False).status_code == 405
    assert doctor.get("/search").url.path == "/search"


# Ways out


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%0d%0aSet-Cookie:%20x=y",
        "javascript:alert(1)",
        "evil.example",
        "/\r\nSet-Cookie: x=y",
        " //evil.example",
        "",
        "/" + "a" * 30_000,
        "/" + chr(0x202E) + "/evil",
    ],
)
def test_nobody_is_led_elsewhere(running: Stack, visitor: Visitor, back: str) -> None:
    answer = visitor.http.post(running.url + "/language", data={"language": "en", "back": back}, follow_redirects=False)
    assert answer.status_code == 303
    target = httpx.URL(running.url + "/").join(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc.decode()}" == running.url
    assert "x=y" not in str(answer.headers.get_list("set-cookie"))


# Steps that were not taken


STEPS = ("traits", "identity", "summary", "print", "pdf", "waiting", "outcome", "notice", "progress")


def test_another_users_search_is_not_found(running: Stack, doctor: Visitor) -> None:
    doctor.choose()
    doctor.find()
    assert doctor.path.endswith("/identity")
    with Visitor(running.url) as other:
        other.log_in()
        for step in (*STEPS, "document.pdf"):
            page = other.get(f"{doctor.at}/{step}")
            assert "Šimić" not in page.text and page.url.path in ("/search", f"{doctor.at}/{step}")
        other.get("/search")
        for step in ("consult", "cancel", "retry", "document", "traits"):
            page = other.post(f"{doctor.at}/{step}", necessary="on", consent="on", number="0")
            other.page = other.get("/search")
            assert "Šimić" not in page.text


def test_no_summary_without_identity_necessity_and_consent(running: Stack, doctor: Visitor) -> None:
    doctor.choose()
    at = doctor.at
    for step in ("identity", "summary", "pdf", "print", "outcome"):
        assert doctor.get(f"{at}/{step}").url.path == f"{at}/traits"
    page = doctor.post(f"{at}/consult", necessary="on", consent="on")
    assert page.url.path == f"{at}/traits", "nobody was found yet"
    doctor.find()
    assert doctor.path == f"{at}/identity"
    csrf, shown = doctor.csrf, doctor.shown
    for other in ("", "x", shown[::-1]):
        page = doctor.post(f"{at}/consult", shown=other, necessary="on", consent="on")
        assert page.url.path == f"{at}/identity", "what is confirmed is the person on the page"
    for ticks in ({}, {"necessary": "on"}, {"consent": "on"}, {"emergency": "on"}):
        page = doctor.http.post(running.url + f"{at}/consult", data={"csrf": csrf, "shown": shown, **ticks})
        assert page.status_code == 422 and page.url.path == f"{at}/consult"
    assert doctor.get(f"{at}/summary").url.path == f"{at}/identity"
    assert doctor.get(f"{at}/document.pdf").status_code in (303, 404)


# Files


@pytest.mark.parametrize("root", ["/static/", "/pictures/HR/", "/pictures/", "/"])
@pytest.mark.parametrize(
    "path",
    [
        "../portal.toml",
        "..%2f..%2fportal.toml",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%5c..%5csecret",
        "....//....//etc/passwd",
        "%252e%252e%252fsecret",
        "flags/../../secret",
        "/etc/passwd",
        "portal.css%00.png",
        "%c0%ae%c0%ae/secret",
        "-1",
        "99999999999999999999999",
        "0/../../secret",
    ],
)
def test_no_file_but_those_of_the_portal(running: Stack, doctor: Visitor, root: str, path: str) -> None:
    cookie = f"Cookie: {COOKIE}={token_of(doctor)}"
    answer = raw(running, request(running, f"GET {root}{path} HTTP/1.1", cookie))
    assert status(answer) in (303, 400, 404), answer[:300]
    assert b"root:" not in answer and b"client_secret" not in answer and b"demonstration" not in answer.lower()[:0]


@pytest.mark.parametrize("query", ["country=HR&language=../../x", "country=../../x&language=fr", "country=&language="])
def test_no_notice_but_those_of_the_gateway(running: Stack, visitor: Visitor, query: str) -> None:
    assert visitor.get(f"/notice?{query}").status_code == 404


# Too much


def test_a_form_of_thousands_of_fields_or_too_many_bytes_is_refused(running: Stack, doctor: Visitor) -> None:
    fields = {"csrf": doctor.csrf, **{f"f{number}": "x" for number in range(5000)}}
    assert doctor.http.post(running.url + "/search", data=fields).status_code == 400
    assert doctor.http.post(running.url + "/search", data={"csrf": doctor.csrf, "x": "x" * 70_000}).status_code == 413
    head = request(running, "POST /language HTTP/1.1", "Sec-Fetch-Site: same-origin", "Transfer-Encoding: chunked")
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    answer = raw(running, head[:-2] + kind, chunk * 20, b"0\r\n\r\n", patience=20)
    assert status(answer) == 413, answer[:200]


def test_a_flood_of_headers_is_cut_off(running: Stack) -> None:
    started = time.monotonic()
    answer = raw(running, b"GET / HTTP/1.1\r\n", *[b"X-%d: " % n + b"y" * 60_000 + b"\r\n" for n in range(100)])
    assert status(answer) in (0, 400) and time.monotonic() - started < 10
    answer = raw(running, b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n")
    assert status(answer) in (0, 400)


def test_heads_and_bodies_that_trickle_are_ended_and_others_are_served_meanwhile(running: Stack) -> None:
    head = request(running, "POST /login HTTP/1.1", "Sec-Fetch-Site: same-origin", "Content-Length: 1000")
    body = head[:-2] + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    slow = {
        "nothing": (),
        "head": (b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 60),
        "body": (body, *[b"x"] * 60),
    }

    def trickle(parts: tuple[bytes, ...]) -> tuple[float, bytes]:
        began = time.monotonic()
        answer = raw(running, *parts, wait=0.5, patience=45)
        return time.monotonic() - began, answer

    with ThreadPoolExecutor(8) as threads:
        found = {name: threads.submit(trickle, parts) for name, parts in slow.items()}
        for _ in range(20):
            assert httpx.get(running.url + "/", trust_env=False).status_code == 200
        took = {name: each.result()[0] for name, each in found.items()}
        answers = {name: each.result()[1] for name, each in found.items()}
    assert all(seconds < 44 for seconds in took.values()), took
    assert status(answers["head"]) == status(answers["nothing"]) == 0 and status(answers["body"]) in (0, 408)


def test_thousands_of_logins_begun_lock_nobody_out(running: Stack, doctor: Visitor) -> None:
    def begin(number: int) -> int:
        with httpx.Client(headers={"Sec-Fetch-Site": "same-origin"}, trust_env=False) as http:
            codes = {http.post(running.url + "/login", data={"terms": "on"}).status_code for _ in range(150)}
            return max(codes)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(begin, range(8))) == {303}
    assert doctor.get("/search").url.path == "/search"
    with Visitor(running.url) as other:
        other.log_in()
        assert other.path == "/search"


# Methods, hosts, smuggling


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "GETT", "get"])
def test_a_method_that_a_page_does_not_have_is_refused(running: Stack, doctor: Visitor, method: str) -> None:
    cookie = f"Cookie: {COOKIE}={token_of(doctor)}"
    answer = raw(running, request(running, f"{method} /search HTTP/1.1", cookie, "Sec-Fetch-Site: same-origin"))
    assert status(answer) in (400, 403, 405) and b"doctor" not in answer.lower()[:0]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "127.0.0.1", "", "a b", "localhost:8500@x"]
)
def test_a_request_for_another_host_is_refused(running: Stack, host: str) -> None:
    answer = raw(running, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) in (400, 421) and b"evil.example" not in answer


@pytest.mark.parametrize(
    "extra",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: x",),
        ("Host: evil.example",),
    ],
)
def test_two_readings_of_one_request_are_refused(running: Stack, extra: tuple[str, ...]) -> None:
    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(running, request(running, "POST /language HTTP/1.1", *extra, body=smuggled), patience=25)
    assert status(answer) in (0, 400, 403, 413, 501) and answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/search", "/static/portal.css", "/static/nowhere", "/login", "/notice"]
)
def test_every_answer_has_the_headers(running: Stack, visitor: Visitor, path: str) -> None:
    answer = visitor.http.get(running.url + path, follow_redirects=False)
    assert set(answer.headers) >= SECURITY_HEADERS and "server" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy


# What is typed


EVIL = [
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% include 'base.html' %}",
    "\x00\x01\x1b[31m",
    chr(0x202E) + "000999",
    "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "x" * 5000,
    "' OR '1'='1",
    "*)(uid=*",
    "\ud7ff\U0001f600",
]


@pytest.mark.parametrize("typed", EVIL)
def test_what_is_typed_is_text_and_no_patient(running: Stack, doctor: Visitor, typed: str) -> None:
    doctor.choose()
    page = doctor.find(typed)
    assert page.status_code in (200, 422), page.status_code
    assert "<script>alert" not in page.text and "<img src=x" not in page.text and "root:" not in page.text
    assert "49{" not in page.text and "Šimić" not in page.text
    values = re.findall(r'<input type="text"[^>]*value="([^"]*)"', page.text)
    assert all(len(html.unescape(each)) <= 256 for each in values)
    name = re.findall(r'<input type="text"[^>]*?name="([^"]+)"', page.text)
    if name:
        checked = doctor.http.post(
            running.url + f"{doctor.at}/check",
            data={"csrf": doctor.csrf, name[0]: typed},
            headers={"HX-Request": "true", "HX-Trigger-Name": name[0]},
        )
        assert checked.status_code == 200 and "<script>alert" not in checked.text and "<img src=x" not in checked.text


def test_the_log_knows_no_patient_and_no_professional(running: Stack, doctor: Visitor) -> None:
    doctor.choose()
    doctor.find()
    doctor.consult()
    assert doctor.path.endswith("/summary") and "Šimić" in doctor.text
    doctor.get(f"{doctor.at}/nowhere?patient={PATIENT}")
    log = running.log.read_text(encoding="utf-8")
    assert '"own_ms"' in log
    for secret in (PATIENT, "Šimić", "imi\\u0107", "1979", "claire", "Claire", token_of(doctor), "alert(1)", "code="):
        assert secret not in log, secret
    assert '"request.failed"' not in log
