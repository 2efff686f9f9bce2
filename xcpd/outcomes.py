"""What an identification ends with: which refusal NCP-A writes, and what NCP-B makes of an answer.

Knows the table of outcomes (``OUTCOMES``, printed in ``docs/iti-55.md``), the checks of a question that need no
patient data, which person may be named, and how to judge the answers of all peer versions. Leaves permission, consent
and the national system to others: their errors come here only to be written.

Sources: ITI TF-2 3.55.4.2.2.5 to 3.55.4.2.3; konateq/ehealth, tags 5.2.9 to 8.1.1; gematik/NCPeH-Simulation-API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ncp.wire.errors import Code, ConnectorError, Family, NcpError, PatientError, RequestError, known
from ncp.wire.ids import II, CountryCode, Oid
from xcpd.facts import EHDSI_REASONS, IDENTIFIERS_MAX, IHE_REASONS, IHE_TRAIT_REQUESTS
from xcpd.mask_fields import Clause, IdentifierRules, Trait, is_clean
from xcpd.messages import (
    Acknowledgement,
    PatientDiscovery,
    PatientDiscoveryResponse,
    PatientSearch,
    Person,
    QueryResponse,
    Reason,
)
from xcpd.peer_text import clean, sentence_and_place

NO_IDENTIFIER = "query.no_identifier"
IDENTIFIER_INCOMPLETE = "identifier.incomplete"
IDENTIFIER_FORMAT = "identifier.format"
IDENTIFIER_ROOT = "identifier.root"
TRAIT_MISSING = "trait.missing"
TRAIT_FORMAT = "trait.format"
BIRTH_TIME_FORMAT = "trait.birth_time"
ACCESS_CODE_MISSING = "access_code.missing"
DEFERRED = "query.deferred"
MODALITY = "query.modality"
PROCESSING_MODE = "query.processing_mode"
WRONG_RECEIVER = "receiver.home_community"
COUNTRY_NOT_APPROVED = "country.not_approved"
NOBODY = "person.none"
CONTRADICTION = "person.contradiction"
UNCERTAIN = "person.uncertain"
SEVERAL = "person.several"
BIRTH_DATE_UNKNOWN = "person.birth_date"
CONNECTOR_EHIC = "connector.ehic"
CONNECTOR_ACCESS_CODE = "connector.access_code"
CONNECTOR_PRIVACY = "connector.privacy"
CONNECTOR_MORE_TRAITS = "connector.more_traits"
CONNECTOR_IDENTIFIER_ONLY = "connector.identifier_only"
CONNECTOR_RIGHTS = "connector.rights"
CONNECTOR_BUSY = "connector.busy"
CONNECTOR_UNAVAILABLE = "connector.unavailable"
GATEWAY_BUSY = "gateway.busy"

_TRIGGERS = frozenset(
    {
        Reason.DEMOGRAPHICS_QUERY_NOT_ALLOWED,
        Reason.ADDITIONAL_DEMOGRAPHICS_REQUESTED,
        Reason.EHIC_DATA_REQUESTED,
    }
)
_IHE = frozenset({Reason.ANSWER_NOT_AVAILABLE, Reason.RESPONDER_BUSY, Reason.INTERNAL_ERROR})


def place_of(reason: Reason) -> str:
    """``triggerFor`` for reasons that ask the other side to do something, ``mitigatedBy`` for the others."""
    return "triggerFor" if reason in _TRIGGERS else "mitigatedBy"


def system_of(reason: Reason) -> str:
    """The code system of a reason."""
    return IHE_REASONS if reason in _IHE else EHDSI_REASONS


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer without a person. ``text`` and ``location`` are never empty: readers of OpenNCP 7.1 need both."""

    reason: Reason
    code: str
    acknowledgement: Acknowledgement
    query_response: QueryResponse
    text: str
    location: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table. An error belongs to the first row that names its reason, else to the first that names its
    code. ``code`` None: the error's own code is sent. ``tell`` is for the professional."""

    number: int
    condition: str
    reason: Reason
    code: Code | None
    acknowledgement: Acknowledgement
    query_response: QueryResponse
    tell: str
    reasons: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    sentence: str = ""


