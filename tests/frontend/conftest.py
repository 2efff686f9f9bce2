from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ncp.frontend.app import FrontEnd
from tests.support.frontend import Certificates, SmallNcpB, front_end, make_certificates, portal, serve
from tests.support.portal import Caller

PORTAL = b"certificate of the portal"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def ncp_b() -> SmallNcpB:
    return SmallNcpB()


@pytest.fixture
def url(ncp_b: SmallNcpB, certificates: Certificates) -> Iterator[str]:
    """The front end over mutual TLS, asking ``ncp_b``."""
    app = front_end(ncp_b, portal(certificates.fingerprint("portal")))
    with serve(app, certificates) as base:
        yield base


@pytest.fixture
def front_end_of(ncp_b: SmallNcpB) -> Iterator[Callable[..., Caller]]:
    """A front end called without a socket; its portal's certificate is ``PORTAL``."""
    apps: list[FrontEnd] = []

    def made(**options: Any) -> Caller:
        identity = portal(hashlib.sha256(PORTAL).hexdigest())
        apps.append(front_end(ncp_b, identity, **options))
        return Caller(apps[-1], PORTAL)

    yield made
    for app in apps:
        app.close()
