"""The test identity provider as a process, and a person in front of its pages: forms are read and sent as by a browser.

Nothing of the provider is imported: what holds here holds for whoever starts it from a command line.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[2]
PROFESSIONALS = ROOT / "config" / "demo" / "professionals"
_SOURCES = ROOT / "portal" / "identity_provider" / "src"
_PATIENCE = 30.0


@dataclass(frozen=True)
class RunningProvider:
    """A provider that answers."""

    issuer: str
    origin: str
    folder: Path

    def url(self, name: str) -> str:
        """An endpoint below the issuer, as ``token`` or ``userinfo``."""
        return f"{self.issuer}/protocol/openid-connect/{name}"


@dataclass(frozen=True)
class RegisteredClient:
    """What an application is registered with."""

    id: str = "portal"
    secret: str = "a secret & of: the tests"
    redirect_uris: Sequence[str] = ("http://localhost:1/callback",)
    post_logout_redirect_uris: Sequence[str] = ("http://localhost:1/goodbye",)
    backchannel_logout_uri: str = ""

    def toml(self) -> str:
        """The client as a table of a clients file."""
        lines = ["[[clients]]", f'id = "{self.id}"', f'secret = "{self.secret}"']
        for key in ("redirect_uris", "post_logout_redirect_uris"):
            addresses = ", ".join(f'"{one}"' for one in getattr(self, key))
            lines.append(f"{key} = [{addresses}]")
        if self.backchannel_logout_uri:
            lines.append(f'backchannel_logout_uri = "{self.backchannel_logout_uri}"')
        return "\n".join(lines) + "\n"


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def identity_provider(
    folder: Path,
    clients: Sequence[RegisteredClient],
    people: Path = PROFESSIONALS / "fr.toml",
    lifetimes: Mapping[str, int] | None = None,
    realm: str = "esante-wallet",
) -> Iterator[RunningProvider]:
    """Start a provider on a free port, wait until it answers, stop it in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    origin = f"http://localhost:{port}"
    issuer = f"{origin}/auth/realms/{realm}"
    (folder / "clients.toml").write_text("\n".join(one.toml() for one in clients), "utf-8")
    config = folder / "provider.toml"
    config.write_text(
        f'[listen]\nport = {port}\n[provider]\nissuer = "{issuer}"\nclients = "clients.toml"\npeople = "{people}"\n'
        "[lifetimes]\n" + "".join(f"{key} = {value}\n" for key, value in (lifetimes or {}).items()),
        "utf-8",
    )
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "identity_provider", "serve", "--config", str(config)],
            env={**os.environ, "PYTHONPATH": str(_SOURCES)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait(process, f"{issuer}/.well-known/openid-configuration", folder / "provider.log")
            yield RunningProvider(issuer, origin, folder)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the provider did not start:\n{log.read_text('utf-8')}")


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, its fields as they stand, its buttons by name and value."""

    method: str
    action: str
    fields: Mapping[str, str]
    buttons: frozenset[tuple[str, str]]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form":
            self.found.append(
                {
                    "method": given.get("method", "get"),
                    "action": given.get("action", ""),
                    "fields": {},
                    "buttons": set(),
                }
            )
        elif self.found and tag == "button":
            self.found[-1]["buttons"].add((given.get("name", ""), given.get("value", "")))
        elif self.found and tag == "input" and (given.get("type") != "radio" or "checked" in given):
            self.found[-1]["fields"][given["name"]] = given.get("value", "")


def forms_of(page: httpx.Response) -> list[Form]:
    """The forms of a page."""
    parser = _Forms()
    parser.feed(page.text)
    return [
        Form(one["method"], urljoin(str(page.url), one["action"]), one["fields"], frozenset(one["buttons"]))
        for one in parser.found
    ]


def log_in(http: httpx.Client, url: str, person: str | None, means: str | None = None) -> str:
    """Walk from an authorization URL to the address the browser is sent back to, which is not opened.

    ``http`` keeps the cookies, as a browser does; ``person`` None cancels. A session that is open answers at once.
    """
    page = http.get(url, follow_redirects=False)
    if page.has_redirect_location:
        return page.headers["location"]
    assert page.status_code == 200, page.text
    (form,) = forms_of(page)
    button = ("cancel", "1") if person is None else ("person", person)
    assert button in form.buttons, f"the page has no button for {button}"
    fields = {**form.fields, button[0]: button[1]}
    if means is not None:
        fields["means"] = means
    answer = http.post(form.action, data=fields, follow_redirects=False)
    assert answer.has_redirect_location, answer.text
    return answer.headers["location"]


def answer_of(location: str) -> dict[str, str]:
    """The parameters of an answer at the client's address."""
    return dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
