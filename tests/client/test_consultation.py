"""The thin client against the front end over mutual TLS."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ncp.frontend.port import ConsentRecord, Treatment, View
from ncp.wire.errors import (
    AccessError,
    Code,
    ConnectorError,
    DocumentError,
    NcpError,
    PatientError,
    PeerError,
    RequestError,
    SecurityError,
)
from ncp_client import (
    EPRESCRIPTION,
    ConnectionFailed,
    Consent,
    ConsentMissing,
    ContentError,
    Contract,
    CountryUnreachable,
    DocumentNotFound,
    FetchedDocument,
    Gateway,
    GatewayError,
    GatewayTimeout,
    IdentificationError,
    InvalidTraits,
    MultipleMatches,
    NotPermitted,
    PortalRefused,
    Professional,
    ProfessionalRefused,
    RequestRefused,
    SecurityRefused,
    TechnicalError,
    TraitProblem,
    Traits,
    TryLater,
    messages,
)
from ncp_client.errors import error_of
from tests.support.frontend import (
    CDA,
    HCP,
    L1,
    L3,
    PATIENT,
    PDF,
    PERSON,
    TRC,
    Certificates,
    SmallNcpB,
    front_end,
    portal,
    serve,
)

WHO = Professional(
    identifier="899700209937",
    name="Cyril Test",
    role="221",
    facility_type="Resident Physician",
    locality="Paris",
    authentication_class="urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    authenticated=dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC),
    organisation="Cabinet",
    permissions=("PRD-006", "PRD-003"),
)
GIVEN = dt.datetime(2026, 3, 2, 9, 4, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))
CONSENT = Consent(notice_version="2026-1", language="hr", given_at=GIVEN)
TRAITS = Traits(identifiers=((PATIENT.root, PATIENT.extension),))


def gateway_at(url: str, certificates: Certificates, name: str = "portal", **options: Any) -> Gateway:
    return Gateway(
        url,
        certificate=certificates.path(f"{name}.pem"),
        key=certificates.path(f"{name}.key"),
        trust=certificates.path("ca.pem"),
        **({"timeout": 20.0} | options),
    )


@pytest.fixture(params=[Contract.OPENNCP_9, Contract.OPENNCP_7], ids=["v9", "v7"])
def gateway(request: pytest.FixtureRequest, url: str, certificates: Certificates) -> Iterator[Gateway]:
    with gateway_at(url, certificates, contract=request.param) as client:
        yield client


def test_what_is_to_be_told_of_a_pdf_comes_with_it(gateway: Gateway) -> None:
    session = gateway.session(HCP)
    for view, warnings in (("original", ()), ("pdf", ("pdf.external_link",))):
        assert session.render(FetchedDocument(CDA, "text/xml"), view=view, language="fr").warnings == warnings


def test_a_consultation_from_the_list_of_countries_to_the_summary(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    countries = gateway.countries("fr")
    mask = gateway.search_mask("HR", "fr")
    session = gateway.log_in(WHO)
    (patient,) = session.find_patient("HR", mask.fill({"mbo": PATIENT.extension, "card": "1"}))
    treatment = session.confirm_treatment(patient, consent=CONSENT)
    (pair,) = treatment.documents()
    summary = treatment.fetch(pair, language="fr-FR")
    page = session.render(summary, view="original", language="fr")

    assert [(each.code, each.name, each.services, each.live, each.state) for each in countries] == [
        ("HR", "Croatie", ("PS", "eP"), True, "green"),
        ("MT", "Malte", (), False, "red"),
    ]
    assert countries[0].since == dt.datetime(2026, 3, 2, 8, 5, tzinfo=dt.UTC)
    assert (patient.family, patient.given, patient.birth_date) == ("Novak", "Ana", "1985-03-19")
    assert (patient.root, patient.extension, patient.country) == (PATIENT.root, PATIENT.extension, "HR")
    assert pair.structured is not None
    assert pair.original is not None
    assert (pair.structured.unique_id, pair.original.unique_id) == (L3.unique_id, L1.unique_id)
    assert (summary.content, summary.mime_type) == (CDA, "text/xml")
    assert page.media_type == "text/html"

    _, issued = ncp_b.the("issue_hcp")
    assert (issued.name, issued.role, issued.permissions) == ("Cyril Test", "221", {"PRD-006", "PRD-003"})
    assert issued.authenticated == WHO.authenticated
    _, confirmed = ncp_b.the("confirm_treatment")
    assert confirmed == Treatment(
        patient=PATIENT, purpose="TREATMENT", country="HR", consent=ConsentRecord("2026-1", "hr", GIVEN)
    )
    call, *_, language = ncp_b.the("retrieve_document")
    assert language == "fr-FR"
    assert [each.get("ID") for each in call.security[0]] == ["_hcp", "_trc"]
    assert session.expires is None
    assert treatment.expires == dt.datetime(2026, 3, 2, 10, 5, tzinfo=dt.UTC)
    render_call, content, asked, view = ncp_b.the("render")
    assert (content, asked, view) == (CDA, "fr", View.ORIGINAL)
    assert render_call.security


def test_the_mask_arrives_with_groups_and_pictures(gateway: Gateway) -> None:
    mask = gateway.search_mask("HR", "fr")
    assert (mask.country, mask.scope) == ("HR", "ALL")
    first = mask.fields[0]
    assert (first.id, first.kind, first.domain, first.format, first.mandatory) == (
        "mbo",
        "identifier",
        PATIENT.root,
        "\\d{9}",
        True,
    )
    assert [(group.id, group.choice, dict(group.alternatives)) for group in mask.groups] == [
        ("1", False, {}),
        ("2", True, {"a": "Passport", "b": "Card"}),
    ]
    assert mask.images[0].content == b"\x89PNG"


def test_traits_are_filled_by_field(gateway: Gateway) -> None:
    mask = gateway.search_mask("HR", "fr")
    filled = mask.fill({"mbo": "987654321", "card": " 77 ", "birthDate": dt.date(1985, 3, 19)})
    assert filled == Traits(identifiers=((PATIENT.root, "987654321"), ("1.2.4", "77")), birth_date=dt.date(1985, 3, 19))


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"card": "1"}, {"mbo": "missing"}),
        ({"mbo": "1"}, {"passport": "missing"}),
        ({"mbo": "1", "card": "1", "shoe size": "44"}, {"shoe size": "unknown"}),
        ({"mbo": "1", "card": "1", "birthDate": "1985-03-19"}, {"birthDate": "a date is needed"}),
        ({}, {"mbo": "missing", "passport": "missing"}),
    ],
)
def test_traits_that_do_not_fit_the_mask_are_named(
    values: dict[str, Any], problems: dict[str, str], gateway: Gateway
) -> None:
    with pytest.raises(InvalidTraits) as raised:
        gateway.search_mask("HR", "fr").fill(values)
    assert raised.value.problems == problems


def test_a_birth_date_is_the_same_day_at_both_ends(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    gateway.session(HCP).find_patient("HR", Traits(family="Novak", birth_date=dt.date(1970, 4, 9)))
    *_, search = ncp_b.the("find_patient")
    assert search.birth_date == "19700409"


def test_a_birth_date_that_is_only_a_year_comes_back_as_a_year(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    ncp_b.person = type(PERSON)(id=PATIENT, family="Novak", given="Ana", birth_date="1985")
    ncp_b.warnings = ("match.quality",)
    (patient,) = gateway.session(HCP).find_patient("HR", TRAITS)
    assert (patient.birth_date, patient.warnings) == ("1985", ("match.quality",))


def test_warnings_of_a_document_arrive(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    ncp_b.warnings = ("translation.incomplete",)
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    treatment = session.treatment(patient, TRC)
    (pair,) = treatment.documents()
    assert treatment.fetch(pair, language="fr-FR").warnings == ("translation.incomplete",)


def test_the_original_of_a_pair_can_be_fetched(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    treatment = session.treatment(patient, TRC)
    (pair,) = treatment.documents()
    assert pair.original is not None
    fetched = treatment.fetch(pair.original, language="fr-FR")
    assert (fetched.content, fetched.mime_type) == (PDF, "application/pdf")


def test_a_prescription_stands_alone_in_its_pair(gateway: Gateway) -> None:
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    (pair,) = session.treatment(patient, TRC).documents(EPRESCRIPTION)
    assert pair.original is None
    assert pair.best.title == "ePrescription"
    assert pair.best.dispensable


def test_the_notice_tells_its_version_and_language(gateway: Gateway) -> None:
    notice = gateway.notice("HR", "hr")
    assert (notice.version, notice.language, notice.content) == ("2026-1", "fr", PDF)


def test_nobody_found_is_an_empty_list(gateway: Gateway) -> None:
    assert gateway.session(HCP).find_patient("HR", Traits(family="Nobody")) == []


@pytest.mark.parametrize("code", [Code.NO_PATIENT_SUMMARY, Code.PS_NOT_FOUND, Code.NO_EPRESCRIPTION, Code.EP_NOT_FOUND])
def test_no_documents_is_an_empty_list(code: Code, gateway: Gateway, ncp_b: SmallNcpB) -> None:
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    ncp_b.failure = DocumentError(code, "empty", gateway="HR")
    assert session.treatment(patient, TRC).documents() == []


def test_a_document_that_is_gone_is_an_error(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    treatment = session.treatment(patient, TRC)
    (pair,) = treatment.documents()
    ncp_b.failure = DocumentError(Code.DOCUMENT_MISSING, "unknown", gateway="HR")
    with pytest.raises(DocumentNotFound) as raised:
        treatment.fetch(pair, language="fr-FR")
    assert raised.value.country == "HR"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (PatientError(Code.PI_MULTIPLE_MATCHES, "many", gateway="HR"), MultipleMatches),
        (PatientError(Code.PI_INCORRECT_FORMATTING, "format"), IdentificationError),
        (PatientError(Code.WARNING_PI_NO_CONSENT, "consent"), ConsentMissing),
        (AccessError(Code.PS_NO_CONSENT, "consent"), ConsentMissing),
        (AccessError(Code.NOT_ALLOWED, "permission"), NotPermitted),
        (SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "sig.value"), SecurityRefused),
        (SecurityError(Code.ASSERTION_NOT_VALID, "trc.missing"), SecurityRefused),
        (SecurityError(Code.HPI_GENERIC, "time.expired"), ProfessionalRefused),
        (SecurityError(Code.WEAK_AUTHENTICATION, "authn.weak"), ProfessionalRefused),
        (RequestError(Code.SERVICE_SIGNIFIER_UNKNOWN, "class"), RequestRefused),
        (DocumentError(Code.PS_PDF_FORMAT_NOT_PROVIDED, "pdf"), ContentError),
        (ConnectorError(Code.PI_REGISTRY_NOT_AVAILABLE, "busy"), TryLater),
        (PeerError(Code.CONNECTION_NOT_POSSIBLE, "connect", gateway="HR"), CountryUnreachable),
        (NcpError("CODE_OF_NO_LIST", "x"), TechnicalError),
        (ZeroDivisionError("the text of a foreign exception"), TechnicalError),
    ],
    ids=lambda value: getattr(value, "code", getattr(value, "__name__", "unexpected")),
)
def test_failures_are_typed(failure: Exception, kind: type[GatewayError], gateway: Gateway, ncp_b: SmallNcpB) -> None:
    ncp_b.failure = failure
    with pytest.raises(kind) as raised:
        gateway.session(HCP).find_patient("HR", TRAITS)
    assert raised.value.code == getattr(failure, "code", "ERROR_GENERIC")
    assert raised.value.country == getattr(failure, "gateway", "")
    assert len(raised.value.reference) == 36
    assert "foreign" not in str(raised.value) + raised.value.message + raised.value.context


def test_every_declared_code_has_a_type_that_fits_its_family() -> None:
    families: dict[type[GatewayError], set[str]] = {}
    for code in Code:
        families.setdefault(type(error_of(code, "")), set()).add(code.family.name)
    assert families[ConsentMissing] == {"CONSENT"}
    assert families[CountryUnreachable] == {"CONNECTION"}
    assert families[DocumentNotFound] == {"NOT_FOUND"}
    assert families[MultipleMatches] == {"MULTIPLE_MATCHES"}
    assert families[NotPermitted] == {"RIGHTS"}
    assert families[ProfessionalRefused] == {"PROFESSIONAL"}
    assert families[SecurityRefused] == {"SECURITY"}
    assert {type(error_of(code, "")) for code in Code if code.family.name == "CONTENT"} == {ContentError}


def test_an_author_who_is_an_empty_element_is_no_author() -> None:
    """zeep reads ``<authors/>`` as None; a summary that a system wrote may come so."""
    listed = SimpleNamespace(
        uuid="1",
        repositoryId="2",
        hcid="3",
        classCode=None,
        formatCode=None,
        mimeType=None,
        title=None,
        description=None,
        creationDate=None,
        size=None,
        dispensable=False,
        authors=[None, SimpleNamespace(person=None), SimpleNamespace(person=" Dr Ana Test ")],
        associatedDocuments=[None],
    )
    (pair,) = messages.pairs("HR", [listed])
    assert pair.best.authors == ("Dr Ana Test",)


def test_the_national_message_is_kept_apart() -> None:
    error = error_of("ERROR_PI_GENERIC", "General message^Nationale Meldung")
    assert (error.message, error.national_message) == ("General message", "Nationale Meldung")


def test_a_treatment_without_consent_is_refused_before_it_is_asked(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    session = gateway.session(HCP)
    (patient,) = session.find_patient("HR", TRAITS)
    with pytest.raises(ConsentMissing):
        session.confirm_treatment(patient)
    session.confirm_treatment(patient, purpose="EMERGENCY")
    _, treatment = ncp_b.the("confirm_treatment")
    assert (treatment.purpose, treatment.consent) == ("EMERGENCY", None)


def test_a_stranger_with_a_certificate_of_the_same_authority_is_refused(
    url: str, certificates: Certificates, ncp_b: SmallNcpB
) -> None:
    with gateway_at(url, certificates, "stranger") as client, pytest.raises(PortalRefused):
        client.countries("fr")
    assert ncp_b.asked == []


def test_a_server_of_another_authority_is_not_trusted(
    url: str, certificates: Certificates, tmp_path: Path, ncp_b: SmallNcpB
) -> None:
    from tests.support.frontend import make_certificates

    other = make_certificates(tmp_path)
    with (
        Gateway(
            url,
            certificate=certificates.path("portal.pem"),
            key=certificates.path("portal.key"),
            trust=other.path("ca.pem"),
        ) as client,
        pytest.raises(ConnectionFailed),
    ):
        client.countries("fr")
    assert ncp_b.asked == []


def test_a_portal_that_may_not_vouch_is_refused(certificates: Certificates, ncp_b: SmallNcpB) -> None:
    identity = portal(certificates.fingerprint("portal"), may_issue_hcp=False)
    with (
        serve(front_end(ncp_b, identity), certificates) as url,
        gateway_at(url, certificates) as client,
        pytest.raises(NotPermitted),
    ):
        client.log_in(WHO)
    assert ncp_b.asked == []


def test_a_portal_may_vouch_only_for_its_roles(certificates: Certificates, ncp_b: SmallNcpB) -> None:
    identity = portal(certificates.fingerprint("portal"), roles=frozenset({"2262"}))
    with (
        serve(front_end(ncp_b, identity), certificates) as url,
        gateway_at(url, certificates) as client,
        pytest.raises(NotPermitted),
    ):
        client.log_in(WHO)
    assert ncp_b.asked == []


def test_a_slow_gateway_is_a_timeout_and_is_asked_once(url: str, certificates: Certificates, ncp_b: SmallNcpB) -> None:
    release = threading.Event()
    ncp_b.before = lambda: release.wait(5) and None
    with gateway_at(url, certificates, timeout=0.5) as client, pytest.raises(GatewayTimeout):
        client.session(HCP).find_patient("HR", TRAITS)
    release.set()
    assert [name for name, _ in ncp_b.asked] == ["find_patient"]


def test_nobody_listening_is_a_failed_connection(certificates: Certificates) -> None:
    with gateway_at("https://localhost:9", certificates) as client, pytest.raises(ConnectionFailed):
        client.countries("fr")


def test_threads_share_a_client_without_mixing_their_assertions(
    url: str, certificates: Certificates, ncp_b: SmallNcpB
) -> None:
    answers: dict[int, int] = {}

    def ask(number: int, client: Gateway) -> None:
        assertion = HCP.replace(b'"_hcp"', f'"_hcp{number}"'.encode())
        found = client.session(assertion).find_patient("HR", Traits(family="Novak", given=str(number)))
        answers[number] = len(found)

    with gateway_at(url, certificates) as client:
        threads = [threading.Thread(target=ask, args=(number, client)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert answers == dict.fromkeys(range(12), 1)
    pairs = {(values[0].security[0][0].get("ID"), values[2].given) for _, values in ncp_b.asked}
    assert pairs == {(f"_hcp{number}", str(number)) for number in range(12)}


def test_connections_are_used_again(url: str, certificates: Certificates) -> None:
    with gateway_at(url, certificates) as client:
        for _ in range(3):
            client.countries("fr")
        pools = client._connection._session.get_adapter("https://").poolmanager.pools
        assert [pools[key].num_connections for key in list(pools.keys())] == [1]


def test_problems_of_traits_are_told_by_field(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    problems = gateway.check_traits("hr", {"mbo": " 12 ", "other": "x", "empty": " "}, "fr-FR", complete=True)
    assert ncp_b.the("check_traits") == ("HR", {"mbo": " 12 ", "other": "x"}, "fr-FR", True)
    assert problems == {
        "mbo": TraitProblem("length", "Attendu : 9 chiffres.", "123456789"),
        "other": TraitProblem("unknown", "Ce pays ne le demande pas."),
    }


def test_a_form_that_is_being_filled_is_not_complete(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    gateway.check_traits("HR", {}, "fr")
    assert ncp_b.the("check_traits") == ("HR", {}, "fr", False)


def test_the_languages_of_the_notice_need_no_login(gateway: Gateway, ncp_b: SmallNcpB) -> None:
    assert gateway.notice_languages("hr") == ("en", "fr", "hr")
    assert ncp_b.the("notice_languages") == ("HR",)
