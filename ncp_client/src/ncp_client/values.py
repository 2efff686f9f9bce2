"""The values a portal works with. Those that name a person do not show themselves in ``repr`` or logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ncp_client.embedding import Embedded, embedded
from ncp_client.errors import InvalidTraits

PATIENT_SUMMARY = "60591-5"
EPRESCRIPTION = "57833-6"
HOSPITAL_DISCHARGE = "34105-7"
LABORATORY = "11502-2"
IMAGING_REPORT = "18748-4"
IMAGE = "x-clinical-image"

_TEXT_KINDS = ("family", "given", "gender", "street", "postalCode", "city", "country")


@dataclass(frozen=True, slots=True)
class Country:
    """``services`` of ``PS``, ``eP``, ``OrCD``; ``state`` ``green``, ``yellow`` or ``red`` ``since`` (aware)."""

    code: str
    name: str
    services: tuple[str, ...]
    live: bool
    state: str
    since: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class Traits:
    """What is asked the patient. ``identifiers`` are pairs of OID and value."""

    identifiers: tuple[tuple[str, str], ...] = ()
    family: str = ""
    given: str = ""
    gender: str = ""
    birth_date: date | None = None
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""

    def __repr__(self) -> str:
        return "Traits(<redacted>)"


@dataclass(frozen=True, slots=True)
class MaskField:
    """One trait: show ``name`` and ``description``; ``format`` is the country's pattern, for people."""

    id: str
    kind: str
    label: str
    name: str
    domain: str
    format: str
    description: str
    original_description: str
    mandatory: bool
    group: str
    alternative: str


@dataclass(frozen=True, slots=True)
class MaskGroup:
    """Identifiers that belong together; with ``choice`` one of ``alternatives`` (id → text) is to be filled."""

    id: str
    choice: bool
    alternatives: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TraitProblem:
    """Why one trait cannot be sent: ``kind`` is ``missing``, ``format``, ``length``, ``date``, ``unknown`` or
    ``choice``, ``message`` a sentence in the language asked for. ``example`` is an invented value that would fit, empty
    where none is known. Holds nothing of what was typed."""

    kind: str
    message: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class MaskImage:
    """Picture of the document on which the traits are found: ``name`` of the document and ``description`` (alternative
    text) in the language asked for. ``media_type`` may be ``image/svg+xml``."""

    media_type: str
    name: str
    description: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SearchMask:
    """Which traits a country asks for."""

    country: str
    scope: str
    fields: tuple[MaskField, ...]
    groups: tuple[MaskGroup, ...]
    images: tuple[MaskImage, ...]

    def fill(self, values: Mapping[str, str | date]) -> Traits:
        """Traits from values by field id. Raises ``InvalidTraits`` for an unknown field, a missing mandatory one, no
        identifier at all, or no complete alternative of a choice. The gateway checks the country's formats, which are
        patterns of a stranger."""
        given = {key: value for key, value in values.items() if value not in ("", None)}
        by_id = {each.id: each for each in self.fields}
        problems = {key: "unknown" for key in given if key not in by_id}
        problems |= {each.id: "missing" for each in self.fields if self._needed(each, given) and each.id not in given}
        identifiers = [each.id for each in self.fields if each.kind == "identifier"]
        if identifiers and not any(each in given for each in identifiers):
            problems[identifiers[0]] = "missing"
        for key, value in given.items():
            wants_date = key in by_id and by_id[key].kind == "birthDate"
            if wants_date != isinstance(value, date):
                problems.setdefault(key, "a date is needed" if wants_date else "a text is needed")
        if problems:
            raise InvalidTraits(problems)
        return _traits([(by_id[key], value) for key, value in given.items()])

    def _needed(self, asked: MaskField, given: Mapping[str, object]) -> bool:
        """Mandatory ones, all of an alternative that was begun, and the first one of a choice when none was."""
        if not asked.alternative:
            return asked.mandatory
        members = [each for each in self.fields if each.group == asked.group]
        if any(each.id in given for each in members):
            return any(each.id in given for each in members if each.alternative == asked.alternative)
        return asked.alternative == members[0].alternative


