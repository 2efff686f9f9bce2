"""The trust store: an immutable snapshot of whom this gateway trusts for what, and the one function that judges.

A certificate is trusted for one purpose and one country when all of this holds, in this order:
   1 it is one readable certificate
   2 key, hash, usages and country attribute fit the profile of the purpose
   3 it is valid now, give or take the skew of clocks
   4 a path leads to an anchor of that country and purpose, or it is pinned there
   5 its revocation state is acceptable under the policy

Reading the folder is in ``folder``, the profile in ``profile``, paths in ``path``, states in ``revocation``. A changed
folder makes a new ``TrustStore``; the old one serves on until it is dropped.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.x509 import verification

from ncp.wire.ids import CountryCode
from trust_store import folder as folders
from trust_store.certificate import Facts, common_name, facts_of, fingerprint, read_certificate
from trust_store.folder import Entry, Role
from trust_store.path import build_path, signed_by
from trust_store.profile import PROFILES, SEALS, Profile, check, subject_country
from trust_store.revocation import (
    GRACE,
    Answer,
    CrlFiles,
    RevocationChecker,
    RevocationPolicy,
    apply_policy,
    worst,
)
from trust_store.types import CertificateRefused, Purpose, Revocation, TlsPeer, TrustedCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRules:
    """What configuration may change.

    ``revocation``           policy for every purpose that ``revocation_by_purpose`` does not name
    ``refuse_not_checkable`` refuse certificates that name neither CRL nor OCSP when no CRL file covers them
    ``grace``                how long an outdated CRL counts
    ``skew``                 how far the clock of an issuer may differ
    ``tls_clients``          SHA-256 of a TLS client certificate, lower-case hex, to the country it speaks for
    ``verdicts``             how many verdicts are kept
    """

    profiles: Mapping[Purpose, Profile] = field(default_factory=lambda: PROFILES)
    revocation: RevocationPolicy = RevocationPolicy.SOFT
    revocation_by_purpose: Mapping[Purpose, RevocationPolicy] = field(default_factory=dict)
    refuse_not_checkable: bool = False
    grace: timedelta = GRACE
    skew: timedelta = timedelta(minutes=5)
    tls_clients: Mapping[str, CountryCode] = field(default_factory=dict)
    verdicts: int = 2048

    def policy(self, purpose: Purpose) -> RevocationPolicy:
        return self.revocation_by_purpose.get(purpose, self.revocation)


_DEFAULT_RULES = TrustRules()


@dataclass(frozen=True, slots=True)
class _Group:
    """What one country is trusted with for one purpose."""

    anchors: verification.Store | None
    authorities: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    pins: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A certificate that passed, with what has to be looked at again on each use."""

    trusted: TrustedCertificate
    facts: Facts
    path: tuple[tuple[datetime, datetime], ...]
    since: datetime
    until: datetime


