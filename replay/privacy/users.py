"""How a user of a SIP or tel URI is shown: a number, or a name."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "xxxx"
"""What stands in place of what is hidden."""

LEFT_OUT: Final = len(HIDDEN)
"""So many characters at the end are hidden of what is shown in part."""

SHORT: Final = 2 * LEFT_OUT
"""Shorter numbers are hidden whole: not enough would be."""

_SEPARATORS: Final = re.compile(r"[-.()/\s]")  # RFC 3966 5.1.1, and what people write
_NUMBER: Final = re.compile(r"\+?[\d*#]+")
_PARTLY: Final = re.compile(rf"\+?[\d*#]*{HIDDEN}")
_HASHED: Final = re.compile(r"h-[a-p]{16}")
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")

ShowUser = Callable[[str], str]
"""Returns what is shown of a user. What it returns it gives back as it is."""


class Shown(StrEnum):
    """What is shown of numbers: all, all but the last four digits, a hash by which equal ones are known, or nothing."""

    ALL = "shown"
    PARTLY = "partly"
    HASHED = "hashed"
    NOTHING = "hidden"


def canonical(user: str) -> str:
    """Return a user as all spellings of it are written: a number without visual separators, percent-escapes read.

    Parameters of a number, and a password, are no part of it (RFC 3261 19.1.1, RFC 3966).
    """
    name = unquote(user, errors="surrogateescape").partition(";")[0].partition(":")[0].strip()
    bare = _SEPARATORS.sub("", name)
    return bare if _NUMBER.fullmatch(bare) else name


def partly(user: str) -> str:
    """Return a number without its end; nothing of a short one, and of what is none."""
    name = canonical(user)
    if _PARTLY.fullmatch(name):
        return name
    return name[:-LEFT_OUT] + HIDDEN if _NUMBER.fullmatch(name) and len(name) >= SHORT else HIDDEN


def hidden(user: str) -> str:  # noqa: ARG001 - nothing is said of it
    """Return what says nothing."""
    return HIDDEN


def hashed_with(key: bytes) -> ShowUser:
    """Return what shows users by a hash with a key (HMAC, RFC 2104): in letters alone, so that it is no number."""

    def hashed(user: str) -> str:
        name = canonical(user)
        if _HASHED.fullmatch(name):
            return name
        number = name.removeprefix("+").casefold().encode(errors="surrogateescape")
        digest = hmac.digest(key, number, hashlib.sha256)[:8].hex()
        return f"h-{digest.translate(_LETTERS)}"

    return hashed
