"""The transformation in the flow of documents, the same step for both roles: on what, with what, and its record.

Joins the catalogue, the list of coded elements and ``ncp.semantics.transform``; writes into the exchange record what
the audit of a translation needs. Leaves what a failure means to the roles: country A must not send, country B may still
show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ncp.exchange import Exchange, Transformed
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.terminology.catalogue import Catalogue
from ncp.semantics.transform.elements import CodedElements
from ncp.semantics.transform.kinds import kind_of
from ncp.semantics.transform.operations import transcode_document, translate_document
from ncp.semantics.transform.result import Status, Transformation
from ncp.wire.xml import XmlLimits

LARGE = 64 * 1024
"""Bytes from which a document is transformed aside from the event loop: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """What a worker transforms with. ``strict``: exactly as OpenNCP 7.1 does."""

    catalogue: Catalogue
    elements: CodedElements
    strict: bool = False
    limits: XmlLimits = DOCUMENT_LIMITS

    def transcode(self, content: bytes, exchange: Exchange) -> Transformation:
        """National codes into those of the network. Raises ``CatalogueError`` only when there is no catalogue."""
        return self._recorded(
            "transcode",
            exchange,
            lambda: transcode_document(
                content,
                release=self.catalogue.current(),
                elements=self.elements,
                strict=self.strict,
                limits=self.limits,
            ),
        )

    def translate(self, content: bytes, language: str, exchange: Exchange) -> Transformation:
        """Names in ``language``. Raises ``CatalogueError`` only when there is no catalogue."""
        return self._recorded(
            "translate",
            exchange,
            lambda: translate_document(
                content,
                language,
                release=self.catalogue.current(),
                elements=self.elements,
                strict=self.strict,
                limits=self.limits,
            ),
        )

    def _recorded(self, step: str, exchange: Exchange, work: Callable[[], Transformation]) -> Transformation:
        with exchange.step(step):
            result = work()
        exchange.transformations.append(_record(result))
        if result.status is not Status.SUCCESS:
            exchange.notes.append(f"{step}.{result.status.lower()}")
        return result


def is_transformed(class_code: str, mime_type: str, content: bytes) -> bool:
    """Whether documents of that class, in that form, are transformed at all; a bare PDF never, whatever its type."""
    kind = kind_of(class_code)
    is_xml = mime_type.strip().lower().partition(";")[0].endswith("xml")
    return kind is not None and kind.is_transformed and is_xml and not content[:64].lstrip().startswith(b"%PDF")


def _record(result: Transformation) -> Transformed:
    facts = result.facts
    # Nothing of the identifiers is changed: the document has the id that it came with.
    document = "" if facts.id is None else str(facts.id)
    return Transformed(
        direction=result.direction.value,
        document_in=document,
        document_out=document,
        parents=tuple(str(parent) for parent in facts.parents),
        has_device=facts.has_device,
        status=result.status.value,
        counts={state.value: count for state, count in result.counts.items()},
        release=result.release,
        language=result.language,
    )
