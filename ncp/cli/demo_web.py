"""The web portal of country B and its identity provider in the playground: their files, and what starts them.

Knows the configuration files of both. They are packages of their own (``portal/``), which the gateway does not import:
they run as processes. The provider is the one for tests, with invented professionals.
"""

from __future__ import annotations

import contextlib
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ncp.cli.demo_files import DATA, PORTAL_CLIENT, Country
from ncp.cli.demo_gateways import Gateway
from ncp.settings.fields import written
from ncp.settings.types import Listen

PORTAL_PORT = 8500
PROVIDER_PORT = 8501
_REALM = "/auth/realms/esante-wallet"
_SECRET = "portal-of-the-demonstration"  # noqa: S105 - guards invented professionals on this machine


@dataclass(frozen=True, slots=True)
class Web:
    """Where both listen; browsers reach them by the name ``localhost``, which they take for a safe place."""

    portal: Listen
    provider: Listen

    @property
    def url(self) -> str:
        return f"http://localhost:{self.portal.port}"

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.provider.port}{_REALM}"


def is_installed() -> bool:
    """Whether both packages are there."""
    return all(find_spec(name) is not None for name in ("ncp_portal", "identity_provider"))


def choose_ports(*, usual: bool) -> Web:
    """The usual ports where they are free and wanted, else any."""
    with contextlib.ExitStack() as held:
        portal, provider = (
            _free(held.enter_context(socket.socket()), port if usual else 0) for port in (PORTAL_PORT, PROVIDER_PORT)
        )
    return Web(Listen("127.0.0.1", portal), Listen("127.0.0.1", provider))


def _free(one: socket.socket, port: int) -> int:
    # Connections that ended a moment ago do not keep the port from a new listener.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        one.bind(("127.0.0.1", 0))
    return int(one.getsockname()[1])


def write_web(web: Web, country: Country, *, extra: str = "") -> Iterator[Gateway]:
    """Writes the files of both below the country's folder, and yields what is to be started. ``extra`` is TOML whose
    keys are added to the portal's configuration, or replace those that are there."""
    folder = country.folder / "portal"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").write_text(_SECRET + "\n", encoding="utf-8")
    (folder / "clients.toml").write_text(_clients(web, country), encoding="utf-8")
    provider, portal = folder / "provider.toml", folder / "portal.toml"
    provider.write_text(_provider(web, country), encoding="utf-8")
    portal.write_text(changed(_portal(web, country), _keys(extra)), encoding="utf-8")
    discovery = f"{_REALM}/.well-known/openid-configuration"
    yield Gateway(
        "the test identity provider", provider, web.provider, _log(folder, "provider"), "identity_provider", discovery
    )
    yield Gateway(
        "the portal",
        portal,
        web.portal,
        _log(folder, "portal"),
        "ncp_portal",
    )


def _keys(toml: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in tomllib.loads(toml).items():
        found |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    return found


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def _clients(web: Web, country: Country) -> str:
    return f"""# Made by ncp demo: who may ask the test identity provider.

[[clients]]
id = "{PORTAL_CLIENT}"
name = "{_brand(country)}"
secret = "{_SECRET}"
redirect_uris = ["{web.url}/login/callback"]
post_logout_redirect_uris = ["{web.url}/signed-out"]
backchannel_logout_uri = "{web.url}/login/back-channel"
"""


def _provider(web: Web, country: Country) -> str:
    people = DATA / "demo" / "professionals" / f"{country.code.lower()}.toml"
    return f"""# Made by ncp demo: the test identity provider, with invented professionals.

[listen]
address = "{web.provider.host}"
port = {web.provider.port}

[provider]
issuer = "{web.issuer}"
clients = "clients.toml"
people = {written(people)}
"""


def _example(country: Country) -> str:
    """The configuration that ships for operators of the country's portal."""
    return (DATA / "portal" / f"{country.code.lower()}.toml").read_text(encoding="utf-8")


def _brand(country: Country) -> str:
    return str(tomllib.loads(_example(country))["brand"]["name"])


def _portal(web: Web, country: Country) -> str:
    """The example that ships, with what is different on this machine; everything else is as an operator gets it."""
    changes: dict[str, object] = {
        "mode": "development",
        "server.listen": str(web.portal),
        "server.public_url": web.url,
        "gateway.url": f"https://{country.frontend}",
        "gateway.certificate": country.portal.certificate,
        "gateway.key": country.portal.key,
        "gateway.trust": country.tls_ca,
        "login.metadata_url": f"{web.issuer}/.well-known/wallet-openid-configuration",
        "login.client_id": PORTAL_CLIENT,
        "login.client_secret_file": "secret",
        "login.acr_values": _LEVELS[country.code],
        "login.scope": "openid scope_all",
        "terms.record": "terms.jsonl",
    }
    example = _example(country)
    if texts := tomllib.loads(example).get("texts"):
        changes["texts"] = DATA / "portal" / texts
    return "# Made by ncp demo, from the example for operators in config/portal/.\n" + changed(example, changes)


_LEVELS = {"FR": "eidas1", "IE": "urn:ncp:test:acr:two-factor"}
"""Level of authentication of the invented professionals, as their provider calls it."""
_HEADER = re.compile(r"\[([\w.-]+)\]")
_KEY = re.compile(r"([\w-]+) = ")


def changed(toml: str, changes: Mapping[str, object]) -> str:
    """A file with other values for single keys (``table.key``): those it sets in their lines, further ones below the
    header of their table, everything else as it stands."""
    left, table = dict(changes), ""
    lines: list[str] = []
    places = {"": 0}
    for line in toml.splitlines():
        key = _KEY.match(line)
        name = table + key[1] if key else ""
        lines.append(f"{key[1]} = {written(left.pop(name))}" if key and name in left else line)
        if header := _HEADER.match(line):
            table = f"{header[1]}."
            places[table] = len(lines)
    for name, value in left.items():
        table = name[: name.rfind(".") + 1]
        if table not in places:
            lines += ["", f"[{table[:-1]}]"]
            places[table] = len(lines)
        at = places[table]
        lines.insert(at, f"{name[len(table) :]} = {written(value)}")
        places = {each: place + (place > at) for each, place in places.items()}
    return "\n".join(lines) + "\n"
