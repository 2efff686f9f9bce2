"""SOAP 1.2 with WS-Addressing 1.0: the envelope of every message between gateways.

Knows the parts of an envelope, which header blocks are understood, the rules of addressing, and how a fault is written
and read. Leaves to others what the body says (``xcpd``, ``xca``), what stands in ``wsse:Security``
(``saml_assertions``), how bytes become a tree (``ncp.wire.xml``) and how they travel (``ncp.wire.mtom``).

Messages are written as bytes around bytes: an assertion or body is put in as it is and never serialised again, for a
signed element would not survive that.

Sources: SOAP 1.2 Part 1; Web Services Addressing 1.0 Core and SOAP Binding; ITI TF-2 Appendix V.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from lxml.etree import _Element

from ncp.wire.errors import Code, NcpError, PeerError, known
from ncp.wire.xml import NS_SOAP11, NS_SOAP12, NS_WSA, NS_WSSE, XmlRefused, child, children, text_of

ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"
ACTION_FAULT = "http://www.w3.org/2005/08/addressing/soap/fault"
ACTION_ADDRESSING_FAULT = "http://www.w3.org/2005/08/addressing/fault"

SOAP_MEDIA = "application/soap+xml"
SOAP11_MEDIA = "text/xml"
SOAP_CONTENT_TYPE = 'application/soap+xml; charset=UTF-8; action="{}"'.format
"""``SOAP_CONTENT_TYPE(action)``: the header as Axis2 writes it, which every peer reads."""
FAULT_CONTENT_TYPE = "application/soap+xml; charset=UTF-8"

MESSAGE_ID_MAX = 512
"""Longest MessageID that is taken; it is echoed, logged and kept against replay. A ``urn:uuid:`` has 45 characters."""

_ENVELOPE = f"{{{NS_SOAP12}}}Envelope"
_HEADER = f"{{{NS_SOAP12}}}Header"
_BODY = f"{{{NS_SOAP12}}}Body"
_FAULT = f"{{{NS_SOAP12}}}Fault"
_FAULT11 = f"{{{NS_SOAP11}}}Fault"
_SECURITY = f"{{{NS_WSSE}}}Security"
_MUST_UNDERSTAND = f"{{{NS_SOAP12}}}mustUnderstand"
_ROLE = f"{{{NS_SOAP12}}}role"
_OUR_ROLES = (None, "", f"{NS_SOAP12}/role/next", f"{NS_SOAP12}/role/ultimateReceiver")
_WSA = f"{{{NS_WSA}}}"
_ADDRESSING = {
    f"{_WSA}{name}": name for name in ("To", "Action", "MessageID", "ReplyTo", "FaultTo", "From", "RelatesTo")
}

# WS-Addressing SOAP Binding 6.4.1: these stand below InvalidAddressingHeader.
_BELOW_INVALID_HEADER = frozenset(
    ("InvalidAddress", "InvalidCardinality", "MissingAddressInEPR", "ActionMismatch", "OnlyAnonymousAddressSupported")
)
_NOT_UNDERSTOOD_MAX = 10


class SoapFault(NcpError):
    """A SOAP fault to send. Its texts are ours, so they are safe for the peer.

    ``kind``         ``Sender``, ``Receiver``, ``VersionMismatch`` or ``MustUnderstand``
    ``subcode``      ``wsa:`` and a local name, or a code of ``ncp.wire.errors``, or empty
    ``http_status``  400 for ``Sender``, 500 for the others (SOAP 1.2 Part 2, table 20), or as given (413, 415)
    ``relates_to``   MessageID of the refused request as far as it was readable
    ``not_understood``  names (``{namespace}local``) of the header blocks behind ``MustUnderstand``
    """

    def __init__(
        self,
        kind: str,
        reason: str,
        text: str,
        *,
        subcode: str = "",
        http_status: int = 0,
        relates_to: str = "",
        not_understood: Sequence[str] = (),
    ) -> None:
        super().__init__(known(subcode) or Code.GENERIC, reason, message=text)
        self.kind = kind
        self.subcode = subcode
        self.http_status = http_status or (400 if kind == "Sender" else 500)
        self.relates_to = relates_to
        self.not_understood = tuple(not_understood)


class PeerFault(PeerError):
    """A SOAP fault that the other gateway sent.

    ``code`` is the eHDSI code the peer named, 4703 for a refused assertion, else
    ``ERROR_GENERIC_CONNECTION_NOT_POSSIBLE``. ``text`` is the peer's own and may hold anything: for the details of an
    operator, never for a log line.
    """

    def __init__(self, code: Code | str, *, kind: str, subcode: str, text: str, gateway: str = "") -> None:
        super().__init__(code, "peer.fault", gateway=gateway)
        self.kind = kind
        self.subcode = subcode
        self.text = text


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message taken apart; values are empty where the block is absent.

    ``security``  every ``wsse:Security`` block, whatever its role: more than one is for the verifier to refuse
    ``notes``     oddities that were let pass: ``wsa.absent``, ``wsa.action.missing``, ``wsa.message_id.missing``
    """

    root: _Element
    body: _Element
    security: tuple[_Element, ...] = ()
    action: str = ""
    message_id: str = ""
    relates_to: str = ""
    to: str = ""
    has_addressing: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Blocks:
    """The header as it stands, before any rule is applied."""

    addressing: dict[str, _Element] = field(default_factory=dict)
    duplicate: str = ""
    security: list[_Element] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        return text_of(self.addressing.get(name))


