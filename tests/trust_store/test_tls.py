"""Real handshakes with the contexts: who gets in, who does not, and when the other side learns of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ncp.wire.ids import CountryCode
from tests.support.certificates import (
    CLIENT_AUTH,
    SERVER_AUTH,
    Made,
    ec_key,
    make,
    make_ca,
    make_tls,
    name,
    rsa_key,
    write_folder,
)
from trust_store.keys import KeyPair
from trust_store.store import TrustStore
from trust_store.tls import (
    PeerCertificateRefused,
    TlsRefused,
    check_server,
    client_context,
    front_end_context,
    server_context,
)
from trust_store.types import CertificateRefused

FR, HR = CountryCode("FR"), CountryCode("HR")
NOW = datetime.now(UTC)  # OpenSSL looks at the real clock
DATES = {"begin": NOW - timedelta(days=1), "end": NOW + timedelta(days=30)}
CA_DATES = {"begin": NOW - timedelta(days=10), "end": NOW + timedelta(days=300)}
PAST = {"begin": NOW - timedelta(days=9), "end": NOW - timedelta(days=8)}
HOST = "ncp.fr.example"

FR_CA = make_ca("FR TLS", key=rsa_key("fr ca"), **CA_DATES)
HR_CA = make_ca("HR TLS", "HR", key=rsa_key("hr ca"), **CA_DATES)
STRANGE_CA = make_ca("FR TLS", key=rsa_key("strange ca"), **CA_DATES)

FR_SERVER = make_tls(FR_CA, "FR", host=HOST, extended=(SERVER_AUTH,), key=rsa_key("server"), **DATES)
HR_CLIENT = make_tls(HR_CA, "HR", host="ncp.hr.example", extended=(CLIENT_AUTH,), key=rsa_key("client"), **DATES)


def now() -> datetime:
    return NOW


def pair(made: Made, *chain: Made) -> KeyPair:
    return KeyPair(made.key, made.certificate, tuple(link.certificate for link in chain))


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    """Both gateways of the tests trust the same anchors."""
    trusted = {
        (cc, purpose): [ca] for cc, ca in (("fr", FR_CA), ("hr", HR_CA)) for purpose in ("tls-server", "tls-client")
    }
    return TrustStore.load(write_folder(tmp_path_factory.mktemp("trust"), trusted))


def load(folder: Path, **purposes: list[Made]) -> TrustStore:
    """French trust only: tls_server=[...], tls_client=[...]."""
    return TrustStore.load(
        write_folder(folder, {("fr", key.replace("_", "-")): made for key, made in purposes.items()})
    )


class Talk:
    """One handshake in memory, and a request that follows it, byte by byte between two real TLS engines."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(to_client, to_server, server_hostname=host)
        self.server = server.wrap_bio(to_server, to_client, server_side=True)
        self.client_error: ssl.SSLError | None = None
        self.server_error: ssl.SSLError | None = None
        self.request = b""
        client_done = server_done = False
        for _ in range(20):
            if not client_done and self.client_error is None:
                client_done, self.client_error = self._step(self.client)
                if client_done:
                    self.client.write(b"patient data")
            if not server_done and self.server_error is None:
                server_done, self.server_error = self._step(self.server)
        if client_done and server_done:
            self.request = self.server.read(100)

    @staticmethod
    def _step(side: ssl.SSLObject) -> tuple[bool, ssl.SSLError | None]:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            return False, None
        except ssl.SSLError as error:
            return False, error
        return True, None

    @property
    def ok(self) -> bool:
        return self.request == b"patient data"


