"""From the bytes of one HTTP message to an envelope with its attachments: unpack, parse, take apart, in that order.

Joins ``ncp.wire.mtom``, ``ncp.wire.xml`` and ``ncp.wire.soap``, so that each side has one kind of failure: a fault to
send for what was asked of us, a failure of the peer for what was answered to us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ncp.wire.errors import Code, PeerError
from ncp.wire.mtom import MimeRefused, read_message
from ncp.wire.soap import Envelope, read_request, read_response, unquoted_action, xml_fault
from ncp.wire.xml import MESSAGE_LIMITS, XmlLimits, XmlRefused, parse


@dataclass(frozen=True, slots=True)
class Received:
    """``root`` holds the envelope's bytes as they came, for evidence; ``attachments`` are by Content-ID."""

    envelope: Envelope
    root: bytes = field(repr=False)
    attachments: Mapping[str, bytes | memoryview] = field(repr=False)
    is_multipart: bool


def receive_request(
    body: bytes,
    *,
    content_type: str,
    soap_action: str = "",
    limits: XmlLimits = MESSAGE_LIMITS,
    max_parts: int = 50,
) -> Received:
    """A request. ``content_type`` and ``soap_action`` are the HTTP headers. Raises ``SoapFault`` only.

    The ``action`` of Content-Type counts before the ``SOAPAction`` header, as in Axis2.
    """
    message = read_message(content_type, body, max_parts=max_parts)
    try:
        root = parse(message.root, limits, charset=message.charset)
    except XmlRefused as refused:
        raise xml_fault(refused) from None
    action = message.action or unquoted_action(soap_action)
    envelope = read_request(root, http_action=action, media=message.media)
    return Received(envelope, message.root, message.attachments, message.is_multipart)


def receive_response(
    body: bytes,
    *,
    content_type: str,
    message_id: str,
    gateway: str,
    limits: XmlLimits = MESSAGE_LIMITS,
    max_parts: int = 50,
) -> Received:
    """The answer to our request ``message_id`` of the country ``gateway``. Raises ``PeerError`` only.

    Reasons: those of ``read_response``, and those of ``MimeRefused`` and ``XmlRefused`` with ``response.`` before them.
    """
    try:
        message = read_message(content_type, body, max_parts=max_parts)
        root = parse(message.root, limits, charset=message.charset)
    except (MimeRefused, XmlRefused) as refused:
        raise PeerError(Code.CONNECTION_NOT_POSSIBLE, f"response.{refused.reason}", gateway=gateway) from None
    envelope = read_response(root, message_id=message_id, gateway=gateway)
    return Received(envelope, message.root, message.attachments, message.is_multipart)
