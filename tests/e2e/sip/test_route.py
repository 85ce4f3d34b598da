"""Flow m: the route engine behind the SIP door: its functions are given the documented parameters at each event."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Call, on_scene
from tests.e2e.sip.stage import SCRIPTS, Stage, database
from tests.peers.redis_server import RedisServer
from tests.peers.service import Service
from tests.peers.ua_text import tag_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

TO_CALLEE = {
    "ip": "198.51.100.2",
    "type": "SRTP",
    "in-iface": "priv",
    "out-iface": "pub",
    "ctx-flags": "of-context",
    "flags": "of-caller",
    "peer": "peer-of-callee",
}
TO_CALLER = {
    "ip": "198.51.100.1",
    "type": "RTP",
    "in-iface": "pub",
    "out-iface": "priv",
    "ctx-flags": "of-context",
    "flags": "of-callee",
    "peer": "peer-of-caller",
}
END = {"ctx-flags": "of-context", "delete": "context-delete callers-delete callees-delete"}


class Routing(Service):
    """A service with functions for the route engine, which write down what they are given."""

    @property
    def calls(self) -> Path:
        """Where they write it."""
        return self.folder / "calls"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "CALLS": str(self.calls)}

    def given(self, call_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Return what they were given for a call."""
        lines = [json.loads(line) for line in self.calls.read_text().splitlines()]
        return [(event, values) for event, values in lines if values["callid"] == call_id]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def routing(redis: RedisServer) -> AsyncIterator[Routing]:
    sip = {"script": str(SCRIPTS / "route_engine.py")}
    settings = {"route": {"script": str(SCRIPTS / "routes.py")}}
    async with Routing(database(redis, 2), [], sip=sip, settings=settings) as service:
        yield service


@dataclass(frozen=True, slots=True)
class Tags:
    """The names that both ends of a call have."""

    call_id: str
    caller: str
    callee: str

    def of(self, sender: str) -> dict[str, Any]:
        """Return what each event of a session tells where `sender` made the offer."""
        one, other = (self.caller, self.callee) if sender == "caller" else (self.callee, self.caller)
        known = {"node": "node-1", "set": "own", "branch": -1}
        return {"callid": self.call_id, "from_tag": one, "to_tag": other, **known}


def tags_of(call: Call) -> Tags:
    dialog = call.caller.dialog
    return Tags(dialog.call_id, tag_of(dialog.local), tag_of(dialog.remote))


@pytest.mark.parametrize("by", ["caller", "callee"])
async def test_m_each_parameter_of_each_event(routing: Routing, by: str) -> None:
    async with on_scene(Stage(routing, {}, "route")) as scene:
        offer, answer = scene.caller.sdp(), scene.callee.sdp()
        call_id, call = await scene.establish()
        names = tags_of(call)
        assert all(b"\r\ns=routed\r\n" in side.hears for side in call.sides("caller"))
        await call.reinvite("callee")
        assert all(b"\r\ns=routed\r\n" in side.hears for side in call.sides("caller"))
        await call.hang_up(by)
        await scene.stage.nothing_is_left(call_id)
    first = {key: value for key, value in names.of("caller").items() if key not in ("to_tag", "node")}
    assert routing.given(call_id) == [
        ("offer", {**first, **TO_CALLEE, "body": offer}),
        ("answer", {**names.of("caller"), **TO_CALLER, "body": answer}),
        ("offer", {**names.of("callee"), **TO_CALLER, "body": answer}),
        ("answer", {**names.of("callee"), **TO_CALLEE, "body": offer}),
        ("delete", {**names.of("caller"), **END}),
    ]


async def test_m_a_failed_call_is_deleted_with_all_parameters(routing: Routing) -> None:
    async with on_scene(Stage(routing, {}, "route")) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 486)
        await sent.response(486)
        call_id = sent.request.call_id
        await scene.stage.nothing_is_left(call_id)
        offer, delete = routing.given(call_id)
        caller = tag_of(sent.request.headers["From"])
    assert offer[0] == "offer"
    wanted = {"callid": call_id, "from_tag": caller, "branch": -1, "set": "own", "node": "node-1", **END}
    assert delete == ("delete", wanted)
