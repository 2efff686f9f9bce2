"""Who gets in: TLS of other gateways, against the listener that serves them."""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from ncp.wire.ids import CountryCode
from tests.support import certificates
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
)
from tests.support.peer_messages import DISCOVERY, discovery, identifier, message, soap_type
from tests.support.peer_wire import XCPD_PATH, Answer, PeerLine, head
from tests.support.scripted_gateway import PATIENT, ScriptedGateway, client_tls
from tests.support.server import read_answer
from trust_store.store import TrustRules, TrustStore

pytestmark = [pytest.mark.attack, pytest.mark.xdist_group("ncp-a")]


def now() -> datetime:
    return datetime.now(UTC)


def question(gateway: ScriptedGateway) -> bytes:
    return message(DISCOVERY, discovery(identifier(*PATIENT)), *gateway.log_in().professional())


def answered(gateway: ScriptedGateway, line: PeerLine) -> Answer | None:
    """The answer, or None where TLS ends before there is one. With TLS 1.3 a client learns that on its first read."""
    try:
        return line.post(XCPD_PATH, question(gateway), {"Content-Type": soap_type(DISCOVERY)})
    except (ssl.SSLError, ConnectionError):
        return None


def lifetime(**changes: datetime) -> dict[str, datetime]:
    return {"begin": now() - timedelta(days=1), "end": now() + timedelta(days=30), **changes}


def strangers(gateway: ScriptedGateway) -> dict[str, Made | None]:
    france = gateway.countries["FR"]
    return {
        "no certificate": None,
        "self-signed": make(name("ncp.fr.example", "FR"), key=ec_key("self"), extended=(CLIENT_AUTH,), **lifetime()),
        "an unknown authority": make_tls(make_ca("Evil CA", "FR", key=ec_key("evil"), **lifetime()), **lifetime()),
        "an authority of the same name": make_tls(
            make_ca("TLS CA FR", "FR", key=ec_key("evil"), **lifetime()), **lifetime()
        ),
        "expired": make_tls(
            france.tls_ca, key=ec_key("c"), begin=now() - timedelta(days=9), end=now() - timedelta(days=1)
        ),
        "of the future": make_tls(
            france.tls_ca, key=ec_key("c"), begin=now() + timedelta(days=1), end=now() + timedelta(days=9)
        ),
        "a seal": make_tls(france.seal_ca, key=ec_key("c"), **lifetime()),
        "for servers only": make_tls(france.tls_ca, key=ec_key("c"), extended=(SERVER_AUTH,), **lifetime()),
        "issued by a gateway's own certificate": make_tls(france.tls, key=ec_key("c"), **lifetime()),
    }


@pytest.mark.parametrize(
    "who",
    [
        "no certificate",
        "self-signed",
        "an unknown authority",
        "an authority of the same name",
        "expired",
        "of the future",
        "a seal",
        "for servers only",
        "issued by a gateway's own certificate",
    ],
)
def test_a_stranger_does_not_get_through_tls(ncp_a: ScriptedGateway, who: str) -> None:
    answer = answered(ncp_a, ncp_a.peer_as(strangers(ncp_a)[who]))
    assert answer is None
    ncp_a.assert_untouched(None)


UNKNOWN: dict[str, tuple[tuple[str, ...], str]] = {
    "no country": ((), "cert.country"),
    "two countries": (("FR", "BE"), "cert.country"),
    "a country we do not know": (("DE",), "cert.untrusted"),
    "the country of another authority": (("BE",), "cert.untrusted"),
}


@pytest.mark.parametrize("who", UNKNOWN)
def test_a_certificate_that_speaks_for_no_country_is_refused(ncp_a: ScriptedGateway, who: str) -> None:
    """TLS lets in what an authority of any country issued; whose it is, is asked before a byte of the body is read."""
    countries, reason = UNKNOWN[who]
    made = make(
        name("ncp.example", *countries),
        issuer=ncp_a.countries["FR"].tls_ca,
        key=ec_key("c"),
        bits=("digital_signature",),
        extended=(CLIENT_AUTH,),
        **lifetime(),
    )
    answer = answered(ncp_a, ncp_a.peer_as(made))
    assert answer is not None
    assert (answer.status, answer.body) == (403, b"Refused")
    line = next(one for one in ncp_a.log.since().splitlines() if '"event":"transaction"' in one)
    assert f'"reason":"{reason}"' in line
    assert '"outcome":"refused"' in line
    ncp_a.assert_untouched(answer)


