"""NCP-B as the front end asks for it: the port of ``ncp.frontend`` over the story in ``ncp.initiating``.

Portals call from worker threads; the outgoing calls live in the worker's event loop. This file joins the two, opens an
exchange record for every call and closes it on every path out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ncp import initiating
from ncp.exchange import Exchange, Service, Side
from ncp.frontend import render
from ncp.frontend.notice import Fonts, NoticeText, Parties, choose
from ncp.frontend.pdf import gate
from ncp.frontend.pdf.examiner import Examiner
from ncp.frontend.port import (
    Accompaniment,
    Call,
    CountryState,
    DocumentsFound,
    FetchedDocument,
    LoggedIn,
    Login,
    MaskForm,
    PatientFound,
    PatientNotice,
    Place,
    Rendered,
    State,
    TraitProblem,
    Translation,
    Treatment,
    View,
)
from ncp.identity.desk import Desk
from ncp.initiating import NcpB, PortalHeader
from ncp.observability.exchanges import report
from ncp.observability.log import where
from ncp.peer_calls import PeerState
from ncp.search_masks import SearchMasks
from ncp.semantics.coding import CodeState
from ncp.semantics.display.view import Provenance
from ncp.semantics.model import Header
from ncp.semantics.terminology.catalogue import Catalogue
from ncp.semantics.transform.kinds import kind_of
from ncp.semantics.transform.result import Status
from ncp.semantics.transform.standing import is_of_network, is_of_templates
from ncp.semantics.values import Point
from ncp.transforming import NOT_CONFORMING, Transformer, is_transformed
from ncp.wire.errors import AccessError, Code, DocumentError, NcpError
from ncp.wire.ids import II, CountryCode
from ncp.wire.times import utc_now
from saml_assertions.issue import Professional
from xca.messages import DocumentFilter, DocumentRequest
from xca.outcomes import translation_missing
from xcpd.mask_fields import identifier_rules
from xcpd.messages import PatientSearch

T = TypeVar("T")

_STATES = {PeerState.GREEN: State.GREEN, PeerState.YELLOW: State.YELLOW, PeerState.RED: State.RED}
_SERVICES = {"PS": "PS", "EP": "eP", "ORCD": "OrCD", "MRO": "MRO"}


@dataclass(frozen=True, slots=True)
class Notices:
    """The patient information notice of this country: texts by language, those for patients of one country alone, and
    what is filled in."""

    texts: Mapping[str, NoticeText]
    fonts: Fonts
    controller: str
    contact: str
    of_countries: Mapping[CountryCode, Mapping[str, NoticeText]] = field(default_factory=dict)

    def for_residents(self, country: CountryCode) -> dict[str, NoticeText]:
        """By language: the country's own notices in place of the general ones."""
        return {**self.texts, **self.of_countries.get(country, {})}


