"""Signature wrapping: every shape of docs/assertions.md, moved to wsse:Security; none may be accepted.

Shapes after Somorovsky et al., "On Breaking SAML: Be Whoever You Want to Be", USENIX Security 2012.
O is the original signed assertion, S its signature, E the attacker's assertion.
"""

from __future__ import annotations

import re

import pytest

from ncp.wire.errors import Code, SecurityError
from tests.support.assertions import (
    DS,
    HCP_ID,
    Seal,
    envelope,
    message,
    seal,
    seal_of,
    security,
    unsigned_hcp,
    unsigned_trc,
    verify_message,
)

pytestmark = pytest.mark.attack

ORIGINAL = seal(unsigned_hcp(), seal_of("FR"))
_S = re.search(rb"<ds:Signature .*?</ds:Signature>", ORIGINAL, re.DOTALL)
assert _S is not None
S = _S.group()
O_WITHOUT_S = ORIGINAL.replace(S, b"")
EVIL_ID = "_e0000000-0000-4000-8000-000000000000"
E = (
    unsigned_hcp()
    .replace(HCP_ID, EVIL_ID)
    .replace("899700000001", "attacker")
    .replace('code="221"', 'code="2262"')
    .encode()
)
ISSUER_END = b"</saml:Issuer>"


def in_e(after_issuer: bytes = b"", at_end: bytes = b"", e: bytes = E) -> bytes:
    return e.replace(ISSUER_END, ISSUER_END + after_issuer, 1).replace(
        b"</saml:Assertion>", at_end + b"</saml:Assertion>"
    )


def as_kind(assertion: bytes, kind: bytes) -> bytes:
    return assertion.replace(b"urn:ehdsi:assertions:hcp", b"urn:ehdsi:assertions:" + kind)


def in_s(inner: bytes) -> bytes:
    return S.replace(b"</ds:Signature>", inner + b"</ds:Signature>")


def in_object(inner: bytes) -> bytes:
    return in_s(b"<ds:Object>" + inner + b"</ds:Object>")


SIGNED_INFO = re.search(rb"<ds:SignedInfo>.*</ds:SignedInfo>", S, re.DOTALL)
REFERENCE = re.search(rb"<ds:Reference .*</ds:Reference>", S, re.DOTALL)
DIGEST_VALUE = re.search(rb"<ds:DigestValue>.*</ds:DigestValue>", S)
assert SIGNED_INFO is not None and REFERENCE is not None and DIGEST_VALUE is not None

SAME_ID = E.replace(EVIL_ID.encode(), HCP_ID.encode())
EXTENSION = b'<x:Extensions xmlns:x="urn:x">%s</x:Extensions>'
OTHER_BLOCK = b'<x:Block xmlns:x="urn:x">%s</x:Block>'