# --- reading ---------------------------------------------------------------------------------------------------------


def read_request(root: _Element, *, http_action: str = "", media: str = "") -> Envelope:
    """Take a request apart. Raises ``SoapFault`` and nothing else.

    ``http_action``  the ``action`` of Content-Type, else of the ``SOAPAction`` header; empty when there is none
    ``media``        media type of the SOAP part, to notice ``text/xml`` (SOAP 1.1) around a 1.2 envelope
    """
    _require_soap12(root, media)
    if next(root.iter(etree.ProcessingInstruction), None) is not None:
        raise SoapFault("Sender", "xml.pi", "Processing instructions are not allowed in a SOAP message")
    header, body = _parts(root)
    if header is None:
        raise SoapFault("Sender", "soap.header.missing", "The envelope has no Header")
    blocks = _read_header(header)
    try:
        return _checked(root, body, blocks, http_action)
    except SoapFault as fault:
        fault.relates_to = blocks.text("MessageID")[:MESSAGE_ID_MAX]
        raise


def read_response(root: _Element, *, message_id: str, gateway: str = "") -> Envelope:
    """Take an answer apart: no block is demanded, ``mustUnderstand`` is passed over.

    ``message_id`` is that of our request, ``gateway`` the country asked. Raises ``PeerFault`` for a fault body and
    ``PeerError`` with reason ``relates_to.mismatch`` for the answer to another question (mixed-up answers are a matter
    of patient safety) or ``response.envelope`` for what is no envelope.
    """
    namespace = _envelope_namespace(root)
    if namespace not in (NS_SOAP12, NS_SOAP11):
        raise _not_an_answer("response.envelope", gateway)
    header = child(root, f"{{{namespace}}}Header")
    bodies = [element for element in children(root) if element.tag == f"{{{namespace}}}Body"]
    contents = list(children(bodies[0])) if len(bodies) == 1 else []
    if len(contents) != 1:
        raise _not_an_answer("response.envelope", gateway)
    related = [] if header is None else [text_of(block) for block in header.iterchildren(f"{_WSA}RelatesTo")]
    if any(value != message_id for value in related):
        raise _not_an_answer("relates_to.mismatch", gateway)
    content = contents[0]
    if content.tag in (_FAULT, _FAULT11):
        raise _read_fault(content, gateway)
    if namespace != NS_SOAP12:
        raise _not_an_answer("response.envelope", gateway)
    blocks = _Blocks() if header is None else _read_header(header)
    return Envelope(
        root=root,
        body=content,
        security=tuple(blocks.security),
        action=blocks.text("Action"),
        message_id=blocks.text("MessageID")[:MESSAGE_ID_MAX],
        relates_to=blocks.text("RelatesTo"),
        to=blocks.text("To"),
        has_addressing=bool(blocks.addressing),
        notes=() if blocks.addressing else ("wsa.absent",),
    )


