"""What both roles do with a document on its way: validate it, transcode or translate it, and keep the record.

Joins the validator, the catalogue, the list of coded elements and ``ncp.semantics.transform``; a document is parsed
once for all of them. Writes into the exchange record what the audit of a translation needs. Leaves what a failure means
to the roles: country A must not send, country B may still show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lxml.etree import _Element

from ncp.exchange import Exchange, Transformed
from ncp.semantics.read_cda import DOCUMENT_LIMITS
from ncp.semantics.terminology.catalogue import Catalogue
from ncp.semantics.transform import operations
from ncp.semantics.transform.elements import CodedElements
from ncp.semantics.transform.kinds import Kind, kind_of
from ncp.semantics.transform.problems import Problem, tm
from ncp.semantics.transform.result import Direction as Step
from ncp.semantics.transform.result import Status, Transformation
from ncp.semantics.validation.policy import Direction
from ncp.semantics.validation.validator import Validator
from ncp.wire.ids import CountryCode
from ncp.wire.xml import XmlLimits, XmlRefused, parse

LARGE = 64 * 1024
"""Bytes from which a document is looked at aside from the event loop: some milliseconds."""

NOT_CONFORMING = "document.not_conforming"
"""Warning for a professional: the document breaks rules of the profile."""

_SERVICES = {Kind.PATIENT_SUMMARY: "PS", Kind.EPRESCRIPTION: "EP", Kind.EDISPENSATION: "EP", Kind.MRO: "MRO"}


@dataclass(frozen=True, slots=True)
class Transformer:
    """What a worker looks at documents with. ``elements`` None: they are validated and go on as they came.

    ``strict``: exactly as OpenNCP 7.1 does. ``validator`` None: nobody looks at the rules.
    """

    catalogue: Catalogue
    elements: CodedElements | None
    strict: bool = False
    limits: XmlLimits = DOCUMENT_LIMITS
    validator: Validator | None = None

    def transcode(
        self, content: bytes, exchange: Exchange, *, kind: Kind | None = None, country: CountryCode | None = None
    ) -> Transformation | None:
        """National codes into those of the network, for the peer ``country``; None when that is off.

        What the validation has to say is among the warnings of the result, with the numbers of OpenNCP. Raises
        ``DocumentError`` ``validation.…`` where the configuration refuses; ``CatalogueError`` without any catalogue.
        """
        elements = self.elements

        def work(root: _Element) -> Transformation | None:
            if elements is None:
                return None
            release = self.catalogue.current()
            return operations.transcode(root, release=release, elements=elements, strict=self.strict, source=content)

        return self._recorded(Step.TRANSCODE, content, exchange, kind, country, work)

    def translate(
        self,
        content: bytes,
        language: str,
        exchange: Exchange,
        *,
        kind: Kind | None = None,
        country: CountryCode | None = None,
    ) -> Transformation | None:
        """Names in ``language``; None for no language and when that is off. Raises as ``transcode``."""
        elements = self.elements

        def work(root: _Element) -> Transformation | None:
            if elements is None or not language:
                return None
            release = self.catalogue.current()
            return operations.translate(
                root, language, release=release, elements=elements, strict=self.strict, source=content
            )

        return self._recorded(Step.TRANSLATE, content, exchange, kind, country, work, language)

    def _recorded(
        self,
        step: Step,
        content: bytes,
        exchange: Exchange,
        kind: Kind | None,
        country: CountryCode | None,
        work: Callable[[_Element], Transformation | None],
        language: str = "",
    ) -> Transformation | None:
        try:
            # Some senders begin with line breaks; an XML declaration may only stand at the very start.
            root = parse(content.lstrip(b" \t\r\n"), self.limits)
        except XmlRefused:
            if self.elements is None or (step is Step.TRANSLATE and not language):
                return None
            with exchange.step(step):
                release = self.catalogue.current()
                result: Transformation | None = operations.unreadable(content, step, release, language)
        else:
            told = self._validated(root, exchange, kind, country)
            with exchange.step(step):
                result = work(root)
            if result is not None and told:
                result = replace(result, warnings=(*told, *result.warnings))
        if result is None:
            return None
        exchange.transformations.append(_record(result))
        if result.status is not Status.SUCCESS:
            exchange.notes.append(f"{step}.{result.status.lower()}")
        return result

    def _validated(
        self, root: _Element, exchange: Exchange, kind: Kind | None, country: CountryCode | None
    ) -> tuple[Problem, ...]:
        """What the rules say of the document as it came."""
        if self.validator is None:
            return ()
        with exchange.step("validate"):
            service = _SERVICES.get(kind, "") if kind is not None else ""
            findings, outcome = self.validator.judge(root, Direction.INPUT, service=service, country=country or "")
            exchange.notes.extend(f"{skipped.reason}:{skipped.origin}" for skipped in findings.skipped)
            exchange.notes.extend(f"validation.{one.code}:{one.context}" for one in outcome.warnings)
            if outcome.warnings:
                exchange.notes.append(NOT_CONFORMING)
            if outcome.refusal is not None:
                raise outcome.refusal
        return tuple(tm(one.code, one.context) for one in outcome.warnings)


def is_transformed(class_code: str, mime_type: str, content: bytes) -> bool:
    """Whether documents of that class, in that form, are looked at at all; a bare PDF never, whatever its type."""
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
