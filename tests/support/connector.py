"""Callers, permissions and patient folders for the tests of the connector."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ncp.access import (
    AccessPolicy,
    PermittedDescription,
    PermittedDiscovery,
    PermittedPatient,
    PermittedQuery,
    PermittedRetrieve,
    consented_query,
    consented_retrieve,
    permit_description,
    permit_discovery,
    permit_document,
    permit_person,
    permit_query,
)
from ncp.connector.store.connector import StoreConnector
from ncp.connector.store.load import LoadReport, load
from ncp.wire.ids import II, CountryCode, Oid
from saml_assertions import claims
from saml_assertions.claims import HcpClaims, TrcClaims, VerifiedCaller
from trust_store.types import TrustedCertificate
from xca.messages import CrossGatewayQuery, DocumentEntry, DocumentFilter
from xcpd.messages import PatientSearch

MBO = "2.16.840.1.113883.2.7.2.2"
HOME = Oid("2.16.17.710.840.1000.990.1")
REPOSITORY = "2.16.17.710.840.1000.990.1.5"
PS = "60591-5"
LAB = "11502-2"
POLICY = AccessPolicy()
_PERMISSIONS = frozenset({"PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016"})
MADE: list[StoreConnector] = []
"""Connectors to close after the test."""

_AT = datetime(2025, 3, 10, tzinfo=UTC)


def caller(country: str = "FR", patient: II | None = None) -> VerifiedCaller:
    """A professional with every permission; with a treatment relationship when a patient is named."""
    hcp = HcpClaims(
        id="_h", issuer="urn:test", name_id="n", name_id_format="f", issued=_AT, not_before=_AT, not_on_or_after=_AT,
        authenticated=_AT, authentication_class="c", subject="s", roles=("221",), role_name="", facility_type="",
        purpose="TREATMENT", locality="l", permissions=_PERMISSIONS,
    )  # fmt: skip
    trc = None
    if patient is not None:
        trc = TrcClaims(
            id="_t", issuer="urn:test", hcp_id="_h", name_id="n", name_id_format="f", issued=_AT, not_before=_AT,
            not_on_or_after=_AT, patient=patient, purpose="TREATMENT",
        )  # fmt: skip
    return VerifiedCaller(
        country=CountryCode(country),
        peer=None,
        hcp=hcp,
        hcp_signer=cast(TrustedCertificate, None),
        trc=trc,
        proof=claims._PROOF,
    )


def discovery(search: PatientSearch, country: str = "FR") -> PermittedDiscovery:
    return permit_discovery(search, caller(country), POLICY)


def about(patient: II, *class_codes: str, country: str = "FR") -> PermittedPatient:
    query = CrossGatewayQuery(patient, class_codes)
    return permit_query(query, caller(country, patient), POLICY)


def query(patient: II, *class_codes: str, country: str = "FR", narrow: DocumentFilter | None = None) -> PermittedQuery:
    asked = CrossGatewayQuery(patient, class_codes or (PS,), narrow or DocumentFilter())
    return consented_query(permit_query(asked, caller(country, patient), POLICY), asked, True)


def description(patient: II, unique_id: str, repository: str = REPOSITORY) -> PermittedDescription:
    return permit_description(unique_id, repository, caller("FR", patient), POLICY)


def retrieval(entry: DocumentEntry) -> PermittedRetrieve:
    asked = description(entry.patient, entry.unique_id)
    return consented_retrieve(permit_document(entry, asked, POLICY), entry, True)


def person_of(found: PermittedDiscovery, person: Any) -> PermittedPatient:
    return permit_person(found, person)


def connector(database: Path) -> StoreConnector:
    """A connector of Croatia; the tests' fixture closes it."""
    made = StoreConnector(database, country=CountryCode("HR"), country_name="Croatia", home=HOME, repository=REPOSITORY)
    MADE.append(made)
    return made


def mbo(extension: str) -> II:
    return II(MBO, extension)


@dataclass
class Folder:
    """A folder of patients under construction."""

    path: Path

    def patient(self, name: str, text: str | None = None, **changes: str) -> Path:
        """``patient.toml`` of one patient; ``changes`` replace top-level lines, an empty one removes the line."""
        place = self.path / name
        place.mkdir(parents=True, exist_ok=True)
        lines = {
            "identifiers": f'[{{ root = "{MBO}", extension = "999990000" }}]',
            "family": '"Testić"',
            "given": '"Ana Marija"',
            "gender": '"F"',
            "birth_date": '"19700409"',
            "consent": "[{ allow = true }]",
            "test": "true",
        } | changes
        written = "\n".join(f"{key} = {value}" for key, value in lines.items() if value)
        (place / "patient.toml").write_text(text if text is not None else written, encoding="utf-8")
        return place

    def load(self, database: Path, **options: Any) -> LoadReport:
        return load(self.path, database, **options)


_PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def pdf(padding: int = 0) -> bytes:
    return _PDF + b"%" * padding


def cda(
    identifier: str = 'root="1.2.3" extension="D1"',
    *,
    body: str = "structured",
    class_code: str = PS,
    created: str = "20250310091500+0100",
    patient: Sequence[tuple[str, str]] = ((MBO, "999990000"),),
    names: str = "<given>Ana</given><given>Marija</given><family>Testić</family>",
    birth: str = "19700409",
    gender: str = "F",
    parent: str = "",
    set_id: str = "",
    extra: str = "",
    padding: int = 0,
) -> bytes:
    """The least CDA document that the loader takes, written by hand from the schema; every part can be spoilt."""
    content = base64.b64encode(pdf(padding)).decode()
    bodies = {
        "structured": f"<structuredBody><!--{'x' * padding}--></structuredBody>",
        "pdf": f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{content}</text></nonXMLBody>',
    }
    ids = "".join(f'<id root="{root}" extension="{extension}"/>' for root, extension in patient)
    link = f'<relatedDocument typeCode="XFRM"><parentDocument><id {parent}/></parentDocument></relatedDocument>'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 <id {identifier}/>
 <code code="{class_code}" codeSystem="2.16.840.1.113883.6.1"/>
 <title>Naslov</title>
 <effectiveTime value="{created}"/>
 <confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25" displayName="restricted"/>
 <languageCode code="hr-HR"/>{set_id}
 <recordTarget><patientRole>{ids}<patient><name>{names}</name>
  <administrativeGenderCode code="{gender}" codeSystem="2.16.840.1.113883.5.1"/>
  <birthTime value="{birth}"/></patient></patientRole></recordTarget>
 <author><functionCode code="221" displayName="Medical doctors" codeSystem="2.16.840.1.113883.2.9.6.2.7"/>
  <assignedAuthor><assignedPerson><name><given>Iva</given><family>Ivić</family></name></assignedPerson>
  <representedOrganization><name>Klinika</name></representedOrganization></assignedAuthor></author>
 {extra}{link if parent else ""}
 <component>{bodies.get(body, body)}</component>
</ClinicalDocument>""".encode()
