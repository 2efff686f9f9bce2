"""Refused assertions over the wire: every kind of refusal reaches the peer with its code, in each transaction's form.

``tests/saml_assertions`` holds every shape against the verifier; here the rows of docs/assertions.md are sent to a
whole gateway: nothing is asked of the country, the reason is in the log and not in the answer, nobody is named in
either, and the next good question is answered. XSW shapes after Somorovsky et al., USENIX Security 2012.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import certificates
from tests.support.assertions import (
    AUDIENCE,
    DS,
    FACILITY,
    LOCALITY,
    MORE,
    PERMISSION,
    PURPOSE,
    RESOURCE_ID,
    ROLE,
    SUBJECT_ID,
    Seal,
    attribute,
    purpose,
    role,
    seal,
    x509_data,
)
from tests.support.certificates import make, make_ca, make_seal
from tests.support.peer_messages import (
    DISCOVERY,
    HR,
    QUERY,
    RETRIEVE,
    LogIn,
    addressing,
    discovery,
    documents_of,
    envelope,
    identifier,
    instant,
    message_id,
    retrieve,
    security,
)
from tests.support.peer_wire import Answer
from tests.support.scripted_gateway import L3, OTHER, PATIENT, REPOSITORY, ScriptedGateway

pytestmark = [pytest.mark.attack, pytest.mark.xdist_group("ncp-a")]

BODIES = {
    DISCOVERY: lambda: discovery(identifier(*PATIENT)),
    QUERY: lambda: documents_of(PATIENT),
    RETRIEVE: lambda: retrieve((L3, REPOSITORY)),
}
ACTIONS = pytest.mark.parametrize("action", BODIES, ids=["ITI-55", "ITI-38", "ITI-39"])
TREATMENTS = pytest.mark.parametrize("action", [QUERY, RETRIEVE], ids=["ITI-38", "ITI-39"])

INTEGRITY, SECURITY = "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED", "ERROR_SEC_GENERIC"


@dataclass(frozen=True)
class Shape:
    """What stands where: inside Security, in other header blocks, inside the question."""

    inside: bytes
    blocks: bytes = b""
    in_body: bytes = b""


def send(gateway: ScriptedGateway, action: str, shape: Shape, *, country: str = "FR") -> Answer:
    body = BODIES[action]()
    start = body.index(b">") + 1
    body = body[:start] + shape.in_body + body[start:]
    request = envelope(body, addressing(action, message_id()), shape.blocks, security(shape.inside))
    return gateway.peer(country).ask(action, request)


def code_of(action: str, answer: Answer) -> str:
    """The code of a refusal, after its form was looked at."""
    if action == DISCOVERY:
        reason, place, code, *acknowledged = answer.refusal
        assert (reason, place, acknowledged) == ("InsufficientRights", "mitigatedBy", ["AE", "AE"])
        return code
    assert (answer.xds_status, answer.entries) == ("Failure", [])
    if action == RETRIEVE:
        assert answer.documents == {}
    ((code, severity),) = answer.errors
    assert severity == "E"
    return code


def assert_refused(
    gateway: ScriptedGateway, action: str, shape: Shape, reasons: set[str], code: str, *, country: str = "FR"
) -> None:
    answer = send(gateway, action, shape, country=country)
    assert code_of(action, answer) == code
    told = set(re.findall(r'"event":"transaction".*"reason":"([^"]*)"', gateway.log.since()))
    assert told <= reasons and told
    gateway.assert_untouched(answer)


# --- the HCP assertion -----------------------------------------------------------------------------------------------

Hcp = Callable[[LogIn], bytes]


def spoilt(old: str, new: str, count: int = -1) -> Hcp:
    """Changed after it was signed."""

    def make_it(login: LogIn) -> bytes:
        signed = login.sign(login.hcp())
        assert old.encode() in signed
        return signed.replace(old.encode(), new.encode(), count)

    return make_it


def written(old: str, new: str) -> Hcp:
    """Written otherwise and signed well."""

    def make_it(login: LogIn) -> bytes:
        text = login.hcp()
        assert old in text
        return login.sign(text.replace(old, new))

    return make_it


def saying(**attributes: str) -> Hcp:
    return lambda login: login.sign(login.hcp(**attributes))


def sealed(**options: object) -> Hcp:
    return lambda login: seal(login.hcp(), login.seal, **options)  # type: ignore[arg-type]


def lasting(lifetime: timedelta) -> Hcp:
    def make_it(login: LogIn) -> bytes:
        begun = login.at - timedelta(minutes=10)
        text = login.hcp()
        end = instant(begun + timedelta(hours=4))
        assert end in text
        return login.sign(text.replace(end, instant(begun + lifetime)))

    return make_it


def at_another_time(shift: timedelta) -> Hcp:
    return lambda login: login.sign(LogIn(login.seal, at=login.at + shift, serial=login.serial).hcp())


SIGNATURE = re.compile(rb"<ds:Signature .*?</ds:Signature>", re.DOTALL)
SMARTCARD = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
AUTHN = re.compile(r"<saml:AuthnStatement.*?</saml:AuthnStatement>")
RSA_KEY_VALUE = (
    f'<ds:KeyInfo xmlns:ds="{DS}"><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus>'
    "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>%s</ds:KeyInfo>"
)


def twice_authenticated(login: LogIn) -> bytes:
    text = login.hcp()
    (statement,) = AUTHN.findall(text)
    return login.sign(text.replace(statement, statement + statement.replace("SmartcardPKI", "Password")))


HCP_CASES: dict[str, tuple[Hcp, set[str], str]] = {
    # signature
    "A1 no signature": (lambda login: login.hcp().encode(), {"sig.missing"}, INTEGRITY),
    "A2 a value changed": (spoilt("Camille Exemple", "Camille Exempla"), {"sig.digest"}, INTEGRITY),
    "A2 a role changed": (spoilt('code="221"', 'code="2262"'), {"sig.digest"}, INTEGRITY),
    "A2 the digest changed": (
        lambda login: re.sub(rb"<ds:DigestValue>.", b"<ds:DigestValue>+", login.sign(login.hcp())),
        {"sig.digest", "sig.value"},
        INTEGRITY,
    ),
    "A2 the signature value changed": (
        lambda login: re.sub(rb"<ds:SignatureValue>....", b"<ds:SignatureValue>AAAA", login.sign(login.hcp())),
        {"sig.value"},
        INTEGRITY,
    ),
    "A2 the end of life changed": (
        lambda login: login.sign(login.hcp()).replace(
            instant(login.at - timedelta(minutes=10) + timedelta(hours=4)).encode(),
            instant(login.at + timedelta(hours=3)).encode(),
        ),
        {"sig.digest"},
        INTEGRITY,
    ),
    "A3 a keyed hash": (sealed(method=f"{MORE}hmac-sha256", value=b"0" * 32), {"sig.algorithm"}, INTEGRITY),
    "A4 a keyed hash of no bits": (
        sealed(
            method=f"{MORE}hmac-sha256",
            value=b"0",
            method_content="<ds:HMACOutputLength>0</ds:HMACOutputLength>",
        ),
        {"sig.algorithm", "schema.invalid"},
        INTEGRITY,
    ),
    "A5 SHA-1": (sealed(hash_name="sha1", method=f"{DS}rsa-sha1"), {"sig.algorithm"}, INTEGRITY),
    "A5 a SHA-1 digest": (sealed(digest="sha1"), {"sig.algorithm"}, INTEGRITY),
    "A5 an MD5 digest": (sealed(digest="md5"), {"sig.algorithm"}, INTEGRITY),
    "A6 a key beside the certificate": (
        lambda login: seal(
            login.hcp(),
            login.seal,
            key_info=RSA_KEY_VALUE % x509_data(login.seal.der)[len("<ds:KeyInfo>") : -len("</ds:KeyInfo>")],
        ),
        {"sig.keyinfo"},
        INTEGRITY,
    ),
    "A7 two certificates": (
        lambda login: seal(login.hcp(), login.seal, key_info=x509_data(login.seal.der, login.seal.der)),
        {"sig.keyinfo"},
        INTEGRITY,
    ),
    "A8 no certificate": (sealed(key_info="<ds:KeyInfo/>"), {"sig.keyinfo", "schema.invalid"}, INTEGRITY),
    "A8 a name of a key": (
        sealed(key_info="<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>"),
        {"sig.keyinfo"},
        INTEGRITY,
    ),
    "A9 a key to be fetched": (
        sealed(key_info='<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:1/"/></ds:KeyInfo>'),
        {"sig.keyinfo"},
        INTEGRITY,
    ),
    "A11 a certificate of nonsense": (sealed(key_info=x509_data(b"nonsense")), {"cert.malformed"}, SECURITY),
    "A11 a cut certificate": (
        lambda login: seal(login.hcp(), login.seal, key_info=x509_data(login.seal.der[:-7])),
        {"cert.malformed"},
        SECURITY,
    ),
    "A11 bytes behind the certificate": (
        lambda login: seal(login.hcp(), login.seal, key_info=x509_data(login.seal.der + b"\0")),
        {"cert.malformed"},
        SECURITY,
    ),
    "A17 XSLT": (
        sealed(transforms='<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>'),
        {"sig.transform"},
        INTEGRITY,
    ),
    "A18 inclusive canonical form": (
        sealed(
            canonicalization='<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>'
        ),
        {"sig.c14n"},
        INTEGRITY,
    ),
    "A19 an object in the signature": (sealed(objects="<ds:Object>x</ds:Object>"), {"sig.object"}, INTEGRITY),
    "A23 an encrypted assertion": (
        lambda login: login.sign(login.hcp()).replace(
            b"</saml:Issuer>", b"</saml:Issuer><saml:EncryptedAssertion/>", 1
        ),
        {"schema.invalid", "sig.placement"},
        INTEGRITY,
    ),
    "P7 a comment in the name": (
        spoilt("899700000001</saml:NameID>", "8997<!-- -->00000001</saml:NameID>"),
        {"xml.comment"},
        INTEGRITY,
    ),
    "P8 a comment in the audience": (spoilt("x-border", "x-<!-- -->border"), {"xml.comment"}, INTEGRITY),
    "P13 the digest of nothing": (
        sealed(digest_value="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        {"sig.digest"},
        INTEGRITY,
    ),
    "P17 a part of the message by reference": (
        written(
            "<saml:AttributeValue",
            '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:1"/><saml:AttributeValue',
        ),
        {"schema.invalid"},
        INTEGRITY,
    ),
    # structure and times
    "U3 no kind": (written(' NameQualifier="urn:ehdsi:assertions:hcp"', ""), {"assertion.unknown_type"}, INTEGRITY),
    "U3 a kind of 2010": (
        written("urn:ehdsi:assertions:hcp", "urn:epsos:wp34:assertions"),
        {"assertion.unknown_type"},
        INTEGRITY,
    ),
    "no name": (
        written(">899700000001</saml:NameID>", "></saml:NameID>"),
        {"attr.missing", "schema.invalid"},
        "ERROR_HPI_GENERIC",
    ),
    "T1 over for 61 seconds": (
        at_another_time(timedelta(hours=-4, minutes=10, seconds=-61)),
        {"time.expired"},
        "ERROR_HPI_GENERIC",
    ),
    "T2 begins in 65 seconds": (
        at_another_time(timedelta(minutes=10, seconds=65)),
        {"time.not_yet_valid", "time.issued", "time.issue_instant"},
        "ERROR_HPI_GENERIC",
    ),
    "T3 a millisecond too long": (
        lasting(timedelta(hours=4, milliseconds=1)),
        {"time.span", "time.too_long"},
        "ERROR_HPI_GENERIC",
    ),
    "T4 ends before it begins": (
        lasting(timedelta(minutes=-1)),
        {"time.order", "time.expired", "time.span"},
        "ERROR_HPI_GENERIC",
    ),
    "U1 another audience": (
        written("urn:ehdsi:assertions.audience:x-border", "urn:other"),
        {"audience.mismatch"},
        "ERROR_HPI_GENERIC",
    ),
    "U2 bearer": (written("cm:sender-vouches", "cm:bearer"), {"subject.confirmation"}, "ERROR_HPI_GENERIC"),
    # log-in, role, place, purpose
    "W1 a password": (written(SMARTCARD, CLASSES + "Password"), {"authn.weak"}, "4702"),
    "W1 Kerberos": (written(SMARTCARD, CLASSES + "Kerberos"), {"authn.weak"}, "4702"),
    "W1 an older session": (written(SMARTCARD, CLASSES + "PreviousSession"), {"authn.weak"}, "4702"),
    "W1 two log-ins": (twice_authenticated, {"attr.multiple", "authn.multiple", "schema.invalid"}, "ERROR_HPI_GENERIC"),
    "W2 a role of nobody": (
        saying(role=attribute(ROLE, role("9999"))),
        {"role.unknown"},
        "ERROR_HPI_INSUFFICIENT_INFORMATION",
    ),
    "no role": (saying(role=""), {"attr.missing", "role.unknown"}, "ERROR_HPI_INSUFFICIENT_INFORMATION"),
    "no subject": (saying(subject=""), {"attr.missing"}, "ERROR_HPI_NO_INFORMATION"),
    "W4 permissions in two attributes": (
        saying(
            permissions=attribute(PERMISSION, f"{PERMISSION}:PRD-006") + attribute(PERMISSION, f"{PERMISSION}:PRD-003")
        ),
        {"attr.multiple"},
        "ERROR_HPI_GENERIC",
    ),
    "W5 purpose in small letters": (
        saying(purpose=attribute(PURPOSE, purpose("treatment"))),
        {"purpose.refused"},
        "4703",
    ),
    "W5 marketing": (saying(purpose=attribute(PURPOSE, purpose("MARKETING"))), {"purpose.refused"}, "4703"),
    "W5 an empty purpose": (saying(purpose=attribute(PURPOSE, purpose(""))), {"purpose.refused"}, "4703"),
    "W5 no purpose": (saying(purpose=""), {"purpose.refused", "attr.missing"}, "4703"),
    "W6 a place of blanks": (
        saying(locality=attribute(LOCALITY, "   ")),
        {"attr.missing", "attr.empty", "locality.missing"},
        "ERROR_HPI_POC_NO_INFORMATION",
    ),
    "W6 no place": (saying(locality=""), {"attr.missing"}, "ERROR_HPI_POC_NO_INFORMATION"),
    "W6 a clinic": (saying(facility=attribute(FACILITY, "Clinic")), {"facility.unknown"}, "ERROR_HPI_GENERIC"),
}


@ACTIONS
@pytest.mark.parametrize("name", HCP_CASES)
def test_a_bad_professional_is_refused_with_the_code_of_the_check(
    ncp_a: ScriptedGateway, name: str, action: str
) -> None:
    make_it, reasons, code = HCP_CASES[name]
    login = ncp_a.log_in()
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert_refused(ncp_a, action, Shape(make_it(login) + trc), reasons, code)


@ACTIONS
@pytest.mark.parametrize("missing", ["PRD-006", "PRD-003", "PRD-005", "PRD-010", "PRD-016"])
def test_w3_every_permission_counts_for_its_service(ncp_a: ScriptedGateway, missing: str, action: str) -> None:
    all_ = ["PRD-003", "PRD-005", "PRD-006", "PRD-010", "PRD-016"]
    needed = {"PRD-006"} if action == DISCOVERY else set(all_) - {"PRD-006"}
    login = ncp_a.log_in()
    held = attribute(PERMISSION, *(f"{PERMISSION}:{one}" for one in all_ if one != missing))
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    shape = Shape(login.sign(login.hcp(permissions=held)) + trc)
    if missing in needed:
        assert_refused(ncp_a, action, shape, {"permission.missing"}, "4703")
    else:
        assert is_good(send(ncp_a, action, shape))


def is_good(answer: Answer) -> bool:
    return answer.acknowledged == ("AA", "OK") if answer.persons else answer.xds_status == "Success"


ACCEPTED: dict[str, Hcp] = {
    "T1 over for less than the skew": at_another_time(timedelta(hours=-4, minutes=10, seconds=-50)),
    "T3 exactly four hours": lasting(timedelta(hours=4)),
    "U1 no audience": lambda login: login.sign(login.hcp().replace(AUDIENCE, "")),
    "W2 another display name": saying(role=attribute(ROLE, role("221", "Pharmacists"))),
    "W5 an emergency": saying(purpose=attribute(PURPOSE, purpose("EMERGENCY"))),
    "W6 facility in small letters": saying(facility=attribute(FACILITY, "hospital")),
    "P9 a CDATA section": written("Camille Exemple", "<![CDATA[Camille Exemple]]>"),
    "P14 a prefix": written('<Role xmlns="urn:hl7-org:v3"', '<hl7:Role xmlns:hl7="urn:hl7-org:v3"'),
    "SHA-512": sealed(hash_name="sha512", digest="sha512"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_profile_allows_is_accepted(ncp_a: ScriptedGateway, name: str) -> None:
    assert is_good(send(ncp_a, DISCOVERY, Shape(ACCEPTED[name](ncp_a.log_in()))))


# --- certificates ----------------------------------------------------------------------------------------------------


def other_seals(gateway: ScriptedGateway) -> dict[str, tuple[Seal, set[str]]]:
    now = datetime.now(UTC)
    france = gateway.countries["FR"]
    times = {"begin": now - timedelta(days=1), "end": now + timedelta(days=30)}
    name, key = france.seal_made.certificate.subject, certificates.rsa_key("attacker")
    bits = ("digital_signature", "key_encipherment")

    def by(made: certificates.Made) -> Seal:
        return Seal(made.key, made.certificate)

    old = {"begin": now - timedelta(days=30), "end": now - timedelta(days=1)}
    future = {"begin": now + timedelta(days=1), "end": now + timedelta(days=30)}
    forger = make_ca("Seal CA FR", "FR", key=certificates.ec_key("forger"), **times)
    return {
        "A10 a self-signed copy": (by(make(name, key=key, bits=bits, **times)), {"cert.untrusted", "cert.usage"}),
        "A10 by an authority of the same name": (by(make_seal(forger, key=key, **times)), {"cert.untrusted"}),
        "A12 expired": (by(make_seal(france.seal_ca, key=key, **old)), {"cert.expired"}),
        "A12 of the future": (by(make_seal(france.seal_ca, key=key, **future)), {"cert.not_yet_valid"}),
        "A12 revoked": (gateway.revoked, {"cert.revoked"}),
        "A13 for encryption only": (
            by(make_seal(france.seal_ca, key=key, **{**times, "bits": ("key_encipherment",)})),
            {"cert.usage"},
        ),
        "A13 the authority itself": (by(france.seal_ca), {"cert.usage", "cert.untrusted"}),
        "A14 a TLS certificate": (by(make_seal(france.tls_ca, key=key, **times)), {"cert.untrusted"}),
        "A15 issued by a seal": (by(make_seal(france.seal_made, key=key, **times)), {"cert.untrusted"}),
        "A16 1024 bits": (
            by(make_seal(france.seal_ca, key=certificates.rsa_key("weak", 1024), **times)),
            {"cert.weak_key"},
        ),
    }


SEALS = (
    "A10 a self-signed copy",
    "A10 by an authority of the same name",
    "A12 expired",
    "A12 of the future",
    "A12 revoked",
    "A13 for encryption only",
    "A13 the authority itself",
    "A14 a TLS certificate",
    "A15 issued by a seal",
    "A16 1024 bits",
)


@ACTIONS
@pytest.mark.parametrize("name", SEALS)
def test_a_bad_certificate_is_refused(ncp_a: ScriptedGateway, name: str, action: str) -> None:
    by, reasons = other_seals(ncp_a)[name]
    login = ncp_a.log_in()
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert_refused(ncp_a, action, Shape(seal(login.hcp(), by) + trc), reasons, SECURITY)


@TREATMENTS
@pytest.mark.parametrize("name", SEALS)
def test_a_bad_certificate_of_the_treatment_is_refused(ncp_a: ScriptedGateway, name: str, action: str) -> None:
    by, reasons = other_seals(ncp_a)[name]
    login = ncp_a.log_in()
    assert_refused(ncp_a, action, Shape(login.sign(login.hcp()) + seal(login.trc(PATIENT), by)), reasons, SECURITY)


# --- countries -------------------------------------------------------------------------------------------------------


@ACTIONS
def test_b8_assertions_of_one_country_over_the_line_of_another(ncp_a: ScriptedGateway, action: str) -> None:
    """B8, R4: somebody who received them passes them on."""
    assertions = b"".join(ncp_a.log_in("FR").treating(PATIENT))
    if action == DISCOVERY:
        assertions = b"".join(ncp_a.log_in("FR").professional())
    assert is_good(send(ncp_a, action, Shape(assertions)))
    ncp_a.connector.reset()
    ncp_a.log.mark()
    assert_refused(ncp_a, action, Shape(assertions), {"cert.country"}, "4703", country="BE")


@TREATMENTS
def test_b7_a_treatment_sealed_by_another_country(ncp_a: ScriptedGateway, action: str) -> None:
    login = ncp_a.log_in()
    trc = seal(login.trc(PATIENT), ncp_a.countries["BE"].seal)
    assert_refused(ncp_a, action, Shape(login.sign(login.hcp()) + trc), {"cert.country"}, "4703")


@ACTIONS
def test_b7_a_professional_sealed_by_another_country(ncp_a: ScriptedGateway, action: str) -> None:
    login = ncp_a.log_in()
    hcp = seal(login.hcp(), ncp_a.countries["BE"].seal)
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert_refused(ncp_a, action, Shape(hcp + trc), {"cert.country"}, "4703")


def test_the_country_that_says_it_sends_is_not_believed(ncp_a: ScriptedGateway) -> None:
    """The sender in the question is Belgium's; who asks is told by TLS and seals alone."""
    body = discovery(identifier(*PATIENT), sender="1.3.6.1.4.1.48336")
    request = envelope(body, addressing(DISCOVERY, message_id()), security(*ncp_a.log_in().professional()))
    assert is_good(ncp_a.peer().ask(DISCOVERY, request))
    assert ncp_a.connector.calls[0][1].caller.country == "FR"
    assert '"peer_country":"FR"' in ncp_a.log.since()


