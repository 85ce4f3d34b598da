"""The headers of a message, found by name without a search, and copied at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sipmessage import Headers

Lines: TypeAlias = dict[str, tuple[str, tuple[str, ...]]]
"""Headers by their names in lower case: the name as it is to be written, and the values of its lines."""


class CopyableHeaders(Headers):
    """Headers whose values are never changed in place, so that copies share them."""

    def __init__(self, lines: Lines) -> None:
        """Take lines, which are theirs from now on."""
        self._lines = lines

    @staticmethod
    def of(pairs: Iterable[tuple[str, Sequence[str]]]) -> CopyableHeaders:
        """Return headers of names as they are to be written, each once, with their values."""
        return CopyableHeaders({name.lower(): (name, tuple(values)) for name, values in pairs})

    def copy(self) -> CopyableHeaders:
        """Return headers that can be changed without these."""
        return CopyableHeaders(self._lines.copy())

    def add(self, key: str, value: str) -> None:
        """Add a value after the others of its name."""
        name, values = self._lines.get(key.lower()) or (key, ())
        self._lines[key.lower()] = name, (*values, value)

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return the first value of a name, or `default`."""
        line = self._lines.get(key.lower())
        return line[1][0] if line else default

    def firsts(self, keys: Iterable[str]) -> list[str]:
        """Return the first value of each of some names, which are in lower case; "" for one that is not there."""
        lines = self._lines
        return [lines[key][1][0] if key in lines else "" for key in keys]

    def repeated(self, keys: Iterable[str]) -> str:
        """Return the first of some names, which are in lower case, that has several values; "" if none has."""
        for key in keys:
            line = self._lines.get(key)
            if line is not None and len(line[1]) > 1:
                return key
        return ""

    def getlist(self, key: str) -> list[str]:
        """Return all values of a name."""
        line = self._lines.get(key.lower())
        return list(line[1]) if line else []

    def keys(self) -> list[str]:
        """Return the names, as they are written."""
        return [name for name, _ in self._lines.values()]

    def remove(self, key: str) -> None:
        """Remove a name, if it is there."""
        self._lines.pop(key.lower(), None)

    def set(self, key: str, value: str) -> None:
        """Put one value in place of all of its name."""
        self.setlist(key, (value,))

    def setlist(self, key: str, values: Sequence[str]) -> None:
        """Put values in place of all of their name, which stays where it is, as it is written; without any it goes."""
        if not values:
            self.remove(key)
            return
        lower = key.lower()
        line = self._lines.get(lower)
        self._lines[lower] = line[0] if line else key, tuple(values)

    def __getitem__(self, key: str) -> str:
        return self._lines[key.lower()][1][0]

    def __str__(self) -> str:
        lines = [f"{name}: {value}\r\n" for name, values in self._lines.values() for value in values]
        return "".join(lines) + "\r\n"


def copied(headers: Headers) -> CopyableHeaders:
    """Return a copy of any headers."""
    if isinstance(headers, CopyableHeaders):
        return headers.copy()
    return CopyableHeaders.of([(name, headers.getlist(name)) for name in headers.keys()])  # noqa: SIM118 no mapping
