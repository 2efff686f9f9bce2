"""The XML signature of an assertion: one strict profile, written and verified.

Knows enveloped signatures over exactly one parent element, exclusive C14N and a short list of algorithms. It never
looks anything up by ID, never takes a key from the message and follows no reference. Leaves to ``trust_store`` whose
certificate it is, and to ``header`` that IDs are unique and that no comment stands inside the assertion.

Verification answers with the canonical bytes whose digest was signed. Whoever reads values must read them from those
bytes: then it does not matter how they were found, because they *are* what the signer signed.

Sources: XML Signature 1.1; Exclusive XML Canonicalization 1.0; SAML Core 5.4; RFC 6931 for RSA-PSS and ECDSA.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from lxml.etree import _Element

from ncp.wire.errors import Code, SecurityError
from ncp.wire.xml import NS_DS, NS_SAML, parse

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
EXCLUSIVE_WITH_COMMENTS = EXCLUSIVE + "WithComments"
ENVELOPED = NS_DS + "enveloped-signature"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
PREFIX = "xs"
"""The prefix used in ``xsi:type`` values; named in PrefixList because C14N does not see prefixes inside values."""

CANONICAL_MAX = 16 * 1024 * 1024
"""Bytes of one canonical form: far above any message of the profile, far below what a machine has."""
PREFIXES_MAX = 32
"""Prefixes of one PrefixList: each is looked up again at every element. Senders write one to four."""

_MANIFEST = NS_DS + "Manifest"
_DS = f"{{{NS_DS}}}"
_SIGNATURE = f"{_DS}Signature"
_ISSUER = f"{{{NS_SAML}}}Issuer"
_INCLUSIVE_NAMESPACES = f"{{{EXCLUSIVE}}}InclusiveNamespaces"


@dataclass(frozen=True, slots=True)
class _Method:
    """A signature algorithm: ``scheme`` is ``rsa``, ``pss`` or ``ecdsa``."""

    scheme: str
    digest: hashes.HashAlgorithm


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_PSS = "http://www.w3.org/2007/05/xmldsig-more#"
SIGNATURE_METHODS: Mapping[str, _Method] = {
    RSA_SHA256: _Method("rsa", hashes.SHA256()),
    _MORE + "rsa-sha384": _Method("rsa", hashes.SHA384()),
    _MORE + "rsa-sha512": _Method("rsa", hashes.SHA512()),
    _PSS + "sha256-rsa-MGF1": _Method("pss", hashes.SHA256()),
    _PSS + "sha384-rsa-MGF1": _Method("pss", hashes.SHA384()),
    _PSS + "sha512-rsa-MGF1": _Method("pss", hashes.SHA512()),
    _MORE + "ecdsa-sha256": _Method("ecdsa", hashes.SHA256()),
    _MORE + "ecdsa-sha384": _Method("ecdsa", hashes.SHA384()),
    _MORE + "ecdsa-sha512": _Method("ecdsa", hashes.SHA512()),
}
"""Every signature algorithm this product can verify. SHA-1, MD5, DSA and HMAC have no entry, so none can be allowed."""

DIGEST_METHODS: Mapping[str, str] = {
    SHA256: "sha256",
    _MORE + "sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}


@dataclass(frozen=True, slots=True)
class SignatureProfile:
    """What is accepted. ``ValueError`` for an algorithm that this product cannot or will not verify.

    ``accept_inclusive_c14n``: the enveloped transform alone, then C14N 1.0 (no such sender is known today).
    """

    methods: frozenset[str] = frozenset(SIGNATURE_METHODS)
    digests: frozenset[str] = frozenset(DIGEST_METHODS)
    accept_inclusive_c14n: bool = False

    def __post_init__(self) -> None:
        if not self.methods <= SIGNATURE_METHODS.keys() or not self.digests <= DIGEST_METHODS.keys():
            raise ValueError("an algorithm of the list is unknown or too weak to be allowed")


class Signer(Protocol):
    """Our seal. The key itself may be out of reach, in an HSM."""

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that goes into KeyInfo."""

    def sign(self, data: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256 over ``data``."""


@dataclass(frozen=True, slots=True, repr=False)
class SignatureParts:
    """A ds:Signature whose structure is that of the profile; nothing in it has been verified yet."""

    element: _Element
    signed_info: _Element
    signed_info_prefixes: tuple[str, ...]
    exclusive: bool
    prefixes: tuple[str, ...]
    method: str
    digest_method: str
    digest: str
    value: str
    certificate: str


# --- writing ---------------------------------------------------------------------------------------------------------

# Already in canonical form, so that the bytes that are hashed are the bytes that are sent.
_SIGNED_INFO = (
    f'<ds:SignedInfo xmlns:ds="{NS_DS}">'
    f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
    f'<ds:SignatureMethod Algorithm="{RSA_SHA256}"></ds:SignatureMethod>'
    '<ds:Reference URI="#{id}"><ds:Transforms>'
    f'<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform>'
    f'<ds:Transform Algorithm="{EXCLUSIVE}">'
    f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{PREFIX}"></ec:InclusiveNamespaces></ds:Transform>'
    f'</ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
    "<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
)
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


def sign(unsigned: bytes, signer: Signer) -> bytes:
    """Sign one assertion: self-contained bytes, to be spliced into messages as they are and never re-serialised.

    ``unsigned`` is one saml:Assertion without Signature whose first child is its Issuer and which declares the prefix
    ``xs``. It comes as bytes because lxml canonicalises prefixes of a PrefixList only in trees that a parser made.
    Raises ``ValueError`` for anything else.
    """
    assertion = parse(unsigned)
    issuer = assertion[0] if len(assertion) else None
    assertion_id = assertion.get("ID", "")
    if issuer is None or issuer.tag != _ISSUER or not _NCNAME.fullmatch(assertion_id):
        raise ValueError("not an assertion with an ID and an Issuer in front")
    if PREFIX not in assertion.nsmap or assertion.find(_SIGNATURE) is not None:
        raise ValueError("an assertion to sign declares xs and carries no signature")
    canonical = canonicalise(assertion, prefixes=(PREFIX,))
    digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    signed_info = _SIGNED_INFO.format(id=assertion_id, digest=digest).encode()
    value = base64.b64encode(signer.sign(signed_info))
    certificate = base64.b64encode(signer.certificate.public_bytes(Encoding.DER))
    signature = b"".join(
        (
            b'<ds:Signature xmlns:ds="%s">' % NS_DS.encode(),
            signed_info.replace(b' xmlns:ds="%s"' % NS_DS.encode(), b"", 1),
            b"<ds:SignatureValue>%s</ds:SignatureValue>" % value,
            b"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            % certificate,
            b"</ds:Signature>",
        )
    )
    # Canonical text never holds a bare "<", so the first end tag of that name closes the first child.
    end = f"</{issuer.prefix}:Issuer>" if issuer.prefix else "</Issuer>"
    head, tag, rest = canonical.partition(end.encode())
    return b"".join((head, tag, signature, rest))


# --- reading ---------------------------------------------------------------------------------------------------------


def _refuse(reason: str) -> SecurityError:
    return SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, reason)


def check_structure(assertion: _Element, profile: SignatureProfile) -> SignatureParts:
    """The one Signature of the assertion, if it has exactly the shape of the profile (``docs/assertions.md``, step 6).

    Raises ``SecurityError`` ``sig.missing``, ``sig.multiple``, ``sig.placement``, ``sig.reference``,
    ``sig.transform``, ``sig.c14n``, ``sig.algorithm``, ``sig.keyinfo`` or ``sig.object``.
    """
    found = list(assertion.iter(_SIGNATURE))
    if not found:
        raise _refuse("sig.missing")
    if len(found) > 1:
        raise _refuse("sig.multiple")
    signature = found[0]
    previous = signature.getprevious()
    if signature.getparent() is not assertion or previous is None or previous.tag != _ISSUER:
        raise _refuse("sig.placement")
    if previous.getprevious() is not None:
        raise _refuse("sig.placement")

    parts = _children(signature, "sig.reference", attributes=("Id",))
    names = [_local(part) for part in parts]
    if "Object" in names:
        raise _refuse("sig.object")
    if names.count("SignedInfo") > 1 or names.count("SignatureValue") > 1:
        raise _refuse("sig.multiple")
    if "KeyInfo" not in names or names.count("KeyInfo") > 1:
        raise _refuse("sig.keyinfo")
    if names != ["SignedInfo", "SignatureValue", "KeyInfo"]:
        raise _refuse("sig.reference")
    signed_info, value, key_info = parts

    inner = _children(signed_info, "sig.reference", attributes=("Id",))
    if [_local(part) for part in inner] != ["CanonicalizationMethod", "SignatureMethod", "Reference"]:
        raise _refuse("sig.reference")
    canonicalization, method, reference = inner

    if _algorithm(canonicalization, "sig.c14n") not in (EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS):
        raise _refuse("sig.c14n")
    signed_info_prefixes = _prefix_list(canonicalization, "sig.c14n")

    method_uri = _algorithm(method, "sig.algorithm")
    if method_uri not in profile.methods or len(method):
        raise _refuse("sig.algorithm")

    digest_method, digest, exclusive, prefixes = _check_reference(reference, assertion.get("ID", ""), profile)
    return SignatureParts(
        element=signature,
        signed_info=signed_info,
        signed_info_prefixes=signed_info_prefixes,
        exclusive=exclusive,
        prefixes=prefixes,
        method=method_uri,
        digest_method=digest_method,
        digest=digest,
        value=_leaf(value, "sig.value", attributes=("Id",)),
        certificate=_certificate(key_info),
    )


def _check_reference(
    reference: _Element, assertion_id: str, profile: SignatureProfile
) -> tuple[str, str, bool, tuple[str, ...]]:
    if reference.get("Type") == _MANIFEST:
        raise _refuse("sig.object")
    parts = _children(reference, "sig.reference", attributes=("Id", "URI"))
    names = [_local(part) for part in parts]
    if not assertion_id or reference.get("URI") != f"#{assertion_id}":
        raise _refuse("sig.reference")
    if names == ["DigestMethod", "DigestValue"]:
        raise _refuse("sig.transform")
    if names != ["Transforms", "DigestMethod", "DigestValue"]:
        raise _refuse("sig.reference")
    exclusive, prefixes = _check_transforms(parts[0], profile)
    digest_method = _algorithm(parts[1], "sig.algorithm")
    if digest_method not in profile.digests or len(parts[1]):
        raise _refuse("sig.algorithm")
    return digest_method, _leaf(parts[2], "sig.digest"), exclusive, prefixes


def _check_transforms(transforms: _Element, profile: SignatureProfile) -> tuple[bool, tuple[str, ...]]:
    steps = _children(transforms, "sig.transform")
    if any(_local(step) != "Transform" for step in steps):
        raise _refuse("sig.transform")
    algorithms = [_algorithm(step, "sig.transform") for step in steps]
    if algorithms[:1] != [ENVELOPED] or len(steps[0]):
        raise _refuse("sig.transform")
    if len(steps) == 1 and profile.accept_inclusive_c14n:
        return False, ()
    # WithComments is the same as without: an assertion with a comment in it was refused before.
    if len(steps) != 2 or algorithms[1] not in (EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS):
        raise _refuse("sig.transform")
    return True, _prefix_list(steps[1], "sig.transform")


def _prefix_list(method: _Element, reason: str) -> tuple[str, ...]:
    if not len(method):
        return ()
    (only, *more) = method
    if more or only.tag != _INCLUSIVE_NAMESPACES or len(only) or set(only.attrib) != {"PrefixList"}:
        raise _refuse(reason)
    prefixes = tuple((only.get("PrefixList") or "").split())
    if len(prefixes) > PREFIXES_MAX:
        raise _refuse(reason)
    if "#default" in prefixes:
        # libxml2 behind lxml cannot be told of it; to ignore it would be to verify other bytes.
        raise _refuse("sig.c14n")
    return prefixes


def _certificate(key_info: _Element) -> str:
    children = _children(key_info, "sig.keyinfo", attributes=("Id",))
    data = [child for child in children if _local(child) == "X509Data"]
    if len(data) != 1 or any(_local(child) not in ("X509Data", "KeyName") for child in children):
        raise _refuse("sig.keyinfo")
    parts = _children(data[0], "sig.keyinfo")
    certificates = [part for part in parts if _local(part) == "X509Certificate"]
    ignored = ("X509Certificate", "X509IssuerSerial", "X509SubjectName", "X509SKI")
    if len(certificates) != 1 or any(_local(part) not in ignored for part in parts):
        raise _refuse("sig.keyinfo")
    return _leaf(certificates[0], "sig.keyinfo")


def _children(element: _Element, reason: str, attributes: tuple[str, ...] = ()) -> list[_Element]:
    """Child elements in ds; refuses text between them, comments, foreign elements and unknown attributes."""
    children = list(element)
    if _text(element.text):
        raise _refuse(reason)
    for child in children:
        tag = child.tag
        if not isinstance(tag, str) or not tag.startswith(_DS) or _text(child.tail):
            raise _refuse(reason)
    for name in element.keys():  # noqa: SIM118 - an element is no mapping
        if name not in attributes:
            raise _refuse(reason)
    return children


def _leaf(element: _Element, reason: str, attributes: tuple[str, ...] = ()) -> str:
    if len(element):
        raise _refuse(reason)
    for name in element.keys():  # noqa: SIM118 - an element is no mapping
        if name not in attributes:
            raise _refuse(reason)
    return element.text or ""


def _algorithm(element: _Element, reason: str) -> str:
    if element.keys() != ["Algorithm"] or _text(element.text):
        raise _refuse(reason)
    return element.get("Algorithm") or ""


def _local(element: _Element) -> str:
    return str(element.tag)[len(_DS) :]


def _text(value: str | None) -> bool:
    return bool(value and value.strip(" \t\r\n"))


def decode_base64(text: str) -> bytes:
    """Strict base64 with any white space between; ``ValueError`` for wrong padding, stray characters, unused bits."""
    try:
        packed = text.encode("ascii").translate(None, b" \t\r\n")
        data = binascii.a2b_base64(packed, strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("not base64") from None
    # Two spellings of one value would be two spellings of one certificate or signature.
    if binascii.b2a_base64(data, newline=False) != packed:
        raise ValueError("not canonical base64")
    return data


def certificate_der(parts: SignatureParts) -> bytes:
    """The DER of the one certificate in KeyInfo, unjudged. Raises ``SecurityError`` ``cert.malformed``."""
    try:
        der = decode_base64(parts.certificate)
    except ValueError:
        raise SecurityError(Code.SEC_GENERIC, "cert.malformed") from None
    if not der:
        raise SecurityError(Code.SEC_GENERIC, "cert.malformed")
    return der


def verify(assertion: _Element, parts: SignatureParts, certificate: x509.Certificate) -> bytes:
    """Digest and value (step 8), with the key of a certificate that was judged before. Answers the canonical bytes.

    ``parts`` come from ``check_structure`` of the same element. Raises ``SecurityError`` ``sig.digest``,
    ``sig.value``, ``sig.c14n``, ``sig.algorithm``.
    """
    # SignedInfo first: taking the Signature out of the tree may move its namespace declarations.
    signed_info = canonicalise(parts.signed_info, prefixes=parts.signed_info_prefixes)
    canonical = _without_signature(assertion, parts)
    try:
        digest = decode_base64(parts.digest)
    except ValueError:
        raise _refuse("sig.digest") from None
    if not hmac.compare_digest(hashlib.new(DIGEST_METHODS[parts.digest_method], canonical).digest(), digest):
        raise _refuse("sig.digest")
    try:
        value = decode_base64(parts.value)
    except ValueError:
        raise _refuse("sig.value") from None
    _check_value(SIGNATURE_METHODS[parts.method], certificate, value, signed_info)
    return canonical


def _check_value(method: _Method, certificate: x509.Certificate, value: bytes, data: bytes) -> None:
    try:
        key = certificate.public_key()
    except ValueError:
        raise SecurityError(Code.SEC_GENERIC, "cert.malformed") from None
    try:
        if method.scheme == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, data, padding.PKCS1v15(), method.digest)
        elif method.scheme == "pss" and isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(method.digest), salt_length=method.digest.digest_size)
            key.verify(value, data, pss, method.digest)
        elif method.scheme == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            # XML Signature 1.1, 6.4.3: r and s, each as long as the order of the curve, one after the other; not DER.
            size = (key.curve.key_size + 7) // 8
            if len(value) != 2 * size:
                raise InvalidSignature
            r, s = int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big")
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(method.digest))
        else:
            raise _refuse("sig.algorithm")
    except (InvalidSignature, ValueError):
        raise _refuse("sig.value") from None


def _without_signature(assertion: _Element, parts: SignatureParts) -> bytes:
    """The enveloped transform and C14N, in place: a copy would lose prefixes that only an ancestor declares."""
    if not parts.exclusive and any(
        name.startswith("{http://www.w3.org/XML/1998/namespace}")
        for ancestor in assertion.iterancestors()
        for name in ancestor.attrib
    ):
        # C14N 1.0 would inherit xml:lang, xml:space, xml:base; the library does not, so the bytes would be others.
        raise _refuse("sig.c14n")
    signature = parts.element
    issuer = signature.getprevious()
    if issuer is None:
        raise _refuse("sig.placement")
    issuer_tail = issuer.tail
    # The text behind the Signature belongs to the assertion and is signed; lxml would take it out as well.
    issuer.tail = (issuer_tail or "") + (signature.tail or "") or None
    assertion.remove(signature)
    try:
        return canonicalise(assertion, prefixes=parts.prefixes, exclusive=parts.exclusive)
    finally:
        issuer.tail = issuer_tail
        assertion.insert(1, signature)


class _KnownPrefixes(threading.local):
    """Prefixes that a parser of this thread has met.

    lxml canonicalises a sub-element through a copy that uses the name dictionary of the *running* thread, and leaves
    out, without a word, every inclusive prefix that this dictionary does not hold. A message parsed in one thread and
    verified in another would then have another digest.
    """

    def __init__(self) -> None:
        self.prefixes: set[str] = set()

    def learn(self, prefixes: tuple[str, ...]) -> None:
        # A bound, for prefixes come from messages.
        if len(self.prefixes) > 1000:
            self.prefixes.clear()
        for prefix in prefixes:
            # What no document can declare cannot be visible in one either.
            if re.fullmatch(r"[A-Za-z_][\w.-]*", prefix) and not prefix.lower().startswith("xml"):
                etree.fromstring(f'<{prefix}:x xmlns:{prefix}="urn:x"/>')
            self.prefixes.add(prefix)


_KNOWN_HERE = _KnownPrefixes()


class _TooLarge(Exception):
    """The canonical form outgrew its bound."""


class _Bounded:
    """Takes canonical bytes as they come, up to a bound.

    Exclusive C14N repeats a namespace on each sibling that uses it: a long name declared once and used by many turns
    two megabytes into gigabytes, before any signature was looked at.
    """

    __slots__ = ("chunks", "left")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.left = CANONICAL_MAX

    def write(self, chunk: bytes) -> int:
        self.left -= len(chunk)
        if self.left < 0:
            raise _TooLarge
        self.chunks.append(chunk)
        return len(chunk)


def canonicalise(element: _Element, *, prefixes: tuple[str, ...] = (), exclusive: bool = True) -> bytes:
    """Canonical bytes without comments, never empty. Raises ``SecurityError`` ``sig.c14n`` or ``xml.too_large``."""
    if not _KNOWN_HERE.prefixes.issuperset(prefixes):
        _KNOWN_HERE.learn(prefixes)
    output = _Bounded()
    try:
        etree.ElementTree(element).write_c14n(
            output,
            exclusive=exclusive,
            with_comments=False,
            inclusive_ns_prefixes=prefixes if exclusive and prefixes else None,
        )
    except _TooLarge:
        raise _refuse("xml.too_large") from None
    except (etree.LxmlError, ValueError):
        # A relative namespace URI, among others.
        raise _refuse("sig.c14n") from None
    data = b"".join(output.chunks)
    if not data:
        raise _refuse("sig.c14n")
    return data
