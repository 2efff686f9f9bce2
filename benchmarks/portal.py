"""The portal under load: professionals in parallel journeys, as fast as they can, with everything real behind it.

Two gateways, the test identity provider and the portal run as processes of their own on this machine; so does this
program, which takes its share of the processors too. A journey: home, login by way of the provider, country, traits,
search, identity, necessity and consent, the summary, its original view, the original PDF, logout. Every answer is
checked. ``own`` is what the portal measured itself: a request's duration without what was awaited of gateway and
provider (``own_ms`` of its log); ``whole`` its duration; ``seen`` what the professional waited, redirects one by one.

    python benchmarks/portal.py [--quick] [--professionals N] [--journeys M] [--write docs/performance.md]

Ends with 1 when a journey failed.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench import cpu_of, memory_of
from ncp.cli.demo_files import Playground, write_playground
from ncp.cli.demo_gateways import Gateway, running
from ncp.cli.demo_web import Web, choose_ports, write_web

DOCTOR = "claire-generaliste"
PATIENT = "999990011"
PATIENCE = 300.0
"""Seconds that a client waits for an answer: far more than anybody would, since nothing may be lost."""
GOAL_MS = 50.0
_INPUT = re.compile(r'<input type="text"[^>]*?name="([^"]+)"')
_CSRF = re.compile(r'name="csrf" value="([^"]*)"')
_FORM = re.compile(r'<form[^>]*action="([^"]*)"')
_FIELD = re.compile(r'<input type="(?:hidden|radio)" name="([^"]+)" value="([^"]*)"( checked)?')


class JourneyFailed(Exception):
    """An answer that was not what it has to be; the text names the step."""


@dataclass
class Tally:
    """What all professionals together have met."""

    pages: int = 0
    journeys: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Professional:
    """One browser without a window, as fast as it can."""

    def __init__(self, url: str, tally: Tally) -> None:
        self._url = url
        self._tally = tally
        self._http = httpx.AsyncClient(
            timeout=PATIENCE,
            trust_env=False,
            headers={"Sec-Fetch-Site": "same-origin", "Accept-Language": "fr"},
            limits=httpx.Limits(max_connections=4),
        )
        self._csrf = ""

    async def close(self) -> None:
        await self._http.aclose()

    async def journey(self) -> None:
        """From the home page to the logout."""
        await self._get("home", self._url + "/")
        answer = await self._ask("login", "POST", self._url + "/login", {"terms": "on"})
        page = await self._provider(answer.headers["location"])
        if not page.has_redirect_location:
            (action,) = _FORM.findall(page.text)
            given = _FIELD.findall(page.text)
            fields = {key: html.unescape(value) for key, value, chosen in given if chosen or key != "means"}
            page = await self._ask(
                "(provider)", "POST", urljoin(str(page.url), html.unescape(action)), {**fields, "person": DOCTOR}
            )
        page = await self._follow("callback", page.headers["location"], "/search")
        page = await self._post("country", "/search", {"country": "HR"}, "/traits")
        at = "/".join(page.url.path.split("/")[:3])
        field = _INPUT.findall(page.text)[0]
        page = await self._post("find", f"{at}/traits", {field: PATIENT}, "/identity")
        page = await self._post("consult", f"{at}/consult", {"necessary": "on", "consent": "on"}, "/summary")
        if "Šimić-Đurđević" not in page.text:
            raise JourneyFailed("summary: another patient")
        await self._get("original view", f"{self._url}{at}/summary?view=original")
        await self._follow("pdf", f"{self._url}{at}/pdf", "/pdf")
        file = await self._get("document.pdf", f"{self._url}{at}/document.pdf")
        if not file.content.startswith(b"%PDF"):
            raise JourneyFailed("document.pdf: no PDF")
        answer = await self._ask("logout", "POST", self._url + "/logout", {"csrf": self._csrf})
        page = await self._provider(answer.headers["location"])
        while page.has_redirect_location:
            page = await self._ask("signed-out", "GET", urljoin(str(page.url), page.headers["location"]))
        if urlsplit(str(page.url)).path != "/signed-out":
            raise JourneyFailed("logout: not signed out")
        self._tally.journeys += 1

    async def _provider(self, url: str) -> httpx.Response:
        return await self._ask("(provider)", "GET", url)

    async def _get(self, step: str, url: str) -> httpx.Response:
        page = await self._ask(step, "GET", url)
        if page.status_code != 200:
            raise JourneyFailed(f"{step}: HTTP {page.status_code}")
        return page

    async def _post(self, step: str, path: str, fields: dict[str, str], ends: str) -> httpx.Response:
        page = await self._ask(step, "POST", self._url + path, {"csrf": self._csrf, **fields})
        return await self._follow(step, urljoin(str(page.url), page.headers.get("location", "")), ends)

    async def _follow(self, step: str, url: str, ends: str) -> httpx.Response:
        """To the page that ends so, past redirects and pages that show the waiting."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            page = await self._ask(step if url.endswith(step) else f"{step}, then", "GET", url)
            if page.has_redirect_location:
                url = urljoin(url, page.headers["location"])
            elif page.url.path.endswith("/waiting"):
                await asyncio.sleep(0.5)
            elif page.status_code == 200 and page.url.path.endswith(ends):
                return page
            else:
                place = page.url.path.rpartition("/")[2]
                raise JourneyFailed(f"{step}: HTTP {page.status_code} at {place}: {_heading(page.text)}")
        raise JourneyFailed(f"{step}: waited for too long")

    async def _ask(self, step: str, method: str, url: str, data: dict[str, str] | None = None) -> httpx.Response:
        began = time.perf_counter()
        page = await self._http.request(method, url, data=data)
        self._tally.seen[step].append((time.perf_counter() - began) * 1000)
        self._tally.pages += 1
        if page.status_code >= 400:
            raise JourneyFailed(f"{step}: HTTP {page.status_code}: {_heading(page.text)}")
        if found := _CSRF.search(page.text if "html" in page.headers.get("content-type", "") else ""):
            self._csrf = found[1]
        return page


