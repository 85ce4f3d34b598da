"""What can be wrong with a configuration, and how it is said."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KeyPath = tuple[str | int, ...]
"""The way to a value from the top of the file: keys of tables, and indexes of lists counted from 0."""

LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file.

    line: where it stands, counted from 1; 0 when it is about the file as a whole.
    key: the name of the value, such as "nodes[1].url" (lists count from 0); empty when no key is meant.
    found, expected: what stands there, and what would have been right.
    """

    path: Path
    line: int
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}found {self.found}, expected {self.expected}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` has all that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing that is wrong with a value; `path` leads from the value to the part that is meant."""

    found: str
    expected: str
    path: KeyPath = ()


class Wrong(ValueError):
    """A value is not what its key needs."""

    def __init__(self, *faults: ConfigFault) -> None:
        super().__init__("; ".join(f"found {fault.found}, expected {fault.expected}" for fault in faults))
        self.faults = faults


def wrong(value: object, expected: str) -> Wrong:
    """Return the error that `expected` was expected instead of `value`."""
    return Wrong(ConfigFault(shown(value), expected))


def shown(value: object) -> str:
    """Describe a TOML value in a few words of one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}...")
        case int() | float() | datetime.date() | datetime.time():
            return str(value)[:LONGEST_SHOWN]
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return f"{type(value).__name__}"


def spelled(path: KeyPath) -> str:
    """Write a key path as users know it: `nodes[1].url`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")
