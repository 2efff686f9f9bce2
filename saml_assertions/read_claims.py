"""What a verified assertion says: from its canonical tree to claims (steps 11 to 15).

The tree handed in was parsed from the very bytes that were signed; nothing of the message is read here. Each kind has
its table of attributes: name → how it is read, whether it is required, the wire code when it is missing or wrong. A
known attribute that nobody needs stands in ``KNOWN``; any other is reported as ``attr.unknown``, never refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml.etree import _Element

from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import II, parse_cx
from ncp.wire.times import from_saml
from ncp.wire.xml import NS_HL7, NS_SAML
from saml_assertions import facts
from saml_assertions.claims import HcpClaims, Kind, NokClaims, TrcClaims
from saml_assertions.rules import VerificationRules

_SAML = f"{{{NS_SAML}}}"

LIFETIMES: Mapping[Kind, timedelta] = {
    Kind.HCP: timedelta(hours=4),
    Kind.TRC: timedelta(hours=2),
    Kind.NOK: timedelta(hours=2),
}
ISSUED_BEFORE_VALID = timedelta(minutes=5)
"""How long before NotBefore an assertion may have been written."""


_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Reading:
    """One assertion being read: its kind decides the wire code; ``warnings`` collects tolerated deviations.

    ``until`` is the moment from which one of its times will refuse it, narrowed as they are read.
    """

    kind: Kind
    rules: VerificationRules
    at: datetime
    warnings: list[str]
    until: datetime = _NEVER

    def is_over(self, end: datetime) -> bool:
        """Whether ``end`` has passed, give or take the skew; else ``until`` is not later than that."""
        skew = self.rules.skew
        # Differences, not sums: the year 9999 is a date that can be sent.
        if self.at - end >= skew:
            return True
        if self.until - end > skew:
            self.until = end + skew
        return False

    def refuse(self, reason: str, code: Code | None = None) -> SecurityError:
        default = Code.HPI_GENERIC if self.kind is Kind.HCP else Code.ASSERTION_NOT_VALID
        return SecurityError(code or default, reason)

    def warn(self, name: str) -> None:
        self.warnings.append(f"{self.kind.name.lower()}.{name}")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all kinds share, checked."""

    id: str
    issuer: str
    name_id: str
    name_id_format: str
    alias: str
    issued: datetime
    not_before: datetime
    not_on_or_after: datetime
    authenticated: datetime
    authentication_class: str
    one_time: bool
    attributes: Mapping[str, Sequence[_Element]]


# --- the attribute tables --------------------------------------------------------------------------------------------

ReadValue = Callable[[Reading, Sequence[_Element], Code | None], Any]


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """How one attribute is read. ``many``: several AttributeValue allowed; ``reason`` is given when it is missing."""

    field: str
    read: ReadValue
    required: bool = False
    many: bool = False
    code: Code | None = None
    reason: str = "attr.missing"


def _text(reading: Reading, values: Sequence[_Element], code: Code | None) -> str:
    """The trimmed text of the one value."""
    if not values:
        return ""
    if len(values[0]):
        raise reading.refuse("attr.value", code)
    return (values[0].text or "").strip()


def _roles(reading: Reading, values: Sequence[_Element], code: Code | None) -> tuple[tuple[str, str], ...]:
    """(ISCO code, display name) of each value: all must be in the table (CP-064)."""
    roles: list[tuple[str, str]] = []
    for value in values:
        role = _coded(reading, value, "Role", code)
        if role is None:
            raise reading.refuse("attr.missing", code)
        isco, name = role.get("code", ""), role.get("displayName", "")
        if isco not in facts.ROLES:
            raise reading.refuse("role.unknown", code)
        if name.strip().casefold() != facts.ROLES[isco].casefold():
            reading.warn("role.display_name")
        roles.append((isco, name.strip()))
    return tuple(roles)


def _purpose(reading: Reading, values: Sequence[_Element], code: Code | None) -> str:
    if not values:
        return ""
    coded = _coded(reading, values[0], "PurposeOfUse", code)
    if coded is not None:
        purpose = coded.get("code", "")
    elif reading.rules.accept_text_purpose and not len(values[0]):
        purpose = (values[0].text or "").strip()
        reading.warn("purpose.text")
    else:
        return ""
    if purpose not in facts.PURPOSES:
        raise reading.refuse("purpose.refused", code)
    return purpose


