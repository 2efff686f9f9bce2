"""zeep with OpenNCP's own WSDL files calls us, as a portal made for OpenNCP would."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import zeep
from lxml import etree
from zeep.plugins import HistoryPlugin, Plugin

from ncp.frontend.contracts import OPENNCP_7, OPENNCP_9, Contract
from ncp.wire.ids import II
from ncp.wire.xml import NS_WSSE
from tests.shared import shared
from tests.support.frontend import CDA, HCP, HOME, L1, L3, PATIENT, REPOSITORY, TRC, Certificates, SmallNcpB
from xca.messages import DocumentFilter, DocumentRequest
from xcpd.messages import Address, PatientSearch

LOINC = "2.16.840.1.113883.6.1"
WSDL = {
    OPENNCP_7: "schemas/client_connector/v7/ClientConnectorService.wsdl",
    OPENNCP_9: "schemas/client_connector/v9/ClientService.wsdl",
}
CONTRACTS = pytest.mark.parametrize("contract", [OPENNCP_7, OPENNCP_9], ids=["v7", "v9"])


class Assertions(Plugin):  # type: ignore[misc]
    def egress(self, envelope: Any, http_headers: Any, operation: Any, binding_options: Any) -> Any:
        header = envelope[0]
        security = etree.SubElement(header, f"{{{NS_WSSE}}}Security")
        security.set("{http://www.w3.org/2003/05/soap-envelope}mustUnderstand", "true")
        for assertion in (TRC, HCP):
            security.append(etree.fromstring(assertion))
        return envelope, http_headers


class Portal:
    """A zeep client on OpenNCP's WSDL, with both assertions, calling our address."""

    def __init__(self, contract: Contract, url: str, certificates: Certificates, *, path: int = 0) -> None:
        session = requests.Session()
        session.trust_env = False
        session.cert = (certificates.path("portal.pem"), certificates.path("portal.key"))
        session.verify = certificates.path("ca.pem")
        self.history = HistoryPlugin()
        self.client = zeep.Client(
            str(shared(WSDL[contract])),
            transport=zeep.Transport(session=session),
            settings=zeep.Settings(strict=True),
            plugins=[Assertions(), self.history],
        )
        binding = f"{{{contract.namespace}}}{contract.service}PortBinding"
        self.service = self.client.create_service(binding, url + contract.paths[path])

    @property
    def received(self) -> etree._Element:
        return self.history.last_received["envelope"]


@pytest.fixture
def portal_of(url: str, certificates: Certificates) -> Iterator[Callable[[Contract], Portal]]:
    portals: list[Portal] = []

    def made(contract: Contract) -> Portal:
        portals.append(Portal(contract, url, certificates))
        return portals[-1]

    yield made
    for portal in portals:
        portal.client.transport.session.close()


def class_code(code: str, **values: str) -> dict[str, str]:
    return {"nodeRepresentation": code, "schema": LOINC} | values


@CONTRACTS
def test_a_greeting_comes_back(contract: Contract, portal_of: Callable[[Contract], Portal]) -> None:
    assert portal_of(contract).service.sayHello("World") == "Hello World"


