"""Every assertion we write: judged by other people's libraries and by the official schema, and read back as it was."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import signxml
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from saml2 import saml

from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, CountryCode, Oid
from saml_assertions import facts
from saml_assertions.claims import HcpClaims
from saml_assertions.issue import (
    NextOfKin,
    Professional,
    assertion_id,
    issue_hcp,
    issue_nok,
    issue_trc,
    patient_attribute_for,
)
from saml_assertions.signature import sign
from tests.shared import shared
from tests.support.assertions import (
    ALL_PERMISSIONS,
    AT,
    FR,
    PATIENT,
    SAML,
    Seal,
    message,
    seal_of,
    unsigned_hcp,
    verify_message,
    xmlsec_accepts,
)

CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
HOME = Oid("1.2.999.1")
P = II("1.2.999.50", "TEST-0001")


def professional(**changes: object) -> Professional:
    values: dict[str, object] = {
        "identifier": "899700000001",
        "name": "Camille Exemple",
        "role": "221",
        "facility_type": "Resident Physician",
        "locality": "Cabinet Exemple, Rennes",
        "authentication_class": CLASS,
        "authenticated": AT - timedelta(seconds=19),
        "permissions": frozenset(ALL_PERMISSIONS),
        "organisation": "Maison de santé <Rennes> & fils",
        "organisation_id": "urn:hl7ii:1.2.250.1.71.4.2.2:0000000000",
        "npi": "10000000001",
    }
    return Professional(**(values | changes))  # type: ignore[arg-type]


def new_hcp(who: Professional | None = None, **changes: object) -> bytes:
    values: dict[str, object] = {
        "country": FR,
        "home": HOME,
        "signer": seal_of("FR"),
        "id": assertion_id(uuid.uuid4()),
        "at": AT,
    }
    return issue_hcp(who or professional(), **(values | changes))  # type: ignore[arg-type]


def claims_of(data: bytes) -> HcpClaims:
    return verify_message(message(data)).hcp


def new_trc(hcp: HcpClaims, patient: II = P, **changes: object) -> bytes:
    values: dict[str, object] = {
        "purpose": "TREATMENT",
        "country": FR,
        "signer": seal_of("FR"),
        "id": assertion_id(uuid.uuid4()),
        "at": AT,
    }
    return issue_trc(hcp, patient, **(values | changes))  # type: ignore[arg-type]


def new_nok(hcp: HcpClaims, **changes: object) -> bytes:
    values: dict[str, object] = {
        "purpose": "TREATMENT",
        "country": FR,
        "signer": seal_of("FR"),
        "id": assertion_id(uuid.uuid4()),
        "at": AT,
    }
    kin = NextOfKin(identifier="KIN-7", first_name="Noa", birth_date="1978-01-02", postal_code="35000")
    return issue_nok(hcp, kin, P, **(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def issued() -> dict[str, bytes]:
    hcp = new_hcp()
    claims = claims_of(hcp)
    return {
        "hcp": hcp,
        "hcp with little": new_hcp(professional(organisation="", organisation_id="", npi="", permissions=frozenset())),
        "trc": new_trc(claims),
        "trc with prescription": new_trc(claims, prescription_id="RX-1", dispensation_pin="1234"),
        "trc for old waves": new_trc(claims, patient_attribute="resource-id"),
        "nok": new_nok(claims),
    }


KINDS = ["hcp", "hcp with little", "trc", "trc with prescription", "trc for old waves", "nok"]


@pytest.mark.parametrize("kind", KINDS)
def test_xmlsec_accepts_what_we_sign_alone_and_in_an_envelope(
    issued: dict[str, bytes], kind: str, french: Seal
) -> None:
    assert xmlsec_accepts(issued[kind], french.certificate)
    assert xmlsec_accepts(message(issued[kind]), french.certificate)


@pytest.mark.parametrize("kind", KINDS)
def test_signxml_accepts_what_we_sign(issued: dict[str, bytes], kind: str, french: Seal) -> None:
    config = signxml.SignatureConfiguration(require_x509=True, location="./")
    result = signxml.XMLVerifier().verify(
        issued[kind], x509_cert=french.certificate, id_attribute="ID", expect_config=config
    )
    assert result.signed_xml is not None
    assert result.signed_xml.tag == f"{{{SAML}}}Assertion"


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_schema_accepts_what_we_sign(issued: dict[str, bytes], kind: str) -> None:
    schema = etree.XMLSchema(etree.parse(shared("schemas/saml/ehdsi-assertion.xsd")))
    schema.assertValid(etree.fromstring(issued[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_pysaml2_reads_what_we_sign(issued: dict[str, bytes], kind: str) -> None:
    assertion = saml.assertion_from_string(issued[kind])
    assert assertion is not None
    assert assertion.subject.name_id.text == "899700000001"
    assert assertion.conditions.audience_restriction[0].audience[0].text == "urn:ehdsi:assertions.audience:x-border"
    assert assertion.issuer.name_qualifier.startswith("urn:ehdsi:assertions:")
    assert assertion.signature is not None
    names = {attribute.name for attribute in assertion.attribute_statement[0].attribute}
    assert facts.PURPOSE_OF_USE in names


def test_the_profile_of_the_signature_is_the_one_everybody_accepts(issued: dict[str, bytes], french: Seal) -> None:
    """RSA-SHA256, exclusive C14N, PrefixList xs, ``#ID``, one certificate, directly behind Issuer, in one line."""
    root = etree.fromstring(issued["hcp"])
    signature = root[1]
    assert root[0].tag == f"{{{SAML}}}Issuer"
    ds = "{http://www.w3.org/2000/09/xmldsig#}"
    algorithms = [element.get("Algorithm") for element in signature.iter() if element.get("Algorithm")]
    assert algorithms == [
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/04/xmlenc#sha256",
    ]
    assert [element.get("PrefixList") for element in signature.iter() if element.get("PrefixList")] == ["xs"]
    assert [r.get("URI") for r in signature.iter(f"{ds}Reference")] == ["#" + str(root.get("ID"))]
    assert len(list(signature.iter(f"{ds}X509Certificate"))) == 1
    assert root.nsmap["xs"] == "http://www.w3.org/2001/XMLSchema"
    assert b"\n" not in issued["hcp"]