_AA, _AE = Acknowledgement.AA, Acknowledgement.AE
_OK, _NF, _QAE = QueryResponse.OK, QueryResponse.NF, QueryResponse.AE

OUTCOMES: tuple[Outcome, ...] = (
    Outcome(
        2,
        "nobody found",
        Reason.ANSWER_NOT_AVAILABLE,
        Code.PI_NO_MATCH,
        _AA,
        _NF,
        "No patient found. Check number, document and country; the patient may not have activated the service.",
        (NOBODY, CONTRADICTION, UNCERTAIN),
        (Code.PI_NO_MATCH,),
    ),
    Outcome(
        3,
        "several persons found",
        Reason.ADDITIONAL_DEMOGRAPHICS_REQUESTED,
        Code.PI_MULTIPLE_MATCHES,
        _AA,
        _OK,
        "More than one person fits. Ask the patient for more details.",
        (SEVERAL,),
        (Code.PI_MULTIPLE_MATCHES,),
    ),
    Outcome(
        4,
        "no identifier in the question",
        Reason.DEMOGRAPHICS_QUERY_NOT_ALLOWED,
        Code.PI_GENERIC,
        _AA,
        _QAE,
        "An identifier is needed to find patients of this country.",
        (NO_IDENTIFIER, CONNECTOR_IDENTIFIER_ONLY),
        sentence="A patient identifier is needed.",
    ),
    Outcome(
        5,
        "identifier without root or extension, or not of the published format",
        Reason.DEMOGRAPHICS_QUERY_NOT_ALLOWED,
        Code.PI_INCORRECT_FORMATTING,
        _AA,
        _QAE,
        "The number does not have the right form.",
        (IDENTIFIER_INCOMPLETE, IDENTIFIER_FORMAT, TRAIT_FORMAT, BIRTH_TIME_FORMAT),
        (Code.PI_INCORRECT_FORMATTING,),
    ),
    Outcome(
        6,
        "mandatory trait missing",
        Reason.ADDITIONAL_DEMOGRAPHICS_REQUESTED,
        Code.PI_MISSING_REQUIRED_FIELDS,
        _AA,
        _OK,
        "Fill in all fields that this country asks for.",
        (TRAIT_MISSING, CONNECTOR_MORE_TRAITS),
        (Code.PI_MISSING_REQUIRED_FIELDS,),
    ),
    Outcome(
        7,
        "identifier root that this country does not use",
        Reason.ANSWER_NOT_AVAILABLE,
        Code.PI_NO_MATCH,
        _AA,
        _NF,
        "No patient found.",
        (IDENTIFIER_ROOT,),
    ),
    Outcome(
        8,
        "health card or EHIC demanded",
        Reason.EHIC_DATA_REQUESTED,
        Code.PI_GENERIC,
        _AA,
        _QAE,
        "Ask for the patient's health insurance card.",
        (CONNECTOR_EHIC,),
        sentence="The number of the health card is needed.",
    ),
    Outcome(
        9,
        "access code missing or wrong",
        Reason.PATIENT_AUTHENTICATION_REQUIRED,
        Code.PI_GENERIC,
        _AA,
        _QAE,
        "Ask the patient for the access code.",
        (ACCESS_CODE_MISSING, CONNECTOR_ACCESS_CODE),
        sentence="The patient's access code is missing or not valid.",
    ),
    Outcome(
        10,
        "no consent, or the patient's policy refuses",
        Reason.INSUFFICIENT_RIGHTS,
        Code.WARNING_PI_NO_CONSENT,
        _AA,
        _QAE,
        "The patient has not allowed this at home.",
        ("consent",),
        (Code.WARNING_PI_NO_CONSENT, Code.NO_CONSENT),
    ),
    Outcome(
        11,
        "too much would be disclosed",
        Reason.PRIVACY_VIOLATION,
        Code.PI_GENERIC,
        _AA,
        _QAE,
        "The country cannot answer this question without disclosing too much. Use other details.",
        (CONNECTOR_PRIVACY,),
        sentence="Other details are needed to protect the privacy of patients.",
    ),
    Outcome(
        12,
        "requesting country not approved",
        Reason.POLICY_VIOLATION,
        Code.PI_GENERIC,
        _AA,
        _QAE,
        "The service is not open for this country.",
        (COUNTRY_NOT_APPROVED,),
        sentence="The service is not open for the requesting country.",
    ),
    Outcome(
        13,
        "receiver is another home community",
        Reason.ANSWER_NOT_AVAILABLE,
        Code.PI_GENERIC,
        _AE,
        _QAE,
        "The gateways disagree on their configuration. Tell support.",
        (WRONG_RECEIVER,),
        sentence="The home community id of the receiver is not the one of this country.",
    ),
    Outcome(
        14,
        "deferred or another unsupported mode",
        Reason.INTERNAL_ERROR,
        Code.PI_GENERIC,
        _AE,
        _QAE,
        "The gateways disagree on their configuration. Tell support.",
        (DEFERRED, MODALITY, PROCESSING_MODE),
        sentence="Only immediate answers are supported.",
    ),
    Outcome(
        15,
        "no Security header, or no HCP assertion",
        Reason.INSUFFICIENT_RIGHTS,
        None,
        _AE,
        _QAE,
        "You are not identified. Log in again.",
        codes=(Code.ASSERTION_NOT_VALID, Code.HPI_AUTHENTICATION_NOT_RECEIVED),
    ),
    Outcome(
        16,
        "HCP assertion with a field missing or wrong, or expired",
        Reason.INSUFFICIENT_RIGHTS,
        None,
        _AE,
        _QAE,
        "The other country did not accept how you were identified. Log in again.",
        codes=(
            Code.HPI_GENERIC,
            Code.WARNING_HPI_GENERIC,
            Code.HPI_INSUFFICIENT_INFORMATION,
            Code.HPI_POC_NO_INFORMATION,
            Code.HPI_HAI_NO_INFORMATION,
            Code.HPI_NO_INFORMATION,
            Code.WEAK_AUTHENTICATION,
            Code.TRC_NOT_OF_HCP,
        ),
    ),
    Outcome(
        17,
        "HCP assertion with a wrong structure or signature, or a certificate that is not trusted",
        Reason.INSUFFICIENT_RIGHTS,
        None,
        _AE,
        _QAE,
        "The request was refused for a security reason. Tell support.",
        codes=(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, Code.SEC_GENERIC, Code.WARNING_SEC_GENERIC),
    ),
    Outcome(
        18,
        "permission missing or role not allowed",
        Reason.INSUFFICIENT_RIGHTS,
        None,
        _AE,
        _QAE,
        "Your role may not search for patients there.",
        (CONNECTOR_RIGHTS,),
        (Code.NOT_ALLOWED, Code.UNSIGNED_DOCUMENT, Code.POLICY_VIOLATION, Code.UNKNOWN_POLICY),
    ),
    Outcome(
        19,
        "national registry not available",
        Reason.RESPONDER_BUSY,
        Code.PI_REGISTRY_NOT_AVAILABLE,
        _AE,
        _QAE,
        "The service of the other country is not available just now. Try again later.",
        (CONNECTOR_UNAVAILABLE,),
        (Code.PI_REGISTRY_NOT_AVAILABLE,),
    ),
    Outcome(
        20,
        "birth date unknown, or an error that says no more than that",
        Reason.INTERNAL_ERROR,
        Code.PI_GENERIC,
        _AE,
        _QAE,
        "Something went wrong. Try again later, or contact support with the reference number.",
        (BIRTH_DATE_UNKNOWN,),
        (Code.PI_GENERIC, Code.WARNING_PI_GENERIC),
    ),
    Outcome(
        21,
        "overload",
        Reason.RESPONDER_BUSY,
        Code.PI_REGISTRY_NOT_AVAILABLE,
        _AE,
        _QAE,
        "The service of the other country is busy. Try again later.",
        (CONNECTOR_BUSY, GATEWAY_BUSY),
    ),
)
"""The conditions of an answer without a person; numbers as in ``docs/iti-55.md``."""

