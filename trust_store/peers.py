"""The other countries' gateways: who they are, where their services are, which habits of their version to respect.

A directory is an immutable snapshot; how it is filled (configuration, service directory) is left to others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ncp.wire.errors import Code, PeerError
from ncp.wire.ids import CountryCode, Oid

PatientAttribute = Literal["subject-id", "resource-id", "both"]


class PeerService(StrEnum):
    """Services a gateway offers to others."""

    DISCOVERY = "ITI-55"
    QUERY = "ITI-38"
    RETRIEVE = "ITI-39"


@dataclass(frozen=True, slots=True)
class PeerHabits:
    """Where peers' versions differ on the wire (``docs/interoperability.md``).

    ``wave``                  their specification wave, None when unknown; decides ``trc_patient_attribute = auto``
    ``mtom_request``          ``auto`` (multipart, plain once after a fault), ``always``, ``never``
    ``retrieve_inline``       answer their ITI-39 with inline base64 instead of MTOM
    ``trc_patient_attribute`` ``auto``, ``subject-id``, ``resource-id``, ``both``
    """

    wave: int | None = None
    mtom_request: Literal["auto", "always", "never"] = "auto"
    retrieve_inline: bool = False
    trc_patient_attribute: Literal["auto", "subject-id", "resource-id", "both"] = "auto"
    accept_text_purpose: bool = False
    accept_confirmation_methods: frozenset[str] = frozenset()
    accept_inclusive_c14n: bool = False
    accept_nok_doctorid: bool = False

    @property
    def patient_attribute(self) -> PatientAttribute:
        """Which attribute carries the patient in a TRC for this peer: each version reads only its own name."""
        if self.trc_patient_attribute != "auto":
            return self.trc_patient_attribute
        return "subject-id" if self.wave is not None and self.wave >= 8 else "both"


@dataclass(frozen=True, slots=True)
class Peer:
    """One gateway. ``endpoints``: URLs, used unchanged; ``offers``: kinds of document (``PS``, ``EP``, ``ORCD``)."""

    country: CountryCode
    name: str
    home_community_id: Oid
    endpoints: Mapping[PeerService, str] = field(default_factory=dict)
    offers: frozenset[str] = frozenset({"PS"})
    habits: PeerHabits = PeerHabits()


class PeerDirectory:
    """Peers by country. Immutable: a changed directory is a new one."""

    def __init__(self, peers: Mapping[CountryCode, Peer]) -> None:
        self._peers = dict(sorted(peers.items()))

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, country: CountryCode) -> Peer | None:
        """The peer, or None for a country that is not configured."""
        return self._peers.get(country)

    def find(self, country: CountryCode, service: PeerService) -> tuple[Peer, str]:
        """Peer and URL of a service. ITI-39 falls back to the ITI-38 endpoint, as every OpenNCP client does.

        Raises ``PeerError`` ERROR_GENERIC_CONNECTION_NOT_POSSIBLE (``peer.unknown``, ``peer.no_endpoint``).
        """
        peer = self._peers.get(country)
        if peer is None:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, "peer.unknown", gateway=country)
        url = peer.endpoints.get(service, "")
        if not url and service is PeerService.RETRIEVE:
            url = peer.endpoints.get(PeerService.QUERY, "")
        if not url:
            raise PeerError(Code.CONNECTION_NOT_POSSIBLE, "peer.no_endpoint", gateway=country)
        return peer, url
