"""Readers of single values: each takes what stands in the file and gives what the program uses, or raises Wrong."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from rtp_relay.config.problems import ConfigFault, Wrong, wrong

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Reader = Callable[[object], T]

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def text(value: object) -> str:
    """Read a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(value, "a string that is not empty")
    return value


def name(value: object) -> str:
    """Read a name made of letters, digits, dot, underscore and hyphen."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise wrong(value, "a name of letters, digits and . _ -")
    return value


def http_url(value: object) -> str:
    """Read where requests over HTTP go: http://HOST[:PORT]/PATH, or https."""
    expected = "a URL such as http://127.0.0.1:8888/path"
    if not isinstance(value, str):
        raise wrong(value, expected)
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise wrong(value, expected)
    return value


def identifier(value: object) -> str:
    """Read a name that a Python function can have."""
    if not isinstance(value, str) or not value.isidentifier():
        raise wrong(value, "the name of a Python function")
    return value


def notice_socket(value: object) -> str:
    """Read where timeout notices are listened for: tcp:HOST:PORT, unix:PATH, or "" for nowhere."""
    if isinstance(value, str) and (not value or re.fullmatch(r"unix:/.+|tcp:[^:\s]+:\d{1,5}", value)):
        return value
    raise wrong(value, 'tcp:HOST:PORT, unix:/PATH, or "" for nowhere')


def boolean(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise wrong(value, "true or false")
    return value


def path(value: object) -> Path:
    """Read the path of a file or folder; ~ stands for the home folder."""
    try:
        return Path(text(value)).expanduser()
    except (Wrong, RuntimeError):
        raise wrong(value, "a path") from None


def whole(minimum: int, most: int | None = None) -> Reader[int]:
    """Make a reader of whole numbers from `minimum` on, up to `most` if that is given."""
    expected = f"a whole number, {minimum} or more" if most is None else f"a whole number from {minimum} to {most}"

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise wrong(value, expected)
        if most is not None and value > most:
            raise wrong(value, expected)
        return value

    return read


def number_above(minimum: float) -> Reader[float]:
    """Make a reader of numbers above `minimum`."""

    def read(value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not minimum < value < math.inf:
            raise wrong(value, f"a number above {minimum:g}")
        return float(value)

    return read


MAX_WORKERS = 64


def workers(value: object) -> int:
    """Read how many worker processes there are to be: a number, or "auto" for one a CPU that this process may use."""
    if value == "auto":
        return min(MAX_WORKERS, len(os.sched_getaffinity(0)))
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_WORKERS:
        raise wrong(value, f'a whole number from 1 to {MAX_WORKERS}, or "auto"')
    return value


def seconds(minimum: float, *, above: bool = False) -> Reader[float]:
    """Make a reader of durations in seconds: a number, or text such as "90s" or "1h30m".

    The least one is `minimum`; with `above` it has to be longer than that.
    """
    least = f"{'more than' if above else 'at least'} {minimum:g}"
    expected = f'a duration of {least} seconds, as a number or as text such as "90s", "1h30m" or "7d"'

    def read(value: object) -> float:
        duration = _duration(value)
        if duration is None or not math.isfinite(duration) or duration < minimum or (above and duration == minimum):
            raise wrong(value, expected)
        return duration

    return read


def _duration(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str) or _DURATION.sub("", value) or not value:
        return None
    return math.fsum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))


def one_of(choices: type[E]) -> Reader[E]:
    """Make a reader of one of an enumeration's words."""
    expected = "one of " + ", ".join(choice.value for choice in choices)

    def read(value: object) -> E:
        try:
            return choices(text(value))
        except ValueError:
            raise wrong(value, expected) from None

    return read


def list_of(read_item: Reader[T]) -> Reader[tuple[T, ...]]:
    """Make a reader of lists, in which nothing may stand twice; every wrong item is named."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise wrong(value, "a list")
        items: list[T] = []
        faults: list[ConfigFault] = []
        for index, item in enumerate(value):
            try:
                items.append(_another(read_item(item), items))
            except Wrong as error:
                faults += [ConfigFault(fault.found, fault.expected, (index, *fault.path)) for fault in error.faults]
        if faults:
            raise Wrong(*faults)
        return tuple(items)

    return read


def _another(item: T, earlier: list[T]) -> T:
    if item in earlier:
        raise Wrong(ConfigFault(f"'{item}' once more", "each item once"))
    return item