class TrustStore:
    """Immutable; safe to share between threads. ``load`` reads a folder."""

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        rules: TrustRules = _DEFAULT_RULES,
        revocation: RevocationChecker | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self._entries = tuple(entries)
        self._rules = rules
        self._revocation: RevocationChecker = revocation or CrlFiles((), ())
        self._notes = tuple(notes)
        self._groups = _groups(self._entries)
        self._countries = frozenset(entry.country for entry in self._entries)
        self._verdicts: OrderedDict[tuple[str, Purpose, CountryCode | None], _Verdict] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, folder: Path, *, rules: TrustRules = _DEFAULT_RULES, revocation: RevocationChecker | None = None
    ) -> Self:
        """Read ``folder/<cc>/<purpose>/*.pem`` and ``folder/<cc>/crl/*``. Raises ``TrustFolderRefused``.

        ``revocation`` replaces the CRL files as the source of revocation states.
        """
        entries, crls, notes = folders.read(folder)
        if revocation is None:
            issuers = {entry.fingerprint: entry.certificate for entry in entries if entry.role is not Role.PIN}
            files = CrlFiles(crls, tuple(issuers.values()), grace=rules.grace)
            revocation, notes = files, (*notes, *files.notes)
        return cls(entries, rules=rules, revocation=revocation, notes=notes)

    @property
    def countries(self) -> frozenset[CountryCode]:
        """Every country that has at least one certificate here, upper case."""
        return self._countries

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every anchor, intermediate and pin, for lists and expiry alarms."""
        return self._entries

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know of the folder: files not used, CRLs not verified, pins that will be refused."""
        return self._notes

    def authorities(self, purpose: Purpose, country: CountryCode | None = None) -> tuple[x509.Certificate, ...]:
        """CA certificates for a purpose, of one country or of all."""
        return self._certificates(purpose, country, pins=False)

    def pins(self, purpose: Purpose, country: CountryCode | None = None) -> tuple[x509.Certificate, ...]:
        """Pinned certificates for a purpose, of one country or of all."""
        return self._certificates(purpose, country, pins=True)

    def judge(
        self, der: bytes, purpose: Purpose, at: datetime, country: CountryCode | None = None
    ) -> TrustedCertificate:
        """Trust one certificate for one purpose at one time (aware), or raise ``CertificateRefused``.

        Without ``country`` the country is the one that pinned the certificate, else the C of its subject. With
        ``country`` it has to be trusted for that country: a certificate of another one is ``cert.country``.
        """
        key = (fingerprint(der), purpose, country)
        with self._lock:
            verdict = self._verdicts.get(key)
            if verdict is not None:
                self._verdicts.move_to_end(key)
        if verdict is not None:
            _check_dates(verdict.facts, at, self._rules.skew)
            moment = _within(verdict.facts, at)
            if verdict.since <= at < verdict.until and all(start <= moment <= end for start, end in verdict.path):
                return verdict.trusted
        verdict = self._judge(read_certificate(der), purpose, at, country)
        with self._lock:
            self._verdicts[key] = verdict
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > self._rules.verdicts:
                self._verdicts.popitem(last=False)
        return verdict.trusted

    def tls_peer(self, der: bytes, at: datetime) -> TlsPeer:
        """The gateway behind a TLS client certificate, or ``CertificateRefused`` (``docs/trust.md``, "TLS").

        1 valid now, with a path to a TLS client anchor or pinned   2 country: allow list or pin, else C of the subject
        3 the country is one of this store. Whether it is the country of the assertions is the caller's question.
        """
        trusted = self.judge(der, Purpose.TLS_CLIENT, at)
        return TlsPeer(trusted.country, common_name(trusted.certificate), trusted.fingerprint)

    def _judge(self, facts: Facts, purpose: Purpose, at: datetime, country: CountryCode | None) -> _Verdict:
        profile = self._rules.profiles[purpose]
        warnings = check(facts, profile)
        _check_dates(facts, at, self._rules.skew)
        of = self._country(facts, purpose, profile, country)
        group = self._groups.get((of, purpose))
        if group is None:
            raise CertificateRefused("cert.untrusted", "nothing is trusted for this country and purpose")
        path = _path(facts, group, _within(facts, at))
        answer = self._revocation_of(facts, path, group, purpose, at)
        warnings += apply_policy(
            answer.state, self._rules.policy(purpose), refuse_not_checkable=self._rules.refuse_not_checkable
        )
        return _Verdict(
            TrustedCertificate(facts.certificate, purpose, of, facts.fingerprint, answer.state, warnings),
            facts,
            tuple((issuer.not_valid_before_utc, issuer.not_valid_after_utc) for issuer in path[1:]),
            answer.since,
            answer.until,
        )

    def _country(self, facts: Facts, purpose: Purpose, profile: Profile, asked: CountryCode | None) -> CountryCode:
        """The country to trust it for. A named certificate (pin, allow list) needs no C; every other one does."""
        named = self._named(facts, purpose) if purpose not in SEALS else frozenset()
        if asked is not None and (asked in named or not profile.country):
            return asked
        found = next(iter(named)) if len(named) == 1 else subject_country(facts)
        if asked is not None and found != asked:
            raise CertificateRefused("cert.country", "the certificate is of another country")
        return found

    def _named(self, facts: Facts, purpose: Purpose) -> frozenset[CountryCode]:
        """Countries that configuration names for this very certificate; the allow list decides before pins."""
        if purpose is Purpose.TLS_CLIENT and facts.fingerprint in self._rules.tls_clients:
            return frozenset({self._rules.tls_clients[facts.fingerprint]})
        return frozenset(
            country
            for (country, of), group in self._groups.items()
            if of is purpose and facts.fingerprint in group.pins
        )

    def _revocation_of(
        self, facts: Facts, path: tuple[x509.Certificate, ...], group: _Group, purpose: Purpose, at: datetime
    ) -> Answer:
        if self._rules.policy(purpose) is RevocationPolicy.OFF:
            return Answer(Revocation.NOT_CHECKED)
        if len(path) == 1:
            issuer = next((ca for ca in group.authorities if signed_by(facts.certificate, ca)), None)
            return self._revocation.check(facts, issuer, at)
        return worst(
            [
                self._revocation.check(facts if child is path[0] else facts_of(child), issuer, at)
                for child, issuer in itertools.pairwise(path)
            ]
        )

    def _certificates(
        self, purpose: Purpose, country: CountryCode | None, *, pins: bool
    ) -> tuple[x509.Certificate, ...]:
        found = {
            entry.fingerprint: entry.certificate
            for entry in self._entries
            if entry.purpose is purpose
            and (entry.role is Role.PIN) is pins
            and (country is None or entry.country == country)
        }
        return tuple(found.values())


def _groups(entries: Iterable[Entry]) -> Mapping[tuple[CountryCode, Purpose], _Group]:
    sorted_out: dict[tuple[CountryCode, Purpose], dict[Role, list[Entry]]] = {}
    for entry in entries:
        by_role = sorted_out.setdefault((entry.country, entry.purpose), {role: [] for role in Role})
        by_role[entry.role].append(entry)
    groups = {}
    for key, by_role in sorted_out.items():
        anchors = [entry.certificate for entry in by_role[Role.ANCHOR]]
        intermediates = tuple(entry.certificate for entry in by_role[Role.INTERMEDIATE])
        groups[key] = _Group(
            anchors=verification.Store(anchors) if anchors else None,
            authorities=(*anchors, *intermediates),
            intermediates=intermediates,
            pins=frozenset(entry.fingerprint for entry in by_role[Role.PIN]),
        )
    return groups


def _check_dates(facts: Facts, at: datetime, skew: timedelta) -> None:
    if at < facts.not_before - skew:
        raise CertificateRefused("cert.not_yet_valid", "its validity begins later")
    if at > facts.not_after + skew:
        raise CertificateRefused("cert.expired", "its validity has ended")


def _within(facts: Facts, at: datetime) -> datetime:
    """The moment to validate the path for: ``at``, moved into the validity of the certificate where skew allowed it."""
    return min(max(at, facts.not_before), facts.not_after)


def _path(facts: Facts, group: _Group, moment: datetime) -> tuple[x509.Certificate, ...]:
    if facts.fingerprint in group.pins:
        return (facts.certificate,)
    if group.anchors is None:
        raise CertificateRefused("cert.untrusted", "only pinned certificates are trusted for this country and purpose")
    return build_path(facts.certificate, anchors=group.anchors, intermediates=group.intermediates, at=moment)
