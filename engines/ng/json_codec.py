"""ng dictionaries as JSON, the other encoding that an ng client may choose.

Texts are UTF-8. JSON's true and false become 1 and 0, as ng knows only numbers; null and fractions have no place in it.
"""

from __future__ import annotations

import json
from typing import NoReturn

from engines.ng.bencode_parser import MAX_DEPTH, MAX_SIZE, NgDict, NgValue, is_int64


class JsonError(ValueError):
    """The data is not JSON that an ng dictionary can be made of; the message says why."""


def decode(data: bytes) -> NgDict:
    """Read an object. Raises JsonError."""
    if len(data) > MAX_SIZE:
        raise JsonError(f"{len(data)} bytes, more than the {MAX_SIZE} allowed")
    try:
        read = json.loads(data.decode("utf-8"), parse_float=_refuse, parse_constant=_refuse)
    except JsonError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise JsonError(f"not JSON in UTF-8: {error}") from error
    if not isinstance(read, dict):
        raise JsonError("not an object")
    return _dictionary(read, 1)


def encode(value: NgDict) -> bytes:
    """Write an object. Bytes that are not UTF-8 are replaced by U+FFFD."""
    return json.dumps(_text(value), ensure_ascii=False, separators=(",", ":")).encode()


def _dictionary(value: dict[str, object], depth: int) -> NgDict:
    if depth > MAX_DEPTH:
        raise _too_deep()
    return {_utf8(key): _value(item, depth) for key, item in value.items()}


def _value(value: object, depth: int) -> NgValue:
    match value:
        case str():
            return _utf8(value)
        case int() if is_int64(value):  # true and false are ints too
            return int(value)
        case int():
            raise JsonError("a number of more than 64 bits")
        case list() if depth < MAX_DEPTH:
            return [_value(item, depth + 1) for item in value]
        case dict():
            return _dictionary(value, depth + 1)
        case list():
            raise _too_deep()
        case _:
            raise JsonError("null, which the ng protocol has no value for")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise JsonError("half of a surrogate pair, which is no character") from None


def _text(value: NgValue) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key.decode("utf-8", "replace"): _text(item) for key, item in value.items()}
    return [_text(item) for item in value] if isinstance(value, list) else value


def _refuse(text: str) -> NoReturn:
    raise JsonError(f"{text[:40]}, which is no integer")


def _too_deep() -> JsonError:
    return JsonError(f"more than {MAX_DEPTH} lists and objects in each other")
