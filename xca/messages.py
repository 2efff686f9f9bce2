"""The values of ITI-38 and ITI-39. ``DocumentEntry`` knows no XML; ``xca.registry`` maps it to ebRIM and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ncp.wire.ids import II
from xca.facts import APPROVED, XFRM


def same_patient(asked: II, found: II) -> bool:
    """Whether ``found`` names the patient that was asked for; for reading what a peer sent, never for permission.

    Germany answers with the insured person's number where ``number|access code`` was asked, so the part before ``|``
    counts too.
    """
    if asked.root != found.root:
        return False
    return found.extension in (asked.extension, asked.extension.partition("|")[0])


class ResponseStatus(Enum):
    SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
    FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
    PARTIAL_SUCCESS = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"


class Severity(Enum):
    ERROR = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
    WARNING = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning"


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One entry of a RegistryErrorList. ``context`` and ``location`` are a peer's text: only ever for operators."""

    code: str
    context: str
    severity: Severity = Severity.ERROR
    location: str = ""


@dataclass(frozen=True, slots=True)
class Coded:
    """A code, its coding scheme and its display name (one Classification)."""

    code: str
    scheme: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    person: str = ""
    institution: str = ""
    specialties: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Author(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class DocumentEntry:
    """Metadata of one document representation (ExtrinsicObject on the wire).

    ``unique_id`` is the documentUniqueId (``root^extension`` or ``root``), ``repository_id`` the repositoryUniqueId,
    ``home_community_id`` a bare OID, ``creation_time`` 4 to 14 DTM digits in UTC (a peer's may be its local time),
    ``size`` bytes, ``hash`` 40 hex SHA-1 digits, ``entry_uuid`` ``urn:uuid:…`` (empty before it is written).
    """

    unique_id: str
    repository_id: str
    home_community_id: str
    patient: II
    class_code: str
    format_code: str
    mime_type: str = "text/xml"
    title: str = ""
    description: str = ""
    creation_time: str = ""
    language: str = ""
    size: int | None = None
    hash: str = ""
    confidentiality: Coded = Coded("N", "2.16.840.1.113883.5.25", "Normal")
    authors: tuple[Author, ...] = ()
    event_codes: tuple[Coded, ...] = ()
    service_start_time: str = ""
    facility: Coded | None = None
    entry_uuid: str = ""
    twin: str = ""
    """``unique_id`` of the other representation (L3 of an L1, L1 of an L3); an XFRM association on the wire."""
    status: str = APPROVED

    def __repr__(self) -> str:
        return "DocumentEntry(<redacted>)"


@dataclass(frozen=True, slots=True)
class Association:
    """XFRM link between the two representations of one document, by ``entry_uuid`` (source PDF, target XML)."""

    source: str
    target: str
    type: str = XFRM


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Filter slots of original clinical documents. Instants in ISO 8601 as on the wire; size in bytes."""

    created_after: str = ""
    created_before: str = ""
    maximum_size: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CrossGatewayQuery:
    """AdhocQueryRequest, FindDocuments. ``class_codes`` are LOINC codes of the one coding scheme of the profile."""

    patient: II
    class_codes: tuple[str, ...]
    filter: DocumentFilter = DocumentFilter()
    return_type: str = "LeafClass"
    ignored_slots: tuple[str, ...] = ()
    """Names of slots that would narrow the result and are not implemented; logged."""
    statuses: tuple[str, ...] = (APPROVED,)
    """Availability statuses asked for. Only approved documents are ever listed."""

    def __repr__(self) -> str:
        return "CrossGatewayQuery(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class CrossGatewayQueryResponse:
    """AdhocQueryResponse. ``status`` is None where a peer left it out (OpenNCP 7.1.3 to 8.1 on refusals)."""

    status: ResponseStatus | None
    entries: tuple[DocumentEntry, ...] = ()
    associations: tuple[Association, ...] = ()
    errors: tuple[RegistryError, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader had to leave out, by stable name (``entry.unique_id``); logged and shown as a warning."""

    def __repr__(self) -> str:
        return "CrossGatewayQueryResponse(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class DocumentRequest:
    """One DocumentRequest, values exactly as received (they are echoed character for character)."""

    document_unique_id: str
    repository_unique_id: str
    home_community_id: str = ""

    def __repr__(self) -> str:
        return "DocumentRequest(<redacted>)"


@dataclass(frozen=True, slots=True)
class CrossGatewayRetrieve:
    """RetrieveDocumentSetRequest."""

    requests: tuple[DocumentRequest, ...]


@dataclass(frozen=True, slots=True, repr=False)
class RetrievedDocument:
    """One DocumentResponse: the request it answers, media type and bytes of the document."""

    request: DocumentRequest
    mime_type: str
    content: bytes
    new_document_unique_id: str = ""
    new_repository_unique_id: str = ""

    def __repr__(self) -> str:
        return f"RetrievedDocument({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class CrossGatewayRetrieveResponse:
    """RetrieveDocumentSetResponse."""

    status: ResponseStatus | None
    documents: tuple[RetrievedDocument, ...] = ()
    errors: tuple[RegistryError, ...] = ()
    notes: tuple[str, ...] = ()
    """Why a DocumentResponse gave no document, by stable name (``document.base64``)."""