ANY_OTHER = Outcome(
    20,
    "any other error",
    Reason.INTERNAL_ERROR,
    Code.PI_INTERNAL_ERROR,
    _AE,
    _QAE,
    "Something went wrong. Try again later, or contact support with the reference number.",
)

_BY_REASON = {name: outcome for outcome in reversed(OUTCOMES) for name in outcome.reasons}
_BY_CODE = {str(code): outcome for outcome in reversed(OUTCOMES) for code in outcome.codes}
_BUSY = _BY_REASON[CONNECTOR_UNAVAILABLE]


def outcome_of(error: NcpError) -> Outcome:
    """The row of an error: by reason, by code, by the family of busy codes, else ``ANY_OTHER``."""
    found = _BY_REASON.get(error.reason) or _BY_CODE.get(error.code)
    if found is not None:
        return found
    return _BUSY if error.family is Family.BUSY else ANY_OTHER


def refusal_for(error: NcpError, *, reference: str = "") -> Refusal:
    """How an error is told to the asking gateway; ``reference`` is the transaction's own number for support.

    Only codes of the list of identification codes go out: OpenNCP's readers fail on others. The text is the code's own,
    with a sentence of the row; a national connector's message, meant for the peer, is added. Security refusals say
    nothing more: the internal reason stays in the log.
    """
    row = outcome_of(error)
    # A connector that refuses the professional without saying which rule still needs a code of that row.
    own = _BY_CODE.get(error.code)
    code = row.code or (known(error.code) if own is row else None) or Code.NOT_ALLOWED
    sentences = [code.text, row.sentence]
    if isinstance(error, ConnectorError) and error.message not in (code.text, error.code, _text_of(error.code)):
        sentences.append(clean(error.message))
    return Refusal(
        reason=row.reason,
        code=str(code),
        acknowledgement=row.acknowledgement,
        query_response=row.query_response,
        text=" ".join(filter(None, sentences)),
        location=f"XCPD {reference}".strip(),
    )


