"""Methods by name, roles, and what happens when one fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods, Role, always
from gateways.mi.parameters import Arguments, Parameter
from gateways.mi.replies import whole

OPERATOR, READER = Caller("o", Role.OPERATE), Caller("r", Role.READ)


async def echo(given: Arguments, caller: Caller) -> Json:
    return {"given": dict(given), "by": caller.name}


async def fail(given: Arguments, caller: Caller) -> Json:  # noqa: ARG001
    raise ZeroDivisionError


@pytest.fixture
def methods() -> Methods:
    made = Methods()
    made.add(
        Method("rtp_relay:list", "Lists.", echo, ((), (Parameter("engine"),))),
        Method("rtpengine:show", "Shows.", echo),
        Method("rtpproxy:show", "Shows.", echo),
        Method("rtpproxy:enable", "Enables.", echo, changes=always),
        Method("fail", "Fails.", fail),
    )
    return made


async def ask(methods: Methods, method: str, params: Any = None, caller: Caller = OPERATOR) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method} | ({} if params is None else {"params": params})
    outcome = await methods.outcome(json.dumps(request).encode(), caller)
    assert outcome.wants_reply
    read = json.loads(await whole(outcome, caller))
    return read.get("result", read.get("error"))


@pytest.mark.parametrize("name", ["rtp_relay:list", "rtp_relay_list", "list"])
async def test_a_method_has_three_names(methods: Methods, name: str) -> None:
    assert await ask(methods, name, ["rtpproxy"]) == {"given": {"engine": "rtpproxy"}, "by": "o"}


async def test_a_command_of_two_modules_is_ambiguous(methods: Methods) -> None:
    expected = {"code": -32001, "message": "Method ambiguous", "data": "supported names: rtpengine:show, rtpproxy:show"}
    assert await ask(methods, "show") == expected
    assert (await ask(methods, "rtpproxy_show"))["given"] == {}


async def test_an_unknown_method(methods: Methods) -> None:
    assert await ask(methods, "rtp_relay_lst") == {
        "code": -32601,
        "message": "Method not found",
        "data": "there is no method 'rtp_relay_lst'; see which",
    }


async def test_which(methods: Methods) -> None:
    every = await ask(methods, "which")
    assert every == sorted(every)
    assert {"which", "help", "rtp_relay:list", "rtp_relay_list"} <= set(every)
    assert await ask(methods, "which", ["rtp_relay_list"]) == [[], ["engine"]]
    assert await ask(methods, "which", {"command": "rtpproxy:"}) == ["rtpproxy:enable", "rtpproxy:show"]
    for unknown in ("nothing", "nothing:"):
        data = f"there is no {unknown!r}; see which"
        assert await ask(methods, "which", [unknown]) == {"code": 404, "message": "unknown MI command", "data": data}


async def test_help(methods: Methods) -> None:
    assert await ask(methods, "help", ["list"]) == {"Help": "Lists.", "Exported by": "rtp_relay"}
    assert (await ask(methods, "help", ["which"]))["Exported by"] == "core"


async def test_who_may_only_look_changes_nothing(methods: Methods) -> None:
    assert (await ask(methods, "rtpproxy_enable", caller=READER))["code"] == 403
    assert (await ask(methods, "rtpproxy_enable", caller=OPERATOR))["by"] == "o"
    assert (await ask(methods, "rtpproxy_show", caller=READER))["by"] == "r"


async def test_a_fault_of_ours_is_a_server_error(methods: Methods) -> None:
    said = await ask(methods, "fail")
    assert (said["code"], said["message"]) == (-32000, "Server error")
    assert "ZeroDivisionError" in said["data"]


@pytest.mark.parametrize("method", ["which", "fail", "unknown"])
async def test_a_notification_is_never_answered(methods: Methods, method: str) -> None:
    notification = json.dumps({"jsonrpc": "2.0", "method": method}).encode()
    assert not (await methods.outcome(notification, OPERATOR)).wants_reply


async def test_what_is_no_request_is_answered_without_an_id(methods: Methods) -> None:
    reply = await whole(await methods.outcome(b"nonsense", OPERATOR), OPERATOR)
    assert json.loads(reply)["id"] is None
    assert json.loads(reply)["error"]["code"] == -32700


def test_errors_carry_what_they_say() -> None:
    assert str(MiError(404, "Not found")) == "Not found"
