"""Ours against others' on mutated messages: whatever we accept, xmlsec accepts, and the schema too.

The other way round is not asked: this profile is stricter on purpose.
"""

from __future__ import annotations

import functools
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import SecurityError
from ncp.wire.xml import XmlRefused, parse
from saml_assertions import structure
from tests.shared import shared
from tests.support.assertions import (
    HCP_ID,
    SAML,
    message,
    seal,
    seal_of,
    unsigned_hcp,
    unsigned_nok,
    unsigned_trc,
    verify_message,
    xmlsec_accepts,
)

pytestmark = pytest.mark.attack

CERTIFICATE = seal_of("FR").certificate
GOOD = message(seal(unsigned_hcp(), seal_of("FR")))
DECLARED = (SecurityError, XmlRefused)

# Pieces that attacks are made of, to be put anywhere.
_SIGNATURE = re.search(rb"<ds:Signature .*?</ds:Signature>", GOOD, re.DOTALL)
assert _SIGNATURE is not None
PIECES = [
    b"<!-- -->",
    b"<?p?>",
    b" ",
    b"\n",
    b"&#13;",
    b"<![CDATA[]]>",
    b"<x/>",
    b'<saml:x xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>',
    b' ID="%s"' % HCP_ID.encode(),
    b' xmlns:xs="urn:other"',
    b' xmlns="urn:other"',
    b' xml:id="x"',
    _SIGNATURE.group(),
    b"<ds:Object/>",
    b"#default",
    b" xs",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The good message after a few cuts, copies, insertions, swaps of tags and changed bytes."""
    data = GOOD
    for _ in range(draw(st.integers(1, 4))):
        tags = [match.start() for match in re.finditer(rb"<", data)] or [0]
        kind = draw(st.integers(0, 4))
        at = draw(st.sampled_from(tags)) if draw(st.booleans()) else draw(st.integers(0, max(0, len(data) - 1)))
        other = draw(st.sampled_from(tags))
        if kind == 0:
            data = data[:at] + draw(st.sampled_from(PIECES)) + data[at:]
        elif kind == 1:
            data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        elif kind == 2:
            low, high = sorted((at, other))
            data = data[:low] + data[high:]
        elif kind == 3:
            low, high = sorted((at, other))
            data = data[:high] + data[low:high] + data[high:]
        else:
            ends = [match.end() for match in re.finditer(rb">", data)] or [0]
            end = draw(st.sampled_from(ends))
            data = data[:end] + draw(st.sampled_from(PIECES)) + data[end:]
    return data[:200_000]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_whatever_we_accept_xmlsec_accepts(data: bytes) -> None:
    try:
        caller = verify_message(data)
    except DECLARED:
        return
    assert caller.hcp.name_id == "899700000001"
    assert xmlsec_accepts(data, CERTIFICATE, caller.hcp.id)
    assert xmlsec_accepts(caller.assertions[0], CERTIFICATE)


SIGNED_PLACES = re.compile(rb"(?<=<ds:)[A-Za-z0-9]+|(?<=Algorithm=\")[^\"]*|(?<=PrefixList=\")[^\"]*|(?<=URI=\")[^\"]*")
WORDS = [
    b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    b"http://www.w3.org/2001/10/xml-exc-c14n#",
    b"http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    b"http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    b"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    b"http://www.w3.org/2001/04/xmlenc#sha512",
    b"",
    b"#" + HCP_ID.encode(),
    b"#default",
    b"xs saml",
    b"Object",
    b"Manifest",
    b"KeyValue",
    b"X509Data",
    b"Reference",
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_words_of_the_signature_swapped_for_others_are_refused_or_accepted_by_xmlsec_too(data: st.DataObject) -> None:
    places = list(SIGNED_PLACES.finditer(GOOD))
    place = data.draw(st.sampled_from(places))
    changed = GOOD[: place.start()] + data.draw(st.sampled_from(WORDS)) + GOOD[place.end() :]
    try:
        caller = verify_message(changed)
    except DECLARED:
        return
    assert xmlsec_accepts(changed, CERTIFICATE, caller.hcp.id)


@functools.cache
def official_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared("schemas/saml/ehdsi-assertion.xsd")))


UNSIGNED = [unsigned_hcp().encode(), unsigned_trc().encode(), unsigned_nok().encode()]
XML_PIECES = [
    b"<saml:Subject/>",
    b"<saml:Conditions/>",
    b"<saml:Advice/>",
    b"<saml:Audience>x</saml:Audience>",
    b"<saml:Attribute/>",
    b'<saml:Attribute Name="x"/>',
    b"<saml:AttributeValue/>",
    b"<saml:AuthnContext/>",
    b"<saml:OneTimeUse/>",
    b"<saml:Issuer/>",
    b"text",
    b"<x/>",
    b' Version="2.0"',
    b' x="y"',
    b' xml:lang="fr"',
    b' NotBefore="2026-03-02T08:00:00Z"',
    b' Name="x"',
]


@st.composite
def mutated_structure(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(UNSIGNED))
    for _ in range(draw(st.integers(1, 2))):
        tags = [m.start() for m in re.finditer(rb"<(?!/)", data)]
        ends = [m.end() for m in re.finditer(rb">", data)]
        names = [m.end() for m in re.finditer(rb"<[A-Za-z:]+", data)]
        kind = draw(st.integers(0, 3))
        if kind == 0:
            at = draw(st.sampled_from(ends))
            data = data[:at] + draw(st.sampled_from(XML_PIECES)) + data[at:]
        elif kind == 1:
            at = draw(st.sampled_from(names))
            data = data[:at] + draw(st.sampled_from(XML_PIECES)) + data[at:]
        elif kind == 2:
            low, high = sorted((draw(st.sampled_from(tags)), draw(st.sampled_from(tags))))
            data = data[:low] + data[high:]
        else:
            low, high = sorted((draw(st.sampled_from(tags)), draw(st.sampled_from(tags))))
            data = data[:high] + data[low:high] + data[high:]
    return data


@pytest.mark.parametrize("unsigned", UNSIGNED, ids=["hcp", "trc", "nok"])
def test_our_structure_and_the_schema_agree_on_what_is_good(unsigned: bytes) -> None:
    assertion = parse(unsigned)
    structure.check(assertion, official_schema())


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(mutated_structure())
def test_whatever_our_structure_accepts_the_official_schema_accepts(data: bytes) -> None:
    schema = official_schema()
    try:
        assertion = parse(data)
    except XmlRefused:
        return
    try:
        structure.check(assertion)
    except SecurityError:
        return
    # The one looseness: an empty AuthnContext or Subject is left to the step that says what is missing.
    for name in ("AuthnContext", "Subject"):
        if any(len(element) == 0 for element in assertion.iter(f"{{{SAML}}}{name}")):
            return
    if not schema.validate(assertion):
        # Nor is the spelling of a URI or a reference looked at, nor what stands in an AttributeValue: what matters of
        # them is compared with known values when it is read.
        messages = [str(error.message) for error in schema.error_log]
        value, coded = f"Element '{{{SAML}}}AttributeValue'", "Element '{urn:hl7-org:v3}"
        left_to_reading = ("xs:anyURI", "xs:NCName", value, coded, "Element 'x'")
        assert [m for m in messages if not any(part in m for part in left_to_reading)] == []


def test_a_handed_in_schema_is_asked_too(hcp: bytes) -> None:
    """With the files configured, both checks stand; the schema refuses what only it knows."""
    from saml_assertions.rules import VerificationRules

    rules = VerificationRules(schema=official_schema())
    assert verify_message(message(hcp), rules=rules).hcp.id == HCP_ID
    odd = unsigned_hcp().replace('xsi:type="xs:string"', 'xsi:type="xs:nonsense"', 1)
    with pytest.raises(SecurityError) as refused:
        verify_message(message(seal(odd, seal_of("FR"))), rules=rules)
    assert refused.value.reason == "schema.invalid"
