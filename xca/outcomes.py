"""What an outcome means: which code tells of it (NCP-A), and what may be shown of an answer (NCP-B).

Knows the rules for the client of ITI-38 and ITI-39 (``docs/iti-38.md``, ``docs/iti-39.md``) and the codes per document
class. Leaves the markup to ``xca.query`` and ``xca.retrieve``, SOAP faults to ``ncp.wire.soap``, the content of a
delivered document to ``xca.delivered``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ncp.wire.errors import ADVICE, Code, ConnectorError, DocumentError, NcpError, PeerError, family_of, known
from ncp.wire.ids import II, CountryCode, Oid, urn_oid
from xca.facts import ENTRIES_MAX, ORIGINAL_CLINICAL_DOCUMENTS, TRANSFORMATION_TEXTS, ClassCode
from xca.messages import (
    Association,
    CrossGatewayQuery,
    CrossGatewayQueryResponse,
    CrossGatewayRetrieveResponse,
    DocumentEntry,
    DocumentRequest,
    RegistryError,
    ResponseStatus,
    RetrievedDocument,
    Severity,
    same_patient,
)

_GENERIC: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.PS_GENERIC,
    ClassCode.EPRESCRIPTION: Code.EP_GENERIC,
    **dict.fromkeys(ORIGINAL_CLINICAL_DOCUMENTS, Code.ORCD_GENERIC),
}
_NOT_FOUND: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.PS_NOT_FOUND,
    ClassCode.EPRESCRIPTION: Code.EP_NOT_FOUND,
    ClassCode.MRO: Code.NO_MRO,
    **dict.fromkeys(ORIGINAL_CLINICAL_DOCUMENTS, Code.NO_ORCD),
}
_NO_MAPPING: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.PS_MISSING_EXPECTED_MAPPING,
    ClassCode.EPRESCRIPTION: Code.EP_MISSING_EXPECTED_MAPPING,
}

_NO_TRANSLATION: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.WARNING_PS_MISSING_EXPECTED_TRANSLATION,
    ClassCode.EPRESCRIPTION: Code.WARNING_EP_MISSING_EXPECTED_TRANSLATION,
}

WARNING_TEXTS: Mapping[str, str] = {
    "entry.other_patient": "A document of another patient was in the list and is not shown.",
    "entry.other_class": "The list holds documents of a kind that was not asked for.",
    "entry.duplicate": "A document was listed twice and is shown once.",
    "entry.unique_id": "A document without an id was in the list and is not shown: it cannot be fetched.",
    "entry.repository_id": "A document without a repository was in the list and is not shown: it cannot be fetched.",
    "entry.references_only": "The other country named documents without describing them.",
    "entry.too_many": "The list is longer than can be shown; this is its beginning.",
    "peer.partial": "The other country could answer only a part of the question.",
    "peer.warning": "The other country sent a notice with its answer.",
    "peer.transformation": "Some codes of the document could not be translated between the code systems.",
    "document.several": "The other country sent more documents than were asked for; the one asked for is shown.",
    "document.patient_id_differs": "The document carries another patient number than the one confirmed; name and "
    "birth date agree.",
    "document.patient_not_named": "The document is a PDF: check yourself that it is about this patient.",
    "translation.failed": "The document could not be translated; it is shown as the other country sent it.",
    "translation.incomplete": "Some codes of the document have no name in this language; their English is shown.",
    "translation.national_codes": "The document holds codes that only the other country knows.",
    "document.not_conforming": "The document breaks rules of the network; parts of it may be missing or misplaced.",
    "document.id_differs": "The document carries another id than the list gave it.",
}
"""A sentence for the professional for every warning that ``xca`` names."""


# NCP-A: which code tells of it


def generic_code(class_code: str) -> Code:
    """The code of a failure nobody has a better code for, by document class."""
    return _GENERIC.get(class_code, Code.GENERIC)


def not_found(class_code: str) -> Code:
    """The code that tells that a patient has no document of the class."""
    return _NOT_FOUND.get(class_code, Code.NO_DOCUMENTS)


def error_entry(error: NcpError, *, home: Oid, document: str = "") -> RegistryError:
    """The RegistryError (severity Error) of a failure.

    ``codeContext`` is the error's message; of the national system's own failures the text of the code and, behind
    ``^``, the national message, as OpenNCP does. ``document`` names the documentUniqueId concerned where an answer is
    about several. The error's operator context stays here.
    """
    text = error.message
    declared = known(error.code)
    if isinstance(error, ConnectorError) and declared is not None and error.message != declared.text:
        text = f"{declared.text}^{error.message}"
    if document:
        text = f"{text} ({document})"
    return RegistryError(error.code, text, Severity.ERROR, urn_oid(home))


def transformation_error(code: str, severity: Severity, text: str = "") -> RegistryError:
    """One entry of the transcoding step by its number; 45xx as Error means that there is no document. ``text`` tells
    which of the two meanings of a number it is, and of what code it speaks."""
    return RegistryError(code, text or TRANSFORMATION_TEXTS[code], severity)


def transcoding_failed(class_code: str, entries: Sequence[RegistryError]) -> tuple[RegistryError, ...]:
    """The errors of a document that could not be transcoded: the entries, and behind them the one that says so."""
    code = _NO_MAPPING.get(class_code, Code.TRANSCODING_FAILED)
    cause = next((entry.context for entry in entries if entry.code.startswith("45")), "")
    return (*entries, RegistryError(code, f"{code.text} [{cause}]" if cause else code.text))


# NCP-B: what may be shown


def translation_missing(class_code: str) -> str:
    """The code that tells that names of a document are missing in the reader's language; empty where there is none."""
    return _NO_TRANSLATION.get(class_code, "")