def _coded(reading: Reading, value: _Element, name: str, code: Code | None) -> _Element | None:
    """The one HL7 element in the value, with or without prefix; None when it is of another name or namespace."""
    found = list(value.iterchildren(f"{{{NS_HL7}}}{name}"))
    if not found:
        return None
    text = (value.text or "") + "".join(child.tail or "" for child in value)
    if len(value) != 1 or text.strip():
        raise reading.refuse("attr.value", code)
    return found[0]


def _facility(reading: Reading, values: Sequence[_Element], code: Code | None) -> str:
    text = _text(reading, values, code)
    if not text:
        return ""
    for known in facts.FACILITY_TYPES:
        if text.casefold() == known.casefold():
            return known
    raise reading.refuse("facility.unknown", code)


def _permissions(reading: Reading, values: Sequence[_Element], code: Code | None) -> frozenset[str]:
    """Bare codes. Values of another form grant nothing."""
    permissions: set[str] = set()
    for value in values:
        text = _text(reading, [value], code)
        bare = text.removeprefix(facts.PERMISSION_PREFIX)
        if bare == text or not bare:
            reading.warn("permission.form")
        else:
            permissions.add(bare)
    return frozenset(permissions)


def _unread(_reading: Reading, _values: Sequence[_Element], _code: Code | None) -> None:
    return None


KNOWN = AttributeRule("", _unread, many=True)
"""Known to the profile, needed by nobody here."""

HCP_ATTRIBUTES: Mapping[str, AttributeRule] = {
    facts.SUBJECT_ID: AttributeRule("subject", _text, required=True, code=Code.HPI_NO_INFORMATION),
    facts.ROLE: AttributeRule("roles", _roles, required=True, many=True, code=Code.HPI_INSUFFICIENT_INFORMATION),
    facts.FACILITY_TYPE: AttributeRule("facility_type", _facility, required=True, code=Code.HPI_GENERIC),
    facts.PURPOSE_OF_USE: AttributeRule(
        "purpose", _purpose, required=True, code=Code.NOT_ALLOWED, reason="purpose.refused"
    ),
    facts.LOCALITY: AttributeRule("locality", _text, required=True, code=Code.HPI_POC_NO_INFORMATION),
    # Without any permission a country's policy may still let a role pass, so the decision is that of the policy.
    facts.PERMISSIONS: AttributeRule("permissions", _permissions, many=True),
    facts.ORGANISATION: AttributeRule("organisation", _text),
    facts.ORGANISATION_ID: AttributeRule("organisation_id", _text),
    facts.HOME_COMMUNITY: AttributeRule("home_community", _text),
    facts.NPI: AttributeRule("npi", _text),
    facts.ON_BEHALF_OF: AttributeRule("on_behalf_of", _text),
    facts.CLINICAL_SPECIALITY: KNOWN,
    facts.FUNCTIONAL_ROLE: KNOWN,
}

PATIENT_NAMES = (facts.SUBJECT_ID, facts.RESOURCE_ID, facts.RESOURCE_ID_XUA)
"""Names of the patient attribute by version of the sender: OpenNCP 7.1.1 and 8.0 on; up to 7.1.3; ITI TF-2 3.40."""

TRC_ATTRIBUTES: Mapping[str, AttributeRule] = {
    **{name: AttributeRule(name, _text, code=Code.ASSERTION_NOT_VALID) for name in PATIENT_NAMES},
    facts.PURPOSE_OF_USE: AttributeRule("purpose", _purpose, code=Code.NOT_ALLOWED),
    facts.PRESCRIPTION_ID: AttributeRule("prescription_id", _text),
    facts.DISPENSATION_PIN: AttributeRule("dispensation_pin", _text),
}

NOK_ATTRIBUTES: Mapping[str, AttributeRule] = {
    facts.NEXT_OF_KIN + "id": AttributeRule("next_of_kin_id", _text, required=True, reason="nok.id"),
    facts.SUBJECT_ID: AttributeRule("patient", _text),
    facts.PURPOSE_OF_USE: AttributeRule("purpose", _purpose, code=Code.NOT_ALLOWED),
    **{
        facts.NEXT_OF_KIN + suffix: AttributeRule(field, _text)
        for suffix, field in (
            ("firstname", "first_name"),
            ("familyname", "family_name"),
            ("gender", "gender"),
            ("birthdate", "birth_date"),
            ("address:street", "street"),
            ("address:city", "city"),
            ("address:postalcode", "postal_code"),
            ("address:country", "country"),
        )
    },
}


