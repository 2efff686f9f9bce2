"""What the front end asks NCP-B: one method per question of a portal, with the values it takes and gives.

The front end reads and writes the portals' messages and knows nothing of trust: ``Call`` hands the assertions on as
they came, and whoever implements ``NcpB`` verifies them before anything else (``docs/assertions.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from lxml.etree import _Element

from ncp.wire.ids import II, CountryCode
from saml_assertions.issue import NextOfKin, Professional
from xca.messages import DocumentEntry, DocumentFilter, DocumentRequest
from xcpd.messages import PatientSearch, Person


@dataclass(frozen=True, slots=True)
class PortalIdentity:
    """A front end known by its TLS client certificate, and what it may assert.

    ``fingerprint`` is the SHA-256 of the certificate in lower-case hex; ``roles`` the ISCO codes of professionals it
    may ask an HCP assertion for, empty for all. ``audience`` are its client ids at the identity provider. With
    ``logins_only`` it cannot vouch for a professional itself.
    """

    name: str
    fingerprint: str
    may_issue_hcp: bool = False
    roles: frozenset[str] = frozenset()
    audience: frozenset[str] = frozenset()
    logins_only: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One call of a portal. ``security`` are the ``wsse:Security`` blocks as received, ``root`` the whole envelope
    they belong to; nothing in them is verified. ``reference`` is the transaction id shown to people.
    """

    security: tuple[_Element, ...]
    root: _Element
    portal: PortalIdentity
    reference: str
    language: str = "en"

    def __repr__(self) -> str:
        return f"Call({self.reference})"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Login:
    """What a portal got from the identity provider, as it came; nothing of it is verified.

    ``situation`` is the id of the one that was chosen, empty to ask which there are. ``language`` is that of the texts.
    """

    id_token: str
    user_info: bytes
    situation: str = ""
    purpose: str = "TREATMENT"
    language: str = "en"

    def __repr__(self) -> str:
        return "Login(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """A situation that somebody may log in with, in words: profession, place and address."""

    id: str
    profession: str
    place: str
    address: str

    def __repr__(self) -> str:
        return f"Place({self.id})"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class LoggedIn:
    """Somebody who may log in. Where there are several situations and none was chosen, there is no assertion."""

    name: str
    identifier: str
    places: tuple[Place, ...]
    chosen: str = ""
    assertion: bytes = b""

    def __repr__(self) -> str:
        return "LoggedIn(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class PatientFound:
    """One person and stable names of what a professional should be warned of (``match.quality``, ...)."""

    person: Person
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "PatientFound(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class DocumentsFound:
    """Metadata of the documents that may be shown, and stable names of what a professional should be told of the list
    (``peer.partial``, ...)."""

    entries: tuple[DocumentEntry, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"DocumentsFound({len(self.entries)})"


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of the codes of a document: counts by ``ncp.semantics.coding.CodeState``.

    ``status`` is SUCCESS, WARNING or ERROR; after ERROR the document is as it came. ``release`` names the catalogue.
    """

    language: str
    status: str
    release: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    code: str = ""
    """The network's code for what is missing, empty when nothing is."""


@dataclass(frozen=True, slots=True, repr=False)
class FetchedDocument:
    """A document for the professional: translated into the language asked for when it is coded.

    ``entry`` is its metadata as far as the gateway knows them; ``translation`` is None where none was to be made.
    """

    content: bytes
    mime_type: str
    entry: DocumentEntry | None = None
    warnings: tuple[str, ...] = ()
    translation: Translation | None = None

    def __repr__(self) -> str:
        return f"FetchedDocument({len(self.content)} bytes)"


class State(Enum):
    """Green: last exchange or probe was good. Yellow: cached data or errors. Red: not reachable or not trusted."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class CountryState:
    """A country on the list. ``services`` of ``PS``, ``eP``, ``OrCD``; ``since`` is aware."""

    code: CountryCode
    name: str
    services: tuple[str, ...]
    live: bool
    state: State
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class MaskField:
    """One trait to ask for.

    ``id`` is unique in its mask. ``kind``: ``identifier``, ``family``, ``given``, ``birthDate``, ``gender``,
    ``street``, ``postalCode``, ``city`` or ``country``. ``domain`` is the OID of an identifier. ``label`` is the key of
    the mask (``label.ism.healthCardNumber``), ``name`` its text in the language asked for. ``format`` is the country's
    pattern, for people; the gateway checks it. ``group`` and ``alternative`` place an identifier (``MaskGroup``).
    """

    id: str
    kind: str
    label: str
    name: str
    domain: str = ""
    format: str = ""
    description: str = ""
    original_description: str = ""
    mandatory: bool = False
    group: str = ""
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class MaskGroup:
    """Identifiers that belong together: all of them, or with ``choice`` exactly one of the ``alternatives``.

    ``alternatives`` maps the id of an alternative to its text.
    """

    id: str
    choice: bool = False
    alternatives: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaskImage:
    """Picture of a document on which the traits are found, as the country publishes it."""

    media_type: str
    content: bytes
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class MaskForm:
    """International Search Mask of a country, ready to be shown. ``scope``: ``ALL``, ``PS`` or ``EP``."""

    country: CountryCode
    scope: str
    fields: tuple[MaskField, ...]
    groups: tuple[MaskGroup, ...] = ()
    images: tuple[MaskImage, ...] = ()


class ProblemKind(Enum):
    """What is wrong with one trait of a form."""

    MISSING = "missing"
    """Nothing is sent without it."""
    FORMAT = "format"
    """Not as the country writes it."""
    LENGTH = "length"
    """The right characters, too few or too many."""
    DATE = "date"
    """No day, or none on which a patient can have been born."""
    UNKNOWN = "unknown"
    """The country's mask has no such field."""
    CHOICE = "choice"
    """None of the alternatives is filled in; stands at the first field of the first one."""


