"""Fixed strings and code lists of the eHDSI SAML profile: kinds, attribute names, roles, facility types, permissions.

Facts only; what has to be present and what is refused stands in ``read_claims``. Sources: eHDSI SAML Profile 2.0.0
and its change proposals CP-023, CP-039, CP-046, CP-064; IHE ITI TF-2 3.40; OpenNCP 5.2 to 8.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping

AUDIENCE = "urn:ehdsi:assertions.audience:x-border"
"""A dot, not a colon, after ``assertions``."""

NAME_FORMAT_URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"

FORMAT_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
FORMAT_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
FORMAT_X509 = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
NAME_ID_FORMATS = frozenset({FORMAT_UNSPECIFIED, FORMAT_EMAIL, FORMAT_X509})

SENDER_VOUCHES = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
HOLDER_OF_KEY = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"

AUTHENTICATION_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
PREVIOUS_SESSION = AUTHENTICATION_CLASS + "PreviousSession"
TWO_FACTOR_CLASSES = frozenset(
    AUTHENTICATION_CLASS + name
    for name in (
        "MobileTwoFactorUnregistered",
        "MobileTwoFactorContract",
        "X509",
        "SPKI",
        "SmartcardPKI",
        "SoftwarePKI",
        "TLSClient",
    )
)
"""Authentication with two factors (CP-046). ``Smartcard`` was allowed in 6.0 and 6.1 only."""

# Names of attributes. Those of the epSOS time are still sent by some and are read with a warning.
HOME_COMMUNITY = "urn:ihe:iti:xca:2010:homeCommunityId"
NPI = "urn:oasis:names:tc:xspa:1.0:subject:npi"
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
ORGANISATION = "urn:oasis:names:tc:xspa:1.0:subject:organization"
ORGANISATION_ID = "urn:oasis:names:tc:xspa:1.0:subject:organization-id"
ON_BEHALF_OF = "urn:ehdsi:names:subject:on-behalf-of"
FACILITY_TYPE = "urn:ehdsi:names:subject:healthcare-facility-type"
PURPOSE_OF_USE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
LOCALITY = "urn:oasis:names:tc:xspa:1.0:environment:locality"
PERMISSIONS = "urn:oasis:names:tc:xspa:1.0:subject:hl7:permission"
CLINICAL_SPECIALITY = "urn:epsos:names:wp3.4:subject:clinical-speciality"
FUNCTIONAL_ROLE = "urn:oasis:names:tc:xspa:1.0:subject:functional-role"
RESOURCE_ID = "urn:oasis:names:tc:xacml:1.0:resource:resource-id"
RESOURCE_ID_XUA = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
PRESCRIPTION_ID = "urn:ehdsi:names:document:document-id:prescriptionId"
DISPENSATION_PIN = "urn:ehdsi:names:document:document-id:dispensationPinCode"
NEXT_OF_KIN = "urn:ehdsi:names:subject:nextofkin:"
"""Prefix of the attributes of a next of kin (CP-039)."""

OLD_NAMES: Mapping[str, str] = {
    "urn:oasis:names:tc:xacml:1.0:subject:subject-id": SUBJECT_ID,
    "urn:epsos:names:wp3.4:subject:healthcare-facility-type": FACILITY_TYPE,
    "urn:epsos:names:wp3.4:subject:on-behalf-of": ON_BEHALF_OF,
}
"""Names up to OpenNCP 6.2 and the names of today."""

PERMISSION_PREFIX = PERMISSIONS + ":"

TREATMENT = "TREATMENT"
EMERGENCY = "EMERGENCY"
PURPOSES = frozenset({TREATMENT, EMERGENCY})
PURPOSE_CODE_SYSTEM = "3bc18518-d305-46c2-a8d6-94bd59856e9e"
PURPOSE_CODE_SYSTEM_NAME = "eHDSI PurposeOfUse"
"""As OpenNCP 8.1.0 and later write it (EHEALTH-13549)."""

ROLE_CODE_SYSTEM = "2.16.840.1.113883.2.9.6.2.7"
ROLE_CODE_SYSTEM_NAME = "ISCO"
ROLES: Mapping[str, str] = {
    "221": "Medical Doctors",
    "2221": "Nursing professionals",
    "2222": "Midwifery professionals",
    "2261": "Dentists",
    "2262": "Pharmacists",
    "2264": "Physiotherapists",
    "2265": "Dieticians and nutritionists",
    "2266": "Audiologists and speech therapists",
    "2267": "Optometrists and ophthalmic opticians",
    "2269": "Health professionals not elsewhere classified",
    "3211": "Medical imaging and therapeutic equipment technicians",
    "3213": "Pharmaceutical technicians and assistants",
    "44": "Other Clerical Support Workers",
}
"""ISCO code → display name, exact (CP-064)."""

FACILITY_TYPES = ("Hospital", "Resident Physician", "Pharmacy", "Other")
