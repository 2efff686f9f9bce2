"""What is refused in our own country: the other one never hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import requests

from ncp.wire.ids import II, CountryCode, Oid
from ncp_client import (
    ConsentMissing,
    Contract,
    Gateway,
    GatewayError,
    NotPermitted,
    Patient,
    PortalRefused,
    Professional,
    ProfessionalRefused,
    SecurityRefused,
    Traits,
    Treatment,
)
from ncp_client.values import Document
from saml_assertions import issue
from saml_assertions.claims import HcpClaims
from tests.support.consultation import CONTRACTS, Asking, TokenRefused, professional, token_of, treatment_parameters
from tests.support.peer_answers import TENA, found
from tests.support.scripted_peer import ScriptedPeer
from trust_store.keys import KeyPair, load_key_pair

pytestmark = [pytest.mark.attack, pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

EACH_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS, ids=["v9", "v7"])
MBO = "2.16.840.1.113883.2.7.2.2"
TRAITS = Traits(identifiers=((MBO, "123456789"),))
PATIENT = II(MBO, "123456789")
HOME = Oid("2.16.17.710.790.1000.990.1")


HCP_ID = "_0b6f2a4e-6a3c-4f0e-9b3e-1d5c7a9e2f10"
NOW = datetime.now(UTC).replace(microsecond=0)
WHO = professional()


@dataclass(frozen=True)
class Issuer:
    """Makes assertions with the seal of a country, at any time, as the gateway itself would not."""

    seal: KeyPair
    country: CountryCode

    def hcp(self, at: datetime = NOW, **changes: object) -> bytes:
        values: dict[str, object] = {
            "identifier": WHO.identifier,
            "name": WHO.name,
            "role": WHO.role,
            "facility_type": WHO.facility_type,
            "locality": WHO.locality,
            "authentication_class": WHO.authentication_class,
            "authenticated": at - timedelta(minutes=1),
            "permissions": frozenset({"PRD-003", "PRD-005", "PRD-006", "PRD-010", "PRD-016"}),
        }
        who = issue.Professional(**(values | changes))  # type: ignore[arg-type]
        return issue.issue_hcp(who, country=self.country, home=HOME, signer=self.seal, id=HCP_ID, at=at)

    def trc(
        self, patient: II = PATIENT, at: datetime = NOW, *, hcp_id: str = HCP_ID, who: str = WHO.identifier
    ) -> bytes:
        """A treatment assertion for the HCP assertion of that id and professional."""
        hcp = HcpClaims(
            id=hcp_id,
            issuer="urn:idp:FR:countryB",
            name_id=who,
            name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            issued=at,
            not_before=at,
            not_on_or_after=at + timedelta(hours=4),
            authenticated=at,
            authentication_class=WHO.authentication_class,
            subject=WHO.name,
            roles=("221",),
            role_name="",
            facility_type=WHO.facility_type,
            purpose="TREATMENT",
            locality=WHO.locality,
            permissions=frozenset(),
        )
        return issue.issue_trc(
            hcp,
            patient,
            purpose="TREATMENT",
            country=self.country,
            signer=self.seal,
            id="_1b6f2a4e-6a3c-4f0e-9b3e-1d5c7a9e2f11",
            at=at,
            patient_attribute="both",
        )


@pytest.fixture(scope="module")
def france(asking: Asking) -> Issuer:
    folder = asking.playground.folder / "pki" / "fr"
    return Issuer(load_key_pair(folder / "seal.pem", folder / "seal.key.pem", None), CountryCode("FR"))


@pytest.fixture(scope="module")
def croatia(asking: Asking) -> Issuer:
    folder = asking.playground.folder / "pki" / "hr"
    return Issuer(load_key_pair(folder / "seal.pem", folder / "seal.key.pem", None), CountryCode("HR"))


@pytest.fixture
def silent(peers: dict[str, ScriptedPeer]) -> Iterator[ScriptedPeer]:
    """The scripted peer, which must not hear anything."""
    peer = peers["HR"]
    peer.plays()
    yield peer
    assert peer.received == 0, "something left the country"
    assert peer.questions == []


def search(portal: Gateway, hcp: bytes) -> object:
    return portal.session(hcp).find_patient("HR", TRAITS)


def treatment_of(portal: Gateway, hcp: bytes, trc: bytes, patient: II = PATIENT) -> Treatment:
    return portal.session(hcp).treatment(Patient(country="HR", root=patient.root, extension=patient.extension), trc)


DOCUMENT = Document(
    country="HR",
    unique_id="1.2.999.77.1^L3",
    repository_id="1.2.3.4.77",
    home_community_id="urn:oid:2.16.17.710.840.1000.990.1",
    class_code="60591-5",
)


# --- the professional ------------------------------------------------------------------------------------------------


@EACH_CONTRACT
def test_nobody_asks_without_an_assertion(contract: Contract, asking: Asking, silent: ScriptedPeer) -> None:
    namespace, _, path = contract.value
    body = (
        f'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header/><e:Body><c:queryPatient '
        f'xmlns:c="{namespace}"><arg0><countryCode>HR</countryCode><patientDemographics><patientId><root>{MBO}</root>'
        "<extension>123456789</extension></patientId></patientDemographics></arg0></c:queryPatient></e:Body></e:Envelope>"
    )
    country = asking.playground.asking
    answer = requests.post(
        asking.url + path,
        data=body.encode(),
        headers={"Content-Type": "application/soap+xml"},
        cert=(str(country.portal.certificate), str(country.portal.key)),
        verify=str(country.tls_ca),
        timeout=20,
    )
    assert answer.status_code == 500
    assert "No assertion context found" in answer.text


@EACH_CONTRACT
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("expired", ProfessionalRefused, "ERROR_HPI_GENERIC"),
        ("not yet valid", ProfessionalRefused, "ERROR_HPI_GENERIC"),
        ("another country's seal", SecurityRefused, "ERROR_SEC_GENERIC"),
        ("another country's seal in our name", SecurityRefused, "ERROR_SEC_GENERIC"),
        ("changed after signing", SecurityRefused, "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"),
        ("no signature", SecurityRefused, "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"),
    ],
)
def test_an_assertion_that_is_not_good_stays_here(
    name: str,
    kind: type[GatewayError],
    code: str,
    contract: Contract,
    france: Issuer,
    croatia: Issuer,
    portals: dict[Contract, Gateway],
    silent: ScriptedPeer,
) -> None:
    good = france.hcp()
    assertion = {
        "expired": lambda: france.hcp(NOW - timedelta(hours=4, minutes=5)),
        "not yet valid": lambda: france.hcp(NOW + timedelta(minutes=10)),
        "another country's seal": croatia.hcp,
        "another country's seal in our name": Issuer(croatia.seal, CountryCode("FR")).hcp,
        "changed after signing": lambda: good.replace(b'code="221"', b'code="2261"'),
        "no signature": lambda: good[: good.index(b"<ds:Signature")] + good[good.index(b"</ds:Signature>") + 15 :],
    }[name]()
    with pytest.raises(kind) as raised:
        search(portals[contract], assertion)
    assert (raised.value.code, raised.value.country) == (code, "")


def test_the_same_assertion_is_taken_while_it_is_good(
    france: Issuer, portals: dict[Contract, Gateway], peers: dict[str, ScriptedPeer]
) -> None:
    """What the refusals above are compared with."""
    peers["HR"].plays(found(TENA))
    assert search(portals[Contract.OPENNCP_9], france.hcp())


# --- the treatment ---------------------------------------------------------------------------------------------------


@EACH_CONTRACT
@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("of another patient", SecurityRefused, "4206"),
        ("of a longer number", SecurityRefused, "4206"),
        ("of another root", SecurityRefused, "4206"),
        ("missing", SecurityRefused, "1001"),
        ("of another professional", SecurityRefused, "1002"),
        ("of another log-in", SecurityRefused, "1002"),
        ("expired", SecurityRefused, "1001"),
        ("another country's seal", SecurityRefused, "ERROR_SEC_GENERIC"),
        ("changed after signing", SecurityRefused, "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"),
    ],
)
def test_a_treatment_that_is_not_confirmed_for_this_patient_lists_nothing(
    name: str,
    kind: type[GatewayError],
    code: str,
    contract: Contract,
    france: Issuer,
    croatia: Issuer,
    portals: dict[Contract, Gateway],
    silent: ScriptedPeer,
) -> None:
    good = france.trc()
    assertion = {
        "of another patient": lambda: france.trc(II(MBO, "987654321")),
        "of a longer number": lambda: france.trc(II(MBO, "1234567890")),
        "of another root": lambda: france.trc(II("1.2.3", "123456789")),
        "missing": lambda: b"",
        "of another professional": lambda: france.trc(who="somebody-else"),
        "of another log-in": lambda: france.trc(hcp_id="_another"),
        "expired": lambda: france.trc(at=NOW - timedelta(hours=2, minutes=5)),
        "another country's seal": croatia.trc,
        "changed after signing": lambda: good.replace(b"123456789", b"123456788"),
    }[name]()
    treatment = treatment_of(portals[contract], france.hcp(), assertion or b"<none/>")
    if not assertion:
        treatment._assertions.pop()
    with pytest.raises(kind) as raised:
        treatment.documents()
    assert (raised.value.code, raised.value.country) == (code, "")
    if code == "4206":
        return  # ITI-39 names no patient: whose document it may be, the treatment assertion alone says
    with pytest.raises(kind) as raised:
        treatment.fetch(DOCUMENT, language="fr-FR")
    assert (raised.value.code, raised.value.country) == (code, "")


def test_a_treatment_is_not_confirmed_without_consent(
    portals: dict[Contract, Gateway], hcp: bytes, silent: ScriptedPeer
) -> None:
    patient = Patient(country="HR", root=MBO, extension="123456789")
    with pytest.raises(ConsentMissing):
        portals[Contract.OPENNCP_9].session(hcp).confirm_treatment(patient)
    assert portals[Contract.OPENNCP_9].session(hcp).confirm_treatment(patient, purpose="EMERGENCY").trc_assertion


def test_the_token_service_wants_a_good_assertion_too(
    asking: Asking, france: Issuer, croatia: Issuer, silent: ScriptedPeer
) -> None:
    parameters = treatment_parameters(MBO, "123456789")
    assert token_of(asking, "/TRC-STS/SecurityTokenService", parameters, france.hcp())
    for assertion in (france.hcp(NOW - timedelta(hours=5)), croatia.hcp(), b""):
        with pytest.raises(TokenRefused) as refused:
            token_of(asking, "/TRC-STS/SecurityTokenService", parameters, assertion)
        assert "123456789" not in str(refused.value)


# --- the portal ------------------------------------------------------------------------------------------------------


@EACH_CONTRACT
def test_a_certificate_that_is_of_no_portal_is_refused(
    contract: Contract, asking: Asking, hcp: bytes, silent: ScriptedPeer
) -> None:
    """It is of an authority that the gateway trusts."""
    with asking.portal(contract, "stranger") as portal:
        with pytest.raises(PortalRefused):
            search(portal, hcp)
        with pytest.raises(PortalRefused):
            portal.log_in(professional())
        with pytest.raises(PortalRefused):
            portal.countries("en")


def test_a_portal_without_the_right_does_not_log_anybody_in(asking: Asking, silent: ScriptedPeer) -> None:
    with asking.portal(name="reader") as portal, pytest.raises(NotPermitted) as raised:
        portal.log_in(professional())
    assert raised.value.code == "4703"


def test_a_portal_logs_in_only_the_roles_that_it_may(asking: Asking, silent: ScriptedPeer) -> None:
    with asking.portal(name="pharmacy") as portal:
        with pytest.raises(NotPermitted) as raised:
            portal.log_in(professional())
        assert raised.value.code == "4703"
        assert portal.log_in(professional(role="2262", facility_type="Pharmacy")).hcp_assertion


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"role": "9999"}, ProfessionalRefused),
        ({"facility_type": "Clinic"}, ProfessionalRefused),
        ({"authentication_class": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"}, ProfessionalRefused),
        ({"authenticated": NOW + timedelta(hours=1)}, ProfessionalRefused),
        ({"purpose": "MARKETING"}, GatewayError),
        ({"locality": " "}, GatewayError),
    ],
)
def test_a_professional_whom_no_country_would_accept_is_not_asserted(
    changes: dict[str, object], kind: type[GatewayError], portals: dict[Contract, Gateway], silent: ScriptedPeer
) -> None:
    who: Professional = professional(**changes)
    with pytest.raises(kind):
        portals[Contract.OPENNCP_9].log_in(who)