@dataclass(frozen=True, slots=True)
class TraitProblem:
    """Why one trait cannot be sent. ``message`` is in the language asked for and holds nothing of what was typed;
    ``example`` is an invented value that would fit, empty where none is known."""

    id: str
    kind: ProblemKind
    message: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """That the patient consented, on which notice, in which language, when (aware)."""

    notice_version: str
    language: str
    given_at: datetime


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Treatment:
    """What a TRC assertion is asked for.

    ``purpose`` is ``TREATMENT`` or ``EMERGENCY``, empty for that of the HCP assertion; ``country`` is None where the
    request does not name it (token service).
    """

    patient: II
    purpose: str
    country: CountryCode | None = None
    consent: ConsentRecord | None = None
    prescription_id: str = ""
    dispensation_pin: str = ""

    def __repr__(self) -> str:
        return "Treatment(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Accompaniment:
    """What a NOK assertion is asked for: who comes along, with which patient if the request says so."""

    next_of_kin: NextOfKin
    purpose: str
    patient: II | None = None

    def __repr__(self) -> str:
        return "Accompaniment(<redacted>)"


@dataclass(frozen=True, slots=True)
class PatientNotice:
    """The patient information notice as PDF; ``language`` is the one it is in, which may differ from the one asked."""

    version: str
    language: str
    content: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Rendered:
    """A document made fit to be shown, and stable names of what a professional should be told of it
    (``pdf.external_link``, ...)."""

    media_type: str
    content: bytes
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Rendered({self.media_type}, {len(self.content)} bytes)"


class View(Enum):
    """How a document is to be shown; all but ``PDF`` are of a coded one (``docs/display.md``)."""

    TRANSLATED = "translated"
    """The coded data in the reader's language, the original text one click away."""
    ORIGINAL = "original"
    """The original text, the coded data one click away."""
    BOTH = "both"
    """Side by side."""
    PRINT = "print"
    """Everything open."""
    TEXT = "text"
    """Plain text."""
    PDF = "pdf"
    """The PDF in a level 1 document."""


class NcpB(Protocol):
    """NCP-B as the front end sees it. Called from worker threads. Raises ``ncp.wire.errors.NcpError`` and its
    subclasses; whatever else it raises is answered as ERROR_GENERIC with the reference of the call.

    Methods that take a ``Call`` verify its assertions first. The others need none: a portal shows them before login.
    """

    def find_patient(self, call: Call, country: CountryCode, search: PatientSearch) -> tuple[PatientFound, ...]:
        """ITI-55. Nobody found is ``PatientError``; an empty result is never returned for a country's "no match"."""
        ...

    def list_documents(
        self, call: Call, country: CountryCode, patient: II, class_codes: tuple[str, ...], filter: DocumentFilter
    ) -> DocumentsFound:
        """ITI-38. Nothing found *with* an entry that says so is ``DocumentError``; without one an empty result."""
        ...

    def retrieve_document(
        self, call: Call, country: CountryCode, document: DocumentRequest, class_code: str, language: str
    ) -> FetchedDocument:
        """ITI-39; a coded document comes translated into ``language`` (BCP 47; empty: as the country sent it)."""
        ...

    def list_countries(self, language: str) -> tuple[CountryState, ...]: ...

    def search_mask(self, country: CountryCode, language: str) -> MaskForm: ...

    def check_traits(
        self, country: CountryCode, values: Mapping[str, str], language: str, *, complete: bool
    ) -> tuple[TraitProblem, ...]:
        """What is wrong with ``values`` (by id of the mask's field); what is missing only of a ``complete`` form."""
        ...

    def issue_hcp(self, call: Call, professional: Professional) -> bytes:
        """A signed HCP assertion for a professional the portal vouches for (the front end checked that it may)."""
        ...

    def log_in(self, call: Call, login: Login) -> LoggedIn:
        """Whether the person behind an ID token may log in, and a signed HCP assertion for the situation that was
        chosen, or for the only one. Refusals are ``ncp.eligibility.refusals.NotEligible``."""
        ...

    def confirm_treatment(self, call: Call, treatment: Treatment) -> bytes:
        """A signed TRC assertion for the HCP assertion of the call."""
        ...

    def confirm_next_of_kin(self, call: Call, accompaniment: Accompaniment) -> bytes:
        """A signed NOK assertion for the HCP assertion of the call."""
        ...

    def notice(self, country: CountryCode, language: str) -> PatientNotice: ...

    def notice_languages(self, country: CountryCode) -> tuple[str, ...]:
        """The languages (BCP 47, sorted) in which there is a notice for patients of ``country``."""
        ...

    def render(
        self, call: Call, content: bytes, language: str, view: View, country: CountryCode | None = None
    ) -> Rendered:
        """The document for display (``ncp.frontend.render``), from ``country`` where the portal says so; the HCP
        assertion of the call is verified first."""
        ...