CASES = {
    "XSW1 E carries S, O without S follows S": (message(in_e(S + O_WITHOUT_S)), {"sig.placement"}),
    "XSW2 O before S": (message(in_e(O_WITHOUT_S + S)), {"sig.placement"}),
    "XSW3 E first, O as sibling": (message(E, ORIGINAL), {"hcp.multiple"}),
    "XSW3b O first, E as sibling": (message(ORIGINAL, E), {"hcp.multiple"}),
    "XSW4 E contains O": (message(in_e(at_end=ORIGINAL)), {"sig.placement"}),
    "XSW5 E carries S, O without S is a sibling": (message(in_e(S), O_WITHOUT_S), {"hcp.multiple"}),
    "XSW5 with right counts, E is the HCP": (message(in_e(S), as_kind(O_WITHOUT_S, b"nok")), {"sig.reference"}),
    "XSW5 with right counts, O is the HCP": (message(as_kind(in_e(S), b"nok"), O_WITHOUT_S), {"sig.missing"}),
    "XSW6 O inside S after KeyInfo": (message(in_e(in_s(O_WITHOUT_S))), {"sig.object"}),
    "XSW7 foreign element with E under the same ID": (message(EXTENSION % SAME_ID, ORIGINAL), {"header.content"}),
    "XSW8 O in an Object of S": (message(in_e(in_object(O_WITHOUT_S))), {"sig.object"}),
    "XSW9 O in the Body, E with a copy of S": (message(in_e(S), body=ORIGINAL), {"sig.reference"}),
    "XSW9 O in the Body, E with S and O's ID": (message(in_e(S, e=SAME_ID), body=ORIGINAL), {"id.duplicate"}),
    "XSW9 O in another header block": (envelope(OTHER_BLOCK % ORIGINAL, security(in_e(S))), {"sig.placement"}),
    "XSW9 E beside O and O again": (message(in_e(S), ORIGINAL, body=ORIGINAL), {"hcp.multiple"}),
    "XSW10 two Security blocks": (envelope(security(E), security(ORIGINAL)), {"header.duplicate"}),
    "XSW10 two Security blocks, the other order": (envelope(security(ORIGINAL), security(E)), {"header.duplicate"}),
    "XSW10 two Security blocks, one for another role": (
        envelope(
            security(ORIGINAL),
            security(E).replace(
                b"<wsse:Security ", b'<wsse:Security env:role="http://www.w3.org/2003/05/soap-envelope/role/next" '
            ),
        ),
        {"header.duplicate"},
    ),
    "XSW11 O inside Advice of E": (
        message(E.replace(b"</saml:Conditions>", b"</saml:Conditions><saml:Advice>" + ORIGINAL + b"</saml:Advice>")),
        {"sig.placement"},
    ),
    "XSW12 S with an empty URI": (
        message(in_e(S.replace(b'URI="#' + HCP_ID.encode() + b'"', b'URI=""'))),
        {"sig.reference"},
    ),
    "XSW12 S without URI": (
        message(in_e(S.replace(b' URI="#' + HCP_ID.encode() + b'"', b""))),
        {"sig.reference"},
    ),
    "XSW13 two SignedInfo": (
        message(in_e(S.replace(SIGNED_INFO.group(), SIGNED_INFO.group() * 2))),
        {"sig.multiple"},
    ),
    "XSW13 two References": (
        message(in_e(S.replace(REFERENCE.group(), REFERENCE.group() * 2))),
        {"sig.reference"},
    ),
    "XSW13 two DigestValue": (
        message(ORIGINAL.replace(DIGEST_VALUE.group(), DIGEST_VALUE.group() * 2)),
        {"sig.reference"},
    ),
    "XSW14 two Signatures, the second a true one over O": (message(in_e(S + S)), {"schema.invalid", "sig.multiple"}),
    "XSW14 two Signatures in O": (message(ORIGINAL.replace(S, S + S)), {"schema.invalid", "sig.multiple"}),
    "XSW15 E has Id instead of ID": (
        message(in_e(S, e=SAME_ID.replace(b" ID=", b" Id=")), body=ORIGINAL),
        {"id.missing"},
    ),
    "XSW15 E has xml:id instead of ID": (
        message(in_e(S, e=SAME_ID.replace(b" ID=", b" xml:id=")), body=ORIGINAL),
        {"id.missing"},
    ),
    "XSW15 E has AssertionID instead of ID": (
        message(in_e(S, e=SAME_ID.replace(b" ID=", b" AssertionID=")), body=ORIGINAL),
        {"id.missing"},
    ),
    "XSW17 Signature as last child": (
        message(O_WITHOUT_S.replace(b"</saml:Assertion>", S + b"</saml:Assertion>")),
        {"schema.invalid"},
    ),
    "XSW17 Signature inside Subject": (
        message(O_WITHOUT_S.replace(b"<saml:Subject>", b"<saml:Subject>" + S)),
        {"schema.invalid"},
    ),
    "XSW17 Signature before Issuer": (
        message(O_WITHOUT_S.replace(b"<saml:Issuer", S + b"<saml:Issuer")),
        {"schema.invalid"},
    ),
    "XSW16 wsu:Id elsewhere equals O's ID": (
        message(
            ORIGINAL,
            body=b'<x wsu:Id="%s" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-'
            b'utility-1.0.xsd"/>' % HCP_ID.encode(),
        ),
        {"id.duplicate"},
    ),
    "XSW16 xml:id elsewhere equals O's ID": (
        message(ORIGINAL, body=b'<x xml:id="%s"/>' % HCP_ID.encode()),
        {"id.duplicate"},
    ),
    "XSW16 id elsewhere equals O's ID": (message(ORIGINAL, body=b'<x id="%s"/>' % HCP_ID.encode()), {"id.duplicate"}),
}


@pytest.mark.parametrize(("data", "reasons"), CASES.values(), ids=CASES.keys())
def test_a_wrapped_signature_is_refused(data: bytes, reasons: set[str]) -> None:
    with pytest.raises(SecurityError) as refused:
        verify_message(data)
    assert refused.value.reason in reasons
    assert refused.value.code == Code.SEC_DATA_INTEGRITY_NOT_ENSURED


def test_the_assertion_every_shape_starts_from_is_accepted() -> None:
    assert verify_message(message(ORIGINAL)).hcp.name_id == "899700000001"


def test_a_wrapped_treatment_is_counted_like_a_wrapped_professional(french: Seal) -> None:
    trc = seal(unsigned_trc(), french)
    evil = unsigned_trc().replace("TEST-0001", "TEST-0002").replace("_b0a9", "_e0a9").encode()
    for pair in ((evil, trc), (trc, evil)):
        with pytest.raises(SecurityError) as refused:
            verify_message(message(ORIGINAL, *pair), needs_treatment=True)
        assert refused.value.reason == "trc.multiple"


def test_a_security_block_of_another_document_is_refused() -> None:
    from ncp.wire.xml import NS_WSSE, parse
    from saml_assertions.rules import VerificationRules
    from saml_assertions.verify import verify
    from tests.support.assertions import AT, honest_trust, tls_peer

    root, other = parse(message(ORIGINAL)), parse(message(ORIGINAL))
    blocks = tuple(other.iter(f"{{{NS_WSSE}}}Security"))
    with pytest.raises(SecurityError) as refused:
        verify(
            blocks,
            root,
            needs_treatment=False,
            trust=honest_trust(),
            peer=tls_peer(),
            rules=VerificationRules(),
            at=AT,
        )
    assert refused.value.reason == "header.content"


def test_the_signature_namespace_cannot_be_faked() -> None:
    fake = ORIGINAL.replace(DS.encode() + b'">', b'urn:not-xmldsig">', 1)
    with pytest.raises(SecurityError) as refused:
        verify_message(message(fake))
    assert refused.value.reason == "schema.invalid"
