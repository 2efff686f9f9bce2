"""spyne between a parsed envelope and typed operations: it reads the body into model objects, calls the operation, and
turns what it returns into the body of the answer.

HTTP, the envelope, headers and faults are ours (``app``, ``replies``); spyne never sees bytes, so its parser, its MIME
reader and its logs play no part (``docs/decisions/0001-spyne-reads-bodies-only.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from lxml import etree
from lxml.etree import _Element

from ncp.frontend.contracts import Contract
from ncp.frontend.port import Call, Translation
from ncp.frontend.spyne_import import Application, ComplexModel, MethodContext, ServerBase, Soap12, Wsdl11
from ncp.wire.errors import Code, NcpError, RequestError
from ncp.wire.xml import local_name

ELEMENTS_MAX = 1000
"""Elements of one request. The largest has 150; spyne takes a second for tens of thousands before it counts them."""


@dataclass(slots=True)
class Conversation:
    """What an operation may ask for (``call``) and tell besides its result."""

    call: Call
    warnings: list[str] = field(default_factory=list)
    birth_date: str = ""
    translation: Translation | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    warnings: tuple[str, ...]
    birth_date: str
    translation: Translation | None = None


class _Protocol(Soap12):  # type: ignore[misc]
    """Takes the body element it is given. ``xsi:type`` of a caller never chooses a class."""

    def __init__(self) -> None:
        super().__init__(validator="soft", parse_xsi_type=False, polymorphic=False)

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """The element is parsed already."""

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:
        ctx.in_header_doc = None
        ctx.method_request_string = ctx.in_body_doc.tag


class _Server(ServerBase):  # type: ignore[misc]
    transport = "http://schemas.xmlsoap.org/soap/http"


class Binding:
    """The operations of one contract."""

    def __init__(self, contract: Contract, services: Sequence[type]) -> None:
        self.contract = contract
        self._application = Application(
            services, tns=contract.namespace, name=contract.service, in_protocol=_Protocol(), out_protocol=_Protocol()
        )
        self._server = _Server(self._application)
        self.operations = frozenset(key.rpartition("}")[2] for key in self._application.interface.service_method_map)

    def operation_of(self, body: _Element) -> str:
        """Name of the operation that a body element calls; empty when this contract has none of that name."""
        name = local_name(body)
        return name if body.tag == f"{{{self.contract.namespace}}}{name}" and name in self.operations else ""

    def answer(self, call: Call, body: _Element) -> Answer:
        """Run the operation. Raises ``RequestError`` for a body that is none of ours, and what the operation raises."""
        context, conversation = self._read(call, body)
        returned = self._application.call_wrapper(context)
        # An operation of several outputs returns them as a tuple.
        context.out_object = list(returned) if isinstance(returned, tuple) else [returned]
        protocol = self._application.out_protocol
        protocol.serialize(context, protocol.RESPONSE)
        return Answer(
            etree.tostring(context.out_body_doc[0], encoding="utf-8"),
            tuple(conversation.warnings),
            conversation.birth_date,
            conversation.translation,
        )

    def wsdl(self, location: str) -> bytes:
        """The contract as WSDL 1.1, made from the models."""
        document = Wsdl11(self._application.interface)
        document.build_interface_document(location)
        return bytes(document.get_interface_document())

    def _read(self, call: Call, body: _Element) -> tuple[Any, Conversation]:
        if not self.operation_of(body):
            raise RequestError(Code.GENERIC, "request.operation", message="The operation is not known")
        if next(islice(body.iter(), ELEMENTS_MAX, None), None) is not None:
            raise _malformed()
        conversation = Conversation(call)
        initial = MethodContext(self._server, MethodContext.SERVER)
        initial.in_body_doc = _plain(body)
        try:
            context = self._server.generate_contexts(initial)[0]
            if context.in_error is None:
                protocol = self._application.in_protocol
                protocol.deserialize(context, protocol.REQUEST)
        except NcpError:
            raise
        except Exception:
            # spyne fails in many ways on odd values, and its texts quote them.
            raise _malformed() from None
        if context.in_error is not None:
            raise _malformed()
        context.udc = conversation
        return context, conversation


def _malformed() -> RequestError:
    return RequestError(Code.GENERIC, "request.malformed", message="The request does not follow the schema")


def _plain(body: _Element) -> _Element:
    """A copy without comments and processing instructions: spyne reads values only up to the first of them.

    The envelope itself stays as it is, for the assertions in it are signed.
    """
    copy = deepcopy(body)
    etree.strip_tags(copy, etree.Comment, etree.ProcessingInstruction)
    return copy


def model(namespace: str, name: str, members: Sequence[tuple[str, Any]]) -> Any:
    """A complex type of a contract."""
    values = {"__namespace__": namespace, "__type_name__": name, "_type_info": list(members)}
    return type(ComplexModel)(name[0].upper() + name[1:], (ComplexModel,), values)
