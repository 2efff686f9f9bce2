"""Programs that stop, are stopped, or come again while a professional works: what is told, and that it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.web import PATIENT, Stack, Visitor, stack

pytestmark = [pytest.mark.xdist_group("portal"), pytest.mark.attack]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(Path(tmp_path_factory.mktemp("processes"))) as found:
        yield found


@pytest.fixture
def doctor(running: Stack) -> Iterator[Visitor]:
    with Visitor(running.url) as found:
        found.log_in()
        assert found.path == "/search"
        yield found


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text(encoding="ascii").split()]
    return found


def process(config: Path) -> int:
    """The program that was started with this configuration."""
    for pid in children(os.getpid()):
        if str(config) in Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0"):
            return pid
    raise AssertionError(f"nothing runs with {config}")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A program and its workers that neither answer nor refuse."""
    pids = [pid, *children(pid)]
    for each in pids:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in pids:
            os.kill(each, signal.SIGCONT)


def end(pid: int, number: int) -> None:
    """Ends a program and its workers, and awaits that."""
    workers = children(pid)
    os.kill(pid, number)
    if number == signal.SIGKILL:
        for each in workers:
            os.kill(each, number)
    until = time.monotonic() + 25
    while time.monotonic() < until:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text(encoding="utf-8").rpartition(") ")[2].startswith("Z"):
            return
        time.sleep(0.05)
    raise AssertionError("it does not end")


@contextmanager
def again(module: str, config: Path, url: str) -> Iterator[None]:
    """The same program once more, until the block ends."""
    with config.with_suffix(".again.log").open("wb") as log:
        one = subprocess.Popen([sys.executable, "-m", module, "serve", "--config", str(config)], stdout=log, stderr=log)
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                try:
                    if httpx.get(url, trust_env=False).status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.1)
            yield
        finally:
            one.terminate()
            one.wait(30)


def test_a_question_that_takes_long_is_shown_cancelled_and_asked_again(running: Stack, doctor: Visitor) -> None:
    doctor.choose()
    names = doctor.page.text.split('<input type="text"')[1].split('name="')[1].split('"')[0]
    with stopped(process(running.playground.answering.config)):
        doctor.post(f"{doctor.at}/traits", **{names: PATIENT})
        assert doctor.path.endswith("/waiting") and 'http-equiv="refresh"' in doctor.page.text
        fragment = doctor.http.get(running.url + f"{doctor.at}/progress", headers={"HX-Request": "true"})
        assert fragment.status_code == 200 and "<html" not in fragment.text
        doctor.post(f"{doctor.at}/cancel")
        assert doctor.path.endswith("/outcome")
    doctor._await(doctor.post(f"{doctor.at}/retry"))
    assert doctor.path.endswith("/identity"), doctor.text


def test_a_gateway_killed_in_the_middle_of_a_question_is_told_and_comes_back(running: Stack, doctor: Visitor) -> None:
    asking = running.playground.asking
    doctor.choose()
    at = doctor.at
    names = doctor.page.text.split('<input type="text"')[1].split('name="')[1].split('"')[0]
    with stopped(process(running.playground.answering.config)):
        doctor.post(f"{at}/traits", **{names: PATIENT})
        assert doctor.path.endswith("/waiting")
        end(process(asking.config), signal.SIGKILL)
        began = time.monotonic()
        doctor._await(doctor.page)
        assert doctor.path == f"{at}/outcome" and time.monotonic() - began < 30
    # Nothing can be asked, and every page says so in words; the portal itself is there.
    for path in ("/", "/search"):
        time.sleep(0.1)
        page = doctor.get(path)
        assert page.status_code in (200, 503) and "<h1" in page.text and "Traceback" not in page.text
    assert httpx.get(running.url + "/health/live", trust_env=False).status_code == 200
    ready = httpx.get(running.url + "/health/ready", trust_env=False)
    assert ready.status_code == 503, "the answers that are kept run out in seconds, and then it is told"
    with again("ncp.cli", asking.config, f"http://{asking.health}/health/ready"):
        doctor.get(f"{at}/outcome")
        doctor._await(doctor.post(f"{at}/retry"))
        assert doctor.path == f"{at}/identity", doctor.text
        doctor.consult()
        assert doctor.path == f"{at}/summary" and "Šimić" in doctor.text
        _provider_down(running)
        _portal_ends_gracefully(running, doctor)


def _provider_down(running: Stack) -> None:
    """A login while the provider does not answer is told as that; who is logged in works on."""
    with Visitor(running.url) as late:
        answer = late.http.post(running.url + "/login", data={"terms": "on"}, follow_redirects=False)
        with stopped(process(running.playground.asking.folder / "portal" / "provider.toml")):
            began = time.monotonic()
            page = late.get(
                "/login/callback?code=x&state=" + answer.headers["location"].split("state=")[1].split("&")[0]
            )
            assert page.status_code == 403 and time.monotonic() - began < 25
            assert "AUTH_UNAVAILABLE" in page.text
    assert '"request.failed"' not in running.log.read_text(encoding="utf-8")


def _portal_ends_gracefully(running: Stack, doctor: Visitor) -> None:
    """SIGTERM while a question runs: it ends in seconds; started again, it says why nobody is logged in."""
    config = running.playground.asking.folder / "portal" / "portal.toml"
    doctor.choose()
    names = doctor.page.text.split('<input type="text"')[1].split('name="')[1].split('"')[0]
    answers: list[int] = []
    with stopped(process(running.playground.answering.config)):
        doctor.post(f"{doctor.at}/traits", **{names: PATIENT})
        assert doctor.path.endswith("/waiting")

        def look() -> None:
            try:
                answers.append(doctor.http.get(running.url + f"{doctor.at}/progress").status_code)
            except httpx.HTTPError:
                answers.append(0)

        looking = threading.Thread(target=look)
        looking.start()
        time.sleep(0.3)
        began = time.monotonic()
        end(process(config), signal.SIGTERM)
        assert time.monotonic() - began < 20
        looking.join(20)
        assert answers and answers[0] in (0, 200), "the page that was awaited is answered or cut off"
    with again("ncp_portal", config, running.url + "/health/live"):
        page = doctor.get("/search")
        assert page.url.path == "/session-ended" and "Šimić" not in page.text
        doctor.log_in()
        assert doctor.path == "/search"
