"""The token service of NCP-B in OpenNCP's form: RequestSecurityToken in, TRC or NOK assertion out, and its faults.

Pure reading and writing, both ends. Verifying the HCP assertion, issuing and HTTP are left to the front end. The
service never crosses a border; it exists so that a portal made for OpenNCP can use us, and we can use an OpenNCP STS.

Sources: WS-Trust 1.3; OpenNCP ``STSService``, ``NextOfKinService`` (ncp-docker-dev-AT/eHDSI_ehealth, konateq/ehealth).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lxml.etree import _Element

from ncp.wire.errors import Code, NcpError, RequestError, SecurityError
from ncp.wire.ids import II, parse_cx
from ncp.wire.times import to_saml
from ncp.wire.xml import NS_SAML, NS_SOAP12, NS_WSA, NS_WSSE, NS_WSU, text_of
from saml_assertions import facts
from saml_assertions.issue import NextOfKin
from saml_assertions.read_claims import iso_birth_date

NS_WST = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
NS_TRC = "https://ehdsi.eu/assertion/trc"
NS_NOK = "https://ehdsi.eu/assertion/nok"
ISSUE = NS_WST + "/Issue"
SAML2_TOKEN = NS_SAML
RST_ACTION = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"
RESPONSE_ACTION = "urn:IssueTokenResponse"
CONTENT_TYPE = "application/soap+xml"

Service = Literal["TRC", "NOK"]

# Fault strings as OpenNCP's portals know them.
BROKEN_ENVELOPE = "Cannot get Soap Message Parts"
ONLY_ISSUE = "Only ISSUE action is supported"
NO_REQUEST_TYPE = "No Request Type is Specified."
NO_TOKEN_TYPE = "No Token Type is Specified."  # noqa: S105 - a fault string
ONLY_SAML2 = "Only SAML2.0 Tokens are Issued"
NO_PARAMETERS: Mapping[Service, str] = {"TRC": "No TRC Parameters in RST", "NOK": "No NoK Parameters in RST"}
NO_PATIENT = "Patient ID is Missing from the RST"
WRONG_PURPOSE = "Purpose of Use MUST be either TREATMENT of EMERGENCY"
NO_MESSAGE_ID = "Message ID not found in Header"
NO_ASSERTION = "SAML Identity Assertion is missing from the Security Header"
BROKEN_ASSERTION = "Error Parsing SAML Assertion in Message Header"
BAD_SIGNATURE = "Error validating SAML Assertion signature"
VALIDATION_FAILED = "SAML Assertion Validation Failed: "


class StsFault(RequestError):
    """A fault of the token service: ``message`` is the faultstring, free of personal data."""

    def __init__(self, reason: str, text: str, code: Code | str = Code.ASSERTION_NOT_VALID) -> None:
        super().__init__(code, reason, message=text)


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class TokenRequest:
    """What a portal asks. ``security`` are the Security blocks of the header, for ``verify``.

    ``patient`` is None only for a NOK request without one; ``purpose`` is empty when the request leaves it out.
    """

    service: Service
    message_id: str
    security: tuple[_Element, ...]
    patient: II | None
    purpose: str = ""
    prescription_id: str = ""
    dispensation_pin: str = ""
    next_of_kin: NextOfKin | None = None

    def __repr__(self) -> str:
        return f"TokenRequest({self.service})"


# --- reading a request -----------------------------------------------------------------------------------------------


def read_request(root: _Element, service: Service) -> TokenRequest:
    """The request in a parsed envelope. Raises ``StsFault``. The HCP assertion in it is not verified here."""
    header = root.find(f"{{{NS_SOAP12}}}Header")
    body = root.find(f"{{{NS_SOAP12}}}Body")
    if root.tag != f"{{{NS_SOAP12}}}Envelope" or header is None or body is None:
        raise StsFault("sts.envelope", BROKEN_ENVELOPE)
    requests = list(body.iterchildren("*"))
    if len(requests) != 1 or requests[0].tag != f"{{{NS_WST}}}RequestSecurityToken":
        raise StsFault("sts.envelope", BROKEN_ENVELOPE)
    request = requests[0]
    _check_constant(request, "RequestType", ISSUE, "sts.request_type", NO_REQUEST_TYPE, ONLY_ISSUE)
    _check_constant(request, "TokenType", SAML2_TOKEN, "sts.token_type", NO_TOKEN_TYPE, ONLY_SAML2)
    message_id = text_of(header.find(f"{{{NS_WSA}}}MessageID"))
    if not message_id:
        raise StsFault("sts.message_id", NO_MESSAGE_ID)
    security = tuple(header.iterchildren(f"{{{NS_WSSE}}}Security"))
    if len(security) != 1 or len(security[0].findall(f"{{{NS_SAML}}}Assertion")) != 1:
        raise StsFault("sts.assertion", NO_ASSERTION)
    if service == "TRC":
        return _read_trc(request, message_id, security)
    return _read_nok(request, message_id, security)


def _check_constant(request: _Element, name: str, value: str, reason: str, missing: str, wrong: str) -> None:
    element = request.find(f"{{{NS_WST}}}{name}")
    if element is None:
        raise StsFault(reason, missing)
    # Compared as it stands: the reference STS does not trim either.
    if element.text != value or len(element):
        raise StsFault(reason, wrong)


def _read_trc(request: _Element, message_id: str, security: tuple[_Element, ...]) -> TokenRequest:
    values = _parameters(request, "TRC", f"{{{NS_TRC}}}", "TRCParameters")
    patient = _patient(values.get("PatientId", ""))
    if patient is None:
        raise StsFault("sts.patient", NO_PATIENT)
    return TokenRequest(
        service="TRC",
        message_id=message_id,
        security=security,
        patient=patient,
        purpose=_purpose(values),
        prescription_id=values.get("PrescriptionId", ""),
        dispensation_pin=values.get("DispensationPinCode", ""),
    )


def _read_nok(request: _Element, message_id: str, security: tuple[_Element, ...]) -> TokenRequest:
    values = _parameters(request, "NOK", f"{{{NS_NOK}}}", "NoKParameters")
    return TokenRequest(
        service="NOK",
        message_id=message_id,
        security=security,
        patient=_patient(values.get("PatientId", "")),
        purpose=_purpose(values),
        next_of_kin=NextOfKin(
            identifier=values.get("NextOfKinId", ""),
            first_name=values.get("NextOfKinFirstName", ""),
            family_name=values.get("NextOfKinFamilyName", ""),
            gender=values.get("NextOfKinGender", ""),
            # OpenNCP's client writes year first, its server reads day first: both are read here.
            birth_date=iso_birth_date(values.get("NextOfKinBirthDate", "")),
            street=values.get("NextOfKinAddressStreet", ""),
            city=values.get("NextOfKinAddressCity", ""),
            # The client of OpenNCP writes the first name, its server reads the second.
            postal_code=values.get("NextOfKinAddressPostalCode") or values.get("NextOfKinPostalCode", ""),
            country=values.get("NextOfKinAddressCountry", ""),
        ),
    )


def _parameters(request: _Element, service: Service, namespace: str, name: str) -> dict[str, str]:
    """Texts by local name; the first counts where one is repeated (several PatientId since OpenNCP 7.1.2)."""
    parameters = request.find(namespace + name)
    if parameters is None:
        raise StsFault("sts.parameters", NO_PARAMETERS[service])
    values: dict[str, str] = {}
    for element in parameters.iterchildren(f"{namespace}*"):
        values.setdefault(str(element.tag).removeprefix(namespace), text_of(element))
    return values


def _purpose(values: Mapping[str, str]) -> str:
    purpose = values.get("PurposeOfUse")
    if purpose is None:
        return ""
    if purpose not in facts.PURPOSES:
        raise StsFault("purpose.refused", WRONG_PURPOSE, Code.NOT_ALLOWED)
    return purpose


def _patient(text: str) -> II | None:
    if not text:
        return None
    try:
        return parse_cx(text)
    except ValueError:
        raise StsFault("sts.patient", NO_PATIENT) from None


# --- faults ----------------------------------------------------------------------------------------------------------

_SIGNATURE_REASONS = ("sig.", "cert.", "id.", "xml.", "issuer.")
_SAFE_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SAFE_TIME = re.compile(r"[0-9TZ:.+-]{10,40}", re.ASCII)


def fault_of(error: NcpError, assertion: _Element | None, at: datetime) -> StsFault:
    """The fault for a refused HCP assertion. ID and times are repeated to the portal only in their plain forms."""
    return StsFault(error.reason, _fault_text(error, assertion, at), error.code)


def _fault_text(error: NcpError, assertion: _Element | None, at: datetime) -> str:
    reason = error.reason
    if not isinstance(error, SecurityError):
        return error.message
    if reason.startswith(_SIGNATURE_REASONS):
        return BAD_SIGNATURE
    if reason.startswith(("header.", "hcp.")):
        return NO_ASSERTION
    if reason.startswith(("schema.", "assertion.")):
        return BROKEN_ASSERTION
    if reason in ("time.not_yet_valid", "time.expired") and assertion is not None:
        name, word = ("NotBefore", "before") if reason == "time.not_yet_valid" else ("NotOnOrAfter", "after")
        conditions = assertion.find(f"{{{NS_SAML}}}Conditions")
        limit = "" if conditions is None else _safe(_SAFE_TIME, conditions.get(name))
        return (
            f"{VALIDATION_FAILED}Identity Assertion with ID {_safe(_SAFE_ID, assertion.get('ID'))} can't be used "
            f"{word} {limit}. Current UTC time is {to_saml(at)}"
        )
    if reason == "authn.weak" and assertion is not None:
        classes = ", ".join(sorted(facts.TWO_FACTOR_CLASSES))
        return (
            f"{VALIDATION_FAILED}Identity Assertion with ID {_safe(_SAFE_ID, assertion.get('ID'))} has another "
            f"authnContextClassRef. Instead authnContextClassRef must be one of [{classes}]"
        )
    return VALIDATION_FAILED + error.message


def _safe(form: re.Pattern[str], value: str | None) -> str:
    return value if value and form.fullmatch(value) else "?"


# --- writing an answer, and the client's end -------------------------------------------------------------------------


def write_response(
    assertion: bytes, *, created: datetime, expires: datetime, message_id: str, relates_to: str
) -> bytes:
    """The answer envelope round a signed assertion, whose bytes are spliced in as they are.

    ``relates_to`` is the request's MessageID; ``uuid:…`` becomes ``urn:uuid:…`` as OpenNCP does it.
    """
    if relates_to.startswith("uuid:"):
        relates_to = "urn:" + relates_to
    lifetime = (
        f'<wsu:Created xmlns:wsu="{NS_WSU}">{to_saml(created)}</wsu:Created>'
        f'<wsu:Expires xmlns:wsu="{NS_WSU}">{to_saml(expires)}</wsu:Expires>'
    )
    head = (
        f'<env:Envelope xmlns:env="{NS_SOAP12}"><env:Header xmlns:wsa="{NS_WSA}">'
        f"<wsa:MessageID>{_escape(message_id)}</wsa:MessageID>"
        f'<wsse:Security xmlns:wsse="{NS_WSSE}"><wsu:Timestamp xmlns:wsu="{NS_WSU}">{lifetime}</wsu:Timestamp>'
        f"</wsse:Security><wsa:Action>{RESPONSE_ACTION}</wsa:Action>"
        f"<wsa:RelatesTo>{_escape(relates_to)}</wsa:RelatesTo></env:Header><env:Body>"
        f'<wst:RequestSecurityTokenResponseCollection xmlns:wst="{NS_WST}"><wst:RequestSecurityTokenResponse>'
        "<wst:RequestedSecurityToken>"
    )
    # "LifeTime" with a capital T is OpenNCP's spelling of WS-Trust's Lifetime.
    foot = (
        f"</wst:RequestedSecurityToken><wst:TokenType>{SAML2_TOKEN}</wst:TokenType>"
        f"<wst:LifeTime>{lifetime}</wst:LifeTime></wst:RequestSecurityTokenResponse>"
        "</wst:RequestSecurityTokenResponseCollection></env:Body></env:Envelope>"
    )
    return b"".join((head.encode(), assertion, foot.encode()))


def write_request(
    service: Service,
    hcp: bytes,
    *,
    message_id: str,
    patient: II | None,
    purpose: str,
    prescription_id: str = "",
    dispensation_pin: str = "",
    next_of_kin: NextOfKin | None = None,
) -> bytes:
    """A request to an OpenNCP STS; ``hcp`` is the signed HCP assertion, spliced in. ``ValueError`` without patient."""
    if service == "TRC":
        if patient is None:
            raise ValueError("a TRC request names its patient")
        parameters = _write_parameters(
            "trc",
            NS_TRC,
            "TRCParameters",
            [
                ("PurposeOfUse", purpose),
                ("PatientId", patient.as_cx()),
                ("DispensationPinCode", dispensation_pin),
                ("PrescriptionId", prescription_id),
            ],
        )
    else:
        who = next_of_kin or NextOfKin(identifier="")
        parameters = _write_parameters(
            "nok",
            NS_NOK,
            "NoKParameters",
            [
                ("PurposeOfUse", purpose),
                ("PatientId", patient.as_cx() if patient else ""),
                ("NextOfKinId", who.identifier),
                ("NextOfKinFirstName", who.first_name),
                ("NextOfKinFamilyName", who.family_name),
                ("NextOfKinGender", who.gender),
                ("NextOfKinBirthDate", who.birth_date),
                ("NextOfKinAddressStreet", who.street),
                ("NextOfKinAddressCity", who.city),
                ("NextOfKinAddressPostalCode", who.postal_code),
                ("NextOfKinPostalCode", who.postal_code),
                ("NextOfKinAddressCountry", who.country),
            ],
        )
    head = (
        f'<env:Envelope xmlns:env="{NS_SOAP12}"><env:Header>'
        f'<wsa:MessageID xmlns:wsa="{NS_WSA}">{_escape(message_id)}</wsa:MessageID>'
        f'<wsse:Security xmlns:wsse="{NS_WSSE}" env:mustUnderstand="true">'
    )
    foot = (
        f'</wsse:Security></env:Header><env:Body><wst:RequestSecurityToken xmlns:wst="{NS_WST}">'
        f"<wst:RequestType>{ISSUE}</wst:RequestType><wst:TokenType>{SAML2_TOKEN}</wst:TokenType>{parameters}"
        "</wst:RequestSecurityToken></env:Body></env:Envelope>"
    )
    return b"".join((head.encode(), hcp, foot.encode()))


def read_response(root: _Element) -> _Element:
    """The first Assertion below RequestedSecurityToken, unverified. Raises ``StsFault`` when there is none."""
    token = next(root.iter(f"{{{NS_WST}}}RequestedSecurityToken"), None)
    assertion = None if token is None else token.find(f"{{{NS_SAML}}}Assertion")
    if assertion is None:
        raise StsFault("sts.response", "the token service answered without an assertion", Code.SEC_GENERIC)
    return assertion


def _write_parameters(prefix: str, namespace: str, name: str, values: list[tuple[str, str]]) -> str:
    written = "".join(f"<{prefix}:{key}>{_escape(value)}</{prefix}:{key}>" for key, value in values if value)
    return f'<{prefix}:{name} xmlns:{prefix}="{namespace}">{written}</{prefix}:{name}>'


def _escape(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