def _read_attributes(
    reading: Reading, table: Mapping[str, AttributeRule], attributes: Mapping[str, Sequence[_Element]]
) -> dict[str, Any]:
    """The claims of the table's attributes. Refuses a required one that is missing or empty."""
    old_names = facts.OLD_NAMES if reading.kind is Kind.HCP else {}
    current: dict[str, Sequence[_Element]] = {}
    for name, values in attributes.items():
        if name in table:
            current[name] = values
        elif name in old_names:
            reading.warn("attr.old_name")
            if old_names[name] not in attributes:
                current[old_names[name]] = values
        else:
            reading.warn("attr.unknown")
    claims: dict[str, Any] = {}
    for name, rule in table.items():
        if rule is KNOWN:
            continue
        values = current.get(name, ())
        if len(values) > 1 and not rule.many:
            raise reading.refuse("attr.multiple", rule.code)
        value = rule.read(reading, values, rule.code)
        if rule.required and not value:
            raise reading.refuse(rule.reason, rule.code)
        claims[rule.field] = value
    return claims


# --- the kinds -------------------------------------------------------------------------------------------------------


def read_hcp(root: _Element, reading: Reading) -> tuple[HcpClaims, bool]:
    """Claims of an HCP assertion, and whether it carries OneTimeUse. Raises ``SecurityError``."""
    frame = _read_frame(root, reading)
    if frame.authentication_class not in facts.TWO_FACTOR_CLASSES:
        raise reading.refuse("authn.weak", Code.WEAK_AUTHENTICATION)
    values = _read_attributes(reading, HCP_ATTRIBUTES, frame.attributes)
    roles: tuple[tuple[str, str], ...] = values.pop("roles")
    claims = HcpClaims(
        id=frame.id,
        issuer=frame.issuer,
        name_id=frame.name_id,
        name_id_format=frame.name_id_format,
        issued=frame.issued,
        not_before=frame.not_before,
        not_on_or_after=frame.not_on_or_after,
        authenticated=frame.authenticated,
        authentication_class=frame.authentication_class,
        alias=frame.alias,
        roles=tuple(isco for isco, _ in roles),
        role_name=roles[0][1] or facts.ROLES[roles[0][0]],
        **values,
    )
    return claims, frame.one_time


def read_trc(root: _Element, reading: Reading) -> tuple[TrcClaims, bool]:
    """Claims of a TRC assertion. ``purpose`` is empty when absent: the HCP's counts. Raises ``SecurityError``."""
    frame = _read_frame(root, reading)
    _check_previous_session(reading, frame)
    values = _read_attributes(reading, TRC_ATTRIBUTES, frame.attributes)
    patients = {values[name] for name in PATIENT_NAMES if name in frame.attributes}
    if len(patients) > 1:
        raise reading.refuse("trc.patient", Code.PATIENT_NOT_OF_TRC)
    patient = next(iter(patients), "")
    if not patient:
        raise reading.refuse("attr.missing")
    if facts.PURPOSE_OF_USE in frame.attributes and not values["purpose"]:
        raise reading.refuse("purpose.refused", Code.NOT_ALLOWED)
    if not values["purpose"]:
        reading.warn("purpose.missing")
    claims = TrcClaims(
        id=frame.id,
        issuer=frame.issuer,
        hcp_id=_hcp_reference(root, reading),
        name_id=frame.name_id,
        name_id_format=frame.name_id_format,
        issued=frame.issued,
        not_before=frame.not_before,
        not_on_or_after=frame.not_on_or_after,
        patient=_patient(reading, patient),
        purpose=values["purpose"],
        prescription_id=values["prescription_id"],
        dispensation_pin=values["dispensation_pin"],
    )
    return claims, frame.one_time


