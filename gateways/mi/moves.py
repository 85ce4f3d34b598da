"""`rtp_relay_update_callid`: a call is moved to another relay, as OpenSIPS' method of that name does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from itertools import combinations
from types import MappingProxyType

from actors.commands.migration import Migrate, MoveTarget
from actors.control.control import Control
from actors.results import Moved, Refused
from actors.setting_values import BadSetting, leg_settings
from engines.refusal import RefusalCode
from engines.registry import KINDS
from engines.set_names import SetNames
from events.names import NO_NODE, CallId
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.parameters import Arguments, Parameter, WrongType
from gateways.mi.sessions import is_url, node_named, set_named

PATIENCE = 1.5
"""Seconds for which an answer waits for the call to have moved; clients wait for two to five. The move goes on."""

_EQUALS = re.compile(r'(")\s*=\s*(["{])')
"""An equals sign in the place of a colon, as it stands in an example of OpenSIPS' documentation."""

_STATUSES: Mapping[RefusalCode, tuple[int, str]] = MappingProxyType(
    {
        RefusalCode.UNKNOWN_CALL: (404, "Dialog not found"),
        RefusalCode.ENDED: (404, "Dialog not found"),
        RefusalCode.NOT_ENGAGED: (404, "RTP Relay not engaged"),
        RefusalCode.EARLY: (403, "Dialog not established"),
        RefusalCode.SEVERAL: (403, "Several dialogs established"),
        RefusalCode.MOVING: (403, "RTP Relay update in progress"),
        RefusalCode.NO_NODE: (404, "No RTP Relay node available"),
        RefusalCode.BAD_SETTINGS: (400, "Bad flags"),
    }
)
"""What is said of each cause; of all others that the update failed."""


def as_flags(given: Json) -> Json:
    """Read the flags of both legs: an object, or the text of one. Raises WrongType."""
    if isinstance(given, str):
        try:
            given = json.loads(_EQUALS.sub(r"\1:\2", given))
        except ValueError:
            raise WrongType from None
    if not isinstance(given, Mapping) or not given.keys() <= {"caller", "callee"}:
        raise WrongType
    return given


def _is_flags(given: Json) -> bool:
    return isinstance(given, Mapping) or (isinstance(given, str) and given.lstrip().startswith("{"))


def _is_set(given: Json) -> bool:
    return not (_is_flags(given) or is_url(given) or given in KINDS)


CALL_ID = Parameter("callid")
ENGINE = Parameter("engine", looks_right=lambda given: given in KINDS)
SET = Parameter("set", looks_right=_is_set)
NODE = Parameter("node", looks_right=lambda given: is_url(given) and not _is_flags(given))
FLAGS = Parameter("flags", read=as_flags, looks_right=_is_flags)

RECIPES = tuple((CALL_ID, *chosen) for count in range(5) for chosen in combinations((ENGINE, SET, NODE, FLAGS), count))


class MoveMethods:
    """`rtp_relay:update_callid`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets
        self._moves: set[asyncio.Task[Moved | Refused]] = set()

    def add_to(self, methods: Methods) -> None:
        """Add the method."""
        what = "Moves a call to another relay node, set or engine, or gives its legs other flags."
        methods.add(Method("rtp_relay:update_callid", what, self._update, RECIPES, always))

    async def _update(self, given: Arguments, caller: Caller) -> Json:
        move = asyncio.create_task(self._control.move(self._command(given, caller)))
        self._moves.add(move)
        move.add_done_callback(self._moves.discard)
        await asyncio.wait([move], timeout=PATIENCE)
        if not move.done():
            return {"callid": given["callid"], "status": "moving"}
        return self._told(given["callid"], move.result())

    def _command(self, given: Arguments, caller: Caller) -> Migrate:
        specs = {spec.name: spec for spec in self._control.specs()}
        flags = given.get("flags", {})
        return Migrate(
            call_id=CallId(given["callid"]),
            target=MoveTarget(
                engine=given.get("engine", ""),
                set=set_named(given["set"], self._sets) if "set" in given else "",
                node=node_named(given["node"], specs) if "node" in given else NO_NODE,
            ),
            caller=_settings(flags.get("caller", {})),
            callee=_settings(flags.get("callee", {})),
            asked_by=caller.name,
            reason="rtp_relay_update_callid",
        )

    def _told(self, call_id: str, result: Moved | Refused) -> Json:
        if isinstance(result, Refused):
            status, text = _STATUSES.get(result.code, (500, "RTP Relay update failed"))
            raise MiError(status, text, result.reason)
        if result.is_wanted_node and not result.waits and not result.left_out:
            return OK
        there: dict[str, Json] = {
            "callid": call_id,
            "status": "moves at its next offer" if result.waits else "moved",
            "node": result.node,
            "relay": result.engine,
            "set": self._sets.number(result.set),
            "wanted_node_taken": result.is_wanted_node,
        }
        return there | ({"left_out": list(result.left_out)} if result.left_out else {})


def _settings(given: Json) -> Mapping[str, str]:
    """Read a leg's flags: names and values, or a text for `flags` alone. Raises MiError."""
    values = {"flags": given} if isinstance(given, str) else given
    if not isinstance(values, Mapping):
        raise MiError(400, "Bad flags", "those of a leg are an object, or a string")
    try:
        settings, body = leg_settings(values)
    except BadSetting as error:
        raise MiError(400, "Bad flags", str(error)) from None
    if body is not None:
        raise MiError(400, "Bad flags", "a body cannot be given to a call that has been answered")
    return settings
