"""Help for the tests of ``xca``: strategies of whole legal values, and a checker that knows nothing of our writers.

The checker holds the rules that other people's validators apply to document lists and documents: IPF
(oehf/ipf:commons/ihe/xds, ``validate``), Gazelle's eHDSI rules and ITI TF-3 4.2. It reads the markup itself.
"""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.ids import II
from ncp.wire.xml import XmlRefused, parse
from tests.shared import shared
from xca.facts import LOINC, TITLES, FormatCode
from xca.messages import (
    Author,
    Coded,
    CrossGatewayQuery,
    DocumentEntry,
    DocumentFilter,
    DocumentRequest,
    RegistryError,
    RetrievedDocument,
    Severity,
)

HOME = "2.16.17.710.840.1000.990.1"
OTHER_HOME = "2.16.17.710.999.1000.990.1"
PATIENT = II("1.2.3.4.5", "PAT-0001")
SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

RIM = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}"
RS = "{urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0}"
QUERY = "{urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0}"
XDSB = "{urn:ihe:iti:xds-b:2007}"


# Values

PS, EP = "60591-5", "57833-6"
ORCD = ("34105-7", "11502-2", "18748-4", "x-clinical-image")


def summary(**changes: object) -> DocumentEntry:
    """A patient summary entry (level 3) as a connector gives it."""
    values: dict[str, object] = {
        "unique_id": "1.2.3.4.88^PS-0001",
        "repository_id": "1.2.3.4.77",
        "home_community_id": HOME,
        "patient": PATIENT,
        "class_code": PS,
        "format_code": "urn:epSOS:ps:ps:2010",
        "title": "Patient Summary",
        "creation_time": "20250114093000",
        "language": "fr-FR",
        "size": 48211,
        "hash": SHA1_OF_NOTHING,
    }
    return DocumentEntry(**{**values, **changes})  # type: ignore[arg-type]


def summary_pair() -> list[DocumentEntry]:
    """Level 3 and level 1 of one summary."""
    return [
        summary(twin="1.2.3.4.88^PS-0001-PDF"),
        summary(
            unique_id="1.2.3.4.88^PS-0001-PDF", format_code="urn:ihe:iti:xds-sd:pdf:2008", twin="1.2.3.4.88^PS-0001"
        ),
    ]


def query(*class_codes: str, patient: II = PATIENT, **changes: object) -> CrossGatewayQuery:
    return CrossGatewayQuery(patient, class_codes or (PS,), **changes)  # type: ignore[arg-type]


