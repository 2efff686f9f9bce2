"""How much NCP-A costs: its CPU time per transaction as a ratio to the floor, measured in the same run.

Starts one gateway with one worker and the floor (``floor.py``: F1, F2) as processes of their own, each behind mutual
TLS with keep-alive, asks each the same questions over one connection, alternating in rounds, and reads the CPU time of
the server process from the kernel. Also: p50, p95, p99 over that connection, requests per second with several
connections, start-up time, resident memory, peak memory of a large retrieve.

    python benchmarks/bench.py [--quick] [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import xca.query
import xca.retrieve
import xcpd.write
from benchmarks.patients import write_patients
from ncp.cli.demo_files import Country, Playground, write_playground
from ncp.wire import soap
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.times import to_hl7
from ncp.wire.xml import parse
from saml_assertions.claims import Kind
from saml_assertions.issue import Professional, issue_hcp, issue_trc
from saml_assertions.read_claims import Reading, read_hcp
from saml_assertions.rules import VerificationRules
from trust_store.keys import load_key_pair
from xca import facts as xca_facts
from xca.messages import CrossGatewayQuery, DocumentRequest
from xcpd import facts as xcpd_facts
from xcpd.messages import PatientDiscovery, PatientSearch

ROOT = Path(__file__).resolve().parent.parent
PERMISSIONS = frozenset({"PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016"})
MARK = b"urn:uuid:00000000-0000-4000-8000-000000000000"
"""Stands where each request has its own MessageID, of the same length."""


@dataclass
class Question:
    """One kind of request, ready but for its MessageID. Several ``bodies`` differ in their assertions."""

    name: str
    path: str
    content_type: str
    bodies: list[bytes]
    asked: int = 0

    def fresh(self) -> bytes:
        body = self.bodies[self.asked % len(self.bodies)]
        self.asked += 1
        return body.replace(MARK, f"urn:uuid:{uuid.uuid4()}".encode(), 1)


@dataclass
class Measured:
    """CPU microseconds per transaction, and latencies in milliseconds."""

    cpu: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """One kept-alive HTTP connection over mutual TLS, as thin as it can be: the client must not be the bottleneck."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, question: Question) -> tuple[int, str, bytes]:
        body = question.fresh()
        head = (
            f"POST {question.path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {question.content_type}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        headers = received[:end].decode("latin-1")
        length = int(re.search(r"content-length: *(\d+)", headers, re.IGNORECASE).group(1))  # type: ignore[union-attr]
        media = re.search(r"content-type: *([^\r\n]*)", headers, re.IGNORECASE).group(1)  # type: ignore[union-attr]
        content = received[end + 4 :]
        while len(content) < length:
            content += self._more()
        return int(headers.split(" ", 2)[1]), media, bytes(content)

    def _more(self) -> bytes:
        data = self.socket.recv(262144)
        if not data:
            raise SystemExit("the server closed the connection in the middle of an answer")
        return data

    def close(self) -> None:
        self.socket.close()


def cpu_of(pid: int) -> float:
    """Seconds a process has run so far, all threads, from the scheduler's own clock (nanoseconds)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_of(pid: int, field: str) -> float:
    """Megabytes; ``VmRSS`` now, ``VmHWM`` at the highest."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text).group(1)) / 1024  # type: ignore[union-attr]


def measure(port: int, pid: int, context: ssl.SSLContext, question: Question, count: int) -> Measured:
    """``count`` transactions one after the other over one connection."""
    connection = Connection(port, context)
    try:
        for _ in range(min(20, count)):
            connection.ask(question)
        latencies = []
        before = cpu_of(pid)
        for _ in range(count):
            begun = time.perf_counter()
            status, _, _ = connection.ask(question)
            latencies.append((time.perf_counter() - begun) * 1000)
            if status != 200:
                raise SystemExit(f"{question.name}: HTTP {status}")
        return Measured((cpu_of(pid) - before) / count * 1e6, latencies)
    finally:
        connection.close()


def throughput(port: int, context: ssl.SSLContext, question: Question, count: int, connections: int = 4) -> float:
    """Requests per second with several connections at once."""

    def run() -> None:
        connection = Connection(port, context)
        for _ in range(count // connections):
            connection.ask(question)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - begun)


@contextlib.contextmanager
def gateway(country: Country) -> Iterator[tuple[int, float]]:
    """The gateway of ``country``: the pid of its worker, and the seconds it took to be ready."""
    begun = time.perf_counter()
    log = (country.folder / "bench.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "ncp.cli", "serve", "--config", str(country.config)], stdout=log, stderr=log, cwd=ROOT
    )
    try:
        while True:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://{country.health}/health/ready") as answer,
            ):
                if answer.status == 200:
                    break
            if process.poll() is not None or time.perf_counter() - begun > 60:
                raise SystemExit(f"the gateway did not start: see {log.name}")
            time.sleep(0.005)
        ready = time.perf_counter() - begun
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield int(children[0]), ready
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@contextlib.contextmanager
def floor(play: Playground, answer: Path, *, sign: bool) -> Iterator[tuple[int, int]]:
    """The floor, answering with the bytes in ``answer``: its port and pid."""
    pki = play.folder / "pki"
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "floor.py"),
        *("--certificate", str(pki / "hr" / "tls-server.pem"), "--key", str(pki / "hr" / "tls-server.key.pem")),
        *("--trust", str(pki / "fr" / "tls-ca.pem"), "--signer", str(pki / "fr" / "seal.pem")),
        *("--answer", str(answer)),
        *(["--sign"] if sign else []),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Asking:
    """Country B: writes questions about country A's patients, with assertions that its seal signed."""

    def __init__(self, play: Playground) -> None:
        pki = play.folder / "pki" / "fr"
        self.seal = load_key_pair(pki / "seal.pem", pki / "seal.key.pem")
        self.country = CountryCode(play.asking.code)
        self.home = Oid(play.asking.home_community_id)
        self.answering = Oid(play.answering.home_community_id)

    def hcp(self) -> bytes:
        at = datetime.now(UTC)
        who = Professional(
            identifier="899700000001",
            name="Camille Exemple",
            role="221",
            facility_type="Resident Physician",
            locality="Cabinet Exemple",
            authentication_class="urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
            authenticated=at,
            permissions=PERMISSIONS,
        )
        return issue_hcp(who, country=self.country, home=self.home, signer=self.seal, id=f"_{uuid.uuid4()}", at=at)

    def trc(self, hcp: bytes, patient: II) -> bytes:
        at = datetime.now(UTC)
        return issue_trc(
            read_hcp(parse(hcp), Reading(Kind.HCP, VerificationRules(), at, []))[0],
            patient,
            purpose="TREATMENT",
            country=self.country,
            signer=self.seal,
            id=f"_{uuid.uuid4()}",
            at=at,
            patient_attribute="subject-id",
        )

    def discovery(self, name: str, patient: II, assertions: list[list[bytes]]) -> Question:
        body = xcpd.write.write_discovery(
            PatientDiscovery(
                id=II(str(uuid.uuid4()), "1234567890"),
                creation_time=to_hl7(datetime.now(UTC)),
                sender=self.home,
                receiver=self.answering,
                query_id=II(str(uuid.uuid4())),
                search=PatientSearch(identifiers=(patient,)),
            )
        )
        return _question(name, "/services/XCPD_Service", xcpd_facts.ACTION, body, assertions)

    def query(self, name: str, patient: II, assertions: list[list[bytes]]) -> Question:
        body = xca.query.write_query(CrossGatewayQuery(patient, ("60591-5",)))
        return _question(name, "/services/XCA_Service", xca_facts.QUERY_ACTION, body, assertions)

    def retrieve(self, name: str, document: str, assertions: list[list[bytes]]) -> Question:
        body = xca.retrieve.write_retrieve(DocumentRequest(document, self.answering, f"urn:oid:{self.answering}"))
        return _question(name, "/services/XCA_Service", xca_facts.RETRIEVE_ACTION, body, assertions)


