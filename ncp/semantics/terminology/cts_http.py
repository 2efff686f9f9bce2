"""HTTP for the central terminology server: one session with its cookies, no redirects followed, bounded answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from ncp.semantics.terminology.cts import Answer, Fetch
from ncp.semantics.terminology.rows import ImportRefused

TIMEOUT = 60.0
"""Seconds without a byte."""
ANSWER_MAX = 64 * 1024 * 1024


@contextmanager
def session() -> Iterator[Fetch]:
    """A ``fetch`` for ``cts.read``. Only https, with the certificates the machine trusts."""
    with httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client:

        def fetch(method: str, address: str, form: bytes | None) -> Answer:
            if not address.startswith("https://"):
                raise ImportRefused("address", "only https is asked, since a password is sent")
            headers = {"content-type": "application/x-www-form-urlencoded"} if form is not None else {}
            try:
                with client.stream(method, address, content=form, headers=headers) as response:
                    body = bytearray()
                    for chunk in response.iter_bytes():
                        body += chunk
                        if len(body) > ANSWER_MAX:
                            raise ImportRefused("answer", f"more than {ANSWER_MAX} bytes")
                    return Answer(response.status_code, bytes(body), response.headers.get("location", ""))
            except httpx2.HTTPError as failure:
                raise ImportRefused("server", f"cannot be reached ({type(failure).__name__})") from None

        yield fetch
