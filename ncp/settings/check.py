"""The offline check: everything of the configuration, and every file it names, without any network.

Start-up and ``ncp config check`` run it. Knows which files must exist, that a key belongs to its certificate, dates,
key sizes, file permissions. Leaves to ``trust_store`` whom to trust.
"""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ncp.eligibility.rules import RulesRefused, read_rules
from ncp.settings.load import KeyPath, Reading, Source, read, validate
from ncp.settings.model import EligibilitySettings, KeyFiles, Mode, Settings
from ncp.settings.problems import Problem, SettingsErrors
from ncp.wire.ids import CountryCode
from xcpd.help_pictures import HelpPicturesRefused, load_pictures
from xcpd.masks import MaskRefused, read_mask

EXPIRY_INFO = timedelta(days=90)
_LARGEST = 5 * 1024 * 1024
_CONFIG = Path(__file__).resolve().parents[2] / "config"
_RSA_BITS = 2048
_EC_BITS = 256
_DEVELOPMENT = "(development)"
"""Stands in every name that ``trust_store.dev_pki`` writes."""
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check(path: Path, at: datetime, environment: Mapping[str, str] | None = None) -> Reading:
    """The file read, and all that is wrong or worth knowing: first what stands in it, then the files it names.

    Where some keys are wrong, the files of all the others are looked at nevertheless.
    """
    reading = read(path, environment)
    settings = reading.settings or _without_wrong_keys(reading)
    if settings is None:
        return reading
    known = {problem.key for problem in reading.problems}
    files = [problem for problem in _files(settings, reading.source, at) if problem.key not in known]
    found = sorted((*reading.problems, *files), key=lambda problem: (problem.place, problem.line))
    return Reading(reading.source, reading.values, reading.settings, tuple(found))


