"""The playground is complete: its configurations pass the whole check, and its files are used by nobody else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ncp.cli.demo_files import Playground, free_ports, write_playground
from ncp.settings import load
from ncp.settings.check import check
from ncp.wire.times import utc_now


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    return write_playground(tmp_path_factory.mktemp("play ground"), utc_now(), key_bits=2048)


def test_both_configurations_pass_the_whole_check_without_a_warning(playground: Playground) -> None:
    for country in playground.countries:
        assert [str(problem) for problem in check(country.config, utc_now(), {}).problems] == []


def test_both_countries_hold_both_roles_and_know_each_other(playground: Playground) -> None:
    for country, other in (playground.countries, playground.countries[::-1]):
        settings = load(country.config, {})
        assert settings.is_responding
        assert settings.is_initiating
        peer = settings.peers[other.code]
        assert peer.home_community_id == other.home_community_id
        assert peer.xcpd_url is not None
        assert peer.xcpd_url.startswith(f"https://{other.server}/")


def test_no_two_listeners_share_a_port_and_all_are_on_loopback(playground: Playground) -> None:
    listeners = [one for country in playground.countries for one in (country.server, country.frontend, country.health)]
    assert len({listener.port for listener in listeners}) == 6
    assert all(listener.is_loopback for listener in listeners)


def test_writing_it_again_keeps_the_certificates_and_empties_the_messages(playground: Playground) -> None:
    seal = (playground.folder / "pki" / "hr" / "seal.pem").read_bytes()
    playground.answering.messages.mkdir(exist_ok=True)
    (playground.answering.messages / "old.xml").touch()
    again = write_playground(playground.folder, utc_now())
    assert (playground.folder / "pki" / "hr" / "seal.pem").read_bytes() == seal
    assert not again.answering.messages.exists()
    assert check(again.asking.config, utc_now(), {}).problems == ()


def test_a_portal_of_one_country_reaches_that_country_and_no_server_of_the_other(playground: Playground) -> None:
    """The TLS certificates fit: a portal verifies the gateway of its own country by name and chain."""
    asking, answering = playground.asking, playground.answering
    assert _handshake(asking.tls_ca, load(asking.config, {}).tls.server)
    assert not _handshake(asking.tls_ca, load(answering.config, {}).tls.server)


def _handshake(trusted: Path, server: object) -> bool:
    certificate, key = getattr(server, "certificate"), getattr(server, "key")  # noqa: B009
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(trusted))
    near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(near, far, server_hostname="127.0.0.1")
    answering = context.wrap_bio(far, near, server_side=True)
    for _ in range(6):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return asking.cipher() is not None


@contextmanager
def _taken(port: int) -> Iterator[None]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))
        yield


def test_a_country_without_patients_asks_only_and_is_asked_nothing(playground: Playground) -> None:
    """In the same folder: certificates are made for the two that are used, and nothing of the third is left."""
    before = playground.folder / "FR"
    assert before.is_dir()
    made = write_playground(playground.folder, utc_now(), key_bits=2048, asking="IE", issuer="http://localhost:1/realm")
    for country in made.countries:
        assert [str(problem) for problem in check(country.config, utc_now(), {}).problems] == []
    asking, answering = load(made.asking.config, {}), load(made.answering.config, {})
    assert (asking.is_initiating, asking.is_responding) == (True, False)
    assert (answering.is_initiating, answering.is_responding) == (False, True)
    assert not before.exists()
    assert sorted(path.name for path in (playground.folder / "pki").iterdir() if path.is_dir()) == ["hr", "ie"]


def test_free_ports_are_different_and_can_be_bound() -> None:
    ports = free_ports(6)
    assert len(set(ports)) == 6
    for port in ports:
        with _taken(port):
            pass
