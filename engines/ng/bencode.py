"""Bencode as ng peers really write it: unsorted dictionaries, byte strings kept byte for byte, hostile input bounded.

What is read is what rtpengine reads (lib/bencode.c there): numbers without leading zeros, keys in any order, and of a
key that stands twice the first value, which is the one that rtpengine's look-up finds. Unlike rtpengine, a dictionary
without its end is refused, so that a cut message is never taken for a whole one.

Nearly every message is a dictionary of strings and of lists of strings. The compiled reader of bencode2 insists on
sorted keys, but not if it is told that the dictionary is a list; so such messages are read as a list of keys and
values by it, and all others, broken ones too, by `engines.ng.bencode_parser`, which is slower, follows the
rules above, and tells what is wrong.
"""

from __future__ import annotations

from bencode2 import bdecode, bencode

from engines.ng.bencode_parser import MAX_SIZE, BencodeError, Incomplete, NgDict, NgValue, is_int64, parse

__all__ = ["MAX_SIZE", "BencodeError", "NgDict", "NgValue", "decode", "decode_first", "decode_prefix", "encode"]

_BYTES = {bytes}


def decode(data: bytes | memoryview) -> NgValue:
    """Read one value that is all of data. Raises BencodeError, which says what is wrong and at which offset."""
    data = bytes(data)
    if len(data) > MAX_SIZE:
        raise BencodeError(f"{len(data)} bytes, more than the {MAX_SIZE} allowed", MAX_SIZE)
    flat = _read_flat(data)
    if flat is not None:
        return flat
    value, end = parse(data)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes after the end", end)
    return value


def decode_first(data: bytes | memoryview) -> NgValue:
    """Read the value that a datagram begins with: as rtpengine, take no notice of what follows. Raises BencodeError.

    A value without its end is an error.
    """
    try:
        return decode(data)
    except BencodeError:
        return parse(bytes(data[:MAX_SIZE]))[0]


def decode_prefix(data: bytes | memoryview) -> tuple[NgValue, int] | None:
    """Read the value that data begins with, and tell its length; None if more bytes are needed.

    Raises BencodeError if no further bytes could make it right. For a stream that comes in pieces
    `engines.ng.framing` does not start anew with every piece.
    """
    try:
        return parse(bytes(data[:MAX_SIZE]))
    except Incomplete as error:
        if len(data) >= MAX_SIZE:
            raise BencodeError(f"a value longer than the {MAX_SIZE} bytes allowed", MAX_SIZE) from error
        return None


_FLAT_SIZE = 16_384
"""A longer message than any flat one that peers send is not worth the try: deep nesting makes it dear."""


def encode(value: NgDict) -> bytes:
    """Write a dictionary, keys sorted. Raises TypeError for a value that bencode has no form for.

    For dictionaries of the program's own or from `decode`: the depth of the nesting is not checked.
    """
    return bencode(value)


def _read_flat(data: bytes) -> NgDict | None:
    """Read a dictionary of plain values, or return None for whatever is not surely one."""
    if data[:1] != b"d" or len(data) > _FLAT_SIZE:
        return None
    try:
        items: list[NgValue] = bdecode(b"l" + data[1:])
    except (ValueError, RecursionError):
        return None
    size = len(items)
    if size % 2:
        return None
    read: NgDict = {}
    for place in range(0, size, 2):
        key, value = items[place], items[place + 1]
        if type(key) is not bytes or (type(value) is not bytes and not _is_plain(value)):
            return None
        read[key] = value
    return read if len(read) * 2 == size else None


def _is_plain(value: NgValue) -> bool:
    """Whether it is a list or dictionary of strings, or a number of the size that is allowed."""
    if type(value) is list:
        for item in value:  # noqa: SIM110 - a generator for a list of one or two costs more than the rest
            if type(item) is not bytes:
                return False
        return True
    if isinstance(value, dict):
        return set(map(type, value.values())) <= _BYTES
    return isinstance(value, int) and is_int64(value)
