"""The thorough reader of bencode, for what the fast one in `engines.ng.bencode` does not take.

It walks through the data once, without recursion: a string costs a slice, an open container an entry on a stack. A
dictionary is collected like a list, keys and values in turns, and is made when its end is met.
"""

from __future__ import annotations

from typing import TypeAlias

NgValue: TypeAlias = "bytes | int | list[NgValue] | dict[bytes, NgValue]"
NgDict: TypeAlias = "dict[bytes, NgValue]"

MAX_SIZE = 65_536
"""The longest value in bytes: what a datagram can hold. Time and memory of reading grow in proportion to it."""

MAX_DEPTH = 32
"""How many containers may be open at once; rtpengine's deepest reply, to a query, has eight."""

LENGTH_DIGITS = len(str(MAX_SIZE))
NUMBER_DIGITS = len(str(-(2**63)))

_ZERO, _NINE, _LIST, _END = b"09le"
_BEGINNINGS = frozenset(b"dl")
_LENGTHS = {b"%d" % length: length for length in range(1000)}


class BencodeError(ValueError):
    """The data is not bencode that can be read; `offset` is the byte where that showed."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at offset {offset}")
        self.offset = offset


class Incomplete(BencodeError):
    """The data ended before its value did."""

    def __init__(self, offset: int) -> None:
        super().__init__("the data ends too early", offset)


def parse(data: bytes) -> tuple[NgValue, int]:
    """Read the value that data begins with and tell where it ends. Raises Incomplete and other BencodeErrors."""
    if data[:1] in (b"d", b"l"):
        try:
            return _parse_container(data)
        except IndexError:
            raise Incomplete(len(data)) from None
    if not data[:1].isdigit():
        return read_number(data, 0)
    length, start = read_length(data, 0)
    if start + length > len(data):
        raise Incomplete(len(data))
    return data[start : start + length], start + length


def _parse_container(data: bytes) -> tuple[NgValue, int]:
    """Do `parse` for a list or dictionary. Raises IndexError where data ends too early."""
    items: list[NgValue] = []  # of the innermost open container
    opened: list[tuple[list[NgValue], int]] = []  # the items around each open container, and where it began
    position = 0
    while True:
        mark = data[position]
        if mark <= _NINE:
            colon = data.find(b":", position, position + LENGTH_DIGITS + 1)
            length = _LENGTHS.get(data[position:colon]) if colon > 0 else None
            if length is None:
                length, start = read_length(data, position)
            else:
                start = colon + 1
            position = start + length  # one behind the end of data shows at the next mark
            items.append(data[start:position])
        elif mark == _END:
            outer, begin = opened.pop()
            outer.append(items if data[begin] == _LIST else _pairs(items, position))
            items = outer
            position += 1
            if not opened:
                return items[0], position
        elif mark in _BEGINNINGS:
            check_depth(len(opened), position)
            opened.append((items, position))
            items = []
            position += 1
        else:
            number, position = read_number(data, position)
            items.append(number)


def read_length(data: bytes | bytearray, position: int) -> tuple[int, int]:
    """Read the length of the string at position, and tell where its text starts."""
    colon = data.find(b":", position, position + LENGTH_DIGITS + 1)
    digits = data[position : colon if colon >= 0 else position + LENGTH_DIGITS + 1]
    if colon < 0 and digits.isdigit() and len(digits) <= LENGTH_DIGITS:
        raise Incomplete(len(data))
    if colon < 0 or not _is_canonical(digits):
        raise BencodeError("a string without a proper length", position)
    length = int(digits)
    if length > MAX_SIZE:
        raise BencodeError(f"a string of {length} bytes, more than the {MAX_SIZE} allowed", position)
    return length, colon + 1


def read_number(data: bytes | bytearray, position: int) -> tuple[int, int]:
    """Read the number at position, and tell where it ends."""
    longest = position + 1 + NUMBER_DIGITS + 1
    end = data.find(b"e", position, longest)
    if data[position : position + 1] not in (b"i", b""):
        raise BencodeError("neither a string, a number, a list nor a dictionary", position)
    if end < 0 and len(data) < longest:
        raise Incomplete(len(data))
    if end < 0 or not _is_canonical(data[position + 1 : end].removeprefix(b"-")):
        raise BencodeError("a number without proper digits", position)
    number = int(data[position + 1 : end])
    if not is_int64(number):
        raise BencodeError("a number of more than 64 bits", position)
    return number, end + 1


def check_depth(opened: int, position: int) -> None:
    """Refuse one more open container at position if there are as many as may be."""
    if opened >= MAX_DEPTH:
        raise BencodeError(f"more than {MAX_DEPTH} containers in each other", position)


def is_int64(number: int) -> bool:
    """Whether it fits rtpengine's integer type, which is MessagePack's too."""
    return -(2**63) <= number < 2**63


def _is_canonical(digits: bytes | bytearray) -> bool:
    return digits.isdigit() and (digits[0] != _ZERO or len(digits) == 1)


def _pairs(items: list[NgValue], end: int) -> NgDict:
    """Make the dictionary that ends at `end` of its keys and values; of equal keys the first counts."""
    if len(items) % 2:
        raise BencodeError("a key without a value in the dictionary that ends", end)
    read: NgDict = {}
    turns = iter(items)
    for key in turns:
        value = next(turns)
        if not isinstance(key, bytes):
            raise BencodeError("a key that is not a string in the dictionary that ends", end)
        if key not in read:
            read[key] = value
    return read
