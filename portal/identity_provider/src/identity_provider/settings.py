"""The provider's configuration file: where it listens, who it says it is, which files of clients and people it uses."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from identity_provider.failures import FileProblem
from identity_provider.reading import Table, read_toml

MAX_CODE_SECONDS = 60
"""A code lives at most this long; Pro Sante Connect's lives one minute."""


@dataclass(frozen=True, slots=True)
class Listen:
    """The socket, and the certificate and key where the provider itself speaks TLS."""

    address: str
    port: int
    certificate: Path | None
    key: Path | None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How many seconds things are good for."""

    code: int
    access_token: int
    id_token: int
    session: int


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration; paths are absolute or relative to the file they stand in."""

    listen: Listen
    issuer: str
    clients: Path
    people: Path
    signing_key: Path | None
    lifetimes: Lifetimes
    back_channel_trust: Path | None

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def issuer_path(self) -> str:
        """The path below which discovery and the endpoints are."""
        return urlsplit(self.issuer).path


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        FileProblem: what is wrong, and where.
    """
    top, folder = read_toml(path), path.parent
    listen = _listen(top.table("listen"), folder)
    provider = top.table("provider")
    settings = Settings(
        listen=listen,
        issuer=_issuer(provider),
        clients=folder / provider.text("clients"),
        people=folder / provider.text("people"),
        signing_key=_path(provider, "signing_key", folder),
        lifetimes=_lifetimes(top.table("lifetimes")),
        back_channel_trust=_path(provider, "back_channel_trust", folder),
    )
    provider.finish()
    top.finish()
    return settings


def _listen(table: Table, folder: Path) -> Listen:
    listen = Listen(
        address=table.text("address", "127.0.0.1"),
        port=table.number("port", 9080, 1, 65535),
        certificate=_path(table, "certificate", folder),
        key=_path(table, "key", folder),
    )
    table.finish()
    if (listen.certificate is None) != (listen.key is None):
        raise FileProblem(f"{table.where}: certificate and key belong together")
    return listen


def _issuer(table: Table) -> str:
    issuer = table.text("issuer")
    parts = urlsplit(issuer)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.path in {"", "/", "/auth"}
        or issuer.endswith("/")
        or not issuer.isascii()
    ):
        raise FileProblem(
            f"{table.where}: issuer must be an http or https URL with a path below which the endpoints are, "
            "as http://localhost:9080/auth/realms/esante-wallet"
        )
    return issuer


def _lifetimes(table: Table) -> Lifetimes:
    lifetimes = Lifetimes(
        code=table.number("code", MAX_CODE_SECONDS, 1, MAX_CODE_SECONDS),
        access_token=table.number("access_token", 300, 1, 86_400),
        id_token=table.number("id_token", 300, 1, 86_400),
        session=table.number("session", 14_400, 1, 86_400),
    )
    table.finish()
    return lifetimes


def _path(table: Table, key: str, folder: Path) -> Path | None:
    value = table.text(key, "")
    return folder / value if value else None
