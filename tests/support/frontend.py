"""A small NCP-B behind the port, a portal's certificate, and the front end on a real socket."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from uvicorn.protocols.http.h11_impl import H11Protocol

from ncp.frontend.app import FrontEnd, FrontEndOptions, frontend_app
from ncp.frontend.port import (
    Accompaniment,
    Call,
    CountryState,
    DocumentsFound,
    FetchedDocument,
    LoggedIn,
    Login,
    MaskField,
    MaskForm,
    MaskGroup,
    MaskImage,
    PatientFound,
    PatientNotice,
    Place,
    PortalIdentity,
    ProblemKind,
    Rendered,
    State,
    TraitProblem,
    Treatment,
    View,
)
from ncp.wire.errors import Code, DocumentError, NcpError, PatientError, RequestError
from ncp.wire.ids import II, CountryCode
from ncp.wire.times import to_saml
from ncp.wire.xml import NS_SAML
from saml_assertions.issue import Professional
from xca.messages import Author, Coded, DocumentEntry, DocumentFilter, DocumentRequest
from xcpd.messages import Address, PatientSearch, Person

PATIENT = II("2.16.840.1.113883.2.7.2.2", "987654321")
HOME = "2.16.17.710.840.1000.990.1"
REPOSITORY = "2.16.17.710.840.1000.990.1.1"
CDA = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Sa\xc5\xbeetak</title></ClinicalDocument>'
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
HCP = (
    f'<saml2:Assertion xmlns:saml2="{NS_SAML}" ID="_hcp" Version="2.0">'
    '<saml2:Issuer NameQualifier="urn:ehdsi:assertions:hcp">urn:idp:FR:countryB</saml2:Issuer></saml2:Assertion>'
).encode()
TRC_ISSUED = dt.datetime(2026, 3, 2, 8, 5, tzinfo=dt.UTC)
TRC = (
    f'<saml2:Assertion xmlns:saml2="{NS_SAML}" ID="_trc" Version="2.0">'
    '<saml2:Issuer NameQualifier="urn:ehdsi:assertions:trc">urn:initgw:FR:countryB</saml2:Issuer>'
    f'<saml2:Conditions NotBefore="{to_saml(TRC_ISSUED)}" '
    f'NotOnOrAfter="{to_saml(TRC_ISSUED + dt.timedelta(hours=2))}"/></saml2:Assertion>'
).encode()


def entry(unique_id: str, twin: str = "", **values: Any) -> DocumentEntry:
    """Metadata of one document of the one patient."""
    defaults: dict[str, Any] = {
        "unique_id": unique_id,
        "repository_id": REPOSITORY,
        "home_community_id": HOME,
        "patient": PATIENT,
        "class_code": "60591-5",
        "format_code": "urn:epSOS:ps:ps:2010",
        "creation_time": "20200319101500",
        "size": 1234,
        "language": "hr-HR",
        "authors": (Author("Dr Ana Test", "Clinic", ("General practice",)),),
        "twin": twin,
        "title": "A title of the country",
    }
    return DocumentEntry(**(defaults | values))


L3 = entry("1.2.3.4^L3", "1.2.3.4^L1")
L1 = entry("1.2.3.4^L1", "1.2.3.4^L3", format_code="urn:ihe:iti:xds-sd:pdf:2008")
PRESCRIPTION = entry(
    "1.2.3.5",
    class_code="57833-6",
    format_code="urn:epsos:ep:pre:2010",
    event_codes=(
        Coded("urn:ihe:iti:xdw:2011:eventCode:open", "1.3.6.1.4.1.19376.1.2.3", "Open"),
        Coded("C09AA05", "2.16.840.1.113883.6.73", "ramipril"),
        Coded("10219000", "0.4.0.127.0.16.1.1.2.1", "Tablet"),
        Coded("10 mg", "eHDSI_Strength_CodeSystem", "Strength of medication"),
        Coded("G", "2.16.840.1.113883.5.1070", "generic"),
    ),
)
PERSON = Person(
    id=PATIENT,
    family="Novak",
    given="Ana",
    gender="F",
    birth_date="19850319",
    address=Address(street="Ilica 1", city="Zagreb", postal_code="10000", country="HR"),
    telephone="tel:+38511234567",
)


@dataclass
class SmallNcpB:
    """One patient with a summary in two representations and a prescription; remembers what it was asked.

    ``failure`` is raised by every question that carries a call; ``person`` is who is found.
    """

    failure: Exception | None = None
    person: Person = PERSON
    warnings: tuple[str, ...] = ()
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def _note(self, question: str, *values: Any) -> None:
        self.asked.append((question, values))
        self.before()
        if self.failure is not None:
            raise self.failure

    def find_patient(self, call: Call, country: CountryCode, search: PatientSearch) -> tuple[PatientFound, ...]:
        self._note("find_patient", call, country, search)
        if PATIENT not in search.identifiers and search.family != "Novak":
            raise PatientError(Code.PI_NO_MATCH, "no_match", gateway=country)
        return (PatientFound(self.person, self.warnings),)

    def list_documents(
        self, call: Call, country: CountryCode, patient: II, class_codes: tuple[str, ...], filter: DocumentFilter
    ) -> DocumentsFound:
        self._note("list_documents", call, country, patient, class_codes, filter)
        listed = tuple(each for each in (L3, L1, PRESCRIPTION) if each.class_code in class_codes)
        return DocumentsFound(listed, self.warnings)

    def retrieve_document(
        self, call: Call, country: CountryCode, document: DocumentRequest, class_code: str, language: str
    ) -> FetchedDocument:
        self._note("retrieve_document", call, country, document, class_code, language)
        if document.document_unique_id == L3.unique_id:
            return FetchedDocument(CDA, "text/xml", L3, self.warnings)
        if document.document_unique_id == L1.unique_id:
            return FetchedDocument(PDF, "application/pdf")
        raise DocumentError(Code.DOCUMENT_MISSING, "unknown", gateway=country)

    def list_countries(self, language: str) -> tuple[CountryState, ...]:
        self._note("list_countries", language)
        return (
            CountryState(CountryCode("HR"), "Croatie", ("PS", "eP"), True, State.GREEN, TRC_ISSUED),
            CountryState(CountryCode("MT"), "Malte", (), False, State.RED),
        )

    def search_mask(self, country: CountryCode, language: str) -> MaskForm:
        self._note("search_mask", country, language)
        if country != "HR":
            raise RequestError(Code.GENERIC, "mask.unknown", message="No search mask is known for this country")
        return MaskForm(
            country=country,
            scope="ALL",
            fields=(
                MaskField(
                    id="mbo",
                    kind="identifier",
                    label="label.ism.nationalSocialSecurityNumber",
                    name="Numéro d'assuré",
                    domain=PATIENT.root,
                    format="\\d{9}",
                    description="Nine digits",
                    mandatory=True,
                    group="1",
                ),
                MaskField(id="birthDate", kind="birthDate", label="label.ism.birthDate", name="Date de naissance"),
                MaskField(
                    id="passport", kind="identifier", label="p", name="P", domain="1.2.3", group="2", alternative="a"
                ),
                MaskField(
                    id="card", kind="identifier", label="c", name="C", domain="1.2.4", group="2", alternative="b"
                ),
            ),
            groups=(MaskGroup("1"), MaskGroup("2", True, {"a": "Passport", "b": "Card"})),
            images=(MaskImage("image/png", b"\x89PNG", "card", "Front of the card"),),
        )

    def check_traits(
        self, country: CountryCode, values: Mapping[str, str], language: str, *, complete: bool
    ) -> tuple[TraitProblem, ...]:
        self._note("check_traits", country, dict(values), language, complete)
        return (
            TraitProblem("mbo", ProblemKind.LENGTH, "Attendu : 9 chiffres.", "123456789"),
            TraitProblem("other", ProblemKind.UNKNOWN, "Ce pays ne le demande pas."),
        )

    def issue_hcp(self, call: Call, professional: Professional) -> bytes:
        self._note("issue_hcp", call, professional)
        return HCP

    def log_in(self, call: Call, login: Login) -> LoggedIn:
        self._note("log_in", call, login)
        places = (
            Place("0.0", "Médecin", "Cabinet A", "1 R DE PARIS, 75009 PARIS"),
            Place("0.2", "Médecin", "Hôpital B", ""),
        )
        assertion = HCP if login.situation else b""
        return LoggedIn(
            name="Camille Exemplaire",
            identifier="899700209937",
            places=places,
            chosen=login.situation,
            assertion=assertion,
        )

    def confirm_treatment(self, call: Call, treatment: Treatment) -> bytes:
        self._note("confirm_treatment", call, treatment)
        return TRC

    def confirm_next_of_kin(self, call: Call, accompaniment: Accompaniment) -> bytes:
        self._note("confirm_next_of_kin", call, accompaniment)
        return TRC.replace(b":trc", b":nok")

    def notice(self, country: CountryCode, language: str) -> PatientNotice:
        self._note("notice", country, language)
        return PatientNotice("2026-1", "fr", PDF)

    def notice_languages(self, country: CountryCode) -> tuple[str, ...]:
        self._note("notice_languages", country)
        return ("en", "fr", "hr")

    def render(
        self, call: Call, content: bytes, language: str, view: View, country: CountryCode | None = None
    ) -> Rendered:
        self._note("render", call, content, language, view)
        if view is View.TRANSLATED:
            raise NcpError(Code.UI_TRANSFORMATION, "view.translated")
        if view is View.PDF:
            return Rendered("application/pdf", PDF, ("pdf.external_link",))
        return Rendered("text/html", b"<!DOCTYPE html><p>" + content[:10].replace(b"<", b"&lt;"))

    def the(self, question: str) -> tuple[Any, ...]:
        """Values of the one time a question was asked."""
        (values,) = [values for name, values in self.asked if name == question]
        return values


# --- certificates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificates:
    """PEM files of a CA, a server for localhost, a portal, and a stranger of the same CA."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def der(self, name: str) -> bytes:
        certificate = x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())
        return certificate.public_bytes(serialization.Encoding.DER)

    def fingerprint(self, name: str) -> str:
        return (
            x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())
            .fingerprint(hashes.SHA256())
            .hex()
        )