def load_checked(path: Path, at: datetime, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings, after the whole offline check. Raises ``SettingsErrors`` with everything that is wrong."""
    reading = check(path, at, environment)
    errors = [problem for problem in reading.problems if not problem.is_warning]
    if errors or reading.settings is None:
        raise SettingsErrors(errors)
    return reading.settings


def _without_wrong_keys(reading: Reading) -> Settings | None:
    """Settings of the keys that are right, so that their files can be looked at too."""
    values = _copy(reading.values)
    for problem in reading.problems:
        if problem.problem != "missing":
            _drop(values, problem.key)
    return validate(values, Source(reading.source.path))[0] if values else None


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _drop(values: Any, dotted: str) -> None:
    *around, last = dotted.split(".")
    for name in around:
        values = values.get(name) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values.pop(last.partition("[")[0], None)


def _files(settings: Settings, source: Source, at: datetime) -> Iterator[Problem]:
    yield from _key_pair(("tls", "server"), settings.tls.server, settings, source, at)
    if settings.tls.client is not None:
        yield from _key_pair(("tls", "client"), settings.tls.client, settings, source, at)
    if settings.seal is not None:
        yield from _key_pair(("seal",), settings.seal, settings, source, at, is_seal=True)
    yield from _anchors(settings, source)
    for position, portal in enumerate(settings.frontend.portals):
        if portal.certificate is not None:
            key = ("frontend", "portals", position, "certificate")
            chain, problem = _certificates(portal.certificate)
            yield from [source.problem(key, *problem)] if problem else _dates(key, chain[0], source, at)
    if settings.is_responding:
        yield from _responding_files(settings, source)
    if settings.is_initiating:
        yield from _peer_masks(settings, source)
        yield from _eligibility_files(settings, source)
        yield from _help_pictures(settings, source)
        yield from _notices(settings, source)
    yield from _validation_files(settings, source)
    yield from _writable(("state",), settings.state, source)
    if settings.capture is not None:
        yield from _writable(("capture", "folder"), settings.capture.folder, source)


def _key_pair(
    key: KeyPath, files: KeyFiles, settings: Settings, source: Source, at: datetime, *, is_seal: bool = False
) -> Iterator[Problem]:
    chain, problem = _certificates(files.certificate)
    if problem:
        yield source.problem((*key, "certificate"), *problem)
    password, problem = _password(files)
    if problem:
        yield source.problem((*key, "key_password_file"), *problem)
        return
    private, refused = _private_key(files, password)
    if refused:
        yield source.problem((*key, refused[0]), *refused[1:])
    else:
        yield from _permissions((*key, "key"), files.key, settings, source)
    if files.key_password_file is not None:
        yield from _permissions((*key, "key_password_file"), files.key_password_file, settings, source)
    if not chain:
        return
    yield from _dates((*key, "certificate"), chain[0], source, at)
    yield from _strength((*key, "certificate"), chain[0], source)
    if settings.mode is Mode.PRODUCTION and _DEVELOPMENT in chain[0].issuer.rfc4514_string():
        yield source.problem(
            (*key, "certificate"), "made by ncp pki dev, not allowed in production mode", "use the official one"
        )
    if is_seal:
        yield from _seal_country(key, chain[0], settings, source)
    if private is not None and _public_bytes(private.public_key()) != _public_bytes(chain[0].public_key()):
        yield source.problem(
            (*key, "key"), "does not belong to the certificate", "name the key the certificate was requested with"
        )


def _certificates(path: Path) -> tuple[list[x509.Certificate], tuple[str, str] | None]:
    data, problem = _read(path)
    if data is None:
        return [], problem
    try:
        return x509.load_pem_x509_certificates(data), None
    except (ValueError, UnsupportedAlgorithm):
        return [], ("holds no certificate in PEM", "openssl x509 -in FILE -inform der -out FILE.pem")


def _password(files: KeyFiles) -> tuple[bytes | None, tuple[str, str] | None]:
    if files.key_password_file is None:
        return None, None
    data, problem = _read(files.key_password_file)
    if data is None:
        return None, problem
    return (data.rstrip(b"\r\n"), None) if data.strip() else (None, ("is empty", "write the password into it"))


def _private_key(files: KeyFiles, password: bytes | None) -> tuple[Any, tuple[str, str, str] | None]:
    data, problem = _read(files.key)
    if data is None:
        return None, ("key", *problem) if problem else None
    try:
        return serialization.load_pem_private_key(data, password), None
    except TypeError:
        if password is None:
            return None, ("key", "is encrypted and there is no password", "add key_password_file")
        return None, ("key_password_file", "the key is not encrypted", "take key_password_file out")
    except (ValueError, UnsupportedAlgorithm):
        if password is not None and b"ENCRYPTED" in data:
            return None, ("key_password_file", "not the password of the key", "write the right one, without quotes")
        return None, ("key", "holds no private key in PEM", "openssl pkey -in FILE -out FILE.pem")


def _public_bytes(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def _dates(key: KeyPath, certificate: x509.Certificate, source: Source, at: datetime) -> Iterator[Problem]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        yield source.problem(key, f"not valid before {begin:%Y-%m-%d %H:%M} UTC", "check the clock of this machine")
    elif at >= end:
        yield source.problem(key, f"expired on {end:%Y-%m-%d %H:%M} UTC", "install the renewed certificate")
    elif end - at < EXPIRY_INFO:
        left = (end - at).days
        yield source.problem(key, f"expires in {left} days, on {end:%Y-%m-%d}", "renew it in time", is_warning=True)


def _strength(key: KeyPath, certificate: x509.Certificate, source: Source) -> Iterator[Problem]:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < _RSA_BITS:
        yield source.problem(key, f"RSA key of {public.key_size} bits", f"use at least {_RSA_BITS}")
    elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.key_size < _EC_BITS:
        yield source.problem(key, f"EC key of {public.curve.key_size} bits", "use P-256 or P-384")
    elif not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        yield source.problem(key, "neither an RSA nor an EC key", "peers accept RSA from 2048 bits, or P-256, P-384")


def _seal_country(key: KeyPath, certificate: x509.Certificate, settings: Settings, source: Source) -> Iterator[Problem]:
    countries = certificate.subject.get_attributes_for_oid(x509.NameOID.COUNTRY_NAME)
    found = " and ".join(str(attribute.value) for attribute in countries)
    if [str(attribute.value).upper() for attribute in countries] != [settings.country.code]:
        yield source.problem(
            (*key, "certificate"),
            f"its subject has the country {found}" if found else "its subject has no country",
            f"peers refuse assertions of {settings.country.code} signed by another country",
        )


def _permissions(key: KeyPath, path: Path, settings: Settings, source: Source) -> Iterator[Problem]:
    if path.stat().st_mode & _OPEN_TO_OTHERS & ~stat.S_IRGRP:
        yield source.problem(
            key,
            "readable by every user of this machine",
            f"chmod 600 {path.name}",
            is_warning=settings.mode is not Mode.PRODUCTION,
        )


def _anchors(settings: Settings, source: Source) -> Iterator[Problem]:
    key = ("trust", "anchors")
    folder = settings.trust.anchors
    if not folder.is_dir():
        yield source.problem(key, "no such folder", "make it, with <country>/<purpose>/*.pem in it")
        return
    for path in sorted(folder.glob("*/*/*.pem")):
        if path.parent.name == "crl":
            continue
        _, problem = _certificates(path)
        if problem:
            yield source.problem(key, f"{path.relative_to(folder)} {problem[0]}", problem[1])
    have = {path.name.upper() for path in folder.iterdir() if path.is_dir()}
    for country in settings.peers:
        if country not in have:
            yield source.problem(
                key,
                f"nothing in it for the peer {country}",
                f"add {country.lower()}/ or nothing of this country is trusted",
                is_warning=True,
            )


def _responding_files(settings: Settings, source: Source) -> Iterator[Problem]:
    if settings.responding.search_mask is not None:
        yield from _mask(("responding", "search_mask"), settings.responding.search_mask, settings.country.code, source)
    connector = settings.connector
    if connector is not None and not connector.database.is_file():
        yield source.problem(
            ("connector", "database"), "no such file", "fill it with: ncp store load FOLDER --config FILE"
        )


def _peer_masks(settings: Settings, source: Source) -> Iterator[Problem]:
    key = ("initiating", "search_masks")
    folder = settings.initiating.search_masks
    if not folder.is_dir():
        yield source.problem(key, "no such folder", "make it, with one <country>.xml per peer in it")
        return
    masks = {path.stem.upper(): path for path in folder.glob("*.xml")}
    for country, peer in settings.peers.items():
        if country in masks:
            for problem in _mask(key, masks[country], country, source):
                yield source.problem(key, f"{masks[country].name} {problem.problem}", problem.remedy)
        elif peer.services:
            yield source.problem(
                key,
                f"no search mask of the peer {country}",
                f"add {country}.xml, or nobody of this country can be found",
                is_warning=True,
            )


def _notices(settings: Settings, source: Source) -> Iterator[Problem]:
    folder = settings.frontend.notices
    if folder is not None and not any(folder.glob("*.toml")):
        yield source.problem(("frontend", "notices"), "no notice in it", "copy config/notices/ there, or drop the key")


def _help_pictures(settings: Settings, source: Source) -> Iterator[Problem]:
    key = ("initiating", "mask_pictures")
    folder = settings.initiating.mask_pictures
    if folder is None:
        return
    if not folder.is_dir():
        yield source.problem(key, "no such folder", "make it, with <COUNTRY>/pictures.toml in it, or drop the key")
        return
    for country in settings.peers:
        try:
            load_pictures(folder / country)
        except HelpPicturesRefused as refused:
            yield source.problem(
                key,
                f"{country}: {refused}",
                "see docs/search-masks.md, Help pictures; they are left out until then",
                is_warning=True,
            )


def _mask(key: KeyPath, path: Path, country: CountryCode, source: Source) -> Iterator[Problem]:
    data, problem = _read(path)
    if data is None:
        if problem:
            yield source.problem(key, *problem)
        return
    try:
        read_mask(data, country)
    except MaskRefused as refused:
        yield source.problem(
            key, f"is no search mask of {country} ({refused.reason})", "fetch it from the service metadata again"
        )


def _eligibility_files(settings: Settings, source: Source) -> Iterator[Problem]:
    asked = settings.eligibility
    if asked is None:
        return
    key: KeyPath = ("eligibility", "rules")
    path = asked.rules or shipped_rules(settings.country.code)
    if asked.rules is None and not path.is_file():
        yield source.problem(
            key, f"no rules ship for {settings.country.code}", "write your own, and name the file here"
        )
    else:
        yield from _rules_file(key, path, source)
    if asked.jwks_file is not None:
        data, problem = _read(asked.jwks_file)
        if problem:
            yield source.problem(("eligibility", "jwks_file"), *problem)
        elif data is not None and b'"keys"' not in data:
            yield source.problem(("eligibility", "jwks_file"), "holds no JWK set", 'it begins with {"keys": [')
    for where, trust in ((("eligibility",), asked.trust), (("eligibility", "directory"), _trust(asked))):
        if trust is not None:
            _, problem = _certificates(trust)
            if problem:
                yield source.problem((*where, "trust"), *problem)
    if asked.directory is not None and asked.directory.key_file is not None:
        data, problem = _read(asked.directory.key_file)
        if problem or not (data or b"").strip():
            yield source.problem(
                ("eligibility", "directory", "key_file"), *(problem or ("is empty", "write the key into it"))
            )


def _rules_file(key: KeyPath, path: Path, source: Source) -> Iterator[Problem]:
    data, problem = _read(path)
    if data is None:
        if problem:
            yield source.problem(key, *problem)
        return
    try:
        read_rules(data)
    except RulesRefused as refused:
        yield source.problem(key, f"{path.name}: {refused.key or 'the file'}: {refused.problem}", refused.remedy)


def _trust(asked: EligibilitySettings) -> Path | None:
    return asked.directory.trust if asked.directory is not None else None


def shipped_rules(country: CountryCode) -> Path:
    """The rules of who may log in that ship with the program, if any do for this country."""
    return _CONFIG / "eligibility" / f"{country.lower()}.toml"


def _validation_files(settings: Settings, source: Source) -> Iterator[Problem]:
    asked = settings.validation
    for key, folder, endings, remedy in (
        ("schema_folder", asked.schema_folder, (".xsd",), "unpack the CDA schemas there, CDA_Pharma.xsd at the top"),
        (
            "rules_folder",
            asked.rules_folder,
            (".sch", ".xsl", ".xslt"),
            "unpack the rules there, .sch files at the top",
        ),
    ):
        if folder is None:
            continue
        if not folder.is_dir():
            yield source.problem(("validation", key), "no such folder", f"{remedy}, or take the line out")
        elif not _holds(folder, endings, deeper=key == "schema_folder"):
            yield source.problem(("validation", key), f"holds no file {' or '.join(endings)}", remedy)
    if asked.rules_folder is not None and importlib.util.find_spec("saxonche") is None:
        yield source.problem(
            ("validation", "rules_folder"),
            "SaxonC is not installed, so no rule can be run",
            "pip install 'ncp-gateway[schematron]', or take the line out",
        )


def _holds(folder: Path, endings: tuple[str, ...], *, deeper: bool) -> bool:
    found = (*folder.glob("*"), *(folder.glob("*/*") if deeper else ()))
    return any(path.suffix.lower() in endings for path in found)


def _writable(key: KeyPath, folder: Path, source: Source) -> Iterator[Problem]:
    """The folder is made at start-up, so what counts is the first folder above that exists."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        yield source.problem(key, "is a file", "name a folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield source.problem(key, "cannot be written to", f"chown {existing} to the user the gateway runs as")


def _read(path: Path) -> tuple[bytes | None, tuple[str, str] | None]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        said = (error.strerror or "cannot be read").lower()
        return None, (f"{said} ({path})", "paths are relative to the folder of the configuration file")
    if len(data) > _LARGEST:
        return None, (f"larger than 5 MB ({path})", "is this the right file?")
    return data, None


def now() -> datetime:
    """The clock of the check, in UTC."""
    return datetime.now(UTC)
