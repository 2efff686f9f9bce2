"""The header of every clinical document: who, for whom, when, from which source.

Sources: HL7 CDA R2 4.2 and the eHDSI header templates as published for Wave 8 (``docs/validation.md``).
"""

from __future__ import annotations

from ncp.semantics.validation.own.rules import ERROR, INFORMATION, WARNING, PathRule

_CDA = "CDA R2 4.2"
_PS = "eHDSI 1.3"
_HEADER = f"{_CDA}; {_PS}"

# What may stand for a missing value: an element with a null flavour, or any content.
_LONE = "h:recordTarget/h:patientRole"
_PERSON = f"{_LONE}/h:patient"
_EMPTY_NAME = "not(h:name[@nullFlavor or normalize-space(.)])"

HEADER: tuple[PathRule, ...] = (
    PathRule(
        "header.type",
        WARNING,
        "typeId is not 2.16.840.1.113883.1.3 POCD_HD000040.",
        "CDA R2 4.2.1.1",
        "self::*[not(h:typeId[@root='2.16.840.1.113883.1.3'][@extension='POCD_HD000040'])]",
    ),
    PathRule("header.id.missing", ERROR, "The document has no id with a root.", _HEADER, "self::*[not(h:id/@root)]"),
    PathRule("header.id.repeated", ERROR, "The document has more than one id.", _HEADER, "h:id[2]"),
    PathRule(
        "header.code.missing",
        ERROR,
        "The document does not say what kind it is: code is missing.",
        _HEADER,
        "self::*[not(h:code/@code)]",
    ),
    PathRule(
        "header.code.system",
        ERROR,
        "The kind of document is not a LOINC code.",
        _PS,
        "h:code[@code][not(@codeSystem='2.16.840.1.113883.6.1')]",
    ),
    PathRule(
        "header.title.missing",
        ERROR,
        "The document has no title.",
        _PS,
        "self::*[not(h:title[normalize-space(.)])]",
    ),
    PathRule(
        "header.time.missing",
        ERROR,
        "The document does not say when it was made: effectiveTime is missing.",
        _HEADER,
        "self::*[not(h:effectiveTime/@value)]",
    ),
    PathRule(
        "header.time.precision",
        ERROR,
        "effectiveTime of the document is less precise than a day.",
        _PS,
        "h:effectiveTime[@value][string-length(@value) < 8]",
    ),
    PathRule(
        "header.time.zone",
        WARNING,
        "effectiveTime of the document is finer than a day and has no time zone.",
        "HL7 v3 data types R1, TS",
        "h:effectiveTime[string-length(@value) > 8][not(contains(@value, '+') or contains(@value, '-'))]",
    ),
    PathRule(
        "header.confidentiality.missing",
        ERROR,
        "confidentialityCode is missing: neither a code nor a null flavour.",
        _HEADER,
        "self::*[not(h:confidentialityCode[@code or @nullFlavor])]",
    ),
    PathRule(
        "header.confidentiality.code",
        WARNING,
        "confidentialityCode is none of L, M, N, R, U, V of 2.16.840.1.113883.5.25.",
        "HL7 value set 2.16.840.1.113883.1.11.10228",
        "h:confidentialityCode[@code][not(@codeSystem='2.16.840.1.113883.5.25' and string-length(@code)=1"
        " and contains('LMNRUV', @code))]",
    ),
    PathRule(
        "header.language.missing",
        ERROR,
        "The document does not say its language: languageCode is missing.",
        _PS,
        "self::*[not(h:languageCode/@code)]",
    ),
    # The patient
    PathRule(
        "header.patient.missing",
        ERROR,
        "The document names no patient: recordTarget/patientRole/patient is missing.",
        _HEADER,
        f"self::*[not({_PERSON})]",
    ),
    PathRule("header.patient.several", ERROR, "The document is about more than one patient.", _PS, "h:recordTarget[2]"),
    PathRule(
        "header.patient.id",
        ERROR,
        "The patient has no identifier: neither an id with a root nor a null flavour.",
        _PS,
        f"{_LONE}[not(h:id[@root or @nullFlavor])]",
    ),
    PathRule(
        "header.patient.address",
        WARNING,
        "The patient has no addr, not even a null flavour.",
        _PS,
        f"{_LONE}[not(h:addr)]",
    ),
    PathRule(
        "header.patient.telecom",
        WARNING,
        "The patient has no telecom, not even a null flavour.",
        _PS,
        f"{_LONE}[not(h:telecom)]",
    ),
    PathRule(
        "header.patient.family",
        ERROR,
        "The patient has no family name.",
        _PS,
        f"{_PERSON}[not(h:name/h:family[@nullFlavor or normalize-space(.)])]",
    ),
    PathRule(
        "header.patient.given",
        ERROR,
        "The patient has no given name.",
        _PS,
        f"{_PERSON}[not(h:name/h:given[@nullFlavor or normalize-space(.)])]",
    ),
    PathRule(
        "header.patient.gender.missing",
        ERROR,
        "The patient's administrativeGenderCode is missing: neither a code nor a null flavour.",
        _PS,
        f"{_PERSON}[not(h:administrativeGenderCode[@code or @nullFlavor])]",
    ),
    PathRule(
        "header.patient.gender.code",
        WARNING,
        "administrativeGenderCode is none of F, M, UN.",
        "HL7 code system 2.16.840.1.113883.5.1",
        f"{_PERSON}/h:administrativeGenderCode[@code][not(@code='F' or @code='M' or @code='UN')]",
    ),
    PathRule(
        "header.patient.birth",
        ERROR,
        "The patient's birthTime is missing.",
        _PS,
        f"{_PERSON}[not(h:birthTime[@value or @nullFlavor])]",
    ),
    # Who wrote it and who answers for it
    PathRule("header.author.missing", ERROR, "The document has no author.", _HEADER, "self::*[not(h:author)]"),
    PathRule(
        "header.author.time",
        ERROR,
        "An author has no time, not even a null flavour.",
        _HEADER,
        "h:author[not(h:time[@value or @nullFlavor or h:low])]",
    ),
    PathRule(
        "header.author.who",
        ERROR,
        "An author is not exactly one of a person and a device.",
        "eHDSI author, 2.16.840.1.113883.3.1937.777.11.10.102",
        "h:author[count(h:assignedAuthor/h:assignedPerson) + count(h:assignedAuthor/h:assignedAuthoringDevice) != 1]",
    ),
    PathRule(
        "header.author.id",
        ERROR,
        "An author has no id, not even a null flavour.",
        _HEADER,
        "h:author[not(h:assignedAuthor/h:id[@root or @nullFlavor])]",
    ),
    PathRule(
        "header.author.name",
        WARNING,
        "A person who is author has no name.",
        "eHDSI author, 2.16.840.1.113883.3.1937.777.11.10.102",
        f"h:author/h:assignedAuthor/h:assignedPerson[{_EMPTY_NAME}]",
    ),
    PathRule(
        "header.author.organisation",
        WARNING,
        "An author stands for no organisation: representedOrganization is missing.",
        "eHDSI author, 2.16.840.1.113883.3.1937.777.11.10.102",
        "h:author/h:assignedAuthor[not(h:representedOrganization)]",
    ),
    PathRule(
        "header.custodian.missing",
        ERROR,
        "No organisation keeps the document: custodian is missing.",
        _HEADER,
        "self::*[not(h:custodian/h:assignedCustodian/h:representedCustodianOrganization)]",
    ),
    PathRule(
        "header.custodian.id",
        ERROR,
        "The custodian has no id, not even a null flavour.",
        _HEADER,
        "h:custodian/h:assignedCustodian/h:representedCustodianOrganization[not(h:id[@root or @nullFlavor])]",
    ),
    PathRule(
        "header.custodian.name",
        WARNING,
        "The custodian has no name.",
        _PS,
        f"h:custodian/h:assignedCustodian/h:representedCustodianOrganization[{_EMPTY_NAME}]",
    ),
    PathRule(
        "header.authenticator.missing",
        ERROR,
        "Nobody answers for the document: legalAuthenticator is missing.",
        _PS,
        "self::*[not(h:legalAuthenticator/h:assignedEntity)]",
    ),
    PathRule(
        "header.authenticator.time",
        ERROR,
        "legalAuthenticator has no time.",
        _HEADER,
        "h:legalAuthenticator[not(h:time[@value or @nullFlavor])]",
    ),
    PathRule(
        "header.authenticator.signature",
        WARNING,
        "signatureCode of legalAuthenticator is not S.",
        "CDA R2 4.2.2.8",
        "h:legalAuthenticator[not(h:signatureCode/@code='S')]",
    ),
    PathRule(
        "header.authenticator.person",
        WARNING,
        "legalAuthenticator names no person: assignedPerson/name is missing.",
        _PS,
        "h:legalAuthenticator/h:assignedEntity[not(h:assignedPerson/h:name[@nullFlavor or normalize-space(.)])]",
    ),
    PathRule(
        "header.authenticator.organisation",
        WARNING,
        "legalAuthenticator stands for no organisation: representedOrganization is missing.",
        _PS,
        "h:legalAuthenticator/h:assignedEntity[not(h:representedOrganization)]",
    ),
    PathRule(
        "header.preferred.missing",
        WARNING,
        "No preferred professional or organisation: no participant with the function PCP.",
        _PS,
        "self::*[not(h:participant/h:functionCode/@code='PCP')]",
    ),
    PathRule(
        "header.preferred.who",
        WARNING,
        "The preferred professional is not exactly one of associatedPerson and scopingOrganization.",
        _PS,
        "h:participant[h:functionCode/@code='PCP']"
        "[count(h:associatedEntity/h:associatedPerson) + count(h:associatedEntity/h:scopingOrganization) != 1]",
    ),
    # What it was made of
    PathRule(
        "header.source.missing",
        WARNING,
        "The document does not name the national source it was made of: relatedDocument XFRM is missing.",
        _PS,
        "self::*[not(h:relatedDocument[@typeCode='XFRM'])]",
    ),
    PathRule(
        "header.source.id",
        ERROR,
        "relatedDocument XFRM names no parentDocument with an id.",
        _HEADER,
        "h:relatedDocument[@typeCode='XFRM'][not(h:parentDocument/h:id/@root)]",
    ),
    PathRule(
        "header.documentation.missing",
        WARNING,
        "The care that the document records is missing: documentationOf/serviceEvent.",
        _PS,
        "self::*[not(h:documentationOf/h:serviceEvent)]",
    ),
    PathRule(
        "header.updated.missing",
        WARNING,
        "The date of the last update is missing: documentationOf/serviceEvent/effectiveTime/high.",
        _PS,
        "self::*[h:documentationOf/h:serviceEvent][not(h:documentationOf/h:serviceEvent/h:effectiveTime"
        "[@value or h:high/@value or h:high/@nullFlavor])]",
    ),
    PathRule(
        "header.schema-location",
        INFORMATION,
        "xsi:schemaLocation stands in the document; Wave 8 forbids it, and it is never followed.",
        _PS,
        "self::*[@xsi:schemaLocation]",
    ),
)
"""About ``ClinicalDocument``."""
