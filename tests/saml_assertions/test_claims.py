"""Time, audience, binding, countries, attributes of correctly signed assertions; each row of docs/assertions.md."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import II, CountryCode
from saml_assertions.claims import VerifiedAssertion, VerifiedCaller
from saml_assertions.rules import VerificationRules
from tests.support.assertions import (
    ADVICE,
    ALL_PERMISSIONS,
    AT,
    AUDIENCE,
    FACILITY,
    FR,
    HCP_ID,
    LOCALITY,
    PATIENT,
    PERMISSION,
    PURPOSE,
    RESOURCE_ID,
    ROLE,
    SUBJECT_ID,
    XSPA,
    Seal,
    attribute,
    envelope,
    hcp_attributes,
    honest_trust,
    message,
    purpose,
    role,
    seal,
    seal_of,
    tls_peer,
    unsigned_hcp,
    unsigned_nok,
    unsigned_trc,
    verify_message,
)

pytestmark = pytest.mark.attack

HPI = Code.HPI_GENERIC
INTEGRITY = Code.SEC_DATA_INTEGRITY_NOT_ENSURED
NOT_VALID = Code.ASSERTION_NOT_VALID
OTHER_COUNTRY = ("cert.country", Code.NOT_ALLOWED)


def refused(data: bytes, **options: object) -> tuple[str, str]:
    with pytest.raises(SecurityError) as caught:
        verify_message(data, **options)  # type: ignore[arg-type]
    return caught.value.reason, caught.value.code


def with_hcp(unsigned: str, **options: object) -> VerifiedCaller:
    return verify_message(message(seal(unsigned, seal_of("FR"))), **options)  # type: ignore[arg-type]


def hcp_refused(unsigned: str, **options: object) -> tuple[str, str]:
    return refused(message(seal(unsigned, seal_of("FR"))), **options)


def pair(unsigned_trc_: str, *more: bytes, unsigned_hcp_: str = "") -> bytes:
    french = seal_of("FR")
    return message(*more, seal(unsigned_hcp_ or unsigned_hcp(), french), seal(unsigned_trc_, french))


def trc_refused(unsigned: str, **options: object) -> tuple[str, str]:
    return refused(pair(unsigned), needs_treatment=True, **options)


def changed(unsigned: str, old: str, new: str) -> str:
    assert old in unsigned
    return unsigned.replace(old, new)


# --- what is needed --------------------------------------------------------------------------------------------------


def test_a_pair_is_accepted_in_any_order(hcp: bytes, trc: bytes, french: Seal) -> None:
    nok = seal(unsigned_nok(), french)
    for assertions in ((nok, hcp, trc), (hcp, trc, nok), (trc, hcp, nok)):
        caller = verify_message(message(*assertions), needs_treatment=True)
        assert caller.country == "FR"
        assert caller.hcp.permissions == set(ALL_PERMISSIONS)
        assert caller.trc is not None and caller.trc.patient == II("1.2.999.50", "TEST-0001")
        assert caller.nok is not None and caller.nok.next_of_kin_id == "KIN-7"
        assert caller.warnings == ()
        # In the order every receiver can read: NOK, HCP, TRC.
        assert [b"assertions:nok" in a for a in caller.assertions] == [True, False, False]
        assert b"assertions:trc" in caller.assertions[2]


def test_what_is_missing_is_named(hcp: bytes, trc: bytes) -> None:
    """B10 and step 3."""
    assert refused(envelope()) == ("header.missing", NOT_VALID)
    assert refused(message()) == ("hcp.missing", Code.HPI_AUTHENTICATION_NOT_RECEIVED)
    assert refused(message(trc), needs_treatment=True) == ("hcp.missing", Code.HPI_AUTHENTICATION_NOT_RECEIVED)
    assert refused(message(hcp), needs_treatment=True) == ("trc.missing", NOT_VALID)


def test_a_treatment_nobody_asked_for_is_ignored(hcp: bytes, trc: bytes) -> None:
    """OpenNCP 9 forwards all assertions with ITI-55; even a broken one is not looked at and not passed on."""
    caller = verify_message(message(hcp, trc.replace(b"TEST-0001", b"TEST-0002")))
    assert caller.trc is None
    assert len(caller.assertions) == 1
    assert caller.warnings == ("trc.ignored",)


def test_a_second_assertion_of_a_kind_is_refused(hcp: bytes, trc: bytes, french: Seal) -> None:
    nok = seal(unsigned_nok(), french)
    assert refused(message(hcp, hcp)) == ("hcp.multiple", INTEGRITY)
    assert refused(message(hcp, trc, trc), needs_treatment=True) == ("trc.multiple", INTEGRITY)
    assert refused(message(nok, hcp, nok)) == ("nok.multiple", INTEGRITY)


@pytest.mark.parametrize(
    "qualifier",
    [
        "",
        ' NameQualifier=""',
        ' NameQualifier="urn:ehdsi:assertions:HCP"',
        ' NameQualifier="urn:ehdsi:assertions:hcp "',
        ' NameQualifier="urn:epsos:wp34:assertions"',
    ],
)
def test_the_kind_is_the_name_qualifier_exactly(qualifier: str) -> None:
    """U3."""
    unsigned = changed(unsigned_hcp(), ' NameQualifier="urn:ehdsi:assertions:hcp"', qualifier)
    assert hcp_refused(unsigned) == ("assertion.unknown_type", INTEGRITY)


# --- T: time ---------------------------------------------------------------------------------------------------------


def at(offset: float, unit: timedelta = timedelta(seconds=1)) -> datetime:
    return AT + offset * unit


def hcp_times(start: str, end: str) -> str:
    unsigned = changed(unsigned_hcp(), 'NotBefore="2026-03-02T08:00:00.000Z"', f'NotBefore="{start}"')
    return changed(unsigned, 'NotOnOrAfter="2026-03-02T12:00:00.000Z"', f'NotOnOrAfter="{end}"')


NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
EIGHT = datetime.fromisoformat("2026-03-02T08:00:00+00:00")


def test_an_assertion_ends_sixty_seconds_late(hcp: bytes) -> None:
    """T1."""
    assert refused(message(hcp), at=NOON + timedelta(seconds=61)) == ("time.expired", HPI)
    assert refused(message(hcp), at=NOON + timedelta(seconds=60)) == ("time.expired", HPI)
    assert verify_message(message(hcp), at=NOON + timedelta(seconds=59)).hcp.id == HCP_ID


def test_an_assertion_begins_sixty_seconds_early(hcp: bytes) -> None:
    """T2."""
    assert refused(message(hcp), at=EIGHT - timedelta(seconds=61)) == ("time.not_yet_valid", HPI)
    assert verify_message(message(hcp), at=EIGHT - timedelta(seconds=59)).hcp.id == HCP_ID


def test_the_skew_is_a_setting_within_bounds(hcp: bytes) -> None:
    exact = VerificationRules(skew=timedelta())
    assert refused(message(hcp), at=NOON, rules=exact)[0] == "time.expired"
    assert refused(message(hcp), at=EIGHT - timedelta(milliseconds=1), rules=exact)[0] == "time.not_yet_valid"
    assert verify_message(message(hcp), at=EIGHT, rules=exact).hcp.id == HCP_ID
    with pytest.raises(ValueError, match="skew"):
        VerificationRules(skew=timedelta(hours=1))


def test_an_assertion_lives_four_or_two_hours_at_most() -> None:
    """T3."""
    assert with_hcp(hcp_times("2026-03-02T08:00:00Z", "2026-03-02T12:00:00Z")).hcp.id == HCP_ID
    assert hcp_refused(hcp_times("2026-03-02T08:00:00Z", "2026-03-02T12:00:00.001Z")) == ("time.span", HPI)
    longer = changed(unsigned_trc(), "10:05:00.000Z", "10:05:00.001Z")
    assert trc_refused(longer) == ("time.span", NOT_VALID)
    longer_nok = seal(changed(unsigned_nok(), "10:05:00.000Z", "10:05:00.001Z"), seal_of("FR"))
    assert refused(message(seal(unsigned_hcp(), seal_of("FR")), longer_nok)) == ("time.span", NOT_VALID)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z", "time.order"),
        ("2026-03-02T08:00:00Z", "2026-03-02T07:00:00Z", "time.order"),
        ("2026-03-02T08:00:00Z", "9999-12-31T23:59:59Z", "time.span"),
        ("2026-03-02T08:00:00Z", "99999-12-31T23:59:59Z", "time.format"),
        ("2026-03-02T08:00:00", "2026-03-02T12:00:00Z", "time.format"),
        ("2026-03-02T08:00:00Z", "2026-03-02T12:00:00", "time.format"),
        ("2026-03-02T08:00:60Z", "2026-03-02T12:00:00Z", "time.format"),
        ("2026-02-30T08:00:00Z", "2026-03-02T12:00:00Z", "time.format"),
        ("now", "2026-03-02T12:00:00Z", "schema.invalid"),
        ("", "2026-03-02T12:00:00Z", "schema.invalid"),
        ("2026-03-02", "2026-03-02T12:00:00Z", "schema.invalid"),
        ("\u0662026-03-02T08:00:00Z", "2026-03-02T12:00:00Z", "schema.invalid"),
    ],
)
def test_odd_times_are_refused(start: str, end: str, reason: str) -> None:
    """T4."""
    assert hcp_refused(hcp_times(start, end))[0] == reason


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02T08:00:00.123456789Z", "2026-03-02T11:00:00.000000001Z"),
        ("2026-03-02T10:00:00+02:00", "2026-03-02T14:00:00.000+02:00"),
        ("2026-03-02T08:00:00-00:00", "2026-03-02T12:00:00-00:00"),
    ],
)
def test_every_form_of_an_instant_with_a_zone_is_read(start: str, end: str) -> None:
    """T4."""
    assert with_hcp(hcp_times(start, end)).hcp.id == HCP_ID


def test_midnight_may_be_the_hour_twenty_four() -> None:
    """T4: xs:dateTime 24:00:00 is the next day at 00:00:00."""
    unsigned = hcp_times("2026-03-02T21:00:00Z", "2026-03-02T24:00:00Z")
    unsigned = changed(unsigned, 'IssueInstant="2026-03-02T08:00:00.000Z"', 'IssueInstant="2026-03-02T21:00:00Z"')
    late = datetime.fromisoformat("2026-03-02T23:59:59+00:00")
    assert with_hcp(unsigned, at=late).hcp.not_on_or_after == datetime.fromisoformat("2026-03-03T00:00:00+00:00")


def test_the_writing_of_an_assertion_belongs_to_its_window() -> None:
    """T5."""
    issue = 'IssueInstant="2026-03-02T08:00:00.000Z"'
    authn = 'AuthnInstant="2026-03-02T08:00:00.000Z"'
    future = changed(unsigned_hcp(), issue, 'IssueInstant="2026-03-03T08:00:00Z"')
    early = changed(unsigned_hcp(), issue, 'IssueInstant="2026-03-02T07:54:59Z"')
    in_time = changed(
        changed(unsigned_hcp(), issue, 'IssueInstant="2026-03-02T07:55:00Z"'), authn, authn.replace("08:00", "07:50")
    )
    assert hcp_refused(future) == ("time.issued", HPI)
    assert hcp_refused(early) == ("time.issued", HPI)
    assert with_hcp(in_time).hcp.id == HCP_ID
    log_in_later = changed(unsigned_hcp(), authn, 'AuthnInstant="2026-03-02T08:01:01Z"')
    assert hcp_refused(log_in_later) == ("time.authenticated", HPI)
    session = changed(unsigned_hcp(), authn, authn + ' SessionNotOnOrAfter="2026-03-02T08:09:00Z"')
    assert hcp_refused(session) == ("time.session", HPI)
    still_open = changed(unsigned_hcp(), authn, authn + ' SessionNotOnOrAfter="2026-03-02T08:09:01Z"')
    assert with_hcp(still_open).hcp.id == HCP_ID


@pytest.mark.parametrize("missing", ['NotBefore="2026-03-02T08:00:00.000Z"', 'NotOnOrAfter="2026-03-02T12:00:00.000Z"'])
def test_both_ends_of_the_window_are_needed(missing: str) -> None:
    """T6."""
    assert hcp_refused(changed(unsigned_hcp(), missing, "")) == ("attr.missing", HPI)


def test_conditions_are_needed() -> None:
    """T6."""
    start = unsigned_hcp().index("<saml:Conditions")
    end = unsigned_hcp().index("</saml:Conditions>") + len("</saml:Conditions>")
    assert hcp_refused(unsigned_hcp()[:start] + unsigned_hcp()[end:]) == ("attr.missing", HPI)
    assert hcp_refused(unsigned_hcp()[:start] + "<saml:Conditions/>" + unsigned_hcp()[end:]) == ("attr.missing", HPI)


def test_the_treatment_begins_with_its_professional() -> None:
    early = changed(unsigned_trc(), "2026-03-02T08:05:00.000Z", "2026-03-02T07:58:59.000Z")
    assert trc_refused(changed(early, "10:05:00.000Z", "09:30:00.000Z")) == ("time.before_hcp", NOT_VALID)


def test_a_treatment_that_outlives_its_professional_by_far_is_noted() -> None:
    short = changed(unsigned_hcp(), 'NotOnOrAfter="2026-03-02T12:00:00.000Z"', 'NotOnOrAfter="2026-03-02T08:04:59Z"')
    noted = verify_message(
        pair(unsigned_trc(), unsigned_hcp_=short),
        needs_treatment=True,
        at=datetime.fromisoformat("2026-03-02T08:05:30+00:00"),
    )
    assert "trc.time.after_hcp" in noted.warnings


def test_an_expired_professional_ends_a_valid_treatment() -> None:
    """B10."""
    short = changed(unsigned_hcp(), 'NotOnOrAfter="2026-03-02T12:00:00.000Z"', 'NotOnOrAfter="2026-03-02T08:06:00Z"')
    assert refused(pair(unsigned_trc(), unsigned_hcp_=short), needs_treatment=True) == ("time.expired", HPI)


# --- U: audience, confirmation, kind ---------------------------------------------------------------------------------

GOOD_AUDIENCE = "<saml:Audience>urn:ehdsi:assertions.audience:x-border</saml:Audience>"
BAD_AUDIENCE = "<saml:Audience>urn:other</saml:Audience>"


@pytest.mark.parametrize(
    "restrictions",
    [
        AUDIENCE.replace(GOOD_AUDIENCE, BAD_AUDIENCE),
        AUDIENCE + AUDIENCE.replace(GOOD_AUDIENCE, BAD_AUDIENCE),
        AUDIENCE.replace("x-border<", "x-border <"),
        AUDIENCE.replace("assertions.audience", "assertions:audience"),
        AUDIENCE.replace(GOOD_AUDIENCE, "<saml:Audience/>"),
    ],
)
def test_another_audience_is_refused(restrictions: str) -> None:
    """U1."""
    assert hcp_refused(changed(unsigned_hcp(), AUDIENCE, restrictions)) == ("audience.mismatch", HPI)
    assert trc_refused(changed(unsigned_trc(), AUDIENCE, restrictions)) == ("audience.mismatch", NOT_VALID)


def test_one_right_audience_of_a_restriction_is_enough() -> None:
    """U1."""
    assert with_hcp(changed(unsigned_hcp(), GOOD_AUDIENCE, BAD_AUDIENCE + GOOD_AUDIENCE)).warnings == ()


def test_no_audience_is_noted() -> None:
    """U1: OpenNCP before 6.2 and the Danish test tool write none."""
    assert with_hcp(changed(unsigned_hcp(), AUDIENCE, "")).warnings == ("hcp.audience.missing",)


CONFIRMATION = '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/>'
BEARER = CONFIRMATION.replace("sender-vouches", "bearer")


@pytest.mark.parametrize(
    "confirmations",
    [
        BEARER,
        CONFIRMATION.replace("sender-vouches", "holder-of-key"),
        BEARER + CONFIRMATION,
        CONFIRMATION + BEARER,
        CONFIRMATION.replace("sender-vouches", "sender-vouches "),
    ],
)
def test_only_sender_vouches_once_confirms(confirmations: str) -> None:
    """U2."""
    assert hcp_refused(changed(unsigned_hcp(), CONFIRMATION, confirmations)) == ("subject.confirmation", HPI)


def test_another_method_can_be_allowed_for_a_peer() -> None:
    rules = VerificationRules(accept_confirmation_methods=frozenset({"urn:oasis:names:tc:SAML:2.0:cm:bearer"}))
    unsigned = changed(unsigned_hcp(), CONFIRMATION, BEARER)
    assert with_hcp(unsigned, rules=rules).hcp.id == HCP_ID
    assert hcp_refused(changed(unsigned_hcp(), CONFIRMATION, BEARER * 2), rules=rules)[0] == "subject.confirmation"


@pytest.mark.parametrize(
    "data",
    [
        'NotOnOrAfter="2026-03-02T08:09:00Z"',
        'NotBefore="2026-03-02T08:11:01Z"',
        'Recipient="https://elsewhere.example/xcpd"',
    ],
)
def test_confirmation_data_is_honoured(data: str) -> None:
    with_data = CONFIRMATION.replace("/>", f"><saml:SubjectConfirmationData {data}/></saml:SubjectConfirmation>")
    unsigned = changed(unsigned_hcp(), CONFIRMATION, with_data)
    assert hcp_refused(unsigned) == ("subject.confirmation", HPI)


def test_confirmation_data_that_fits_is_accepted() -> None:
    data = 'NotBefore="2026-03-02T08:00:00Z" NotOnOrAfter="2026-03-02T09:00:00Z" Recipient="https://ncp.example/"'
    with_data = CONFIRMATION.replace("/>", f"><saml:SubjectConfirmationData {data}/></saml:SubjectConfirmation>")
    rules = VerificationRules(recipients=frozenset({"https://ncp.example/"}))
    assert with_hcp(changed(unsigned_hcp(), CONFIRMATION, with_data), rules=rules).hcp.id == HCP_ID


def test_a_next_of_kin_in_last_place_is_not_the_treatment(hcp: bytes, trc: bytes, french: Seal) -> None:
    """U4: a receiver that takes the last assertion would read the wrong patient."""
    other = attribute(RESOURCE_ID, "OTHER^^^&amp;1.2.999.50&amp;ISO")
    nok = seal(unsigned_nok(extra=other), french)
    caller = verify_message(message(hcp, trc, nok), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient.extension == "TEST-0001"
    assert refused(message(hcp, nok), needs_treatment=True)[0] == "trc.missing"


def test_a_treatment_dressed_as_a_professional_does_not_pass(french: Seal) -> None:
    """U5: same anchor for both, so the attributes have to tell."""
    disguised = changed(unsigned_trc(), "urn:ehdsi:assertions:trc", "urn:ehdsi:assertions:hcp")
    assert hcp_refused(disguised) == ("authn.weak", Code.WEAK_AUTHENTICATION)
    strong = changed(disguised, "PreviousSession", "X509")
    assert hcp_refused(strong)[0] == "attr.missing"


def test_each_kind_is_judged_for_its_own_purpose(hcp: bytes, trc: bytes) -> None:
    """U5: anchors of HCP and TRC signers may differ."""
    from trust_store.types import Purpose

    trust = honest_trust()
    verify_message(message(trc, hcp), needs_treatment=True, trust=trust)
    assert trust.asked == [Purpose.HCP_SIGNER, Purpose.TRC_SIGNER]
    del trust.anchors[("FR", Purpose.HCP_SIGNER)]
    assert refused(message(hcp, trc), needs_treatment=True, trust=trust) == ("cert.untrusted", Code.SEC_GENERIC)


# --- B: binding ------------------------------------------------------------------------------------------------------


def test_the_treatment_of_another_log_in_is_refused() -> None:
    """B1."""
    other = changed(unsigned_trc(), HCP_ID, "_00000000-0000-4000-8000-000000000000")
    assert trc_refused(other) == ("trc.hcp_reference", Code.TRC_NOT_OF_HCP)


@pytest.mark.parametrize(
    "advice",
    [
        "",
        "<saml:Advice/>",
        ADVICE.replace("</saml:Advice>", "<saml:AssertionIDRef>_other</saml:AssertionIDRef></saml:Advice>"),
        ADVICE.replace("<saml:Advice>", "<saml:Advice><saml:AssertionIDRef>_other</saml:AssertionIDRef>"),
        ADVICE.replace("</saml:Advice>", "<saml:AssertionURIRef>urn:x</saml:AssertionURIRef></saml:Advice>"),
        f"<saml:Advice><saml:AssertionURIRef>{HCP_ID}</saml:AssertionURIRef></saml:Advice>",
    ],
)
def test_the_treatment_refers_to_exactly_one_professional(advice: str) -> None:
    """B2."""
    assert trc_refused(changed(unsigned_trc(), ADVICE, advice)) == ("trc.hcp_reference", Code.TRC_NOT_OF_HCP)


def test_the_treatment_names_the_same_professional() -> None:
    """B3."""
    assert trc_refused(changed(unsigned_trc(), "899700000001", "899700000002")) == ("trc.subject", Code.TRC_NOT_OF_HCP)
    other_format = changed(unsigned_trc(), "nameid-format:unspecified", "nameid-format:emailAddress")
    assert trc_refused(other_format) == ("trc.subject", Code.TRC_NOT_OF_HCP)


@pytest.mark.parametrize(
    ("written", "extension"),
    [("123", "123"), ("1234", "1234"), ("0123", "0123"), ("aBc", "aBc"), ("A|code", "A|code"), (" 123 ", "123")],
)
def test_the_patient_is_read_whole(written: str, extension: str) -> None:
    """B5: who compares gets the whole identifier, with case and leading zeros."""
    trc = changed(unsigned_trc(), "TEST-0001", written)
    caller = verify_message(pair(trc), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient == II("1.2.999.50", extension)


CX = PATIENT.replace("&", "&amp;")


def test_the_patient_is_found_under_each_of_its_three_names() -> None:
    for name in (SUBJECT_ID, RESOURCE_ID, "urn:oasis:names:tc:xacml:2.0:resource:resource-id"):
        caller = verify_message(pair(unsigned_trc(patient=attribute(name, CX))), needs_treatment=True)
        assert caller.trc is not None and caller.trc.patient == II("1.2.999.50", "TEST-0001")
    both = attribute(SUBJECT_ID, CX) + attribute(RESOURCE_ID, CX)
    assert verify_message(pair(unsigned_trc(patient=both)), needs_treatment=True).warnings == ()


@pytest.mark.parametrize("second", ["TEST-0002^^^&amp;1.2.999.50&amp;ISO", "TEST-0001^^^&amp;1.2.999.51&amp;ISO", ""])
def test_two_patients_in_one_treatment_are_refused(second: str) -> None:
    """B6."""
    both = attribute(SUBJECT_ID, CX) + attribute(RESOURCE_ID, second)
    assert trc_refused(unsigned_trc(patient=both)) == ("trc.patient", Code.PATIENT_NOT_OF_TRC)


@pytest.mark.parametrize(
    "patient", ["", "  ", "^^^&amp;1.2.3&amp;ISO", "x^^^", "x^^^&amp;&amp;ISO", "x^^^&amp;1.2&amp;L"]
)
def test_a_treatment_without_a_whole_patient_is_refused(patient: str) -> None:
    assert trc_refused(unsigned_trc(patient=attribute(SUBJECT_ID, patient)))[1] == NOT_VALID
    assert trc_refused(unsigned_trc(patient=""))[0] == "attr.missing"


def test_an_old_name_of_the_professional_is_no_name_of_a_patient() -> None:
    old = attribute("urn:oasis:names:tc:xacml:1.0:subject:subject-id", CX)
    assert trc_refused(unsigned_trc(patient=old)) == ("attr.missing", NOT_VALID)


def test_a_twice_escaped_patient_is_read_once_and_noted() -> None:
    twice = attribute(SUBJECT_ID, CX.replace("&amp;", "&amp;amp;"))
    caller = verify_message(pair(unsigned_trc(patient=twice)), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient == II("1.2.999.50", "TEST-0001")
    assert caller.warnings == ("trc.patient.escaped_twice",)


def test_a_bare_patient_equals_no_patient_with_an_authority() -> None:
    caller = verify_message(pair(unsigned_trc(patient=attribute(SUBJECT_ID, "TEST-0001"))), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient != II("1.2.999.50", "TEST-0001")
    assert caller.warnings == ("trc.patient.bare",)


def test_signers_of_two_countries_are_refused(french: Seal) -> None:
    """B7: H of X, T signed by Y, TLS client X."""
    data = message(seal(unsigned_hcp(), french), seal(unsigned_trc("DK"), seal_of("DK")))
    assert refused(data, needs_treatment=True, trust=honest_trust("FR", "DK")) == OTHER_COUNTRY


def test_assertions_of_one_country_over_the_channel_of_another_are_refused(hcp: bytes, trc: bytes) -> None:
    """B8, R4: a receiver of H and T turns against a third country."""
    trust = honest_trust("FR", "DK")
    assert refused(message(hcp, trc), needs_treatment=True, trust=trust, peer=tls_peer("DK")) == OTHER_COUNTRY
    assert refused(message(hcp), trust=trust, peer=tls_peer("DK")) == OTHER_COUNTRY


def test_a_pair_of_countries_can_be_allowed() -> None:
    """Test gateways of the Commission sign with C=BE."""
    data = message(seal(unsigned_hcp(), seal_of("BE")))
    trust = honest_trust("FR", "BE")
    rules = VerificationRules(allowed_signers=frozenset({(FR, CountryCode("BE"))}))
    assert refused(data, trust=trust) == OTHER_COUNTRY
    assert verify_message(data, trust=trust, rules=rules).country == "FR"
    assert refused(data, trust=trust, rules=rules, peer=tls_peer("DK")) == OTHER_COUNTRY
    backwards = VerificationRules(allowed_signers=frozenset({(CountryCode("BE"), FR)}))
    assert refused(data, trust=trust, rules=backwards) == OTHER_COUNTRY


def test_a_portal_of_the_own_country_has_no_tls_peer_but_a_country(hcp: bytes) -> None:
    caller = verify_message(message(hcp), own=True)
    assert caller.peer is None
    assert caller.country == "FR"
    foreign = message(seal(unsigned_hcp("DK"), seal_of("DK")))
    assert refused(foreign, own=True, trust=honest_trust("FR", "DK")) == OTHER_COUNTRY


def test_an_issuer_of_another_country_is_noted_or_refused() -> None:
    strict = VerificationRules(strict_issuer=True)
    assert with_hcp(unsigned_hcp(), rules=strict).warnings == ()
    for issuer in ("urn:idp:DK:countryB", "urn:tiani-spirit:sts"):
        unsigned = changed(unsigned_hcp(), "urn:idp:FR:countryB", issuer)
        assert with_hcp(unsigned).warnings == ("hcp.issuer.country",)
        assert hcp_refused(unsigned, rules=strict) == ("issuer.country", Code.NOT_ALLOWED)


# --- N: next of kin --------------------------------------------------------------------------------------------------


def nok_refused(unsigned: str, **options: object) -> tuple[str, str]:
    data = pair(unsigned_trc(), seal(unsigned, seal_of("FR")))
    return refused(data, needs_treatment=True, **options)


def test_a_next_of_kin_belongs_to_the_professional_and_the_patient() -> None:
    assert nok_refused(changed(unsigned_nok(), HCP_ID, "_other")) == ("nok.hcp_reference", NOT_VALID)
    assert nok_refused(changed(unsigned_nok(), ADVICE, "")) == ("nok.hcp_reference", NOT_VALID)
    assert nok_refused(changed(unsigned_nok(), "899700000001", "899700000002")) == ("nok.subject", NOT_VALID)
    assert nok_refused(changed(unsigned_nok(), "TEST-0001", "TEST-0002")) == ("nok.patient", NOT_VALID)
    assert nok_refused(unsigned_nok(id="")) == ("nok.id", NOT_VALID)


def test_the_literal_doctor_id_is_an_option_of_a_peer() -> None:
    """OpenNCP 7.1 writes it."""
    literal = changed(unsigned_nok(), "899700000001", "doctorId")
    assert nok_refused(literal) == ("nok.subject", NOT_VALID)
    data = pair(unsigned_trc(), seal(literal, seal_of("FR")))
    caller = verify_message(data, needs_treatment=True, rules=VerificationRules(accept_nok_doctorid=True))
    assert caller.warnings == ("nok.doctor_id",)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1978-01-02", "1978-01-02"),
        ("02-01-1978", "1978-01-02"),
        ("Mon Jan 02 00:00:00 CET 1978", "1978-01-02"),
        ("yesterday", ""),
        ("1978-13-02", ""),
    ],
)
def test_every_form_of_a_birth_date_is_read_and_none_refused(written: str, read: str) -> None:
    nok = unsigned_nok(birth=attribute("urn:ehdsi:names:subject:nextofkin:birthdate", written))
    caller = verify_message(message(seal(nok, seal_of("FR")), seal(unsigned_hcp(), seal_of("FR"))))
    assert caller.nok is not None and caller.nok.birth_date == read


# --- W: what the professional is -------------------------------------------------------------------------------------


def with_class(unsigned: str, name: str) -> str:
    for old in ("SmartcardPKI", "PreviousSession"):
        unsigned = unsigned.replace(f"ac:classes:{old}", f"ac:classes:{name}")
    return unsigned


TWO_FACTOR = [
    "MobileTwoFactorUnregistered",
    "MobileTwoFactorContract",
    "X509",
    "SPKI",
    "SmartcardPKI",
    "SoftwarePKI",
    "TLSClient",
]


@pytest.mark.parametrize("name", TWO_FACTOR)
def test_two_factors_are_enough(name: str) -> None:
    assert with_hcp(with_class(unsigned_hcp(), name)).hcp.authentication_class.endswith(name)


@pytest.mark.parametrize(
    "name",
    ["Password", "PasswordProtectedTransport", "Kerberos", "PreviousSession", "Smartcard", "x509", "unspecified"],
)
def test_a_weaker_log_in_is_refused(name: str) -> None:
    """W1."""
    assert hcp_refused(with_class(unsigned_hcp(), name)) == ("authn.weak", Code.WEAK_AUTHENTICATION)


def test_a_treatment_rests_on_the_previous_session() -> None:
    """W1."""
    assert trc_refused(with_class(unsigned_trc(), "X509")) == ("authn.class", NOT_VALID)


def test_two_statements_are_refused() -> None:
    """W1: one strong, one weak."""
    start = unsigned_hcp().index("<saml:AuthnStatement")
    end = unsigned_hcp().index("</saml:AuthnStatement>") + len("</saml:AuthnStatement>")
    statement = unsigned_hcp()[start:end]
    for second in (statement, with_class(statement, "Password")):
        unsigned = changed(unsigned_hcp(), statement, statement + second)
        assert hcp_refused(unsigned) == ("attr.multiple", HPI)
    attributes = unsigned_hcp()[end : unsigned_hcp().index("</saml:Assertion>")]
    assert hcp_refused(changed(unsigned_hcp(), attributes, attributes * 2)) == ("attr.multiple", HPI)
    assert hcp_refused(changed(unsigned_hcp(), attributes, ""))[0] == "attr.missing"
    assert hcp_refused(changed(unsigned_hcp(), statement, "")) == ("attr.missing", HPI)


def test_the_role_is_in_the_table_and_its_name_only_noted() -> None:
    """W2."""
    unknown = unsigned_hcp(role=attribute(ROLE, role("9999", "Wizards")))
    assert hcp_refused(unknown) == ("role.unknown", Code.HPI_INSUFFICIENT_INFORMATION)
    differs = with_hcp(unsigned_hcp(role=attribute(ROLE, role("221", "Pharmacists"))))
    assert differs.warnings == ("hcp.role.display_name",)
    text = unsigned_hcp(role=attribute(ROLE, "Licensed Health Care Providers"))
    assert hcp_refused(text) == ("attr.missing", Code.HPI_INSUFFICIENT_INFORMATION)


@pytest.mark.parametrize("code", ALL_PERMISSIONS)
def test_a_missing_permission_is_not_claimed(code: str) -> None:
    """W3: the policy decides on what is claimed, so exactly what is written is claimed."""
    kept = [other for other in ALL_PERMISSIONS if other != code]
    caller = with_hcp(unsigned_hcp(permissions=attribute(PERMISSION, *(f"{PERMISSION}:{one}" for one in kept))))
    assert caller.hcp.permissions == set(kept)


def test_permissions_of_another_form_grant_nothing() -> None:
    for value in ("PRD-006", f"{PERMISSION.upper()}:PRD-006", f"{PERMISSION}:"):
        caller = with_hcp(unsigned_hcp(permissions=attribute(PERMISSION, value)))
        assert caller.hcp.permissions == frozenset()
        assert caller.warnings == ("hcp.permission.form",)
    assert with_hcp(unsigned_hcp(permissions="")).hcp.permissions == frozenset()


def test_split_permissions_are_refused() -> None:
    """W4."""
    split = attribute(PERMISSION, f"{PERMISSION}:PRD-006") + attribute(PERMISSION, f"{PERMISSION}:PRD-003")
    assert hcp_refused(unsigned_hcp(permissions=split)) == ("attr.multiple", HPI)


@pytest.mark.parametrize("code", ["treatment", "MARKETING", "", "TREATMENT "])
def test_another_purpose_is_refused(code: str) -> None:
    """W5."""
    refusal = ("purpose.refused", Code.NOT_ALLOWED)
    assert hcp_refused(unsigned_hcp(purpose=attribute(PURPOSE, purpose(code)))) == refusal
    assert trc_refused(unsigned_trc(purpose=attribute(PURPOSE, purpose(code)))) == refusal


def test_a_purpose_is_needed_for_the_professional_only() -> None:
    """W5."""
    assert hcp_refused(unsigned_hcp(purpose="")) == ("purpose.refused", Code.NOT_ALLOWED)
    caller = verify_message(pair(unsigned_trc(purpose="")), needs_treatment=True)
    assert caller.warnings == ("trc.purpose.missing",)


def test_a_purpose_in_plain_text_is_an_option_of_a_peer() -> None:
    text = unsigned_hcp(purpose=attribute(PURPOSE, "EMERGENCY"))
    assert hcp_refused(text) == ("purpose.refused", Code.NOT_ALLOWED)
    rules = VerificationRules(accept_text_purpose=True)
    caller = with_hcp(text, rules=rules)
    assert caller.hcp.purpose == "EMERGENCY"
    assert caller.warnings == ("hcp.purpose.text",)
    wrong = unsigned_hcp(purpose=attribute(PURPOSE, "marketing"))
    assert hcp_refused(wrong, rules=rules) == ("purpose.refused", Code.NOT_ALLOWED)


def test_another_purpose_of_the_treatment_is_noted() -> None:
    caller = verify_message(pair(unsigned_trc(purpose=attribute(PURPOSE, purpose("EMERGENCY")))), needs_treatment=True)
    assert caller.trc is not None and caller.trc.purpose == "EMERGENCY"
    assert caller.warnings == ("trc.purpose.differs",)


def test_the_point_of_care_is_named() -> None:
    """W6."""
    blank = unsigned_hcp(locality=attribute(LOCALITY, " \n "))
    assert hcp_refused(blank) == ("attr.missing", Code.HPI_POC_NO_INFORMATION)
    assert hcp_refused(unsigned_hcp(locality="")) == ("attr.missing", Code.HPI_POC_NO_INFORMATION)


def test_the_facility_is_one_of_four_in_any_letter_case() -> None:
    """W6."""
    assert with_hcp(unsigned_hcp(facility=attribute(FACILITY, "hospital"))).hcp.facility_type == "Hospital"
    assert hcp_refused(unsigned_hcp(facility=attribute(FACILITY, "Clinic"))) == ("facility.unknown", HPI)
    assert hcp_refused(unsigned_hcp(facility="")) == ("attr.missing", HPI)


def test_the_professional_is_named() -> None:
    assert hcp_refused(unsigned_hcp(subject="")) == ("attr.missing", Code.HPI_NO_INFORMATION)
    blank = unsigned_hcp(subject=attribute(SUBJECT_ID, " "))
    assert hcp_refused(blank) == ("attr.missing", Code.HPI_NO_INFORMATION)
    assert hcp_refused(changed(unsigned_hcp(), "899700000001", " ")) == ("attr.missing", HPI)
    fmt = ' Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"'
    assert hcp_refused(changed(unsigned_hcp(), fmt, "")) == ("attr.missing", HPI)
    other = with_hcp(changed(unsigned_hcp(), "nameid-format:unspecified", "nameid-format:entity"))
    assert other.warnings == ("hcp.name_id.format",)


def test_the_frame_of_an_assertion_is_complete() -> None:
    assert hcp_refused(changed(unsigned_hcp(), 'Version="2.0"', 'Version="1.1"')) == ("assertion.version", HPI)
    assert hcp_refused(changed(unsigned_hcp(), "urn:idp:FR:countryB", " ")) == ("attr.missing", HPI)
    assert hcp_refused(changed(unsigned_hcp(), CONFIRMATION, "")) == ("attr.missing", HPI)


def test_old_names_of_attributes_are_read_with_a_note() -> None:
    old = unsigned_hcp(
        subject=attribute("urn:oasis:names:tc:xacml:1.0:subject:subject-id", "Camille"),
        facility=attribute("urn:epsos:names:wp3.4:subject:healthcare-facility-type", "Pharmacy"),
    )
    caller = with_hcp(old)
    assert (caller.hcp.subject, caller.hcp.facility_type) == ("Camille", "Pharmacy")
    assert caller.warnings == ("hcp.attr.old_name", "hcp.attr.old_name")


def test_unknown_attributes_are_reported_and_known_ones_are_not() -> None:
    assert with_hcp(unsigned_hcp(extra=attribute("urn:x", "y"))).warnings == ("hcp.attr.unknown",)
    known = attribute("urn:epsos:names:wp3.4:subject:clinical-speciality", "a") + attribute(
        XSPA + "subject:functional-role", "b"
    )
    assert with_hcp(unsigned_hcp(extra=known)).warnings == ()
    twice = attribute("urn:x", "y") + attribute("urn:x", "z")
    assert hcp_refused(unsigned_hcp(extra=twice)) == ("attr.multiple", HPI)


@pytest.mark.parametrize("name", ["subject", "locality", "facility", "purpose", "home"])
def test_two_values_are_refused_where_one_belongs(name: str) -> None:
    written = hcp_attributes()[name]
    value = written[written.index("<saml:AttributeValue") : written.index("</saml:Attribute>")]
    assert hcp_refused(unsigned_hcp(**{name: written.replace(value, value * 2)}))[0] == "attr.multiple"


def test_an_element_where_a_text_belongs_is_refused() -> None:
    odd = unsigned_hcp(locality=attribute(LOCALITY, '><x xmlns="urn:x">Rennes</x>'))
    assert hcp_refused(odd) == ("attr.value", Code.HPI_POC_NO_INFORMATION)


# --- proof -----------------------------------------------------------------------------------------------------------


def test_only_verification_makes_a_caller(hcp: bytes) -> None:
    caller = verify_message(message(hcp))
    with pytest.raises(TypeError):
        VerifiedCaller(country=FR, peer=None, hcp=caller.hcp, hcp_signer=caller.hcp_signer)
    one = caller.verified[0]
    with pytest.raises(TypeError):
        VerifiedAssertion(claims=one.claims, signer=one.signer, issuer="", canonical=b"", sealed=b"")


def test_claims_and_refusals_show_nobody(hcp: bytes, trc: bytes) -> None:
    caller = verify_message(message(hcp, trc), needs_treatment=True)
    shown = repr((caller, caller.hcp, caller.trc, caller.verified))
    with pytest.raises(SecurityError) as caught:
        verify_message(message(hcp.replace(b"Camille", b"Kamille")))
    shown += repr(caught.value) + str(caught.value)
    for secret in ("Camille", "Kamille", "TEST-0001", "899700000001"):
        assert secret not in shown


def test_a_failure_nobody_foresaw_is_a_refusal_that_quotes_nothing(hcp: bytes) -> None:
    class Broken:
        def judge(self, der, purpose, at, country=None):  # type: ignore[no-untyped-def]
            raise RuntimeError("Camille Exemple, born 1978")

    with pytest.raises(SecurityError) as caught:
        verify_message(message(hcp), trust=Broken())  # type: ignore[arg-type]
    assert (caught.value.reason, caught.value.code) == ("verify.unforeseen", Code.SEC_GENERIC)
    assert "Camille" not in str(caught.value) + caught.value.context
    assert "RuntimeError at " in caught.value.context
    assert caught.value.__cause__ is None


def test_a_lone_assertion_can_be_verified(trc: bytes, french: Seal) -> None:
    from ncp.wire.xml import parse
    from saml_assertions.claims import TrcClaims
    from saml_assertions.verify import verify_assertion

    one = verify_assertion(parse(trc), trust=honest_trust(), rules=VerificationRules(), at=AT)
    assert isinstance(one.claims, TrcClaims)
    assert one.signer.country == "FR"
    with pytest.raises(SecurityError) as caught:
        verify_assertion(parse(trc), trust=honest_trust("DK"), rules=VerificationRules(), at=AT)
    assert caught.value.reason == "cert.untrusted"