# Strategies

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties over whole messages: drawing one may take long, which says nothing of the code."""


def texts(maximum: int = 40, minimum: int = 0) -> st.SearchStrategy[str]:
    """Text that XML can carry, without blanks at the ends (readers trim)."""
    characters = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
    return st.text(characters, max_size=maximum).map(str.strip).filter(lambda text: len(text) >= minimum)


def ids(maximum: int = 40) -> st.SearchStrategy[str]:
    """Printable identifiers, with the characters that markup and quoting fall over."""
    return st.text(st.sampled_from("abcXYZ0123456789-_.'\"&<>|^äß€"), min_size=1, max_size=maximum)


oids = st.lists(st.integers(0, 99999), min_size=1, max_size=8).map(lambda arcs: "2." + ".".join(map(str, arcs)))
patients = st.builds(
    II,
    root=oids,
    extension=st.text(st.sampled_from("abcXYZ0123456789-_.'\"&<>|,()äß"), min_size=1, max_size=60),
)
instants = st.datetimes().map(lambda at: at.strftime("%Y").zfill(4) + at.strftime("-%m-%dT%H:%M:%SZ"))
dtm = st.datetimes().flatmap(
    lambda at: st.sampled_from((4, 6, 8, 10, 12, 14)).map(
        lambda digits: (at.strftime("%Y").zfill(4) + at.strftime("%m%d%H%M%S"))[:digits]
    )
)
filters = st.builds(
    DocumentFilter,
    created_after=st.just("") | instants,
    created_before=st.just("") | instants,
    maximum_size=st.none() | st.integers(0, 10**17),
)
class_codes = st.sampled_from([(PS,), (EP,)]) | st.lists(
    st.sampled_from(ORCD), min_size=1, max_size=4, unique=True
).map(tuple)


@st.composite
def queries(draw: st.DrawFn) -> CrossGatewayQuery:
    """Questions that a client may send; filters only where they are defined."""
    codes = draw(class_codes)
    return CrossGatewayQuery(
        draw(patients),
        codes,
        draw(filters) if codes[0] in ORCD else DocumentFilter(),
        draw(st.sampled_from(["LeafClass", "ObjectRef"])),
    )


coded = st.builds(Coded, code=texts(60, minimum=1), scheme=texts(60, minimum=1), name=texts(60, minimum=1))
authors = st.builds(
    Author,
    person=texts(60, minimum=1),
    institution=texts(60),
    specialties=st.lists(texts(30, minimum=1), max_size=3).map(tuple),
)


@st.composite
def entry_lists(draw: st.DrawFn, asked: CrossGatewayQuery, minimum: int = 0) -> list[DocumentEntry]:
    """Entries a connector may return for a question; neighbours may be twins, the structured one first."""
    unique_ids = draw(st.lists(ids(), min_size=minimum, max_size=5, unique=True))
    entries: list[DocumentEntry] = []
    for unique_id in unique_ids:
        class_code = draw(st.sampled_from(asked.class_codes))
        fixed_text = class_code == PS
        entries.append(
            DocumentEntry(
                unique_id=unique_id,
                repository_id=draw(oids),
                home_community_id=HOME,
                patient=asked.patient,
                class_code=class_code,
                format_code=draw(st.sampled_from([code for code in FormatCode if code != FormatCode.PDF_L1])),
                mime_type="text/xml",
                title=TITLES[class_code],
                description="Patient Summary (CDA L3 / Structured body)" if fixed_text else draw(texts(200)),
                creation_time=draw(dtm),
                language=draw(st.sampled_from(["fr-FR", "de-DE", "el"])),
                size=draw(st.integers(0, 10**15)),
                hash=draw(st.binary(min_size=20, max_size=20)).hex(),
                confidentiality=draw(st.sampled_from([Coded("R", "2.16.840.1.113883.5.25", "restricted")]) | coded),
                authors=tuple(draw(st.lists(authors, max_size=2))),
                event_codes=tuple(draw(st.lists(coded, max_size=3))),
                service_start_time=draw(st.just("") | dtm),
                facility=draw(coded),
            )
        )
    for first, second in zip(entries[0::2], entries[1::2], strict=False):
        if draw(st.booleans()):
            at = entries.index(first)
            entries[at] = _with(first, twin=second.unique_id)
            description = second.description.replace("CDA L3 / Structured body", "CDA L1 / PDF body")
            entries[at + 1] = _with(
                second, twin=first.unique_id, format_code=FormatCode.PDF_L1, description=description
            )
    return entries


def _with(entry: DocumentEntry, **changes: object) -> DocumentEntry:
    return DocumentEntry(**{name: getattr(entry, name) for name in DocumentEntry.__slots__} | changes)  # type: ignore[arg-type]


registry_errors = st.builds(
    RegistryError,
    code=st.sampled_from(["4703", "ERROR_PS_GENERIC", "4505", "ERROR_UNHEARD_OF"]),
    context=texts(200),
    severity=st.sampled_from(Severity),
    location=st.just(f"urn:oid:{HOME}"),
)
requests = st.builds(
    DocumentRequest,
    document_unique_id=ids(60),
    repository_unique_id=ids(60),
    home_community_id=st.just(f"urn:oid:{HOME}"),
)
documents = st.builds(
    RetrievedDocument,
    request=requests,
    mime_type=st.sampled_from(["text/xml", "application/pdf"]),
    content=st.binary(min_size=1, max_size=300),
)


# The checker

_URN_UUID = re.compile("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_URN_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_ERROR_TYPE = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:"
_STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:"
_PARTIAL = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
_FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
_SINGLE_SCHEMES = {
    "class code": "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
    "type code": "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
    "format code": "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "healthcare facility type": "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice setting": "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead",
}
_CONFIDENTIALITY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
_AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_EVENT = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
_PATIENT_ID = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
_UNIQUE_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
_REQUIRED_SLOTS = ("sourcePatientId", "size", "hash", "creationTime", "repositoryUniqueId", "languageCode")


def broken_query_rules(body: bytes) -> list[str]:
    """What a validator objects to in an AdhocQueryRequest; empty for a good one."""
    root = etree.fromstring(body)
    broken: list[str] = []
    option = root.find(f"{QUERY}ResponseOption")
    adhoc = root.find(f"{RIM}AdhocQuery")
    if root.tag != f"{QUERY}AdhocQueryRequest" or option is None or adhoc is None:
        return ["root"]
    _rule(broken, "returnComposedObjects", option.get("returnComposedObjects") == "true")
    _rule(broken, "returnType", option.get("returnType") in ("LeafClass", "ObjectRef"))
    _rule(broken, "query id", adhoc.get("id") == _FIND_DOCUMENTS)
    _rule(broken, "home", adhoc.get("home") is None)
    slots = _slots(adhoc)
    _rule(broken, "slot names", len(slots) == len(adhoc.findall(f"{RIM}Slot")) and all(n[:1] == "$" for n in slots))
    for name in ("PatientId", "Status", "ClassCode"):
        _rule(broken, f"exactly one {name}", len(slots.get(f"$XDSDocumentEntry{name}", ())) == 1)
    if broken:
        return broken
    (patient,) = slots["$XDSDocumentEntryPatientId"]
    _rule(broken, "patient id", re.fullmatch(r"'.+\^\^\^&[0-9.]+&ISO'", patient) is not None)
    _rule(broken, "patient id quotes", "'" not in patient[1:-1].replace("''", ""))
    (codes,) = slots["$XDSDocumentEntryClassCode"]
    one = r"'[A-Za-z0-9-]+\^\^" + re.escape(LOINC) + "'"
    _rule(broken, "class codes", re.fullmatch(rf"\({one}(,{one})*\)", codes) is not None)
    (status,) = slots["$XDSDocumentEntryStatus"]
    _rule(broken, "status", status == "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')")
    _check_values(broken, adhoc)
    return broken


def broken_response_rules(body: bytes, *, patient: II, home: str) -> list[str]:
    """What a validator objects to in an AdhocQueryResponse to a question about ``patient``; empty for a good one."""
    root = etree.fromstring(body)
    broken: list[str] = []
    objects = root.find(f"{RIM}RegistryObjectList")
    if root.tag != f"{QUERY}AdhocQueryResponse" or objects is None:
        return ["root"]
    _check_status(broken, root, home)
    cx = f"{patient.extension}^^^&{patient.root}&ISO"
    entries = objects.findall(f"{RIM}ExtrinsicObject")
    formats: dict[str, str] = {}
    for entry in entries:
        _check_entry(broken, entry, cx, home)
        for found in entry.iterfind(f"{RIM}Classification[@classificationScheme='{_SINGLE_SCHEMES['format code']}']"):
            formats[entry.get("id", "")] = found.get("nodeRepresentation", "")
    for association in objects.findall(f"{RIM}Association"):
        source, target = association.get("sourceObject", ""), association.get("targetObject", "")
        _rule(broken, "association type", (association.get("associationType") or "").endswith(":XFRM"))
        _rule(broken, "association of entries of the list", source in formats and target in formats)
        _rule(broken, "no self association", source != target)
        _rule(broken, "association from the PDF", formats.get(source) == "urn:ihe:iti:xds-sd:pdf:2008")
    all_ids = [element.get("id") for element in objects.iter() if element.get("id")]
    _rule(broken, "ids are unique", len(all_ids) == len(set(all_ids)))
    _rule(broken, "ids are UUIDs", all(_URN_UUID.fullmatch(id_ or "") for id_ in all_ids))
    for reference in objects.findall(f"{RIM}ObjectRef"):
        _rule(broken, "home of a reference", reference.get("home") == f"urn:oid:{home}")
    _check_values(broken, objects)
    return broken


def broken_retrieve_rules(body: bytes, *, home: str) -> list[str]:
    """What a validator objects to in a RetrieveDocumentSetResponse; empty for a good one."""
    root = etree.fromstring(body)
    broken: list[str] = []
    response = root.find(f"{RS}RegistryResponse")
    if root.tag != f"{XDSB}RetrieveDocumentSetResponse" or response is None or root[0] is not response:
        return ["root"]
    documents = root.findall(f"{XDSB}DocumentResponse")
    _check_status(broken, response, home)
    _rule(broken, "a failure has no document", not (documents and response.get("status") == f"{_STATUS}Failure"))
    for document in documents:
        names = [etree.QName(element).localname for element in document]
        wanted = ["HomeCommunityId", "RepositoryUniqueId", "DocumentUniqueId", "mimeType", "Document"]
        _rule(broken, "children of DocumentResponse", names == wanted)
        _rule(broken, "home of a document", _URN_OID.fullmatch(document.findtext(f"{XDSB}HomeCommunityId", "")))
        content = document.find(f"{XDSB}Document")
        _rule(broken, "content", content is not None and bool(len(content) or (content.text or "").strip()))
    return broken


def _rule(broken: list[str], name: str, holds: object) -> None:
    if not holds:
        broken.append(name)


def _slots(element: etree._Element) -> dict[str, list[str]]:
    return {
        slot.get("name", ""): [value.text or "" for value in slot.iterfind(f"{RIM}ValueList/{RIM}Value")]
        for slot in element.iterfind(f"{RIM}Slot")
    }


def _check_values(broken: list[str], container: etree._Element) -> None:
    for value in container.iter(f"{RIM}Value"):
        _rule(broken, "no empty and no long value", 0 < len(value.text or "") <= 256)
    for localized in container.iter(f"{RIM}LocalizedString"):
        _rule(broken, "no long text", len(localized.get("value", "")) <= 1024)


def _check_status(broken: list[str], response: etree._Element, home: str) -> None:
    status = response.get("status")
    lists = response.findall(f"{RS}RegistryErrorList")
    errors = [error for one in lists for error in one.findall(f"{RS}RegistryError")]
    severities = {error.get("severity") for error in errors}
    worst = f"{_ERROR_TYPE}Error" if f"{_ERROR_TYPE}Error" in severities else f"{_ERROR_TYPE}Warning"
    _rule(broken, "status", status in (f"{_STATUS}Success", f"{_STATUS}Failure", _PARTIAL))
    _rule(broken, "no Error with Success", not (status == f"{_STATUS}Success" and f"{_ERROR_TYPE}Error" in severities))
    _rule(broken, "no Failure without an error", status == f"{_STATUS}Success" or errors)
    for one in lists:
        _rule(broken, "highestSeverity", one.get("highestSeverity") == worst)
    for error in errors:
        _rule(broken, "errorCode", error.get("errorCode"))
        _rule(broken, "codeContext", error.get("codeContext") is not None)
        _rule(broken, "severity", error.get("severity") in (f"{_ERROR_TYPE}Error", f"{_ERROR_TYPE}Warning"))
        _rule(broken, "location is the home community", error.get("location") == f"urn:oid:{home}")
        _rule(broken, "error body empty", not error.text and not len(error))


def _check_entry(broken: list[str], entry: etree._Element, cx: str, home: str) -> None:
    id_ = entry.get("id", "")
    _rule(broken, "home", entry.get("home") == f"urn:oid:{home}" and _URN_OID.fullmatch(entry.get("home", "")))
    _rule(broken, "status", entry.get("status") == "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved")
    _rule(broken, "object type", entry.get("objectType") == "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1")
    _rule(broken, "mimeType", re.fullmatch("[a-z]+/[a-z0-9.+-]+", entry.get("mimeType", "")))
    slots = _slots(entry)
    _rule(broken, "unique slot names", len(slots) == len(entry.findall(f"{RIM}Slot")))
    for name in _REQUIRED_SLOTS:
        _rule(broken, f"slot {name}", len(slots.get(name, ())) == 1)
    _rule(broken, "source patient", slots.get("sourcePatientId") == [cx])
    _rule(broken, "size", re.fullmatch("[0-9]+", "".join(slots.get("size", ()))))
    _rule(broken, "hash", re.fullmatch("[0-9a-f]{40}", "".join(slots.get("hash", ()))))
    repository = "".join(slots.get("repositoryUniqueId", ()))
    _rule(broken, "repository", len(repository) <= 64 and _URN_OID.fullmatch(f"urn:oid:{repository}"))
    for name in ("creationTime", "serviceStartTime"):
        for time in slots.get(name, ()):
            _rule(broken, name, re.fullmatch("([0-9]{2}){2,7}", time))
    title = entry.find(f"{RIM}Name/{RIM}LocalizedString")
    _rule(broken, "title", title is not None and 0 < len(title.get("value", "").encode()) <= 128)
    by_scheme: dict[str, list[etree._Element]] = {}
    for classification in entry.findall(f"{RIM}Classification"):
        by_scheme.setdefault(classification.get("classificationScheme", ""), []).append(classification)
        _rule(broken, "classified object", classification.get("classifiedObject") == id_)
        _rule(broken, "Slot[0] of a classification", any(_slots(classification).values()))
    for name, scheme in _SINGLE_SCHEMES.items():
        _rule(broken, f"one {name}", len(by_scheme.get(scheme, ())) == 1)
    _rule(broken, "a confidentiality", by_scheme.get(_CONFIDENTIALITY))
    for scheme, classifications in by_scheme.items():
        for classification in classifications:
            if scheme == _AUTHOR:
                _rule(broken, "author without a code", classification.get("nodeRepresentation") == "")
                _rule(broken, "author somebody", {"authorPerson", "authorInstitution"} & set(_slots(classification)))
            else:
                _rule(broken, "code", classification.get("nodeRepresentation"))
                _rule(broken, "coding scheme", len(_slots(classification).get("codingScheme", ())) == 1)
                name = classification.find(f"{RIM}Name/{RIM}LocalizedString")
                _rule(broken, "name of a code", name is not None and name.get("value"))
    identifiers = {one.get("identificationScheme"): one for one in entry.findall(f"{RIM}ExternalIdentifier")}
    _rule(broken, "two identifiers", len(entry.findall(f"{RIM}ExternalIdentifier")) == 2)
    names = {_PATIENT_ID: "XDSDocumentEntry.patientId", _UNIQUE_ID: "XDSDocumentEntry.uniqueId"}
    for scheme, name in names.items():
        identifier = identifiers.get(scheme)
        if identifier is None:
            broken.append(name)
            continue
        _rule(broken, "registry object", identifier.get("registryObject") == id_)
        _rule(broken, "identifier type", (identifier.get("objectType") or "").endswith(":ExternalIdentifier"))
        _rule(broken, "identifier name", identifier.find(f"{RIM}Name/{RIM}LocalizedString").get("value") == name)
        _rule(broken, f"value of {name}", 0 < len(identifier.get("value", "")) <= 256)
        if scheme == _PATIENT_ID:
            _rule(broken, "patient is the one asked", identifier.get("value") == cx)
        else:
            _rule(broken, "unique id length", len(identifier.get("value", "")) <= 128)


# What peers send, written without our writers

_ENTRY = """<rim:ExtrinsicObject id="{uuid}" lid="{uuid}" home="urn:oid:1.2.3.4" mimeType="{mime_type}"
  objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
  status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
 <rim:Slot name="creationTime"><rim:ValueList><rim:Value>20250114093000</rim:Value></rim:ValueList></rim:Slot>
 <rim:Slot name="repositoryUniqueId"><rim:ValueList><rim:Value>1.2.3.4.77</rim:Value></rim:ValueList></rim:Slot>
 <rim:Name><rim:LocalizedString value="Patient Summary"/></rim:Name>
 <rim:Classification id="c1" classificationScheme="urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
   classifiedObject="{uuid}" nodeRepresentation="{class_code}"/>
 <rim:Classification id="c2" classificationScheme="urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
   classifiedObject="{uuid}" nodeRepresentation="{format_code}"/>
 <rim:ExternalIdentifier id="e1" registryObject="{uuid}" value="{patient}"
   identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427">
  <rim:Name><rim:LocalizedString value="XDSDocumentEntry.patientId"/></rim:Name></rim:ExternalIdentifier>
 <rim:ExternalIdentifier id="e2" registryObject="{uuid}" value="{unique_id}"
   identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab">
  <rim:Name><rim:LocalizedString value="XDSDocumentEntry.uniqueId"/></rim:Name></rim:ExternalIdentifier>
