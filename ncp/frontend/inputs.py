"""Values that several operations take, checked in one place. Every refusal is ERROR_GENERIC with a stable reason."""

from __future__ import annotations

import re

from ncp.frontend.port import Call
from ncp.wire.errors import Code, RequestError, SecurityError
from ncp.wire.ids import II, CountryCode, country_code, oid, urn_oid
from ncp.wire.xml import NS_SAML
from xca.messages import DocumentRequest

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_ID_MAX = 256


def require_assertion(call: Call) -> Call:
    """The call, when it carries an assertion at all; whether it is worth anything is for the port to verify."""
    if not any(security.find(f"{{{NS_SAML}}}Assertion") is not None for security in call.security):
        raise SecurityError(Code.GENERIC, "header.missing", message="No assertion context found")
    return call


def country(text: str | None) -> CountryCode:
    """Two letters, upper-cased."""
    try:
        return country_code(text or "")
    except ValueError:
        raise refused("request.country", "The country code must have two letters") from None


def language(text: str | None, default: str = "") -> str:
    """A BCP 47 language tag, or ``default`` when none is given."""
    tag = (text or "").strip() or default
    if tag and not _LANGUAGE.fullmatch(tag):
        raise refused("request.language", "The language must be a BCP 47 tag")
    return tag


def identifier(root: str | None, extension: str | None) -> II:
    """A patient id: an OID and something in it."""
    value = (extension or "").strip()
    if not value or len(value) > _ID_MAX:
        raise refused("request.patient_id", "A patient id needs a root and an extension")
    try:
        return II(oid(root or ""), value)
    except ValueError:
        raise refused("request.patient_id", "The root of a patient id must be an OID") from None


def document_request(home_community: str | None, repository: str | None, document: str | None) -> DocumentRequest:
    """The three ids of a document; the home community with or without ``urn:oid:``."""
    repository_id, document_id = (repository or "").strip(), (document or "").strip()
    if not repository_id or not document_id or max(len(repository_id), len(document_id)) > _ID_MAX:
        raise refused("request.document_id", "A document id needs repositoryUniqueId and documentUniqueId")
    try:
        home = urn_oid(oid(home_community or ""))
    except ValueError:
        raise refused("request.home_community", "The homeCommunityId must be an OID") from None
    return DocumentRequest(document_id, repository_id, home)


def refused(reason: str, message: str) -> RequestError:
    """A request that breaks a rule of the contract; ``message`` is ours and names no value."""
    return RequestError(Code.GENERIC, reason, message=message)
