"""Every way a consultation can end has words, in every language, that tell what to do and give nothing away."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ncp_client
from ncp.frontend.pdf.names import WARNINGS as PDF_WARNINGS
from ncp.wire.errors import Code, Family
from ncp_client.errors import (
    ConnectionFailed,
    ConsentMissing,
    GatewayError,
    GatewayTimeout,
    InvalidTraits,
    PortalRefused,
    error_of,
)
from ncp_portal.failure_kinds import BY_CODE, BY_ENDING, BY_OWN_GATEWAY, BY_TYPE, KINDS, Ending, Faq, Step, Tone
from ncp_portal.failures import (
    NATIONAL_MESSAGE_MAX,
    BadTexts,
    FailureTexts,
    Outcome,
    load,
    national_message,
    outcome_of,
    warning_text,
)
from ncp_portal.failures_page import LANGUAGES, page, shipped
from tests.shared import shared
from xca.outcomes import WARNING_TEXTS
from xcpd.outcomes import PatientMatch

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "portal" / "src" / "ncp_portal" / "texts"
PARSED = {language: tomllib.loads((FOLDER / f"failures.{language}.toml").read_text()) for language in ("fr", "en")}
TEXTS = shipped()
FRENCH, ENGLISH = TEXTS["fr"], TEXTS["en"]
_CODE_OF_A_TABLE = re.compile(
    r"(?:EHDSI_)?(?:ERROR|WARNING)_[A-Z]+(?:_[A-Z]+)*|\bXDS[A-Za-z]+|(?<![\w.])[124]\d{3}(?![\w.])"
)


def _told(code: str, *, message: str = "", country: str = "HR", step: Step = Step.SEARCH) -> Outcome:
    failure = error_of(code, message, country=country, reference="20b4f7a2")
    return outcome_of(failure, step=step, country="Croatie", texts=FRENCH)


def _all_texts(texts: FailureTexts) -> list[str]:
    words = [text for each in texts.outcomes.values() for text in (each.title, each.text, *each.todo)]
    return [*words, texts.own, texts.other, *(notice.text for notice in texts.warnings.values())]


# Every code has words


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_every_code_of_the_gateway_is_a_kind_of_its_own_choice(code: Code) -> None:
    assert code.value in BY_CODE


def _codes_of(file: str, begin: str, end: str) -> set[str]:
    text = shared(f"spec/{file}").read_text()
    part = text[text.index(begin) : text.index(end)]
    first_cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("|")]
    return {code for cell in first_cells for code in _CODE_OF_A_TABLE.findall(cell)}


@pytest.mark.parametrize(
    ("file", "begin", "end", "some", "least"),
    [
        ("xcpd.md", "## 6.3 Codes", "## 6.4", {"ERROR_PI_NO_MATCH", "WARNING_PI_NO_CONSENT", "4706"}, 28),
        ("xca.md", "### 7.2 OpenNCP code list", "### 7.3", {"ERROR_PS_NOT_FOUND", "1102", "4203", "4706"}, 85),
        ("xca.md", "### 7.3 Translation-layer", "### 7.4", {"4500", "4513", "2505", "2510"}, 25),
    ],
)
def test_every_code_of_the_tables_of_the_specification_is_known(
    file: str, begin: str, end: str, some: set[str], least: int
) -> None:
    found = _codes_of(file, begin, end)
    assert some <= found
    assert len(found) >= least
    # A warning of a pair is written out in full; "_FOR_UNIQUE_…" continues the name before it.
    assert {code for code in found if code not in BY_CODE} == set()


def test_every_code_of_ihe_that_the_specification_lists_is_known() -> None:
    text = shared("spec/xca.md").read_text()
    part = text[text.index("### 7.4 IHE") : text.index("SOAP faults of ON")]
    found = set(re.findall(r"`(XDS\w+)`", part))
    assert len(found) == 18
    assert found <= BY_CODE.keys()


def test_every_kind_is_reached_and_has_words_in_both_languages() -> None:
    reached = {*BY_CODE.values(), *dict(BY_TYPE).values(), *BY_ENDING.values(), *BY_OWN_GATEWAY.values()}
    assert reached == set(KINDS)
    for texts in TEXTS.values():
        assert set(texts.outcomes) == set(KINDS)


def test_every_error_type_of_the_client_has_a_kind() -> None:
    types = {
        each
        for each in vars(ncp_client.errors).values()
        if isinstance(each, type) and issubclass(each, Exception) and each.__module__ == "ncp_client.errors"
    }
    assert types - {ncp_client.errors.TechnicalError} <= dict(BY_TYPE).keys()
    assert BY_TYPE[-1] == (GatewayError, "technical")


# The words themselves


@pytest.mark.parametrize("name", list(KINDS))
def test_both_languages_name_the_country_in_the_same_outcomes(name: str) -> None:
    french, english = FRENCH.outcomes[name], ENGLISH.outcomes[name]
    assert ("{country}" in french.text) == ("{country}" in english.text)
    assert ["{country}" in one for one in french.todo] == ["{country}" in one for one in english.todo]


def test_both_languages_know_the_same_warnings_with_the_same_tone() -> None:
    assert {name: one.tone for name, one in FRENCH.warnings.items()} == {
        name: one.tone for name, one in ENGLISH.warnings.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_sentences_without_codes_or_jargon(language: str) -> None:
    jargon = re.compile(
        r"\b(XCPD|XCA|ITI|SAML|CDA|SOAP|TLS|NCP|OID|gateway|passerelle|assertion|token|jeton|timeout|HTTP)\b", re.I
    )
    for text in _all_texts(TEXTS[language]):
        assert not _CODE_OF_A_TABLE.search(text), text
        assert not re.search(r"[A-Z]{2,}_|\d{3}", text), text
        assert not jargon.search(text), text
    for words in TEXTS[language].outcomes.values():
        assert not words.title.endswith(".")
        assert all(text.endswith((".", "?")) for text in (words.text, *words.todo))


def test_words_never_blame_the_professional() -> None:
    blame = re.compile(
        r"\b(erreur de saisie|vous avez (?:saisi|mal|oublié)|votre faute|your mistake|you (?:typed|forgot))", re.I
    )
    assert [text for texts in TEXTS.values() for text in _all_texts(texts) if blame.search(text)] == []


def test_french_is_spaced_as_french_is() -> None:
    for text in _all_texts(FRENCH):
        assert not re.search(r"(?<!\u00a0)[:;?!»]|\u00a0\w", text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_country_no_empty_brackets_are_left(language: str) -> None:
    for code in BY_CODE:
        told = outcome_of(error_of(code, "", country="HR"), step=Step.SEARCH, country="", texts=TEXTS[language])
        for text in (told.title, told.text, *told.todo, told.failed_gateway):
            assert not re.search(r"[(){}]|  | [.,]", text), text


# What the professional can do: the user's column of the specification's conditions, and the family of each code


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ERROR_PI_NO_MATCH", "nobody_found"),
        ("ERROR_PI_MULTIPLE_MATCHES", "several_persons"),
        ("ERROR_PI_GENERIC", "other_traits_needed"),
        ("ERROR_PI_INCORRECT_FORMATTING", "traits_format"),
        ("ERROR_PI_MISSING_REQUIRED_FIELDS", "traits_missing"),
        ("WARNING_PI_NO_CONSENT", "consent_refused"),
        ("ERROR_HPI_AUTHENTICATION_NOT_RECEIVED", "professional_refused"),
        ("ERROR_HPI_INSUFFICIENT_INFORMATION", "role_not_recognised"),
        ("4702", "stronger_login"),
        ("4703", "not_allowed"),
        ("ERROR_PI_REGISTRY_NOT_AVAILABLE", "registry_unavailable"),
        ("ERROR_PI_INTERNAL_ERROR", "technical"),
        ("ERROR_GENERIC_CONNECTION_NOT_POSSIBLE", "unreachable"),
        ("ERROR_PS_NOT_FOUND", "no_summary"),
        ("1102", "no_summary"),
        ("1101", "no_prescription"),
        ("XDSRegistryBusy", "documents_unavailable"),
        ("4206", "binding_refused"),
        ("4505", "not_convertible"),
    ],
)
def test_each_condition_is_told_as_the_specification_means_it(code: str, kind: str) -> None:
    assert _told(code).kind == kind


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_what_is_offered_fits_the_family_of_the_code(code: Code) -> None:
    told = _told(code.value)
    match code.family:
        case Family.NO_MATCH | Family.MULTIPLE_MATCHES | Family.IDENTIFICATION:
            assert told.edit and not told.retry and told.faq == Faq.NOT_FOUND
        case Family.PROFESSIONAL:
            assert told.log_in_again and not told.retry
        case Family.CONSENT | Family.RIGHTS:
            assert not told.retry and not told.log_in_again and told.tone is Tone.WARNING
        case Family.BUSY | Family.CONNECTION:
            assert told.retry and not told.edit and told.faq == Faq.UNAVAILABLE
        case Family.TECHNICAL:
            assert told.retry
        case Family.NOT_FOUND:
            assert told.tone in (Tone.INFO, Tone.WARNING) and told.faq == Faq.NOT_FOUND
        case Family.SECURITY:
            assert not told.retry or code.value.startswith("WARNING_SEC_UNEXPECTED")
        case Family.REQUEST:
            assert not told.retry and not told.log_in_again
        case Family.CONTENT:
            assert not told.log_in_again and not told.edit


def test_no_answer_is_told_as_if_the_patient_had_nothing() -> None:
    for code in ("ERROR_PS_NOT_FOUND", "1100", "1101", "1102", "1103", "1104", "ERROR_EP_NOT_FOUND"):
        assert any("ne signifie pas" in one for one in _told(code).todo)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ConnectionFailed("x"), "service_unreachable"),
        (GatewayTimeout("x"), "service_too_slow"),
        (PortalRefused("x"), "portal_refused"),
        (InvalidTraits({"id": "format"}), "traits_invalid"),
        (Ending.NOBODY_FOUND, "nobody_found"),
        (Ending.SEVERAL_PERSONS, "several_persons"),
        (Ending.NO_DOCUMENTS, "no_summary"),
        (Ending.CANCELLED, "cancelled"),
        (Ending.TOO_SLOW, "too_slow"),
    ],
)
def test_what_has_no_code_is_told_by_its_type(failure: Any, kind: str) -> None:
    told = outcome_of(failure, step=Step.SEARCH, country="Croatie", texts=FRENCH)
    assert (told.kind, told.code, told.reference, told.national_message) == (kind, "", "", "")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ERROR_MRO_NOT_FOUND", "no_document"),
        ("ERROR_MRO_NO_CONSENT", "consent_refused"),
        ("ERROR_HPI_SOMETHING", "professional_refused"),
        ("ERROR_SEC_SOMETHING", "security_refused"),
        ("ERROR_PI_SOMETHING", "other_traits_needed"),
        ("ERROR_MRO_REGISTRY_NOT_AVAILABLE", "documents_unavailable"),
        ("NS250", "technical"),
        ("", "technical"),
    ],
)
def test_a_code_of_no_list_is_told_by_the_type_the_client_gives_it(code: str, kind: str) -> None:
    assert _told(code).kind == kind


def test_our_own_gateway_refuses_for_other_reasons_than_the_patients_country() -> None:
    assert _told("4701").kind == "consent_refused"
    assert _told("4701", country="").kind == "consent_not_recorded"
    assert _told("4703", country="").kind == "not_allowed_here"
    assert _told("4703", country="").failed_gateway == FRENCH.own
    assert "(Croatie)" in _told("4703").failed_gateway


def test_a_patient_or_document_that_was_there_before_is_not_told_as_never_found() -> None:
    assert _told("ERROR_PI_NO_MATCH", step=Step.LIST).kind == "patient_not_recognised"
    assert _told("ERROR_PS_NOT_FOUND", step=Step.LIST).kind == "no_summary"
    assert _told("ERROR_PS_NOT_FOUND", step=Step.DOCUMENT).kind == "document_gone"


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_at_the_login_there_is_nothing_to_search_again(code: str) -> None:
    told = _told(code, country="", step=Step.LOG_IN)
    assert not told.retry and not told.edit


def test_code_reference_and_country_are_there_for_support() -> None:
    told = _told("ERROR_PS_GENERIC")
    assert (told.code, told.reference, told.country) == ("ERROR_PS_GENERIC", "20b4f7a2", "Croatie")


# Nothing of anybody else's making is shown, but the national message, made safe


@given(
    code=st.one_of(st.sampled_from(sorted(BY_CODE)), st.text(max_size=200)),
    message=st.text(max_size=2000),
    country=st.text(max_size=100),
    reference=st.text(max_size=300),
    step=st.sampled_from(Step),
    language=st.sampled_from(sorted(LANGUAGES)),
)
def test_there_is_always_an_outcome(
    code: str, message: str, country: str, reference: str, step: Step, language: str
) -> None:
    failure = error_of(code, message, country=country, reference=reference, context=message)
    told = outcome_of(failure, step=step, country=country, texts=TEXTS[language])
    ours = TEXTS[language].outcomes[told.kind]
    named = f" ({told.country})" if told.country else ""
    assert told.title == ours.title
    assert told.text == ours.text.replace(" ({country})", named)
    assert told.todo == tuple(one.replace(" ({country})", named) for one in ours.todo)
    assert told.code in (code, "")
    assert len(told.reference) <= 100 and len(told.country) <= 60
    assert len(told.national_message) <= NATIONAL_MESSAGE_MAX
    assert all(one.isprintable() for one in (told.national_message, told.reference, told.country, told.code))


@pytest.mark.attack
@given(secret=st.text(alphabet="QXZ", min_size=12, max_size=40), code=st.sampled_from(sorted(BY_CODE)))
def test_a_message_or_context_is_nowhere_in_an_outcome_but_in_the_national_message(secret: str, code: str) -> None:
    failure = error_of(code, f"{secret}^{secret}", country="HR", context=secret)
    told = outcome_of(failure, step=Step.SEARCH, country="Croatie", texts=FRENCH)
    assert told.national_message == secret
    assert secret not in repr(told)
    traits = outcome_of(InvalidTraits({secret: secret}), step=Step.SEARCH, country="Croatie", texts=FRENCH)
    assert secret not in repr(traits) + traits.national_message


@pytest.mark.attack
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Osoba nije prona\u0111ena.", "Osoba nije prona\u0111ena."),
        ("a\x00b\r\n\tc\x1b[31m", "a b c [31m"),
        ("\u202eevil\u2066x\u200b", "evil x"),
        ("line\u2028line\u2029end", "line line end"),
        ("eu.europa.ec.sante.openncp.XCAException: no", "no"),
        ("no(XcaService.java:120)", "no"),
        ("at eu.europa.ec.Query.run(Query.java:12) no", "at no"),
        ("x" * 5000, "x" * 299 + "\u2026"),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_a_national_message_is_one_safe_line(sent: str, shown: str) -> None:
    assert national_message(sent) == shown


@pytest.mark.attack
def test_a_country_name_or_reference_that_holds_a_placeholder_stays_as_it_is() -> None:
    failure = error_of("ERROR_GENERIC_CONNECTION_NOT_POSSIBLE", country="HR", message="", reference="{reference.x}")
    told = outcome_of(failure, step=Step.SEARCH, country="{country.__class__}", texts=FRENCH)
    assert "({country.__class__})" in told.text
    assert told.reference == "{reference.x}"


@pytest.mark.attack
def test_a_code_that_is_none_is_not_shown() -> None:
    for code in ("<script>", "ERROR PI", "A" * 101, "ERROR_\u202e", "4703\n"):
        assert outcome_of(ConsentMissing(code), step=Step.LIST, country="", texts=FRENCH).code == ""


# Warnings

_OF_A_MATCH = ("birth_date.contradiction", "gender.contradiction", "birth_date.partial", "match_quality.low")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_warning_the_client_can_give_has_words(language: str) -> None:
    assert PatientMatch(None, _OF_A_MATCH).to_show == _OF_A_MATCH  # type: ignore[arg-type]
    given_by_the_gateway = {*_OF_A_MATCH, *WARNING_TEXTS, *PDF_WARNINGS}
    assert TEXTS[language].warnings.keys() == given_by_the_gateway | {"unknown"}


def test_a_warning_that_nobody_knows_is_told_in_general_words() -> None:
    assert warning_text("peer.partial", ENGLISH).text.startswith("The country of residence could answer only in part")
    for name in ("", "peer.new", "unknown", "x" * 100_000):
        assert warning_text(name, ENGLISH) == ENGLISH.warnings["unknown"]


def test_a_contradicted_identity_is_the_loudest_warning() -> None:
    loud = {name for name, notice in FRENCH.warnings.items() if notice.tone is Tone.ERROR}
    assert loud == {"birth_date.contradiction", "gender.contradiction"}


# The catalogue is checked when it is loaded


@pytest.mark.parametrize(
    ("place", "value", "key"),
    [
        (("outcome",), None, "outcome"),
        (("outcome", "technical"), None, "outcome.technical"),
        (("outcome", "technical", "title"), "", "outcome.technical.title"),
        (("outcome", "technical", "title"), 5, "outcome.technical.title"),
        (("outcome", "technical", "text"), "x" * 601, "outcome.technical.text"),
        (("outcome", "technical", "text"), "in {country}", "outcome.technical.text"),
        (("outcome", "technical", "text"), "a ({code})", "outcome.technical.text"),
        (("outcome", "technical", "text"), "a {country.__class__}", "outcome.technical.text"),
        (("outcome", "technical", "text"), "a {", "outcome.technical.text"),
        (("outcome", "technical", "todo"), [], "outcome.technical.todo"),
        (("outcome", "technical", "todo"), "text", "outcome.technical.todo"),
        (("outcome", "technical", "todo"), ["a"] * 7, "outcome.technical.todo"),
        (("outcome", "invented"), {"title": "a", "text": "b", "todo": ["c"]}, "outcome.invented"),
        (("gateway", "own"), None, "gateway.own"),
        (("warning", "unknown"), None, "warning.unknown"),
        (("warning", "peer.partial", "tone"), "loud", "warning.peer.partial.tone"),
        (("warning", "peer.partial", "text"), "a ({country})", "warning.peer.partial.text"),
        (("warning", "peer.partial"), "text", "peer.partial"),
    ],
)
def test_a_catalogue_with_a_gap_is_refused_by_name(place: tuple[str, ...], value: object, key: str) -> None:
    texts: dict[str, Any] = copy.deepcopy(PARSED["en"])
    *path, last = place
    inner = texts
    for each in path:
        inner = inner[each]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    with pytest.raises(BadTexts, match=re.escape(key)):
        load(texts)


# The page


def test_the_page_of_the_docs_is_what_the_program_says() -> None:
    assert (ROOT / "docs" / "portal-failures.md").read_text(encoding="utf-8") == page(TEXTS)
