"""[sets]: what sets are called by who knows them by numbers, and what becomes of the calls of their dead nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.commands.recovery import OnNodeDown
from actors.node_down.policy import NodeDownPolicy
from engines.set_names import SetNames, is_number
from rtp_relay.config import values
from rtp_relay.config.problems import ConfigFault, Wrong, shown, wrong
from rtp_relay.config.values import Reader


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


_POLICY: Mapping[str, Reader[Any]] = {
    "action": values.one_of(OnNodeDown),
    "wait": values.seconds(0),
    "pace": values.number_above(0),
}
_FORM = 'an action, or a table such as { action = "migrate", wait = "1s", pace = 200 }'


def on_node_down(value: object) -> Mapping[str, NodeDownPolicy]:
    """Read what becomes of the calls of nodes that are down: by set an action, or a table with the action in it."""
    if not isinstance(value, dict):
        raise wrong(value, 'a table by set, such as { default = "migrate" }')
    policies: dict[str, NodeDownPolicy] = {}
    faults: list[ConfigFault] = []
    for key, said in value.items():
        try:
            policies[values.name(key)] = NodeDownPolicy(**_policy(said))
        except Wrong as error:
            faults += [ConfigFault(fault.found, fault.expected, (key, *fault.path)) for fault in error.faults]
    if faults:
        raise Wrong(*faults)
    return policies


def _policy(said: object) -> dict[str, Any]:
    if isinstance(said, str):
        return {"action": _POLICY["action"](said)}
    if not isinstance(said, dict) or "action" not in said:
        raise wrong(said, _FORM)
    read: dict[str, Any] = {}
    faults = [ConfigFault("an unknown key", _FORM, (key,)) for key in said.keys() - _POLICY.keys()]
    for key in said.keys() & _POLICY.keys():
        try:
            read[key] = _POLICY[key](said[key])
        except Wrong as error:
            faults += [ConfigFault(fault.found, fault.expected, (key, *fault.path)) for fault in error.faults]
    if faults:
        raise Wrong(*faults)
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class SetsConfig:
    """[sets]: what is said of sets as a whole.

    numbers: the names that numbers stand for, in MI, in routing scripts and in the configuration itself. on_node_down:
    what becomes of the calls of nodes that are down, by set.
    """

    numbers: Mapping[int, str] = field(default_factory=dict, metadata={"read": numbers})
    on_node_down: Mapping[str, NodeDownPolicy] = field(default_factory=dict, metadata={"read": on_node_down})

    @property
    def names(self) -> SetNames:
        """What a set is called."""
        return SetNames(self.numbers)
