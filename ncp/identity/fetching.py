"""A small document from a service of this country, over HTTPS: bounded in time and size, no redirect, no proxy.

Called from the portals' threads. Nothing of the answer or the address is in an error.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2

from ncp.http_body import BodyReader, BodyRefused


class FetchFailed(Exception):
    """The service did not answer with a document. The text is a stable word: ``connect``, ``status``, ``body``."""


class Fetcher:
    """A client for one service. ``trust`` holds its authorities in PEM; those of the system when absent."""

    def __init__(self, *, timeout: float, trust: Path | None = None, limit: int = 256 * 1024) -> None:
        context = ssl.create_default_context(cafile=str(trust) if trust else None)
        self._timeout = timeout
        self._limit = limit
        self._client = httpx2.Client(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            headers={"accept-encoding": "gzip", "user-agent": "ncp"},
            timeout=httpx2.Timeout(timeout),
        )

    def get(
        self, url: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The document. Raises ``FetchFailed`` for anything else than a whole answer with status 200 in time."""
        until = time.monotonic() + self._timeout
        try:
            with self._client.stream("GET", url, params=dict(query or {}), headers=dict(headers or {})) as response:
                if response.status_code != 200:
                    raise FetchFailed("status")
                reader = BodyReader(self._limit, response.headers.get("content-encoding", ""))
                for data in response.iter_raw():
                    reader.feed(data)
                    if time.monotonic() > until:
                        raise FetchFailed("connect")
                return reader.finish()
        except BodyRefused:
            raise FetchFailed("body") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError):
            raise FetchFailed("connect") from None

    def close(self) -> None:
        self._client.close()
