"""A foreign NCP-A that plays a script: a TLS server of its own that reads one question and says what it is told to.

Knows TLS and a little HTTP, nothing of the gateway. ``plays`` takes the script, one step for each question in turn; a
step is one of the functions below. What came in is kept in ``questions``; ``received`` counts every byte after a
handshake, so that "nothing left the country" can be told. A question without a step is answered with HTTP 500 and is
an error of the test (``unexpected``).
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"


@dataclass
class Question:
    """One HTTP request as it came, and its envelope taken apart with nothing of the gateway's."""

    path: str
    headers: dict[str, str]
    body: bytes
    client: bytes | None
    soap: bytes = field(init=False)
    root: etree._Element = field(init=False)

    def __post_init__(self) -> None:
        self.soap = self.body
        if self.content_type.startswith("multipart/"):
            message = email.message_from_bytes(
                b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n" + self.body,
                policy=email.policy.HTTP,
            )
            parts = list(message.iter_parts())  # type: ignore[attr-defined]
            assert len(parts) == 1, "nothing is attached to a question"
            self.soap = parts[0].get_payload(decode=True)
        self.root = etree.fromstring(self.soap)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/related")

    @property
    def header(self) -> etree._Element:
        found = self.root.find(f"{{{ENV}}}Header")
        assert found is not None
        return found

    @property
    def content(self) -> etree._Element:
        (found,) = self.root.find(f"{{{ENV}}}Body")
        return found

    @property
    def message_id(self) -> str:
        return self.header.findtext(f"{{{WSA}}}MessageID") or ""

    @property
    def action(self) -> str:
        return self.header.findtext(f"{{{WSA}}}Action") or ""

    @property
    def assertions(self) -> list[etree._Element]:
        return self.header.findall(f"{{{WSSE}}}Security/{{{SAML}}}Assertion")

    @property
    def kinds(self) -> list[str]:
        """``hcp``, ``trc``, ``nok`` in the order of the header."""
        issuers = [assertion.find(f"{{{SAML}}}Issuer") for assertion in self.assertions]
        return [(issuer.get("NameQualifier") or "").rpartition(":")[2] for issuer in issuers if issuer is not None]


Step = Callable[[Question, ssl.SSLSocket], None]


def say(
    body: bytes | Callable[[Question], bytes],
    *,
    content_type: str = "application/soap+xml; charset=UTF-8",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Step:
    """An HTTP answer; ``body`` may be made from the question (to relate to it)."""

    def step(question: Question, connection: ssl.SSLSocket) -> None:
        content = body if isinstance(body, bytes) else body(question)
        lines = {"Content-Type": content_type, "Content-Length": str(len(content)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in (lines | (headers or {})).items())
        connection.sendall(f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode("latin-1") + content)

    return step


def bytes_only(data: bytes) -> Step:
    """Exactly these bytes, whatever they are, and the end of the connection."""

    def step(question: Question, connection: ssl.SSLSocket) -> None:
        connection.sendall(data)

    return step


def cut_short(body: Callable[[Question], bytes], after: int) -> Step:
    """A good answer of which only the first ``after`` bytes of the body arrive."""

    def step(question: Question, connection: ssl.SSLSocket) -> None:
        content = body(question)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content[:after])

    return step


def hang_up(question: Question, connection: ssl.SSLSocket) -> None:
    """The connection ends without a byte of an answer."""


def stay_silent(question: Question, connection: ssl.SSLSocket) -> None:
    """Nothing is said until the other side gives up."""
    with contextlib.suppress(OSError):
        connection.settimeout(30)
        connection.recv(1)


class ScriptedPeer:
    """The server; one thread per connection. Use as a context manager."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._script: deque[Step] = deque()
        self._lock = threading.Lock()
        self.questions: list[Question] = []
        self.received = 0
        self.unexpected = 0
        self.problems: list[BaseException] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def plays(self, *steps: Step) -> None:
        """A new script; what earlier ones left is forgotten."""
        with self._lock:
            self._script = deque(steps)
            self.questions.clear()
            self.received = 0
            self.unexpected = 0
            self.problems.clear()

    @property
    def steps_left(self) -> int:
        return len(self._script)

    def forget(self) -> None:
        """No script any more."""
        with self._lock:
            self._script.clear()

    def __enter__(self) -> ScriptedPeer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(30)
        try:
            with self._context.wrap_socket(raw, server_side=True) as connection:
                while self._one(connection):
                    pass
                # A close without notice, as after a crash, is not what a script without such a step means.
                with contextlib.suppress(OSError):
                    connection.unwrap()
        except (OSError, ssl.SSLError):
            pass
        except BaseException as problem:  # the assertion of a step, for the test to see
            self.problems.append(problem)
        finally:
            raw.close()

    def _one(self, connection: ssl.SSLSocket) -> bool:
        """One question; False: the connection is over."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            with self._lock:
                self.received += len(piece)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert "transfer-encoding" not in headers, "a question has a Content-Length"
        while len(body) < int(headers["content-length"]):
            piece = connection.recv(65536)
            if not piece:
                return False
            body += piece
        question = Question(first.split(" ")[1], headers, body, connection.getpeercert(binary_form=True))
        with self._lock:
            self.questions.append(question)
            step = self._script.popleft() if self._script else None
            if step is None:
                self.unexpected += 1
        (step or say(b"the script is over", content_type="text/plain", status=500))(question, connection)
        return False
