"""Multipart messages in every shape that peers give them, and what is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.wire.mtom import Attachment, MimeRefused, binary_of, content_type, include, read_message, write_multipart
from ncp.wire.soap import SoapFault
from ncp.wire.xml import parse

pytestmark = pytest.mark.attack

ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieve"
ROOT = b"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'/>"
DOCUMENT = b"<ClinicalDocument/>\r\n--almost\r\n\x00\xff\r\n"

AXIS2 = (
    'multipart/related; boundary="MIMEBoundary_1"; type="application/xop+xml"; start="<0.a@apache.org>"; '
    f'start-info="application/soap+xml"; action="{ACTION}"'
)
AXIS2_BODY = (
    b"--MIMEBoundary_1\r\n"
    b'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
    b"Content-Transfer-Encoding: binary\r\nContent-ID: <0.a@apache.org>\r\n\r\n" + ROOT + b"\r\n--MIMEBoundary_1\r\n"
    b"Content-Type: text/xml;charset=UTF-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <1.a@apache.org>\r\n\r\n"
    + DOCUMENT
    + b"\r\n--MIMEBoundary_1--\r\n"
)


def multipart(
    *parts: tuple[bytes, bytes], boundary: bytes = b"b", newline: bytes = b"\r\n", preamble: bytes = b""
) -> bytes:
    body = preamble
    for headers, data in parts:
        head = headers.replace(b"\n", newline) + newline if headers else b""
        body += b"--" + boundary + newline + head + newline + data + newline
    return body + b"--" + boundary + b"--"


def refused(header: str, body: bytes, **limits: int) -> tuple[str, int]:
    with pytest.raises(MimeRefused) as caught:
        read_message(header, body, **limits)
    return caught.value.reason, caught.value.http_status


# --- content types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "media", "parameters"),
    [
        ("application/soap+xml", "application/soap+xml", {}),
        (" Application/SOAP+XML ; Charset=UTF-8", "application/soap+xml", {"charset": "UTF-8"}),
        ('a/b;action="urn:x";charset=utf-8', "a/b", {"action": "urn:x", "charset": "utf-8"}),
        ("a/b; action=urn:x:y; charset = 'q'", "a/b", {"action": "urn:x:y", "charset": "'q'"}),
        (
            r'a/b; start-info="application/soap+xml; action=\"urn:x\""',
            "a/b",
            {"start-info": 'application/soap+xml; action="urn:x"'},
        ),
        ('a/b; p=""; ; q=2;', "a/b", {"p": "", "q": "2"}),
        ("a/b; start=<x@y>", "a/b", {"start": "<x@y>"}),
        ("a/b; flag; p=1", "a/b", {"p": "1"}),
        ('a/b; p="x;y=z"', "a/b", {"p": "x;y=z"}),
        ('a/b; p="x" junk; q=1', "a/b", {"p": "x", "q": "1"}),
    ],
)
def test_parameters_are_read_in_any_order_case_and_quoting(header: str, media: str, parameters: dict[str, str]) -> None:
    read = content_type(header)
    assert (read.media, dict(read.parameters)) == (media, parameters)


@pytest.mark.parametrize(
    ("header", "reason", "status"),
    [
        ("", "mime.media", 415),
        ("text", "mime.media", 415),
        ("a/b/c", "mime.media", 415),
        ("a/b; charset=x; charset=y", "mime.header", 400),
        ("a/b; " + "x" * 5000, "mime.header", 400),
    ],
)
def test_a_content_type_that_cannot_be_trusted_is_refused(header: str, reason: str, status: int) -> None:
    with pytest.raises(MimeRefused) as caught:
        content_type(header)
    assert (caught.value.reason, caught.value.http_status) == (reason, status)


def test_a_refusal_is_a_fault_of_the_sender() -> None:
    refusal = MimeRefused("mime.boundary", "text")
    assert isinstance(refusal, SoapFault) and refusal.kind == "Sender" and refusal.http_status == 400


# --- plain messages --------------------------------------------------------------------------------------------------


def test_a_plain_message_is_its_own_root() -> None:
    read = read_message(f'application/soap+xml; charset=UTF-8; action="{ACTION}"', ROOT)
    assert read.root is ROOT
    assert (read.action, read.is_multipart, read.media, read.charset) == (
        ACTION,
        False,
        "application/soap+xml",
        "utf-8",
    )
    assert read_message("text/xml", ROOT).media == "text/xml"


@pytest.mark.parametrize(
    "header", ["application/json", "text/html; charset=utf-8", "multipart/mixed; boundary=b", "application/xop+xml", ""]
)
def test_other_media_types_are_refused_with_415(header: str) -> None:
    assert refused(header, ROOT) == ("mime.media", 415)


# --- multipart shapes ------------------------------------------------------------------------------------------------


def test_the_form_of_axis2_is_read() -> None:
    read = read_message(AXIS2, AXIS2_BODY)
    assert (read.root, read.action, read.is_multipart, read.media) == (ROOT, ACTION, True, "application/soap+xml")
    assert bytes(read.attachments["1.a@apache.org"]) == DOCUMENT
    assert list(read.attachments) == ["1.a@apache.org"]


def test_the_form_of_cxf_is_read() -> None:
    """A preamble line break, a boundary with a colon, the action escaped inside start-info."""
    header = (
        'multipart/related; type="application/xop+xml"; boundary="uuid:1b2c"; start="<root.message@cxf.apache.org>"; '
        rf'start-info="application/soap+xml; action=\"{ACTION}\""'
    )
    body = multipart(
        (
            b'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\n'
            b"Content-Transfer-Encoding: binary\nContent-ID: <root.message@cxf.apache.org>",
            ROOT,
        ),
        (b"Content-Type: application/pdf\nContent-Transfer-Encoding: binary\nContent-ID: <u-1@host>", DOCUMENT),
        boundary=b"uuid:1b2c",
        preamble=b"\r\n",
    )
    read = read_message(header, body)
    assert (read.root, read.action) == (ROOT, ACTION)
    assert bytes(read.attachments["u-1@host"]) == DOCUMENT


def test_the_action_is_found_in_the_root_part_when_nowhere_else() -> None:
    outer = 'multipart/related; boundary=b; type="application/xop+xml"'
    direct = multipart((f'Content-Type: application/xop+xml; action="{ACTION}"'.encode(), ROOT))
    assert read_message(outer, direct).action == ACTION
    nested = multipart(
        (rf'Content-Type: application/xop+xml; type="application/soap+xml; action=\"{ACTION}\""'.encode(), ROOT)
    )
    assert read_message(outer, nested).action == ACTION
    assert read_message(outer, multipart((b"", ROOT))).action == ""


def test_soap_with_attachments_is_read() -> None:
    header = 'multipart/related; boundary=b; type="application/soap+xml"'
    body = multipart((b"Content-Type: application/soap+xml", ROOT), (b"Content-ID: <x>", DOCUMENT))
    read = read_message(header, body)
    assert (read.root, bytes(read.attachments["x"])) == (ROOT, DOCUMENT)


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; boundary=b; type="text/xml"',
        'multipart/related; boundary=b; type="application/xop+xml"; start-info="text/xml"',
    ],
)
def test_soap_11_in_a_multipart_is_told_as_such(header: str) -> None:
    assert read_message(header, multipart((b"", ROOT))).media == "text/xml"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ('multipart/related; boundary=b; type="image/png"', b"Content-Type: application/xop+xml"),
        ('multipart/related; boundary=b; type="application/xop+xml"', b"Content-Type: text/plain"),
        ("multipart/related; boundary=b", b"Content-Type: nonsense"),
    ],
)
def test_a_root_of_another_media_type_is_refused(outer: str, inner: bytes) -> None:
    assert refused(outer, multipart((inner, ROOT))) == ("mime.media", 415)


def test_the_root_is_named_by_start_and_else_the_first_part() -> None:
    body = multipart((b"Content-ID: <doc>", DOCUMENT), (b"Content-ID: <root>", ROOT))
    assert read_message('multipart/related; boundary=b; start="<root>"', body).root == ROOT
    assert read_message("multipart/related; boundary=b; start=root", body).root == ROOT
    assert read_message("multipart/related; boundary=b", body).root == DOCUMENT
    assert refused('multipart/related; boundary=b; start="<other>"', body) == ("mime.start", 400)


def test_documents_are_slices_of_the_received_bytes() -> None:
    read = read_message(AXIS2, AXIS2_BODY)
    view = read.attachments["1.a@apache.org"]
    assert isinstance(view, memoryview) and view.obj is AXIS2_BODY


def test_line_feeds_alone_are_tolerated_when_used_throughout() -> None:
    body = multipart((b"Content-ID: <r>", ROOT), (b"Content-ID: <d>", b"x\r\ny\r"), newline=b"\n")
    read = read_message("multipart/related; boundary=b", body)
    assert (read.root, bytes(read.attachments["d"])) == (ROOT, b"x\r\ny\r")


def test_a_line_feed_before_the_boundary_belongs_to_the_document_of_a_crlf_message() -> None:
    body = multipart((b"Content-ID: <r>", ROOT), (b"Content-ID: <d>", b"x\n--b\n"))
    assert bytes(read_message("multipart/related; boundary=b", body).attachments["d"]) == b"x\n--b\n"


def test_a_longer_boundary_inside_a_document_is_document() -> None:
    data = b"x\r\n--bb\r\n--b.\r\n--b -\r\ny"
    body = multipart((b"Content-ID: <r>", ROOT), (b"Content-ID: <d>", data))
    assert bytes(read_message("multipart/related; boundary=b", body).attachments["d"]) == data


@pytest.mark.parametrize("likeness", [b"\r\n--bX", b"\r\n--b" + b" " * 1001])
def test_a_document_full_of_what_looks_like_the_boundary_is_refused_at_once(likeness: bytes) -> None:
    body = multipart((b"Content-ID: <r>", ROOT), (b"Content-ID: <d>", likeness * 1001))
    with pytest.raises(MimeRefused) as refused:
        read_message("multipart/related; boundary=b", body)
    assert refused.value.reason == "mime.boundary"


def test_blanks_behind_a_boundary_preamble_and_epilogue_are_passed_over() -> None:
    body = b"This is MIME\r\n--b \t\r\nContent-ID: <r>\r\n\r\n" + ROOT + b"\r\n--b--  \r\nepilogue\r\n--b\r\n"
    assert read_message("multipart/related; boundary=b", body).root == ROOT


def test_folded_part_headers_are_joined() -> None:
    body = multipart(
        (b'Content-Type: application/xop+xml;\n\ttype="application/soap+xml";\n charset=UTF-8\nContent-ID:\n <r>', ROOT)
    )
    read = read_message('multipart/related; boundary=b; start="<r>"', body)
    assert (read.root, read.charset) == (ROOT, "utf-8")


def test_a_part_without_content_id_is_no_attachment() -> None:
    body = multipart((b"", ROOT), (b"Content-Type: text/plain", b"lost"))
    assert read_message("multipart/related; boundary=b", body).attachments == {}


def test_an_empty_document_is_empty() -> None:
    body = multipart((b"", ROOT), (b"Content-ID: <d>", b""))
    assert bytes(read_message("multipart/related; boundary=b", body).attachments["d"]) == b""


def test_a_part_in_base64_is_decoded() -> None:
    packed = base64.encodebytes(DOCUMENT)
    body = multipart((b"", ROOT), (b"Content-Transfer-Encoding: BASE64\nContent-ID: <d>", packed))
    assert read_message("multipart/related; boundary=b", body).attachments["d"] == DOCUMENT


@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        ("multipart/related", multipart((b"", ROOT)), "mime.boundary"),
        ('multipart/related; boundary=""', multipart((b"", ROOT)), "mime.boundary"),
        ('multipart/related; boundary="b "', multipart((b"", ROOT)), "mime.boundary"),
        ("multipart/related; boundary=bé", multipart((b"", ROOT)), "mime.boundary"),
        ("multipart/related; boundary=other", multipart((b"", ROOT)), "mime.boundary"),
        ("multipart/related; boundary=b", b"", "mime.boundary"),
        ("multipart/related; boundary=b", b"--b", "mime.boundary"),
        ("multipart/related; boundary=b", b"--b junk\r\n", "mime.boundary"),
        ("multipart/related; boundary=b", b"x" * 5000 + b"\r\n" + multipart((b"", ROOT)), "mime.boundary"),
        ("multipart/related; boundary=b", b"--b--", "mime.truncated"),
        ("multipart/related; boundary=b", multipart((b"", ROOT))[:-2], "mime.truncated"),
        ("multipart/related; boundary=b", b"--b\r\nContent-ID: <r>", "mime.truncated"),
        ("multipart/related; boundary=b", b"--b\r\nContent-ID: <r>\r\n--b--", "mime.header"),
        ("multipart/related; boundary=b", multipart((b"no colon", ROOT)), "mime.header"),
        ("multipart/related; boundary=b", multipart((b": x", ROOT)), "mime.header"),
        ("multipart/related; boundary=b", multipart((b"Content-ID: <a>\nContent-ID: <b>", ROOT)), "mime.header"),
        ("multipart/related; boundary=b", multipart((b"X: " + b"x" * 9000, ROOT)), "mime.header"),
        ("multipart/related; boundary=b", multipart((b"Content-Transfer-Encoding: uuencode", ROOT)), "mime.encoding"),
        ("multipart/related; boundary=b", multipart((b"Content-Transfer-Encoding: base64", b"%%%")), "mime.encoding"),
        (
            "multipart/related; boundary=b",
            multipart((b"", ROOT), (b"Content-ID: <d>", b"1"), (b"Content-ID: <d>", b"2")),
            "mime.duplicate",
        ),
        (
            "multipart/related; boundary=b",
            multipart((b"Content-ID: <d>", ROOT), (b"Content-ID: d", b"1")),
            "mime.duplicate",
        ),
    ],
)
def test_a_broken_multipart_is_refused_by_a_stable_reason(header: str, body: bytes, reason: str) -> None:
    assert refused(header, body) == (reason, 400)


def test_the_number_of_parts_is_limited() -> None:
    parts = [(b"", ROOT)] + [(b"Content-ID: <%d>" % n, b"x") for n in range(49)]
    assert len(read_message("multipart/related; boundary=b", multipart(*parts)).attachments) == 49
    assert refused("multipart/related; boundary=b", multipart(*parts, (b"", b""))) == ("mime.too_many_parts", 413)
    assert refused("multipart/related; boundary=b", multipart(*parts), max_parts=2) == ("mime.too_many_parts", 413)


# --- documents -------------------------------------------------------------------------------------------------------


def document(inner: str) -> object:
    return parse(f"<Document xmlns:x='http://www.w3.org/2004/08/xop/include'>{inner}</Document>".encode())


def test_a_document_is_the_attachment_it_includes() -> None:
    attachments = {"1.a@b": b"one", "http://x/1": b"two", "a%20b": b"three"}
    assert binary_of(document("\n <x:Include href='cid:1.a@b'/> "), attachments, set()) == b"one"  # type: ignore[arg-type]
    assert binary_of(document("<x:Include href='cid:http%3A%2F%2Fx%2F1'/>"), attachments, set()) == b"two"  # type: ignore[arg-type]
    assert binary_of(document("<x:Include href='CID:a%20b'/>"), attachments, set()) == b"three"  # type: ignore[arg-type]
    assert binary_of(document("<x:Include href='cid:gone'/>"), attachments, set()) is None  # type: ignore[arg-type]


def test_one_attachment_is_referred_to_once() -> None:
    taken: set[str] = set()
    attachments = {"1": b"one", "2": b"two"}
    binary_of(document("<x:Include href='cid:1'/>"), attachments, taken)  # type: ignore[arg-type]
    binary_of(document("<x:Include href='cid:2'/>"), attachments, taken)  # type: ignore[arg-type]
    with pytest.raises(MimeRefused) as caught:
        binary_of(document("<x:Include href='cid:%31'/>"), attachments, taken)  # type: ignore[arg-type]
    assert caught.value.reason == "mime.reference"


@pytest.mark.parametrize(
    "inner",
    [
        "AAAA<x:Include href='cid:1'/>",
        "<x:Include href='cid:1'/>AAAA",
        "<x:Include href='cid:1'/><x:Include href='cid:2'/>",
        "<Include href='cid:1'/>",
        "<x:Include href='http://127.0.0.1/'/>",
        "<x:Include href='file:///etc/passwd'/>",
        "<x:Include/>",
    ],
)
def test_an_include_that_does_not_stand_alone_or_points_outside_is_refused(inner: str) -> None:
    with pytest.raises(MimeRefused) as caught:
        binary_of(document(inner), {"1": b"x", "2": b"y"}, set())  # type: ignore[arg-type]
    assert caught.value.reason == "mime.reference"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("aGVsbG8=", b"hello"),
        ("\n aGVs\r\n\tbG8= &#13;", b"hello"),
        ("aGVs<!-- c -->bG8=", b"hello"),
        ("", None),
        ("  ", None),
        ("aGVsbG8", None),
        ("aGVs*G8=", None),
        ("aGVsbG8=aGVsbG8=", None),
        ("é", None),
    ],
)
def test_inline_base64_ignores_white_space_and_nothing_else(inner: str, expected: bytes | None) -> None:
    assert binary_of(document(inner), {}, set()) == expected  # type: ignore[arg-type]


# --- writing ---------------------------------------------------------------------------------------------------------


def test_the_written_form_is_that_of_axis2() -> None:
    header, chunks = write_multipart(
        ROOT, [Attachment("1.a@apache.org", "text/xml;charset=UTF-8", DOCUMENT)],
        action=ACTION, boundary="MIMEBoundary_1", root_id="0.a@apache.org",
    )  # fmt: skip
    assert header == AXIS2
    assert b"".join(chunks) == AXIS2_BODY


def test_document_bytes_are_handed_on_uncopied() -> None:
    _, chunks = write_multipart(ROOT, [Attachment("1", "a/b", DOCUMENT)], action=ACTION, boundary="b", root_id="0")
    assert any(chunk is DOCUMENT for chunk in chunks) and any(chunk is ROOT for chunk in chunks)


def test_no_part_header_line_is_longer_than_cxf_takes() -> None:
    _, chunks = write_multipart(ROOT, [Attachment("1" * 280, "a/b", b"x")], action=ACTION, boundary="b", root_id="0")
    assert max(len(line) for line in b"".join(chunks).split(b"\r\n")) <= 300
    with pytest.raises(ValueError, match="header"):
        write_multipart(ROOT, [Attachment("1" * 300, "a/b", b"x")], action=ACTION, boundary="b", root_id="0")


@pytest.mark.parametrize("value", ["a\r\nX: y", 'a"b', "a>b", "é", ""])
def test_what_would_break_a_header_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        write_multipart(ROOT, [Attachment(value, "a/b", b"x")], action=ACTION, boundary="b", root_id="0")
    with pytest.raises(ValueError, match="header"):
        write_multipart(ROOT, [], action=value, boundary="b", root_id="0")
    with pytest.raises(ValueError, match="boundary"):
        write_multipart(ROOT, [], action=ACTION, boundary=value + "\n", root_id="0")


def test_an_include_escapes_what_a_cid_cannot_hold() -> None:
    element = parse(include("a b&<\"'>/%@host"))
    assert element.tag == "{http://www.w3.org/2004/08/xop/include}Include"
    assert element.get("href") == "cid:a%20b%26%3C%22%27%3E%2F%25@host"


IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\<>'), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(IDS, st.binary(max_size=200), max_size=6), st.data())
def test_what_is_written_is_read_back(documents: dict[str, bytes], data: st.DataObject) -> None:
    boundary = data.draw(st.from_regex(r"[0-9A-Za-z'()+_,./:=?-]{30,70}", fullmatch=True))
    root_id = data.draw(IDS.filter(lambda each: each not in documents))
    attachments = [Attachment(key, "application/pdf", value) for key, value in documents.items()]
    header, chunks = write_multipart(ROOT, attachments, action=ACTION, boundary=boundary, root_id=root_id)
    read = read_message(header, b"".join(chunks))
    assert (read.root, read.action) == (ROOT, ACTION)
    assert {key: bytes(value) for key, value in read.attachments.items()} == documents
    for key, value in documents.items():
        holder = parse(b"<Document>" + include(key) + b"</Document>")
        assert bytes(binary_of(holder, read.attachments, set()) or b"") == value


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_mutated_messages_raise_declared_errors_only(data: st.DataObject) -> None:
    header, body = bytearray(AXIS2.encode()), bytearray(AXIS2_BODY)
    target = data.draw(st.sampled_from([header, body]))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(target) - 1))
        length = data.draw(st.integers(0, 40))
        pieces = [b"", b"\r\n", b"\n", b"--MIMEBoundary_1", b"--", b'"', b";", b":", b"\\", b"\x00", b"<"]
        target[at : at + length] = data.draw(st.one_of(st.sampled_from(pieces), st.binary(max_size=5)))
        if not target:
            return
    try:
        read_message(header.decode("latin-1"), bytes(body))
    except MimeRefused as refusal:
        assert refusal.reason.startswith("mime.") and refusal.http_status in (400, 413, 415)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_any_header_is_read_or_refused(header: str) -> None:
    try:
        content_type(header)
    except MimeRefused as refusal:
        assert refusal.reason in ("mime.media", "mime.header")


def test_a_large_document_costs_no_copy_and_little_time(benchmark_seconds: float = 0.5) -> None:
    import time
    import tracemalloc

    big = b"\r\n--" * 2_500_000
    body = multipart((b"", ROOT), (b"Content-ID: <d>", big))
    tracemalloc.start()
    begin = time.perf_counter()
    read = read_message("multipart/related; boundary=b", body)
    spent = time.perf_counter() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(read.attachments["d"]) == len(big)
    assert peak < 100_000 and spent < benchmark_seconds