def test_role_and_purpose_stand_without_prefix_and_type(issued: dict[str, bytes]) -> None:
    """OpenNCP finds them by their literal tag name, and its schema refuses ``xsi:type="CE"``."""
    assert b'<saml:AttributeValue><Role xmlns="urn:hl7-org:v3" code="221"' in issued["hcp"]
    assert b'<saml:AttributeValue><PurposeOfUse xmlns="urn:hl7-org:v3" code="TREATMENT"' in issued["trc"]


def test_what_was_issued_is_what_is_read(issued: dict[str, bytes]) -> None:
    caller = verify_message(message(issued["nok"], issued["hcp"]))
    assert caller.warnings == ()
    hcp = caller.hcp
    assert (hcp.name_id, hcp.subject, hcp.roles, hcp.role_name) == (
        "899700000001",
        "Camille Exemple",
        ("221",),
        "Medical Doctors",
    )
    assert hcp.organisation == "Maison de santé <Rennes> & fils"
    assert hcp.home_community == "urn:oid:1.2.999.1"
    assert hcp.permissions == set(ALL_PERMISSIONS)
    assert hcp.not_on_or_after - hcp.not_before == timedelta(hours=4)
    assert hcp.authenticated == AT - timedelta(seconds=19)
    assert caller.nok is None or caller.nok.birth_date == "1978-01-02"


def issue_pair(**trc: object) -> tuple[bytes, bytes]:
    hcp = new_hcp()
    return hcp, new_trc(claims_of(hcp), **trc)