def _text_of(code: str) -> str:
    declared = known(code)
    return declared.text if declared else ""


def check_discovery(
    discovery: PatientDiscovery, *, home: Oid, mask_rules: IdentifierRules, demographics_allowed: bool
) -> None:
    """Whether the question can be asked at all, in this order: a sound message, for this community, an immediate
    answer, the traits this country wants. Raises ``RequestError`` with a reason of ``OUTCOMES``."""
    for defect in discovery.defects:
        if defect.startswith("message.") or defect in ("query.missing", "query.multiple", "query.query_id"):
            raise RequestError(Code.PI_INTERNAL_ERROR, defect)
    if discovery.receiver != home:
        raise RequestError(Code.PI_GENERIC, WRONG_RECEIVER)
    if discovery.priority != "I":
        raise RequestError(Code.PI_GENERIC, DEFERRED)
    for defect in discovery.defects:
        if defect in (MODALITY, PROCESSING_MODE):
            raise RequestError(Code.PI_GENERIC, defect)
        raise RequestError(Code.PI_INCORRECT_FORMATTING, defect)
    check_search(discovery.search, mask_rules, demographics_allowed=demographics_allowed)


def check_search(search: PatientSearch, rules: IdentifierRules, *, demographics_allowed: bool) -> None:
    """Whether the traits are those that the country of ``rules`` wants. NCP-B asks this before it sends, too.

    Raises ``RequestError``: ``query.no_identifier``, ``identifier.incomplete``, ``identifier.root``,
    ``identifier.format``, ``trait.format``, ``access_code.missing``, ``trait.missing``.
    """
    identifiers = search.identifiers
    for identifier in identifiers:
        if not identifier.root or not identifier.extension:
            raise RequestError(Code.PI_INCORRECT_FORMATTING, IDENTIFIER_INCOMPLETE)
    if not identifiers and not demographics_allowed:
        raise RequestError(Code.PI_GENERIC, NO_IDENTIFIER)
    if len(identifiers) > IDENTIFIERS_MAX:
        raise RequestError(Code.PI_INCORRECT_FORMATTING, IDENTIFIER_FORMAT)
    for identifier in identifiers:
        if identifier.root not in rules.formats:
            raise RequestError(Code.PI_NO_MATCH, IDENTIFIER_ROOT)
        if not is_clean(identifier.extension) or not any(
            allowed.accepts(identifier.extension) for allowed in rules.formats[identifier.root]
        ):
            raise RequestError(Code.PI_INCORRECT_FORMATTING, IDENTIFIER_FORMAT)
    if not all(is_clean(value) for value in _demographics(search).values()):
        raise RequestError(Code.PI_INCORRECT_FORMATTING, TRAIT_FORMAT)
    _check_required(search, rules)