# --- the TRC assertion -----------------------------------------------------------------------------------------------

Trc = Callable[[LogIn], bytes]


def trc_written(old: str, new: str) -> Trc:
    def make_it(login: LogIn) -> bytes:
        text = login.trc(PATIENT)
        assert old in text
        return login.sign(text.replace(old, new))

    return make_it


def cx(patient: tuple[str, str]) -> str:
    return f"{patient[1]}^^^&amp;{patient[0]}&amp;ISO"


def trc_lasting(lifetime: timedelta) -> Trc:
    def make_it(login: LogIn) -> bytes:
        begun, text = login.at - timedelta(minutes=5), login.trc(PATIENT)
        end = instant(begun + timedelta(hours=2))
        assert end in text
        return login.sign(text.replace(end, instant(begun + lifetime)))

    return make_it


def reference(*ids: str) -> str:
    return (
        "<saml:Advice>" + "".join(f"<saml:AssertionIDRef>{one}</saml:AssertionIDRef>" for one in ids) + "</saml:Advice>"
    )


def referring(*letters: str) -> Trc:
    return lambda login: login.sign(
        login.trc(PATIENT).replace(
            reference(login.id_of("h")),
            reference(*(login.id_of("h") if one == "h" else "_0" + login.serial for one in letters)),
        )
    )


