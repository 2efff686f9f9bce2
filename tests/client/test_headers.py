"""The headers for what a portal shows: strict whatever is asked for, and nothing of a patient in them."""

from __future__ import annotations

import pytest

from ncp_client import headers


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    policy = headers.page()["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= {
        *policy
    }
    assert not any("script" in each for each in policy)


def test_a_pdf_is_sandboxed_and_may_be_framed_by_whom_the_portal_names() -> None:
    given = headers.pdf(["'self'", "https://portal.example:8443"])
    assert given["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; frame-ancestors 'self' https://portal.example:8443"
    )
    assert given["Content-Disposition"] == 'inline; filename="summary.pdf"'
    assert headers.pdf(inline=False)["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("given", [headers.page(), headers.pdf()])
def test_nothing_is_guessed_told_or_kept(given: dict[str, str]) -> None:
    assert given["X-Content-Type-Options"] == "nosniff"
    assert given["Referrer-Policy"] == "no-referrer"
    assert given["Cache-Control"] == "no-store"


@pytest.mark.attack
@pytest.mark.parametrize(
    "framed_by",
    [
        "https://a.example",
        ["*"],
        ["https://a.example; script-src *"],
        ["https://a\r\nX: y"],
        ["http://a.example"],
        ["'none'x"],
    ],
)
def test_who_may_frame_is_an_origin(framed_by: list[str]) -> None:
    for each in (headers.page, headers.pdf):
        with pytest.raises(ValueError, match="origins"):
            each(framed_by)


@pytest.mark.attack
@pytest.mark.parametrize(
    "name", ["", "a.html", 'a".pdf', "Ana Novak.pdf", "../a.pdf", "a\r\nSet-Cookie: x.pdf", ".pdf"]
)
def test_a_file_name_is_neutral(name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        headers.pdf(file_name=name)
