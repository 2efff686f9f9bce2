"""A portal that writes its own bytes and speaks to the front end without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ncp.frontend.app import FrontEnd

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def envelope(body: str, *assertions: bytes, header: str = "") -> bytes:
    """A SOAP 1.2 envelope; without assertions there is no Security block."""
    security = b""
    if assertions:
        security = (
            f'<w:Security xmlns:w="{WSSE}" e:mustUnderstand="1">'.encode() + b"".join(assertions) + b"</w:Security>"
        )
    head = b"<e:Header>" + header.encode() + security + b"</e:Header>" if header or security else b""
    return f'<e:Envelope xmlns:e="{ENV}">'.encode() + head + f"<e:Body>{body}</e:Body></e:Envelope>".encode()


@dataclass
class Caller:
    """ASGI calls as the portal with this certificate."""

    app: FrontEnd
    certificate: bytes | None

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: bytes = b"",
        headers: dict[str, str] | None = None,
        tls: bool = True,
    ) -> tuple[int, dict[str, str], bytes]:
        given = {"content-type": "application/soap+xml; charset=UTF-8", "host": "ncp.example"} | (headers or {})
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "scheme": "https",
            "query_string": query,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "extensions": {"tls": {"client_cert_der": self.certificate}} if tls else {},
        }
        sent: list[MutableMapping[str, Any]] = []

        async def run() -> None:
            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: MutableMapping[str, Any]) -> None:
                sent.append(message)

            await self.app(scope, receive, send)

        asyncio.run(run())
        content = b"".join(message.get("body", b"") for message in sent)
        return sent[0]["status"], {key.decode(): value.decode() for key, value in sent[0]["headers"]}, content

    def post(self, path: str, body: bytes, **options: Any) -> tuple[int, etree._Element]:
        status, _, content = self.request("POST", path, body, **options)
        return status, etree.fromstring(content)