def test_a_weak_key_is_refused(ncp_a: ScriptedGateway) -> None:
    made = make_tls(ncp_a.countries["FR"].tls_ca, key=rsa_key("weak", 1024), **lifetime())
    try:
        line = ncp_a.peer_as(made)
    except ssl.SSLError:
        return  # the client's own library does not use it
    assert answered(ncp_a, line) is None
    ncp_a.assert_untouched(None)


def test_small_letters_in_the_country_are_taken(ncp_a: ScriptedGateway) -> None:
    made = make_tls(ncp_a.countries["FR"].tls_ca, "fr", key=ec_key("c"), **lifetime())
    answer = answered(ncp_a, ncp_a.peer_as(made))
    assert answer is not None
    assert answer.acknowledged == ("AA", "OK")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_served(ncp_a: ScriptedGateway, version: ssl.TLSVersion) -> None:
    line = ncp_a.peer_as(ncp_a.countries["FR"].tls)
    line.tls.minimum_version = line.tls.maximum_version = version
    answer = answered(ncp_a, line)
    assert answer is not None
    assert answer.acknowledged == ("AA", "OK")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_versions_and_weak_suites_are_not(ncp_a: ScriptedGateway) -> None:
    france = ncp_a.countries["FR"].tls
    for change in ("version", "suite"):
        context = client_tls(ncp_a.folder, france, ncp_a.countries["HR"].tls_ca)
        if change == "version":
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        else:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA256")
        assert answered(ncp_a, PeerLine(ncp_a.address, context)) is None
    ncp_a.assert_untouched(None)


def test_plain_http_on_the_listener_is_nothing(ncp_a: ScriptedGateway) -> None:
    body = question(ncp_a)
    with socket.create_connection(ncp_a.address, timeout=5) as connection:
        connection.sendall(head(XCPD_PATH, {"Content-Length": len(body)}) + body)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(1000)[:4] != b"HTTP"
    ncp_a.assert_untouched(None)


def test_a_handshake_that_never_ends_blocks_nobody(ncp_a: ScriptedGateway) -> None:
    with socket.create_connection(ncp_a.address, timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01")
        ncp_a.assert_untouched(None)


def test_a_forwarded_certificate_in_a_header_is_not_believed(ncp_a: ScriptedGateway) -> None:
    """Belgium says in a header that it is France: who it is, is told by its own handshake."""
    pem = ncp_a.countries["FR"].tls.pem.decode().replace("\n", "%0A")
    body = question(ncp_a)
    headers = {
        "Content-Type": soap_type(DISCOVERY),
        "Content-Length": len(body),
        "X-SSL-Client-Cert": pem,
        "Client-Cert": pem,
        "X-Forwarded-Client-Cert": pem,
        "X-Forwarded-For": "127.0.0.1",
    }
    with ncp_a.peer("BE").connect() as connection:
        connection.sendall(head(XCPD_PATH, headers) + body)
        answer = Answer(*read_answer(connection))
    assert answer.refusal[2] == "4703"
    ncp_a.assert_untouched(answer)


def test_the_allow_list_says_for_whom_a_certificate_speaks(ncp_a: ScriptedGateway) -> None:
    belgian = ncp_a.countries["BE"].tls
    rules = TrustRules(tls_clients={belgian.fingerprint: CountryCode("FR")})
    folder = ncp_a.folder / "trust-hosted"
    trusted = {
        ("fr", "tls-client"): [ncp_a.countries["BE"].tls_ca],
        ("fr", "hcp-signer"): [ncp_a.countries["FR"].seal_ca],
    }
    trust = TrustStore.load(certificates.write_folder(folder, trusted), rules=rules)
    ncp_a.configure(trust=trust)
    answer = answered(ncp_a, ncp_a.peer("BE"))
    assert answer is not None
    assert answer.acknowledged == ("AA", "OK")
    assert ncp_a.connector.calls[0][1].caller.country == "FR"