TRC_CASES: dict[str, tuple[Trc, set[str], str]] = {
    "no treatment": (lambda login: b"", {"trc.missing"}, "1001"),
    "A1 not signed": (lambda login: login.trc(PATIENT).encode(), {"sig.missing"}, INTEGRITY),
    "A2 the patient changed": (
        lambda login: login.sign(login.trc(OTHER)).replace(OTHER[1].encode(), PATIENT[1].encode()),
        {"sig.digest"},
        INTEGRITY,
    ),
    "A5 SHA-1": (
        lambda login: seal(login.trc(PATIENT), login.seal, hash_name="sha1", method=f"{DS}rsa-sha1"),
        {"sig.algorithm"},
        INTEGRITY,
    ),
    "A11 a certificate of nonsense": (
        lambda login: seal(login.trc(PATIENT), login.seal, key_info=x509_data(b"x")),
        {"cert.malformed"},
        SECURITY,
    ),
    "B1 of another log-in": (
        lambda login: LogIn(login.seal).sign(LogIn(login.seal).trc(PATIENT)),
        {"trc.hcp_reference"},
        "1002",
    ),
    "B2 two references, the first right": (referring("h", "x"), {"trc.hcp_reference", "schema.invalid"}, "1002"),
    "B2 two references, the second right": (referring("x", "h"), {"trc.hcp_reference", "schema.invalid"}, "1002"),
    "B3 another professional": (trc_written("899700000001", "899700000002"), {"trc.subject"}, "1002"),
    "B6 two patients": (
        lambda login: login.sign(
            login.trc(PATIENT, patient=attribute(SUBJECT_ID, cx(PATIENT)) + attribute(RESOURCE_ID, cx(OTHER)))
        ),
        {"trc.patient"},
        "4206",
    ),
    "no patient": (lambda login: login.sign(login.trc(PATIENT, patient="")), {"trc.patient", "attr.missing"}, "1001"),
    "T1 over for 61 seconds": (
        lambda login: LogIn(
            login.seal, at=login.at - timedelta(hours=2) + timedelta(minutes=5, seconds=-61), serial=login.serial
        ).sign(
            LogIn(
                login.seal, at=login.at - timedelta(hours=2) + timedelta(minutes=5, seconds=-61), serial=login.serial
            ).trc(PATIENT)
        ),
        {"time.expired"},
        "1001",
    ),
    "T3 a millisecond too long": (
        trc_lasting(timedelta(hours=2, milliseconds=1)),
        {"time.span", "time.too_long"},
        "1001",
    ),
    "U1 another audience": (
        trc_written("urn:ehdsi:assertions.audience:x-border", "urn:other"),
        {"audience.mismatch"},
        "1001",
    ),
    "U2 bearer": (trc_written("cm:sender-vouches", "cm:bearer"), {"subject.confirmation"}, "1001"),
    "U4 a next of kin in its place": (lambda login: login.sign(login.nok(PATIENT)), {"trc.missing"}, "1001"),
    "W1 a certificate as log-in": (
        trc_written(CLASSES + "PreviousSession", CLASSES + "X509"),
        {"authn.class", "authn.weak"},
        "1001",
    ),
    "W5 marketing": (
        lambda login: login.sign(login.trc(PATIENT, purpose=attribute(PURPOSE, purpose("MARKETING")))),
        {"purpose.refused"},
        "4703",
    ),
    "XSW3 another before it": (
        lambda login: (
            login.trc(OTHER).replace(login.id_of("t"), "_e" + login.serial).encode() + login.sign(login.trc(PATIENT))
        ),
        {"trc.multiple"},
        INTEGRITY,
    ),
}


