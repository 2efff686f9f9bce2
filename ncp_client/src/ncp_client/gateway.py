"""The client itself: ``Gateway`` before login, ``Session`` for a professional, ``Treatment`` for one patient.

Each step is only reachable from the one before it, so no document can be asked for without a professional and a
confirmed treatment. Works with this gateway and, for the operations it has, with OpenNCP's client connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from ncp_client import messages
from ncp_client.errors import DocumentNotFound, GatewayError, is_no_match
from ncp_client.values import (
    PATIENT_SUMMARY,
    Consent,
    Country,
    Document,
    DocumentPair,
    DocumentPairs,
    FetchedDocument,
    Login,
    Notice,
    Patient,
    Professional,
    Rendered,
    SearchMask,
    Situation,
    TraitProblem,
    Traits,
)
from ncp_client.wire import NS_OWN, Connection, Service

_OWN_PATH = "/ncp/services/FrontEnd"


class Contract(Enum):
    """Which client connector answers: (namespace, service name, path)."""

    OPENNCP_7 = (
        "http://clientconnector.protocolterminator.openncp.epsos/",
        "ClientConnectorService",
        "/openncp-client-connector/services/ClientConnectorService",
    )
    OPENNCP_9 = (
        "http://api.client.core.openncp.sante.ec.europa.eu",
        "ClientService",
        "/openncp-client-connector/services/ClientService",
    )


class Gateway:
    """A gateway, by its URL and the portal's client certificate (PEM files).

    ``url`` without a path reaches every service of this gateway; with a path it is the address of a client connector
    alone, for example OpenNCP's. ``timeout`` in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        certificate: str,
        key: str,
        trust: str,
        timeout: float = 90.0,
        connections: int = 10,
        contract: Contract = Contract.OPENNCP_9,
    ) -> None:
        namespace, name, path = contract.value
        base = url.rstrip("/")
        address = base if urlsplit(base).path else base + path
        self._connection = Connection(
            certificate=certificate, key=key, trust=trust, timeout=timeout, connections=connections
        )
        self.connector: Service = self._connection.service("client_connector.wsdl", namespace, name, address)
        self.own: Service = self._connection.service("frontend.wsdl", NS_OWN, "FrontEnd", base + _OWN_PATH)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._connection.close()

    def countries(self, language: str) -> list[Country]:
        """The countries of the network, named in ``language``."""
        return [messages.country(each) for each in self.own.call("listCountries", language).value or []]

    def search_mask(self, country: str, language: str) -> SearchMask:
        """The traits ``country`` asks for, labelled in ``language``."""
        return messages.mask(self.own.call("getSearchMask", country, language).value)

    def check_traits(
        self, country: str, values: Mapping[str, str], language: str, *, complete: bool = False
    ) -> dict[str, TraitProblem]:
        """What is wrong with texts by field id, before anybody is asked: the gateway knows the country's formats. Dates
        are written ``1980-12-31``. Fields that are still empty count only with ``complete``, when the form is sent."""
        found = self.own.call("checkTraits", country, language, complete, messages.typed(values)).value
        return {each.id: messages.problem(each) for each in found or []}

    def notice_languages(self, country: str) -> tuple[str, ...]:
        """The languages (BCP 47, sorted) in which there is a notice for patients of ``country``."""
        return tuple(self.own.call("listNoticeLanguages", country).value or ())

    def notice(self, country: str, language: str) -> Notice:
        """The patient information notice for patients of ``country``."""
        notice = self.own.call("getPatientInformationNotice", country, language).value
        return Notice(notice.version, notice.language, notice.content)

    def log_in(self, professional: Professional) -> Session:
        """A session of a professional whom this portal has authenticated."""
        answer = self.own.call("issueHcpAssertion", professional=messages.professional(professional)).value
        return self.session(answer.assertion)

    def log_in_with(
        self, login: Login, situation: Situation | None = None, purpose: str = "TREATMENT", language: str = "fr"
    ) -> LoggedIn:
        """Who is behind a login with the identity provider, and a session for the practice situation that is chosen or
        the only one. ``purpose`` is ``TREATMENT`` or ``EMERGENCY``; ``language`` (BCP 47) is that of all texts.

        Without ``situation``, where there are several, ``session`` is None: ask which one, and call again.
        Raises ``NotEligible`` for somebody who may not use the service.
        """
        question = messages.login(login, situation, purpose, language)
        answer = self.own.call("issueHcpAssertion", login=question).value
        offered = messages.situations(answer.situation)
        return LoggedIn(
            name=answer.name or "",
            identifier=answer.identifier or "",
            situations=offered,
            situation=next((each for each in offered if each.id == answer.chosen), None),
            session=self.session(answer.assertion) if answer.assertion else None,
        )

    def session(self, hcp_assertion: bytes) -> Session:
        """A session on an HCP assertion that the portal has already."""
        return Session(self, hcp_assertion)


@dataclass(frozen=True, slots=True, repr=False)
class LoggedIn:
    """A professional who may use the service. ``situation`` and ``session`` are those of the situation that was chosen
    or is the only one, None while one has to be chosen of ``situations``."""

    name: str
    identifier: str
    situations: tuple[Situation, ...]
    situation: Situation | None
    session: Session | None

    def __repr__(self) -> str:
        return "LoggedIn(<redacted>)"


