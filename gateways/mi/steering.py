"""Our own methods about nodes: what is decided of them, for all control nodes, and by whom."""

from __future__ import annotations

import math

from actors.control.control import Control
from actors.control.steering import Decided, Wish
from engines.health import AdminState
from engines.set_names import SetNames
from engines.sets import NodeSpec
from events.names import NodeName
from gateways.mi.decisions import asked_by, decide
from gateways.mi.jsonrpc import Json
from gateways.mi.methods import Caller, Method, Methods, always
from gateways.mi.names import set_named
from gateways.mi.parameters import Arguments, Parameter, WrongType, as_number, as_switch

LONGEST = 7 * 86_400.0
"""The longest time, in seconds, that is taken for one."""


def as_state(value: Json) -> str:
    """Read an administrative state. Raises WrongType."""
    if value in list(AdminState):
        return str(value)
    raise WrongType


def as_seconds(value: Json) -> float:
    """Read a time in seconds, which may have a fraction, up to a week of them. Raises WrongType."""
    try:
        seconds = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        raise WrongType from None
    if not abs(seconds) <= LONGEST:
        raise WrongType
    return seconds


NODE, STATE, REASON = Parameter("node"), Parameter("state", as_state), Parameter("reason", optional=True)
ENGINE, URL, DRAIN = Parameter("engine"), Parameter("url"), Parameter("drain", as_switch, optional=True)
WEIGHT, SET = Parameter("weight", as_number, optional=True), Parameter("set", optional=True)
PRIORITY, TIMEOUT = (
    Parameter("priority", as_number, optional=True),
    Parameter("timeout", as_seconds, optional=True),
)


class SteeringMethods:
    """`rtp_relay:node_state`, `node_change`, `node_add`, `node_remove` and `node_reset`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._steering, self._sets = control.steering, sets

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        for command, text, handler, recipe in (
            ("state", "Has a node active, draining or disabled.", self._state, (NODE, STATE, REASON)),
            (
                "change",
                "Gives a node another weight, set or priority.",
                self._change,
                (NODE, WEIGHT, SET, PRIORITY, REASON),
            ),
            (
                "add",
                "Adds a node.",
                self._add,
                (NODE, ENGINE, URL, SET, WEIGHT, PRIORITY, TIMEOUT, REASON),
            ),
            (
                "remove",
                "Removes a node without calls; with drain=1 when it has none left.",
                self._remove,
                (NODE, DRAIN, REASON),
            ),
            ("reset", "Takes back what was decided about a node.", self._reset, (NODE, REASON)),
        ):
            methods.add(Method(f"rtp_relay:node_{command}", text, handler, (recipe,), changes=always))

    async def _state(self, given: Arguments, caller: Caller) -> Json:
        state = AdminState(given["state"])
        return _told(await decide(self._steering.set_state(_node(given), state, _wish(given, caller))))

    async def _change(self, given: Arguments, caller: Caller) -> Json:
        work = self._steering.change(
            _node(given),
            _wish(given, caller),
            weight=given.get("weight"),
            set_name=self._set(given),
            priority=given.get("priority"),
        )
        return _told(await decide(work))

    async def _add(self, given: Arguments, caller: Caller) -> Json:
        spec = NodeSpec(
            name=_node(given),
            engine=given["engine"],
            url=given["url"],
            set=self._set(given) or "default",
            weight=given.get("weight", 1),
            priority=given.get("priority", 0),
        )
        work = self._steering.add(spec, _wish(given, caller), patience=given.get("timeout", 1.5))
        return _told(await decide(work))

    async def _remove(self, given: Arguments, caller: Caller) -> Json:
        drain = given.get("drain", False)
        return _told(await decide(self._steering.remove(_node(given), _wish(given, caller), drain=drain)))

    async def _reset(self, given: Arguments, caller: Caller) -> Json:
        return _told(await decide(self._steering.reset(_node(given), _wish(given, caller))))

    def _set(self, given: Arguments) -> str | None:
        return None if given.get("set") is None else set_named(given["set"], self._sets)


def _node(given: Arguments) -> NodeName:
    return NodeName(given["node"])


def _wish(given: Arguments, caller: Caller) -> Wish:
    return Wish(asked_by(caller), given.get("reason", ""))


def _told(decided: Decided) -> Json:
    return {"version": decided.version, "changed": decided.changed, "calls": decided.calls}
