"""The three contracts a portal may call, as data: OpenNCP 7's, OpenNCP 8 and 9's, and our own.

Facts of OpenNCP: ncp-docker-dev-AT/eHDSI_ehealth (7.1) ``epsos-client-connector``, konateq/openncp (9.0)
``openncp-core-client-api``; see ``docs/front-end-developer.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN_NAMESPACE = "urn:ncp-gateway:frontend:1"
ACTION_PREFIX = "urn:ehdsi:"


@dataclass(frozen=True, slots=True)
class Contract:
    """``code_in_value``: the portal reads the error code from ``Code/Value`` (OpenNCP 7), not from ``Subcode``.
    ``detail_kinds``: the portal's stubs know the fault's first detail child by these names, per operation.
    """

    namespace: str
    service: str
    paths: tuple[str, ...]
    action_prefix: str
    code_in_value: bool = False
    greets_without_assertion: bool = False
    has_kinds: bool = True


OPENNCP_7 = Contract(
    namespace="http://clientconnector.protocolterminator.openncp.epsos/",
    service="ClientConnectorService",
    paths=(
        "/openncp-client-connector/services/ClientConnectorService",
        "/services/ClientConnectorService",
    ),
    action_prefix=ACTION_PREFIX,
    code_in_value=True,
    greets_without_assertion=True,
)
OPENNCP_9 = Contract(
    namespace="http://api.client.core.openncp.sante.ec.europa.eu",
    service="ClientService",
    paths=("/openncp-client-connector/services/ClientService", "/services/ClientService"),
    action_prefix=ACTION_PREFIX,
)
OWN = Contract(
    namespace=OWN_NAMESPACE,
    service="FrontEnd",
    paths=("/ncp/services/FrontEnd",),
    action_prefix="urn:ncp-gateway:frontend:",
    has_kinds=False,
)

DETAIL_KIND = {
    "queryPatient": "NoPatientIdDiscoveredException",
    "queryDocuments": "XCAException",
    "retrieveDocument": "XCAException",
    "submitDocument": "XDRException",
}
"""Name of the first child of a fault's Detail, per operation."""
