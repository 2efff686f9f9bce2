"""The trust folder on disk: ``<cc>/<purpose>/*.pem`` and ``<cc>/crl/*`` (``docs/trust.md``, "The trust folder").

Sorts certificates into anchors, intermediates and pins. A certificate file that cannot be read stops the start; a file
that is not used is noted. Decides nothing about trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509

from ncp.wire.ids import CountryCode, country_code
from trust_store.certificate import Facts, facts_of
from trust_store.path import signed_by
from trust_store.profile import PROFILES, SEALS, check, subject_country
from trust_store.types import CertificateRefused, Purpose

CRL_FOLDER = "crl"
_CERTIFICATE_FILES = frozenset({".pem", ".crt", ".cer", ".der"})
_CRL_FILES = frozenset({".crl", ".pem", ".der"})
_MAX_CERTIFICATE_FILE = 4 * 1024 * 1024
_MAX_CRL_FILE = 64 * 1024 * 1024


class TrustFolderRefused(Exception):
    """The folder cannot be used; the text names the file, what is wrong and what to do."""


class Role(Enum):
    """How a certificate of the folder is used."""

    ANCHOR = "anchor"
    INTERMEDIATE = "intermediate"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate of the folder."""

    country: CountryCode
    purpose: Purpose
    role: Role
    certificate: x509.Certificate
    fingerprint: str
    file: Path


Crls = tuple[tuple[str, x509.CertificateRevocationList], ...]
"""File names and what they hold."""


def read(folder: Path) -> tuple[tuple[Entry, ...], Crls, tuple[str, ...]]:
    """Entries, (name, CRL) pairs and notes. Raises ``TrustFolderRefused``."""
    if not folder.is_dir():
        raise TrustFolderRefused(f"{folder}: no such folder; create it or correct [trust] anchors")
    entries: list[Entry] = []
    crls: list[tuple[str, x509.CertificateRevocationList]] = []
    notes: list[str] = []
    for country_folder in _folders(folder, notes):
        try:
            country = country_code(country_folder.name)
        except ValueError:
            raise TrustFolderRefused(
                f"{country_folder}: not a country; name the folder by the code of the country, as fr"
            ) from None
        for purpose_folder in _folders(country_folder, notes):
            if purpose_folder.name == CRL_FOLDER:
                crls += _read_crls(purpose_folder, notes)
            else:
                found = [
                    (path, certificate)
                    for path in _files(purpose_folder, _CERTIFICATE_FILES, notes)
                    for certificate in _read_certificates(path)
                ]
                entries += sort_out(country, _purpose(purpose_folder), found, notes)
    if not entries:
        raise TrustFolderRefused(f"{folder}: holds no certificate; place anchors in <country>/<purpose>/")
    return tuple(entries), tuple(crls), tuple(notes)


def sort_out(
    country: CountryCode,
    purpose: Purpose,
    certificates: Iterable[tuple[Path, x509.Certificate]],
    notes: list[str],
) -> list[Entry]:
    """Give the certificates of one country and purpose their roles.

    A CA certificate is an intermediate when another CA certificate of the folder has signed it, else an anchor: a
    sub-CA without its root is trusted alone. Every other certificate is a pin.
    """
    facts: dict[str, tuple[Path, Facts]] = {}
    for path, certificate in certificates:
        try:
            read_facts = facts_of(certificate)
        except CertificateRefused as refused:
            raise TrustFolderRefused(f"{path}: {refused.detail}; replace the file") from None
        facts.setdefault(read_facts.fingerprint, (path, read_facts))
    authorities = [found.certificate for _, found in facts.values() if found.is_ca]
    entries = []
    for path, found in facts.values():
        certificate = found.certificate
        if not found.is_ca:
            role = Role.PIN
            notes += _pin_problem(country, purpose, path, found)
        elif certificate.issuer == certificate.subject or not any(
            issuer is not certificate and signed_by(certificate, issuer) for issuer in authorities
        ):
            role = Role.ANCHOR
        else:
            role = Role.INTERMEDIATE
        entries.append(Entry(country, purpose, role, certificate, found.fingerprint, path))
    if authorities and not any(entry.role is Role.ANCHOR for entry in entries):
        notes.append(f"{country.lower()}/{purpose.value}: has CA certificates but no anchor among them")
    return entries


def _pin_problem(country: CountryCode, purpose: Purpose, path: Path, facts: Facts) -> list[str]:
    try:
        check(facts, PROFILES[purpose])
        if purpose in SEALS and subject_country(facts) != country:
            raise CertificateRefused("cert.country", "a seal names its own country in the subject")
    except CertificateRefused as refused:
        return [f"{path}: pinned, but will be refused: {refused}"]
    return []


def _folders(parent: Path, notes: list[str]) -> Iterator[Path]:
    for child in sorted(parent.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_dir():
            yield child
        elif child.suffix.lower() in _CERTIFICATE_FILES | _CRL_FILES:
            raise TrustFolderRefused(f"{child}: stands outside a folder; move it to <country>/<purpose>/")
        else:
            notes.append(f"{child}: not used")


def _purpose(folder: Path) -> Purpose:
    try:
        return Purpose(folder.name)
    except ValueError:
        names = ", ".join(purpose.value for purpose in Purpose)
        raise TrustFolderRefused(f"{folder}: not a purpose; use one of {names}, or {CRL_FOLDER} for CRLs") from None


def _files(folder: Path, suffixes: frozenset[str], notes: list[str]) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_file() and child.suffix.lower() in suffixes:
            yield child
        else:
            notes.append(f"{child}: not used; names end in {' '.join(sorted(suffixes))}")


def _read_certificates(path: Path) -> list[x509.Certificate]:
    data = _read(path, _MAX_CERTIFICATE_FILE)
    if b"PRIVATE KEY" in data:
        raise TrustFolderRefused(f"{path}: holds a private key; a trust folder holds certificates only, remove it")
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise TrustFolderRefused(f"{path}: not a certificate in PEM or DER; export it again") from None


def _read_crls(folder: Path, notes: list[str]) -> Iterator[tuple[str, x509.CertificateRevocationList]]:
    for path in _files(folder, _CRL_FILES, notes):
        data = _read(path, _MAX_CRL_FILE)
        try:
            is_pem = b"-----BEGIN" in data[:4096]
            yield str(path), (x509.load_pem_x509_crl if is_pem else x509.load_der_x509_crl)(data)
        except (ValueError, x509.InvalidVersion):
            # A download that went wrong takes no trust away from anyone: the state of the certificates shows it.
            notes.append(f"{path}: CRL is not used: it is not a CRL in PEM or DER")


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise TrustFolderRefused(f"{path}: larger than {limit // 1024 // 1024} MB; this is not what belongs here")
        return path.read_bytes()
    except OSError as error:
        raise TrustFolderRefused(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; let the gateway's account read it"
        ) from None
