"""Small messages that would make much work before any signature is looked at: bounded in time and memory.

The bounds of ``ncp.wire.xml`` are tested here with what they protect.
"""

from __future__ import annotations

import contextlib
import time

import pytest
from lxml import etree

from ncp.wire.errors import SecurityError
from ncp.wire.xml import XmlRefused, parse
from saml_assertions import signature
from saml_assertions.replay import body_digest
from tests.support.assertions import HCP_ID, SAML, attribute, message, seal, seal_of, unsigned_hcp, verify_message

pytestmark = pytest.mark.attack

H = seal(unsigned_hcp(), seal_of("FR"))
END = b"</saml:AttributeStatement>"
LONG = b"urn:" + b"u" * 1_000_000


def declared(count: int) -> bytes:
    return b" ".join(b'xmlns:a%d="u:%d"' % (number, number) for number in range(count))


HOSTILE = {
    "a long namespace name that many elements use": message(
        H.replace(END, attribute("urn:x", ">" + "<a:b/>" * 30_000).encode() + END).replace(
            b"<saml:Assertion ", b'<saml:Assertion xmlns:a="%s" ' % LONG, 1
        )
    ),
    "a long namespace name that many attributes use": message(
        H.replace(
            b"<saml:Issuer ", b"<saml:Issuer " + b" ".join(b'a:x%d=""' % n for n in range(400)) + b" ", 1
        ).replace(b"<saml:Assertion ", b'<saml:Assertion xmlns:a="%s" ' % LONG, 1)
    ),
    "a long namespace name behind a long prefix": message(
        H.replace(b"<saml:Assertion ", b'<saml:Assertion xmlns:%s="%s" ' % (b"p" * 40_000, LONG), 1)
    ),
    "many attributes on one element": message(
        H.replace(b"<saml:Issuer ", b"<saml:Issuer " + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b" ", 1)
    ),
    "many attributes in the body": message(H, body=b"<q " + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b"/>"),
    "many namespace declarations": message(
        H.replace(b"<saml:Assertion ", b"<saml:Assertion " + declared(4_900) + b" ", 1)
    ),
    "a long prefix list": message(
        H.replace(b"<saml:Assertion ", b"<saml:Assertion " + declared(4_000) + b" ", 1).replace(
            b'PrefixList="xs"', b'PrefixList="%s"' % b" ".join(b"a%d" % n for n in range(4_000))
        )
    ),
    "many elements with the assertion's ID": message(
        H, body=b"<q>" + b'<r id="%s"/>' % HCP_ID.encode() * 20_000 + b"</q>"
    ),
    "many attribute elements": message(H.replace(END, b'<saml:Attribute Name="x"/>' * 40_000 + END)),
    "many assertions": message(*[H] * 150),
    "deep elements in a value": message(
        H.replace(END, attribute("urn:x", ">" + "<a>" * 90 + "</a>" * 90).encode() + END)
    ),
    "a megabyte of white space in the signature value": message(
        H.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>" + b" " * 1_000_000)
    ),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_small_message_cannot_make_much_work(data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(XmlRefused, SecurityError):
        verify_message(data)
    # A hundred times what an honest message takes, on a busy machine.
    assert time.process_time() - start < 3


def test_a_canonical_form_is_bounded() -> None:
    """Without the parser's bound, which others may set aside: the long name is repeated on every sibling."""
    root = etree.fromstring(b'<x xmlns:a="%s">%s</x>' % (LONG, b"<a:b/>" * 1_000))
    for canonicalise in (signature.canonicalise, body_digest):
        with pytest.raises(SecurityError) as refused:
            canonicalise(root)  # type: ignore[operator]
        assert refused.value.reason == "xml.too_large"


def test_a_prefix_list_is_bounded_where_nobody_writes_as_many() -> None:
    good = H.replace(b'PrefixList="xs"', b'PrefixList="%s"' % b" ".join(b"p%d" % n for n in range(32)))
    many = H.replace(b'PrefixList="xs"', b'PrefixList="%s"' % b" ".join(b"p%d" % n for n in range(33)))
    for data, reason in ((good, "sig.digest"), (many, "sig.transform")):
        with pytest.raises(SecurityError) as refused:
            verify_message(message(data))
        assert refused.value.reason == reason


PADDING = b"<p>" + b"x" * 40_000 + b"</p>"


@pytest.mark.parametrize("written", [b' xmlns:a="%s"', b" xmlns:a = '%s'", b'\nxmlns="%s"', b'\txmlns:a\n=\n"%s"'])
def test_namespace_names_have_a_bound(written: bytes) -> None:
    assert parse(b"<x" + written % (b"u" * 512) + b">" + PADDING + b"</x>").tag is not None
    with pytest.raises(XmlRefused) as refused:
        parse(b"<x" + written % (b"u" * 513) + b">" + PADDING + b"</x>")
    assert refused.value.reason == "xml.too_large"


def test_long_texts_and_values_are_no_namespace_names() -> None:
    text = b'<x a="%s"> xmlns and more <y>%s</y></x>' % (b"v" * 60_000, b"QUJD\n" * 10_000)
    assert parse(text)[0].text is not None


def test_the_search_for_long_names_takes_no_time_to_speak_of() -> None:
    start = time.process_time()
    for data in (
        b" xmlns:a=" + b" " * 1_900_000,
        (b" xmlns:a=" + b" " * 370) * 4_900,
        b" xmlns:" * 4_900 + b"a" * 1_000_000,
    ):
        with pytest.raises(XmlRefused):
            parse(data)
    assert time.process_time() - start < 3


def test_an_element_has_a_bounded_number_of_attributes() -> None:
    for count, fits in ((500, True), (501, False)):
        data = b"<x><y " + b" ".join(b'a%d=""' % n for n in range(count)) + b"/></x>"
        if fits:
            assert len(parse(data)[0].attrib) == 500
        else:
            with pytest.raises(XmlRefused) as refused:
                parse(data)
            assert refused.value.reason == "xml.too_large"


def test_an_ordinary_assertion_is_far_from_every_bound() -> None:
    caller = verify_message(message(H))
    assert caller.verified[0].canonical.count(b"<") < 200
    assert len(caller.verified[0].canonical) < signature.CANONICAL_MAX // 1_000
    assert etree.fromstring(caller.verified[0].canonical).tag == f"{{{SAML}}}Assertion"


def test_an_id_in_some_other_attribute_is_no_duplicate() -> None:
    """The quick count sees the value twice; the exact one sees that the other attribute is no ID."""
    assert verify_message(message(H, body=b'<q about="%s"/>' % HCP_ID.encode())).hcp.id == HCP_ID
