"""Every key of the configuration file: type, default, meaning, and when a change takes effect.

The one description of the configuration: ``ncp config docs`` and ``docs/configuration.md`` are made from it. Knows no
file; ``ncp.settings.load`` reads one, ``ncp.settings.rules`` and ``ncp.settings.check`` look at values together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined

from ncp.settings.types import (
    Address,
    AuthenticationClass,
    Country,
    Duration,
    File,
    Fingerprint,
    Folder,
    HttpsUrl,
    Identifier,
    Language,
    ProviderUrl,
    Size,
    Text,
    TimeZone,
)

RELOAD = "reload"
RESTART = "restart"


def setting(description: str, default: Any = PydanticUndefined, *, effect: str = RELOAD, **limits: Any) -> Any:
    """One key; without a default it must be given. ``limits`` are pydantic's (``ge``, ``le``, ``pattern`` ...)."""
    return Field(default, description=description, json_schema_extra={"effect": effect}, **limits)


def section(description: str, default: Any = PydanticUndefined) -> Any:
    """One table of keys; ``{}`` as default when all its keys have defaults."""
    return Field(default, description=description)


class Table(BaseModel):
    """A table of the file: strict types, unknown keys refused, never changed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, validate_default=True)


class Mode(Enum):
    """What the installation is for; production refuses to start with anything that is for tests only."""

    PRODUCTION = "production"
    ACCEPTANCE = "acceptance"
    TRAINING = "training"
    DEVELOPMENT = "development"


class Role(Enum):
    """Country of affiliation (answers, NCP-A) and country of treatment (asks, NCP-B)."""

    RESPONDING = "responding"
    INITIATING = "initiating"


class CountrySettings(Table):
    code: Country = setting("ISO 3166 code of this country.", effect=RESTART)
    name: Text = setting("Name of this country, as people read it.", effect=RESTART)
    language: Language = setting("Language of this country's professionals and national documents.", effect=RESTART)
    home_community_id: Identifier = setting("This gateway's home community id.", effect=RESTART)
    time_zone: TimeZone = setting("Time zone in which dates of this country are read and shown.", effect=RESTART)


class KeyFiles(Table):
    certificate: File = setting("Certificate in PEM, followed by the intermediate certificates.")
    key: File = setting("Private key in PEM.")
    key_password_file: File | None = setting("File that holds the password of the key and nothing else.", None)


class TlsSettings(Table):
    server: KeyFiles = section("Key of the listeners.")
    client: KeyFiles | None = section("Key shown to peers when this gateway asks; the server's when absent.", None)

    @property
    def client_or_server(self) -> KeyFiles:
        """The key to ask with."""
        return self.client or self.server


class TrustSettings(Table):
    anchors: Folder = setting(
        "Folder of trusted certificates: `<country>/<purpose>/*.pem`, and `<country>/crl/` for revocation lists.",
        "trust",
    )
    allowed_signers: tuple[tuple[Country, Country], ...] = setting(
        "Pairs [country of the TLS peer, country of the assertion's signer] that may differ.", ()
    )
    revocation: Literal["hard", "soft", "off"] = setting(
        "What an unknown revocation state means: refused (hard), accepted with an alarm (soft), not looked at (off).",
        "soft",
    )
    strict_issuer: bool = setting("Refuse an assertion whose Issuer names another country than its signer.", False)
    tls_clients: Mapping[Fingerprint, Country] = setting(
        "Country of a TLS client certificate by its fingerprint, where the subject does not tell.", {}
    )


class ServerSettings(Table):
    listen: Address = setting("Where other countries' gateways reach this one.", "127.0.0.1:8443", effect=RESTART)
    public_url: HttpsUrl | None = setting("Address of that listener as peers know it.", None, effect=RESTART)
    workers: int = setting("Worker processes; one per core is a good number.", 2, effect=RESTART, ge=1, le=256)
    request_timeout: Duration = setting("Longest time for one whole request.", "30s")
    header_timeout: Duration = setting("Longest time for the headers of a request to arrive.", "10s")
    idle_timeout: Duration = setting("How long an idle connection is kept.", "75s")
    stop_timeout: Duration = setting("How long requests may finish when the gateway stops.", "30s")
    max_connections: int = setting("Connections per worker; more are refused.", 1000, ge=1, le=100_000)


class LimitSettings(Table):
    request: Size = setting("Largest request message, without attached documents.", "2MB")
    document: Size = setting("Largest document, and largest answer read from a peer.", "50MB")
    header: Size = setting("Largest block of HTTP headers.", "64KB")
    parts: int = setting("Most parts of a multipart message.", 50, ge=1, le=1000)
    xml_depth: int = setting("Deepest nesting of elements.", 100, ge=20, le=1000)
    xml_elements: int = setting("Most elements in one message.", 50_000, ge=1000)
    xml_attributes: int = setting("Most attributes in one message.", 100_000, ge=1000)


class HealthSettings(Table):
    listen: Address = setting(
        "Where health is served, without TLS: keep it internal.", "127.0.0.1:8480", effect=RESTART
    )


class PortalSettings(Table):
    name: Text = setting("Name of the portal in the log.")
    certificate: File | None = setting("Its TLS client certificate in PEM; or give `certificate_sha256`.", None)
    certificate_sha256: Fingerprint | None = setting("Fingerprint of the portal's TLS client certificate.", None)
    may_issue_hcp: bool = setting("Whether the portal may have HCP assertions issued for its professionals.", False)
    roles: tuple[Annotated[str, Field(pattern=r"^\d{2,4}$")], ...] = setting(
        "ISCO codes of the roles that the portal may assert; empty for every role.", ()
    )
    audience: tuple[Text, ...] = setting(
        "Client ids of the portal at the identity provider; it is refused ID tokens of others (`[eligibility]`).",
        (),
    )
    logins_only: bool = setting(
        "Whether the portal must hand in the ID token of a login, and may not vouch for a professional itself.", False
    )


class FrontendSettings(Table):
    listen: Address = setting("Where this country's portals reach the gateway.", "127.0.0.1:8444", effect=RESTART)
    public_url: HttpsUrl | None = setting("Address of that listener as portals know it; stands in the WSDL.", None)
    controller: Text = setting(
        "Body responsible for the data in this country, as the patient information notice names it.",
        "the national contact point for eHealth",
    )
    contact: Text = setting("Whom patients can ask, as the notice names it.", "the national contact point for eHealth")
    notices: Folder | None = setting(
        "Folder of patient information notices, `<language>.toml`; those in `<COUNTRY>/` replace them for patients of "
        "that country. Absent: `config/notices`.",
        None,
    )
    portals: tuple[PortalSettings, ...] = section("The portals that may call, one `[[frontend.portals]]` each.", ())


class ConnectorSettings(Table):
    kind: Literal["store"] = setting("The national system: `store` keeps documents in a database here.", effect=RESTART)
    database: File = setting("SQLite database of the store.", "state/documents.sqlite3", effect=RESTART)


class RespondingSettings(Table):
    search_mask: File | None = setting("This country's International Search Mask; for the role responding.", None)
    demographics_allowed: bool = setting("Answer identifications without an identifier.", False)
    birth_time_optional: bool = setting("Name patients whose birth date is not known.", False)
    accept_role_without_permissions: tuple[Annotated[str, Field(pattern=r"^\d{2,4}$")], ...] = setting(
        "ISCO codes that suffice when an assertion carries no permission at all.", ()
    )
    refused_roles: tuple[Annotated[str, Field(pattern=r"^\d{2,4}$")], ...] = setting(
        "ISCO codes that may ask nothing here.", ()
    )
    refused_countries: tuple[Country, ...] = setting("Countries that may ask nothing here.", ())
    transcode: Literal["on", "strict", "off"] = setting(
        "Replace national codes by those of the network before a document leaves; `strict` as OpenNCP 7.1 does, which "
        "keeps a document back for one unknown code; `off` where the national system sends the pivot.",
        "on",
    )


class InitiatingSettings(Table):
    timeout: Duration = setting("How long to wait for a peer's answer.", "60s")
    minimum_match_quality: int = setting("Match quality (0 to 100) below which nobody was found.", 90, ge=0, le=100)
    search_masks: Folder = setting("Folder of the other countries' search masks, `<country>.xml`.", "masks")
    mask_pictures: Folder | None = setting(
        "Folder of pictures that show where the traits are found, `<COUNTRY>/pictures.toml` with its files; they are "
        "added to those in the masks. None when absent.",
        None,
    )
    translate: Literal["on", "strict", "off"] = setting(
        "Give the codes of fetched documents names in the language that the portal asks for; `strict` as OpenNCP 7.1 "
        "does, `off` to hand documents on as they came.",
        "on",
    )
    repeat_after_fault: bool = setting("Repeat a question once after a SOAP fault, as OpenNCP does.", False)
    role_permissions: Mapping[
        Annotated[str, Field(pattern=r"^\d{2,4}$")], tuple[Annotated[str, Field(pattern=r"^P[RP]D-\d{3}$")], ...]
    ] = setting(
        "Permissions (`PRD-006`) of an HCP assertion by ISCO code, where the portal names none; replaces what "
        "`config/role_permissions.toml` gives that role.",
        {},
    )


class DirectorySettings(Table):
    url: ProviderUrl = setting("Base address of the directory (FHIR R4), without `/Practitioner`.")
    key_file: File | None = setting("File that holds the key of the directory's service and nothing else.", None)
    key_header: Text = setting("Name of the HTTP header that carries the key.", "ESANTE-API-KEY")
    trust: File | None = setting("Authorities of the directory's certificate in PEM; the system's when absent.", None)


class EligibilitySettings(Table):
    rules: File | None = setting(
        "Rules of who may log in. Absent: `config/eligibility/<country code>.toml`, which ships for FR and IE.", None
    )
    issuer: ProviderUrl = setting("The identity provider, exactly as its ID tokens name it (`iss`).")
    jwks_url: ProviderUrl | None = setting(
        "Where the provider publishes its keys (JWK set); or give `jwks_file`.", None
    )
    jwks_file: File | None = setting("File with the provider's keys (JWK set).", None)
    trust: File | None = setting("Authorities of the provider's certificate in PEM; the system's when absent.", None)
    acr_values: tuple[Text, ...] = setting("Levels of authentication (`acr`) that are accepted.", ("eidas1",))
    authentication_claim: Text = setting("Claim that tells the means of authentication.", "authMode")
    authentication_classes: Mapping[str, AuthenticationClass] = setting(
        "Authentication class of an assertion by the value of that claim; other values are refused.",
        {"CARD": "SmartcardPKI", "MOBILE": "MobileTwoFactorContract"},
    )
    authentication_missing: AuthenticationClass | None = setting(
        "Authentication class where the claim is absent; such a login is refused when this is not given.", None
    )
    clock_skew: Duration = setting("By how much the provider's clock may differ.", "60s")
    keys_lifetime: Duration = setting("How long fetched keys are used without asking again.", "1h")
    keys_pause: Duration = setting("Least time between two fetches, whatever keys tokens name.", "60s")
    timeout: Duration = setting("Longest time for an answer of the provider or the directory.", "5s")
    directory: DirectorySettings | None = section(
        "Directory of professionals that is asked at each login; nobody gets in while it does not answer.", None
    )


class PeerSettings(Table):
    name: Text = setting("Name of the country, as people read it.")
    home_community_id: Identifier = setting("Its home community id.")
    xcpd_url: HttpsUrl | None = setting("Where to identify patients (ITI-55).", None)
    xca_query_url: HttpsUrl | None = setting("Where to list documents (ITI-38).", None)
    xca_retrieve_url: HttpsUrl | None = setting("Where to fetch documents (ITI-39).", None)
    services: tuple[Literal["PS", "EP", "MRO", "ORCD"], ...] = setting("Services that are live with this country.", ())
    wave: int | None = setting("Its wave of the MyHealth@EU specifications; unknown when absent.", None, ge=1, le=99)
    mtom_request: Literal["auto", "always", "never"] = setting(
        "Ask for documents in multipart messages: always, never, or find out (auto).", "auto"
    )
    retrieve_inline: bool = setting("Answer its plain requests with the document inside the XML.", False)
    trc_patient_attribute: Literal["auto", "subject-id", "resource-id", "both"] = setting(
        "Name of the patient attribute in TRC assertions for it; auto decides by wave.", "auto"
    )
    accept_text_purpose: bool = setting("Accept the purpose of use as plain text (specifications up to 2021).", False)
    accept_inclusive_c14n: bool = setting("Accept signatures over inclusive canonical XML.", False)
    accept_nok_doctorid: bool = setting("Accept `doctorId` as subject of its next-of-kin assertions.", False)
    accept_confirmation_methods: tuple[Literal["bearer", "holder-of-key"], ...] = setting(
        "Subject confirmation methods accepted beside sender-vouches.", ()
    )
    validation: Literal["off", "warn", "refuse"] | None = setting(
        "What validation means for documents exchanged with it, instead of `[validation]`.", None
    )


class TerminologySettings(Table):
    database: Folder = setting(
        "Folder of the terminology catalogue: one SQLite file per release, and the name of the active one. A release "
        "activated with `ncp terminology activate` is followed at once.",
        "state/terminology",
        effect=RESTART,
    )
    coded_elements: File | None = setting(
        "List of coded elements (CSV): which value sets belong at which place of a document, and how much each kind of "
        "document needs it. Absent: `config/coded_elements.csv`.",
        None,
    )


class ValidationSettings(Table):
    own: Literal["off", "warn", "refuse"] = setting(
        "What errors of the program's own checks of a document mean: not looked for, a warning beside it, a refusal.",
        "warn",
    )
    schema_folder: Folder | None = setting(
        "Folder with the XML schemas of CDA (`CDA_Pharma.xsd`, `CDA_extended.xsd`); no schema is used when absent.",
        None,
    )
    schema_mode: Literal["off", "warn", "refuse"] = setting("What errors against the schema mean.", "warn")
    rules_folder: Folder | None = setting(
        "Folder with Schematron rules (`.sch`, or compiled `.xsl`); none are run when absent. Needs SaxonC.", None
    )
    rules_mode: Literal["off", "warn", "refuse"] = setting("What errors against the rules mean.", "warn")
    rules_patience: Duration = setting(
        "How long an answer waits for the rules; a document they do not finish in time goes on unjudged by them.", "2s"
    )
    rules_limit: Duration = setting("Longest time the rules may take for one document before they are ended.", "30s")
    rules_memory: Size = setting("Memory of the process that runs the rules, of which each worker has one.", "2GB")
    services: Mapping[Literal["PS", "EP", "MRO", "ORCD"], Literal["off", "warn", "refuse"]] = setting(
        "Modes by service, for all checks, instead of the ones above.", {}
    )


class LogSettings(Table):
    level: Literal["debug", "info", "warning", "error"] = setting("Least level that is written.", "info")
    format: Literal["json", "text"] = setting("JSON lines for machines, text for people.", "json", effect=RESTART)


class CaptureSettings(Table):
    folder: Folder = setting(
        "Folder for every message exchanged with other countries, patient data included. Development mode only.",
        effect=RESTART,
    )


class Settings(Table):
    """One configuration file."""

    mode: Mode = setting("What this installation is for.", effect=RESTART)
    roles: tuple[Role, ...] = setting("What this gateway does.", effect=RESTART, min_length=1)
    state: Folder = setting("Folder for everything the gateway writes.", "state", effect=RESTART)
    country: CountrySettings = section("The country of this gateway.")
    tls: TlsSettings = section("Keys of the connections to other gateways and to portals.")
    seal: KeyFiles | None = section("Key that signs assertions; needed for the role initiating.", None)
    trust: TrustSettings = section("Whose certificates are trusted, and for what.", {})
    server: ServerSettings = section("The listener for other countries.", {})
    limits: LimitSettings = section("Bounds on what is read.", {})
    health: HealthSettings = section("Health.", {})
    frontend: FrontendSettings = section("The service that portals call (role initiating).", {})
    eligibility: EligibilitySettings | None = section(
        "Who may log in, by the country's identity provider; without this table portals vouch for their professionals.",
        None,
    )
    connector: ConnectorSettings | None = section("The national system (role responding).", None)
    responding: RespondingSettings = section("Answering other countries.", {})
    initiating: InitiatingSettings = section("Asking other countries.", {})
    peers: Mapping[Country, PeerSettings] = section("The other countries, one `[peers.<country code>]` each.", {})
    terminology: TerminologySettings = section("Codes, their names in every language, and national mappings.", {})
    validation: ValidationSettings = section("Whether clinical documents keep the rules, and what follows.", {})
    log: LogSettings = section("What is logged, and how.", {})
    capture: CaptureSettings | None = section("Keeping whole messages between gateways, for development only.", None)

    @property
    def is_responding(self) -> bool:
        return Role.RESPONDING in self.roles

    @property
    def is_initiating(self) -> bool:
        return Role.INITIATING in self.roles
