"""The envelopes that go back to a portal: answers, and every failure as the fault its contract knows.

Pure. Where a portal looks for the error code depends on the version it was built for, so the form of a fault follows
the namespace that was called (``Contract``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from ncp.frontend.contracts import DETAIL_KIND, OWN_NAMESPACE, Contract
from ncp.frontend.port import Translation
from ncp.wire.errors import Code, NcpError
from ncp.wire.soap import SoapFault
from ncp.wire.xml import NS_SOAP12, NS_WSA

CONTENT_TYPE = "application/soap+xml; charset=UTF-8"

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_OPEN = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{NS_SOAP12}"><env:Header>'
_FAULT_ACTION = "http://www.w3.org/2005/08/addressing/soap/fault"


def write_answer(
    body: bytes,
    *,
    action: str,
    message_id: str,
    relates_to: str,
    reference: str,
    warnings: Sequence[str] = (),
    birth_date: str = "",
    translation: Translation | None = None,
) -> bytes:
    """An answer around one self-contained element.

    The header block ``exchange`` of our namespace tells what OpenNCP's types have no place for: the reference, names
    of warnings, a birth date of which only year or month is known, and what became of the codes of a document.
    """
    notes = f"<x:reference>{_text(reference)}</x:reference>"
    notes += "".join(f"<x:warning>{_text(warning)}</x:warning>" for warning in warnings)
    if birth_date:
        notes += f"<x:birthDate>{_text(birth_date)}</x:birthDate>"
    if translation is not None:
        notes += _translation(translation)
    exchange = f'<x:exchange xmlns:x="{OWN_NAMESPACE}">{notes}</x:exchange>'
    opening = f"{_OPEN}{_addressing(action, message_id, relates_to)}{exchange}</env:Header><env:Body>"
    return b"".join((opening.encode(), body, b"</env:Body></env:Envelope>"))


def _translation(translation: Translation) -> str:
    attributes = {
        "language": _ILLEGAL.sub("", translation.language),
        "status": translation.status,
        "release": translation.release,
        "code": translation.code,
    }
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value)
    counts = "".join(
        f"<x:codes state={quoteattr(state)}>{count}</x:codes>" for state, count in translation.counts.items()
    )
    return f"<x:translation{written}>{counts}</x:translation>"


def write_fault(
    error: NcpError, contract: Contract, operation: str, *, message_id: str, relates_to: str, reference: str
) -> bytes:
    """The fault for an error in the form of ``contract``.

    OpenNCP 7: the code is the local part of ``Code/Value``, though SOAP 1.2 knows five values there; OpenNCP 8 and 9:
    ``Receiver``, and always a ``Subcode`` with the code in no namespace. A refused envelope keeps its SOAP kind.
    """
    code = error.code if _CODE.fullmatch(error.code) else str(Code.GENERIC)
    value = "Receiver"
    if isinstance(error, SoapFault):
        value = error.kind
    elif contract.code_in_value:
        value = code
    kind = DETAIL_KIND.get(operation, "") if contract.has_kinds else ""
    context = f"<k:{kind} xmlns:k={quoteattr(contract.namespace)}>{_text(error.context)}</k:{kind}>" if kind else ""
    fields = (
        ("code", code),
        ("country", error.gateway),
        ("reference", reference),
        ("message", error.message),
        ("context", error.context),
    )
    ours = "".join(f"<x:{name}>{_text(text)}</x:{name}>" for name, text in fields)
    return (
        f"{_OPEN}{_addressing(_FAULT_ACTION, message_id, relates_to)}</env:Header><env:Body><env:Fault>"
        f"<env:Code><env:Value>env:{value}</env:Value>"
        f"<env:Subcode><env:Value>{code}</env:Value></env:Subcode></env:Code>"
        f"<env:Reason><env:Text xml:lang={quoteattr(error.language)}>{_text(error.message)}</env:Text></env:Reason>"
        f'<env:Detail>{context}<x:error xmlns:x="{OWN_NAMESPACE}">{ours}</x:error></env:Detail>'
        f"</env:Fault></env:Body></env:Envelope>"
    ).encode()


def status_of(error: NcpError) -> int:
    """500 for every fault of an operation, as both OpenNCP contracts have it; an envelope refused keeps its own."""
    return error.http_status if isinstance(error, SoapFault) else 500


def _addressing(action: str, message_id: str, relates_to: str) -> str:
    blocks = {"Action": action, "MessageID": message_id, "RelatesTo": relates_to}
    return "".join(
        f'<wsa:{name} xmlns:wsa="{NS_WSA}">{_text(value)}</wsa:{name}>' for name, value in blocks.items() if value
    )


def _text(value: str) -> str:
    """Escaped; characters that XML cannot hold are left out (texts of peers are free)."""
    return escape(_ILLEGAL.sub("", value))
