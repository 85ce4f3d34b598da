"""Text that may hold bytes which are not UTF-8: names and phrases of others, which a hop must not change.

RFC 3261 7 wants UTF-8, and many peers write ISO 8859-1. Such a byte is read as a lone surrogate (PEP 383) and written
as the byte that it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

T = TypeVar("T")

ERRORS = "surrogateescape"


def to_text(data: bytes) -> str:
    """Return bytes as text, whatever they are."""
    return data.decode(errors=ERRORS)


def to_bytes(text: str) -> bytes:
    """Return the bytes of a text. Raises UnicodeEncodeError for a lone surrogate that no byte was read as."""
    return text.encode(errors=ERRORS)


MEMORY = 4096
"""So many texts are remembered by each reader, until it begins anew."""

_LONGEST_REMEMBERED = 256
_UNKNOWN: Final[Any] = object()


def remembered(read: Callable[[str], T]) -> Callable[[str], T]:
    """Remember what was last read of short texts: those of a call stand in each of its messages.

    What `read` returns must not be changed. Long texts are read each time, so that what others send takes no memory.
    """
    known: dict[str, T] = {}

    @wraps(read)
    def look(text: str) -> T:
        found: T = known.get(text, _UNKNOWN)
        if found is not _UNKNOWN:
            return found
        found = read(text)
        if len(text) <= _LONGEST_REMEMBERED:
            if len(known) >= MEMORY:
                known.clear()  # which texts come again shows soon; to know their order would take longer each time
            known[text] = found
        return found

    return look
