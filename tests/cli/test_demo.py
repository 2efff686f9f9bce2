"""The demonstration and the commands that ask other countries, against real gateways of two countries."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from ncp.cli.demo_story import NOBODY, PATIENT, WITHOUT_CONSENT
from ncp.cli.demo_web import PORTAL_PORT
from tests.support.web import Visitor

ROOT = Path(__file__).resolve().parents[2]
MBO = "2.16.840.1.113883.2.7.2.2"
PERSONAL = (
    PATIENT,
    NOBODY,
    WITHOUT_CONSENT,
    "Šimić",
    "Đurđević",
    "Željka",
    "19790423",
    "1979-04-23",
    "Exemple",
    "8997000",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("demo")]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NCP_")}
    sources = ("ncp_client/src", "portal/src", "portal/identity_provider/src")
    paths = [str(ROOT), *(str(ROOT / source) for source in sources), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in paths if path), "COLUMNS": "120"}


def _ncp(*arguments: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ncp.cli", *arguments],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _processes_of(folder: Path) -> list[str]:
    """Command lines that name a folder; what the demonstration started does."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line and " serve " in line:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(folder: Path) -> subprocess.CompletedProcess[str]:
    return _ncp("demo", "--out", str(folder), "--json")


def test_the_demo_plays_the_whole_consultation(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert played.returncode == 0, played.stderr
    told = json.loads(played.stdout)
    crossed = [step["transaction"] for step in told["steps"] if "transaction" in step]
    assert crossed == ["ITI-55", "ITI-38", "ITI-39", "ITI-39", "ITI-55", "ITI-55"]
    answers = {step["title"]: dict(step["answered"]) for step in told["steps"]}
    assert answers["Who is the patient?"]["name"] == "Željka Ana Šimić-Đurđević"
    assert answers["A number that nobody has"]["found"].startswith("nobody")
    assert answers["A patient who did not allow it at home"]["refused"] == "WARNING_PI_NO_CONSENT"


def test_the_demo_leaves_documents_report_and_messages(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    summary = etree.parse(folder / "documents" / "patient-summary.xml").getroot()
    assert summary.tag == "{urn:hl7-org:v3}ClinicalDocument"
    assert (folder / "documents" / "patient-summary-original.pdf").read_bytes().startswith(b"%PDF-")
    assert "Šimić" in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "report.md").is_file()
    messages = sorted(path.name for path in (folder / "gateways" / "HR" / "messages").iterdir())
    assert sum("request" in name for name in messages) == 6
    assert sum("answer" in name for name in messages) == 6
    sent = sorted(path.name for path in (folder / "gateways" / "FR" / "messages").iterdir())
    assert sum("outgoing-request" in name for name in sent) == 6
    assert sum("incoming-answer" in name for name in sent) == 6


def test_every_link_of_the_report_leads_to_a_file(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    page = etree.fromstring((folder / "report.html").read_bytes(), etree.HTMLParser(encoding="utf-8"))
    links = [str(link) for link in page.xpath("//a/@href")]
    assert len(links) > 10
    assert not [link for link in links if not (folder / link).is_file()]


def test_the_demo_ends_by_telling_of_the_web_portal(played: subprocess.CompletedProcess[str]) -> None:
    assert "make demo-up" in played.stderr
    assert f"http://localhost:{PORTAL_PORT}" in played.stderr


def test_the_demo_leaves_nothing_running(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert _processes_of(folder) == []


def test_the_logs_of_both_gateways_name_no_person(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    for country in ("HR", "FR"):
        log = (folder / "gateways" / country / "gateway.log").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in log.splitlines()]
        assert any(line["event"] == "transaction" for line in lines)
        assert not any("dropped" in line for line in lines)
        assert not [word for word in PERSONAL if word in log or json.dumps(word)[1:-1] in log]


def test_the_captured_messages_are_read_and_their_assertions_verified(
    played: subprocess.CompletedProcess[str], folder: Path
) -> None:
    messages = sorted((folder / "gateways" / "HR" / "messages").iterdir())
    trust = folder / "gateways" / "HR" / "trust"
    done = _ncp("read", *map(str, messages), "--trust", str(trust))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    requests = [entry for entry in found if entry["kind"].endswith("request")]
    assert len(requests) == 6
    assert all(entry["assertions"]["is_verified"] and entry["assertions"]["country"] == "FR" for entry in requests)


@pytest.mark.parametrize(
    ("arguments", "says"), [(("--country", "XX", "--up"), "one of FR, IE"), (("--country", "IE"), "add --up")]
)
def test_a_country_that_cannot_ask_is_refused_before_anything_is_made(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = _ncp("demo", "--out", str(tmp_path / "new"), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "new").exists()


class Running:
    """``ncp demo --up`` in the background."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = str(folder / "gateways" / "FR" / "ncp.toml")
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "ncp.cli", "demo", "--out", str(folder), "--up"],
            cwd=ROOT,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C stops everything" in line:
                return
        pytest.fail(f"it did not come up: {self.said}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def up(played: subprocess.CompletedProcess[str], folder: Path) -> Iterator[Running]:
    """Behind the demonstration, whose certificates it uses again. The portal's usual port is taken meanwhile."""
    with socket.socket() as taken:
        # Somebody else may have it already, which is as good.
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", PORTAL_PORT))
        running = Running(folder)
        yield running
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def test_the_countries_are_listed(up: Running) -> None:
    done = _ncp("countries", "--config", up.config, "--language", "fr-FR", "--json")
    assert done.returncode == 0, done.stderr
    (croatia,) = json.loads(done.stdout)
    assert (croatia["code"], croatia["name"], croatia["services"]) == ("HR", "Croatie", ["PS"])


def test_a_patient_is_found_by_the_number_the_country_asks_for(up: Running) -> None:
    done = _ncp("patient", "find", "hr", "--id", PATIENT, "--config", up.config, "--json")
    assert done.returncode == 0, done.stderr
    (patient,) = json.loads(done.stdout)
    assert (patient["root"], patient["extension"]) == (MBO, PATIENT)
    assert patient["family"] == "Šimić-Đurđević"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "give the details"),
        (("--id", NOBODY), 3, "nobody found in HR"),
        (("--id", WITHOUT_CONSENT), 1, "ncp explain WARNING_PI_NO_CONSENT"),
        (("--id", "no=1"), 2, "no: unknown"),
        (("--family", "Horvat"), 2, "does not ask for family"),
        (("--id", "12"), 1, "ncp explain ERROR_PI_INCORRECT_FORMATTING"),
    ],
)
def test_a_search_without_result_says_why_and_its_exit_code_tells(
    up: Running, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = _ncp("patient", "find", "HR", *arguments, "--config", up.config)
    assert done.returncode == code, done.stderr
    assert says in done.stderr


def test_documents_are_listed_and_fetched_with_consent_only(up: Running, tmp_path: Path) -> None:
    patient = ("HR", MBO, PATIENT, "--config", up.config)
    refused = _ncp("documents", "list", *patient)
    assert refused.returncode == 2
    assert "--consented or --emergency" in refused.stderr
    listed = _ncp("documents", "list", *patient, "--consented", "--json")
    assert listed.returncode == 0, listed.stderr
    (pair,) = json.loads(listed.stdout)
    assert pair["structured"]["class_code"] == pair["original"]["class_code"] == "60591-5"
    fetched = _ncp("documents", "get", *patient, "--emergency", "-o", str(tmp_path / "summary.xml"))
    assert fetched.returncode == 0, fetched.stderr
    assert etree.parse(tmp_path / "summary.xml").getroot().tag == "{urn:hl7-org:v3}ClinicalDocument"
    original = _ncp("documents", "get", *patient, "--consented", "--original", "-o", str(tmp_path / "summary.pdf"))
    assert original.returncode == 0, original.stderr
    assert (tmp_path / "summary.pdf").read_bytes().startswith(b"%PDF-")
    absent = _ncp("documents", "get", *patient, "--consented", "--document", "1.2.3", "-o", str(tmp_path / "x"))
    assert absent.returncode == 3
    assert not (tmp_path / "x").exists()


def test_a_portal_that_the_gateway_does_not_know_is_refused(up: Running) -> None:
    pki = up.folder / "gateways" / "pki"
    for name, says in (("fr/tls-client", "does not know this certificate"), ("hr/portal", "no answer")):
        keys = ("--certificate", str(pki / f"{name}.pem"), "--key", str(pki / f"{name}.key.pem"))
        done = _ncp("countries", "--config", up.config, *keys)
        assert done.returncode == 1
        assert says in done.stderr


def test_a_gateway_that_is_not_there_is_said_so(up: Running) -> None:
    done = _ncp("countries", "--config", up.config, "--url", "https://127.0.0.1:9", "--timeout", "5")
    assert done.returncode == 1
    assert "https://127.0.0.1:9: no answer" in done.stderr


def test_who_does_what_was_printed_reads_a_summary_in_french(up: Running) -> None:
    """Nothing is known here but what the terminal said; a port of the usual ones was taken."""
    told = {label: _told(up, label) for label in ("open", "log in as", "country", "number")}
    assert told["open"] != f"http://localhost:{PORTAL_PORT}"
    with Visitor(told["open"]) as visitor:
        answer = visitor.http.post(told["open"] + "/login", data={"terms": "on"}, follow_redirects=False)
        page = visitor.http.get(answer.headers["location"]).text
        (person,) = re.findall(rf'name="person" value="([^"]+)"[^>]*><bdi>{re.escape(told["log in as"])}<', page)
        visitor.log_in(person)
        visitor.get("/search")
        (code,) = re.findall(rf'value="(\w\w)"(?:(?!<input).)*?{re.escape(told["country"])}', visitor.page.text, re.S)
        visitor.choose(code)
        visitor.find(told["number"])
        visitor.consult()
        assert visitor.path.endswith("/summary")
        assert "Synthèse médicale" in visitor.text and "Šimić-Đurđević" in visitor.text


def _told(up: Running, label: str) -> str:
    (line,) = re.findall(rf"^  {label} +(.+)$", up.said, re.M)
    return str(line)


def test_the_logs_of_portal_and_provider_name_no_person(up: Running) -> None:
    for name in ("portal.log", "provider.log"):
        log = (up.folder / "gateways" / "FR" / "portal" / name).read_text(encoding="utf-8")
        assert not [word for word in (*PERSONAL, "GÉNÉRALISTE") if word in log or json.dumps(word)[1:-1] in log]


def test_ctrl_c_ends_every_program_and_is_no_failure(up: Running) -> None:
    """The last test that uses the running programs."""
    assert len(_processes_of(up.folder)) >= 4
    assert "Gateway(" in up.said
    assert up.end(signal.SIGINT) == 0
    assert _processes_of(up.folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_half_way_leaves_nothing_running(
    played: subprocess.CompletedProcess[str], folder: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ncp.cli", "demo", "--out", str(folder)],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(_processes_of(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(60) == 130
    assert _processes_of(folder) == []