@TREATMENTS
@pytest.mark.parametrize("name", TRC_CASES)
def test_a_bad_treatment_is_refused_with_the_code_of_the_check(ncp_a: ScriptedGateway, name: str, action: str) -> None:
    make_it, reasons, code = TRC_CASES[name]
    login = hcp = ncp_a.log_in()
    if name.startswith("T1"):
        # The log-in began before the treatment that is over.
        hcp = LogIn(login.seal, at=login.at - timedelta(hours=2, minutes=10), serial=login.serial)
    assert_refused(ncp_a, action, Shape(hcp.sign(hcp.hcp()) + make_it(login)), reasons, code)


@TREATMENTS
def test_b10_a_log_in_that_is_over_with_a_treatment_that_is_not(ncp_a: ScriptedGateway, action: str) -> None:
    now = ncp_a.log_in()
    old = LogIn(now.seal, at=now.at - timedelta(hours=4) + timedelta(minutes=8), serial=now.serial)
    assert_refused(
        ncp_a,
        action,
        Shape(old.sign(old.hcp()) + now.sign(now.trc(PATIENT))),
        {"time.expired"},
        "ERROR_HPI_GENERIC",
    )


@TREATMENTS
def test_b10_a_treatment_without_a_professional(ncp_a: ScriptedGateway, action: str) -> None:
    login = ncp_a.log_in()
    assert_refused(
        ncp_a,
        action,
        Shape(login.sign(login.trc(PATIENT))),
        {"hcp.missing"},
        "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED",
    )


