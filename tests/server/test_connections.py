"""One connection of the real server, over real sockets: TLS facts, limits, slow and broken peers."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import Running, read_answer, running, until
from tests.support.tls import client_context, make_pair

pytestmark = pytest.mark.attack

LIMITS = {
    "header": 8192,
    "header_timeout": 1.0,
    "idle_timeout": 1.5,
    "write_timeout": 1.5,
    "linger": 0.5,
    "max_connections": 20,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server"), limits=LIMITS) as started:
        yield started


def ask(connection: socket.socket, data: bytes) -> tuple[int, dict[str, str], bytes]:
    connection.sendall(data)
    return read_answer(connection)


def post(path: str, body: bytes, *headers: str) -> bytes:
    extra = "".join(f"{line}\r\n" for line in headers)
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def chunked(path: str, chunks: list[bytes], trailer: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n" + trailer + b"\r\n"


def is_closed(connection: socket.socket, within: float) -> bool:
    connection.settimeout(within)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_application_sees_the_certificate_that_the_peer_proved(server: Running, version: ssl.TLSVersion) -> None:
    """The contract with uvicorn: scope["extensions"]["tls"] with the keys of the ASGI TLS extension, and our DER."""
    with server.connect(server.tls(version)) as connection:
        status, _, body = ask(connection, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        name, _, _ = connection.cipher() or ("", "", 0)
        suites = {each["name"]: each["id"] & 0xFFFF for each in connection.context.get_ciphers()}
    facts: dict[str, Any] = json.loads(body)
    assert status == 200
    assert facts["der"] == hashlib.sha256(server.client.der).hexdigest()
    tls = facts["tls"]
    assert set(tls) == {
        "server_cert", "client_cert_chain", "client_cert_name", "client_cert_error", "tls_version", "cipher_suite",
    }  # fmt: skip
    assert tls["client_cert_name"] == "CN=client,C=HR"
    assert ssl.PEM_cert_to_DER_cert(tls["client_cert_chain"][0]) == server.client.der
    assert tls["tls_version"] == {"TLSv1_2": 0x0303, "TLSv1_3": 0x0304}[version.name]
    assert tls["cipher_suite"] == suites[name]
    assert tls["client_cert_error"] is None


def test_a_plain_connection_has_no_tls_facts(server: Running) -> None:
    assert server.get("/who")["der"] is None
    assert server.get("/who")["tls"] == {}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["none", "unknown authority", "expired"])
def test_a_client_without_an_accepted_certificate_gets_no_answer(
    server: Running, kind: str, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 the refusal shows on the first read only."""
    own = None
    if kind == "unknown authority":
        own = make_pair(server.folder, "stranger", issuer=make_pair(server.folder, "other")).file
    if kind == "expired":
        own = make_pair(server.folder, "expired", issuer=server.anchor, valid=False).file
    context = client_context(own, server.folder / "anchor.pem", version=version)
    with pytest.raises((ssl.SSLError, ConnectionError)), server.connect(context) as connection:
        ask(connection, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
    expected = {
        "none": ("server.handshake_failed", "tls.handshake", "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        "unknown authority": ("server.peer_refused", "tls.certificate", "unable to get local issuer certificate"),
        "expired": ("server.peer_refused", "tls.certificate", "certificate has expired"),
    }
    assert until(lambda: expected[kind] in server.events("event", "reason", "detail"))


def test_a_peer_that_never_shakes_hands_is_cut_off(server: Running) -> None:
    with socket.create_connection(server.peers) as connection:
        begin = time.monotonic()
        assert is_closed(connection, 5)
        assert time.monotonic() - begin < 4


def test_plain_http_on_the_tls_listener_gets_no_answer(server: Running) -> None:
    with socket.create_connection(server.peers) as connection:
        connection.sendall(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(5)
        with contextlib.suppress(ConnectionError):
            assert b"HTTP/1.1" not in connection.recv(1000)


# --- HTTP ------------------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_and_serves_request_after_request(server: Running) -> None:
    with server.connect() as connection:
        for n in range(20):
            status, headers, body = ask(connection, post("/echo", b"x" * n))
            assert (status, json.loads(body)["length"]) == (200, n)
            assert "connection" not in headers and "server" not in headers


def test_pipelined_requests_are_answered_in_order(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(post("/echo", b"1") + post("/echo", b"22") + b"GET /slow?0.1 HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while data.count(b"HTTP/1.1 200") < 3:
            piece = connection.recv(65536)
            assert piece
            data += piece
    assert data.index(b'"length": 1') < data.index(b'"length": 2')


def test_a_flood_of_pipelined_requests_is_cut_off(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(b"GET /slow?5 HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        assert is_closed(connection, 3)


def test_a_chunked_body_arrives_whole(server: Running) -> None:
    chunks = [b"a" * 1000, b"b", b"c" * 70_000]
    with server.connect() as connection:
        _, _, body = ask(connection, chunked("/echo", chunks))
    assert json.loads(body)["digest"] == hashlib.sha256(b"".join(chunks)).hexdigest()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /nothing", 404),
        (b"GET /echo", 405),
        (b"POST /who", 405),
        (b"GET /who/", 200),
        (b"GET /error", 500),
    ],
)
def test_paths_and_methods(server: Running, request_line: bytes, status: int) -> None:
    with server.connect_plain() as connection:
        found, headers, _ = ask(connection, request_line + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert found == status
    if status == 405:
        assert headers["allow"] == {b"GET": "POST", b"POS": "GET"}[request_line[:3]]


def test_head_is_answered_like_get_without_the_body(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(b"HEAD /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.startswith(b"HTTP/1.1 200") and data.endswith(b"\r\n\r\n")
    assert b"content-length: 0" not in data


def test_a_failure_says_nothing_of_what_failed(server: Running) -> None:
    with server.connect_plain() as connection:
        status, headers, body = ask(connection, b"GET /error HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, body) == (500, b"Internal Server Error")
    assert "server" not in headers and b"Traceback" not in body
    assert "Jansen" not in server.log()
    assert ("http.request_failed", "http.unexpected") in server.events("event", "reason")


def test_an_answer_that_fails_in_the_middle_ends_the_connection(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(b"GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert data.endswith(b"\r\n\r\n12345")


@pytest.mark.parametrize(
    "data",
    [
        b"not http at all\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_not_http_or_is_ambiguous_gets_400(server: Running, data: bytes) -> None:
    with server.connect_plain() as connection:
        status, headers, _ = ask(connection, data)
        assert (status, headers["connection"]) == (400, "close")
        assert is_closed(connection, 3)


def test_a_broken_chunk_is_answered_with_400(server: Running) -> None:
    with server.connect_plain() as connection:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        connection.sendall(head)
        time.sleep(0.1)
        status, _, _ = ask(connection, b"zz\r\n")
    assert status == 400


def test_a_header_behind_the_body_is_no_header(server: Running) -> None:
    with server.connect_plain() as connection:
        _, _, body = ask(connection, chunked("/echo", [b"x"], trailer=b"X-Admin: yes\r\n"))
    assert "x-admin" not in json.loads(body)["headers"]


def test_websocket_is_not_spoken(server: Running) -> None:
    with server.connect_plain() as connection:
        upgrade = (
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
        )
        status, _, _ = ask(connection, b"GET /who HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n")
    assert status == 200


# --- size ------------------------------------------------------------------------------------------------------------


def test_an_endless_header_is_refused(server: Running) -> None:
    with server.connect_plain() as connection:
        status, _, _ = ask(connection, b"GET /who HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000)
        assert status == 431
        assert is_closed(connection, 3)


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 9000 + b"\r\n",
        b"".join(b"X%d: a\r\n" % n for n in range(101)),
    ],
)
def test_a_large_head_is_refused(server: Running, head: bytes) -> None:
    with server.connect_plain() as connection:
        status, _, _ = ask(connection, b"GET /who HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
    assert status == 431


def test_a_long_path_is_refused(server: Running) -> None:
    with server.connect_plain() as connection:
        status, _, _ = ask(connection, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 431


def test_an_endless_trailer_is_refused(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(chunked("/echo", [b"x"])[:-2])
        for _ in range(3):
            time.sleep(0.1)
            connection.sendall(b"X: " + b"a" * 10_000)
        status, _, _ = read_answer(connection)
    assert status == 400


def test_a_body_announced_too_large_is_refused_before_it_is_sent(server: Running) -> None:
    with server.connect() as connection:
        status, headers, _ = ask(
            connection, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n"
        )
    assert (status, headers["connection"]) == (413, "close")


def test_a_client_that_expects_it_is_told_to_continue(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert ask(connection, b"hello")[0] == 200


@pytest.mark.parametrize("size", [1_000_000, 1_000_001, 30_000_000])
def test_a_body_over_the_limit_is_refused_while_it_streams(server: Running, size: int) -> None:
    """The client reads its answer although it had not sent everything: the server lets it end politely."""
    with server.connect_plain() as connection:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(size // 65536))
        rest = size % 65536
        body += b"%x\r\n%s\r\n0\r\n\r\n" % (rest, b"x" * rest)
        try:
            connection.sendall(head + body)
        except OSError:
            assert size > 2_000_000
        status, _, _ = read_answer(connection)
    assert status == (200 if size == 1_000_000 else 413)


def test_a_gzip_body_is_unpacked(server: Running) -> None:
    data = b"<a/>" * 1000
    with server.connect() as connection:
        for name in ("gzip", "GZIP", "x-gzip"):
            _, _, body = ask(connection, post("/echo", gzip.compress(data), f"Content-Encoding: {name}"))
            assert json.loads(body)["digest"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"\x00" * 500_000_000, 9), "gzip", 413),
        (gzip.compress(b"x" * 1_000_001), "gzip", 413),
        (gzip.compress(b"x" * 1_000_000), "gzip", 200),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"hello")[:-4], "gzip", 400),
        (gzip.compress(b"hello") + b"more", "gzip", 400),
        (b"", "gzip", 400),
        (b"hello", "br", 415),
        (b"hello", "gzip, gzip", 415),
        (b"hello", "identity", 200),
    ],
    ids=["bomb", "just over", "just right", "garbage", "cut", "trailing", "empty", "br", "twice", "identity"],
)
def test_packed_bodies_are_bounded_and_checked(server: Running, body: bytes, encoding: str, status: int) -> None:
    with server.connect_plain() as connection:
        found, _, _ = ask(connection, post("/echo", body, f"Content-Encoding: {encoding}"))
    assert found == status


def test_a_header_that_may_stand_once_is_refused_twice(server: Running) -> None:
    with server.connect_plain() as connection:
        headers = ("Content-Encoding: gzip", "Content-Encoding: gzip")
        assert ask(connection, post("/echo", b"x", *headers))[0] == 400


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_head_that_trickles_is_cut_off(server: Running) -> None:
    with server.connect_plain() as connection:
        begin = time.monotonic()
        connection.sendall(b"GET /who HTTP/1.1\r\n")
        status = 0
        for _ in range(30):
            time.sleep(0.1)
            try:
                connection.sendall(b"X")
            except OSError:
                break
            if time.monotonic() - begin > 1.3:
                status, _, _ = read_answer(connection)
                break
        assert status == 408
        assert time.monotonic() - begin < 3


def test_a_connection_that_says_nothing_is_cut_off(server: Running) -> None:
    for connection in (server.connect_plain(), server.connect()):
        with connection:
            assert is_closed(connection, 4)


def test_an_idle_connection_is_closed(server: Running) -> None:
    with server.connect_plain() as connection:
        assert ask(connection, post("/echo", b"x"))[0] == 200
        begin = time.monotonic()
        assert is_closed(connection, 5)
        assert 1.0 < time.monotonic() - begin < 4


def test_a_body_that_does_not_come_is_answered_with_408(server: Running) -> None:
    with server.connect_plain() as connection:
        status, headers, _ = ask(connection, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhel")
        assert (status, headers["connection"]) == (408, "close")
        assert is_closed(connection, 3)


def test_a_request_answered_before_its_end_ends_the_connection(server: Running) -> None:
    with server.connect_plain() as connection:
        status, headers, _ = ask(connection, b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        assert (status, headers["connection"]) == (200, "close")
        begin = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - begin < 10:
                connection.sendall(b"x" * 65536)
        assert time.monotonic() - begin < 5


def test_a_peer_that_does_not_read_is_cut_off(server: Running) -> None:
    with server.connect_plain() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /big?50 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3.5)
        assert "http.write_timeout" in server.log()
    assert server.get("/who")["pid"]


def test_a_peer_that_vanishes_in_the_middle_harms_nobody(server: Running) -> None:
    for data in (b"GET /wh", b"POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nhal", b"GET /slow?1 HTTP/1.1\r\n\r\n"):
        connection = server.connect_plain()
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
    assert server.get("/who")["pid"]


def test_a_large_answer_arrives_whole_and_costs_little_memory(server: Running) -> None:
    pid = server.get("/who")["pid"]
    before = peak_memory(pid)
    with server.connect() as connection:
        connection.sendall(b"GET /big?60 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = 0
        while piece := connection.recv(65536):
            received += len(piece)
    assert received > 60_000_000
    assert peak_memory(pid) - before < 20_000_000


def peak_memory(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_more_connections_than_allowed_are_turned_away(server: Running) -> None:
    held = [server.connect_plain() for _ in range(20)]
    try:
        for connection in held:
            connection.sendall(b"GET /slow?2 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        with server.connect_plain() as surplus:
            assert read_answer(surplus)[0] == 503
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.3)
    assert server.get("/who")["pid"]