def plain_client(made: Made | None = HR_CLIENT, trusted: Made = FR_CA, **settings: object) -> ssl.SSLContext:
    """A client that is not ours, as lax as one can be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(str(settings.pop("ciphers", "ALL:@SECLEVEL=0")))
    if made:
        present(context, made)
    for key, value in settings.items():
        setattr(context, key, value)
    return context


def plain_server(made: Made) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    present(context, made)
    return context


def present(context: ssl.SSLContext, made: Made) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(made.key_pem + made.pem)
        file.flush()
        context.load_cert_chain(file.name)


# -- both ends ours ---------------------------------------------------------------------------------------------------


def test_two_gateways_talk_over_tls_1_3_and_learn_each_others_country(trust) -> None:
    talk = Talk(client_context(pair(HR_CLIENT), trust, FR, now), server_context(pair(FR_SERVER), trust))
    assert talk.ok
    assert talk.client.version() == "TLSv1.3"
    peer = trust.tls_peer(talk.server.getpeercert(binary_form=True) or b"", NOW)
    assert (peer.country, peer.fingerprint) == ("HR", HR_CLIENT.fingerprint)


def test_ec_certificates_as_a_jvm_makes_them_are_accepted_on_both_ends(trust) -> None:
    server = make_tls(FR_CA, host=HOST, key=ec_key("server", "secp384r1"), **DATES)
    client = make_tls(HR_CA, "HR", key=ec_key("client"), **DATES)
    talk = Talk(client_context(pair(client), trust, FR, now), server_context(pair(server), trust))
    assert talk.ok
    assert trust.tls_peer(client.der, NOW).country == "HR"


def test_the_intermediates_of_our_chain_are_sent(tmp_path) -> None:
    middle = make_ca("FR issuing", issuer=FR_CA, key=rsa_key("middle"), **CA_DATES)
    server = make_tls(middle, host=HOST, **DATES)
    context = server_context(pair(server, middle), load(tmp_path, tls_client=[FR_CA]))
    lax = plain_client(make_tls(FR_CA, host="client", **DATES), verify_mode=ssl.CERT_REQUIRED)
    lax.load_verify_locations(cadata=FR_CA.der)
    assert Talk(lax, context).ok


# -- the server's door ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def door(trust) -> ssl.SSLContext:
    return server_context(pair(FR_SERVER), trust)


def test_a_client_without_a_certificate_is_refused(door) -> None:
    talk = Talk(plain_client(None), door)
    assert not talk.ok
    assert "peer did not return a certificate" in str(talk.server_error)


@pytest.mark.parametrize(
    "client",
    [
        make_tls(STRANGE_CA, "HR", **DATES),
        make_tls(None, "HR", **DATES),
        make_tls(HR_CA, "HR", **PAST),
        make_tls(HR_CA, "HR", extended=(SERVER_AUTH,), **DATES),
        make_tls(HR_CA, "HR", key=rsa_key("short", 1024), **DATES),
    ],
    ids=["wrong CA", "self-signed", "expired", "server certificate", "RSA 1024"],
)
def test_a_client_certificate_that_is_not_trusted_is_refused_in_the_handshake(door, client) -> None:
    talk = Talk(plain_client(client), door)
    assert not talk.ok
    assert talk.server_error is not None


def test_a_client_of_a_country_that_is_not_configured_passes_the_outer_door_and_no_further(door, trust) -> None:
    client = make_tls(HR_CA, "DK", **DATES)
    talk = Talk(plain_client(client), door)
    assert talk.ok
    with pytest.raises(CertificateRefused, match=r"cert\.untrusted"):
        trust.tls_peer(talk.server.getpeercert(binary_form=True) or b"", NOW)


def test_a_pinned_client_needs_no_ca(tmp_path) -> None:
    pinned, other = make_tls(None, **DATES), make_tls(None, **DATES)
    trust = load(tmp_path, tls_client=[pinned])
    context = server_context(pair(FR_SERVER), trust)
    assert Talk(plain_client(pinned), context).ok
    assert trust.tls_peer(pinned.der, NOW).country == "FR"
    assert not Talk(plain_client(other), context).ok


def test_a_client_pinned_without_its_ca_is_let_in_alone(tmp_path) -> None:
    pinned, sibling = make_tls(FR_CA, **DATES), make_tls(FR_CA, **DATES)
    context = server_context(pair(FR_SERVER), load(tmp_path, tls_client=[pinned]))
    assert Talk(plain_client(pinned), context).ok
    assert not Talk(plain_client(sibling), context).ok


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_are_refused(door, version) -> None:
    client = plain_client(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=version)
    talk = Talk(client, door)
    assert not talk.ok
    assert "UNSUPPORTED_PROTOCOL" in str(talk.server_error)


@pytest.mark.parametrize(
    "cipher",
    [
        "AES128-GCM-SHA256",
        "AES256-SHA256",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA",
        "DHE-RSA-AES128-GCM-SHA256",
    ],
)
def test_suites_without_forward_secrecy_or_with_cbc_are_refused(door, cipher) -> None:
    client = plain_client(maximum_version=ssl.TLSVersion.TLSv1_2, ciphers=f"{cipher}:@SECLEVEL=0")
    talk = Talk(client, door)
    assert not talk.ok
    assert "NO_SHARED_CIPHER" in str(talk.server_error)


@pytest.mark.parametrize(
    "cipher", ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]
)
def test_the_suites_of_the_profile_work_over_tls_1_2(door, cipher) -> None:
    talk = Talk(plain_client(maximum_version=ssl.TLSVersion.TLSv1_2, ciphers=cipher), door)
    assert talk.ok
    assert talk.client.cipher()[0] == cipher  # type: ignore[index]


def test_the_legacy_profile_adds_dhe_and_nothing_else(trust) -> None:
    door = server_context(pair(FR_SERVER), trust, legacy=True)
    names = {cipher["name"] for cipher in door.get_ciphers() if cipher["protocol"] == "TLSv1.2"}
    strict = {c["name"] for c in server_context(pair(FR_SERVER), trust).get_ciphers() if c["protocol"] == "TLSv1.2"}
    assert names - strict == {"DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_ticket_is_given_and_renegotiation_and_compression_are_off(door, version) -> None:
    talk = Talk(plain_client(minimum_version=version, maximum_version=version), door)
    assert talk.ok
    assert talk.client.session is None or not talk.client.session.has_ticket
    assert talk.server.compression() is None
    assert door.options & ssl.OP_NO_RENEGOTIATION


def test_a_resumed_session_still_shows_the_client_certificate(door, trust) -> None:
    """TLS 1.2 session ids cannot be switched off from Python; what matters is that the peer is judged again."""
    client = plain_client(maximum_version=ssl.TLSVersion.TLSv1_2)
    first = Talk(client, door)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    again = client.wrap_bio(to_client, to_server, server_hostname=HOST, session=first.client.session)
    server = door.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for side in (again, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert trust.tls_peer(server.getpeercert(binary_form=True) or b"", NOW).country == "HR"


def test_a_server_that_trusts_no_client_is_not_started(tmp_path) -> None:
    with pytest.raises(TlsRefused, match="tls-client"):
        server_context(pair(FR_SERVER), load(tmp_path, tls_server=[FR_CA]))


# -- calls to a country -----------------------------------------------------------------------------------------------


def call(trust: TrustStore, server: Made, host: str = HOST, country: CountryCode = FR, **more: bool) -> Talk:
    return Talk(client_context(pair(HR_CLIENT), trust, country, now, **more), plain_server(server), host)


def test_the_certificate_of_the_right_country_and_host_is_accepted(trust) -> None:
    assert call(trust, FR_SERVER).ok


@pytest.mark.parametrize(
    ("server", "host"),
    [
        (make_tls(STRANGE_CA, host=HOST, **DATES), HOST),
        (make_tls(None, host=HOST, **DATES), HOST),
        (make_tls(FR_CA, host=HOST, **PAST), HOST),
        (make_tls(FR_CA, host="other.fr.example", **DATES), HOST),
        (make_tls(FR_CA, host=HOST, alternative=None, **DATES), HOST),
        (make_tls(FR_CA, host=HOST, extended=(CLIENT_AUTH,), **DATES), HOST),
        (make_tls(HR_CA, "HR", host=HOST, **DATES), HOST),
        (make_tls(HR_CA, "FR", host=HOST, **DATES), HOST),
    ],
    ids=["wrong CA", "self-signed", "expired", "host name", "no SAN", "client certificate", "country", "country's CA"],
)
def test_any_other_server_gets_no_byte_of_the_request(trust, server, host) -> None:
    talk = call(trust, server, host)
    assert isinstance(talk.client_error, ssl.SSLError)
    assert not talk.request


def test_a_server_of_another_country_under_a_shared_ca_is_refused_by_our_own_check(tmp_path) -> None:
    write_folder(tmp_path, {(cc, "tls-server"): [FR_CA] for cc in ("fr", "hr")})
    talk = call(TrustStore.load(tmp_path), make_tls(FR_CA, "HR", host=HOST, **DATES))
    assert isinstance(talk.client_error, PeerCertificateRefused)
    assert talk.client_error.refused_reason == talk.client_error.verify_message == "cert.country"
    assert not talk.request


def test_the_common_name_counts_only_when_asked_for_and_only_without_alternative_names(trust) -> None:
    bare = make_tls(FR_CA, host=HOST, alternative=None, **DATES)
    assert not call(trust, bare).ok
    assert call(trust, bare, cn_fallback=True).ok
    assert not call(trust, bare, "other.fr.example", cn_fallback=True).ok
    other = make(name(HOST, "FR"), issuer=FR_CA, alternative=("other.fr.example",), **DATES)  # type: ignore[arg-type]
    assert not call(trust, other, cn_fallback=True).ok


def test_an_address_is_matched_as_an_address(trust) -> None:
    local = make_tls(FR_CA, host="127.0.0.1", **DATES)
    assert call(trust, local, "127.0.0.1").ok
    assert not call(trust, local, "127.0.0.2").ok


def test_a_pinned_server_is_accepted_whatever_its_name_and_nothing_else_is(tmp_path) -> None:
    pinned = make_tls(None, host="wrong.example", **DATES)
    trust = load(tmp_path, tls_server=[pinned, FR_CA])
    assert call(trust, pinned).ok
    talk = call(trust, FR_SERVER)  # under the anchor, right host, but not the pin
    assert not talk.ok
    assert isinstance(talk.client_error, ssl.SSLError)


def test_a_pin_matches_the_whole_certificate_not_its_subject(tmp_path) -> None:
    pinned, twin = make_tls(None, host=HOST, **DATES), make_tls(None, host=HOST, **DATES)
    assert not call(load(tmp_path, tls_server=[pinned]), twin).ok


def test_an_expired_pin_is_refused(tmp_path) -> None:
    expired = make_tls(None, host=HOST, **PAST)
    assert not call(load(tmp_path, tls_server=[expired]), expired).ok


def test_check_server_is_available_for_other_transports(trust, tmp_path) -> None:
    assert check_server(FR_SERVER.der, trust, FR, NOW).country == "FR"
    for der in (None, b"", HR_CLIENT.der):
        with pytest.raises(PeerCertificateRefused):
            check_server(der, trust, FR, NOW)
    pinned = load(tmp_path, tls_server=[make_tls(None, **DATES), FR_CA])
    with pytest.raises(PeerCertificateRefused, match=r"cert\.untrusted"):
        check_server(FR_SERVER.der, pinned, FR, NOW)


def test_a_call_to_a_country_without_trust_is_not_prepared(trust) -> None:
    with pytest.raises(TlsRefused, match="dk/tls-server"):
        client_context(pair(HR_CLIENT), trust, CountryCode("DK"), now)


def shared_ca_trust(folder: Path) -> tuple[TrustStore, Made]:
    """A server that passes OpenSSL's checks and fails ours: right CA, right host, another country."""
    write_folder(folder, {("fr", "tls-server"): [FR_CA]})
    return TrustStore.load(folder), make_tls(FR_CA, "HR", host="localhost", **DATES)


