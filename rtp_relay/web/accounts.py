"""Who may log in to the page: by a token, or by a password of which a hash is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateways.mi.methods import Role

LEAST_TOKEN: Final = 16
"""Characters that a token has at least: it is compared as it is, so nobody may guess it."""

LONGEST_SECRET: Final = 1024
"""Characters of a password that are looked at; a longer one is none."""

_N, _R, _P, _BYTES = 2**14, 8, 1, 32  # scrypt (RFC 7914): 16 MiB and some 50 ms for each try

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._@-]{1,64})\s+(?P<role>read|operate)\s+(?P<secret>[!-~]+)")
_HASH = re.compile(r"scrypt:(?P<salt>[A-Za-z0-9+/=]+):(?P<hash>[A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class PlainToken:
    """A long random secret, kept as it is."""

    token: str = field(repr=False)

    def is_right(self, secret: str) -> bool:
        """Return whether a secret is this one."""
        return hmac.compare_digest(self.token.encode(), secret.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password, kept as its scrypt hash with a salt."""

    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    def is_right(self, secret: str) -> bool:
        """Return whether a secret is the password; takes some 50 ms, whatever the secret is."""
        return hmac.compare_digest(self.hash, _scrypt(secret, self.salt))


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in, and as what."""

    name: str
    role: Role
    secret: PlainToken | Hashed


def account_line(text: str) -> Account | None:
    """Read a line NAME ROLE SECRET; None if it is none."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    hashed = _HASH.fullmatch(found["secret"])
    try:
        secret = _hashed(hashed) if hashed else PlainToken(found["secret"])
    except ValueError:
        return None
    if isinstance(secret, PlainToken) and len(secret.token) < LEAST_TOKEN:
        return None
    return Account(found["name"], Role(found["role"]), secret)


def hash_of(password: str) -> str:
    """Return what stands for a password in the login file."""
    salt = secrets.token_bytes(16)
    return ":".join(("scrypt", *(base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))))


def who_is(accounts: Iterable[Account], name: str, secret: str) -> Account | None:
    """Return whose name and secret these are; without a name, whose token it is. None if nobody's."""
    if not 0 < len(secret) <= LONGEST_SECRET:
        return None
    for account in accounts:
        asked = account.name == name if name else isinstance(account.secret, PlainToken)
        if asked and account.secret.is_right(secret):
            return account
    return None


def _hashed(found: re.Match[str]) -> Hashed:
    return Hashed(base64.b64decode(found["salt"], validate=True), base64.b64decode(found["hash"], validate=True))


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode("utf-8", "replace"), salt=salt, n=_N, r=_R, p=_P, dklen=_BYTES)
