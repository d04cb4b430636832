"""TLS as an agent needs it: own trust, pins, and certificates that change under a running process.

A pin is the SHA-256 of a public key (SubjectPublicKeyInfo) in base64, as RFC 7469 has it and as this prints:

    openssl x509 -in server.pem -pubkey -noout | openssl pkey -pubin -outform der |
        openssl dgst -sha256 -binary | base64

It is compared with the server's own certificate after the handshake and before the first byte of a request,
besides the usual check of chain and name. Give at least two, one of a key that is kept in reserve, or a lost
key locks every agent out.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from nrdot.errors import ConfigError, Retryable
from nrdot.telemetry.log import Log

_log = Log("export")

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

# OpenSSL's verification codes, in words that say what to do.
_VERDICTS = {
    9: "its certificate is not valid yet; check the clocks",
    10: "its certificate has expired",
    18: "its certificate is signed by itself; name it as tls.ca to trust it",
    19: "its certificate comes from an unknown authority; name that as tls.ca",
    20: "its certificate comes from an unknown authority; name that as tls.ca",
    21: "its certificate comes from an unknown authority; name that as tls.ca",
    23: "its certificate has been revoked",
    62: "its certificate is for another host name",
    64: "its certificate is for another IP address",
}

# What the other side says before it hangs up, by a part of OpenSSL's reason.
_ALERTS = {
    "CERTIFICATE_REQUIRED": "it wants a client certificate; set tls.cert and tls.key",
    "UNKNOWN_CA": "it does not know the authority of our client certificate",
    "CERTIFICATE_EXPIRED": "it says that our client certificate has expired",
    "CERTIFICATE_REVOKED": "it says that our client certificate is revoked",
    "BAD_CERTIFICATE": "it does not accept our client certificate",
    "CERTIFICATE_UNKNOWN": "it does not accept our client certificate",
    "HANDSHAKE_FAILURE": "it found nothing in common with us, or wants a client certificate",
    "PROTOCOL_VERSION": "it does not speak the TLS version that tls.min_version asks for",
    "UNSUPPORTED_PROTOCOL": "it does not speak the TLS version that tls.min_version asks for",
    "UNRECOGNIZED_NAME": "it does not know the host name that we ask for",
    "WRONG_VERSION_NUMBER": "it does not speak TLS; write http:// if that is meant",
    "RECORD_LAYER_FAILURE": "it does not speak TLS; write http:// if that is meant",
    "HTTP_REQUEST": "it does not speak TLS; write http:// if that is meant",
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a destination is configured with; an empty path is the system's trust, no client certificate."""

    ca_file: str = ""  # PEM; replaces the system's authorities
    cert_file: str = ""  # PEM, the client certificate with its chain
    key_file: str = ""  # PEM, unencrypted; may be the same file
    min_version: str = "1.3"
    server_name: str = ""  # checked and sent instead of the endpoint's host
    pins: tuple[str, ...] = ()  # base64 SHA-256 of public keys, with or without "sha256/" in front


class Tls:
    """The context for new connections, made again whenever one of its files changes.

    Raises ConfigError at construction when the files cannot be used. Afterwards never: while a file is half
    written, the last good context stays.
    """

    def __init__(self, files: TlsFiles) -> None:
        if bool(files.cert_file) != bool(files.key_file):
            raise ConfigError("tls: cert and key go together; only one of them is set")
        if files.min_version not in _VERSIONS:
            raise ConfigError(f"tls: min_version {files.min_version!r} is not 1.2 or 1.3")
        self.server_name = files.server_name
        self._files = files
        self._pins = frozenset(_pin(text) for text in files.pins)
        self._seen = self._signature()
        self._failed = ""
        try:
            self._context = self._build()
        except (OSError, ValueError) as error:
            raise ConfigError(f"tls: {self._complaint(error)}") from error

    def context(self) -> ssl.SSLContext:
        """A new object whenever the files changed and could be used."""
        signature = self._signature()
        if signature == self._seen and not self._failed:
            return self._context
        try:
            self._context = self._build()
        except (OSError, ValueError) as error:
            complaint = self._complaint(error)
            if complaint != self._failed:
                _log.warning("changed certificates cannot be used; the last good ones stay", reason=complaint)
            self._failed = complaint
        else:
            _log.info("certificates were read again after a change")
            self._failed = ""
        self._seen = signature
        return self._context

    def check_pin(self, certificate: bytes | None) -> None:
        """Raise Retryable unless the server's certificate (DER) holds one of the pinned keys."""
        if not self._pins:
            return
        if certificate is None:
            raise Retryable("TLS: the server showed no certificate to compare with the pins", alarm=True)
        # Only pins need the library, which takes 8 MB.
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = x509.load_der_x509_certificate(certificate).public_key()
        digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        if digest not in self._pins:
            shown = base64.b64encode(digest).decode()
            raise Retryable(f"TLS: the server's key matches no pin, it is sha256/{shown}", alarm=True)

    def _build(self) -> ssl.SSLContext:
        files = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = _VERSIONS[files.min_version]
        context.set_alpn_protocols(["http/1.1"])
        if files.ca_file:
            context.load_verify_locations(files.ca_file)
        else:
            context.load_default_certs()
        if files.cert_file:
            # An empty password: an encrypted key fails, where OpenSSL would ask on the terminal and wait.
            context.load_cert_chain(files.cert_file, files.key_file, password="")
        return context

    def _signature(self) -> tuple[tuple[int, int, int] | None, ...]:
        files = self._files
        return tuple(_stamp(path) for path in (files.ca_file, files.cert_file, files.key_file) if path)

    def _complaint(self, error: OSError | ValueError) -> str:
        files = self._files
        paths = [path for path in (files.ca_file, files.cert_file, files.key_file) if path]
        for path in paths:
            if _stamp(path) is None:
                return f"cannot read {path}"
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        if reason == "KEY_VALUES_MISMATCH":
            return f"{files.key_file} is not the key of {files.cert_file}"
        named = " or ".join(dict.fromkeys(paths)) or "the system's trust store"
        return f"{named} cannot be used ({str(reason).lower().replace('_', ' ')})"


def explain(error: ssl.SSLError) -> str:
    """One clear sentence for each way in which TLS fails."""
    if isinstance(error, ssl.SSLCertVerificationError):
        verdict = _VERDICTS.get(error.verify_code) or error.verify_message
        return f"TLS: the server is refused: {verdict}"
    reason = error.reason or ""
    for part, words in _ALERTS.items():
        if part in reason:
            return f"TLS: no connection with the server: {words}"
    return f"TLS: {reason.lower().replace('_', ' ') or 'the server hung up during the handshake'}"


def _pin(text: str) -> bytes:
    try:
        digest = base64.b64decode(text.removeprefix("sha256/"), validate=True)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ConfigError(f"tls: pin {text!r} is not the base64 of a SHA-256")
    return digest


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
