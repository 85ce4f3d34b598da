"""Bencode for the tests' own ng client: written apart from the service's, so that an error in one shows."""

from __future__ import annotations

NgValue = bytes | int | list["NgValue"] | dict[bytes, "NgValue"]
NgDict = dict[bytes, NgValue]


def encode(value: NgValue) -> bytes:
    """Return `value` in bencode, dictionaries in their own order as real clients send them."""
    match value:
        case bytes():
            return b"%d:%b" % (len(value), value)
        case int():
            return b"i%de" % value
        case list():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(item) for key, item in value.items()) + b"e"


def decode(data: bytes) -> tuple[NgValue, int]:
    """Return the value at the start of `data` and its length; raise `ValueError` or `IndexError` if there is none."""
    return _value(data, 0)


def _value(data: bytes, at: int) -> tuple[NgValue, int]:
    match data[at : at + 1]:
        case b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        case b"l":
            return _items(data, at + 1)
        case b"d":
            items, end = _items(data, at + 1)
            return {key: item for key, item in zip(items[::2], items[1::2], strict=True) if isinstance(key, bytes)}, end
        case _:
            return _string(data, at)


def _items(data: bytes, at: int) -> tuple[list[NgValue], int]:
    items: list[NgValue] = []
    while data[at] != ord("e"):
        item, at = _value(data, at)
        items.append(item)
    return items, at + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        message = "a string runs past the end"
        raise ValueError(message)
    return data[colon + 1 : end], end