def _traits(filled: list[tuple[MaskField, str | date]]) -> Traits:
    texts = {each.kind: str(value).strip() for each, value in filled if each.kind in _TEXT_KINDS}
    return Traits(
        identifiers=tuple((each.domain, str(value).strip()) for each, value in filled if each.kind == "identifier"),
        family=texts.get("family", ""),
        given=texts.get("given", ""),
        gender=texts.get("gender", ""),
        birth_date=next((value for _, value in filled if isinstance(value, date)), None),
        street=texts.get("street", ""),
        postal_code=texts.get("postalCode", ""),
        city=texts.get("city", ""),
        country=texts.get("country", ""),
    )


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Professional:
    """A professional whom the portal has authenticated. ``role`` is an ISCO code (``221``), ``authenticated`` aware;
    without ``permissions`` those of the role are meant."""

    identifier: str
    name: str
    role: str
    facility_type: str
    locality: str
    authentication_class: str
    authenticated: datetime
    identifier_format: str = ""
    organisation: str = ""
    organisation_id: str = ""
    npi: str = ""
    purpose: str = "TREATMENT"
    permissions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Professional(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """What the identity provider gave the portal: the ID token (compact JWS) and the user info (JSON), as received."""

    id_token: str
    user_info: str

    def __repr__(self) -> str:
        return "Login(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class Situation:
    """A practice situation that the professional may log in with, in words; ``id`` is opaque."""

    id: str
    profession: str
    place: str
    address: str

    def __repr__(self) -> str:
        return f"Situation({self.id})"


@dataclass(frozen=True, slots=True)
class Consent:
    """That the patient consented: on which notice, in which language, when (aware)."""

    notice_version: str
    language: str
    given_at: datetime


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Patient:
    """A person found in ``country``. ``birth_date`` is ``1970-04-09``, ``1970-04`` or ``1970``; anything unknown is
    empty. ``warnings`` name what the professional should look at (``docs``)."""

    country: str
    root: str
    extension: str
    family: str = ""
    given: str = ""
    gender: str = ""
    birth_date: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    address_country: str = ""
    telephone: str = ""
    email: str = ""
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Patient({self.country}, <redacted>)"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Document:
    """One representation of a document, as listed."""

    country: str
    unique_id: str
    repository_id: str
    home_community_id: str
    class_code: str
    format_code: str = ""
    mime_type: str = ""
    title: str = ""
    description: str = ""
    created: datetime | None = None
    size: int | None = None
    authors: tuple[str, ...] = ()
    dispensable: bool = False

    def __repr__(self) -> str:
        return f"Document({self.country}, {self.class_code}, <redacted>)"


@dataclass(frozen=True, slots=True)
class DocumentPair:
    """A document: ``structured`` (CDA level 3, translated when fetched) and ``original`` (PDF of level 1). At least one
    of them is there; a document without a twin, such as a laboratory report, stands in one of them."""

    structured: Document | None
    original: Document | None

    @property
    def best(self) -> Document:
        """The structured representation, else the original."""
        document = self.structured or self.original
        if document is None:
            raise ValueError("a pair holds at least one document")
        return document


class DocumentPairs(list[DocumentPair]):
    """The documents listed; ``warnings`` name what the professional should be told of the list (``peer.partial``: the
    other country could answer only a part of the question)."""

    def __init__(self, pairs: Iterable[DocumentPair] = (), warnings: tuple[str, ...] = ()) -> None:
        super().__init__(pairs)
        self.warnings = warnings


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of the codes of a document on its way into ``language``.

    ``status`` is ``SUCCESS``, ``WARNING`` or ``ERROR`` (the document is as the other country sent it). ``counts`` by
    state: ``translated``, ``same``, ``fallback-english``, ``unmapped``, ``unknown-code``, ``outside-value-set``,
    ``null``, ``not-coded``. ``release`` is the release of the terminology; ``code`` the network's code for names that
    are missing (``EHDSI_WARNING_PS_MISSING_EXPECTED_TRANSLATION``), empty when none is.
    """

    language: str
    status: str
    release: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class FetchedDocument:
    """The bytes of a document and names of what the professional should be warned of (``translation.failed``: it is
    as the other country sent it). ``translation`` is None for a document that is not translated."""

    content: bytes
    mime_type: str
    warnings: tuple[str, ...] = ()
    translation: Translation | None = None

    def __repr__(self) -> str:
        return f"FetchedDocument({self.mime_type}, {len(self.content)} bytes)"


@dataclass(frozen=True, slots=True, repr=False)
class Notice:
    """The patient information notice as PDF; put ``version`` and ``language`` into ``Consent``."""

    version: str
    language: str
    content: bytes

    def __repr__(self) -> str:
        return f"Notice({self.version}, {self.language})"


@dataclass(frozen=True, slots=True, repr=False)
class Rendered:
    """A document made fit to be shown: HTML or PDF. Serve it with the headers of ``ncp_client.headers``; ``warnings``
    name what the professional should be told of it (``pdf.external_link``: the PDF names addresses outside)."""

    media_type: str
    content: bytes
    warnings: tuple[str, ...] = ()

    def embedded(self) -> Embedded:
        """The parts of a page of this gateway, to stand in a page of the portal. Raises ``ValueError`` for anything
        that is no such page."""
        if not self.media_type.startswith("text/html"):
            raise ValueError("only an HTML page can be embedded")
        return embedded(self.content)

    def __repr__(self) -> str:
        return f"Rendered({self.media_type}, {len(self.content)} bytes)"