def _heading(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())[:100] if found else ""


async def _professional(url: str, journeys: int, tally: Tally) -> None:
    for _ in range(journeys):
        one = Professional(url, tally)
        try:
            await one.journey()
        except (JourneyFailed, httpx.HTTPError, KeyError, IndexError, ValueError) as failed:
            tally.failures[f"{type(failed).__name__}: {failed}"] += 1
        finally:
            await one.close()


@dataclass
class Watched:
    """Processes by name, and the most memory each was seen to have (megabytes)."""

    pids: dict[str, list[int]]
    most: dict[str, float] = field(default_factory=dict)

    def now(self) -> dict[str, float]:
        found = {name: sum(memory_of(pid, "VmRSS") for pid in pids) for name, pids in self.pids.items()}
        self.most = {name: max(value, self.most.get(name, 0.0)) for name, value in found.items()}
        return found

    def cpu(self) -> dict[str, float]:
        return {name: sum(cpu_of(pid) for pid in pids) for name, pids in self.pids.items()}


async def _run(url: str, professionals: int, journeys: int, watched: Watched) -> tuple[Tally, float]:
    tally, began = Tally(), time.perf_counter()

    async def tell() -> None:
        while True:
            await asyncio.sleep(5)
            portal = watched.now()["the portal"]
            _tell(
                f"  {time.perf_counter() - began:4.0f} s: {tally.journeys} of {professionals * journeys} journeys, "
                f"{tally.pages} answers, {sum(tally.failures.values())} failed; portal {portal:.0f} MB"
            )

    telling = asyncio.create_task(tell())
    await asyncio.gather(*(_professional(url, journeys, tally) for _ in range(professionals)))
    telling.cancel()
    watched.now()
    return tally, time.perf_counter() - began


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(each) for each in text.split()]


