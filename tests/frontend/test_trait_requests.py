"""What a careless or hostile portal may send to ``checkTraits``; typed values come back nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ncp.frontend.contracts import OWN
from tests.support.frontend import SmallNcpB
from tests.support.portal import Caller, envelope

VALUE = "<value><id>a</id><text>SECRET</text></value>"


@pytest.mark.attack
@pytest.mark.parametrize(
    "values", [VALUE * 2, VALUE * 70, VALUE.replace("<id>a</id>", "<id> </id>"), VALUE.replace("a", "a" * 2000, 1)]
)
def test_values_that_are_no_form_are_refused_and_not_repeated(
    values: str, front_end_of: Callable[..., Caller], ncp_b: SmallNcpB, caplog: pytest.LogCaptureFixture
) -> None:
    body = f'<checkTraits xmlns="{OWN.namespace}"><country>hr</country><complete>true</complete>{values}</checkTraits>'
    status, _, content = front_end_of().request("POST", OWN.paths[0], envelope(body))
    assert status in (400, 500)
    assert ncp_b.asked == []
    assert b"SECRET" not in content
    assert "SECRET" not in caplog.text