@dataclass(frozen=True, slots=True, repr=False)
class DocumentList:
    """What may be shown of an ITI-38 answer.

    ``documents`` have their ``twin`` filled; ``warnings`` are names in ``WARNING_TEXTS``; ``reported`` is what the peer
    said beside the documents, its free texts for operators only.
    """

    documents: tuple[DocumentEntry, ...]
    warnings: tuple[str, ...] = ()
    reported: tuple[RegistryError, ...] = ()

    def __repr__(self) -> str:
        return f"DocumentList({len(self.documents)} documents)"


@dataclass(frozen=True, slots=True, repr=False)
class DeliveredDocument:
    """What may go on to the checks of ``xca.delivered``; ``warnings`` and ``reported`` as in ``DocumentList``."""

    document: RetrievedDocument
    warnings: tuple[str, ...] = ()
    reported: tuple[RegistryError, ...] = ()

    def __repr__(self) -> str:
        return "DeliveredDocument(<redacted>)"


def interpret_query(
    query: CrossGatewayQuery, response: CrossGatewayQueryResponse, *, country: CountryCode
) -> DocumentList:
    """The documents that may be shown. Documents that came with an Error never are.

    Raises ``DocumentError`` (reasons ``peer.nothing_found``, ``peer.refused``) with the peer's code, or ``PeerError``
    (``peer.no_reason``) for a refusal without any.
    """
    errors = response.errors
    secrets = _parts_of(query.patient)
    if errors and all(tells_nothing_found(error.code) for error in errors):
        raise _refusal(errors, "peer.nothing_found", country, secrets)
    if response.status in (None, ResponseStatus.FAILURE):
        raise _refusal(errors, "peer.refused", country, secrets)
    several = len(query.class_codes) > 1
    partial = response.status is ResponseStatus.PARTIAL_SUCCESS and several
    if not partial and _decisive(errors):
        raise _refusal(_decisive(errors), "peer.refused", country, secrets)

    warnings = dict.fromkeys(response.notes)
    warnings.update(_told(errors))
    documents: dict[str, DocumentEntry] = {}
    for entry in response.entries:
        if entry.patient != _UNNAMED and not same_patient(query.patient, entry.patient):
            warnings["entry.other_patient"] = None
        elif entry.unique_id in documents:
            warnings["entry.duplicate"] = None
        elif len(documents) == ENTRIES_MAX:
            warnings["entry.too_many"] = None
        else:
            documents[entry.unique_id] = entry
            if entry.class_code not in query.class_codes:
                warnings["entry.other_class"] = None
    return DocumentList(_with_twins(documents.values(), response.associations), tuple(warnings), errors)


def interpret_retrieve(
    request: DocumentRequest,
    response: CrossGatewayRetrieveResponse,
    *,
    country: CountryCode,
    patient: II | None = None,
) -> DeliveredDocument:
    """The one document that was asked for. The id of ``patient`` is kept out of what the peer says of a failure.

    Raises ``DocumentError`` (``peer.nothing_found``, ``peer.refused``, ``document.missing``, ``document.unreadable``)
    or ``PeerError`` (``peer.no_reason``, ``document.other_id``).
    """
    errors = response.errors
    secrets = (request.document_unique_id, *(_parts_of(patient) if patient else ()))
    decisive = _decisive(errors)
    if response.status in (None, ResponseStatus.FAILURE) or decisive or (errors and not response.documents):
        chosen = decisive or errors
        nothing = bool(chosen) and all(tells_nothing_found(error.code) for error in chosen)
        raise _refusal(chosen, "peer.nothing_found" if nothing else "peer.refused", country, secrets)
    asked = request.document_unique_id.strip()
    found = [document for document in response.documents if document.request.document_unique_id.strip() == asked]
    if not found:
        raise _without_document(response, country)
    warnings = _told(errors)
    if len(response.documents) > 1:
        warnings["document.several"] = None
    return DeliveredDocument(found[0], tuple(warnings), errors)