def xml_fault(error: XmlRefused) -> SoapFault:
    """The fault for bytes that are not XML which we read: ``Sender``, HTTP 400, and 413 for size."""
    status = 413 if error.reason == "xml.too_large" else 400
    return SoapFault("Sender", error.reason, "The message is not XML that is accepted here", http_status=status)


def unquoted_action(header: str) -> str:
    """The value of a ``SOAPAction`` header, which SOAP 1.1 wants in quotes; empty for ``""``."""
    return header.strip().strip('"').strip()


def _require_soap12(root: _Element, media: str) -> None:
    namespace = _envelope_namespace(root)
    if namespace == NS_SOAP12 and media != SOAP11_MEDIA:
        return
    if namespace:
        raise SoapFault("VersionMismatch", "soap.version", "Only SOAP 1.2 is understood")
    raise SoapFault("Sender", "soap.envelope", "The message is not a SOAP envelope")


def _envelope_namespace(root: _Element) -> str:
    """Namespace of an element named Envelope; empty for any other element."""
    namespace, _, name = str(root.tag)[1:].rpartition("}")
    return namespace if name == "Envelope" else ""


def _parts(root: _Element) -> tuple[_Element | None, _Element]:
    """Header, if there is one, and the one child of Body."""
    parts = list(children(root))
    header = parts.pop(0) if parts and parts[0].tag == _HEADER else None
    if len(parts) != 1 or parts[0].tag != _BODY:
        raise SoapFault("Sender", "soap.structure", "An envelope holds one Header and one Body")
    contents = list(children(parts[0]))
    if len(contents) != 1:
        raise SoapFault("Sender", "soap.body", "The Body must hold exactly one element")
    return header, contents[0]


def _read_header(header: _Element) -> _Blocks:
    blocks = _Blocks()
    for block in children(header):
        tag = str(block.tag)
        name = _ADDRESSING.get(tag)
        if name is not None:
            if name in blocks.addressing:
                blocks.duplicate = name
            blocks.addressing.setdefault(name, block)
        elif tag == _SECURITY:
            blocks.security.append(block)
        elif _must_be_understood(block):
            blocks.not_understood.append(tag)
    return blocks


def _must_be_understood(block: _Element) -> bool:
    """Whether the block is meant for us and may not be passed over. A value that is no boolean counts as yes."""
    value = block.get(_MUST_UNDERSTAND)
    if value is None or value.strip() in ("0", "false"):
        return False
    return block.get(_ROLE) in _OUR_ROLES


def _checked(root: _Element, body: _Element, blocks: _Blocks, http_action: str) -> Envelope:
    if blocks.not_understood:
        raise SoapFault(
            "MustUnderstand",
            "soap.must_understand",
            "A header block with mustUnderstand is not understood",
            not_understood=blocks.not_understood[:_NOT_UNDERSTOOD_MAX],
        )
    if blocks.duplicate:
        raise _addressing_fault("InvalidCardinality", "wsa.duplicate", "An addressing block stands twice")
    _require_anonymous(blocks.addressing.get("ReplyTo"))
    _require_anonymous(blocks.addressing.get("FaultTo"))
    action = _agreed_action(blocks, http_action)
    message_id = blocks.text("MessageID")
    if len(message_id) > MESSAGE_ID_MAX:
        raise _addressing_fault("InvalidAddressingHeader", "wsa.message_id.too_long", "The MessageID is too long")
    if body.tag in (_FAULT, _FAULT11):
        raise SoapFault("Sender", "soap.body", "A Fault is not a request")
    return Envelope(
        root=root,
        body=body,
        security=tuple(blocks.security),
        action=action,
        message_id=message_id,
        relates_to=blocks.text("RelatesTo"),
        to=blocks.text("To"),
        has_addressing=bool(blocks.addressing),
        notes=_notes(blocks, message_id),
    )


def _notes(blocks: _Blocks, message_id: str) -> tuple[str, ...]:
    if not blocks.addressing:
        return ("wsa.absent",)
    if "Action" in blocks.addressing and message_id:
        return ()
    missing = [] if "Action" in blocks.addressing else ["wsa.action.missing"]
    return (*missing, *(() if message_id else ("wsa.message_id.missing",)))


