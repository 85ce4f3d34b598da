"""`rtp_relay_update_callid`: which move each documented form of it asks for, and what it answers."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from actors.commands.migration import Migrate, MoveTarget
from actors.control.control import Control
from actors.directory import Directory
from actors.results import Moved, Refused
from engines.refusal import RefusalCode
from engines.set_names import BY_NAME
from engines.sets import NodeSpec
from events.memory import MemoryJournal
from events.names import NodeName
from gateways.mi.jsonrpc import MiError, MiRequest
from gateways.mi.methods import Caller, Methods, Role
from gateways.mi.moves import MoveMethods

OPERATOR = Caller("root", Role.OPERATE)
NODE = NodeSpec(name=NodeName("rp1"), engine="rtpproxy", url="udp:127.0.0.1:2222", set="1")
THERE = Moved(node=NodeName("rp1"), engine="rtpproxy", set="1")


class Calls(Control):
    """Calls that do as they are told."""

    def __init__(self, result: Moved | Refused | None = THERE) -> None:
        super().__init__(MemoryJournal(), configured=[NODE])
        self.directory = Mock(spec=Directory)
        self.asked: list[Migrate] = []
        self._result = result

    def specs(self) -> list[NodeSpec]:
        return [NODE]

    async def move(self, command: Migrate) -> Moved | Refused:
        self.asked.append(command)
        if self._result is None:
            await asyncio.get_running_loop().create_future()
        assert self._result is not None
        return self._result


async def ask(calls: Control, params: Any, caller: Caller = OPERATOR, method: str = "rtp_relay_update_callid") -> Any:
    methods = Methods()
    MoveMethods(calls, BY_NAME).add_to(methods)
    return await methods.call(MiRequest(method, params, 1, wants_reply=True), caller)


FLAGS = {"caller": {"type": "SRTP", "flags": "replace-origin"}, "callee": {"type": "RTP"}}
AS_DOCUMENTED = (
    '{ "caller":{"type":"SRTP", "flags":"replace-origin"}, "callee":{"type":"RTP", "flags"="replace-origin"}}'
)


@pytest.mark.parametrize(
    ("params", "target"),
    [
        (["c"], MoveTarget()),
        (["c", "rtpproxy"], MoveTarget(engine="rtpproxy")),
        (["c", "rtpproxy", "1"], MoveTarget(engine="rtpproxy", set="1")),
        (["c", "rtpproxy", 1], MoveTarget(engine="rtpproxy", set="1")),
        (["c", "rtpproxy", NODE.url], MoveTarget(engine="rtpproxy", node=NODE.name)),
        (["c", "rtpproxy", 1, NODE.url], MoveTarget(engine="rtpproxy", set="1", node=NODE.name)),
        ({"callid": "c", "node": "rp1"}, MoveTarget(node=NODE.name)),
        ({"callid": "c", "set": "1"}, MoveTarget(set="1")),
    ],
)
async def test_where_to(params: Any, target: MoveTarget) -> None:
    calls = Calls()
    assert await ask(calls, params) == "OK"
    (command,) = calls.asked
    assert (command.call_id, command.target, command.asked_by) == ("c", target, "root")


@pytest.mark.parametrize("flags", [FLAGS, AS_DOCUMENTED])
@pytest.mark.parametrize("by_name", [True, False])
async def test_with_which_flags(flags: Any, by_name: bool) -> None:
    calls = Calls()
    assert await ask(calls, {"callid": "c", "flags": flags} if by_name else ["c", flags]) == "OK"
    (command,) = calls.asked
    assert command.caller == {"type": "SRTP", "flags": "replace-origin"}
    assert command.callee["type"] == "RTP"


@pytest.mark.parametrize(
    "flags",
    [
        "no json",
        '{"caller":' * 3000,
        "[" * 100_000,
        {"caller": {"flags": "\ud800"}},
        '{"caller":',
        {"both": {}},
        {"caller": 7},
        {"caller": {"colour": "red"}},
        {"caller": {"body": "v=0"}},
    ],
)
async def test_flags_that_are_none(flags: Any) -> None:
    calls = Calls()
    with pytest.raises(MiError):
        await ask(calls, {"callid": "c", "flags": flags})
    assert not calls.asked


async def test_an_engine_that_there_is_not() -> None:
    calls = Calls()
    with pytest.raises(MiError, match="unknown RTP  Relay engine") as raised:
        await ask(calls, {"callid": "c", "engine": "nonsense"})
    assert (raised.value.code, "'nonsense'" in str(raised.value.data)) == (404, True)
    assert not calls.asked


async def test_another_node_than_the_wanted_one_is_told() -> None:
    answer = await ask(Calls(Moved(node=NodeName("rp2"), engine="rtpproxy", set="1", is_wanted_node=False)), ["c"])
    assert (answer["node"], answer["wanted_node_taken"]) == ("rp2", False)


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (RefusalCode.UNKNOWN_CALL, 404),
        (RefusalCode.EARLY, 403),
        (RefusalCode.MOVING, 403),
        (RefusalCode.TURNED_BACK, 500),
    ],
)
async def test_a_refusal_has_its_code_and_reason(cause: RefusalCode, code: int) -> None:
    with pytest.raises(MiError) as raised:
        await ask(Calls(Refused(cause, "the very reason")), ["c"])
    assert raised.value.code == code
    assert raised.value.data == "'c': the very reason"


async def test_a_client_is_answered_though_the_move_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.mi.moves.PATIENCE", 0.01)
    assert await ask(Calls(None), ["c"]) == {"callid": "c", "status": "moving"}


async def test_who_may_only_look_moves_nothing() -> None:
    calls = Calls()
    with pytest.raises(MiError):
        await ask(calls, ["c"], Caller("guest", Role.READ))
    assert not calls.asked


async def test_our_own_method_says_where_the_call_is() -> None:
    calls = Calls()
    params = {"callid": "c", "node": "rp1", "request": "update", "reason": "maintenance", "flags": FLAGS}
    assert await ask(calls, params, method="rtp_relay_move") == {
        "callid": "c",
        "status": "moved",
        "node": "rp1",
        "relay": "rtpproxy",
        "set": 1,
        "wanted_node_taken": True,
    }
    (command,) = calls.asked
    assert (command.method, command.reason, command.caller) == ("UPDATE", "maintenance", FLAGS["caller"])


async def test_a_program_that_serves_no_calls_moves_none() -> None:
    with pytest.raises(MiError) as raised:
        await ask(Control(MemoryJournal()), ["c"])
    assert raised.value.code == 503
