"""The record of a transformation: what the audit of a translation needs, and nothing that shows a person."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ncp.exchange import Exchange, Side
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.transform.elements import shipped
from ncp.transforming import Transformer
from tests.support.transform import document

HEADER = (
    "<author><assignedAuthor><assignedAuthoringDevice/></assignedAuthor></author>"
    '<relatedDocument typeCode="XFRM"><parentDocument><id root="1.2.4" extension="p"/></parentDocument>'
    "</relatedDocument>"
)


def test_ids_counts_status_and_release_are_kept_and_the_record_shows_no_id(tmp_path: Path) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    release = ensure_shipped(ReleaseFolder(tmp_path), at)
    exchange = Exchange("t", Side.NCP_B, at)
    transformer = Transformer(Catalogue(tmp_path), shipped())
    transformer.translate(document(header=HEADER), "fr-FR", exchange)
    transformer.transcode(document(code=""), exchange)
    one, two = exchange.transformations
    assert (one.direction, one.document_in, one.document_out) == ("translate", "1.2.3^doc", "1.2.3^doc")
    assert (one.parents, one.has_device, one.status, one.release) == (("1.2.4^p",), True, "SUCCESS", release)
    assert (dict(one.counts), one.language) == ({"translated": 1}, "fr-FR")
    assert (two.direction, two.status, two.language) == ("transcode", "ERROR", "")
    assert "1.2" not in repr(one)
    assert [step.name for step in exchange.steps] == ["translate", "transcode"]
    assert exchange.notes == ["transcode.error"]