def test_a_treatment_is_read_back_with_all_it_says() -> None:
    hcp, trc = issue_pair(prescription_id="RX-1", dispensation_pin="1234", purpose="EMERGENCY")
    caller = verify_message(message(hcp, trc), needs_treatment=True)
    assert caller.trc is not None
    assert caller.trc.patient == P
    assert (caller.trc.prescription_id, caller.trc.dispensation_pin) == ("RX-1", "1234")
    assert caller.trc.purpose == "EMERGENCY"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("subject-id", [facts.SUBJECT_ID]),
        ("resource-id", [facts.RESOURCE_ID]),
        ("both", [facts.SUBJECT_ID, facts.RESOURCE_ID]),
    ],
)
def test_the_patient_attribute_is_the_one_the_peer_reads(choice: str, names: list[str]) -> None:
    _, trc = issue_pair(patient_attribute=choice)
    found = [
        attribute.get("Name")
        for attribute in etree.fromstring(trc).iter(f"{{{SAML}}}Attribute")
        if attribute.get("Name") in (facts.SUBJECT_ID, facts.RESOURCE_ID)
    ]
    assert found == names
    values = {v.text for v in etree.fromstring(trc).iter(f"{{{SAML}}}AttributeValue") if v.text and "^" in v.text}
    assert values == {PATIENT}


def test_the_patient_attribute_follows_the_wave_of_the_peer() -> None:
    assert [patient_attribute_for(wave) for wave in (None, 6, 7, 8, 9)] == [
        "both",
        "both",
        "both",
        "subject-id",
        "subject-id",
    ]


def test_a_treatment_never_outlives_its_professional() -> None:
    hcp = claims_of(new_hcp(lifetime=timedelta(minutes=30)))
    trc = etree.fromstring(new_trc(hcp))
    conditions = trc.find(f"{{{SAML}}}Conditions")
    assert conditions is not None
    assert conditions.get("NotOnOrAfter") == "2026-03-02T08:40:00.000Z"
    with pytest.raises(RequestError) as refused:
        new_trc(hcp, at=AT + timedelta(minutes=30))
    assert refused.value.reason == "time.expired"


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"role": "9999"}, Code.HPI_INSUFFICIENT_INFORMATION, "role.unknown"),
        ({"facility_type": "hospital"}, Code.HPI_GENERIC, "facility.unknown"),
        ({"authentication_class": CLASS[:-3]}, Code.WEAK_AUTHENTICATION, "authn.weak"),
        ({"authenticated": AT + timedelta(seconds=1)}, Code.HPI_GENERIC, "time.authenticated"),
        ({"name": " "}, Code.HPI_NO_INFORMATION, "attr.missing"),
        ({"identifier": ""}, Code.HPI_NO_INFORMATION, "attr.missing"),
        ({"locality": ""}, Code.HPI_POC_NO_INFORMATION, "attr.missing"),
        ({"purpose": "treatment"}, Code.NOT_ALLOWED, "purpose.refused"),
        ({"name": "nul \0"}, Code.ASSERTION_NOT_VALID, "attr.value"),
        ({"name": "two\nlines"}, Code.ASSERTION_NOT_VALID, "attr.value"),
        ({"organisation": "\ud800"}, Code.ASSERTION_NOT_VALID, "attr.value"),
    ],
)
def test_nothing_is_issued_that_we_would_refuse(change: dict[str, object], code: str, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        new_hcp(professional(**change))
    assert (refused.value.code, refused.value.reason) == (code, reason)


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1), timedelta(hours=4, milliseconds=1)])
def test_a_lifetime_is_positive_and_four_hours_at_most(lifetime: timedelta) -> None:
    with pytest.raises(RequestError):
        new_hcp(lifetime=lifetime)


@pytest.mark.parametrize(
    "patient", [II("1.2.3", ""), II("", "x"), II("1.2.3", "a^b"), II("1.2&3", "x"), II("1^2", "x")]
)
def test_a_patient_that_cannot_be_written_as_cx_is_refused(patient: II) -> None:
    with pytest.raises(RequestError):
        new_trc(claims_of(new_hcp()), patient)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40
).filter(lambda text: text.strip() and not {"\ufffe", "\uffff"} & set(text))


@settings(max_examples=60, deadline=None)
@given(name=TEXTS, locality=TEXTS, identifier=TEXTS, organisation=TEXTS)
def test_any_text_of_unicode_survives_the_journey(name: str, locality: str, identifier: str, organisation: str) -> None:
    data = new_hcp(professional(name=name, locality=locality, identifier=identifier, organisation=organisation))
    claims = claims_of(data)
    assert (claims.subject, claims.locality, claims.name_id, claims.organisation) == (
        name.strip(),
        locality.strip(),
        identifier.strip(),
        organisation.strip(),
    )
    assert xmlsec_accepts(data, seal_of("FR").certificate)


