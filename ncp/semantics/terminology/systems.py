"""The code systems and value sets of MyHealth@EU: identifiers, addresses in FHIR, and which value sets to expect.

Facts only. Source: the eHDSI value sets catalogue as published with the W8 CDA templates, and HL7 Terminology for the
FHIR addresses.
"""

from __future__ import annotations

SNOMED_CT = "2.16.840.1.113883.6.96"
LOINC = "2.16.840.1.113883.6.1"
ATC = "2.16.840.1.113883.6.73"
EDQM = "0.4.0.127.0.16.1.1.2.1"
UCUM = "2.16.840.1.113883.6.8"
ISO_3166 = "1.0.3166.1"
LANGUAGE_TAGS = "1dd183a6-6d2b-4a9d-8f5d-be09d6bb5a6e"
EHDSI_ICD_10 = "1.3.6.1.4.1.12559.11.10.1.3.1.44.2"
WHO_ICD_10 = "2.16.840.1.113883.6.3"
ORPHANET = "1.3.6.1.4.1.12559.11.10.1.3.1.44.5"
EMDN = "1.3.6.1.4.1.12559.11.10.1.3.1.44.6"
VALUE_SETS = "1.3.6.1.4.1.12559.11.10.1.3.1.42"
"""Arc of the value sets of MyHealth@EU."""

NAMES = {
    SNOMED_CT: "SNOMED CT",
    LOINC: "LOINC",
    ATC: "Anatomical Therapeutic Chemical",
    EDQM: "EDQM",
    UCUM: "UCUM",
    ISO_3166: "ISO 3166-1",
    LANGUAGE_TAGS: "Language tags (BCP 47)",
    EHDSI_ICD_10: "ICD-10",
    WHO_ICD_10: "ICD-10",
    "1.3.6.1.4.1.19376.1.5.3.2": "IHEActCode",
    # The same with a slip in its second arc, as the W8 templates write it.
    "1.3.5.1.4.1.19376.1.5.3.2": "IHEActCode",
    ORPHANET: "Orphacode",
    EMDN: "EMDN",
    "2.16.840.1.113883.2.9.6.2.7": "ISCO-08",
    "2.16.840.1.113883.5.1": "AdministrativeGender",
    "2.16.840.1.113883.5.4": "ActCode",
    "2.16.840.1.113883.5.6": "ActClass",
    "2.16.840.1.113883.5.14": "ActStatus",
    "2.16.840.1.113883.5.25": "Confidentiality",
    "2.16.840.1.113883.5.83": "ObservationInterpretation",
    "2.16.840.1.113883.5.88": "ParticipationFunction",
    "2.16.840.1.113883.5.89": "ParticipationSignature",
    "2.16.840.1.113883.5.110": "RoleClass",
    "2.16.840.1.113883.5.111": "RoleCode",
    "2.16.840.1.113883.5.139": "TimingEvent",
    "2.16.840.1.113883.5.1008": "NullFlavor",
    "2.16.840.1.113883.5.1119": "AddressUse",
    "2.16.840.1.113883.5.1150.1": "Absent and Unknown Data - IPS",
    "2.16.840.1.113883.4.642.4.76": "EventTiming",
    "2.16.840.1.113883.4.642.4.130": "AllergyIntoleranceCriticality",
    "2.16.840.1.113883.4.642.4.1075": "ConditionVerificationStatus",
    "2.16.840.1.113883.4.642.4.1371": "AllergyIntoleranceVerificationStatus",
    "2.16.840.1.113883.4.642.4.1373": "AllergyIntoleranceClinicalStatus",
}