def tells_nothing_found(code: str) -> bool:
    """Whether a code says that there is no document, whatever severity and status stand beside it."""
    return (
        code.endswith("_NOT_FOUND")
        or code in (Code.DOCUMENT_MISSING, Code.XDS_MISSING_DOCUMENT)
        or re.fullmatch("110[0-9]", code) is not None
    )


_UNNAMED = II("", "")


def _decisive(errors: Sequence[RegistryError]) -> tuple[RegistryError, ...]:
    """Error-severity entries other than those of the transcoding step, with which a document may come."""
    return tuple(
        error for error in errors if error.severity is Severity.ERROR and error.code not in TRANSFORMATION_TEXTS
    )


def _told(errors: Sequence[RegistryError]) -> dict[str, None]:
    """The warnings that entries beside a document amount to."""
    warnings: dict[str, None] = {}
    for error in errors:
        if error.code in TRANSFORMATION_TEXTS:
            warnings["peer.transformation"] = None
        elif error.severity is Severity.ERROR:
            warnings["peer.partial"] = None
        else:
            warnings["peer.warning"] = None
    return warnings


def _refusal(
    errors: Sequence[RegistryError], reason: str, country: CountryCode, secrets: Iterable[str]
) -> DocumentError | PeerError:
    """The error that the first Error-severity entry stands for, else the first entry; our own text for its code."""
    if not errors:
        return PeerError(
            Code.GENERIC,
            "peer.no_reason",
            message="The other country refused the request and gave no reason.",
            gateway=country,
        )
    first = next((error for error in errors if error.severity is Severity.ERROR), errors[0])
    code = _declared(first.code)
    # A code of no list has no text of ours; what to do about its family is the next best thing to say.
    message = "" if known(code) else ADVICE[family_of(code)].user
    return DocumentError(code, reason, message=message, context=_cleaned(first.context, secrets), gateway=country)


_CODE = re.compile("(?:EHDSI_)?(?:ERROR|WARNING)_[A-Z0-9_]{1,100}|XDS[A-Za-z]{1,60}|[0-9]{4}")


def _declared(code: str) -> str:
    """A code that may stand in a log line: one of a list or one that looks like it, else ERROR_GENERIC."""
    return code if _CODE.fullmatch(code) else Code.GENERIC


def _parts_of(patient: II) -> tuple[str, ...]:
    """The patient id, and what stands on either side of a ``|`` in it (Germany: number and access code)."""
    return (patient.extension, *patient.extension.split("|"))


def _cleaned(context: str, secrets: Iterable[str]) -> str:
    """A peer's text for the operator: one line, not long, without the ids that this request was about."""
    for secret in secrets:
        if len(secret) > 3:
            context = context.replace(secret, "…")
    return " ".join(context.split())[:500]


def _without_document(response: CrossGatewayRetrieveResponse, country: CountryCode) -> DocumentError | PeerError:
    if response.documents:
        return PeerError(
            Code.GENERIC,
            "document.other_id",
            message="The document that came is not the one that was asked for, so it is not shown.",
            gateway=country,
        )
    if response.notes:
        return DocumentError(
            Code.HQI_GENERIC,
            "document.unreadable",
            message="A document came, but it cannot be read.",
            context=", ".join(response.notes),
            gateway=country,
        )
    return DocumentError(Code.DOCUMENT_MISSING, "document.missing", gateway=country)


def _with_twins(entries: Iterable[DocumentEntry], associations: Iterable[Association]) -> tuple[DocumentEntry, ...]:
    """Pairs by XFRM associations, direction-free, and by nothing else; an entry has one twin, the first named."""
    listed = tuple(entries)
    by_uuid = {entry.entry_uuid: entry.unique_id for entry in listed if entry.entry_uuid}
    twins: dict[str, str] = {}
    for association in associations:
        source, target = by_uuid.get(association.source), by_uuid.get(association.target)
        if source is None or target is None or source == target or not association.type.endswith(":XFRM"):
            continue
        if source not in twins and target not in twins:
            twins[source], twins[target] = target, source
    return tuple(replace(entry, twin=twins.get(entry.unique_id, "")) for entry in listed)