def serve_once(server: Made) -> tuple[int, list[bytes], threading.Thread]:
    """A blocking TLS server on a real socket that notes what it is sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def work() -> None:
        with listener:
            connection, _ = listener.accept()
            connection.settimeout(5)
            try:
                with plain_server(server).wrap_socket(connection, server_side=True) as tls:
                    got.append(tls.recv(100))
            except OSError:
                got.append(b"")

    thread = threading.Thread(target=work)
    thread.start()
    return listener.getsockname()[1], got, thread


@pytest.mark.parametrize("trusted", [True, False])
def test_blocking_sockets_are_judged_before_anything_is_sent(tmp_path, trusted) -> None:
    trust, stranger = shared_ca_trust(tmp_path)
    server = make_tls(FR_CA, host="localhost", **DATES) if trusted else stranger
    port, got, thread = serve_once(server)
    context = client_context(pair(HR_CLIENT), trust, FR, now)
    with socket.create_connection(("127.0.0.1", port)) as raw:
        if trusted:
            with context.wrap_socket(raw, server_hostname="localhost") as tls:
                tls.sendall(b"patient data")
        else:
            with pytest.raises(PeerCertificateRefused):
                context.wrap_socket(raw, server_hostname="localhost")
    thread.join()
    assert got == ([b"patient data"] if trusted else [b""])


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_event_loops_are_judged_before_anything_is_sent(tmp_path, trusted, loop) -> None:
    new_loop = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    trust, stranger = shared_ca_trust(tmp_path)
    port, got, thread = serve_once(make_tls(FR_CA, host="localhost", **DATES) if trusted else stranger)
    context = client_context(pair(HR_CLIENT), trust, FR, now)

    async def talk() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.write(b"patient data")
        await writer.drain()
        writer.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        if trusted:
            runner.run(talk())
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                runner.run(talk())
    thread.join()
    assert got == ([b"patient data"] if trusted else [b""])


@pytest.mark.parametrize("trusted", [True, False])
def test_the_http_client_is_judged_before_anything_is_sent(tmp_path, trusted) -> None:
    httpx2 = pytest.importorskip("httpx2")
    trust, stranger = shared_ca_trust(tmp_path)
    port, got, thread = serve_once(make_tls(FR_CA, host="localhost", **DATES) if trusted else stranger)
    context = client_context(pair(HR_CLIENT), trust, FR, now)

    async def talk() -> None:
        async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
            await client.post(f"https://localhost:{port}/", content=b"patient data")

    with pytest.raises(httpx2.TransportError):  # the server of this test never answers
        asyncio.run(talk())
    thread.join()
    assert got[0].startswith(b"POST / HTTP/1.1") is trusted
    if not trusted:
        assert got == [b""]


# -- front ends -------------------------------------------------------------------------------------------------------


def test_portals_get_in_by_their_own_certificate_or_by_their_ca() -> None:
    portal, other = make_tls(FR_CA, host="portal", **DATES), make_tls(FR_CA, host="other", **DATES)
    pinned = front_end_context(pair(FR_SERVER), [portal.certificate])
    assert Talk(plain_client(portal), pinned).ok
    assert not Talk(plain_client(other), pinned).ok
    assert not Talk(plain_client(None), pinned).ok
    by_ca = front_end_context(pair(FR_SERVER), [FR_CA.certificate])
    assert Talk(plain_client(other), by_ca).ok
    assert not Talk(plain_client(HR_CLIENT), by_ca).ok


def test_a_front_end_port_without_portals_is_not_opened() -> None:
    with pytest.raises(TlsRefused, match=r"frontend\.portals"):
        front_end_context(pair(FR_SERVER), [])


def test_no_key_file_stays_behind(trust, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server_context(pair(FR_SERVER), trust)
    assert list(tmp_path.iterdir()) == []
