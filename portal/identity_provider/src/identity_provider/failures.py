"""What the provider refuses, each with the error code of its standard; what a file of it has wrong.

Texts for people are in ``texts/``; ``description`` here is the English ``error_description`` for developers. None of
them holds a secret, a code or a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


class FileProblem(Exception):
    """A file of the provider cannot be used; the text says which, where in it, and what is wrong."""


# Not frozen: the framework takes the traceback off an exception it has answered.
@dataclass(eq=False)
class AuthorizationRefused(Exception):
    """The authorization request cannot be answered with a code.

    With ``redirect_uri`` the client is told there; without one nobody may be sent anywhere and the person sees a page.
    Source: RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6.
    """

    error: str
    description: str
    redirect_uri: str | None = None
    state: str | None = None


@dataclass(eq=False)
class TokenRefused(Exception):
    """The token endpoint, introspection or user info refuses. Source: RFC 6749 section 5.2, RFC 6750 section 3.1."""

    error: str
    description: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    challenge: str | None = None


@dataclass(eq=False)
class PageRefused(Exception):
    """A form or link of a person's browser that is not answered; ``key`` names the text of the page."""

    key: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
