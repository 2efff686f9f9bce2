"""Everything an operator can set, from one TOML file. A key that is not known is refused by name.

Knows keys, types and defaults. Paths are relative to the file. Secrets stand in files of their own.
"""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticUndefined

FILE_MAX = 256 * 1024
_DURATION = re.compile(r"(\d{1,6})(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LANGUAGE = re.compile(r"[a-z]{2}")


class SettingsRefused(ValueError):
    """The configuration cannot be used; ``problems`` has a line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _duration(value: Any) -> Any:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration such as 30s, 15m or 4h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _url(value: str) -> str:
    """An address; plain HTTP only where it cannot leave this machine."""
    parts = urlsplit(value)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme not in ("https", "http") or not parts.hostname or (parts.scheme == "http" and not is_local):
        raise ValueError("an https:// address (http:// only for this machine)")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("an address without query, fragment and user")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """An address of a whole host, written as browsers send it in ``Host`` and ``Origin``: with anything else no request
    would be the portal's own."""
    value = _url(value)
    parts = urlsplit(value)
    if parts.path or value != value.lower() or parts.port == {"https": 443, "http": 80}[parts.scheme]:
        raise ValueError("scheme and host as browsers write them: lower case, no path, no usual port")
    return value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("an address and a port, such as 127.0.0.1:8500")
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("a language of two letters, such as fr")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Url = Annotated[str, AfterValidator(_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Listen = Annotated[str, AfterValidator(_listen)]
Language = Annotated[str, AfterValidator(_language)]
T = TypeVar("T", bound=BaseModel)
Text = Annotated[str, Field(min_length=1, max_length=500)]


def setting(default: Any = PydanticUndefined, *, description: str = "", **rules: Any) -> Any:
    """One key of the file; without a default it is needed."""
    return Field(default, description=description, **rules)


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ServerSettings(Table):
    listen: Listen = setting("127.0.0.1:8500", description="Where browsers or the proxy before them reach the portal.")
    public_url: Origin = setting("http://localhost:8500", description="Address of the portal as browsers know it.")
    certificate: Path | None = setting(None, description="TLS certificate in PEM; absent behind a proxy that has it.")
    key: Path | None = setting(None, description="Its private key in PEM.")
    proxies: tuple[str, ...] = setting((), description="Addresses of proxies whose X-Forwarded headers are believed.")
    connections: int = setting(2000, ge=10, le=100_000, description="Most connections at the same time.")

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.public_url.startswith("https://")


class GatewaySettings(Table):
    url: Url = setting(description="Address of the gateway's service for portals.")
    certificate: Path = setting(description="The portal's client certificate in PEM.")
    key: Path = setting(description="Its private key in PEM.")
    trust: Path = setting(description="What the gateway's certificate is checked against, in PEM.")
    timeout: Duration = setting("90s", description="Longest wait for one answer of the gateway.")
    patience: Duration = setting("2m", description="After this a question to another country is given up.")
    calls: int = setting(64, ge=4, le=500, description="Calls of the gateway at the same time.")


class LoginSettings(Table):
    metadata_url: Url = setting(description="Discovery document of the OpenID provider.")
    client_id: Text = setting(description="Name of this portal at the provider.")
    client_secret_file: Path = setting(description="File that holds the secret of this portal, and nothing else.")
    scope: Text = setting("openid scope_all", description="What is asked for.")
    acr_values: str = setting("eidas1", description="Levels of authentication asked for; empty: none.")
    timeout: Duration = setting("10s", description="Longest wait for an answer of the provider.")
    trust: Path | None = setting(None, description="CA of the provider in PEM; absent: those of the system.")


class SessionSettings(Table):
    idle: Duration = setting("15m", description="A session ends after this time without a request.")
    absolute: Duration = setting("4h", description="A session ends after this time in any case.")
    warning: Duration = setting("2m", description="How long before its end a session warns.")
    most: int = setting(5000, ge=1, le=100_000, description="Sessions at the same time.")
    searches: int = setting(8, ge=1, le=50, description="Searches that one session keeps; the oldest goes first.")
    documents: int = setting(64, ge=1, le=2048, description="Megabytes of documents that one session keeps.")
    all_documents: int = setting(
        1024,
        ge=1,
        le=1_000_000,
        description="Megabytes of documents of all sessions; the longest unused go first.",
    )


class LanguageSettings(Table):
    default: Language = setting("fr", description="Language where the browser asks for none of those offered.")
    offered: tuple[Language, ...] = setting(("fr", "en"), description="Languages of the pages.", min_length=1)

    @model_validator(mode="after")
    def _default_is_offered(self) -> LanguageSettings:
        if self.default not in self.offered:
            raise ValueError("the default must be one of those offered")
        return self


class BrandSettings(Table):
    name: Text = setting("Sesali", description="Name of the service.")
    tagline: dict[Language, Text] = setting({}, description="What stands below the name, by language.")
    organisation: Text = setting(description="The body that runs the service.")
    address: tuple[Text, ...] = setting((), description="Its address, line by line.")
    organisation_url: Url | None = setting(None, description="Its site.")
    assistance_url: Url | None = setting(None, description="Where professionals get help.")
    directory_url: Url | None = setting(None, description="Where they find their own entry in the directory.")
    logo: Path | None = setting(None, description="SVG or PNG shown in the header; absent: the portal's own.")


class TermsSettings(Table):
    version: Text = setting("2026-1", description="Version of the terms of use; raise it with every change.")
    record: Path = setting(Path("state/terms.jsonl"), description="File to which each acceptance is appended.")


class Settings(Table):
    mode: Literal["production", "development"] = setting(
        "production", description="In production browsers have to come over TLS."
    )
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = setting(description="The portal's own country.")
    server: ServerSettings = setting({})
    gateway: GatewaySettings
    login: LoginSettings
    session: SessionSettings = setting({})
    language: LanguageSettings = setting({})
    brand: BrandSettings
    terms: TermsSettings = setting({})
    texts: Path | None = setting(None, description="Folder of catalogues whose texts replace those of the portal.")

    @model_validator(mode="after")
    def _is_safe(self) -> Settings:
        if self.mode == "production" and not self.server.is_secure:
            raise ValueError("server.public_url must be https:// in production")
        if self.mode == "production" and not self.login.metadata_url.startswith("https://"):
            raise ValueError("login.metadata_url must be https:// in production")
        if (self.server.certificate is None) != (self.server.key is None):
            raise ValueError("server.certificate and server.key come together")
        return self


def load(path: Path) -> Settings:
    """The settings of a file. Raises ``SettingsRefused`` with every problem, and the line where it can be told."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsRefused([f"{path}: {(error.strerror or 'cannot be read').lower()}"]) from None
    if len(data) > FILE_MAX:
        raise SettingsRefused([f"{path}: larger than {FILE_MAX} bytes"])
    try:
        text = data.decode("utf-8")
        table = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsRefused([f"{path}: {error}"]) from None
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        raise SettingsRefused(
            [
                f"{path}: {_line(text, each['loc'])}{'.'.join(map(str, each['loc'])) or 'the file'}: {_words(each)}"
                for each in error.errors()
            ]
        ) from None
    found = _resolved(settings, path.absolute().parent)
    missing = [f"{path}: {name}: there is no file {file}" for name, file in _files(found) if not file.is_file()]
    if found.texts is not None and not found.texts.is_dir():
        missing.append(f"{path}: texts: there is no folder {found.texts}")
    if missing:
        raise SettingsRefused(missing)
    return found


def _words(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key: remove it, or look for its right spelling in docs/portal.md"
    if error["type"] == "missing":
        return "is missing: add it"
    return str(error["msg"]).removeprefix("Value error, ")


def _line(text: str, place: tuple[Any, ...]) -> str:
    """Where a key stands, for people: the first line that sets it in its table."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[([A-Za-z0-9_.-]+)\]", line):
            table = header[1]
        elif (key := re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)) and f"{table}.{key[1]}".strip(".") == ".".join(
            str(one) for one in place[:2]
        ):
            return f"line {number}: "
    return ""


def _files(settings: Settings) -> list[tuple[str, Path]]:
    """Files that have to be there."""
    named = {
        "server.certificate": settings.server.certificate,
        "server.key": settings.server.key,
        "gateway.certificate": settings.gateway.certificate,
        "gateway.key": settings.gateway.key,
        "gateway.trust": settings.gateway.trust,
        "login.client_secret_file": settings.login.client_secret_file,
        "login.trust": settings.login.trust,
        "brand.logo": settings.brand.logo,
    }
    return [(name, file) for name, file in named.items() if file is not None]


def _resolved(table: T, folder: Path) -> T:
    changes: dict[str, Any] = {}
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, Path):
            changes[name] = folder / value
        elif isinstance(value, BaseModel):
            changes[name] = _resolved(value, folder)
    return table.model_copy(update=changes)
