"""What kind of document it is, which level, and the few facts of its header that a transformation is recorded with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lxml.etree import _Element

from ncp.semantics.model import Level
from ncp.semantics.transform import problems
from ncp.semantics.transform.problems import Problem
from ncp.wire.xml import NS_HL7, path


class Kind(StrEnum):
    """Kinds of clinical documents, by the LOINC code of the document."""

    PATIENT_SUMMARY = "60591-5"
    EPRESCRIPTION = "57833-6"
    EDISPENSATION = "60593-1"
    HCER = "34133-9"
    MRO = "56445-0"
    LABORATORY = "11502-2"
    DISCHARGE = "34105-7"
    IMAGING_REPORT = "18748-4"
    IMAGE = "x-clinical-image"

    @property
    def is_transformed(self) -> bool:
        """Original clinical documents travel as they are."""
        return self not in _ORIGINAL


_ORIGINAL = frozenset({Kind.LABORATORY, Kind.DISCHARGE, Kind.IMAGING_REPORT, Kind.IMAGE})
_BY_CODE = {kind.value: kind for kind in Kind}


def kind_of(code: str) -> Kind | None:
    """The kind with that code; None for one that the network does not exchange."""
    return _BY_CODE.get(code.strip())


@dataclass(frozen=True, slots=True)
class Identity:
    """Root and extension of an instance identifier."""

    root: str
    extension: str = ""

    def __str__(self) -> str:
        return f"{self.root}^{self.extension}" if self.extension else self.root


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """``parents`` are the documents that this one says it was transformed from; ``has_device``: one of its authors is
    a program."""

    kind: Kind | None
    level: Level
    id: Identity | None = None
    parents: tuple[Identity, ...] = ()
    has_device: bool = False
    problem: Problem | None = None


def facts_of(root: _Element) -> DocumentFacts:
    """Kind, level and header facts. What hinders the transformation is in ``problem``."""
    if root.tag != _tag("ClinicalDocument"):
        return DocumentFacts(None, Level.L1, problem=problems.tm(problems.INPUT_NOT_CONFORMING))
    structured = path(root, NS_HL7, "component", "structuredBody") is not None or any(
        body.find(_tag("structuredBody")) is not None for body in root.iterchildren(_tag("component"))
    )
    codes = root.findall(_tag("code"))
    code = codes[0].get("code", "").strip() if len(codes) == 1 else ""
    kind, problem = kind_of(code), None
    if not code:
        problem = problems.tm(problems.DOCUMENT_CODE_MISSING)
    elif kind is None:
        problem = problems.tm(
            problems.DOCUMENT_CODE_UNKNOWN, problems.code_context(codes[0].get("codeSystem", ""), code)
        )
    return DocumentFacts(
        kind,
        Level.L3 if structured else Level.L1,
        _identity(root.find(_tag("id"))),
        tuple(
            parent
            for link in root.iterchildren(_tag("relatedDocument"))
            if link.get("typeCode") == "XFRM"
            for named in link.iterchildren(_tag("parentDocument"))
            if (parent := _identity(named.find(_tag("id")))) is not None
        ),
        any(
            path(author, NS_HL7, "assignedAuthor", "assignedAuthoringDevice") is not None
            for author in root.iterchildren(_tag("author"))
        ),
        problem,
    )


def _tag(name: str) -> str:
    return f"{{{NS_HL7}}}{name}"


def _identity(element: _Element | None) -> Identity | None:
    if element is None or not element.get("root"):
        return None
    return Identity(element.get("root", "").strip(), element.get("extension", "").strip())