</rim:ExtrinsicObject>"""


def peer_entry(
    unique_id: str = "1.2.3.4.88^PS-0001",
    *,
    uuid: str = "urn:uuid:5b0c1c5e-0b3f-4a3e-8c5d-2f9f6e0f1a01",
    patient: str = "PAT-0001^^^&amp;1.2.3.4.5&amp;ISO",
    class_code: str = PS,
    format_code: str = "urn:epSOS:ps:ps:2010",
    mime_type: str = "text/xml",
) -> str:
    """One ExtrinsicObject with little more than OpenNCP as client needs."""
    return _ENTRY.format(
        uuid=uuid,
        patient=patient,
        class_code=class_code,
        format_code=format_code,
        mime_type=mime_type,
        unique_id=unique_id,
    )


def peer_association(source: str, target: str, kind: str = "urn:ihe:iti:2007:AssociationType:XFRM") -> str:
    return (
        f'<rim:Association id="urn:uuid:00000000-0000-4000-8000-000000000010" associationType="{kind}" '
        f'sourceObject="{source}" targetObject="{target}"/>'
    )


_STATUS_URNS = {"Success": f"{_STATUS}Success", "Failure": f"{_STATUS}Failure", "PartialSuccess": _PARTIAL}
_SEVERITIES = {"E": f"{_ERROR_TYPE}Error", "W": f"{_ERROR_TYPE}Warning"}


def peer_errors(*errors: tuple[str, str]) -> str:
    """RegistryErrorList of (code, "E" | "W" | "" for no severity at all); locations as OpenNCP writes them."""
    if not errors:
        return ""
    return (
        "<rs:RegistryErrorList>"
        + "".join(
            f'<rs:RegistryError errorCode="{code}" codeContext="told by the peer" location="x.y.Z:12"'
            + (f' severity="{_SEVERITIES[severity]}"/>' if severity else "/>")
            for code, severity in errors
        )
        + "</rs:RegistryErrorList>"
    )


def peer_query_response(status: str | None, *errors: tuple[str, str], objects: str = "") -> bytes:
    """An AdhocQueryResponse; ``status`` None leaves the attribute out."""
    attribute = "" if status is None else f' status="{_STATUS_URNS[status]}"'
    return (
        '<query:AdhocQueryResponse xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"'
        f"{attribute}>{peer_errors(*errors)}<rim:RegistryObjectList>{objects}</rim:RegistryObjectList>"
        "</query:AdhocQueryResponse>"
    ).encode()


def peer_document(
    content: str, unique_id: str = "1.2.3.4.88^PS-0001", *, mime_type: str = "text/xml", more: str = ""
) -> str:
    """One DocumentResponse; ``content`` is the inside of Document, ``more`` stands before mimeType."""
    return (
        "<xdsb:DocumentResponse><xdsb:HomeCommunityId>urn:oid:1.2.3.4</xdsb:HomeCommunityId>"
        "<xdsb:RepositoryUniqueId>1.2.3.4.77</xdsb:RepositoryUniqueId>"
        f"<xdsb:DocumentUniqueId>{unique_id}</xdsb:DocumentUniqueId>{more}<xdsb:mimeType>{mime_type}</xdsb:mimeType>"
        f"<xdsb:Document>{content}</xdsb:Document></xdsb:DocumentResponse>"
    )


def peer_retrieve_response(status: str | None, *errors: tuple[str, str], documents: str = "") -> bytes:
    """A RetrieveDocumentSetResponse; ``status`` None leaves the attribute out."""
    attribute = "" if status is None else f' status="{_STATUS_URNS[status]}"'
    return (
        '<xdsb:RetrieveDocumentSetResponse xmlns:xdsb="urn:ihe:iti:xds-b:2007" '
        f'xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"><rs:RegistryResponse{attribute}>'
        f"{peer_errors(*errors)}</rs:RegistryResponse>{documents}</xdsb:RetrieveDocumentSetResponse>"
    ).encode()


# Documents

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def cda(
    body: str = "<structuredBody/>",
    *,
    root: str = "1.2.3.4.88",
    extension: str = "PS-0001",
    patient: str = '<id root="1.2.3.4.5" extension="PAT-0001"/>',
    family: str = "<family>Muster</family>",
    birth: str = "19700409",
) -> bytes:
    """A ClinicalDocument with a recordTarget and nothing else that nobody here looks at."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
        f'<id root="{root}" extension="{extension}"/><recordTarget><patientRole>{patient}<patient>'
        f'<name><given>Erika</given>{family}</name><birthTime value="{birth}"/></patient></patientRole></recordTarget>'
        f"<component>{body}</component></ClinicalDocument>"
    ).encode()


