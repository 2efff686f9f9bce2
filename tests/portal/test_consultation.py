"""A consultation over HTTP, from the home page to the summary, with everything real behind it."""

from __future__ import annotations

import pytest

from tests.support.web import Stack, Visitor

pytestmark = pytest.mark.xdist_group("portal")


def test_a_doctor_reads_the_summary_of_a_patient(running: Stack) -> None:
    with Visitor(running.url) as visitor:
        visitor.log_in()
        assert visitor.path == "/search"
        visitor.choose()
        visitor.find()
        assert visitor.path.endswith("/identity") and "23/04/1979" in visitor.text
        visitor.consult()
        assert visitor.path.endswith("/summary") and "Šimić-Đurđević" in visitor.text
