"""Keys for what is secret in events, and how they seal it: AES-GCM (NIST SP 800-38D), as `cryptography` does it.

A sealed text is: key id (4 bytes), nonce (12 random bytes), ciphertext and tag. The key id names the key that made it,
so that keys can be exchanged: the first key of a ring seals, each key of it opens what it once sealed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_SIZES = (16, 24, 32)
_ID = 4
_NONCE = 12


class SecretError(ValueError):
    """A key is no key, or a sealed text cannot be opened: the text says which key it needs or what is wrong."""


class Sealer(Protocol):
    """What seals texts, and opens them."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt a text, for its context."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt a text. Raises SecretError."""


class Keyring:
    """AES keys of 16, 24 or 32 bytes: the first seals, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise SecretError("a keyring needs at least one key")
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self._first = key_id(keys[0])
        self._seal = self._ciphers[self._first].encrypt

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Return the ring of a key file: one key a line in base64, the first seals; empty lines and # are skipped."""
        lines = [line.strip() for line in text.splitlines()]
        return cls([_key(line) for line in lines if line and not line.startswith("#")])

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt `plain`. It opens again only with the same `context`, which is not kept in the result."""
        nonce = os.urandom(_NONCE)
        return self._first + nonce + self._seal(nonce, plain, context)

    def has(self, name: bytes) -> bool:
        """Return whether the ring has the key with this id."""
        return name in self._ciphers

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what `seal` gave; SecretError when the key is not here, or text or context are not what they were."""
        cipher = self._ciphers.get(sealed[:_ID])
        if cipher is None:
            raise SecretError(f"needs key {sealed_by(sealed)}, which is not configured")
        return _opened(cipher, sealed, context)


def seal_with(name: bytes, key: bytes, plain: bytes, context: bytes) -> bytes:
    """Encrypt `plain` with a key, whose id is `name`, as a ring does."""
    nonce = os.urandom(_NONCE)
    return name + nonce + AESGCM(key).encrypt(nonce, plain, context)


def open_with(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Decrypt what was sealed with a key; SecretError when text or context are not what they were."""
    return _opened(AESGCM(key), sealed, context)


def _opened(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :], context)
    except (InvalidTag, ValueError) as error:
        raise SecretError(f"does not open with key {sealed_by(sealed)}: it was changed or moved") from error


def key_id(key: bytes) -> bytes:
    """Return the four bytes that name a key without telling anything of it."""
    if len(key) not in KEY_SIZES:
        raise SecretError(f"a key has 16, 24 or 32 bytes, not {len(key)}")
    return hashlib.blake2s(key, digest_size=_ID, person=b"keyid").digest()


def key_of(sealed: bytes) -> bytes:
    """Return the id of the key a text was sealed with."""
    return sealed[:_ID]


def sealed_by(sealed: bytes) -> str:
    """Return the id of the key a text was sealed with, as it stands in messages and documentation."""
    return sealed[:_ID].hex()


def generate_key() -> str:
    """Return a new random key of 32 bytes, in base64 as a key file wants it."""
    return base64.b64encode(os.urandom(32)).decode()


def _key(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise SecretError("a line of the key file is not base64") from error