@dataclass(frozen=True, slots=True)
class Consultations:
    """The port, for one worker. ``patience`` is the longest a portal's call may take, in seconds."""

    ncp: NcpB
    masks: SearchMasks
    notices: Notices
    role_permissions: Mapping[str, frozenset[str]]
    """What an HCP assertion grants, by role, where the portal names no permission."""
    loop: asyncio.AbstractEventLoop
    patience: float
    catalogue: Catalogue
    """Names of codes, for documents that are shown."""
    examiner: Examiner = field(default_factory=Examiner)
    """What looks into PDFs; whoever made this object closes it."""
    transformer: Transformer | None = None
    """None: documents are handed on as they came."""
    desk: Desk | None = None
    """Where people log in; None: portals vouch for their professionals."""

    def find_patient(self, call: Call, country: CountryCode, search: PatientSearch) -> tuple[PatientFound, ...]:
        with self._told(call, Service.DISCOVERY, country) as exchange:
            mask = self.masks.get(country)
            rules = None
            if mask is not None:
                search, rules = mask.asked(search), identifier_rules(mask)
            match = self._wait(initiating.find_patient(country, search, rules, _header(call), self.ncp, exchange))
            return (PatientFound(match.person, match.to_show),)

    def list_documents(
        self, call: Call, country: CountryCode, patient: II, class_codes: tuple[str, ...], filter: DocumentFilter
    ) -> DocumentsFound:
        with self._told(call, Service.QUERY, country) as exchange:
            found = self._wait(
                initiating.list_documents(country, patient, class_codes, filter, _header(call), self.ncp, exchange)
            )
            return DocumentsFound(found.documents, found.warnings)

    def retrieve_document(
        self, call: Call, country: CountryCode, document: DocumentRequest, class_code: str, language: str
    ) -> FetchedDocument:
        with self._told(call, Service.RETRIEVE, country) as exchange:
            fetched = self._wait(initiating.fetch_document(country, document, _header(call), self.ncp, exchange))
            shown = FetchedDocument(fetched.content, fetched.mime_type, None, fetched.warnings)
            if self.transformer is None or not is_transformed(class_code, fetched.mime_type, fetched.content):
                return shown
            return _translated(shown, class_code, country, language, self.transformer, exchange)

    def list_countries(self, language: str) -> tuple[CountryState, ...]:
        return tuple(
            CountryState(
                code=peer.country,
                name=country_name(peer.country, language) or peer.name,
                services=tuple(_SERVICES[offer] for offer in sorted(peer.offers) if offer in _SERVICES),
                live=bool(peer.endpoints),
                state=_STATES[contact.state] if (contact := self.ncp.calls.contact(peer.country)) else State.YELLOW,
                since=contact.since if contact else None,
            )
            for peer in self.ncp.peers
        )

    def search_mask(self, country: CountryCode, language: str) -> MaskForm:
        return self.masks.form(country, language)

    def check_traits(
        self, country: CountryCode, values: Mapping[str, str], language: str, *, complete: bool
    ) -> tuple[TraitProblem, ...]:
        # A day on which it is tomorrow already somewhere east of here is no mistake.
        today = (utc_now() + timedelta(days=1)).date()
        return self.masks.check(country, values, language, complete=complete, today=today)

    def issue_hcp(self, call: Call, professional: Professional) -> bytes:
        with self._told(call, Service.HCP_ASSERTION) as exchange:
            if not call.portal.may_issue_hcp:
                raise AccessError(Code.NOT_ALLOWED, "portal.may_not_assert")
            if call.portal.logins_only:
                raise AccessError(Code.NOT_ALLOWED, "portal.logins_only")
            if call.portal.roles and professional.role not in call.portal.roles:
                raise AccessError(Code.NOT_ALLOWED, "portal.role")
            return self._issued(professional, exchange)

    def log_in(self, call: Call, login: Login) -> LoggedIn:
        with self._told(call, Service.HCP_ASSERTION) as exchange:
            if not call.portal.may_issue_hcp:
                raise AccessError(Code.NOT_ALLOWED, "portal.may_not_assert")
            if self.desk is None:
                raise AccessError(
                    Code.NOT_ALLOWED, "login.not_configured", message="This gateway has no rules of who may log in"
                )
            admitted = self.desk.admit(
                id_token=login.id_token,
                user_info=login.user_info,
                situation=login.situation,
                purpose=login.purpose,
                language=login.language,
                audience=call.portal.audience,
                roles=call.portal.roles,
                exchange=exchange,
            )
            named = self.desk.rules.profession
            return LoggedIn(
                name=admitted.chosen.name if admitted.chosen else admitted.who.name,
                identifier=admitted.who.identifier,
                places=tuple(
                    Place(each.id, named(each.profession, login.language), each.place, each.address)
                    for each in admitted.offered
                ),
                chosen=admitted.chosen.id if admitted.chosen else "",
                assertion=self._issued(admitted.professional, exchange) if admitted.professional else b"",
            )

    def _issued(self, professional: Professional, exchange: Exchange) -> bytes:
        """Signed, with the permissions of the role where none are named."""
        if not professional.permissions:
            granted = self.role_permissions.get(professional.role, frozenset())
            professional = replace(professional, permissions=granted)
        return initiating.issue_hcp(professional, self.ncp, exchange)

    def confirm_treatment(self, call: Call, treatment: Treatment) -> bytes:
        with self._told(call, Service.TRC_ASSERTION, treatment.country) as exchange:
            if treatment.consent is not None:
                consent = treatment.consent
                exchange.consent = f"{consent.notice_version} {consent.language} {consent.given_at.isoformat()}"
            return initiating.confirm_treatment(
                treatment.patient,
                treatment.purpose,
                treatment.country,
                _header(call),
                self.ncp,
                exchange,
                prescription_id=treatment.prescription_id,
                dispensation_pin=treatment.dispensation_pin,
            )

    def confirm_next_of_kin(self, call: Call, accompaniment: Accompaniment) -> bytes:
        with self._told(call, Service.NOK_ASSERTION) as exchange:
            return initiating.confirm_next_of_kin(
                accompaniment.next_of_kin,
                accompaniment.patient,
                accompaniment.purpose,
                _header(call),
                self.ncp,
                exchange,
            )

    def notice(self, country: CountryCode, language: str) -> PatientNotice:
        from ncp.frontend.notice_pdf import write_notice  # heavy, and most workers are never asked for a notice

        text = choose(self.notices.for_residents(country), language)
        parties = Parties(
            treatment=country_name(self.ncp.country, text.language) or self.ncp.country,
            residence=country_name(country, text.language) or country,
            controller=self.notices.controller,
            contact=self.notices.contact,
        )
        return PatientNotice(text.version, text.language, write_notice(text, parties, self.notices.fonts, at=utc_now()))

    def notice_languages(self, country: CountryCode) -> tuple[str, ...]:
        return tuple(sorted(self.notices.for_residents(country)))

    def render(
        self, call: Call, content: bytes, language: str, view: View, country: CountryCode | None = None
    ) -> Rendered:
        with self._told(call, Service.FRONT_END) as exchange:
            initiating.verified(_header(call), self.ncp, exchange)
            if view is View.PDF:
                data, warnings = gate.pdf_of(content, self.examiner)
                return Rendered(gate.PDF, data, warnings)

            def about(header: Header) -> Provenance:
                return Provenance(exchange.at, country or "", differs=self._differences(header, country, exchange.at))

            with exchange.step("show"):
                release = self.catalogue.current()
                return Rendered(*render.shown(content, view, language, release, about))

    def _differences(self, header: Header, country: CountryCode | None, at: datetime) -> tuple[str, ...]:
        """In what the document's patient differs from the person confirmed at the search; nothing when nobody was."""
        if header.patient is None:
            return ()
        name = next(iter(header.patient.person.names), None)
        birth = header.patient.person.birth
        born = birth.value if isinstance(birth, Point) else ""
        for identifier in header.patient.role.ids:
            for asked in (country,) if country else (peer.country for peer in self.ncp.peers):
                person = self.ncp.persons.recall(asked, II(identifier.root, identifier.extension), at)
                if person is not None:
                    return person.differences(name.family if name is not None else "", born[:8])
        return ()

    def _wait(self, story: Coroutine[Any, Any, T]) -> T:
        """The story runs in the event loop, the portal's thread waits for its end, but not for ever."""
        future = asyncio.run_coroutine_threadsafe(story, self.loop)
        try:
            return future.result(self.patience)
        except TimeoutError:
            future.cancel()
            raise NcpError(Code.CONNECTION_NOT_POSSIBLE, "peer.timeout") from None

    @contextmanager
    def _told(self, call: Call, service: Service, country: CountryCode | None = None) -> Iterator[Exchange]:
        exchange = Exchange(
            call.reference,
            Side.NCP_B,
            utc_now(),
            service=service,
            peer_country=country,
            portal=call.portal.name,
        )
        try:
            yield exchange
        except NcpError as error:
            exchange.error = error
            raise
        except Exception as error:
            exchange.error = NcpError(Code.GENERIC, f"unexpected.{type(error).__name__}", context=where(error))
            # Where it happened is for our log, not for the portal.
            raise NcpError(Code.GENERIC, exchange.error.reason) from None
        finally:
            report(exchange)


