"""The keys and flags of ng requests, which SIP servers spell in different ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from engines.ng.bencode import NgDict, NgValue

_TO_HYPHENS = bytes.maketrans(b" _", b"--")


def normalised(request: NgDict) -> dict[bytes, NgValue]:
    """Return the request with its keys in lower case and hyphens between words: `media address` is `media-address`."""
    return {_normal(key): value for key, value in request.items()}


def words_of(options: Mapping[bytes, NgValue], key: bytes) -> frozenset[bytes]:
    """Return the words of a value that is a list of words or a single one, spelled as the keys are; none if absent."""
    value = options.get(key)
    if value is None:
        return frozenset()
    words = value if isinstance(value, list) else [value]
    return frozenset(_normal(word) for word in words if isinstance(word, bytes))


def unserved(
    options: Mapping[bytes, NgValue], harmless: Mapping[bytes, frozenset[bytes]], refused_flags: frozenset[bytes]
) -> Iterator[tuple[bytes, frozenset[bytes]]]:
    """Yield the keys, each with its words, that ask for more than the harmless values, and last the refused flags."""
    for key in options.keys() & harmless.keys():
        words = words_of(options, key)
        if options[key] and (not words or not words <= harmless[key]):
            yield key, words
    flags = words_of(options, b"flags") & refused_flags
    if flags:
        yield b"flags", flags


@lru_cache(maxsize=1024)  # servers send the same few words again and again
def _normal(word: bytes) -> bytes:
    return word.lower().translate(_TO_HYPHENS)