_V3 = "http://terminology.hl7.org/CodeSystem/v3-"
_BY_URL = {
    "http://snomed.info/sct": SNOMED_CT,
    "http://loinc.org": LOINC,
    "http://www.whocc.no/atc": ATC,
    "http://standardterms.edqm.eu": EDQM,
    "http://unitsofmeasure.org": UCUM,
    "http://hl7.org/fhir/sid/icd-10": WHO_ICD_10,
    "http://www.orpha.net": ORPHANET,
    "urn:iso:std:iso:3166": ISO_3166,
    "urn:ietf:bcp:47": LANGUAGE_TAGS,
    "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips": "2.16.840.1.113883.5.1150.1",
    "http://hl7.org/fhir/event-timing": "2.16.840.1.113883.4.642.4.76",
    "http://hl7.org/fhir/allergy-intolerance-criticality": "2.16.840.1.113883.4.642.4.130",
    "http://terminology.hl7.org/CodeSystem/condition-ver-status": "2.16.840.1.113883.4.642.4.1075",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification": "2.16.840.1.113883.4.642.4.1371",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical": "2.16.840.1.113883.4.642.4.1373",
    f"{_V3}AdministrativeGender": "2.16.840.1.113883.5.1",
    f"{_V3}ActCode": "2.16.840.1.113883.5.4",
    f"{_V3}ActClass": "2.16.840.1.113883.5.6",
    f"{_V3}ActStatus": "2.16.840.1.113883.5.14",
    f"{_V3}Confidentiality": "2.16.840.1.113883.5.25",
    f"{_V3}ObservationInterpretation": "2.16.840.1.113883.5.83",
    f"{_V3}ParticipationFunction": "2.16.840.1.113883.5.88",
    f"{_V3}RoleClass": "2.16.840.1.113883.5.110",
    f"{_V3}RoleCode": "2.16.840.1.113883.5.111",
    f"{_V3}TimingEvent": "2.16.840.1.113883.5.139",
    f"{_V3}NullFlavor": "2.16.840.1.113883.5.1008",
    f"{_V3}AddressUse": "2.16.840.1.113883.5.1119",
}
_BY_OID = {oid: url for url, oid in _BY_URL.items()}

_EXPECTED = {
    1: "HealthcareProfessionalRole",
    2: "DoseForm",
    3: "Package",
    4: "Country",
    5: "IllnessandDisorder",
    6: "Language",
    8: "MedicalDevice",
    9: "PregnancyInformation",
    10: "Procedure",
    11: "ReactionAllergy",
    12: "RouteofAdministration",
    13: "Severity",
    14: "SocialHistory",
    15: "StatusCode",
    16: "Unit",
    18: "AdverseEventType",
    19: "AllergenNoDrug",
    20: "BloodGroup",
    21: "BloodPressure",
    23: "CodeProb",
    24: "ActiveIngredient",
    26: "Section",
    28: "Vaccine",
    30: "ResolutionOutcome",
    32: "DocumentCode",
    34: "AdministrativeGender",
    37: "NullFlavor",
    38: "PersonalRelationship",
    39: "RoleClass",
    40: "TelecomAddress",
    41: "TimingEvent",
    47: "AbsentOrUnknownAllergy",
    48: "AbsentOrUnknownDevice",
    49: "AbsentOrUnknownMedication",
    50: "AbsentOrUnknownProblem",
    51: "AbsentOrUnknownProcedure",
    57: "Criticality",
    58: "AllergyCertainty",
    59: "AllergyStatus",
    60: "CurrentPregnancyStatus",
    61: "Substance",
    62: "OutcomeOfPregnancy",
    63: "RareDisease",
    64: "Certainty",
    65: "BodySite",
}
EXPECTED = {f"{VALUE_SETS}.{number}": f"eHDSI{name}" for number, name in _EXPECTED.items()}
"""The value sets that a patient summary draws its codes from, by OID."""

_ICD_10 = {EHDSI_ICD_10: WHO_ICD_10, WHO_ICD_10: EHDSI_ICD_10}


def oid_of(identifier: str) -> str:
    """The OID of a code system given by OID, ``urn:oid:`` or FHIR address; the identifier itself when none is known."""
    plain = identifier.strip()
    if plain[:8].lower() == "urn:oid:":
        return plain[8:]
    return _BY_URL.get(plain, plain)


def url_of(oid: str) -> str:
    """The FHIR address of a code system; empty when none is known."""
    return _BY_OID.get(oid, "")


def aliases(system: str, code: str) -> tuple[tuple[str, str], ...]:
    """Other spellings under which a code may be found *for display*; never for transcoding.

    ICD-10 goes by two OIDs, and its codes are written with and without the dot.
    """
    other = _ICD_10.get(system)
    if other is None:
        return ()
    undotted = code.replace(".", "")
    dotted = f"{undotted[:3]}.{undotted[3:]}" if len(undotted) > 3 else undotted
    spellings = dict.fromkeys((code, dotted, undotted))
    pairs = dict.fromkeys((oid, spelling) for oid in (system, other) for spelling in spellings)
    pairs.pop((system, code))
    return tuple(pairs)