def _question(name: str, path: str, action: str, body: bytes, assertions: list[list[bytes]]) -> Question:
    bodies = [
        soap.write_request(body, action=action, message_id=MARK.decode(), to="https://localhost", assertions=each)
        for each in assertions
    ]
    return Question(name, path, soap.SOAP_CONTENT_TYPE(action), bodies)


def questions(play: Playground, ids: dict[str, tuple[str, str]], fresh: int) -> list[Question]:
    """The questions of the benchmark. In those marked "new", ``fresh`` messages carry assertions never seen before."""
    asking = Asking(play)
    patient = II("2.16.840.1.113883.2.7.2.2", "999990011")
    hcp = asking.hcp()
    found = [
        asking.discovery("ITI-55", patient, [[hcp]]),
        asking.query("ITI-38", patient, [[hcp, asking.trc(hcp, patient)]]),
    ]
    if fresh:
        pairs = [[hcp, asking.trc(hcp, patient)] for hcp in (asking.hcp() for _ in range(fresh))]
        found.append(asking.discovery("ITI-55, new assertion", patient, [[hcp] for hcp, _ in pairs]))
        found.append(asking.query("ITI-38, new assertions", patient, pairs))
    for size, (extension, document) in ids.items():
        trc = asking.trc(hcp, II(patient.root, extension))
        found.append(asking.retrieve(f"ITI-39 {size}", document, [[hcp, trc]]))
    return found