def _watched(gateways: Sequence[Gateway]) -> Watched:
    """The processes of what was started, each with its workers."""
    found: dict[str, list[int]] = {}
    own = Path("/proc/self").resolve().name
    for task in Path("/proc/self/task").iterdir():
        for each in (task / "children").read_text(encoding="ascii").split():
            command = Path(f"/proc/{each}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            name = next((one.name for one in gateways if str(one.config) in command), None)
            if name is not None and each != own:
                found[name] = [int(each), *_children(int(each))]
    return Watched(found)


@contextmanager
def _stack(folder: Path, calls: int) -> Iterator[tuple[Web, Playground, Watched, Path]]:
    web = choose_ports(usual=False)
    playground = write_playground(folder, datetime.now(UTC), key_bits=2048, issuer=web.issuer)
    gateways = [
        Gateway(f"the gateway of {each.name}", each.config, each.health, each.folder / "gateway.log")
        for each in playground.countries
    ]
    gateways.extend(write_web(web, playground.asking))
    portal = playground.asking.folder / "portal"
    if calls:
        text = (portal / "portal.toml").read_text(encoding="utf-8")
        (portal / "portal.toml").write_text(text.replace("[login]", f"calls = {calls}\n\n[login]"), encoding="utf-8")
    with running(gateways):
        yield web, playground, _watched(gateways), portal / "portal.log"


def _lines(log: Path, since: int) -> list[dict[str, object]]:
    found = []
    for line in log.read_bytes()[since:].decode("utf-8").splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry["event"] == "request":
                found.append(entry)
    return found


def _trouble(log: Path, since: int) -> Counter[str]:
    """What the portal's log says of things that went wrong, without times and numbers."""
    found: Counter[str] = Counter()
    for line in log.read_bytes()[since:].decode("utf-8").splitlines():
        entry = json.loads(line) if line.startswith("{") else {"event": line}
        told = {key: value for key, value in entry.items() if key in ("event", "reason", "code", "exception", "step")}
        if "exception" in entry or entry["event"].endswith((".failed", ".busy", ".full", ".ended")):
            found[json.dumps(told)] += 1
    return found


def _at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _three(values: Sequence[float]) -> str:
    return " | ".join(f"{_at(values, share):.0f}" for share in (0.5, 0.95, 0.99))


def _routes(lines: Sequence[dict[str, object]]) -> Iterator[str]:
    by_route: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in lines:
        own, whole = float(str(each["own_ms"])), float(str(each["duration_ms"]))
        by_route[f"{each['method']} {each['route']}"].append((own, whole))
        by_route["all"].append((own, whole))
    yield "| page | answers | own p50 ms | p95 | p99 | whole p50 ms | p95 | p99 |"
    yield "|---|---|---|---|---|---|---|---|"
    for route, values in by_route.items():
        owns, wholes = [own for own, _ in values], [whole for _, whole in values]
        yield f"| `{route}` | {len(values)} | {_three(owns)} | {_three(wholes)} |"


def measure(folder: Path, professionals: int, journeys: int, calls: int) -> tuple[list[str], bool]:
    """One run on fresh processes: its lines, and whether nothing failed."""
    with _stack(folder, calls) as (web, _, watched, log):
        # The first of everything: connections, catalogues, templates.
        tally, _ = asyncio.run(_run(web.url, 2, 1, watched))
        if tally.failures:
            raise SystemExit(f"the first journey failed: {tally.failures}")
        before, since, cpu = watched.now(), log.stat().st_size, watched.cpu()
        _tell(f"{professionals} professionals, {journeys} journeys each")
        tally, took = asyncio.run(_run(web.url, professionals, journeys, watched))
        used = {name: value - cpu[name] for name, value in watched.cpu().items()}
        after, lines = watched.now(), _lines(log, since)
        for line, count in _trouble(log, since).most_common(10):
            _tell(f"the portal's log, {count} times: {line}")
    failed = sum(tally.failures.values())
    told = [
        f"### {professionals} professionals at the same time",
        "",
        f"{tally.journeys} journeys with {len(lines)} pages of the portal in {took:.0f} s: {len(lines) / took:.0f} "
        f"pages and {tally.journeys / took:.1f} journeys a second; {failed} failed.",
        "",
        *_routes(lines),
        "",
        "| process | MB before | most | after | CPU s |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {before[name]:.0f} | {watched.most[name]:.0f} | {after[name]:.0f} | {used[name]:.1f} |"
            for name in watched.pids
        ),
        "",
    ]
    for reason, count in tally.failures.most_common(10):
        _tell(f"failed {count} times: {reason}")
    return told, not failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--professionals", type=int, action="append", help="in parallel; may be given several times")
    parser.add_argument("--journeys", type=int, default=2, help="of each professional, one after the other")
    parser.add_argument("--calls", type=int, default=0, help="calls of the gateway at the same time (the default)")
    parser.add_argument("--quick", action="store_true", help="20 professionals, one journey")
    parser.add_argument("--write", type=Path, help="put the result into this page, between its two marks")
    options = parser.parse_args()
    counts = [20] if options.quick else options.professionals or [20, 200]
    journeys = 1 if options.quick else options.journeys
    told = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {sys.version.split()[0]} on {_processors()} processors, "
        "which clients, portal, provider and gateways share.",
        "",
    ]
    is_good = True
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="ncp-bench-") as folder:
            lines, passed = measure(Path(folder), count, journeys, options.calls)
        told += lines
        is_good = is_good and passed
    text = "\n".join(told).rstrip()
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        begin, end = "<!-- portal -->", "<!-- end of portal -->"
        before, after = page.split(begin)[0], page.split(end)[1]
        options.write.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
    return 0 if is_good else 1


def _processors() -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"Cpus_allowed:\s*([0-9a-f,]+)", text)
    return int(found[1].replace(",", ""), 16).bit_count() if found else 0


if __name__ == "__main__":
    sys.exit(main())
