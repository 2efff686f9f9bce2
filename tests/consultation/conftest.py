"""One playground for the session; the gateways on it are real processes, started once."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from ncp.cli.demo_files import Playground
from ncp_client import Consent, Contract, Gateway, Session, Traits, Treatment
from tests.support.consultation import (
    CONTRACTS,
    Asking,
    Partner,
    PlainPortal,
    Server,
    World,
    asking_gateway,
    croatia,
    make_authority,
    make_playground,
    make_server,
    next_of_kin_parameters,
    professional,
    token_of,
    two_gateways,
)
from tests.support.peer_answers import TENA, found
from tests.support.scripted_peer import ScriptedPeer

HOME = {code: f"1.2.999.{number}" for number, code in enumerate(("AT", "PT", "ES", "MT", "CZ", "SI", "EE", "LU", "SE"))}
TRAITS = Traits(identifiers=((TENA.root or "", TENA.extension or ""),))
HOME["HR"] = "2.16.17.710.840.1000.990.1"


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    return make_playground(tmp_path_factory.mktemp("playground"))


@pytest.fixture(scope="session")
def world(playground: Playground) -> Iterator[World]:
    with two_gateways(playground) as world:
        yield world


@pytest.fixture(scope="session")
def servers() -> dict[str, Server]:
    """What the servers of countries without a playground of their own show.

    AT is vouched for by nobody whom the gateway trusts, CZ has expired, SI is of another host; EE is of another host as
    well, but the certificate itself is what is trusted. PT, ES and MT are as they should be.
    """
    made = {code: make_server(code) for code in ("AT", "PT", "ES", "MT", "SE")}
    made["CZ"] = make_server("CZ", expired=True)
    made["SI"] = make_server("SI", host="ncp.si.example")
    made["EE"] = make_server("EE", host="ncp.ee.example")
    return made


@pytest.fixture(scope="session")
def peers(
    playground: Playground, servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ScriptedPeer]]:
    """A scripted gateway for each country."""
    folder = tmp_path_factory.mktemp("servers")
    clients = playground.folder / "pki" / "fr" / "tls-ca.pem"
    with contextlib.ExitStack() as stack:
        made = {code: ScriptedPeer(server.context(folder, clients)) for code, server in servers.items()}
        made["HR"] = croatia(playground)
        for peer in made.values():
            stack.enter_context(peer)
        yield made


@pytest.fixture(scope="session")
def partners(playground: Playground, servers: dict[str, Server], peers: dict[str, ScriptedPeer]) -> list[Partner]:
    """Croatia with a search mask; the others without, each with its habits; LU, where nobody listens."""
    anchor = (playground.folder / "pki" / "hr" / "tls-ca.pem").read_bytes()
    habits = {
        "PT": 'wave = 7\nmtom_request = "never"',
        "ES": 'mtom_request = "always"',
        "MT": 'wave = 9\ntrc_patient_attribute = "resource-id"',
    }
    anchors = {code: server.authority.pem for code, server in servers.items()}
    anchors |= {"AT": make_authority("AT", "Another CA").pem, "EE": servers["EE"].certificate.pem}
    return [
        Partner("HR", HOME["HR"], peers["HR"].port, [anchor], "wave = 8", mask=True),
        *(Partner(code, HOME[code], peers[code].port, [anchors[code]], habits.get(code, "")) for code in servers),
        Partner("LU", HOME["LU"], 9, [anchor]),
    ]


@pytest.fixture(scope="session")
def asking(
    playground: Playground, partners: list[Partner], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    with asking_gateway(playground, partners, tmp_path_factory.mktemp("asking") / "FR", timeout="5s") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def hcp(portals: dict[Contract, Gateway]) -> bytes:
    """An HCP assertion of the gateway's own."""
    session: Session = portals[Contract.OPENNCP_9].log_in(professional())
    return session.hcp_assertion


@pytest.fixture(scope="session")
def portals(asking: Asking) -> Iterator[dict[Contract, Gateway]]:
    """The thin client, once for each of OpenNCP's contracts."""
    with contextlib.ExitStack() as stack:
        yield {contract: stack.enter_context(asking.portal(contract)) for contract in CONTRACTS}


@pytest.fixture(scope="session")
def plain(asking: Asking) -> Iterator[dict[Contract, PlainPortal]]:
    """zeep on OpenNCP's own WSDL; skips where that is not there."""
    made = {contract: PlainPortal(asking, contract) for contract in CONTRACTS}
    yield made
    for portal in made.values():
        portal.close()


@pytest.fixture(scope="session")
def treatments_in(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> Callable[..., Treatment]:
    """The one patient of the scripts, found in a country and treated, for any contract."""

    @functools.cache
    def made(country: str, contract: Contract = Contract.OPENNCP_9) -> Treatment:
        peers[country].plays(found(TENA))
        session = portals[contract].session(hcp)
        (patient,) = session.find_patient(country, TRAITS)
        notice = portals[contract].notice(country, "hr")
        return session.confirm_treatment(patient, consent=Consent(notice.version, notice.language, datetime.now(UTC)))

    return made


@pytest.fixture(scope="session")
def treatments(treatments_in: Callable[..., Treatment]) -> dict[Contract, Treatment]:
    """The patient treated in Croatia, through each of OpenNCP's contracts."""
    return {contract: treatments_in("HR", contract) for contract in CONTRACTS}


@pytest.fixture(scope="session")
def trc(treatments: dict[Contract, Treatment]) -> bytes:
    return treatments[Contract.OPENNCP_9].trc_assertion


@pytest.fixture(scope="session")
def nok(asking: Asking, hcp: bytes) -> bytes:
    """A next-of-kin assertion of the token service, for the patient of the scripts."""
    patient = TENA.root or "", TENA.extension or ""
    return token_of(asking, "/TRC-STS/NextOfKinTokenService", next_of_kin_parameters(*patient), hcp)


@pytest.fixture(scope="session")
def repeating(
    playground: Playground, partners: list[Partner], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    """The same gateway, told to repeat after a fault as OpenNCP does."""
    folder = tmp_path_factory.mktemp("repeating") / "FR"
    with asking_gateway(playground, partners[:1], folder, more="repeat_after_fault = true") as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _scripts_ran_to_their_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """No question without a step, no step without a question, no failed assertion in a step."""
    yield
    if "peers" in request.fixturenames:
        for code, peer in request.getfixturevalue("peers").items():
            problems, peer.problems = peer.problems, []
            left, unexpected, peer.unexpected = peer.steps_left, peer.unexpected, 0
            peer.forget()
            assert (problems, unexpected, left) == ([], 0, 0), code
