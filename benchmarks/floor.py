"""The floor that NCP-A is measured against: what no program in this language can do without.

One thread, blocking sockets, mutual TLS with keep-alive. Per request: TLS records in and out, one parse, one assertion
verification (two exclusive canonicalisations, one SHA-256, one RSA verification, with the key known beforehand), one
templated answer (F1); with ``--sign`` one RSA-2048 signature besides (F2). No check, no log, no routing.

Run by ``benchmarks/bench.py``; the answer's bytes are those the gateway itself gave to the same question.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

DS = "{http://www.w3.org/2000/09/xmldsig#}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"


def verify(root: etree._Element, key: rsa.RSAPublicKey) -> None:
    """The first assertion's signature, with bare library calls."""
    assertion = root.find(f".//{SAML}Assertion")
    signature = assertion.find(f"{DS}Signature")
    signed_info = signature.find(f"{DS}SignedInfo")
    value = base64.b64decode(signature.findtext(f"{DS}SignatureValue"))
    digest = base64.b64decode(signed_info.findtext(f"{DS}Reference/{DS}DigestValue"))
    canonical_info = etree.tostring(signed_info, method="c14n", exclusive=True)
    place, tail = assertion.index(signature), signature.tail
    assertion.remove(signature)
    canonical = etree.tostring(assertion, method="c14n", exclusive=True, inclusive_ns_prefixes=["xs"], with_tail=False)
    signature.tail = tail
    assertion.insert(place, signature)
    if hashlib.sha256(canonical).digest() != digest:
        raise SystemExit("the floor's own digest check failed: the benchmark's message is not what it should be")
    key.verify(value, canonical_info, padding.PKCS1v15(), SHA256())


def serve(options: argparse.Namespace) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    context.load_verify_locations(options.trust)
    context.verify_mode = ssl.CERT_REQUIRED
    signer = x509.load_pem_x509_certificate(Path(options.signer).read_bytes()).public_key()
    own = rsa.generate_private_key(65537, 2048) if options.sign else None
    head, body = Path(options.answer + ".type").read_text(), Path(options.answer).read_bytes()
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    print(listener.getsockname()[1], flush=True)
    while True:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                answer_all(connection, signer, own, head, body)
        except (ConnectionError, ssl.SSLError):
            continue


def answer_all(
    connection: ssl.SSLSocket, signer: rsa.RSAPublicKey, own: rsa.RSAPrivateKey | None, head: str, body: bytes
) -> None:
    while request := connection.recv(65536):
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        headers, _, content = request.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(content) < length:
            content += connection.recv(65536)
        root = etree.fromstring(content)
        verify(root, signer)
        if own is not None:
            own.sign(content[:512], padding.PKCS1v15(), SHA256())
        connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: {head}\r\ncontent-length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("certificate", "key", "trust", "signer", "answer"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--sign", action="store_true", help="add one RSA-2048 signature per answer (F2)")
    serve(parser.parse_args())