@TREATMENTS
def test_the_order_of_the_assertions_does_not_matter(ncp_a: ScriptedGateway, action: str) -> None:
    """U4: the treatment is the one that says so, wherever it stands."""
    login = ncp_a.log_in()
    for order in ("thn", "nth", "hnt"):
        parts = {"h": login.hcp(), "t": login.trc(PATIENT), "n": login.nok(PATIENT)}
        assert is_good(send(ncp_a, action, Shape(b"".join(login.sign(parts[letter]) for letter in order))))


# --- signature wrapping ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pieces:
    """O is the original, S its signature, E the attacker's assertion."""

    login: LogIn

    @property
    def o(self) -> bytes:
        return self.login.sign(self.login.hcp())

    @property
    def s(self) -> bytes:
        found = SIGNATURE.search(self.o)
        assert found is not None
        return found.group()

    @property
    def o_without_s(self) -> bytes:
        return self.o.replace(self.s, b"")

    @property
    def e(self) -> bytes:
        text = self.login.hcp().replace(self.login.id_of("h"), "_e" + self.login.serial)
        return text.replace("899700000001", "attacker").replace('code="221"', 'code="2262"').encode()

    @property
    def e_same_id(self) -> bytes:
        return self.e.replace(b"_e" + self.login.serial.encode(), self.login.id_of("h").encode())

    def in_e(self, after_issuer: bytes = b"", at_end: bytes = b"", e: bytes = b"") -> bytes:
        start = (e or self.e).replace(b"</saml:Issuer>", b"</saml:Issuer>" + after_issuer, 1)
        return start.replace(b"</saml:Assertion>", at_end + b"</saml:Assertion>")

    def in_s(self, inner: bytes) -> bytes:
        return self.s.replace(b"</ds:Signature>", inner + b"</ds:Signature>")

    def part(self, name: str) -> bytes:
        found = re.search(rf"<ds:{name}[ >].*</ds:{name}>".encode(), self.s, re.DOTALL)
        assert found is not None
        return found.group()