EXTENSIONS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="^\ufffe\uffff"),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() and "&amp;" not in text)


@settings(max_examples=40, deadline=None)
@given(extension=EXTENSIONS)
def test_any_patient_survives_the_journey(extension: str) -> None:
    hcp = new_hcp()
    trc = new_trc(claims_of(hcp), II("1.2.999.50", extension))
    caller = verify_message(message(hcp, trc), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient == II("1.2.999.50", extension.strip())


def test_a_fresh_process_signs_and_verifies_alike() -> None:
    """lxml knows a prefix of a PrefixList only once a parser of that thread has met it; nothing may rely on luck."""
    script = """
from tests.saml_assertions.test_issue import new_hcp
from tests.support.assertions import message, seal_of, verify_message, xmlsec_accepts
data = new_hcp()
assert b'xmlns:xs=' in data
assert xmlsec_accepts(data, seal_of("FR").certificate)
assert verify_message(message(data)).country == "FR"
print("good")
"""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "good", done.stderr


def test_a_fresh_thread_signs_and_verifies_alike() -> None:
    def journey() -> bool:
        data = new_hcp()
        return verify_message(message(data)).country == "FR" and xmlsec_accepts(data, seal_of("FR").certificate)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: journey(), range(8)))


def test_a_message_parsed_in_one_thread_is_verified_in_another() -> None:
    """With a prefix no parser of this process has met before: one thread learns it by parsing, the other does not."""
    from ncp.wire.xml import NS_WSSE, parse
    from saml_assertions.rules import VerificationRules
    from saml_assertions.verify import verify
    from tests.support.assertions import ENVELOPED_STEP, EXC, honest_trust, seal, tls_peer

    prefix = f"never{uuid.uuid4().hex}"
    unsigned = unsigned_hcp().replace("xmlns:xs=", f"xmlns:{prefix}=", 1).replace('"xs:string"', f'"{prefix}:string"')
    listed = f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{prefix}"/>'
    step = f'<ds:Transform Algorithm="{EXC}">{listed}</ds:Transform>'
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        data = message(
            pool.submit(
                seal, unsigned, seal_of("FR"), transforms=ENVELOPED_STEP + step, digest_prefixes=(prefix,)
            ).result()
        )
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        root = pool.submit(parse, data).result()
    blocks = tuple(root.iter(f"{{{NS_WSSE}}}Security"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        caller = pool.submit(
            verify,
            blocks,
            root,
            needs_treatment=False,
            trust=honest_trust(),
            peer=tls_peer(),
            rules=VerificationRules(),
            at=AT,
        ).result()
    assert caller.country == "FR"


@pytest.mark.parametrize(
    "unsigned",
    [
        b"<x/>",
        unsigned_hcp().replace(' ID="_', ' ID="urn:uuid:').encode(),
        unsigned_hcp()
        .replace(' xmlns:xs="http://www.w3.org/2001/XMLSchema"', "")
        .replace('xsi:type="xs:string"', "")
        .encode(),
        new_hcp(),
        b"not xml",
    ],
)
def test_only_a_whole_unsigned_assertion_is_signed(unsigned: bytes, french: Seal) -> None:
    with pytest.raises(ValueError):
        sign(unsigned, french)


def test_the_country_of_the_issuer_is_written() -> None:
    assert b">urn:idp:HR:countryB<" in new_hcp(country=CountryCode("HR"))


def test_forwarded_bytes_still_verify_after_a_round_trip(issued: dict[str, bytes]) -> None:
    """NCP-B passes on what a portal sent: unsigned parts may move, signed ones may not."""
    once = verify_message(message(issued["hcp"])).assertions[0]
    twice = verify_message(message(once)).assertions[0]
    assert once == twice
    assert verify_message(message(twice)).hcp == claims_of(issued["hcp"])