def read_nok(root: _Element, reading: Reading) -> tuple[NokClaims, bool]:
    """Claims of a next-of-kin assertion. Raises ``SecurityError``."""
    frame = _read_frame(root, reading)
    _check_previous_session(reading, frame)
    values = _read_attributes(reading, NOK_ATTRIBUTES, frame.attributes)
    values.pop("purpose")
    patient: str = values.pop("patient")
    values["birth_date"] = _birth_date(reading, values["birth_date"])
    claims = NokClaims(
        id=frame.id,
        hcp_id=_hcp_reference(root, reading),
        name_id=frame.name_id,
        name_id_format=frame.name_id_format,
        issued=frame.issued,
        not_before=frame.not_before,
        not_on_or_after=frame.not_on_or_after,
        patient=_patient(reading, patient) if patient else None,
        **values,
    )
    return claims, frame.one_time


# --- what all kinds share --------------------------------------------------------------------------------------------


def issuer_of(root: _Element) -> str:
    """The trimmed text of Issuer."""
    issuer = root.find(f"{_SAML}Issuer")
    return "" if issuer is None else (issuer.text or "").strip()


def _read_frame(root: _Element, reading: Reading) -> _Frame:
    """Steps 11 to 13."""
    # 11 present and filled
    if root.get("Version") != "2.0":
        raise reading.refuse("assertion.version")
    issuer = _filled(reading, root, "Issuer")
    subject = _only(reading, root, "Subject")
    name = _only(reading, subject, "NameID")
    name_id = _text_in(reading, name)
    name_format = name.get("Format")
    if not name_format:
        raise reading.refuse("attr.missing")
    if name_format not in facts.NAME_ID_FORMATS:
        reading.warn("name_id.format")
    conditions = _only(reading, root, "Conditions")
    authn = _only(reading, root, "AuthnStatement")
    context = _only(reading, authn, "AuthnContext")
    authentication_class = _filled(reading, context, "AuthnContextClassRef")
    statement = _only(reading, root, "AttributeStatement")

    # 12 times
    issued, not_before, not_on_or_after, authenticated = _check_times(reading, root, conditions, authn)

    # 13 audience and confirmation
    _check_audience(reading, conditions)
    _check_confirmation(reading, subject)

    return _Frame(
        id=root.get("ID", ""),
        issuer=issuer,
        name_id=name_id,
        name_id_format=name_format,
        alias=(name.get("SPProvidedID") or "").strip(),
        issued=issued,
        not_before=not_before,
        not_on_or_after=not_on_or_after,
        authenticated=authenticated,
        authentication_class=authentication_class,
        one_time=conditions.find(f"{_SAML}OneTimeUse") is not None,
        attributes=_attributes(reading, statement),
    )


def _only(reading: Reading, parent: _Element, name: str) -> _Element:
    found = list(parent.iterchildren(_SAML + name))
    if len(found) != 1:
        raise reading.refuse("attr.multiple" if found else "attr.missing")
    return found[0]


def _filled(reading: Reading, parent: _Element, name: str) -> str:
    return _text_in(reading, _only(reading, parent, name))


def _text_in(reading: Reading, element: _Element) -> str:
    text = (element.text or "").strip()
    if not text or len(element):
        raise reading.refuse("attr.missing")
    return text


def _attributes(reading: Reading, statement: _Element) -> dict[str, Sequence[_Element]]:
    attributes: dict[str, Sequence[_Element]] = {}
    for attribute in statement:
        name = attribute.get("Name", "")
        if name in attributes:
            rule = HCP_ATTRIBUTES.get(name) if reading.kind is Kind.HCP else None
            raise reading.refuse("attr.multiple", rule.code if rule else None)
        attributes[name] = list(attribute)
    return attributes


def _instant(reading: Reading, element: _Element, name: str) -> datetime:
    value = element.get(name)
    if value is None:
        raise reading.refuse("attr.missing")
    try:
        return from_saml(value)
    except ValueError:
        raise reading.refuse("time.format") from None


def _check_times(
    reading: Reading, root: _Element, conditions: _Element, authn: _Element
) -> tuple[datetime, datetime, datetime, datetime]:
    at, skew = reading.at, reading.rules.skew
    issued = _instant(reading, root, "IssueInstant")
    not_before = _instant(reading, conditions, "NotBefore")
    not_on_or_after = _instant(reading, conditions, "NotOnOrAfter")
    authenticated = _instant(reading, authn, "AuthnInstant")
    if not_on_or_after <= not_before:
        raise reading.refuse("time.order")
    if not_on_or_after - not_before > LIFETIMES[reading.kind]:
        raise reading.refuse("time.span")
    if not_before > at + skew:
        raise reading.refuse("time.not_yet_valid")
    if reading.is_over(not_on_or_after):
        raise reading.refuse("time.expired")
    if issued > at + skew or not_before - issued > ISSUED_BEFORE_VALID:
        raise reading.refuse("time.issued")
    if authenticated - issued > skew:
        raise reading.refuse("time.authenticated")
    if authn.get("SessionNotOnOrAfter") is not None and reading.is_over(
        _instant(reading, authn, "SessionNotOnOrAfter")
    ):
        raise reading.refuse("time.session")
    return issued, not_before, not_on_or_after, authenticated


