"""Constants of ITI-55: actions, body elements, code systems."""

from __future__ import annotations

from ncp.wire.xml import NS_HL7

ACTION = "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
RESPONSE_ACTION = "urn:hl7-org:v3:PRPA_IN201306UV02:CrossGatewayPatientDiscovery"
BODY = f"{{{NS_HL7}}}PRPA_IN201305UV02"
RESPONSE_BODY = f"{{{NS_HL7}}}PRPA_IN201306UV02"