def _check_required(search: PatientSearch, rules: IdentifierRules) -> None:
    there = {identifier.root for identifier in search.identifiers}
    there |= {trait for trait, value in _demographics(search).items() if value}
    missing: list[Clause] = [
        clause
        for clause in rules.clauses
        # Where a search by demographics is allowed, one without any identifier need not name one.
        if not any(option <= there for option in clause)
        and (search.identifiers or not any(option & rules.formats.keys() for option in clause))
    ]
    if not search.identifiers and not (search.family and search.given and search.birth_date):
        # ITI TF-2 3.55.4.1.2.4: without an identifier, name and birth time are the least there must be.
        raise RequestError(Code.PI_MISSING_REQUIRED_FIELDS, TRAIT_MISSING)
    if not missing:
        return
    if all(any(option - there <= rules.access_codes for option in clause) for clause in missing):
        raise RequestError(Code.PI_GENERIC, ACCESS_CODE_MISSING)
    raise RequestError(Code.PI_MISSING_REQUIRED_FIELDS, TRAIT_MISSING)


def _demographics(search: PatientSearch) -> dict[str, str]:
    address = search.address
    return {
        Trait.FAMILY.value: search.family,
        Trait.GIVEN.value: search.given,
        Trait.GENDER.value: search.gender,
        Trait.BIRTH_DATE.value: search.birth_date,
        Trait.STREET.value: address.street,
        Trait.CITY.value: address.city,
        Trait.POSTAL_CODE.value: address.postal_code,
        Trait.COUNTRY.value: address.country,
    }


def certain_person(persons: Sequence[Person], search: PatientSearch, *, birth_time_optional: bool = False) -> Person:
    """The one person who may be named to another country.

    Persons who contradict the demographics of the question, or who match with less than certainty, are nobody. Raises
    ``PatientError``: ``person.none``, ``person.contradiction``, ``person.uncertain`` (all of them "no match"),
    ``person.several`` or ``person.birth_date`` (unknown or partial, unless ``birth_time_optional``).
    """
    if not persons:
        raise PatientError(Code.PI_NO_MATCH, NOBODY)
    agreeing = [person for person in persons if not contradictions(search, person)]
    if not agreeing:
        raise PatientError(Code.PI_NO_MATCH, CONTRADICTION)
    if len(agreeing) > 1:
        raise PatientError(Code.PI_MULTIPLE_MATCHES, SEVERAL)
    person = agreeing[0]
    if person.match_quality < 100:
        raise PatientError(Code.PI_NO_MATCH, UNCERTAIN)
    if len(person.birth_date) != 8 and not birth_time_optional:
        raise PatientError(Code.PI_GENERIC, BIRTH_DATE_UNKNOWN)
    return person


def contradictions(search: PatientSearch, person: Person) -> tuple[str, ...]:
    """``birth_date.contradiction``, ``gender.contradiction``. A partial date is compared in the digits both have; an
    undifferentiated or unknown gender contradicts none."""
    found = []
    digits = min(len(search.birth_date), len(person.birth_date))
    if search.birth_date[:digits] != person.birth_date[:digits]:
        found.append("birth_date.contradiction")
    if {search.gender, person.gender} == {"F", "M"}:
        found.append("gender.contradiction")
    return tuple(found)


