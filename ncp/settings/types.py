"""The kinds of value a setting can have: paths, URLs, addresses, identifiers, durations, sizes.

Each type refuses with a ``ValueError`` whose text says what is wrong; what to write instead stands in ``REMEDIES``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from ncp.settings.units import DURATION_REMEDY, SIZE_REMEDY, parse_duration, parse_size
from ncp.wire import ids

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_MIS_SPELT_COUNTRIES = {"EL": "GR", "UK": "GB"}

AUTHENTICATION_CLASSES = (
    "MobileTwoFactorUnregistered",
    "MobileTwoFactorContract",
    "X509",
    "SPKI",
    "SmartcardPKI",
    "SoftwarePKI",
    "TLSClient",
)
"""Last words of the authentication classes of SAML that an assertion may name (``docs/assertions.md``)."""

REMEDIES = {
    "not a duration": DURATION_REMEDY,
    "not a size": SIZE_REMEDY,
    "not a country code of two letters": 'write the ISO 3166 code, for example "HR"',
    **{f"{wrong} is not the code of a country": f'write "{right}"' for wrong, right in _MIS_SPELT_COUNTRIES.items()},
    "not an object identifier": 'write digits and dots, for example "2.16.17.710.840.1000.990.1"',
    "not an address to listen on": 'write host and port, for example "127.0.0.1:8443" or "[::]:8443"',
    "not an https URL": 'write the whole address, for example "https://ncp.example.eu:8443/xcpd"',
    "not a URL of https, nor of this machine": 'write the whole address, for example "https://login.example.eu/certs"',
    "a URL must not hold a name or password": "take the part before @ out of the URL: peers know us by our certificate",
    "not a language tag": 'write language and country, for example "hr-HR"',
    "not a known time zone": 'write an IANA name, for example "Europe/Zagreb"',
    "not a SHA-256 fingerprint": "write 64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256 -in cert.pem",
    "not an authentication class with two factors": 'write for example "SmartcardPKI" or "MobileTwoFactorContract"',
    "empty": "write a value or take the line out",
}
"""What to do about each refusal of this file, by its text."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a listener is bound; ``host`` without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Reachable from this machine only."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def overlaps(self, other: Listen) -> bool:
        """The same port, and the same address or one of them all addresses."""
        everywhere = ("0.0.0.0", "::")  # noqa: S104  compared, not bound
        same_host = self.host == other.host or self.host in everywhere or other.host in everywhere
        return self.port == other.port and same_host


def _listen(value: object) -> Listen:
    if isinstance(value, Listen):
        return value
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not _HOST.fullmatch(host) or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        raise ValueError("not an address to listen on")
    return Listen(host.strip("[]"), int(port))


def _path(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    if str(value) in ("", "."):
        raise ValueError("empty")
    value = value.expanduser()
    return (Path(folder) / value) if folder is not None and not value.is_absolute() else value


def _https_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("not an https URL") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a name or password")
    if parts.scheme != "https" or not parts.hostname or parts.fragment or port == 0 or re.search(r"\s", value):
        raise ValueError("not an https URL")
    return value


def _provider_url(value: str) -> str:
    """As ``_https_url``; without TLS on this machine only, which production mode refuses (``ncp.settings.rules``)."""
    if not is_local_http(value):
        try:
            return _https_url(value)
        except ValueError as refused:
            if "name or password" in str(refused):
                raise
            raise ValueError("not a URL of https, nor of this machine") from None
    return value


def is_local_http(value: str) -> bool:
    """An address without TLS on this machine itself."""
    return re.fullmatch(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(/[^\s#@]*)?", value) is not None


def _country(value: str) -> str:
    code = ids.country_code(value)
    if code in _MIS_SPELT_COUNTRIES:
        raise ValueError(f"{code} is not the code of a country")
    return code


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("not a language tag")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a known time zone") from None
    return value


def _fingerprint(value: str) -> str:
    plain = value.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError("not a SHA-256 fingerprint")
    return plain


def _authentication_class(value: str) -> str:
    if value not in AUTHENTICATION_CLASSES:
        raise ValueError("not an authentication class with two factors")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("empty")
    return value


@dataclass(frozen=True, slots=True)
class Kind:
    """The name of a type on the reference page."""

    name: str


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Kind("duration")]
Size = Annotated[int, BeforeValidator(parse_size), Kind("size")]
Address = Annotated[Listen, BeforeValidator(_listen), Kind("host:port")]
File = Annotated[Path, AfterValidator(_path), Kind("file")]
Folder = Annotated[Path, AfterValidator(_path), Kind("folder")]
ProviderUrl = Annotated[str, AfterValidator(_provider_url), Kind("https URL")]
HttpsUrl = Annotated[str, AfterValidator(_https_url), Kind("https URL")]
Country = Annotated[ids.CountryCode, AfterValidator(_country), Kind("country code")]
Identifier = Annotated[ids.Oid, AfterValidator(ids.oid), Kind("OID")]
Language = Annotated[str, AfterValidator(_language), Kind("language tag")]
TimeZone = Annotated[str, AfterValidator(_time_zone), Kind("time zone")]
Fingerprint = Annotated[str, AfterValidator(_fingerprint), Kind("SHA-256 fingerprint")]
AuthenticationClass = Annotated[str, AfterValidator(_authentication_class), Kind("authentication class")]
Text = Annotated[str, AfterValidator(_filled), Kind("text")]
