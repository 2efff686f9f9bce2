from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.frontend import Certificates, SmallNcpB, front_end, make_certificates, portal, serve


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