def level1(content: str, *, media_type: str = "application/pdf", representation: str = "B64") -> bytes:
    """A level 1 document around text that should be base64."""
    return cda(
        f'<nonXMLBody><text mediaType="{media_type}" representation="{representation}">{content}</text></nonXMLBody>'
    )


# The official schemas, where they are


def schema() -> etree.XMLSchema:
    """The XML Schema of all messages; skips the test where it is not there."""
    path = shared("schemas/ihe/ehdsi-messages.xsd")
    if path not in _schemas:
        _schemas[path] = etree.XMLSchema(etree.parse(str(path)))
    return _schemas[path]


_schemas: dict[Path, etree.XMLSchema] = {}


def assert_valid(body: bytes) -> None:
    """Valid against the schema, after an Include is replaced by what it stands for."""
    root = etree.fromstring(body)
    for include in list(root.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        document = include.getparent()
        assert document is not None
        document.remove(include)
        document.text = "JVBERi0="
    schema().assertValid(root)


def mutated(data: st.DataObject, message: bytes) -> etree._Element | None:
    """The message with some of its bytes or elements changed, parsed; None where no XML is left of it."""
    changed = bytearray(message)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        length = data.draw(st.integers(0, 30))
        kind = data.draw(st.sampled_from(["cut", "repeat", "replace"]))
        piece = bytes(changed[at : at + length])
        if kind == "cut":
            del changed[at : at + length]
        elif kind == "repeat":
            changed[at:at] = piece
        else:
            changed[at : at + length] = data.draw(st.text(max_size=length)).encode("utf-8", "ignore")
        if not changed:
            return None
    try:
        root = parse(bytes(changed))
    except XmlRefused:
        # Byte changes seldom leave XML: change the tree instead, so that the reader is reached every time.
        root = parse(message)
    elements = list(root.iter("*"))
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(elements))
        kind = data.draw(st.sampled_from(["drop", "text", "attribute", "namespace", "comment", "copy"]))
        parent = element.getparent()
        if kind == "drop" and parent is not None:
            parent.remove(element)
        elif kind == "text":
            element.text = data.draw(texts(300))
        elif kind == "attribute" and element.attrib:
            name = data.draw(st.sampled_from(sorted(element.attrib)))
            element.set(name, data.draw(texts(300)))
        elif kind == "namespace":
            element.tag = etree.QName(element).localname
        elif kind == "comment":
            element.insert(0, etree.Comment("x"))
        elif kind == "copy" and parent is not None:
            parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))
    return root
