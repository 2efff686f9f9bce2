"""The one way into XML: what it refuses, why, and how fast. Attack rows P1-P6, P11 of our list of attacks."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire import xml
from ncp.wire.xml import XmlLimits, XmlRefused, parse

pytestmark = pytest.mark.attack


def refused(data: bytes, limits: XmlLimits = xml.MESSAGE_LIMITS) -> str:
    with pytest.raises(XmlRefused) as caught:
        parse(data, limits)
    return caught.value.reason


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?>\n<!-- c --><?pi x?>\n<!DOCTYPE a []><a/>",
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        b"<!DOCTYPE a [<!ENTITY % p 'x'> %p;]><a/>",
        b"<!DOCTYPE a [<!ATTLIST a other ID #IMPLIED>]><a other='x'/>",
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'><a/>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/hostname' [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><a>&e;</a>",
    ],
)
def test_a_document_type_declaration_is_refused_whatever_it_declares(data: bytes) -> None:
    assert refused(data) == "xml.dtd"


def test_nested_entities_cost_no_time() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 30))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "lol">{levels}]><a>&e29;</a>'.encode()
    begin = time.perf_counter()
    assert refused(bomb) == "xml.dtd"
    assert time.perf_counter() - begin < 0.1


def test_nothing_in_a_document_makes_a_network_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        parse(
            f'<?xml-stylesheet href="{address}"?><a xmlns:xi="http://www.w3.org/2001/XInclude" '
            f'xmlns:xsi="{xml.NS_XSI}" xsi:schemaLocation="urn:a {address}"><xi:include href="{address}"/></a>'.encode()
        )
        assert refused(f"<!DOCTYPE a SYSTEM '{address}'><a/>".encode()) == "xml.dtd"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_word_doctype_inside_text_comment_or_cdata_is_no_declaration() -> None:
    root = parse(b"<!-- <!DOCTYPE x> --><a><![CDATA[<!DOCTYPE x>]]><!-- <!DOCTYPE x> --></a>")
    assert xml.text_of(root) == "<!DOCTYPE x>"


def test_an_entity_that_nobody_declared_is_malformed() -> None:
    assert refused(b"<a>&nbsp;</a>") == "xml.malformed"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("<a/>".encode("utf-16"), "xml.encoding"),
        ("<a/>".encode("utf-16-le"), "xml.encoding"),
        ("<a/>".encode("utf-16-be"), "xml.encoding"),
        ("<a/>".encode("utf-32"), "xml.encoding"),
        ("<a/>".encode("utf-32-be"), "xml.encoding"),
        ("<?xml version='1.0'?><a/>".encode("cp037"), "xml.encoding"),
        (b"+/v8-<a/>", "xml.encoding"),
        (b"+ADw-a/+AD4-", "xml.malformed"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a/>", "xml.encoding"),
        (b"<?xml version='1.0' encoding='UTF-16'?><a/>", "xml.encoding"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "xml.encoding"),
        (b"<?xml version='1.0' encoding=''?><a/>", "xml.encoding"),
        (b"<?xml version='1.0'" + b" " * 5000 + b"encoding='ISO-8859-1'?><a>\xe9</a>", "xml.encoding"),
        (b"<a>\xe9</a>", "xml.malformed"),
        (b"<a>\xc0\xaf</a>", "xml.malformed"),
        (b"<a>\xed\xa0\x80</a>", "xml.malformed"),
        (b"<a>&#xD800;</a>", "xml.malformed"),
        (b"<a>\x00</a>", "xml.malformed"),
        (b"<a>&#0;</a>", "xml.malformed"),
        (b"<a/>\x00", "xml.malformed"),
        (b"", "xml.malformed"),
        (b"   ", "xml.malformed"),
        (b"not xml", "xml.malformed"),
        (b"<a>", "xml.malformed"),
        (b"<a/><b/>", "xml.malformed"),
        (b" <?xml version='1.0'?><a/>", "xml.malformed"),
        (b"<p:a/>", "xml.malformed"),
        (b"<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", "xml.malformed"),
        (b"<a b='' b=''/>", "xml.malformed"),
        (b"<!doctype a><a/>", "xml.malformed"),
    ],
)
def test_what_is_not_utf8_xml_is_refused_by_a_stable_reason(data: bytes, reason: str) -> None:
    assert refused(data) == reason


@pytest.mark.parametrize("name", ["utf-8", "UTF-8", "us-ascii"])
def test_a_byte_order_mark_and_a_declaration_of_utf8_are_read(name: str) -> None:
    root = parse(f"\ufeff<?xml version='1.0' encoding='{name}'?><a>é</a>".encode())
    assert root.text == "é"


def test_a_charset_of_the_transport_outranks_the_declaration() -> None:
    declared = "<?xml version='1.0' encoding='ISO-8859-1'?><a>é</a>".encode()
    assert parse(declared, charset="utf-8").text == "é"
    with pytest.raises(XmlRefused) as caught:
        parse(b"<a/>", charset="iso-8859-1")
    assert caught.value.reason == "xml.encoding"


def test_a_thousand_nested_elements_are_too_deep() -> None:
    assert refused(b"<a>" * 1000 + b"</a>" * 1000) in ("xml.too_deep", "xml.malformed")


@pytest.mark.parametrize("limit", [5, 16, 17, 100])
def test_the_depth_limit_is_exact(limit: int) -> None:
    parse(b"<a>" * limit + b"</a>" * limit, XmlLimits(depth=limit))
    assert refused(b"<a>" * (limit + 1) + b"</a>" * (limit + 1), XmlLimits(depth=limit)) == "xml.too_deep"


def test_the_size_limit_is_exact() -> None:
    parse(b"<a>1</a>", XmlLimits(size=8))
    assert refused(b"<a>12</a>", XmlLimits(size=8)) == "xml.too_large"


def test_elements_attributes_and_namespaces_are_counted() -> None:
    small = XmlLimits(elements=10, attributes=20, namespaces=5)
    parse(b"<a>" + b"<b/>" * 9 + b"</a>", small)
    assert refused(b"<a>" + b"<b/>" * 10 + b"</a>", small) == "xml.too_large"
    assert refused(b"<a>" + b"<b></b>" * 10 + b"</a>", small) == "xml.too_large"
    attributes = b" ".join(b'a%d=""' % n for n in range(20))
    parse(b"<a " + attributes + b"/>", small)
    assert refused(b"<a " + attributes + b' z=""/>', small) == "xml.too_large"
    namespaces = b" ".join(b'xmlns:a%d="u"' % n for n in range(5))
    parse(b"<a " + namespaces + b"/>", small)
    assert refused(b"<a " + namespaces + b' xmlns="u"/>', small) == "xml.too_large"


def test_the_limit_of_attributes_of_one_element_is_exact_wherever_it_stands() -> None:
    for around in (b"%s", b"<r><x/>%s</r>", b"<r><x>%s</x></r>"):
        many, more = (b"<a " + b" ".join(b'a%d=""' % n for n in range(count)) + b"/>" for count in (500, 501))
        parse(around % many)
        assert refused(around % more) == "xml.too_large"


@pytest.mark.parametrize("blank", [b" ", b"\t", b"\n", b"\r\n  "])
@pytest.mark.parametrize("declaration", [b'xmlns="%s"', b"xmlns:p='%s'", b'xmlns:p = "%s"', b'xmlns\n="%s"'])
def test_a_long_namespace_name_is_refused_in_a_large_document(declaration: bytes, blank: bytes) -> None:
    filling = b"<b/>" * 10_000
    long, short = (b"<a" + blank + declaration % (b"u" * size) + b">" + filling + b"</a>" for size in (513, 512))
    parse(short)
    assert refused(long) == "xml.too_large"
    # Not a declaration: the word inside a name.
    parse(b'<a xxmlns="' + b"u" * 513 + b'">' + filling + b"</a>")


@pytest.mark.parametrize(
    "data",
    [
        b"<a " + b" ".join(b'a%d=""' % n for n in range(100_001)) + b"/>",
        b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(10_000)) + b"/>",
        b"<a>" + b"<b/>" * 60_000 + b"</a>",
        b"<a b='" + b"x" * 50_000_000 + b"'/>",
    ],
    ids=["attributes", "namespaces", "elements", "value"],
)
def test_floods_are_refused_in_bounded_time(data: bytes) -> None:
    begin = time.perf_counter()
    assert refused(data) == "xml.too_large"
    assert time.perf_counter() - begin < 0.1


def test_a_refusal_never_quotes_the_input() -> None:
    with pytest.raises(XmlRefused) as caught:
        parse(b"<patient><name>Jansen</nam>")
    assert "Jansen" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_comments_are_kept_and_text_is_read_across_them() -> None:
    root = parse(b"<a>admin<!-- x -->.evil<?pi?>!<b>no</b></a>")
    assert len(root) == 3
    assert xml.text_of(root) == "admin.evil!"


def test_text_over_ten_megabytes_needs_the_limits_of_a_document() -> None:
    data = b"<a>" + b"A" * 10_100_000 + b"</a>"
    assert refused(data, XmlLimits(size=20_000_000)) == "xml.malformed"
    assert len(parse(data, XmlLimits(size=20_000_000, long_text=True)).text or "") == 10_100_000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        assert isinstance(parse(data), etree._Element)
    except XmlRefused as error:
        assert error.reason.startswith("xml.")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 399), st.binary(min_size=1, max_size=4))
def test_mutated_messages_parse_or_are_refused(at: int, change: bytes) -> None:
    message = (b"<?xml version='1.0' encoding='UTF-8'?><e:Envelope xmlns:e='u'><e:Body a='1'>" + b"<x>y</x>" * 45)[:390]
    message += b"</e:Body></e:Envelope>"
    try:
        parse(message[:at] + change + message[at + len(change) :])
    except XmlRefused as error:
        assert error.reason.startswith("xml.")
