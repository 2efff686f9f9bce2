"""Assertions leave the client as they were signed."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import zeep
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from ncp_client import Contract, Gateway, Traits
from ncp_client.wire import NS_SOAP, NS_WSSE
from tests.support.frontend import HCP, Certificates

xmlsec = pytest.importorskip("xmlsec", reason="xmlsec judges the signatures; it is not installed")
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def signed(key: rsa.RSAPrivateKey, identifier: str) -> bytes:
    """An assertion with a prefix (``xs``) that only an ``xsi:type`` uses, as OpenNCP writes them."""
    root = etree.fromstring(
        f'<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="{identifier}" Version="2.0">'
        "<saml2:Issuer>urn:idp:FR:countryB</saml2:Issuer>"
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f'<ds:Reference URI="#{identifier}"><ds:Transforms><ds:Transform '
        f'Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}">'
        f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="xs"/></ds:Transform></ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
        "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
        '<saml2:AttributeStatement xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><saml2:Attribute Name="n">'
        '<saml2:AttributeValue xsi:type="xs:string">é &amp;  v</saml2:AttributeValue></saml2:Attribute>'
        "</saml2:AttributeStatement></saml2:Assertion>"
    )
    context = xmlsec.SignatureContext()
    context.key = _key(key)
    context.register_id(root, "ID")
    context.sign(root.find(f"{{{DS}}}Signature"))
    return etree.tostring(root)


def _key(key: rsa.RSAPrivateKey) -> Any:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM)


@pytest.mark.parametrize("contract", Contract)
def test_signatures_are_valid_in_the_bytes_that_are_sent(
    contract: Contract, key: rsa.RSAPrivateKey, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def post(self: zeep.Transport, address: str, message: Any, headers: Any) -> requests.Response:
        sent.append(message)
        raise requests.ConnectionError

    monkeypatch.setattr(zeep.Transport, "post", post)
    assertions = [signed(key, "_hcp"), signed(key, "_trc")]
    with Gateway(
        "https://localhost:1",
        certificate=certificates.path("portal.pem"),
        key=certificates.path("portal.key"),
        trust=certificates.path("ca.pem"),
        contract=contract,
    ) as gateway:
        for service, operation, argument in (
            (gateway.connector, "queryPatient", {"countryCode": "HR", "patientDemographics": {}}),
            (gateway.own, "renderDocument", {"view": "pdf", "content": b"x"}),
        ):
            with pytest.raises(Exception, match="ConnectionError"):
                service.call(operation, argument, assertions=assertions)
    for message in sent:
        root = etree.fromstring(message)
        header = root[0]
        assert header.tag == f"{{{NS_SOAP}}}Header"
        security = header[-1]
        assert security.tag == f"{{{NS_WSSE}}}Security"
        assert [each.get("ID") for each in security] == ["_hcp", "_trc"]
        for assertion in security:
            context = xmlsec.SignatureContext()
            context.key = _key(key)
            context.register_id(assertion, "ID")
            context.verify(assertion.find(f"{{{DS}}}Signature"))
    assert len(sent) == 2


def test_no_assertion_leaks_into_calls_that_need_none(url: str, certificates: Certificates) -> None:
    with Gateway(
        url,
        certificate=certificates.path("portal.pem"),
        key=certificates.path("portal.key"),
        trust=certificates.path("ca.pem"),
    ) as gateway:
        gateway.session(HCP).find_patient("HR", Traits(family="Novak"))
        messages: list[bytes] = []
        gateway.own._proxy._client.transport.session.hooks["response"].append(
            lambda response, **_: messages.append(response.request.body)
        )
        gateway.countries("fr")
    assert messages
    assert b"Assertion" not in messages[0]