def _agreed_action(blocks: _Blocks, http_action: str) -> str:
    """The action that HTTP and WS-Addressing agree on. CXF of OpenNCP 9 may send no addressing at all."""
    if "Action" not in blocks.addressing:
        return http_action
    action = blocks.text("Action")
    if not action:
        raise _addressing_fault("InvalidAddressingHeader", "wsa.action.empty", "The Action is empty")
    if http_action and http_action != action:
        raise _addressing_fault("ActionMismatch", "wsa.action.mismatch", "The HTTP action is not the wsa:Action")
    return action


def _require_anonymous(endpoint: _Element | None) -> None:
    """Answers go back on the connection only: another address would send patient data elsewhere."""
    if endpoint is None:
        return
    address = child(endpoint, f"{_WSA}Address")
    if address is None:
        raise _addressing_fault("MissingAddressInEPR", "wsa.reply_to", "An endpoint reference has no Address")
    if text_of(address) != ANONYMOUS:
        raise _addressing_fault(
            "OnlyAnonymousAddressSupported", "wsa.reply_to", "Answers are sent to the anonymous address only"
        )


def _addressing_fault(name: str, reason: str, text: str) -> SoapFault:
    return SoapFault("Sender", reason, text, subcode=f"wsa:{name}")


# --- faults of the other side ----------------------------------------------------------------------------------------

_CODE_LIKE = re.compile(r"(?:EHDSI_)?(?:ERROR|WARNING)_[A-Z_]{1,80}|[0-9]{4}|XDS[A-Za-z]{1,60}")
_REFUSED_ASSERTION = ("hpmissingattributes", "invalidsecuritytoken")
_PEER_TEXT_MAX = 1000


def _read_fault(fault: _Element, gateway: str) -> PeerFault:
    """OpenNCP from 8.1 names its code in ``Code/Subcode/Value``; its own reader looks in ``Detail/*/Subcode/Value``."""
    if fault.tag == _FAULT11:
        kind = text_of(child(fault, "faultcode"))
        subcodes = [kind]
        text = text_of(child(fault, "faultstring"))
        detail = child(fault, "detail")
    else:
        code = child(fault, f"{{{NS_SOAP12}}}Code")
        kind = text_of(child(code, f"{{{NS_SOAP12}}}Value"))
        nested = () if code is None else code.iterfind(f".//{{{NS_SOAP12}}}Subcode/{{{NS_SOAP12}}}Value")
        subcodes = [text_of(value) for value in nested]
        text = text_of(fault.find(f"{{{NS_SOAP12}}}Reason/{{{NS_SOAP12}}}Text"))
        detail = child(fault, f"{{{NS_SOAP12}}}Detail")
    if detail is not None:
        subcodes += [text_of(value) for value in detail.iterfind(".//Subcode/Value")]
    names = [name.rpartition(":")[2][:100] for name in subcodes]
    return PeerFault(
        _code_of(names, text),
        kind=kind.rpartition(":")[2][:100],
        subcode=next(iter(names), ""),
        text=text[:_PEER_TEXT_MAX],
        gateway=gateway,
    )


def _code_of(names: Sequence[str], text: str) -> str:
    for name in names:
        if known(name) or _CODE_LIKE.fullmatch(name):
            return name
    # Germany names a refused security header so; the exact QName is not published.
    told = ["".join(value.split()).lower() for value in (*names, text)]
    if any(refusal in value for value in told for refusal in _REFUSED_ASSERTION):
        return Code.NOT_ALLOWED
    return Code.CONNECTION_NOT_POSSIBLE


def _not_an_answer(reason: str, gateway: str) -> PeerError:
    return PeerError(Code.CONNECTION_NOT_POSSIBLE, reason, gateway=gateway)


# --- writing ---------------------------------------------------------------------------------------------------------

_DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>"
_OPEN = _DECLARATION + f'<env:Envelope xmlns:env="{NS_SOAP12}" xmlns:wsa="{NS_WSA}"><env:Header>'.encode()
_REPLY_TO = f"<wsa:ReplyTo><wsa:Address>{ANONYMOUS}</wsa:Address></wsa:ReplyTo>".encode()
_OPEN_SECURITY = f'<wsse:Security xmlns:wsse="{NS_WSSE}">'.encode()
_TO_BODY = b"</env:Header><env:Body>"
_CLOSE = b"</env:Body></env:Envelope>"
_UPGRADE = (
    f'<env:Upgrade><env:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="{NS_SOAP12}"/></env:Upgrade>'.encode()
)