@dataclass(frozen=True, slots=True, repr=False)
class PatientMatch:
    """The person another country found. ``person.id`` goes into the TRC assertion and into every question that follows.

    ``warnings`` for the professional: ``birth_date.contradiction``, ``gender.contradiction``, ``birth_date.partial``,
    ``match_quality.low``; for log and audit only: ``id_root.missing``, ``custodian.home_community``,
    ``target_message.mismatch``, ``query_id.mismatch``, and the names the reader noted.
    """

    person: Person
    warnings: tuple[str, ...] = ()

    @property
    def to_show(self) -> tuple[str, ...]:
        """Those of the warnings that are for the professional."""
        return tuple(warning for warning in self.warnings if warning in _FOR_THE_PROFESSIONAL)

    def __repr__(self) -> str:
        return "PatientMatch(<redacted>)"


_FOR_THE_PROFESSIONAL = frozenset(
    {"birth_date.contradiction", "gender.contradiction", "birth_date.partial", "match_quality.low"}
)


def interpret(
    request: PatientDiscovery,
    response: PatientDiscoveryResponse,
    *,
    country: CountryCode,
    minimum_quality: int = 90,
) -> PatientMatch:
    """What the answer of any peer version means.

    A subject with a patient id is success, whatever typeCode and queryResponseCode say: OpenNCP 7.1 to 8.1 answers
    ``AE`` with perfectly good patients. Raises ``PatientError`` with ``gateway=country``, the reason
    ``answer.<Reason>`` (``answer.AnswerNotAvailable``; ``answer.unknown`` without any known one), the partner's cleaned
    sentence as message and its technical place as context.
    """
    persons = _distinct(_with_root(person, request.search) for person in response.persons)
    if not persons:
        raise _refused(request, response, country)
    if len(persons) > 1 or "subject.without_id" in response.problems:
        # Somebody without an id is somebody: who is meant is not certain any more.
        raise PatientError(
            Code.PI_MULTIPLE_MATCHES, f"answer.{Reason.ADDITIONAL_DEMOGRAPHICS_REQUESTED.value}", gateway=country
        )
    person = persons[0]
    if not person.id.root:
        raise PatientError(Code.PI_GENERIC, "answer.patient_id", gateway=country)
    if person.match_quality < minimum_quality:
        raise PatientError(Code.PI_NO_MATCH, "answer.match_quality", gateway=country)
    warnings = [*contradictions(request.search, person), *_oddities(request, response, person)]
    if response.persons[0].id.root != person.id.root:
        warnings.append("id_root.missing")
    # The configured id of the country asked is the one to use, whatever the custodian says.
    return PatientMatch(replace(person, home_community=request.receiver), tuple(dict.fromkeys(warnings)))


def _distinct(persons: Iterable[Person]) -> list[Person]:
    """Persons who differ in id or in any fact about them; of the same one, the lowest match quality counts."""
    found: dict[Person, Person] = {}
    for person in persons:
        facts = replace(person, match_quality=0, home_community="")
        if facts not in found or person.match_quality < found[facts].match_quality:
            found[facts] = person
    return list(found.values())


def _with_root(person: Person, search: PatientSearch) -> Person:
    """A patient id without a root gets the one that was searched first: an empty root would name nobody in XCA."""
    if person.id.root or not search.identifiers:
        return person
    return replace(person, id=II(search.identifiers[0].root, person.id.extension))


def _oddities(request: PatientDiscovery, response: PatientDiscoveryResponse, person: Person) -> Iterable[str]:
    if 0 < len(person.birth_date) < 8:
        yield "birth_date.partial"
    if person.match_quality < 100:
        yield "match_quality.low"
    if person.home_community and person.home_community != request.receiver:
        yield "custodian.home_community"
    target = response.target_message
    if target.root and target.extension and target != request.id:
        yield "target_message.mismatch"
    if response.query_id is not None and response.query_id != request.query_id:
        yield "query_id.mismatch"
    yield from response.problems