def kind(assertion: bytes, name: bytes) -> bytes:
    return assertion.replace(b"urn:ehdsi:assertions:hcp", b"urn:ehdsi:assertions:" + name)


def other_block(inner: bytes) -> bytes:
    return b'<x:Block xmlns:x="urn:x">' + inner + b"</x:Block>"


WRAPPINGS: dict[str, tuple[Callable[[Pieces], Shape], set[str]]] = {
    "XSW1": (lambda p: Shape(p.in_e(p.s + p.o_without_s)), {"sig.placement", "schema.invalid"}),
    "XSW2": (lambda p: Shape(p.in_e(p.o_without_s + p.s)), {"sig.placement", "schema.invalid"}),
    "XSW3": (lambda p: Shape(p.e + p.o), {"hcp.multiple"}),
    "XSW3b": (lambda p: Shape(p.o + p.e), {"hcp.multiple"}),
    "XSW4": (lambda p: Shape(p.in_e(at_end=p.o)), {"sig.placement", "schema.invalid"}),
    "XSW5": (lambda p: Shape(p.in_e(p.s) + p.o_without_s), {"hcp.multiple"}),
    "XSW5 right counts": (lambda p: Shape(p.in_e(p.s) + kind(p.o_without_s, b"nok")), {"sig.reference"}),
    "XSW6": (lambda p: Shape(p.in_e(p.in_s(p.o_without_s))), {"sig.object", "schema.invalid"}),
    "XSW7": (
        lambda p: Shape(b'<x:Extensions xmlns:x="urn:x">' + p.e_same_id + b"</x:Extensions>" + p.o),
        {"header.content", "id.duplicate"},
    ),
    "XSW8": (lambda p: Shape(p.in_e(p.in_s(b"<ds:Object>" + p.o_without_s + b"</ds:Object>"))), {"sig.object"}),
    "XSW9 in the question": (lambda p: Shape(p.in_e(p.s), in_body=p.o), {"sig.reference"}),
    "XSW9 in the question, one ID": (lambda p: Shape(p.in_e(p.s, e=p.e_same_id), in_body=p.o), {"id.duplicate"}),
    "XSW9 in another block": (
        lambda p: Shape(p.in_e(p.s), blocks=other_block(p.o)),
        {"sig.placement", "sig.reference"},
    ),
    "XSW10": (lambda p: Shape(p.o, blocks=security(p.e)), {"header.duplicate"}),
    "XSW10 the other order": (lambda p: Shape(p.e, blocks=security(p.o)), {"header.duplicate"}),
    "XSW10 for another role": (
        lambda p: Shape(p.o, blocks=security(p.e, attributes=' env:role="urn:other"')),
        {"header.duplicate"},
    ),
    "XSW11": (
        lambda p: Shape(
            p.e.replace(b"</saml:Conditions>", b"</saml:Conditions><saml:Advice>" + p.o + b"</saml:Advice>")
        ),
        {"sig.placement"},
    ),
    "XSW12": (
        lambda p: Shape(p.in_e(p.s.replace(b'URI="#' + p.login.id_of("h").encode() + b'"', b'URI=""'))),
        {"sig.reference"},
    ),
    "XSW13 two SignedInfo": (
        lambda p: Shape(p.in_e(p.s.replace(p.part("SignedInfo"), p.part("SignedInfo") * 2))),
        {"schema.invalid", "sig.multiple", "sig.reference"},
    ),
    "XSW13 two digests": (
        lambda p: Shape(p.o.replace(p.part("DigestValue"), p.part("DigestValue") * 2)),
        {"schema.invalid", "sig.multiple", "sig.reference"},
    ),
    "XSW14": (lambda p: Shape(p.in_e(p.s + p.s)), {"sig.multiple", "schema.invalid"}),
    "XSW15 Id": (
        lambda p: Shape(p.in_e(p.s, e=p.e_same_id.replace(b" ID=", b" Id=")), in_body=p.o),
        {"schema.invalid", "id.missing"},
    ),
    "XSW15 xml:id": (
        lambda p: Shape(p.in_e(p.s, e=p.e_same_id.replace(b" ID=", b" xml:id=")), in_body=p.o),
        {"schema.invalid", "id.missing"},
    ),
    "XSW16": (
        lambda p: Shape(
            p.o,
            in_body=b'<x:y xmlns:x="urn:x" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-'
            b'wssecurity-utility-1.0.xsd" wsu:Id="' + p.login.id_of("h").encode() + b'"/>',
        ),
        {"id.duplicate"},
    ),
    "XSW17 last child": (
        lambda p: Shape(p.o_without_s.replace(b"</saml:Assertion>", p.s + b"</saml:Assertion>")),
        {"schema.invalid", "sig.placement"},
    ),
    "XSW17 in the subject": (
        lambda p: Shape(p.o_without_s.replace(b"<saml:Subject>", b"<saml:Subject>" + p.s)),
        {"schema.invalid", "sig.placement"},
    ),
}