def _check_audience(reading: Reading, conditions: _Element) -> None:
    restrictions = list(conditions.iterchildren(f"{_SAML}AudienceRestriction"))
    if not restrictions:
        reading.warn("audience.missing")
    for restriction in restrictions:
        # SAML Core 2.5.1.4: one Audience of each restriction must be met.
        if all(audience.text != facts.AUDIENCE for audience in restriction):
            raise reading.refuse("audience.mismatch")


def _check_confirmation(reading: Reading, subject: _Element) -> None:
    confirmation = list(subject.iterchildren(f"{_SAML}SubjectConfirmation"))
    if not confirmation:
        raise reading.refuse("attr.missing")
    method = confirmation[0].get("Method")
    rules = reading.rules
    if len(confirmation) > 1 or (method != facts.SENDER_VOUCHES and method not in rules.accept_confirmation_methods):
        raise reading.refuse("subject.confirmation")
    data = confirmation[0].find(f"{_SAML}SubjectConfirmationData")
    if data is None:
        return
    if data.get("NotBefore") is not None and _instant(reading, data, "NotBefore") - reading.at > rules.skew:
        raise reading.refuse("subject.confirmation")
    if data.get("NotOnOrAfter") is not None and reading.is_over(_instant(reading, data, "NotOnOrAfter")):
        raise reading.refuse("subject.confirmation")
    recipient = data.get("Recipient")
    if recipient is not None and recipient not in rules.recipients:
        raise reading.refuse("subject.confirmation")


def _check_previous_session(reading: Reading, frame: _Frame) -> None:
    """Step 14 for TRC and NOK."""
    if frame.authentication_class != facts.PREVIOUS_SESSION:
        raise reading.refuse("authn.class")


def _hcp_reference(root: _Element, reading: Reading) -> str:
    """The text of the one AssertionIDRef in Advice (steps 17, 22); nothing else may stand there."""
    advice = root.find(f"{_SAML}Advice")
    references = [] if advice is None else list(advice)
    if len(references) == 1 and references[0].tag == f"{_SAML}AssertionIDRef":
        return (references[0].text or "").strip()
    if reading.kind is Kind.NOK:
        raise reading.refuse("nok.hcp_reference")
    raise reading.refuse("trc.hcp_reference", Code.TRC_NOT_OF_HCP)


def _patient(reading: Reading, text: str) -> II:
    """The patient identifier from CX. A bare extension keeps an empty root, which equals no identifier of a query."""
    if "&amp;" in text:
        text = text.replace("&amp;", "&")
        reading.warn("patient.escaped_twice")
    if "^" not in text:
        reading.warn("patient.bare")
        return II("", text)
    try:
        return parse_cx(text)
    except ValueError:
        raise reading.refuse("attr.value") from None


_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_REVERSED_DATE = re.compile(r"(\d\d)-(\d\d)-(\d{4})", re.ASCII)
_JAVA_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) \d\d:\d\d:\d\d \S{1,12} (\d{4})", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def iso_birth_date(text: str) -> str:
    """``YYYY-MM-DD`` from the forms in use: ISO, day first, Java's default text (OpenNCP). Empty for any other."""
    if match := _ISO_DATE.fullmatch(text):
        year, month, day = match.groups()
    elif match := _REVERSED_DATE.fullmatch(text):
        day, month, year = match.groups()
    elif (match := _JAVA_DATE.fullmatch(text)) and match.group(1) in _MONTHS:
        month, day, year = f"{_MONTHS.index(match.group(1)) + 1:02d}", match.group(2), match.group(3)
    else:
        return ""
    return f"{year}-{month}-{day}" if "01" <= month <= "12" and "01" <= day <= "31" else ""


def _birth_date(reading: Reading, text: str) -> str:
    iso = iso_birth_date(text)
    if text and not iso:
        reading.warn("birth_date.form")
    return iso
