"""Reading a TOML table into the dataclass of its section, with every problem in it noted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from rtp_relay.config.problems import ConfigFault, KeyPath, Problem, Wrong, shown, spelled, wrong
from rtp_relay.config.values import Reader

T = TypeVar("T")


@dataclass(slots=True)
class Notes:
    """The problems found so far in a file, of which `lines` are known."""

    file: Path
    lines: Mapping[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)

    def add(self, at: KeyPath, fault: ConfigFault) -> None:
        """Add what is wrong with the value at `at`."""
        path = (*at, *fault.path)
        self.problems.append(Problem(self.file, self.line(path), spelled(path), fault.found, fault.expected))

    def line(self, path: KeyPath) -> int:
        """Return the line of a value; for one that is not there, that of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def unknown(self, at: KeyPath, known: Iterable[str]) -> None:
        """Add that the last key of `at` is unknown, and which of the known ones it may have been meant to be."""
        names = list(known)
        guess = difflib.get_close_matches(str(at[-1]), names, n=1)
        hint = f"a known one: did you mean {guess[0]}?" if guess else "one of " + ", ".join(names)
        self.add(at, ConfigFault("an unknown key", hint))


def read_table(cls: type[Any], table: object, at: KeyPath, notes: Notes) -> dict[str, Any]:
    """Read a section's table and give the values of those keys that are right; absent ones have their defaults."""
    if not isinstance(table, dict):
        header = f"[{at[0]}]" if len(at) == 1 else f"[[{at[0]}]]"
        notes.add(at, ConfigFault(shown(table), f"a table {header}"))
        return {}
    keys = {key.name: key for key in fields(cls) if "read" in key.metadata}
    for name in table.keys() - keys.keys():
        notes.unknown((*at, name), keys)
    read = {}
    for key in keys.values():
        try:
            read[key.name] = _value(key, table)
        except Wrong as error:
            for fault in error.faults:
                notes.add((*at, key.name), fault)
    return read


def inline_table(cls: type[T]) -> Reader[T]:
    """Make a reader of inline tables: the values of a dataclass, whose fields have the readers of its keys."""
    keys = {key.name: key for key in fields(cls)}  # type: ignore[arg-type]  # every T here is a dataclass

    def read(value: object) -> T:
        if not isinstance(value, dict):
            raise wrong(value, f"a table with {', '.join(keys)}")
        read: dict[str, Any] = {}
        faults = [ConfigFault("an unknown key", f"one of {', '.join(keys)}", (name,)) for name in value.keys() - keys]
        for name, key in keys.items():
            try:
                read[name] = _value(key, value)
            except Wrong as error:
                faults += [ConfigFault(fault.found, fault.expected, (name, *fault.path)) for fault in error.faults]
        if faults:
            raise Wrong(*faults)
        return cls(**read)

    return read


def _value(key: Field[Any], table: dict[str, object]) -> Any:
    if key.name in table:
        return key.metadata["read"](table[key.name])
    if key.default is not MISSING:
        return key.default
    if key.default_factory is not MISSING:
        return key.default_factory()
    raise Wrong(ConfigFault("nothing", f"the key {key.name}"))
