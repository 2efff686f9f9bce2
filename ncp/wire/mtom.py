"""MIME multipart/related with XOP: documents that travel beside the envelope instead of inside it.

Knows how a message is taken apart into its root part and attachments and put together again, in the shapes that Axis2,
CXF and SOAP with attachments give it. Leaves the envelope to ``ncp.wire.soap``, the meaning of a document to ``xca``.
Documents are never copied: reading hands out slices of the received bytes, writing hands out the caller's own.

Sources: RFC 2046 5.1, RFC 2387, RFC 2392; W3C XOP and SOAP MTOM; ITI TF-2 Appendix V.3.6.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from lxml.etree import _Element

from ncp.wire.soap import SOAP11_MEDIA, SOAP_MEDIA, SoapFault
from ncp.wire.xml import NS_XOP, children, text_of

XOP_MEDIA = "application/xop+xml"
MULTIPART_MEDIA = "multipart/related"

HEADER_MAX = 4096
"""Longest Content-Type that is read; the longest seen from a peer has about 300 characters."""
PART_HEADERS_MAX = 8192
"""Longest header block of one part."""
PREAMBLE_MAX = 1024
"""Longest text before the first boundary. CXF writes a line break there."""

_INCLUDE = f"{{{NS_XOP}}}Include"
_MEDIA = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_PARAMETER = re.compile(r'[;\s]*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"[^;]*|([^;]*))|[;\s]*[^;]+|[;\s]+')
_ESCAPED = re.compile(r"\\(.)")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]")
_FOLD = re.compile(r"\r?\n[ \t]+")
_PADDING = b" \t"
_PADDING_MAX = 1000
"""Longest blank behind a boundary (RFC 2046 5.1.1 calls it transport padding; nobody writes any today)."""
_LOOKALIKES_MAX = 1000
"""Places in one part that begin like the boundary and are none: chance makes none in a lifetime."""


class MimeRefused(SoapFault):
    """The bytes are no message of a shape that is read here; as a fault it is a ``Sender`` fault.

    ``reason``: ``mime.media`` (415), ``mime.header``, ``mime.boundary``, ``mime.truncated``, ``mime.start``,
    ``mime.encoding``, ``mime.duplicate``, ``mime.reference`` (400), ``mime.too_many_parts`` (413).
    """

    def __init__(self, reason: str, text: str, *, http_status: int = 400) -> None:
        super().__init__("Sender", reason, text, http_status=http_status)


@dataclass(frozen=True, slots=True)
class ContentType:
    """A Content-Type: media type in lower case, parameters by lower-case name, quotes and escapes taken away."""

    media: str
    parameters: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.parameters.get(name, "")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part to be sent. ``content_id`` without angle brackets."""

    content_id: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken out of its packing.

    ``root``         the envelope          ``action``    the HTTP action from wherever it stood, empty when nowhere
    ``attachments``  by Content-ID without angle brackets
    ``media``        ``application/soap+xml`` or ``text/xml`` (SOAP 1.1)    ``charset``   of the envelope, lower case
    """

    root: bytes = field(repr=False)
    action: str
    attachments: Mapping[str, bytes | memoryview] = field(repr=False)
    is_multipart: bool
    media: str = SOAP_MEDIA
    charset: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    type: ContentType | None
    content_id: str
    encoding: str
    data: memoryview


def content_type(header: str) -> ContentType:
    """Read a Content-Type: parameters in any order, quoted or not, any case. Raises ``MimeRefused`` only."""
    if len(header) > HEADER_MAX:
        raise MimeRefused("mime.header", "The Content-Type is too long")
    media, _, rest = header.partition(";")
    media = media.strip().lower()
    if not _MEDIA.fullmatch(media):
        raise MimeRefused("mime.media", "The Content-Type names no media type", http_status=415)
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(rest):
        name, quoted, plain = match.groups()
        if not name:
            continue  # a stray semicolon or a word without value
        name = name.lower()
        if name in parameters:
            raise MimeRefused("mime.header", "A parameter of the Content-Type stands twice")
        parameters[name] = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain.strip()
    return ContentType(media, parameters)


def read_message(content_type_header: str, body: bytes, *, max_parts: int = 50) -> Message:
    """Take a plain or multipart message out of its packing. Raises ``MimeRefused`` only.

    Part headers are read, part bodies are not looked into: they are slices of ``body``.
    """
    outer = content_type(content_type_header)
    if outer.media in (SOAP_MEDIA, SOAP11_MEDIA):
        return Message(body, outer.get("action").strip(), {}, False, outer.media, outer.get("charset").lower())
    if outer.media != MULTIPART_MEDIA:
        raise _unsupported()
    parts = list(_parts(outer, body, max_parts))
    root = _root_of(parts, outer.get("start"))
    inner = root.type or _nested(outer.get("type") or SOAP_MEDIA)
    nested = [_nested(outer.get("start-info")), _nested(inner.get("type"))]
    attachments: dict[str, bytes | memoryview] = {}
    for part in parts:
        if part is root or not part.content_id:
            continue
        if part.content_id in attachments or part.content_id == root.content_id:
            raise MimeRefused("mime.duplicate", "Two parts have the same Content-ID")
        attachments[part.content_id] = _decoded(part)
    actions = (outer.get("action"), *(each.get("action") for each in (nested[0], inner, nested[1])))
    return Message(
        root=bytes(_decoded(root)),
        action=next((action.strip() for action in actions if action.strip()), ""),
        attachments=attachments,
        is_multipart=True,
        media=_soap_media(outer, inner, nested),
        charset=inner.get("charset").lower(),
    )


_REFUSED_RANGE = re.compile(r"\s*q\s*=\s*0(?:\.0*)?\s*", re.IGNORECASE)


def accepts_multipart(accept: str) -> bool:
    """Whether an ``Accept`` header takes multipart/related; an empty one takes anything. The most exact range decides
    (RFC 9110 12.5.1)."""
    ranges: dict[str, bool] = {}
    for each in accept.split(","):
        media, *parameters = each.split(";")
        wanted = not any(_REFUSED_RANGE.fullmatch(parameter) for parameter in parameters)
        name = media.strip().lower()
        ranges[name] = ranges.get(name, False) or wanted
    exactness = (MULTIPART_MEDIA, "multipart/*", "*/*", "*", "")
    return next((ranges[name] for name in exactness if name in ranges), False)


def _soap_media(outer: ContentType, inner: ContentType, nested: Sequence[ContentType]) -> str:
    """SOAP 1.2 or 1.1: ``type`` says it (SOAP with attachments) or, below XOP, the root part or ``start-info``."""
    declared = outer.get("type").partition(";")[0].strip().lower()
    if declared not in ("", XOP_MEDIA, SOAP_MEDIA, SOAP11_MEDIA):
        raise _unsupported()
    if inner.media not in (XOP_MEDIA, SOAP_MEDIA, SOAP11_MEDIA):
        raise _unsupported()
    named = (declared, inner.media, *(each.media for each in nested))
    return next((media for media in named if media in (SOAP_MEDIA, SOAP11_MEDIA)), SOAP_MEDIA)


def _nested(value: str) -> ContentType:
    """A Content-Type of a part, or in a parameter as CXF writes ``start-info``; empty when it is none."""
    try:
        return content_type(value)
    except MimeRefused:
        return ContentType("", {})


def _unsupported() -> MimeRefused:
    return MimeRefused("mime.media", "The media type is not supported", http_status=415)


# --- taking a multipart body apart -----------------------------------------------------------------------------------


def _parts(outer: ContentType, body: bytes, max_parts: int) -> Iterator[_Part]:
    """The parts between the boundaries. The line end behind the first boundary decides which one counts in all."""
    boundary = outer.get("boundary")
    if not _BOUNDARY.fullmatch(boundary):
        raise MimeRefused("mime.boundary", "The boundary is missing or not allowed")
    dashed = b"--" + boundary.encode("ascii")
    opening = 0 if body.startswith(dashed) else body.find(b"\n" + dashed, 0, PREAMBLE_MAX + len(dashed)) + 1
    if not opening and not body.startswith(dashed):
        raise MimeRefused("mime.boundary", "The first boundary is not found")
    position = opening + len(dashed)
    line = body[position : position + 80].lstrip(_PADDING)
    newline = b"\r\n" if line.startswith(b"\r\n") else b"\n"
    start, last = _after_boundary(body, position, newline)
    if not start:
        raise MimeRefused("mime.boundary", "The first boundary is not found")
    view = memoryview(body)
    count = 0
    while not last:
        count += 1
        if count > max_parts:
            raise MimeRefused("mime.too_many_parts", f"More than {max_parts} parts", http_status=413)
        end, following, last = _next_boundary(body, start, newline + dashed, newline)
        yield _part(view, body, start, end, newline)
        start = following
    if not count:
        raise MimeRefused("mime.truncated", "There is no part")


def _next_boundary(body: bytes, start: int, delimiter: bytes, newline: bytes) -> tuple[int, int, bool]:
    """Where the part that begins at ``start`` ends, where the next one begins, and whether the boundary closes."""
    position = start
    for _ in range(_LOOKALIKES_MAX):
        end = body.find(delimiter, position)
        if end < 0:
            raise MimeRefused("mime.truncated", "The closing boundary is missing")
        following, last = _after_boundary(body, end + len(delimiter), newline)
        if following:
            return end, following, last
        position = end + len(delimiter)  # longer than the boundary: document bytes that look like it
    raise MimeRefused("mime.boundary", "The boundary is not one that separates")


def _after_boundary(body: bytes, position: int, newline: bytes) -> tuple[int, bool]:
    """Start of what follows a boundary and whether it is the closing one; 0 when this is no boundary line."""
    last = body.startswith(b"--", position)
    if last:
        return position + 2, True
    padded = body[position : position + _PADDING_MAX]
    position += len(padded) - len(padded.lstrip(_PADDING))
    return (position + len(newline), False) if body.startswith(newline, position) else (0, False)


def _part(view: memoryview, body: bytes, start: int, end: int, newline: bytes) -> _Part:
    if body.startswith(newline, start):
        return _Part(None, "", "", view[min(start + len(newline), end) : end])
    blank = body.find(newline + newline, start, min(end, start + PART_HEADERS_MAX))
    if blank < 0:
        raise MimeRefused("mime.header", "The headers of a part have no end or are too long")
    headers = _part_headers(body[start:blank].decode("latin-1"))
    return _Part(
        type=_nested(headers["content-type"]) if "content-type" in headers else None,
        content_id=_bare_id(headers.get("content-id", "")),
        encoding=headers.get("content-transfer-encoding", "").strip().lower(),
        data=view[blank + 2 * len(newline) : end],
    )


def _part_headers(block: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in re.split(r"\r?\n(?![ \t])", block):
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name or name in headers:
            raise MimeRefused("mime.header", "A header of a part is malformed or stands twice")
        headers[name] = _FOLD.sub(" ", value).strip()
    return headers


def _root_of(parts: Sequence[_Part], start: str) -> _Part:
    wanted = _bare_id(start)
    if not wanted:
        return parts[0]
    for part in parts:
        if part.content_id == wanted:
            return part
    raise MimeRefused("mime.start", "The part named by start is not there")


def _bare_id(value: str) -> str:
    value = value.strip()
    return value[1:-1].strip() if value.startswith("<") and value.endswith(">") else value


def _decoded(part: _Part) -> bytes | memoryview:
    if part.encoding in ("", "binary", "8bit", "7bit"):
        return part.data
    if part.encoding == "base64":
        decoded = decode_base64(bytes(part.data))
        if decoded is not None:
            return decoded
    raise MimeRefused("mime.encoding", "The transfer encoding of a part is not supported or broken")


# --- documents in an element -----------------------------------------------------------------------------------------


def binary_of(
    element: _Element, attachments: Mapping[str, bytes | memoryview], taken: set[str]
) -> bytes | memoryview | None:
    """The bytes that an element of type base64Binary stands for: inline base64, or the attachment it includes.

    None when it is empty, undecodable or refers to nothing. ``taken`` collects the references of one message: the same
    attachment twice is refused with ``MimeRefused``, as is anything beside an Include.
    """
    inner = list(children(element))
    if not inner:
        text = text_of(element)
        return decode_base64(text.encode("utf-8")) if text else None
    if len(inner) > 1 or inner[0].tag != _INCLUDE or text_of(element):
        raise MimeRefused("mime.reference", "An Include does not stand alone")
    return _included(inner[0].get("href", ""), attachments, taken)


def _included(href: str, attachments: Mapping[str, bytes | memoryview], taken: set[str]) -> bytes | memoryview | None:
    scheme, _, name = href.strip().partition(":")
    if scheme.lower() != "cid":
        raise MimeRefused("mime.reference", "An Include refers to something outside the message")
    # CXF and Axis2 escape the reference only; some stacks write the Content-ID itself escaped.
    content_id = next((each for each in (unquote(name), name) if each in attachments), None)
    if content_id is None:
        return None
    if content_id in taken:
        raise MimeRefused("mime.reference", "An attachment is referred to twice")
    taken.add(content_id)
    return attachments[content_id]


def decode_base64(data: bytes) -> bytes | None:
    """Base64 with any white space in it; None when it is not base64 or empty."""
    try:
        return binascii.a2b_base64(data.translate(None, b" \t\r\n"), strict_mode=True) or None
    except binascii.Error:
        return None


# --- writing ---------------------------------------------------------------------------------------------------------


def include(content_id: str) -> bytes:
    """The element that stands where the attachment belongs."""
    return f'<xop:Include xmlns:xop="{NS_XOP}" href="cid:{quote(content_id, safe="@")}"/>'.encode("ascii")


def write_multipart(
    root: bytes, attachments: Sequence[Attachment], *, action: str, boundary: str, root_id: str
) -> tuple[str, list[bytes]]:
    """Content-Type and the chunks of the body, in Axis2's form; document bytes are handed on uncopied.

    ``boundary`` must be random (a UUID), so that no document holds it; ids come without angle brackets. ``ValueError``
    for a boundary or id that a header cannot carry.
    """
    if not _BOUNDARY.fullmatch(boundary) or len(boundary) > 70:
        raise ValueError("not a boundary")
    header = (
        f'{MULTIPART_MEDIA}; boundary="{boundary}"; type="{XOP_MEDIA}"; start="<{_safe(root_id)}>"; '
        f'start-info="{SOAP_MEDIA}"; action="{_safe(action)}"'
    )
    chunks = [_part_head(boundary, f'{XOP_MEDIA}; charset=UTF-8; type="{SOAP_MEDIA}"', root_id, first=True), root]
    for attachment in attachments:
        chunks += (_part_head(boundary, attachment.content_type, attachment.content_id), attachment.data)
    chunks.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
    return header, chunks


def _part_head(boundary: str, media: str, content_id: str, *, first: bool = False) -> bytes:
    line_end = "" if first else "\r\n"
    return (
        f"{line_end}--{boundary}\r\nContent-Type: {_safe(media, quotes=True)}\r\n"
        f"Content-Transfer-Encoding: binary\r\nContent-ID: <{_safe(content_id)}>\r\n\r\n"
    ).encode("ascii")


_HEADER_SAFE = re.compile(r"[\x20-\x7e]{1,280}")


def _safe(value: str, *, quotes: bool = False) -> str:
    """A value that ends no header line, no quoted string and no id; CXF refuses lines over 300 characters."""
    if not _HEADER_SAFE.fullmatch(value) or (not quotes and any(char in value for char in '"\\<>')):
        raise ValueError("not a value for a header")
    return value