@CONTRACTS
def test_traits_reach_the_gateway_and_the_person_comes_back(
    contract: Contract, portal_of: Callable[[Contract], Portal], ncp_b: SmallNcpB
) -> None:
    traits = {
        "administrativeGender": "F",
        "birthDate": dt.datetime(1985, 3, 19, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "city": "Zagreb",
        "country": "HR",
        "familyName": "Novak",
        "givenName": "Ana",
        "postalCode": "10000",
        "streetAddress": "Ilica 1",
        "patientId": [{"root": PATIENT.root, "extension": PATIENT.extension}],
    }
    (found,) = portal_of(contract).service.queryPatient({"countryCode": "HR", "patientDemographics": traits})

    call, country, search = ncp_b.the("find_patient")
    assert country == "HR"
    assert search == PatientSearch(
        identifiers=(PATIENT,),
        family="Novak",
        given="Ana",
        gender="F",
        birth_date="19850319",
        address=Address("Ilica 1", "Zagreb", "10000", "HR"),
    )
    assert [child.get("ID") for child in call.security[0]] == ["_trc", "_hcp"]
    assert call.portal.name == "test portal"
    assert (found.familyName, found.givenName, found.administrativeGender) == ("Novak", "Ana", "F")
    assert found.birthDate == dt.datetime(1985, 3, 19, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert [(each.root, each.extension) for each in found.patientId] == [(PATIENT.root, PATIENT.extension)]
    assert (found.city, found.postalCode, found.streetAddress, found.country) == ("Zagreb", "10000", "Ilica 1", "HR")
    assert found.telephone == "tel:+38511234567"


@CONTRACTS
def test_level_1_comes_first_and_each_names_the_other(
    contract: Contract, portal_of: Callable[[Contract], Portal], ncp_b: SmallNcpB
) -> None:
    portal = portal_of(contract)
    listed = portal.service.queryDocuments(
        {
            "countryCode": "HR",
            "patientId": {"root": PATIENT.root, "extension": PATIENT.extension},
            "classCode": [class_code("60591-5", value="what the portal wrote")],
            "filterParams": {"maximumSize": 5},
        }
    )
    _, country, patient, class_codes, narrowed = ncp_b.the("list_documents")
    assert (country, patient, class_codes) == ("HR", PATIENT, ("60591-5",))
    assert narrowed == DocumentFilter()  # filters are for original clinical documents only
    assert [each.uuid for each in listed] == [L1.unique_id, L3.unique_id]
    assert [each.uuid for each in listed[0].associatedDocuments] == [L3.unique_id]
    assert [each.uuid for each in listed[1].associatedDocuments] == [L1.unique_id]
    first = listed[0]
    assert first.title == "Patient Summary"
    assert first.classCode.nodeRepresentation == "60591-5"
    assert first.classCode.value == "what the portal wrote"
    assert first.formatCode.nodeRepresentation == "urn:ihe:iti:xds-sd:pdf:2008"
    assert first.creationDate == dt.datetime(2020, 3, 19, 10, 15, tzinfo=dt.UTC)
    assert (first.size, first.hcid, first.repositoryId) == (1234, f"urn:oid:{HOME}", REPOSITORY)
    assert [(each.person, each.specialty) for each in first.authors] == [("Dr Ana Test", ["General practice"])]
    written = portal.received.findall(".//{*}dispensable")
    assert [each.text for each in written] == ["false"] * 4


@CONTRACTS
def test_event_codes_of_a_prescription_fill_its_own_fields(
    contract: Contract, portal_of: Callable[[Contract], Portal]
) -> None:
    (prescription,) = portal_of(contract).service.queryDocuments(
        {
            "countryCode": "HR",
            "patientId": {"root": PATIENT.root, "extension": PATIENT.extension},
            "classCode": [class_code("57833-6")],
        }
    )
    assert prescription.title == "ePrescription"
    assert prescription.dispensable is True
    assert (prescription.atcCode, prescription.atcText) == ("C09AA05", "ramipril")
    assert (prescription.doseFormCode, prescription.doseFormText) == ("10219000", "Tablet")
    assert (prescription.strength, prescription.substitution) == ("10 mg", "G")


@CONTRACTS
def test_a_document_comes_back_whole(
    contract: Contract, portal_of: Callable[[Contract], Portal], ncp_b: SmallNcpB
) -> None:
    document = portal_of(contract).service.retrieveDocument(
        {
            "countryCode": "HR",
            "homeCommunityId": HOME,
            "documentId": {"repositoryUniqueId": REPOSITORY, "documentUniqueId": L3.unique_id},
            "classCode": class_code("60591-5"),
            "targetLanguage": "fr-FR",
        }
    )
    _, country, request, asked_class, language = ncp_b.the("retrieve_document")
    assert (country, asked_class, language) == ("HR", "60591-5", "fr-FR")
    assert request == DocumentRequest(L3.unique_id, REPOSITORY, f"urn:oid:{HOME}")
    assert document.base64Binary == CDA
    assert (document.mimeType, document.size, document.uuid) == ("text/xml", len(CDA), L3.unique_id)


@CONTRACTS
def test_filters_of_original_clinical_documents_are_passed_on(
    contract: Contract, portal_of: Callable[[Contract], Portal], ncp_b: SmallNcpB
) -> None:
    listed = portal_of(contract).service.queryDocuments(
        {
            "countryCode": "HR",
            "patientId": {"root": PATIENT.root, "extension": PATIENT.extension},
            "classCode": [class_code("34105-7"), class_code("11502-2")],
            "filterParams": {
                "createdAfter": dt.datetime(2021, 6, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
                "createdBefore": dt.datetime(2021, 7, 1, tzinfo=dt.UTC),
                "maximumSize": 5000,
            },
        }
    )
    assert not listed
    *_, class_codes, narrowed = ncp_b.the("list_documents")
    assert class_codes == ("34105-7", "11502-2")
    assert narrowed == DocumentFilter("2021-05-31T22:00:00Z", "2021-07-01T00:00:00Z", 5000)


@CONTRACTS
def test_the_answer_carries_the_action_and_relates_to_the_question(
    contract: Contract, portal_of: Callable[[Contract], Portal]
) -> None:
    portal = portal_of(contract)
    portal.service.sayHello("x")
    wsa = "{http://www.w3.org/2005/08/addressing}"
    sent = portal.history.last_sent["envelope"]
    assert portal.received.findtext(f".//{wsa}Action") == "urn:ehdsi:sayHelloResponse"
    assert portal.received.findtext(f".//{wsa}RelatesTo") == sent.findtext(f".//{wsa}MessageID")


@CONTRACTS
def test_every_answer_fits_openncps_schema(contract: Contract, portal_of: Callable[[Contract], Portal]) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared(WSDL[contract].replace(".wsdl", ".xsd")))))
    portal = portal_of(contract)
    patient = {"root": PATIENT.root, "extension": PATIENT.extension}
    document = {"repositoryUniqueId": REPOSITORY, "documentUniqueId": L3.unique_id}
    calls: list[tuple[str, Any]] = [
        ("sayHello", "x"),
        ("queryPatient", {"countryCode": "HR", "patientDemographics": {"patientId": [patient]}}),
        ("queryDocuments", {"countryCode": "HR", "patientId": patient, "classCode": [class_code("60591-5")]}),
        ("queryDocuments", {"countryCode": "HR", "patientId": patient, "classCode": [class_code("57833-6")]}),
        ("queryDocuments", {"countryCode": "HR", "patientId": patient, "classCode": [class_code("11502-2")]}),
        (
            "retrieveDocument",
            {
                "countryCode": "HR",
                "homeCommunityId": f"urn:oid:{HOME}",
                "documentId": document,
                "classCode": class_code("60591-5"),
                "targetLanguage": "fr-FR",
            },
        ),
    ]
    for operation, argument in calls:
        getattr(portal.service, operation)(argument)
        body = portal.received.find("{http://www.w3.org/2003/05/soap-envelope}Body")
        schema.assertValid(body[0])


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("cc-querypatient-id.xml", PatientSearch(identifiers=(II("2.16.999.1000.990.1", "1"),))),
        ("cc-querypatient-unknown-id.xml", PatientSearch(identifiers=(II("2.16.999.1000.990.1", "0"),))),
        ("cc-querypatient-postal-code.xml", PatientSearch(address=Address(postal_code="1"))),
        ("cc-querypatient-name-only.xml", PatientSearch(given="Jhon", family="Doe")),
    ],
)
def test_bodies_of_openncps_own_tests_are_read(
    sample: str, expected: PatientSearch, url: str, certificates: Certificates, ncp_b: SmallNcpB
) -> None:
    body = shared(f"samples/xcpd/{sample}").read_bytes()
    envelope = (
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
        b'<w:Security xmlns:w="' + NS_WSSE.encode() + b'">' + HCP + b"</w:Security></e:Header>"
        b"<e:Body>" + body + b"</e:Body></e:Envelope>"
    )
    response = requests.post(
        url + OPENNCP_7.paths[0],
        data=envelope,
        headers={"Content-Type": "application/soap+xml"},
        cert=(certificates.path("portal.pem"), certificates.path("portal.key")),
        verify=certificates.path("ca.pem"),
        timeout=20,
    )
    _, country, search = ncp_b.the("find_patient")
    assert (country, search) == ("ZZ", expected)
    assert response.status_code == 500
    assert b"<env:Value>env:ERROR_PI_NO_MATCH</env:Value>" in response.content


def test_documents_are_base64_in_the_answer(portal_of: Callable[[Contract], Portal]) -> None:
    portal = portal_of(OPENNCP_9)
    portal.service.retrieveDocument(
        {
            "countryCode": "HR",
            "homeCommunityId": HOME,
            "documentId": {"repositoryUniqueId": REPOSITORY, "documentUniqueId": L3.unique_id},
            "classCode": class_code("60591-5"),
            "targetLanguage": "fr-FR",
        }
    )
    assert portal.received.findtext(".//base64Binary") == base64.b64encode(CDA).decode()
