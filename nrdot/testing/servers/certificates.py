"""Certificates for tests of TLS: an authority, and what it signs.

authority = Authority("Test CA")
server = authority.issue("collector", names=("127.0.0.1",))
context = server_context(server, tmp_path)
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key as PEM, and the pin of that key."""

    pem: bytes
    key_pem: bytes
    pin: str

    def write(self, directory: Path, stem: str) -> tuple[str, str]:
        """The paths of the certificate and of the key, as files that are replaced where they exist."""
        certificate, key = directory / f"{stem}.pem", directory / f"{stem}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem)
        return str(certificate), str(key)


class Authority:
    """Signs what it is asked to, with validity counted in days from now."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        usage = _usage(signs_certificates=True)
        self._certificate = (
            self._builder(self._name, self._key, -1, 2)
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(Encoding.PEM)

    def write(self, directory: Path, stem: str = "ca") -> str:
        path = directory / f"{stem}.pem"
        path.write_bytes(self.pem)
        return str(path)

    def issue(
        self, name: str, *, names: Iterable[str] = ("127.0.0.1",), begins: float = -1, ends: float = 1
    ) -> Certificate:
        """For a server with these host names and addresses, and for a client called `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(_name(name), key, begins, ends)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(each) for each in names]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Certificate(
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            base64.b64encode(hashlib.sha256(public).digest()).decode(),
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begins: float, ends: float
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * _DAY)
            .not_valid_after(now + ends * _DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def server_context(
    certificate: Certificate,
    directory: Path,
    *,
    clients: Authority | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """A server's side. With `clients` it wants a certificate signed by that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(*certificate.write(directory, "server"))
    if clients is not None:
        context.load_verify_locations(cadata=clients.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