class Session:
    """What one professional may ask. ``hcp_assertion`` is kept as the bytes that were signed."""

    def __init__(self, gateway: Gateway, hcp_assertion: bytes) -> None:
        self._gateway = gateway
        self.hcp_assertion = hcp_assertion
        self.expires = messages.expiry(hcp_assertion)

    def find_patient(self, country: str, traits: Traits) -> list[Patient]:
        """Who has these traits in ``country``; empty for nobody."""
        question = {"countryCode": country, "patientDemographics": messages.demographics(traits)}
        try:
            reply = self._gateway.connector.call("queryPatient", question, assertions=[self.hcp_assertion])
        except GatewayError as error:
            if is_no_match(error):
                return []
            raise
        return [messages.patient(country, each, reply.warnings, reply.birth_date) for each in reply.value or []]

    def confirm_treatment(
        self,
        patient: Patient,
        *,
        purpose: str = "TREATMENT",
        consent: Consent | None = None,
        prescription_id: str = "",
        dispensation_pin: str = "",
    ) -> Treatment:
        """That this patient is treated here. ``purpose`` ``TREATMENT`` (needs ``consent``) or ``EMERGENCY``."""
        question = {
            "country": patient.country,
            "patientId": {"root": patient.root, "extension": patient.extension},
            "purpose": purpose,
            "prescriptionId": prescription_id or None,
            "dispensationPin": dispensation_pin or None,
        }
        if consent is not None:
            question["consent"] = {
                "noticeVersion": consent.notice_version,
                "language": consent.language,
                "givenAt": messages.written(consent.given_at),
            }
        reply = self._gateway.own.call("confirmTreatment", question, assertions=[self.hcp_assertion])
        return self.treatment(patient, reply.value)

    def treatment(self, patient: Patient, trc_assertion: bytes, nok_assertion: bytes = b"") -> Treatment:
        """A treatment on assertions that the portal has already."""
        return Treatment(self._gateway, self, patient, trc_assertion, nok_assertion)

    def render(self, document: FetchedDocument, *, view: str, language: str) -> Rendered:
        """A fetched document made fit to be shown, in ``language`` (BCP 47).

        ``view``: ``translated``, ``original``, ``both`` or ``print`` (HTML), ``text``, or ``pdf`` of level 1.
        """
        question = {"view": view, "language": language, "content": document.content}
        reply = self._gateway.own.call("renderDocument", question, assertions=[self.hcp_assertion])
        return Rendered(reply.value.mediaType, reply.value.content, reply.warnings)


class Treatment:
    """Documents of one patient for one professional."""

    def __init__(
        self, gateway: Gateway, session: Session, patient: Patient, trc_assertion: bytes, nok_assertion: bytes
    ) -> None:
        self._gateway = gateway
        self.patient = patient
        self.trc_assertion = trc_assertion
        self.expires = messages.expiry(trc_assertion)
        # Next of kin first, treatment last: the order every OpenNCP reads.
        self._assertions = [each for each in (nok_assertion, session.hcp_assertion, trc_assertion) if each]

    def documents(
        self,
        class_codes: str | Sequence[str] = PATIENT_SUMMARY,
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        maximum_size: int | None = None,
    ) -> DocumentPairs:
        """What there is, and warnings about the list; empty for nothing. Several class codes, and filters, are for
        original clinical documents only."""
        codes = [class_codes] if isinstance(class_codes, str) else list(class_codes)
        question: dict[str, Any] = {
            "countryCode": self.patient.country,
            "patientId": {"root": self.patient.root, "extension": self.patient.extension},
            "classCode": [messages.class_code(code) for code in codes],
        }
        narrowing = {"createdAfter": created_after, "createdBefore": created_before, "maximumSize": maximum_size}
        if any(value is not None for value in narrowing.values()):
            question["filterParams"] = narrowing
        try:
            reply = self._gateway.connector.call("queryDocuments", question, assertions=self._assertions)
        except DocumentNotFound:
            return DocumentPairs()
        return DocumentPairs(messages.pairs(self.patient.country, reply.value or []), reply.warnings)

    def fetch(self, document: Document | DocumentPair, *, language: str) -> FetchedDocument:
        """The document; a coded one translated into ``language`` (BCP 47), as the country sent it when that is empty.
        Of a pair the structured one is fetched.

        Raises ``DocumentNotFound`` when it is gone.
        """
        wanted = document.best if isinstance(document, DocumentPair) else document
        question = {
            "countryCode": wanted.country,
            "homeCommunityId": wanted.home_community_id,
            "documentId": {"repositoryUniqueId": wanted.repository_id, "documentUniqueId": wanted.unique_id},
            "classCode": messages.class_code(wanted.class_code),
            # An empty element would break the schema; a blank is no language either.
            "targetLanguage": language or " ",
        }
        reply = self._gateway.connector.call("retrieveDocument", question, assertions=self._assertions)
        if reply.value is None or reply.value.base64Binary is None:
            raise DocumentNotFound("ERROR_GENERIC_DOCUMENT_MISSING", country=wanted.country)
        return FetchedDocument(reply.value.base64Binary, reply.value.mimeType or "", reply.warnings, reply.translation)
