"""[sets]: what sets are called by who knows them by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.set_names import SetNames, is_number
from rtp_relay.config import values
from rtp_relay.config.problems import ConfigFault, Wrong, shown, wrong


def set_name(value: object) -> str:
    """Read a set's name; its number, such as 1, stands for the set of that name until [sets] says otherwise."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    try:
        return values.name(value)
    except Wrong:
        raise wrong(value, "a set: a name of letters, digits and . _ -, or a number from 0 on") from None


def numbers(value: object) -> Mapping[int, str]:
    """Read the sets' numbers: a table of names by number."""
    if not isinstance(value, dict):
        raise wrong(value, 'a table of sets by their numbers, such as { 1 = "west" }')
    faults = [ConfigFault(f"the key {key!r}", "a number from 0 on", (key,)) for key in value if not is_number(key)]
    faults += [ConfigFault(shown(name), "a set's name that is no number", (key,)) for key, name in _unnamed(value)]
    if faults:
        raise Wrong(*faults)
    return {int(key): name for key, name in value.items()}


def _unnamed(table: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the items whose value is no name that a number can stand for."""
    unnamed = []
    for key, name in table.items():
        try:
            if is_number(values.name(name)):
                unnamed.append((key, name))
        except Wrong:
            unnamed.append((key, name))
    return unnamed


@dataclass(frozen=True, slots=True, kw_only=True)
class SetsConfig:
    """[sets]: the names that numbers stand for, in MI, in routing scripts and in the configuration itself."""

    numbers: Mapping[int, str] = field(default_factory=dict, metadata={"read": numbers})

    @property
    def names(self) -> SetNames:
        """What a set is called."""
        return SetNames(self.numbers)