@ACTIONS
@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("remembered", [False, True], ids=["at first sight", "O was verified before"])
def test_a_wrapped_assertion_is_refused(ncp_a: ScriptedGateway, name: str, action: str, remembered: bool) -> None:
    build, reasons = WRAPPINGS[name]
    login = ncp_a.log_in()
    pieces = Pieces(login)
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    if remembered:
        assert is_good(send(ncp_a, action, Shape(pieces.o + trc)))
        ncp_a.connector.reset()
        ncp_a.log.mark()
    shape = build(pieces)
    assert_refused(ncp_a, action, Shape(shape.inside + trc, shape.blocks, shape.in_body), reasons, INTEGRITY)


# --- header, replay --------------------------------------------------------------------------------------------------


@ACTIONS
def test_no_security_header_is_1001(ncp_a: ScriptedGateway, action: str) -> None:
    answer = ncp_a.peer().ask(action, envelope(BODIES[action](), addressing(action, message_id())))
    assert code_of(action, answer) == "1001"
    ncp_a.assert_untouched(answer)


HEADERS: dict[str, tuple[bytes, set[str], str]] = {
    "empty": (b"", {"hcp.missing"}, "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED"),
    "a token of another kind": (
        b'<wsse:UsernameToken xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-'
        b'1.0.xsd"><wsse:Username>Camille</wsse:Username></wsse:UsernameToken>',
        {"header.content"},
        INTEGRITY,
    ),
    "text": (b"Camille", {"header.content"}, INTEGRITY),
}


