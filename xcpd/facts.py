"""Constants of ITI-55: actions, body elements, code systems, fixed codes."""

from __future__ import annotations

from collections.abc import Mapping

from ncp.wire.xml import NS_HL7

ACTION = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
RESPONSE_ACTION = "urn:hl7-org:v3:PRPA_IN201306UV02:CrossGatewayPatientDiscovery"
BODY = f"{{{NS_HL7}}}PRPA_IN201305UV02"
RESPONSE_BODY = f"{{{NS_HL7}}}PRPA_IN201306UV02"

INTERACTION_ROOT = "2.16.840.1.113883.1.6"
"""HL7 interactions and trigger events."""
INTERACTION = "PRPA_IN201305UV02"
RESPONSE_INTERACTION = "PRPA_IN201306UV02"
TRIGGER = "PRPA_TE201305UV02"
RESPONSE_TRIGGER = "PRPA_TE201306UV02"
VERSION = "V3PR1"

ACT_CODE = "2.16.840.1.113883.5.4"
DETECTED_ISSUE = "ActAdministrativeDetectedIssueCode"

IHE_REASONS = "1.3.6.1.4.1.19376.1.2.27.3"
"""IHE codes of detectedIssueManagement (ITI TF-2 3.55.4.2.2.8)."""
EHDSI_REASONS = "1.3.6.1.4.1.12559.11.10.1.3.2.2.1"
"""Codes that epSOS added to them."""
IHE_TRAIT_REQUESTS = "1.3.6.1.4.1.19376.1.2.27.1"
"""IHE codes of actOrderRequired: please add this trait (ITI TF-2 3.55.4.2.2.7)."""

MATCH_OBSERVATION, MATCH_SYSTEM = "IHE_PDQ", "2.16.840.1.113883.1.11.19914"
DATA_LOCATOR, DATA_LOCATOR_SYSTEM = "NotHealthDataLocator", "1.3.6.1.4.1.19376.1.2.27.2"

GENDERS: Mapping[str, str] = {
    "F": "F",
    "FEMALE": "F",
    "M": "M",
    "MALE": "M",
    "UN": "UN",
    "UNDIFFERENTIATED": "UN",
}
"""HL7 AdministrativeGender, and the words that OpenNCP reads beside the codes."""

TRAIT_MAX = 200
"""Longest value of one identity trait, in characters."""
IDENTIFIERS_MAX = 20
"""Most identifiers in one question; no country asks for more than four."""
