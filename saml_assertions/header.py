"""Which assertions a wsse:Security header carries, and that nothing else hides in it (steps 2 to 4).

Knows places, kinds and counts. Leaves content to ``structure`` and everything that needs a signature to ``signature``.
Only direct children of the one Security block count; the kind is ``Issuer/@NameQualifier`` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Comment, _Element, _ProcessingInstruction

from ncp.wire.errors import Code, SecurityError
from ncp.wire.xml import NS_DS, NS_SAML, NS_WSU
from saml_assertions.claims import Kind

ASSERTION = f"{{{NS_SAML}}}Assertion"
_TIMESTAMP = f"{{{NS_WSU}}}Timestamp"
_ISSUER = f"{{{NS_SAML}}}Issuer"
_NAMES = {"saml": NS_SAML, "ds": NS_DS}

_FORBIDDEN = (
    etree.Comment,
    etree.ProcessingInstruction,
    ASSERTION,
    f"{{{NS_SAML}}}EncryptedAssertion",
    f"{{{NS_SAML}}}EncryptedAttribute",
    f"{{{NS_SAML}}}EncryptedID",
)
_IS_IN_SIGNATURE = etree.XPath("boolean(.//ds:Signature//saml:Assertion)", namespaces=_NAMES)
# Elements of the whole envelope with that value: in any attribute, which is quick to ask and nearly always settles it,
# and in one named ID, Id, id, xml:id or wsu:Id.
_COUNT_VALUE = etree.XPath("count(//*[@* = $id])")
_COUNT_ID = etree.XPath("count(//*[@*[. = $id][translate(local-name(), 'DI', 'di') = 'id']])")

# XML 1.0 (fifth edition) production 4 without the colon.
_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = re.compile(f"[{_START}][{_START}\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040]*")


@dataclass(frozen=True, slots=True, repr=False)
class HeaderAssertions:
    """The assertions of one message by kind, unverified. A TRC that nobody asked for is left out and noted."""

    hcp: _Element
    trc: _Element | None
    nok: _Element | None
    warnings: tuple[str, ...] = ()


def _refuse(reason: str) -> SecurityError:
    return SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, reason)


def read_header(security: Sequence[_Element], *, needs_treatment: bool) -> HeaderAssertions:
    """Steps 2 and 3: one Security block, assertions only, at most one of each kind, those needed are there.

    ``security`` are all wsse:Security blocks of the header. ``needs_treatment`` is true for ITI-38, 39 and 41; in
    ITI-55 a TRC that comes along is ignored (OpenNCP 9 forwards all it has).
    """
    if not security:
        raise SecurityError(Code.ASSERTION_NOT_VALID, "header.missing")
    if len(security) > 1:
        raise _refuse("header.duplicate")
    block = security[0]
    found: dict[Kind, _Element] = {}
    multiple: Kind | None = None
    _refuse_text(block.text)
    for child in block:
        _refuse_text(child.tail)
        if isinstance(child, _Comment) or child.tag == _TIMESTAMP:
            continue
        if isinstance(child, _ProcessingInstruction):
            raise _refuse("xml.pi")
        if child.tag != ASSERTION:
            raise _refuse("header.content")
        kind = kind_of(child)
        if kind in found:
            multiple = multiple or kind
        found.setdefault(kind, child)
    if multiple is not None:
        raise _refuse(f"{multiple.name.lower()}.multiple")
    if Kind.HCP not in found:
        raise SecurityError(Code.HPI_AUTHENTICATION_NOT_RECEIVED, "hcp.missing")
    trc = found.get(Kind.TRC)
    if needs_treatment and trc is None:
        raise SecurityError(Code.ASSERTION_NOT_VALID, "trc.missing")
    if trc is not None and not needs_treatment:
        return HeaderAssertions(found[Kind.HCP], None, found.get(Kind.NOK), ("trc.ignored",))
    return HeaderAssertions(found[Kind.HCP], trc, found.get(Kind.NOK))


def kind_of(assertion: _Element) -> Kind:
    """The kind by ``Issuer/@NameQualifier``, compared exactly. Raises ``assertion.unknown_type``."""
    issuer = next(assertion.iterchildren(_ISSUER), None)
    try:
        return Kind(None if issuer is None else issuer.get("NameQualifier"))
    except ValueError:
        raise _refuse("assertion.unknown_type") from None


def check_envelope(block: _Element) -> None:
    """Step 4 for the header as a whole: no assertion but the direct children, no processing instruction at all."""
    if next(block.getroottree().getroot().iter(etree.ProcessingInstruction), None) is not None:
        raise _refuse("xml.pi")
    header = block.getparent()
    if header is None:
        header = block
    if sum(1 for _ in header.iter(ASSERTION)) != sum(1 for _ in block.iterchildren(ASSERTION)):
        # A second look tells a wrapped assertion from one in a ds:Object.
        raise _refuse("sig.object" if _IS_IN_SIGNATURE(block) else "sig.placement")


def check_place(assertion: _Element) -> None:
    """Step 4 for one assertion: a unique ID in the whole envelope, nothing hidden or nested inside."""
    identifier = assertion.get("ID")
    if not identifier:
        raise _refuse("id.missing")
    if not _NCNAME.fullmatch(identifier):
        raise _refuse("id.malformed")
    if _COUNT_VALUE(assertion, id=identifier) != 1 and _COUNT_ID(assertion, id=identifier) != 1:
        raise _refuse("id.duplicate")
    hidden = next(assertion.iterdescendants(*_FORBIDDEN), None)
    if isinstance(hidden, _Comment):
        raise _refuse("xml.comment")
    if isinstance(hidden, _ProcessingInstruction):
        raise _refuse("xml.pi")
    if hidden is not None:
        raise _refuse("sig.object" if _IS_IN_SIGNATURE(assertion) else "sig.placement")


def _refuse_text(text: str | None) -> None:
    if text and text.strip(" \t\r\n"):
        raise _refuse("header.content")
