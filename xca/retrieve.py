"""ITI-39 on the wire: RetrieveDocumentSetRequest and -Response, read and written (ITI TF-2 3.39, 3.43).

Knows both forms of a document in an answer, inline base64 and XOP attachment. Leaves MIME to ``ncp.wire.mtom``, the
meaning of an answer to ``xca.outcomes``, what is inside a document to ``xca.delivered``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from urllib.parse import quote as percent_encode
from urllib.parse import unquote
from uuid import NAMESPACE_OID, uuid5

from lxml.etree import _Element

from ncp.wire.errors import Code, ConnectorError, PeerError, RequestError
from ncp.wire.ids import Oid, urn_oid
from ncp.wire.xml import NS_XOP, child, children, text_of
from xca.facts import (
    DOCUMENT_MAX_BYTES,
    NS_RS,
    NS_XDSB,
    REQUESTS_MAX,
    RETRIEVE_BODY,
    RETRIEVE_RESPONSE_BODY,
    VALUE_MAX,
)
from xca.markup import quote
from xca.messages import (
    CrossGatewayRetrieve,
    CrossGatewayRetrieveResponse,
    DocumentRequest,
    RegistryError,
    ResponseStatus,
    RetrievedDocument,
)
from xca.query import require_home
from xca.registry_response import has_error, read_errors, read_status, write_errors

_XDSB = f"{{{NS_XDSB}}}"

Attachment = tuple[str, str, bytes]
"""Content-ID without angle brackets, media type, bytes."""


# The request


def read_retrieve(body: _Element, *, home: Oid | None) -> CrossGatewayRetrieve:
    """The documents asked for, ids exactly as sent, for the echo (``home`` None: a tool reads a message to anybody).

    An empty id is no error here: it is an unknown document. Raises ``RequestError`` for what no document can answer:
    ``retrieve.body``, ``retrieve.empty``, ``retrieve.too_many``, ``retrieve.too_long`` (4204), ``retrieve.home``.
    """
    if body.tag != RETRIEVE_BODY:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "retrieve.body")
    requests = tuple(
        _read_request(element) for element in islice(body.iterchildren(f"{_XDSB}DocumentRequest"), REQUESTS_MAX + 1)
    )
    if not requests:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "retrieve.empty")
    if len(requests) > REQUESTS_MAX:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "retrieve.too_many")
    for request in requests:
        ids = (request.document_unique_id, request.repository_unique_id, request.home_community_id)
        if any(len(id_) > VALUE_MAX for id_ in ids):
            raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "retrieve.too_long")
        require_home(request.home_community_id, home, "retrieve.home")
    return CrossGatewayRetrieve(requests)


def _read_request(element: _Element) -> DocumentRequest:
    return DocumentRequest(
        document_unique_id=_exact_text(child(element, f"{_XDSB}DocumentUniqueId")),
        repository_unique_id=_exact_text(child(element, f"{_XDSB}RepositoryUniqueId")),
        home_community_id=_exact_text(child(element, f"{_XDSB}HomeCommunityId")),
    )


def _exact_text(element: _Element | None) -> str:
    """All text directly inside, untrimmed."""
    if element is None:
        return ""
    return (element.text or "") + "".join(part.tail or "" for part in element)


def write_retrieve(request: DocumentRequest) -> bytes:
    """RetrieveDocumentSetRequest for one document (OpenNCP answers only the first). The home community id gets its
    ``urn:oid:``; what a listing gave otherwise goes back unchanged."""
    home = request.home_community_id
    return (
        f'<xdsb:RetrieveDocumentSetRequest xmlns:xdsb="{NS_XDSB}"><xdsb:DocumentRequest>'
        f"{_write_ids(request, urn_oid(home) if home else '')}"
        "</xdsb:DocumentRequest></xdsb:RetrieveDocumentSetRequest>"
    ).encode()


def _write_ids(request: DocumentRequest, home: str) -> str:
    return (
        (f"<xdsb:HomeCommunityId>{quote(home)}</xdsb:HomeCommunityId>" if home else "")
        + f"<xdsb:RepositoryUniqueId>{quote(request.repository_unique_id)}</xdsb:RepositoryUniqueId>"
        f"<xdsb:DocumentUniqueId>{quote(request.document_unique_id)}</xdsb:DocumentUniqueId>"
    )


# The answer


def write_retrieve_response(
    delivered: Sequence[RetrievedDocument], errors: Sequence[RegistryError], *, home: Oid, inline: bool
) -> tuple[bytes, list[Attachment]]:
    """RetrieveDocumentSetResponse and its attachments; none when ``inline`` puts the documents in as base64.

    Success unless there is an Error; with documents beside an Error PartialSuccess, without documents Failure. Raises
    ``ConnectorError`` (``document.empty``) rather than sending a document without content, ``ValueError`` when there
    is neither a document nor an error.
    """
    if not delivered and not errors:
        raise ValueError("an answer needs a document or an error")
    attachments: list[Attachment] = []
    documents: list[str] = []
    for number, document in enumerate(delivered, start=1):
        if not document.content:
            raise ConnectorError(Code.GENERIC, "document.empty")
        if inline:
            content = base64.b64encode(document.content).decode("ascii")
        else:
            content_id = f"{number}.{uuid5(NAMESPACE_OID, ascii(document.request.document_unique_id))}@{home}"
            attachments.append((content_id, _part_type(document.mime_type), document.content))
            content = f'<xop:Include xmlns:xop="{NS_XOP}" href="cid:{percent_encode(content_id, safe="@")}"/>'
        documents.append(
            "<xdsb:DocumentResponse>"
            f"{_write_ids(document.request, document.request.home_community_id or urn_oid(home))}"
            f"<xdsb:mimeType>{quote(document.mime_type, VALUE_MAX)}</xdsb:mimeType>"
            f"<xdsb:Document>{content}</xdsb:Document></xdsb:DocumentResponse>"
        )
    response = (
        f'<xdsb:RetrieveDocumentSetResponse xmlns:xdsb="{NS_XDSB}" xmlns:rs="{NS_RS}">'
        f'<rs:RegistryResponse status="{_status_of(delivered, errors).value}">{write_errors(errors, home)}'
        f"</rs:RegistryResponse>{''.join(documents)}</xdsb:RetrieveDocumentSetResponse>"
    )
    return response.encode(), attachments


def _status_of(delivered: Sequence[RetrievedDocument], errors: Sequence[RegistryError]) -> ResponseStatus:
    if not delivered:
        return ResponseStatus.FAILURE
    return ResponseStatus.PARTIAL_SUCCESS if has_error(errors) else ResponseStatus.SUCCESS


_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")


def _part_type(mime_type: str) -> str:
    """The Content-Type of the part; nothing but a bare media type gets into a MIME header."""
    if mime_type == "text/xml":
        return "text/xml;charset=UTF-8"
    return mime_type if _MEDIA_TYPE.fullmatch(mime_type) else "application/octet-stream"


def read_retrieve_response(
    body: _Element, attachments: Mapping[str, bytes | memoryview], *, max_bytes: int = DOCUMENT_MAX_BYTES
) -> CrossGatewayRetrieveResponse:
    """The answer of any peer; ``PeerError`` (``response.body``) for another element.

    ``attachments`` are the MIME parts by Content-ID without angle brackets. A document that cannot be had is missing
    from ``documents`` and named in ``notes``: ``document.empty``, ``document.base64``, ``document.include``,
    ``document.attachment`` (not there, or taken by another document), ``document.too_large``.
    """
    if body.tag != RETRIEVE_RESPONSE_BODY:
        raise PeerError(Code.GENERIC, "response.body")
    registry_response = child(body, f"{{{NS_RS}}}RegistryResponse")
    status = None if registry_response is None else read_status(registry_response)
    errors = () if registry_response is None else read_errors(registry_response)
    documents: list[RetrievedDocument] = []
    notes: dict[str, None] = {}
    unclaimed = dict(attachments)
    for element in body.iterchildren(f"{_XDSB}DocumentResponse"):
        try:
            content = _read_content(child(element, f"{_XDSB}Document"), unclaimed, max_bytes)
        except _Unreadable as unreadable:
            notes[unreadable.note] = None
            continue
        documents.append(
            RetrievedDocument(
                _read_request(element),
                text_of(child(element, f"{_XDSB}mimeType"))[:VALUE_MAX],
                content,
                text_of(child(element, f"{_XDSB}NewDocumentUniqueId"))[:VALUE_MAX],
                text_of(child(element, f"{_XDSB}NewRepositoryUniqueId"))[:VALUE_MAX],
            )
        )
    return CrossGatewayRetrieveResponse(status, tuple(documents), errors, tuple(notes))


class _Unreadable(Exception):
    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


def _read_content(document: _Element | None, unclaimed: dict[str, bytes | memoryview], max_bytes: int) -> bytes:
    if document is None:
        raise _Unreadable("document.empty")
    inside = list(children(document))
    content = _attached(document, inside, unclaimed) if inside else _decoded(_exact_text(document), max_bytes)
    if not content:
        raise _Unreadable("document.empty")
    if len(content) > max_bytes:
        raise _Unreadable("document.too_large")
    return bytes(content)


def _attached(
    document: _Element, inside: list[_Element], unclaimed: dict[str, bytes | memoryview]
) -> bytes | memoryview:
    """The one attachment of the one Include; each attachment belongs to one document."""
    include = inside[0]
    href = include.get("href", "").strip()
    if len(inside) > 1 or include.tag != f"{{{NS_XOP}}}Include" or text_of(document) or href[:4].lower() != "cid:":
        raise _Unreadable("document.include")
    content_id = unquote(href[4:])
    for key in (content_id, f"<{content_id}>"):
        if key in unclaimed:
            return unclaimed.pop(key)
    raise _Unreadable("document.attachment")


_WHITE_SPACE = b" \t\r\n"


def _decoded(text: str, max_bytes: int) -> bytes:
    """Inline base64 without its white space (Germany breaks and indents the lines)."""
    try:
        packed = text.encode("ascii").translate(None, _WHITE_SPACE)
        if len(packed) // 4 * 3 > max_bytes + 2:
            raise _Unreadable("document.too_large")
        return base64.b64decode(packed, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise _Unreadable("document.base64") from None
