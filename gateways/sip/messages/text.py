"""Text that may hold bytes which are not UTF-8: names and phrases of others, which a hop must not change.

RFC 3261 7 wants UTF-8, and many peers write ISO 8859-1. Such a byte is read as a lone surrogate (PEP 383) and written
as the byte that it was.
"""

from __future__ import annotations

ERRORS = "surrogateescape"


def to_text(data: bytes) -> str:
    """Return bytes as text, whatever they are."""
    return data.decode(errors=ERRORS)


def to_bytes(text: str) -> bytes:
    """Return the bytes of a text. Raises UnicodeEncodeError for a lone surrogate that no byte was read as."""
    return text.encode(errors=ERRORS)
