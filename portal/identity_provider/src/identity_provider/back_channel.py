"""Tells clients directly that a session has ended. Source: OpenID Connect Back-Channel Logout 1.0 section 2.5.

A client that does not answer is logged and not asked again: the session has ended all the same.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from joserfc.jwk import RSAKey

from identity_provider.clients import Client
from identity_provider.failures import FileProblem
from identity_provider.store import Session
from identity_provider.tokens import logout_token

_TIMEOUT = 5.0
_log = logging.getLogger("identity_provider")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of telling one client: the HTTP status, or None where nobody answered."""

    client_id: str
    status: int | None


class BackChannel:
    """Sends logout tokens."""

    def __init__(self, clients: Mapping[str, Client], issuer: str, key: RSAKey, trust: Path | None) -> None:
        self._clients = clients
        self._issuer = issuer
        self._key = key
        try:
            self._trust = ssl.create_default_context(cafile=str(trust) if trust else None)
        except (OSError, ssl.SSLError) as error:
            raise FileProblem("back_channel_trust: this is no file of certificates in PEM form") from error

    async def tell(self, session: Session, now: int) -> list[Told]:
        """Tell every client of the session that wants to know, all at once."""
        wanted = [self._clients[one] for one in sorted(session.clients)]
        async with httpx.AsyncClient(verify=self._trust, timeout=_TIMEOUT, trust_env=False) as http:
            calls = [self._call(http, one, session, now) for one in wanted if one.backchannel_logout_uri]
            return list(await asyncio.gather(*calls))

    async def _call(self, http: httpx.AsyncClient, client: Client, session: Session, now: int) -> Told:
        identifier = secrets.token_urlsafe(16)
        token = logout_token(session, client.id, issuer=self._issuer, key=self._key, now=now, identifier=identifier)
        try:
            # The body of the answer says nothing that is needed, so it is not read.
            async with http.stream("POST", client.backchannel_logout_uri or "", data={"logout_token": token}) as answer:
                status: int | None = answer.status_code
        except httpx.HTTPError as error:
            _log.warning("client %s was not reached about a session that ended: %s", client.id, type(error).__name__)
            status = None
        else:
            _log.info("client %s answered %s to the end of a session", client.id, status)
        return Told(client.id, status)
