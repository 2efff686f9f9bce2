"""The applications that may ask for a login: identifier, secret, addresses. Nothing registers itself."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from identity_provider.failures import FileProblem
from identity_provider.reading import Table, read_bytes, read_toml

MAX_CLIENTS = 50


@dataclass(frozen=True, slots=True)
class Client:
    """One application. Addresses are compared character by character (RFC 9700 section 2.1)."""

    id: str
    name: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None

    def knows(self, secret: str) -> bool:
        """Whether this is the client's secret, in a time that does not tell how much of it was right."""
        return hmac.compare_digest(secret.encode(), self.secret.encode())


def read_clients(path: Path) -> dict[str, Client]:
    """The clients of a file, by identifier.

    Raises:
        FileProblem: what is wrong, and where.
    """
    top = read_toml(path)
    clients: dict[str, Client] = {}
    for table in top.tables("clients"):
        client = _client(table, path.parent)
        if client.id in clients:
            raise FileProblem(f"{table.where}: a second client {client.id}")
        clients[client.id] = client
    top.finish()
    if not 1 <= len(clients) <= MAX_CLIENTS:
        raise FileProblem(f"{path.name}: there must be from 1 to {MAX_CLIENTS} clients")
    return clients


def _client(table: Table, folder: Path) -> Client:
    identifier = table.text("id")
    client = Client(
        id=identifier,
        name=table.text("name", identifier),
        secret=_secret(table, folder),
        redirect_uris=_addresses(table, "redirect_uris"),
        post_logout_redirect_uris=_addresses(table, "post_logout_redirect_uris"),
        backchannel_logout_uri=_address(table, table.text("backchannel_logout_uri", "")),
    )
    table.finish()
    if not client.redirect_uris:
        raise FileProblem(f"{table.where}: redirect_uris must name at least one address")
    return client


def _secret(table: Table, folder: Path) -> str:
    if table.has("secret_file"):
        secret = read_bytes(folder / table.text("secret_file")).decode("utf-8", "replace").strip()
    else:
        secret = table.text("secret")
    if len(secret) < 8:
        raise FileProblem(f"{table.where}: the secret must have at least 8 characters")
    return secret


def _addresses(table: Table, key: str) -> tuple[str, ...]:
    addresses = table.texts(key)
    for address in addresses:
        _address(table, address)
    return addresses


def _address(table: Table, address: str) -> str | None:
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or not address.isascii():
        raise FileProblem(f"{table.where}: an address must be a whole http or https URL without a fragment")
    return address
