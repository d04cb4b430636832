"""Encryption at rest: AES-256-GCM, one body at a time.

A segment has its own key, derived from the key that the user gave and the segment's random salt, so a
record's position in its segment is a nonce that is never used twice. The head of a record stays readable,
and the body is bound to it: without any key the buffer can still count, order and evict.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from nrdot.buffer.segment import KEY_ID_SIZE, NO_KEY
from nrdot.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_SIZE = 32
TAG_SIZE = 16
_NONCE_SIZE = 12
_COMMAND_SECONDS = 10


class Keyring:
    """The key that new segments get, and the older ones that still open what they closed.

    Without a current key new segments are not encrypted, and older keys open what was.
    """

    def __init__(self, current: bytes | None = None, *older: bytes) -> None:
        self._keys = {key_id(key): key for key in (current, *older) if key is not None}
        self._current = current
        self.current = NO_KEY if current is None else key_id(current)

    def __contains__(self, identity: object) -> bool:
        """Whether it opens what names this key; nothing is needed for what names none."""
        return identity == NO_KEY or identity in self._keys

    def joined(self, *older: Keyring) -> Keyring:
        """With the keys of older rings, which still open what they closed."""
        return Keyring(self._current, *(key for ring in (self, *older) for key in ring.secrets()))

    def secrets(self) -> list[bytes]:
        return list(self._keys.values())

    def retired(self) -> Keyring:
        """The same keys for reading only."""
        return Keyring(None, *self.secrets())

    def cipher(self, identity: bytes, salt: bytes) -> Cipher | None:
        """None for what is not encrypted, and for what this ring cannot open."""
        key = self._keys.get(identity)
        return None if key is None else Cipher(key, salt)


class Cipher:
    """Seals and opens the bodies of one segment."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        # The agent loads cryptography only where somebody asked for encryption.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=salt, info=b"nrdot buffer segment 1")
        self._gcm: AESGCM = AESGCM(derived.derive(key))

    def seal(self, ordinal: int, body: bytes, bound: bytes) -> bytes:
        return self._gcm.encrypt(ordinal.to_bytes(_NONCE_SIZE), body, bound)

    def open(self, ordinal: int, body: bytes, bound: bytes) -> bytes | None:
        """None where body, head or key are not those that it was sealed with."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._gcm.decrypt(ordinal.to_bytes(_NONCE_SIZE), body, bound)
        except InvalidTag:
            return None


def key_id(key: bytes) -> bytes:
    """Tells keys apart without saying anything about them."""
    return hashlib.sha256(b"nrdot buffer key id" + key).digest()[:KEY_ID_SIZE]


NO_KEYS = Keyring()


def keys_from_file(path: Path) -> Keyring:
    """A file of 32 bytes, or of lines: the current key first, older ones below."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StartError(
            f"cannot read the buffer's key from {path}: {error.strerror}; the agent does not start without it"
        ) from error
    return _parse(data, str(path))


def keys_from_environment(name: str, environment: Mapping[str, str] = os.environ) -> Keyring:
    """A variable that holds keys in text, separated by spaces or lines."""
    if name not in environment:
        raise StartError(
            f"the buffer's key is to come from the environment variable {name}, which is not set; "
            "the agent does not start without it"
        )
    return _parse(environment[name].encode(), f"the environment variable {name}")


def keys_from_command(command: Sequence[str], seconds: float = _COMMAND_SECONDS) -> Keyring:
    """What a program prints, for keys that a vault or a key management service holds."""
    import subprocess  # few ask for it

    source = f"the command {command[0]!r}"
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        why = f"it took longer than {seconds} s"
    except subprocess.CalledProcessError as error:
        why = f"it ended with status {error.returncode}"
    except OSError as error:
        why = f"{error.strerror}"
    else:
        return _parse(done.stdout, source)
    # No output in the message: it may hold part of a key.
    raise StartError(f"no key for the buffer from {source}: {why}; the agent does not start without it")


def _parse(data: bytes, source: str) -> Keyring:
    if len(data) == KEY_SIZE:
        return Keyring(data)
    keys = [_decode(word, source, number) for number, word in enumerate(data.split(), 1)]
    if not keys:
        raise StartError(
            f"no key for the buffer in {source}: it is empty; the agent does not start without it"
        )
    return Keyring(*keys)


def _decode(word: bytes, source: str, number: int) -> bytes:
    for decode in (binascii.unhexlify, binascii.a2b_base64):
        try:
            key = decode(word)
        except binascii.Error:
            continue
        if len(key) == KEY_SIZE:
            return key
    raise StartError(
        f"key {number} in {source} is not {KEY_SIZE} bytes in hexadecimal or base64; "
        "the agent does not start without it (make one with: openssl rand -hex 32)"
    )