def write_request(body: bytes, *, action: str, message_id: str, to: str, assertions: Sequence[bytes]) -> bytes:
    """A request. ``body`` and each assertion are self-contained elements without an XML declaration.

    Security carries no ``mustUnderstand``: Axis2 has no module that understands it and would refuse the message.
    """
    security = (_OPEN_SECURITY, *map(_element, assertions), b"</wsse:Security>") if assertions else ()
    return b"".join(
        (
            _OPEN,
            f'<wsa:To env:mustUnderstand="1">{escape(to)}</wsa:To>'.encode() if to else b"",
            f'<wsa:Action env:mustUnderstand="1">{escape(action)}</wsa:Action>'.encode(),
            f"<wsa:MessageID>{escape(message_id)}</wsa:MessageID>".encode(),
            _REPLY_TO,
            *security,
            _TO_BODY,
            _element(body),
            _CLOSE,
        )
    )


def write_response(body: bytes, *, action: str, message_id: str, relates_to: str) -> bytes:
    """An answer. OpenNCP's NCP-B reads Header and MessageID without looking whether they are there: both always are."""
    return b"".join((_OPEN, _answer_header(action, message_id, relates_to), _TO_BODY, _element(body), _CLOSE))


def write_fault(fault: SoapFault, *, message_id: str, relates_to: str = "") -> bytes:
    """A fault message; ``relates_to`` falls back to what the fault itself knows of the request."""
    addressing = fault.subcode.startswith("wsa:")
    action = ACTION_ADDRESSING_FAULT if addressing else ACTION_FAULT
    upgrade = _UPGRADE if fault.kind == "VersionMismatch" else b""
    header = _answer_header(action, message_id, relates_to or fault.relates_to)
    not_understood = b"".join(map(_not_understood, fault.not_understood))
    subcode = detail = ""
    if addressing:
        subcode = _addressing_subcode(fault.subcode.removeprefix("wsa:"))
    elif known(fault.subcode) and not fault.subcode.startswith("XDS"):
        # Peers read the code in either of two places, and one that is in no OpenNCP list breaks their reader.
        subcode = f"<env:Subcode><env:Value>{fault.subcode}</env:Value></env:Subcode>"
        detail = f"<env:Detail><Fault><Subcode><Value>{fault.subcode}</Value></Subcode></Fault></env:Detail>"
    body = (
        f"<env:Fault><env:Code><env:Value>env:{fault.kind}</env:Value>{subcode}</env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{escape(fault.message)}</env:Text></env:Reason>{detail}</env:Fault>'
    )
    return b"".join((_OPEN, header, upgrade, not_understood, _TO_BODY, body.encode(), _CLOSE))


def _answer_header(action: str, message_id: str, relates_to: str) -> bytes:
    relates = f"<wsa:RelatesTo>{escape(relates_to)}</wsa:RelatesTo>" if relates_to else ""
    identity = f"<wsa:Action>{escape(action)}</wsa:Action><wsa:MessageID>{escape(message_id)}</wsa:MessageID>"
    return (identity + relates).encode()


def _addressing_subcode(name: str) -> str:
    below = name in _BELOW_INVALID_HEADER
    inner = f"<env:Subcode><env:Value>wsa:{name}</env:Value></env:Subcode>" if below else ""
    outer = "InvalidAddressingHeader" if below else name
    return f"<env:Subcode><env:Value>wsa:{outer}</env:Value>{inner}</env:Subcode>"


def _not_understood(tag: str) -> bytes:
    namespace, _, name = tag.rpartition("}")
    declared = f" xmlns:block={quoteattr(namespace[1:])}" if namespace else ""
    prefix = "block:" if namespace else ""
    return f"<env:NotUnderstood qname={quoteattr(prefix + name)}{declared}/>".encode()


def _element(data: bytes) -> bytes:
    if not data.startswith(b"<") or data.startswith(b"<?"):
        raise ValueError("an element without XML declaration is expected")
    return data