@ACTIONS
@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_identifies_nobody(ncp_a: ScriptedGateway, name: str, action: str) -> None:
    inside, reasons, code = HEADERS[name]
    assert_refused(ncp_a, action, Shape(inside), reasons, code)


@ACTIONS
def test_a_timestamp_is_passed_over(ncp_a: ScriptedGateway, action: str) -> None:
    timestamp = b'<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"/>'
    login = ncp_a.log_in()
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert is_good(send(ncp_a, action, Shape(timestamp + login.sign(login.hcp()) + trc)))


@ACTIONS
def test_r3_other_content_under_a_used_id_is_a_replay(ncp_a: ScriptedGateway, action: str) -> None:
    login = ncp_a.log_in()
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert is_good(send(ncp_a, action, Shape(login.sign(login.hcp()) + trc)))
    ncp_a.connector.reset()
    ncp_a.log.mark()
    other = login.sign(login.hcp().replace("Camille", "Camilla"))
    assert_refused(ncp_a, action, Shape(other + trc), {"replay"}, INTEGRITY)


@ACTIONS
def test_t7_an_assertion_for_one_use_serves_once(ncp_a: ScriptedGateway, action: str) -> None:
    login = ncp_a.log_in()
    once = login.sign(login.hcp().replace("</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>"))
    trc = b"" if action == DISCOVERY else login.sign(login.trc(PATIENT))
    assert is_good(send(ncp_a, action, Shape(once + trc)))
    ncp_a.connector.reset()
    ncp_a.log.mark()
    assert_refused(ncp_a, action, Shape(once + trc), {"replay"}, INTEGRITY)


def test_the_seal_of_the_answering_country_is_no_pass(ncp_a: ScriptedGateway) -> None:
    login = ncp_a.log_in()
    assert_refused(ncp_a, DISCOVERY, Shape(seal(login.hcp(), ncp_a.countries["HR"].seal)), {"cert.country"}, "4703")
    assert HR  # the community that answers is Croatia's


def test_every_certificate_of_these_tests_is_another_one(ncp_a: ScriptedGateway) -> None:
    made = other_seals(ncp_a)
    assert set(made) == set(SEALS)
    fingerprints = {by.certificate.public_bytes(Encoding.DER) for by, _ in made.values()}
    assert len(fingerprints) == len(SEALS)