def make_certificates(folder: Path) -> Certificates:
    """A throw-away PKI: ca.pem, server.pem/.key, portal.pem/.key, stranger.pem/.key."""
    now = dt.datetime.now(dt.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])

    def certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey, is_ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        return builder.sign(ca_key, hashes.SHA256())

    (folder / "ca.pem").write_bytes(certificate(ca_name, ca_key, True).public_bytes(serialization.Encoding.PEM))
    for name in ("server", "portal", "stranger"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        (folder / f"{name}.pem").write_bytes(certificate(subject, key, False).public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return Certificates(folder)


# --- the front end on a socket ---------------------------------------------------------------------------------------


class PeerCertificateProtocol(H11Protocol):
    """Puts the TLS client certificate where the front end looks for it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(True) if tls else None
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                scope.setdefault("extensions", {})["tls"] = {"client_cert_der": certificate}
            await inner(scope, receive, send)

        self.app = app


def portal(fingerprint: str, **values: Any) -> PortalIdentity:
    return PortalIdentity("test portal", fingerprint, **({"may_issue_hcp": True} | values))


def front_end(ncp_b: SmallNcpB, identity: PortalIdentity, **options: Any) -> FrontEnd:
    defaults: dict[str, Any] = {"time_zone": "Europe/Paris", "language": "fr", "threads": 4}
    return frontend_app(ncp_b, FrontEndOptions(**(defaults | options)), {identity.fingerprint: identity})


@contextmanager
def serve(app: Any, certificates: Certificates) -> Iterator[str]:
    """Base URL of a server with mutual TLS on a free port of this machine."""
    config = uvicorn.Config(
        app,
        host="localhost",
        port=0,
        http=PeerCertificateProtocol,
        ssl_certfile=certificates.path("server.pem"),
        ssl_keyfile=certificates.path("server.key"),
        ssl_ca_certs=certificates.path("ca.pem"),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
        log_config=None,  # the default would change the loggers of the whole process
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > until or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"https://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
