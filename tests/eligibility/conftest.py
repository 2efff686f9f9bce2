"""A real gateway of France with rules of who may log in, a provider that publishes its keys, and a directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ncp.cli.demo_files import write_playground
from ncp.cli.demo_gateways import Gateway as Process
from ncp.cli.demo_gateways import running
from ncp_client import Gateway
from tests.support.logins import ISSUER, Provider
from tests.support.tls import make_pair

DIRECTORY_KEY = "key-of-the-directory"


@dataclass
class Services:
    """The provider's keys and the directory, over HTTP on this machine. ``directory`` None: it fails."""

    provider: Provider = field(default_factory=Provider)
    directory: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def answer(self, path: str, key: str) -> bytes | None:
        self.asked.append((path, key))
        return self.provider.jwks() if path.startswith("/certs") else self.directory


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = services.answer(self.path, self.headers.get("ESANTE-API-KEY", ""))
            self.send_response(200 if content is not None else 503)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    services.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield services
    server.shutdown()
    server.server_close()
    thread.join(10)


@dataclass(frozen=True)
class France:
    """``portals``: key and certificate files by name."""

    url: str
    trust: str
    log_file: Path
    portals: dict[str, tuple[str, str]]

    def portal(self, name: str = "portal") -> Gateway:
        certificate, key = self.portals[name]
        return Gateway(self.url, certificate=certificate, key=key, trust=self.trust, timeout=30)

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")


def _gateway(folder: Path, eligibility: str) -> tuple[Process, France]:
    france = write_playground(folder, datetime.now(UTC), key_bits=2048).asking
    portals = {"portal": (str(france.portal.certificate), str(france.portal.key))}
    text = france.config.read_text(encoding="utf-8")
    text = text.replace("may_issue_hcp = true", 'may_issue_hcp = true\naudience = ["sesali"]')
    for name, keys in {
        "tokens only": 'may_issue_hcp = true\naudience = ["sesali"]\nlogins_only = true',
        "pharmacies": 'may_issue_hcp = true\naudience = ["pharmacies"]\nroles = ["2262"]',
        "reader": "",
    }.items():
        file = str(make_pair(folder, name.replace(" ", "-")).file)
        portals[name] = (file, file)
        text += f'\n[[frontend.portals]]\nname = "{name}"\ncertificate = "{file}"\n{keys}\n'
    france.config.write_text(f"{text}\n{eligibility}", encoding="utf-8")
    log = france.folder / "gateway.log"
    process = Process("France", france.config, france.health, log)
    return process, France(f"https://{france.frontend}", str(france.tls_ca), log, portals)


@pytest.fixture(scope="session")
def france(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[France]:
    """Rules and keys, no directory."""
    process, france = _gateway(
        tmp_path_factory.mktemp("logins"),
        f'[eligibility]\nissuer = "{ISSUER}"\njwks_url = "http://127.0.0.1:{services.port}/certs"\n',
    )
    with running([process]):
        yield france


@pytest.fixture(scope="session")
def france_with_directory(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[France]:
    """Keys from a file, the application's word for the means of authentication, and the directory is asked."""
    folder = tmp_path_factory.mktemp("directory")
    (folder / "jwks.json").write_bytes(services.provider.jwks())
    (folder / "key").write_text(f"{DIRECTORY_KEY}\n")
    process, france = _gateway(
        folder,
        f'[eligibility]\nissuer = "{ISSUER}"\njwks_file = "{folder / "jwks.json"}"\ntimeout = "2s"\n'
        'authentication_classes = { "E-CPS" = "MobileTwoFactorContract" }\nauthentication_missing = "SmartcardPKI"\n'
        f'[eligibility.directory]\nurl = "http://127.0.0.1:{services.port}/fhir/"\nkey_file = "{folder / "key"}"\n',
    )
    with running([process]):
        yield france
