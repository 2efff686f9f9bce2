"""Every shared sample of XCPD, XCA and SAML: what must come of it, and what does. `python -m tests.samples` tells.

The expectations are those of the samples' own provenance and of the rules in ``docs/iti-55.md``, ``docs/iti-38.md``,
``docs/iti-39.md`` and ``docs/assertions.md``; search masks have a table of their own in ``tests/xcpd/test_masks.py``.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from lxml import etree

from ncp.cli.read_files import Judging, NotUnderstood, understand
from ncp.wire.errors import NcpError
from ncp.wire.ids import II, CountryCode, Oid
from ncp.wire.xml import NS_DS
from saml_assertions.rules import Trust
from tests.shared import shared_files
from trust_store.store import TrustStore
from xca.messages import CrossGatewayQuery, CrossGatewayQueryResponse, CrossGatewayRetrieveResponse
from xca.outcomes import interpret_query
from xcpd.messages import PatientDiscovery, PatientDiscoveryResponse, PatientSearch
from xcpd.outcomes import interpret

DANISH_NOON = datetime(2025, 7, 26, 12, 0, tzinfo=UTC)

EXPECTED: dict[str, str] = {
    # Requests: who is asked for, by how many identifiers.
    "xcpd/openncp-req-known-id.xml": "ITI-55 request: 1 identifier",
    "xcpd/openncp-req-empty-parameterlist.xml": "ITI-55 request: 0 identifiers",
    "xcpd/openncp-req-postal-code-only.xml": "ITI-55 request: 0 identifiers",
    "xcpd/openncp-req-unknown-id.xml": "ITI-55 request: 1 identifier",
    "xcpd/dk-soap-req-template-2026.xml": "ITI-55 request: 1 identifier",
    "xcpd/dk-soap-req-template-2024.xml": "ITI-55 request: 1 identifier",
    "xcpd/de-req-kvnr-accesscode-ps.xml": "ITI-55 request: 2 identifiers",
    "xcpd/de-req-kvnr-accesscode-ep.xml": "ITI-55 request: 2 identifiers",
    "xcpd/ihe-req-demographics-dicom-style.xml": "ITI-55 request: 2 identifiers",
    # Answers: the person, or the declared error that the professional meets.
    "xcpd/de-resp-match.xml": "ITI-55 response: 1 person",
    "xcpd/de-resp-nf-no-match.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/de-resp-nf-defective-identity.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/de-resp-nf-incomplete-identity.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/de-resp-nf-no-record.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/composed-openncp70-match-ok.xml": "ITI-55 response: 1 person",
    "xcpd/composed-openncp71-81-match-ae.xml": "ITI-55 response: 1 person",
    "xcpd/composed-openncp70-nf.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/composed-openncp71-nf-as-ae.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/composed-openncp52-nf-no-code.xml": "ITI-55 response: ERROR_PI_NO_MATCH",
    "xcpd/composed-openncp71-demographics-not-allowed.xml": "ITI-55 response: ERROR_PI_GENERIC",
    "xcpd/cc-querypatient-id.xml": "client connector queryPatient",
    "xcpd/cc-querypatient-unknown-id.xml": "client connector queryPatient",
    "xcpd/cc-querypatient-postal-code.xml": "client connector queryPatient",
    "xcpd/cc-querypatient-name-only.xml": "client connector queryPatient",
    # Documents.
    "xca/openncp_iti38_request_ep.xml": "ITI-38 request: 57833-6",
    "xca/openncp_iti38_request_mro.xml": "refused: ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN query.class_code",
    "xca/de_iti38_request_ps.xml": "ITI-38 request: 60591-5",
    "xca/de_iti38_request_ep.xml": "ITI-38 request: 57833-6",
    "xca/dk_iti38_envelope_request_ps.xml": "ITI-38 request: 60591-5",
    "xca/dk_iti38_envelope_request_ep.xml": "ITI-38 request: 57833-6",
    "xca/de_iti38_response_ps.xml": "ITI-38 response: 2 documents, 1 pair",
    "xca/de_iti38_response_failure_missing.xml": "ITI-38 response: ERROR_GENERIC_DOCUMENT_MISSING",
    "xca/openncp_iti39_request_ep.xml": "ITI-39 request: 1 document",
    "xca/openncp_iti39_request_mro.xml": "ITI-39 request: 1 document",
    "xca/openncp_iti39_request_mro_pdf.xml": "ITI-39 request: 1 document",
    "xca/openncp_iti39_request_unknown_document.xml": "ITI-39 request: 1 document",
    "xca/dk_iti39_envelope_request_ep.xml": "ITI-39 request: 1 document",
    "xca/de_iti39_response_inline_two_documents.xml": "ITI-39 response: 2 documents",
    "xca/de_iti39_response_inline_level3.xml": "ITI-39 response: 1 document",
    "xca/de_iti39_response_failure_missing.xml": "ITI-39 response: ERROR_GENERIC_DOCUMENT_MISSING",
    "xca/dk_iti38_soap_header_openncp.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED sig.",
    # Submission is not offered here: no kind that is read.
    "xca/openncp_iti41_request_edispensation.xml": "not understood",
    "xca/openncp_iti41_request_consent_legacy.xml": "not understood",
    "xca/openncp_iti41_request_hcer_legacy.xml": "not understood",
    "xca/de_iti41_request_edispensation.xml": "not understood",
    "xca/de_iti41_response_success.xml": "not understood",
    "xca/ipf_submitobjects_ebrs30.xml": "not understood",
    # Assertions, each judged with its own signer pinned, inside its time.
    "saml/dk_openncp_xca_header.restored.xml": "SOAP header: verified, DK, HCP and TRC",
    "saml/dk_openncp_xca_header.published.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED sig.value",
    "saml/dk_epps_hcp_2024.xml": "refused: ERROR_SEC_GENERIC cert.usage",
    "saml/openncp_hcp_2010_unsigned.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED assertion.unknown_type",
    "saml/openncp_minimal_2010_numeric_id.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED assertion.unknown_type",
    "saml/openncp_trc_2011_uuid_id.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED assertion.unknown_type",
    "saml/dk_test_tool/xca_hcp.template.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED sig.missing",
    "saml/dk_test_tool/xca_trc.template.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED sig.missing",
    "saml/dk_test_tool/xcpd_hcp.template.xml": "refused: ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED sig.missing",
    "saml/dk_test_tool/xcpd_request.template.xml": "ITI-55 request: 1 identifier",
    "saml/openncp_rst_2011_request.xml": "refused",
    "saml/openncp_rst_2011_empty_response.xml": "refused: ERROR_GENERIC_CONNECTION_NOT_POSSIBLE response.envelope",
    "saml/openncp_8_1_trc_audit.xml": "not understood",
}


def samples() -> list[Path]:
    """The files of the three folders but for the search masks."""
    return [
        path
        for folder in ("xcpd", "xca", "saml")
        for path in shared_files(f"samples/{folder}", "**/*.xml")
        if "masks" not in path.parts
    ]


def name_of(path: Path) -> str:
    return "/".join(path.parts[path.parts.index("samples") + 1 :])


def got(path: Path, trust_folder: Path) -> str:
    """What the gateway makes of the file, in a few words."""
    data = path.read_bytes()
    trust = _trust_of(data, trust_folder) if b"<ds:Signature" in data or b"Signature xmlns" in data else None
    try:
        found = understand(data, path.name, Judging(trust, DANISH_NOON))
        return _words(found)
    except NotUnderstood:
        return "not understood"
    except NcpError as error:
        return f"refused: {error.code} {error.reason}"


def _words(found: dict[str, Any]) -> str:
    kind, message = found["kind"], found.get("message")
    match message:
        case PatientDiscovery():
            count = len(message.search.identifiers)
            return f"{kind}: {count} identifier{'' if count == 1 else 's'}"
        case PatientDiscoveryResponse():
            asked = PatientDiscovery(
                message.target_message, "", Oid(""), Oid(""), message.query_id, PatientSearch((II("1.2.3", "1"),))
            )
            try:
                interpret(asked, message, country=CountryCode("XX"))
            except NcpError as error:
                return f"{kind}: {error.code}"
            return f"{kind}: 1 person"
        case CrossGatewayQuery():
            return f"{kind}: {' '.join(message.class_codes)}"
        case CrossGatewayQueryResponse():
            patient = message.entries[0].patient if message.entries else II("1.2.3", "1")
            try:
                listed = interpret_query(CrossGatewayQuery(patient, ("60591-5",)), message, country=CountryCode("DE"))
            except NcpError as error:
                return f"{kind}: {error.code}"
            pairs = sum(bool(document.twin) for document in listed.documents) // 2
            return f"{kind}: {len(listed.documents)} documents, {pairs} pair"
        case CrossGatewayRetrieveResponse():
            count = len(message.documents)
            if not count:
                return f"{kind}: {message.errors[0].code}"
            return f"{kind}: {count} document{'' if count == 1 else 's'}"
    if "ITI-39 request" in kind:
        return f"{kind}: {len(message.requests)} document"
    if kind == "SOAP header":
        said = found["assertions"]
        return f"{kind}: verified, {said['country']}, HCP and TRC" if said["trc"] else f"{kind}: HCP"
    return str(kind)


def _trust_of(data: bytes, folder: Path) -> Trust | None:
    """A trust store in which the certificates that came with the assertions are pinned, as the samples ask for."""
    root = etree.fromstring(data)
    for number, element in enumerate(root.iter(f"{{{NS_DS}}}X509Certificate")):
        text = "".join((element.text or "").split())
        pem = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            continue
        for purpose in ("hcp-signer", "trc-signer"):
            place = folder / "dk" / purpose
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.pem").write_text(pem)
    return TrustStore.load(folder) if (folder / "dk").is_dir() else None


def main() -> int:
    import tempfile

    wrong = 0
    print("| sample | expected | got |\n|---|---|---|")
    for path in samples():
        with tempfile.TemporaryDirectory() as folder:
            came = got(path, Path(folder))
        expected = EXPECTED.get(name_of(path), "?")
        mark = "" if came.startswith(expected) else " **differs**"
        wrong += bool(mark)
        print(f"| {name_of(path)} | {expected} | {came}{mark} |")
    print(f"\n{len(samples())} samples, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
