"""Calls to peers: scripted peers on real sockets, with and without TLS, well-behaved and not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ncp.http_out import Answer, CallLimits, Outgoing, PeerClient, PeerClients
from ncp.wire.errors import Code, PeerError
from ncp.wire.ids import CountryCode
from tests.support.tls import Pair, client_context, make_pair, server_context

FR = CountryCode("FR")
SOAP = "application/soap+xml; charset=UTF-8"
LIMITS = CallLimits(timeout=2.0, connect_timeout=0.7, answer=1_000_000)

Turn = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A peer that plays one turn per connection (the last one for all that follow) and remembers what it was sent."""

    turns: list[Turn]
    tls: ssl.SSLContext | None = None
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turn = self.turns[min(self.connections, len(self.turns) - 1)]
        self.connections += 1
        try:
            await turn(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def read(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))


def says(status: int, body: bytes = b"<ok/>", media: str = SOAP, *headers: str) -> Turn:
    async def turn(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await peer.read(reader)
            lines = [f"HTTP/1.1 {status} X", f"Content-Type: {media}", f"Content-Length: {len(body)}", *headers]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()

    return turn


def writes(data: bytes, then: float = 0.0) -> Turn:
    async def turn(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.read(reader)
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(then)

    return turn


async def hangs_up(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await peer.read(reader)


async def hangs_up_at_once(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


class Messages:
    """Writes each attempt anew and counts."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks or (b"<question/>",)
        self.written: list[str] = []

    def __call__(self) -> Outgoing:
        self.written.append(f"urn:uuid:{len(self.written)}")
        return Outgoing(self.written[-1], SOAP, self.chunks)


def call(
    peer: Peer,
    messages: Messages,
    *,
    context: ssl.SSLContext | None = None,
    limits: CallLimits = LIMITS,
    times: int = 1,
    host: str = "localhost",
) -> list[Answer]:
    async def main() -> list[Answer]:
        server = await asyncio.start_server(peer.play, "127.0.0.1", 0, ssl=peer.tls)
        peer.port = server.sockets[0].getsockname()[1]
        client = PeerClient(FR, context or ssl.create_default_context(), limits)
        scheme = "https" if peer.tls else "http"
        try:
            return [await client.post(f"{scheme}://{host}:{peer.port}/x", messages) for _ in range(times)]
        finally:
            await client.retire()
            server.close()

    return asyncio.run(main())


def failure(peer: Peer, messages: Messages, **rest: object) -> PeerError:
    with pytest.raises(PeerError) as caught:
        call(peer, messages, **rest)  # type: ignore[arg-type]
    assert caught.value.code == Code.CONNECTION_NOT_POSSIBLE
    assert caught.value.gateway == "FR"
    return caught.value


def test_an_answer_comes_back_with_what_was_sent() -> None:
    peer, messages = Peer([says(200, b"<answer/>")]), Messages(b"<a>", b"", b"x" * 100_000, b"</a>")
    (answer,) = call(peer, messages)
    assert (answer.status, answer.body, answer.content_type, answer.repeated) == (200, b"<answer/>", SOAP, False)
    assert answer.sent.message_id == "urn:uuid:0"
    assert peer.bodies == [b"<a>" + b"x" * 100_000 + b"</a>"]
    head = peer.heads[0].lower()
    assert f"content-type: {SOAP.lower()}" in head and "transfer-encoding" not in head
    assert "httpx" not in head and "python" not in head


def test_a_connection_is_used_again() -> None:
    peer = Peer([says(200)])
    assert len(call(peer, Messages(), times=5)) == 5
    assert peer.connections == 1


def test_a_failure_status_with_a_soap_body_is_an_answer() -> None:
    for status in (400, 500, 503):
        peer, messages = Peer([says(status, b"<fault/>")]), Messages()
        (answer,) = call(peer, messages)
        assert (answer.status, answer.body, len(messages.written)) == (status, b"<fault/>", 1)


@pytest.mark.parametrize("status", [200, 301, 401, 404, 413, 500])
def test_a_status_without_soap_body_is_a_failure_and_is_not_repeated(status: int) -> None:
    peer, messages = Peer([says(status, b"<html/>", "text/html", "Location: http://elsewhere/")]), Messages()
    error = failure(peer, messages)
    assert (error.reason, error.context) == ("peer.http", f"HTTP {status} without a SOAP body")
    assert len(messages.written) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_a_peer_is_asked_once_more_with_a_new_message(status: int) -> None:
    peer, messages = Peer([says(status, b"bad gateway", "text/html", "Connection: close"), says(200)]), Messages()
    (answer,) = call(peer, messages)
    assert (answer.status, answer.repeated, answer.sent.message_id) == (200, True, "urn:uuid:1")
    peer, messages = Peer([says(status, b"bad gateway", "text/html")]), Messages()
    assert failure(peer, messages).reason == "peer.http"
    assert len(messages.written) == 2


@pytest.mark.parametrize("turn", [hangs_up, hangs_up_at_once])
def test_a_connection_that_ends_before_an_answer_is_tried_once_more(turn: Turn) -> None:
    peer, messages = Peer([turn, says(200)]), Messages()
    (answer,) = call(peer, messages)
    assert (answer.repeated, answer.sent.message_id) == (True, "urn:uuid:1")
    peer, messages = Peer([turn]), Messages()
    assert failure(peer, messages).reason == "peer.connect"
    assert (len(messages.written), peer.connections) == (2, 2)


def test_a_kept_connection_that_the_peer_closed_is_replaced() -> None:
    async def once(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writes(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\n1")(peer, reader, writer)

    peer = Peer([once])
    assert len(call(peer, Messages(), times=3)) == 3


def test_a_peer_that_is_not_there_is_tried_twice() -> None:
    async def main() -> None:
        client = PeerClient(FR, ssl.create_default_context(), LIMITS)
        with pytest.raises(PeerError) as caught:
            await client.post("http://127.0.0.1:9/x", messages)
        assert caught.value.reason == "peer.connect"
        await client.retire()

    messages = Messages()
    asyncio.run(main())
    assert len(messages.written) == 2


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "nonsense", "http://[::1", "https://host:99999/"])
def test_an_address_that_cannot_be_called_is_a_failure(url: str) -> None:
    async def main() -> PeerError:
        client = PeerClient(FR, ssl.create_default_context(), LIMITS)
        with pytest.raises(PeerError) as caught:
            await client.post(url, Messages())
        await client.retire()
        return caught.value

    assert asyncio.run(main()).reason in ("peer.http", "peer.connect")


@pytest.mark.parametrize(
    "turn",
    [
        writes(b"", then=5),
        writes(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n123", then=5),
    ],
    ids=["nothing", "half"],
)
def test_a_peer_that_does_not_answer_in_time_is_not_asked_again(turn: Turn) -> None:
    messages = Messages()
    begin = time.monotonic()
    assert failure(Peer([turn]), messages).reason == "peer.timeout"
    assert time.monotonic() - begin < 4 and len(messages.written) == 1


def test_a_peer_that_trickles_is_cut_off_by_the_time_of_the_whole_call() -> None:
    async def trickle(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.1)

    begin = time.monotonic()
    assert failure(Peer([trickle]), Messages()).reason == "peer.timeout"
    assert time.monotonic() - begin < 4


def test_an_answer_that_is_cut_short_is_a_failure_and_is_not_repeated() -> None:
    turn = writes(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n123")
    messages = Messages()
    assert failure(Peer([turn]), messages).reason == "peer.connect"
    assert len(messages.written) == 1


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 1000])
def test_what_is_not_http_is_a_failure_and_is_not_repeated(data: bytes) -> None:
    messages = Messages()
    assert failure(Peer([writes(data)]), messages).reason == "peer.http"
    assert len(messages.written) == 1


def test_an_answer_over_the_limit_is_cut_off_while_it_streams() -> None:
    (answer,) = call(Peer([says(200, b"x" * 1_000_000)]), Messages())
    assert len(answer.body) == 1_000_000
    assert failure(Peer([says(200, b"x" * 1_000_001)]), Messages()).reason == "peer.too_large"
    chunk = b"%x\r\n%s\r\n" % (100_000, b"x" * 100_000)
    endless = writes(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 20, then=5
    )
    assert failure(Peer([endless]), Messages()).reason == "peer.too_large"


def test_a_packed_answer_is_unpacked_within_the_limit() -> None:
    (answer,) = call(Peer([says(200, gzip.compress(b"<a/>" * 1000), SOAP, "Content-Encoding: gzip")]), Messages())
    assert answer.body == b"<a/>" * 1000
    bomb = says(200, gzip.compress(b"\x00" * 50_000_000), SOAP, "Content-Encoding: gzip")
    assert failure(Peer([bomb]), Messages()).reason == "peer.too_large"
    for body, name in ((b"no gzip", "gzip"), (gzip.compress(b"x")[:-2], "gzip"), (b"x", "br")):
        assert failure(Peer([says(200, body, SOAP, f"Content-Encoding: {name}")]), Messages()).reason == "peer.http"


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pair, Pair, Pair]:
    folder = tmp_path_factory.mktemp("pki")
    anchor = make_pair(folder, "anchor")
    return folder, anchor, make_pair(folder, "server", issuer=anchor), make_pair(folder, "client", issuer=anchor)


Pki = tuple[Path, Pair, Pair, Pair]


def test_an_answer_tells_whose_certificate_the_server_had(pki: Pki) -> None:
    _, anchor, server, client = pki
    peer = Peer([says(200)], tls=server_context(server.file, anchor.file))
    (answer,) = call(peer, Messages(), context=client_context(client.file, anchor.file))
    assert answer.server_certificate == server.der


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["no certificate", "unknown authority"])
def test_a_refused_client_certificate_is_a_tls_failure(
    pki: Pki, tmp_path: Path, version: ssl.TLSVersion, kind: str
) -> None:
    _, anchor, server, _ = pki
    own = None if kind == "no certificate" else make_pair(tmp_path, "other", issuer=make_pair(tmp_path, "ca")).file
    messages = Messages()
    peer = Peer([says(200)], tls=server_context(server.file, anchor.file))
    error = failure(peer, messages, context=client_context(own, anchor.file, version=version))
    if version is ssl.TLSVersion.TLSv1_2:
        assert (error.reason, len(messages.written)) == ("peer.tls", 1)
    # With TLS 1.3 the reset of the connection may overtake the alert that names the cause.
    assert error.reason == "peer.tls" or "refused client certificate" in error.context
    assert error.context and peer.bodies == []


def test_a_server_certificate_that_the_context_refuses_is_a_tls_failure(pki: Pki, tmp_path: Path) -> None:
    _, anchor, server, client = pki
    other = make_pair(tmp_path, "other")
    for context, host in (
        (client_context(client.file, other.file), "localhost"),
        (client_context(client.file, anchor.file), "127.0.0.1"),
    ):
        messages = Messages()
        peer = Peer([says(200)], tls=server_context(server.file, anchor.file))
        error = failure(peer, messages, context=context, host=host)
        assert error.reason == "peer.tls" and error.context
        assert len(messages.written) == 1 and peer.bodies == []


def test_a_certificate_that_only_the_context_knows_is_accepted_as_it_decides(pki: Pki, tmp_path: Path) -> None:
    """A pin: the context trusts this one certificate and asks for no host name."""
    _, anchor, _, client = pki
    lone = make_pair(tmp_path, "lone")
    context = client_context(client.file, lone.file)
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    peer = Peer([says(200)], tls=server_context(lone.file, anchor.file))
    (answer,) = call(peer, Messages(), context=context, host="127.0.0.1")
    assert answer.server_certificate == lone.der


def test_a_peer_that_speaks_no_tls_is_a_tls_failure(pki: Pki) -> None:
    _, anchor, _, client = pki

    async def main() -> str:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        calling = PeerClient(FR, client_context(client.file, anchor.file), LIMITS)
        with pytest.raises(PeerError) as caught:
            await calling.post(f"https://localhost:{server.sockets[0].getsockname()[1]}/", Messages())
        await calling.retire()
        server.close()
        return caught.value.reason

    assert asyncio.run(main()) == "peer.tls"


def test_a_new_context_makes_a_new_client_and_lets_calls_of_the_old_one_end(pki: Pki) -> None:
    _, anchor, server, client = pki

    async def main() -> None:
        async def slow(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await peer.read(reader)
            await asyncio.sleep(0.5)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\n1")
            await writer.drain()

        peer = Peer([slow], tls=server_context(server.file, anchor.file))
        listening = await asyncio.start_server(peer.play, "127.0.0.1", 0, ssl=peer.tls)
        url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/"
        clients = PeerClients(LIMITS)
        first, second = client_context(client.file, anchor.file), client_context(client.file, anchor.file)
        old = await clients.get(FR, first)
        assert await clients.get(FR, first) is old
        under_way = asyncio.create_task(old.post(url, Messages()))
        await asyncio.sleep(0.1)
        new = await clients.get(FR, second)
        assert new is not old
        assert (await under_way).body == b"1"
        assert (await new.post(url, Messages())).body == b"1"
        await clients.aclose()
        listening.close()

    asyncio.run(main())