_UNNAMED = (CodeState.FALLBACK_ENGLISH, CodeState.UNKNOWN_CODE)


def _translated(
    fetched: FetchedDocument,
    class_code: str,
    country: CountryCode,
    language: str,
    transformer: Transformer,
    exchange: Exchange,
) -> FetchedDocument:
    """The document in the language asked for. One that cannot be translated is shown as it came, and that is said:
    a summary in English is better than none."""
    try:
        result = transformer.translate(fetched.content, language, exchange, kind=kind_of(class_code), country=country)
    except DocumentError as refused:
        # The configuration asks for documents that keep the rules.
        refused.gateway = country
        raise
    except NcpError as error:
        exchange.notes.append(error.reason)
        return _untranslated(fetched, class_code, language)
    except Exception as error:
        exchange.notes.append(f"translate.unexpected:{type(error).__name__}")
        return _untranslated(fetched, class_code, language)
    if NOT_CONFORMING in exchange.notes:
        fetched = replace(fetched, warnings=(*fetched.warnings, NOT_CONFORMING))
    if result is None:
        return fetched
    if result.errors and not result.changed:
        return _untranslated(fetched, class_code, language, result.release)
    warnings, code = [], ""
    if any(one.state in _UNNAMED and not is_of_templates(one.system) for one in result.elements):
        warnings.append("translation.incomplete")
        code = translation_missing(class_code)
    if any(one.state is CodeState.UNKNOWN_CODE and not is_of_network(one.system) for one in result.elements):
        warnings.append("translation.national_codes")
    exchange.notes.extend(warnings)
    counts = {state.value: count for state, count in result.counts.items()}
    return replace(
        fetched,
        content=result.content,
        warnings=(*fetched.warnings, *warnings),
        translation=Translation(language, result.status, result.release, counts, code),
    )


def _untranslated(fetched: FetchedDocument, class_code: str, language: str, release: str = "") -> FetchedDocument:
    return replace(
        fetched,
        warnings=(*fetched.warnings, "translation.failed"),
        translation=Translation(language, Status.ERROR, release, code=translation_missing(class_code)),
    )


def country_name(country: CountryCode, language: str) -> str:
    """The country's name from CLDR; empty for a language or country that it does not know."""
    from babel import Locale, UnknownLocaleError  # only the front end names countries

    try:
        names: Mapping[str, str] = Locale.parse(language.replace("-", "_")).territories
    except (UnknownLocaleError, ValueError):
        return ""
    return names.get(country, "")


def _header(call: Call) -> PortalHeader:
    return PortalHeader(call.security, call.root)
