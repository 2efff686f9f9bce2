"""What the stable reasons in the log mean: where the check stands, what the peer was told, what to look at.

Data only, for ``ncp explain REASON``. The checks themselves: ``docs/assertions.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ncp.wire.errors import Code


@dataclass(frozen=True, slots=True)
class Meaning:
    """``told`` are the codes the peer gets; it never learns the reason."""

    text: str
    look_at: str
    told: tuple[Code, ...]


_INTEGRITY = (Code.SEC_DATA_INTEGRITY_NOT_ENSURED,)
_CERTIFICATE = (Code.SEC_GENERIC,)
_HCP = (Code.HPI_GENERIC, Code.ASSERTION_NOT_VALID)

REASONS: dict[str, Meaning] = {
    "header.missing": Meaning("No wsse:Security header.", "the sender", (Code.ASSERTION_NOT_VALID,)),
    "header.duplicate": Meaning("More than one wsse:Security header.", "the sender", _INTEGRITY),
    "header.content": Meaning("Something else than assertions in the header.", "the sender", _INTEGRITY),
    "assertion.unknown_type": Meaning("Issuer/@NameQualifier names no kind we know.", "the issuer", _INTEGRITY),
    "hcp.missing": Meaning("No HCP assertion.", "the sender", (Code.HPI_AUTHENTICATION_NOT_RECEIVED,)),
    "hcp.multiple": Meaning("More than one HCP assertion.", "the sender", _INTEGRITY),
    "trc.missing": Meaning(
        "No TRC assertion where documents are asked for.", "the sender", (Code.ASSERTION_NOT_VALID,)
    ),
    "trc.multiple": Meaning("More than one TRC assertion.", "the sender", _INTEGRITY),
    "nok.multiple": Meaning("More than one next-of-kin assertion.", "the sender", _INTEGRITY),
    "xml.comment": Meaning("A comment or processing instruction inside an assertion.", "the issuer", _INTEGRITY),
    "schema.invalid": Meaning("An assertion breaks the schema.", "the issuer", _INTEGRITY),
    "sig.missing": Meaning("An assertion is not signed.", "the issuer", _INTEGRITY),
    "sig.multiple": Meaning("An assertion has several signatures.", "the issuer", _INTEGRITY),
    "sig.placement": Meaning(
        "A signature or assertion where none may be: signature wrapping.", "the sender", _INTEGRITY
    ),
    "sig.reference": Meaning("The signature does not cover exactly its assertion.", "the issuer", _INTEGRITY),
    "sig.transform": Meaning("A transform that is not allowed.", "the issuer; accept_inclusive_c14n", _INTEGRITY),
    "sig.c14n": Meaning("A canonical form that is not allowed.", "the issuer; accept_inclusive_c14n", _INTEGRITY),
    "sig.algorithm": Meaning("A signature or digest algorithm that is not allowed.", "the issuer", _INTEGRITY),
    "sig.keyinfo": Meaning("KeyInfo does not hold exactly one certificate.", "the issuer", _INTEGRITY),
    "sig.object": Meaning("A ds:Object in the signature.", "the issuer", _INTEGRITY),
    "sig.digest": Meaning(
        "The assertion was changed after it was signed.", "anything that rewrites messages", _INTEGRITY
    ),
    "sig.value": Meaning("The signature does not fit the certificate.", "the key of the issuer", _INTEGRITY),
    "cert.malformed": Meaning("The certificate cannot be read.", "the issuer", _CERTIFICATE),
    "cert.untrusted": Meaning("No path to an anchor for this purpose and country.", "the trust folder", _CERTIFICATE),
    "cert.expired": Meaning("The certificate has expired.", "the issuer's renewal", _CERTIFICATE),
    "cert.not_yet_valid": Meaning("The certificate is not valid yet.", "the clocks", _CERTIFICATE),
    "cert.usage": Meaning("The certificate is meant for something else.", "the issuer", _CERTIFICATE),
    "cert.revoked": Meaning("The certificate was revoked.", "the issuer", _CERTIFICATE),
    "cert.weak_key": Meaning("The key is too short.", "the issuer", _CERTIFICATE),
    "cert.country": Meaning(
        "The country of the signer is not the one of the TLS peer.", "trust.allowed_signers", (Code.NOT_ALLOWED,)
    ),
    "issuer.country": Meaning("Issuer names another country than its signer.", "strict_issuer", (Code.NOT_ALLOWED,)),
    "attr.missing": Meaning("A part or attribute of an assertion is missing.", "the issuer", _HCP),
    "attr.multiple": Meaning("An attribute stands more than once.", "the issuer", _HCP),
    "attr.value": Meaning("An attribute has no usable value.", "the issuer", _HCP),
    "assertion.version": Meaning("Not SAML 2.0.", "the issuer", _HCP),
    "id.missing": Meaning("An assertion without ID.", "the issuer", _INTEGRITY),
    "id.duplicate": Meaning("An ID stands more than once: signature wrapping.", "the sender", _INTEGRITY),
    "id.malformed": Meaning("An ID that is none.", "the issuer", _INTEGRITY),
    "time.expired": Meaning("The assertion is too old.", "the clocks; the portal should issue a new one", _HCP),
    "time.not_yet_valid": Meaning("The assertion is not valid yet.", "the clocks", _HCP),
    "time.order": Meaning("NotBefore is not before NotOnOrAfter.", "the issuer", _HCP),
    "time.span": Meaning("Valid for longer than allowed: 4 h for HCP, 2 h for others.", "the issuer", _HCP),
    "time.issued": Meaning("Issued in the future, or long before it is valid.", "the clocks", _HCP),
    "time.authenticated": Meaning("The log-in is later than the assertion.", "the issuer", _HCP),
    "time.session": Meaning("The session of the professional is over.", "the portal", _HCP),
    "time.before_hcp": Meaning("The TRC assertion is older than the HCP assertion.", "the portal", _HCP),
    "time.format": Meaning("A time that is none, or has no zone.", "the issuer", _HCP),
    "audience.mismatch": Meaning("The assertion is for somebody else.", "the issuer", _HCP),
    "subject.confirmation": Meaning("The confirmation method is not accepted.", "accept_confirmation_methods", _HCP),
    "authn.weak": Meaning(
        "Log-in with less than two factors.", "how the professional logs in", (Code.WEAK_AUTHENTICATION,)
    ),
    "authn.class": Meaning("Not the class of a previous session.", "the issuer", (Code.ASSERTION_NOT_VALID,)),
    "role.unknown": Meaning("The role is not on the list.", "the issuer", (Code.HPI_INSUFFICIENT_INFORMATION,)),
    "facility.unknown": Meaning("The facility type is not on the list.", "the issuer", (Code.HPI_GENERIC,)),
    "purpose.refused": Meaning("Another purpose than treatment or emergency.", "the portal", (Code.NOT_ALLOWED,)),
    "permission.missing": Meaning(
        "The role or permissions do not suffice.", "accept_role_without_permissions", (Code.NOT_ALLOWED,)
    ),
    "role.refused": Meaning("The role may ask nothing here.", "responding.refused_roles", (Code.NOT_ALLOWED,)),
    "trc.hcp_reference": Meaning(
        "The TRC assertion refers to another HCP assertion.", "the portal", (Code.TRC_NOT_OF_HCP,)
    ),
    "trc.subject": Meaning("The TRC assertion names another professional.", "the portal", (Code.TRC_NOT_OF_HCP,)),
    "trc.patient": Meaning(
        "Another patient than the TRC assertion's; for a document it looks like an unknown one.",
        "the portal",
        (Code.PATIENT_NOT_OF_TRC, Code.DOCUMENT_MISSING),
    ),
    "transcode.failed": Meaning(
        "A required code of the document could not be replaced by one of the network; the document did not leave.",
        "ncp cda transcode of the document; the mappings of the catalogue",
        (Code.PS_MISSING_EXPECTED_MAPPING, Code.EP_MISSING_EXPECTED_MAPPING, Code.TRANSCODING_FAILED),
    ),
    "terminology.no_release": Meaning(
        "There is no release of the terminology to read with.",
        "terminology.database; ncp terminology list",
        (Code.GENERIC,),
    ),
    "terminology.damaged_release": Meaning(
        "The active release of the terminology cannot be read.", "ncp terminology list --verify", (Code.GENERIC,)
    ),
    "trc.prescription": Meaning(
        "Another prescription than the TRC assertion's.", "the portal", (Code.PRESCRIPTION_NOT_OF_TRC,)
    ),
    "nok.hcp_reference": Meaning(
        "The next-of-kin assertion refers to another HCP assertion.", "the portal", (Code.ASSERTION_NOT_VALID,)
    ),
    "nok.subject": Meaning(
        "The next-of-kin assertion names another professional.", "accept_nok_doctorid", (Code.ASSERTION_NOT_VALID,)
    ),
    "nok.id": Meaning("The next of kin has no id.", "the portal", (Code.ASSERTION_NOT_VALID,)),
    "nok.patient": Meaning("The next of kin of another patient.", "the portal", (Code.ASSERTION_NOT_VALID,)),
    "consent": Meaning(
        "The patient has not allowed this.",
        "nothing: the patient decides",
        (Code.WARNING_PI_NO_CONSENT, Code.PS_NO_CONSENT, Code.EP_NO_CONSENT, Code.NO_CONSENT),
    ),
    "validation.sections": Meaning(
        "A mandatory section of the document is missing or empty, and validation is set to refuse.",
        "ncp validate cda; [validation] own",
        (Code.PS_MISSING_BASIC_SECTIONS,),
    ),
    "validation.own": Meaning(
        "The document breaks our own rules, and validation is set to refuse.",
        "ncp validate cda; [validation] own",
        (Code.HQI_GENERIC,),
    ),
    "validation.schema": Meaning(
        "The document breaks the XML schema, and validation is set to refuse.",
        "ncp validate cda --schemas; [validation] schema_mode",
        (Code.HQI_GENERIC,),
    ),
    "validation.rules": Meaning(
        "The document breaks the Schematron rules, and validation is set to refuse.",
        "ncp validate cda --rules; [validation] rules_mode",
        (Code.HQI_GENERIC,),
    ),
    "replay": Meaning("A used message or assertion id with other content.", "the sender", _INTEGRITY),
}

GROUPS: dict[str, str] = {
    "xml": "The bytes are not XML that is read here: malformed, too large, too deep, a DTD, another encoding.",
    "soap": "The SOAP envelope breaks a rule.",
    "wsa": "A WS-Addressing header is missing, stands twice or does not fit.",
    "mime": "The multipart message breaks a rule.",
    "http": "The HTTP request breaks a rule or a limit.",
    "message": "The message of ITI-55 lacks something without which nothing can be answered.",
    "query": "The question of ITI-55 or ITI-38 breaks a rule of the profile.",
    "retrieve": "The question of ITI-39 breaks a rule of the profile.",
    "receiver": "The message is for another gateway.",
    "response": "The answer of the other gateway cannot be read.",
    "answer": "The answer of the other gateway was read and shows nobody or nothing.",
    "peer": "The other gateway refused, failed or could not be reached.",
    "relates_to": "The answer belongs to another question.",
    "document": "The document is not what the profile asks for, or not of this patient.",
    "connector": "The national system refused, failed or was not there.",
    "country": "The country may not ask here.",
    "mask": "A detail does not fit the search mask of the country.",
    "sig": "A signature was refused.",
    "cert": "A certificate was refused.",
    "time": "A time of an assertion was refused.",
    "attr": "An attribute of an assertion was refused.",
    "id": "An ID of an assertion was refused.",
    "body": "The body of an HTTP request was refused: too large, or compressed in a way that is not read.",
    "class_code": "The class of document in a portal's question is missing, unknown or mixed with another.",
    "operation": "An operation that the front end does not offer.",
    "terminology": "The catalogue of codes, or the list of coded elements: see [terminology].",
    "portal": "The portal may not do this: see [[frontend.portals]].",
    "request": "A value in a portal's question is missing or malformed.",
    "sts": "A request to the token service breaks a rule.",
    "view": "The document cannot be shown in the view that was asked for.",
    "pdf": "The PDF of a document is not fit to be shown (encrypted, active, too large, unreadable) or warns.",
    "picture": "A picture of a search mask was left out.",
    "pictures": "A folder of help pictures was left out: its index, a text or a file is not as it has to be.",
    "trait": "A detail of the person cannot be sent or read.",
    "identifier": "An identifier of the person is incomplete or malformed.",
    "person": "The person in an answer is not described as the profile asks for.",
    "patient": "The patient's data break a rule.",
    "entry": "An entry of a document list was left out.",
    "verify": "An assertion was refused for a reason that no check foresees: tell support.",
    "consent": "The record of a consent is missing or incomplete.",
    "validation": "The document does not keep the rules, or who should have looked at it could not.",
    "token": "The ID token of a login is not genuine, not for this portal, out of date, or says too little.",
    "keys": "The keys of the identity provider are not known: see eligibility.jwks_url.",
    "claims": "The user info of a login cannot be read, or lacks identifier or name.",
    "eligibility": "A rule of who may log in was not met; the word after the dot is the rule (docs/eligibility.md).",
    "directory": "The directory of professionals does not answer, or knows no valid card of the person.",
    "login": "Somebody logs in: see [eligibility].",
    "server": "The server process: start, stop, reload.",
    "trust": "The folder of trusted certificates.",
}
"""What all reasons with this first word have in common."""
