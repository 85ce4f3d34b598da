"""One statistics reply out of those of several nodes, in the shape that an rtpengine gives it.

Counters, rates and durations are summed. Of what is a least or greatest value the least or greatest is taken, and
the greatest also of what can be neither summed nor recomputed: averages, deviations, percentages, the uptime. Lists are
put together; entries of one proxy (an ng client, as a node sees it) become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import TypeVar

from engines.ng.bencode import NgDict, NgValue

N = TypeVar("N", int, Decimal)

_NUMBER = re.compile(rb"-?\d{1,30}(\.\d{1,9})?")
_LEAST = re.compile(rb"min")
_GREATEST = re.compile(rb"(max|avg|uptime|last)|.*(average|_stddev|_pct)$")


def merge(parts: Iterable[NgDict]) -> NgDict:
    """Merge the dictionaries of several nodes; of one node it stays as it is, of none it is empty."""
    return reduce(_dictionaries, parts, {})


def _dictionaries(one: NgDict, other: NgDict) -> NgDict:
    merged = dict(one)
    for key, value in other.items():
        merged[key] = _values(key, merged[key], value) if key in merged else value
    return merged


def _values(key: bytes, one: NgValue, other: NgValue) -> NgValue:
    match one, other:
        case dict(), dict():
            return _dictionaries(one, other)
        case list(), list():
            return _proxies([*one, *other]) if key == b"proxies" else [*one, *other]
        case int(), int():
            return _numbers(key, one, other)
        case bytes(), bytes() if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
            return str(_numbers(key, Decimal(one.decode()), Decimal(other.decode()))).encode()
        case _:
            return one


def _numbers(key: bytes, one: N, other: N) -> N:
    if _LEAST.match(key):
        return min(one, other)
    return max(one, other) if _GREATEST.match(key) else one + other


def _proxies(entries: Iterable[NgValue]) -> list[NgValue]:
    merged: dict[bytes, NgDict] = {}
    for entry in entries:
        if isinstance(entry, dict):
            proxy = entry.get(b"proxy")
            name = proxy if isinstance(proxy, bytes) else b""
            merged[name] = _dictionaries(merged[name], {**entry, b"proxy": name}) if name in merged else entry
    return list(merged.values())
