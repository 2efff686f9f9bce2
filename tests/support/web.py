"""The whole of it for tests of the portal: two gateways, the identity provider and the portal, as processes.

Knows how a professional gets from the home page to a step, over HTTP as a browser would. Nothing of the portal is
imported: what holds here holds for whoever starts it from a command line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from ncp.cli.demo_files import Playground, write_playground
from ncp.cli.demo_gateways import Gateway, running
from ncp.cli.demo_web import Web, choose_ports, write_web
from ncp.wire.times import utc_now
from tests.support.identity_provider import log_in

DOCTOR = "claire-generaliste"
PATIENT = "999990011"


@dataclass(frozen=True)
class Stack:
    """Everything is running. ``log`` is the portal's."""

    web: Web
    playground: Playground
    log: Path

    @property
    def url(self) -> str:
        return self.web.url


@contextmanager
def stack(folder: Path, *, extra: str = "", usual_ports: bool = False, asking: str = "FR") -> Iterator[Stack]:
    """Starts everything below ``folder``; ``extra`` is added to the portal's configuration, ``asking`` its country."""
    web = choose_ports(usual=usual_ports)
    playground = write_playground(folder, utc_now(), key_bits=2048, issuer=web.issuer, asking=asking)
    gateways = [
        Gateway(f"the gateway of {each.name}", each.config, each.health, each.folder / "gateway.log")
        for each in playground.countries
    ]
    with running([*gateways, *write_web(web, playground.asking, extra=extra)]):
        yield Stack(web, playground, playground.asking.folder / "portal" / "portal.log")


@dataclass
class Visitor:
    """A browser without a window: keeps cookies, follows redirects, sends what browsers send with forms."""

    url: str
    language: str = "fr"
    http: httpx.Client = field(init=False)
    page: httpx.Response = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Sec-Fetch-Site": "same-origin", "Accept-Language": self.language}
        # No TLS on this machine: the certificates of the world are not loaded for each visitor.
        self.http = httpx.Client(follow_redirects=True, timeout=60, headers=headers, trust_env=False, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def path(self) -> str:
        return self.page.url.path

    @property
    def at(self) -> str:
        """The address of the search that the page is about."""
        return "/".join(self.path.split("/")[:3])

    @property
    def text(self) -> str:
        """What is read in the main part of the page."""
        whole = re.sub(r"<(style|svg|script)\b.*?</\1>", "", self.page.text, flags=re.S)
        main = re.search(r"<main.*</main>", whole, re.S)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main[0] if main else whole))).strip()

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]*)"', self.page.text)
        return found[1] if found else ""

    @property
    def shown(self) -> str:
        """What names the person on the page of the identity check."""
        found = re.search(r'name="shown" value="([^"]*)"', self.page.text)
        return found[1] if found else ""

    def get(self, path: str) -> httpx.Response:
        self.page = self.http.get(self.url + path)
        return self.page

    def post(self, path: str, **fields: str) -> httpx.Response:
        # The hidden fields of the page that the form stands on.
        hidden = {"csrf": self.csrf} | ({"shown": self.shown} if self.shown else {})
        self.page = self.http.post(self.url + path, data=hidden | fields)
        return self.page

    def log_in(self, person: str = DOCTOR) -> httpx.Response:
        """From the home page to wherever the login leads."""
        answer = self.http.post(self.url + "/login", data={"terms": "on"}, follow_redirects=False)
        self.page = self.http.get(log_in(self.http, answer.headers["location"], person))
        return self.page

    def choose(self, country: str = "HR") -> httpx.Response:
        self.get("/search")
        return self.post("/search", country=country)

    def find(self, number: str = PATIENT) -> httpx.Response:
        """From the form of traits to whatever comes of it; waits as long as the portal does."""
        names = re.findall(r'<input type="text"[^>]*?name="([^"]+)"', self.page.text)
        return self._await(self.post(f"{self.at}/traits", **{names[0]: number}))

    def consult(self, *ticks: str) -> httpx.Response:
        """From the check of the identity to the summary."""
        return self._await(self.post(f"{self.at}/consult", **dict.fromkeys(ticks or ("necessary", "consent"), "on")))

    def _await(self, page: httpx.Response) -> httpx.Response:
        while self.path.endswith("/waiting"):
            page = self.get(self.path)
        return page
