"""The table of outcomes, row by row, and the checks that lead to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ncp.wire.errors import AccessError, Code, ConnectorError, NcpError, PatientError, RequestError, SecurityError
from ncp.wire.ids import II, Oid
from tests.support.xcpd import HR, MBO, discovery, person
from xcpd.mask_fields import IdentifierRules
from xcpd.mask_formats import read_format
from xcpd.messages import Address, PatientSearch
from xcpd.outcomes import (
    OUTCOMES,
    certain_person,
    check_discovery,
    check_search,
    place_of,
    refusal_for,
    system_of,
)

IHE, EHDSI = "1.3.6.1.4.1.19376.1.2.27.3", "1.3.6.1.4.1.12559.11.10.1.3.2.2.1"

# Row: the error, then place, system, reason, code, acknowledgement, queryResponseCode. Written from the table of the
# specification (section 6.2), not from the code.
ROWS = {
    "2 nobody found": (
        PatientError(Code.PI_NO_MATCH, "person.none"),
        ("mitigatedBy", IHE, "AnswerNotAvailable", "ERROR_PI_NO_MATCH", "AA", "NF"),
    ),
    "3 several found": (
        PatientError(Code.PI_MULTIPLE_MATCHES, "person.several"),
        ("triggerFor", EHDSI, "AdditionalDemographicsRequested", "ERROR_PI_MULTIPLE_MATCHES", "AA", "OK"),
    ),
    "4 no identifier": (
        RequestError(Code.PI_GENERIC, "query.no_identifier"),
        ("triggerFor", EHDSI, "DemographicsQueryNotAllowed", "ERROR_PI_GENERIC", "AA", "AE"),
    ),
    "5 identifier incomplete": (
        RequestError(Code.PI_INCORRECT_FORMATTING, "identifier.incomplete"),
        ("triggerFor", EHDSI, "DemographicsQueryNotAllowed", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
    ),
    "5 identifier of another format": (
        RequestError(Code.PI_INCORRECT_FORMATTING, "identifier.format"),
        ("triggerFor", EHDSI, "DemographicsQueryNotAllowed", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
    ),
    "6 mandatory trait missing": (
        RequestError(Code.PI_MISSING_REQUIRED_FIELDS, "trait.missing"),
        ("triggerFor", EHDSI, "AdditionalDemographicsRequested", "ERROR_PI_MISSING_REQUIRED_FIELDS", "AA", "OK"),
    ),
    "7 root not used by this country": (
        RequestError(Code.PI_NO_MATCH, "identifier.root"),
        ("mitigatedBy", IHE, "AnswerNotAvailable", "ERROR_PI_NO_MATCH", "AA", "NF"),
    ),
    "8 health card demanded": (
        ConnectorError(Code.PI_GENERIC, "connector.ehic"),
        ("triggerFor", EHDSI, "EHICDataRequested", "ERROR_PI_GENERIC", "AA", "AE"),
    ),
    "9 access code": (
        ConnectorError(Code.PI_GENERIC, "connector.access_code"),
        ("mitigatedBy", EHDSI, "PatientAuthenticationRequired", "ERROR_PI_GENERIC", "AA", "AE"),
    ),
    "10 no consent": (
        AccessError(Code.WARNING_PI_NO_CONSENT, "consent"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "WARNING_PI_NO_CONSENT", "AA", "AE"),
    ),
    "11 privacy": (
        ConnectorError(Code.PI_GENERIC, "connector.privacy"),
        ("mitigatedBy", EHDSI, "PrivacyViolation", "ERROR_PI_GENERIC", "AA", "AE"),
    ),
    "12 country not approved": (
        AccessError(Code.PI_GENERIC, "country.not_approved"),
        ("mitigatedBy", EHDSI, "PolicyViolation", "ERROR_PI_GENERIC", "AA", "AE"),
    ),
    "13 receiver is somebody else": (
        RequestError(Code.PI_GENERIC, "receiver.home_community"),
        ("mitigatedBy", IHE, "AnswerNotAvailable", "ERROR_PI_GENERIC", "AE", "AE"),
    ),
    "14 deferred": (
        RequestError(Code.PI_GENERIC, "query.deferred"),
        ("mitigatedBy", IHE, "InternalError", "ERROR_PI_GENERIC", "AE", "AE"),
    ),
    "15 no Security header": (
        SecurityError(Code.ASSERTION_NOT_VALID, "header.missing"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "1001", "AE", "AE"),
    ),
    "15 no HCP assertion": (
        SecurityError(Code.HPI_AUTHENTICATION_NOT_RECEIVED, "hcp.missing"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED", "AE", "AE"),
    ),
    "16 HCP expired": (
        SecurityError(Code.HPI_GENERIC, "time.expired"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_HPI_GENERIC", "AE", "AE"),
    ),
    "16 role unknown": (
        SecurityError(Code.HPI_INSUFFICIENT_INFORMATION, "role.unknown"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_HPI_INSUFFICIENT_INFORMATION", "AE", "AE"),
    ),
    "16 no locality": (
        SecurityError(Code.HPI_POC_NO_INFORMATION, "attr.locality"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_HPI_POC_NO_INFORMATION", "AE", "AE"),
    ),
    "16 no subject-id": (
        SecurityError(Code.HPI_NO_INFORMATION, "attr.subject_id"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_HPI_NO_INFORMATION", "AE", "AE"),
    ),
    "16 weak log-in": (
        SecurityError(Code.WEAK_AUTHENTICATION, "authn.weak"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "4702", "AE", "AE"),
    ),
    "16 purpose": (
        SecurityError(Code.NOT_ALLOWED, "purpose.refused"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "4703", "AE", "AE"),
    ),
    "17 signature": (
        SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "sig.value"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED", "AE", "AE"),
    ),
    "17 certificate": (
        SecurityError(Code.SEC_GENERIC, "cert.untrusted"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "ERROR_SEC_GENERIC", "AE", "AE"),
    ),
    "17 countries differ": (
        SecurityError(Code.NOT_ALLOWED, "cert.country"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "4703", "AE", "AE"),
    ),
    "18 permission": (
        AccessError(Code.NOT_ALLOWED, "permission.missing"),
        ("mitigatedBy", EHDSI, "InsufficientRights", "4703", "AE", "AE"),
    ),
    "19 registry down": (
        ConnectorError(Code.PI_REGISTRY_NOT_AVAILABLE, "connector.unavailable"),
        ("mitigatedBy", IHE, "ResponderBusy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", "AE", "AE"),
    ),
    "20 anything else": (
        NcpError(Code.GENERIC, "unexpected"),
        ("mitigatedBy", IHE, "InternalError", "ERROR_PI_INTERNAL_ERROR", "AE", "AE"),
    ),
    "20 birth date unknown": (
        PatientError(Code.PI_GENERIC, "person.birth_date"),
        ("mitigatedBy", IHE, "InternalError", "ERROR_PI_GENERIC", "AE", "AE"),
    ),
    "21 overload": (
        ConnectorError(Code.PI_GENERIC, "connector.busy"),
        ("mitigatedBy", IHE, "ResponderBusy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", "AE", "AE"),
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_an_error_is_told_as_its_row_says(row: str) -> None:
    error, expected = ROWS[row]
    refusal = refusal_for(error, reference="7f3a")
    assert (
        place_of(refusal.reason),
        system_of(refusal.reason),
        refusal.reason.value,
        refusal.code,
        refusal.acknowledgement.value,
        refusal.query_response.value,
    ) == expected
    assert refusal.text.startswith(Code(refusal.code).text)
    assert refusal.location == "XCPD 7f3a"


def test_every_row_from_2_to_21_is_there() -> None:
    assert {row.number for row in OUTCOMES} == set(range(2, 22))
    assert {int(name.split()[0]) for name in ROWS} == set(range(2, 22))


IDENTIFICATION_CODES = {
    "ERROR_PI_GENERIC", "WARNING_PI_GENERIC", "ERROR_PI_NO_MATCH", "ERROR_PI_MULTIPLE_MATCHES",
    "ERROR_PI_INCORRECT_FORMATTING", "ERROR_PI_MISSING_REQUIRED_FIELDS", "ERROR_PI_REGISTRY_NOT_AVAILABLE",
    "ERROR_PI_INTERNAL_ERROR", "WARNING_PI_NO_CONSENT", "ERROR_HPI_GENERIC", "WARNING_HPI_GENERIC",
    "ERROR_HPI_NO_INFORMATION", "ERROR_HPI_INSUFFICIENT_INFORMATION", "ERROR_HPI_HAI_NO_INFORMATION",
    "ERROR_HPI_POC_NO_INFORMATION", "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED", "ERROR_SEC_GENERIC",
    "WARNING_SEC_GENERIC", "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED", "1001", "1002", "4701", "4702", "4703", "4704",
    "4705", "4706",
}  # fmt: skip


@pytest.mark.parametrize("code", [*Code, "NS250", "", "ERROR_PI_UNHEARD_OF"])
def test_no_code_outside_the_list_of_identification_goes_out(code: str) -> None:
    refusal = refusal_for(NcpError(code, "whatever"))
    assert refusal.code in IDENTIFICATION_CODES
    assert refusal.text and refusal.location


def test_the_sentence_of_a_national_system_is_added_and_cleaned() -> None:
    error = ConnectorError(Code.PI_GENERIC, "connector.ehic", message="Show the card. at x.y.Z(Registry.java:7)")
    text = refusal_for(error).text
    assert text.startswith(Code.PI_GENERIC.text)
    assert "Show the card." in text
    assert "java" not in text and "x.y" not in text


def test_a_security_refusal_says_no_more_than_its_code() -> None:
    error = SecurityError(Code.SEC_GENERIC, "cert.revoked", message="revoked on Monday", context="serial 7")
    assert refusal_for(error).text == Code.SEC_GENERIC.text


# The checks of a question

DIGITS9 = read_format(r"\d{9}")[0]
ANY = read_format("")[0]
RULES = IdentifierRules(formats={MBO: (DIGITS9,)}, clauses=((frozenset({MBO}),),))


def refusal(question=None, *, rules=RULES, demographics_allowed=False, home=HR, **changes):  # type: ignore[no-untyped-def]
    with pytest.raises(RequestError) as error:
        check_discovery(
            question or discovery(**changes), home=home, mask_rules=rules, demographics_allowed=demographics_allowed
        )
    return error.value.reason


def test_a_sound_question_passes() -> None:
    check_discovery(discovery(), home=HR, mask_rules=RULES, demographics_allowed=False)


def test_the_first_check_that_fails_decides() -> None:
    wrong = discovery(defects=("message.interaction",), receiver=Oid("1.2"), priority="D", search=PatientSearch())
    assert refusal(wrong) == "message.interaction"
    assert refusal(replace(wrong, defects=())) == "receiver.home_community"
    assert refusal(replace(wrong, defects=(), receiver=HR)) == "query.deferred"
    assert refusal(replace(wrong, defects=(), receiver=HR, priority="I")) == "query.no_identifier"


@pytest.mark.parametrize("defect", ["query.modality", "query.processing_mode", "trait.birth_time", "query.missing"])
def test_a_defect_is_never_overlooked(defect: str) -> None:
    assert refusal(defects=(defect,)) == defect


@pytest.mark.parametrize(
    ("identifiers", "reason"),
    [
        ((), "query.no_identifier"),
        ((II(MBO, ""),), "identifier.incomplete"),
        ((II("", "123456789"),), "identifier.incomplete"),
        ((II(MBO, "123456789"), II("", "")), "identifier.incomplete"),
        ((II("1.2.3", "123456789"),), "identifier.root"),
        ((II(MBO, "12345678"),), "identifier.format"),
        ((II(MBO, "1234567890"),), "identifier.format"),
        ((II(MBO, "12345678٩"),), "identifier.format"),
        ((II(MBO, "123456789\n"),), "identifier.format"),
        ((II(MBO, "123456789' OR 1=1"),), "identifier.format"),
        ((II(MBO, "1" * 5000),), "identifier.format"),
        (tuple(II(MBO, "123456789") for _ in range(21)), "identifier.format"),
    ],
)
def test_identifiers_that_this_country_does_not_want_are_refused(identifiers: tuple[II, ...], reason: str) -> None:
    assert refusal(search=PatientSearch(identifiers=identifiers)) == reason


def test_a_long_number_is_refused_even_where_the_country_publishes_no_format() -> None:
    rules = IdentifierRules(formats={MBO: (ANY,)})
    assert refusal(search=PatientSearch(identifiers=(II(MBO, "1" * 201),)), rules=rules) == "identifier.format"
    assert refusal(search=PatientSearch(identifiers=(II(MBO, "1\x85"),)), rules=rules) == "identifier.format"


def test_one_of_several_formats_of_a_root_is_enough() -> None:
    rules = IdentifierRules(formats={MBO: (DIGITS9, read_format("[A-Z]{3}")[0])})
    for extension in ("123456789", "ABC"):
        check_search(PatientSearch(identifiers=(II(MBO, extension),)), rules, demographics_allowed=False)


def test_a_missing_mandatory_trait_is_asked_for() -> None:
    rules = replace(RULES, clauses=(*RULES.clauses, (frozenset({"birthDate"}),)))
    assert refusal(rules=rules) == "trait.missing"
    check_search(replace(discovery().search, birth_date="19700409"), rules, demographics_allowed=False)


def test_a_missing_access_code_is_told_apart_from_a_missing_identity() -> None:
    rules = IdentifierRules(
        formats={MBO: (ANY,), "1.2.9": (ANY,)},
        clauses=((frozenset({MBO}),), (frozenset({"1.2.9"}),)),
        access_codes=frozenset({"1.2.9"}),
    )
    assert refusal(rules=rules) == "access_code.missing"
    assert refusal(rules=rules, search=PatientSearch(identifiers=(II("1.2.9", "A2C4E6"),))) == "trait.missing"


def test_one_complete_alternative_is_enough() -> None:
    rules = IdentifierRules(
        formats={"1.1": (ANY,), "1.2": (ANY,), "1.3": (ANY,)},
        clauses=((frozenset({"1.1", "1.2"}), frozenset({"1.3"})),),
    )
    both, other, half = (
        PatientSearch(identifiers=tuple(II(root, "7") for root in roots))
        for roots in (("1.1", "1.2"), ("1.3",), ("1.1",))
    )
    check_search(both, rules, demographics_allowed=False)
    check_search(other, rules, demographics_allowed=False)
    assert refusal(search=half, rules=rules) == "trait.missing"


def test_where_demographics_are_allowed_name_and_birth_date_are_the_least() -> None:
    enough = PatientSearch(family="Primjer", given="Ana", birth_date="1970")
    check_search(enough, RULES, demographics_allowed=True)
    for without in ("family", "given", "birth_date"):
        assert refusal(search=replace(enough, **{without: ""}), demographics_allowed=True) == "trait.missing"
    too_long = replace(enough, address=Address(city="C" * 201))
    assert refusal(search=too_long, demographics_allowed=True) == "trait.format"


# Which person may be named


def unnamed(persons, search=None, **options):  # type: ignore[no-untyped-def]
    with pytest.raises(PatientError) as error:
        certain_person(persons, search or discovery().search, **options)
    return error.value.reason


def test_one_certain_person_is_named() -> None:
    assert certain_person([person()], discovery().search) == person()


def test_nobody_several_or_uncertain_persons_are_not() -> None:
    assert unnamed([]) == "person.none"
    assert unnamed([person(), person(id=II(MBO, "2"))]) == "person.several"
    assert unnamed([person(match_quality=99)]) == "person.uncertain"


def test_a_person_who_contradicts_the_demographics_is_nobody() -> None:
    search = replace(discovery().search, birth_date="19700410")
    assert unnamed([person()], search) == "person.contradiction"
    assert unnamed([person()], replace(discovery().search, gender="M")) == "person.contradiction"
    assert certain_person([person(), person(birth_date="19800101")], replace(search, birth_date="1970")) == person()


def test_a_birth_date_that_is_no_day_is_an_error_unless_the_country_says_otherwise() -> None:
    for birth_date in ("", "1970", "197004"):
        assert unnamed([person(birth_date=birth_date)]) == "person.birth_date"
        found = certain_person([person(birth_date=birth_date)], discovery().search, birth_time_optional=True)
        assert found.birth_date == birth_date


def test_the_acknowledgement_of_every_row_is_one_the_profile_knows() -> None:
    allowed = {("AA", "OK"), ("AA", "NF"), ("AA", "AE"), ("AE", "AE")}
    assert {(row.acknowledgement.value, row.query_response.value) for row in OUTCOMES} == allowed
