"""The port to country A's national system: few questions, each of which takes a value that proves permission.

One folder per kind of connector. A connector answers or raises ``ConnectorError``; it never decides on access.
"""

from __future__ import annotations

from typing import Protocol

from ncp.access import PermittedDescription, PermittedDiscovery, PermittedPatient, PermittedQuery, PermittedRetrieve
from xca.messages import DocumentEntry
from xcpd.messages import Person


class NationalConnector(Protocol):
    """What NCP-A asks its country. Raises ``ncp.wire.errors.ConnectorError`` when the country refuses or fails."""

    async def identify(self, permitted: PermittedDiscovery) -> tuple[Person, ...]:
        """Persons to whom **all** the traits belong; empty for nobody. More than one is never passed on."""
        ...

    async def consent(self, patient: PermittedPatient) -> bool:
        """Whether the patient allows the caller's country (``patient.caller.country``) this kind of access."""
        ...

    async def find_documents(self, permitted: PermittedQuery) -> tuple[DocumentEntry, ...]:
        """Metadata of the documents of the permitted patient in the asked classes.

        An L3 and an L1 representation of one document follow each other, L3 first, each naming the
        other as its ``twin``.
        """
        ...

    async def describe_document(self, permitted: PermittedDescription) -> DocumentEntry | None:
        """Metadata of one document by its id, without its content; None for unknown."""
        ...

    async def fetch_document(self, permitted: PermittedRetrieve) -> bytes:
        """The bytes of the document."""
        ...

    async def probe(self) -> None:
        """Returns when the national system can be asked; raises ``ConnectorError`` when not."""
        ...

    async def close(self) -> None:
        """Releases what the connector holds."""
        ...
