"""A call is moved to another relay: OpenSIPS' `rtp_relay_update_callid`, and our own `rtp_relay_move`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType

from actors.commands.migration import Migrate
from actors.control.control import Control
from actors.results import Moved, Refused
from actors.setting_values import BadSetting, leg_settings
from engines.refusal import RefusalCode
from engines.registry import KINDS
from engines.set_names import SetNames
from events.names import CallId
from gateways.mi.destinations import Known, check_takes_calls, destination
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.names import is_url
from gateways.mi.parameters import Arguments, Parameter, WrongType, as_text

PATIENCE = 1.5
"""Seconds for which an answer waits for the call to have moved; clients wait for two to five. The move goes on."""

LONG_PATIENCE = 50.0
"""The same for our own method, whose clients wait for a minute."""

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
        except (ValueError, RecursionError):
            raise WrongType from None
    if not isinstance(given, Mapping) or not given.keys() <= {"caller", "callee"}:
        raise WrongType
    as_text(json.dumps(given, ensure_ascii=False))
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


class MoveMethod(StrEnum):
    """The method of the requests that tell the parties."""

    INVITE = "INVITE"
    UPDATE = "UPDATE"


def as_method(given: Json) -> Json:
    """Read the method of the requests that tell the parties. Raises WrongType."""
    method = given.upper() if isinstance(given, str) else given
    if method not in list(MoveMethod):
        raise WrongType
    return method


OWN_RECIPE = (
    CALL_ID,
    *(replace(one, optional=True) for one in (ENGINE, SET, NODE, FLAGS)),
    Parameter("request", as_method, optional=True),
    Parameter("reason", optional=True),
)


class MoveMethods:
    """`rtp_relay:update_callid` and `rtp_relay:move`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets
        self._moves: set[asyncio.Task[Moved | Refused]] = set()

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        what = "Moves a call to another relay node, set or engine, or gives its legs other flags."
        methods.add(
            Method("rtp_relay:update_callid", what, self._update, RECIPES, always),
            Method("rtp_relay:move", f"{what} Says where it is then.", self._move, (OWN_RECIPE,), always),
        )

    async def _update(self, given: Arguments, caller: Caller) -> Json:
        known = await self._control.steering.known()
        command = self._command({"reason": "rtp_relay_update_callid", **given}, caller, known)
        moved = await self._moved(command, PATIENCE)
        if moved is None or not (moved.is_wanted_node and not moved.waits and not moved.left_out):
            return self._told(command, moved)
        return OK

    async def _move(self, given: Arguments, caller: Caller) -> Json:
        known = await self._control.steering.known()
        command = self._command({"reason": "rtp_relay_move", **given}, caller, known)
        check_takes_calls(command.target.node, known)
        return self._told(command, await self._moved(command, LONG_PATIENCE))

    async def _moved(self, command: Migrate, patience: float) -> Moved | None:
        """Have a call moved, and wait for that; None if it takes longer. Raises MiError if it was not moved."""
        if self._control.directory is None:
            raise MiError(
                503, "Service unavailable", "calls are moved by a service that serves them, and none runs here"
            )
        move = asyncio.create_task(self._control.move(command))
        self._moves.add(move)
        move.add_done_callback(self._moves.discard)
        await asyncio.wait([move], timeout=patience)
        if not move.done():
            return None
        result = move.result()
        if isinstance(result, Refused):
            status, text = _STATUSES.get(result.code, (500, "RTP Relay update failed"))
            raise MiError(status, text, f"{command.call_id!r}: {result.reason}")
        return result

    def _command(self, given: Arguments, caller: Caller, known: Known) -> Migrate:
        flags = given.get("flags", {})
        return Migrate(
            call_id=CallId(given["callid"]),
            target=destination(given, known, self._sets),
            caller=_settings(flags.get("caller", {})),
            callee=_settings(flags.get("callee", {})),
            method=given.get("request", "INVITE"),
            asked_by=caller.name,
            reason=given["reason"],
        )

    def _told(self, command: Migrate, moved: Moved | None) -> Json:
        if moved is None:
            return {"callid": command.call_id, "status": "moving"}
        there: dict[str, Json] = {
            "callid": command.call_id,
            "status": _status(moved),
            "node": moved.node,
            "relay": moved.engine,
            "set": self._sets.number(moved.set),
            "wanted_node_taken": moved.is_wanted_node,
        }
        return there | ({"left_out": list(moved.left_out)} if moved.left_out else {})


def _status(moved: Moved) -> str:
    if moved.waits:
        return "moves when it is answered" if moved.early else "moves at its next offer"
    return "moved"


def _settings(given: Json) -> Mapping[str, str]:
    """Read a leg's flags: names and values, or a text for `flags` alone. Raises MiError."""
    values = {"flags": given} if isinstance(given, str) else given
    if not isinstance(values, Mapping):
        raise MiError(400, "Bad flags", "the flags of a leg are an object, or a string")
    try:
        settings, body = leg_settings(values)
    except BadSetting as error:
        raise MiError(400, "Bad flags", str(error)) from None
    if body is not None:
        raise MiError(400, "Bad flags", "a body cannot be given to a call that has been answered")
    return settings