def client_context(play: Playground) -> ssl.SSLContext:
    pki = play.folder / "pki"
    context = ssl.create_default_context(cafile=str(pki / "hr" / "tls-ca.pem"))
    context.load_cert_chain(pki / "fr" / "tls-client.pem", pki / "fr" / "tls-client.key.pem")
    return context


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the transactions; ratios are rough")
    parser.add_argument("--write", type=Path, help="put the result table into this page, between its two marks")
    options = parser.parse_args()
    share = 10 if options.quick else 1
    tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ncp-bench-") as folder:
        tell("preparing two countries, patients and documents")
        patients = Path(folder) / "patients"
        ids = write_patients(patients)
        play = write_playground(Path(folder) / "play", datetime.now(UTC), mode="acceptance", patients=patients)
        context = client_context(play)
        with gateway(play.answering) as (pid, ready):
            port = play.answering.server.port
            idle = memory_of(pid, "VmRSS")
            rows: list[str] = []
            for question in questions(play, ids, fresh=2400 // share):
                large = "MB" in question.name
                usual = 200 if "10 MB" in question.name else 400 if large else 600 if "new" in question.name else 3000
                count = max(20, usual // share)
                rounds = 5
                tell(f"{question.name}: {rounds} rounds of {count // rounds}, gateway and floor in turn")
                connection = Connection(port, context)
                status, media, content = connection.ask(question)
                connection.close()
                if status != 200 or b"Failure" in content[:4000]:
                    raise SystemExit(f"{question.name}: refused: {content[:2000]!r}")
                answer = Path(folder) / "answer"
                answer.write_bytes(content)
                Path(f"{answer}.type").write_text(media)
                measured: dict[str, list[Measured]] = {"gateway": [], "F1": [], "F2": []}
                with floor(play, answer, sign=False) as first, floor(play, answer, sign=True) as second:
                    places = {"gateway": (port, pid), "F1": first, "F2": second}
                    for _ in range(rounds):
                        for name, (at_port, of_pid) in places.items():
                            measured[name].append(measure(at_port, of_pid, context, question, count // rounds))
                cpu = {name: statistics.median(each.cpu for each in runs) for name, runs in measured.items()}
                ratios = [a.cpu / b.cpu for a, b in zip(measured["gateway"], measured["F1"], strict=True)]
                over_sign = [a.cpu / b.cpu for a, b in zip(measured["gateway"], measured["F2"], strict=True)]
                together = Measured(0, [value for run in measured["gateway"] for value in run.latencies])
                rate = throughput(port, context, question, count)
                rows.append(
                    f"| {question.name} | {cpu['gateway']:.0f} | {cpu['F1']:.0f} | {cpu['F2']:.0f} "
                    f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                    f"| {statistics.median(over_sign):.2f} "
                    f"| {together.percentile(0.5):.2f} | {together.percentile(0.95):.2f} "
                    f"| {together.percentile(0.99):.2f} | {rate:.0f} |"
                )
                tell(rows[-1])
            busy = memory_of(pid, "VmRSS")
        peaks = []
        for size in ids:
            with gateway(play.answering) as (pid, _):
                question = next(each for each in questions(play, ids, fresh=0) if each.name == f"ITI-39 {size}")
                small = next(each for each in questions(play, ids, fresh=0) if each.name == "ITI-55")
                connection = Connection(play.answering.server.port, context)
                connection.ask(small)
                base = memory_of(pid, "VmHWM")
                _, _, content = connection.ask(question)
                connection.close()
                grown = memory_of(pid, "VmHWM") - base
                peaks.append(
                    f"| ITI-39 {size} | {len(content) / 2**20:.2f} | {grown:.1f} | "
                    f"{grown / (len(content) / 2**20):.1f} |"
                )
        lines += [
            f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {sys.version.split()[0]}; one worker, one connection "
            "for CPU and latency, four for the rate.",
            "",
            "| transaction | gateway CPU µs | F1 µs | F2 µs | gateway / F1 (range of rounds) | gateway / F2 | p50 ms "
            "| p95 ms | p99 ms | per second |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Ready after {ready:.2f} s. Resident memory of the worker: {idle:.0f} MB when ready, {busy:.0f} MB after "
            "all of the above.",
            "",
            "| retrieve | answer MB | peak memory it added, MB | times its size |",
            "|---|---|---|---|",
            *peaks,
        ]
    table = "\n".join(lines)
    print(table)
    if options.write:
        page = options.write.read_text()
        begin, end = "<!-- measured -->", "<!-- end -->"
        before, after = page.split(begin)[0], page.split(end)[1]
        options.write.write_text(f"{before}{begin}\n{table}\n{end}{after}")


if __name__ == "__main__":
    main()