_CODE_OF_REASON: dict[Reason, Code] = {
    Reason.RESPONDER_BUSY: Code.PI_REGISTRY_NOT_AVAILABLE,
    Reason.NATIONAL_INFRASTRUCTURE: Code.PI_REGISTRY_NOT_AVAILABLE,
    Reason.INTERNAL_ERROR: Code.PI_INTERNAL_ERROR,
    Reason.INSUFFICIENT_RIGHTS: Code.NOT_ALLOWED,
}
"""What a reason says more exactly than a generic code beside it."""

_OLD_TEXTS: tuple[tuple[str, Reason, Code], ...] = (
    ("no patient found", Reason.ANSWER_NOT_AVAILABLE, Code.PI_NO_MATCH),
    ("(4703)", Reason.INSUFFICIENT_RIGHTS, Code.NOT_ALLOWED),
    ("wrong home community id", Reason.INTERNAL_ERROR, Code.PI_GENERIC),
    ("only available with patient identifiers", Reason.DEMOGRAPHICS_QUERY_NOT_ALLOWED, Code.PI_GENERIC),
)
"""OpenNCP up to 5.x sends no code, only these texts."""


_CODE = re.compile(r"[A-Z][A-Z_]*[A-Z0-9_]{0,8}|[0-9]{4}")
"""Codes of any list, but nothing that could be a person's number: a code reaches logs."""


def _refused(request: PatientDiscovery, response: PatientDiscoveryResponse, country: CountryCode) -> PatientError:
    reason, code = _class_of(response)
    message, context = sentence_and_place(response.text, response.location, _values(request.search))
    return PatientError(
        code, f"answer.{reason.value if reason else 'unknown'}", message=message, context=context, gateway=country
    )


def _class_of(response: PatientDiscoveryResponse) -> tuple[Reason | None, str]:
    """Reason code first, then code, then ``NF``, then the old texts; the code to tell the front end beside it."""
    reason = _reason_of(response)
    code = response.code if _CODE.fullmatch(response.code) else ""
    generic = not code or code in (Code.PI_GENERIC, Code.WARNING_PI_GENERIC)
    applied = response.acknowledgement not in ("AE", "AR")
    if code == Code.PI_NO_MATCH or (reason is Reason.ANSWER_NOT_AVAILABLE and applied):
        return Reason.ANSWER_NOT_AVAILABLE, Code.PI_NO_MATCH
    if reason is not None and reason is not Reason.ANSWER_NOT_AVAILABLE:
        return reason, _CODE_OF_REASON.get(reason, Code.PI_GENERIC) if generic else code
    if not generic:
        declared = _BY_CODE.get(code)
        return declared.reason if declared else reason, code
    if response.query_response == "NF":
        return Reason.ANSWER_NOT_AVAILABLE, Code.PI_NO_MATCH
    text = response.text.lower()
    for words, old_reason, old_code in _OLD_TEXTS:
        if words in text:
            return old_reason, old_code
    return reason, code or Code.PI_GENERIC


def _reason_of(response: PatientDiscoveryResponse) -> Reason | None:
    if response.reason_system == IHE_TRAIT_REQUESTS:
        return Reason.ADDITIONAL_DEMOGRAPHICS_REQUESTED
    try:
        return Reason(response.reason)
    except ValueError:
        return None


def _values(search: PatientSearch) -> list[str]:
    """Everything that was asked with, longest first, so that a partner's text cannot carry it on."""
    birth = search.birth_date
    dates = [birth, f"{birth[:4]}-{birth[4:6]}-{birth[6:]}", f"{birth[6:]}.{birth[4:6]}.{birth[:4]}"] if birth else []
    traits = [value for trait, value in _demographics(search).items() if trait != Trait.GENDER.value]
    identifiers = [identifier.extension for identifier in search.identifiers]
    return sorted({*dates, *traits, *identifiers} - {""}, key=len, reverse=True)
