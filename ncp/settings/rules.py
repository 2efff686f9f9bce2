"""Rules between settings that need nothing but the settings: roles, listeners, peers, what production forbids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Protocol

from ncp.settings.model import Mode, Settings
from ncp.settings.problems import Problem
from ncp.settings.types import is_local_http

_LEAST_RULES_MEMORY = 256 * 1024 * 1024


class Say(Protocol):
    """Makes a problem of a key, with the place where it was written."""

    def __call__(
        self, key: tuple[str | int, ...], problem: str, remedy: str = "", *, is_warning: bool = False
    ) -> Problem: ...


def problems(settings: Settings, say: Say) -> list[Problem]:
    """Everything in the settings that does not fit together."""
    return [
        *_roles(settings, say),
        *_listeners(settings, say),
        *_peers(settings, say),
        *_portals(settings, say),
        *_eligibility(settings, say),
        *_timeouts(settings, say),
        *_validation(settings, say),
        *_mode(settings, say),
    ]


def _roles(settings: Settings, say: Say) -> Iterator[Problem]:
    if len(set(settings.roles)) < len(settings.roles):
        yield say(("roles",), "a role stands twice", "keep it once")
    if settings.is_responding:
        if settings.connector is None:
            yield say(("connector",), "missing for the role responding", 'add [connector] with kind = "store"')
        if settings.responding.search_mask is None:
            yield say(
                ("responding", "search_mask"),
                "missing for the role responding",
                "name the search mask this country publishes",
            )
    if settings.is_initiating:
        if settings.seal is None:
            yield say(
                ("seal",), "missing for the role initiating", "add the table [seal]: assertions are signed with it"
            )
        if not any(peer.services for peer in settings.peers.values()):
            yield say(("peers",), "no peer with a service", 'add [peers.XX] with services = ["PS"]', is_warning=True)


def _listeners(settings: Settings, say: Say) -> Iterator[Problem]:
    listeners = [(("health", "listen"), settings.health.listen)]
    if settings.is_responding:
        listeners.append((("server", "listen"), settings.server.listen))
    if settings.is_initiating:
        listeners.append((("frontend", "listen"), settings.frontend.listen))
    for (first, one), (second, other) in combinations(listeners, 2):
        if one.overlaps(other):
            yield say(second, f"the same address as {'.'.join(first)}", "give each listener a port of its own")


def _peers(settings: Settings, say: Say) -> Iterator[Problem]:
    homes = {settings.country.home_community_id: "country"}
    for country, peer in settings.peers.items():
        key = ("peers", country)
        if country == settings.country.code:
            yield say(key, "this gateway's own country", "a peer is another country", is_warning=True)
        elif peer.home_community_id in homes:
            other = homes[peer.home_community_id]
            yield say((*key, "home_community_id"), f"the same as of {other}", "each country has its own")
        else:
            homes[peer.home_community_id] = f"peers.{country}"
        if not peer.services:
            continue
        for name in ("xcpd_url", "xca_query_url", "xca_retrieve_url"):
            if getattr(peer, name) is None:
                yield say((*key, name), "missing for a peer with services", "write the address of the service")
    for pair, (transport, signer) in enumerate(settings.trust.allowed_signers):
        if transport not in settings.peers and transport != settings.country.code:
            yield say(
                ("trust", "allowed_signers", pair),
                f"{transport} is no peer",
                f"the pair is [country of the TLS peer, country of the signer]; add [peers.{transport}] or drop it",
                is_warning=True,
            )
        if transport == signer:
            yield say(("trust", "allowed_signers", pair), "the two are the same country", "drop the pair")
    for country in settings.responding.refused_countries:
        if country == settings.country.code:
            yield say(("responding", "refused_countries"), "this gateway's own country", "drop it")


def _portals(settings: Settings, say: Say) -> Iterator[Problem]:
    names: set[str] = set()
    for position, portal in enumerate(settings.frontend.portals):
        key = ("frontend", "portals", position)
        if (portal.certificate is None) == (portal.certificate_sha256 is None):
            yield say(key, "needs one of certificate and certificate_sha256", "give one of them")
        if portal.name in names:
            yield say((*key, "name"), "this name stands twice", "give each portal a name of its own")
        names.add(portal.name)
        if portal.roles and not portal.may_issue_hcp:
            yield say((*key, "roles"), "has no effect without may_issue_hcp", "set it, or drop roles", is_warning=True)
        if portal.audience and not portal.may_issue_hcp:
            yield say(
                (*key, "audience"), "has no effect without may_issue_hcp", "set it, or drop audience", is_warning=True
            )
        if portal.logins_only and (settings.eligibility is None or not portal.audience):
            yield say(
                (*key, "logins_only"),
                "nobody can log in here",
                "add [eligibility], and the portal's client id as audience",
            )
    if settings.is_initiating and not settings.frontend.portals:
        yield say(("frontend", "portals"), "no portal may call", "add a table [[frontend.portals]]", is_warning=True)


def _eligibility(settings: Settings, say: Say) -> Iterator[Problem]:
    asked = settings.eligibility
    if asked is None:
        return
    if (asked.jwks_url is None) == (asked.jwks_file is None):
        yield say(("eligibility",), "needs one of jwks_url and jwks_file", "give one of them")
    if not asked.acr_values:
        yield say(("eligibility", "acr_values"), "empty", 'nobody could log in; write for example ["eidas1"]')
    if not asked.timeout:
        yield say(("eligibility", "timeout"), "must be more than nothing", 'write for example "5s"')
    if not any(portal.audience for portal in settings.frontend.portals):
        yield say(
            ("eligibility",), "no portal has an audience", "add its client id to [[frontend.portals]]", is_warning=True
        )
    if settings.mode is not Mode.PRODUCTION:
        return
    addresses = {"issuer": asked.issuer, "jwks_url": asked.jwks_url or ""}
    for name, url in addresses.items():
        if is_local_http(url):
            yield say(("eligibility", name), "without TLS, not allowed in production mode", "write an https address")
    if asked.directory is not None and is_local_http(asked.directory.url):
        yield say(
            ("eligibility", "directory", "url"), "without TLS, not allowed in production mode", "write an https address"
        )


def _timeouts(settings: Settings, say: Say) -> Iterator[Problem]:
    for key in ("request_timeout", "header_timeout", "idle_timeout"):
        if not getattr(settings.server, key):
            yield say(("server", key), "must be more than nothing", 'write for example "30s"')
    if not settings.initiating.timeout:
        yield say(("initiating", "timeout"), "must be more than nothing", 'write for example "60s"')
    if settings.limits.document < settings.limits.request:
        yield say(("limits", "document"), "smaller than limits.request", "a document travels inside a message")


def _validation(settings: Settings, say: Say) -> Iterator[Problem]:
    asked = settings.validation
    for name in ("schema", "rules"):
        if getattr(asked, f"{name}_folder") is None and getattr(asked, f"{name}_mode") == "refuse":
            yield say(
                ("validation", f"{name}_mode"),
                f"has no effect without {name}_folder",
                f"name the folder in {name}_folder",
                is_warning=True,
            )
    if asked.rules_limit < asked.rules_patience:
        yield say(("validation", "rules_limit"), "shorter than rules_patience", "ending takes longer than waiting")
    if asked.rules_memory < _LEAST_RULES_MEMORY:
        yield say(("validation", "rules_memory"), "less than 256 MB", "the rules of a whole profile take 1.5 GB")


def _mode(settings: Settings, say: Say) -> Iterator[Problem]:
    """Production refuses what is for tests only; whole messages are kept in development only."""
    if settings.capture is not None and settings.mode is not Mode.DEVELOPMENT:
        yield say(
            ("capture",), f"not allowed in {settings.mode.value} mode", "drop the table: messages hold patient data"
        )
    if settings.mode is not Mode.PRODUCTION:
        return
    if settings.trust.revocation == "off":
        yield say(("trust", "revocation"), '"off" is not allowed in production mode', 'write "soft" or "hard"')
    if settings.log.level == "debug":
        yield say(("log", "level"), '"debug" is not allowed in production mode', 'write "info"')
    if not settings.health.listen.is_loopback:
        yield say(
            ("health", "listen"),
            "without TLS and reachable from outside",
            "bind it to an internal address",
            is_warning=True,
        )
