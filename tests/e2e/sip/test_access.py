"""Who may use the door of a control node without a script, and for what; and whether the door says that it is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.crowd import Crowd, branch_of
from tests.e2e.sip.stage import Stage, database
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service, Value

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ELSEWHERE = "sip:bob@192.0.2.77"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; with a To tag, one in a dialog that nobody knows."""

    method: str
    uri: str = ""
    route: str = ""
    to_tag: str = ""

    def write(self, sender: Crowd) -> bytes:
        routes = [f"Route: <{self.route};lr>"] if self.route else []
        data = sender.request(self.method, self.uri, headers=routes)
        return data.replace(b"\r\nCall-ID", f";tag={self.to_tag}\r\nCall-ID".encode()) if self.to_tag else data


class Door:
    """A control node without a script, whose [sip] keys may be changed before a restart."""

    def __init__(self, redis: RedisServer, relays: Mapping[str, Relay]) -> None:
        self.keys: dict[str, Value] = {"engine": "rtpengine", "t1": 0.1}
        self.relay = relays["rtpengine"]
        self.service = Service(database(redis, 7), [Node("rtpengine-1", self.relay)], name="door", sip=self.keys)

    @property
    def stage(self) -> Stage:
        return Stage(self.service, {"rtpengine": self.relay}, "rtpengine")

    async def reopen(self, **keys: Value) -> None:
        """Start anew with other keys."""
        self.keys.pop("allow", None)
        self.keys.update(keys)
        await self.service.restart()

    async def told(self, *asked: Asked) -> list[bytes]:
        """Return the final responses to some requests."""
        async with Crowd((HOST, self.service.sip_port)) as crowd:
            requests = [asks.write(crowd) for asks in asked]
            crowd.ask(*requests)
            await crowd.answered()
            return [crowd.finals[branch_of(request)] for request in requests]

    async def codes(self, *asked: Asked) -> list[int]:
        """Return the codes of the final responses to some requests."""
        return [int(final[8:11]) for final in await self.told(*asked)]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def door(own_redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Door]:
    made = Door(own_redis, relays)
    async with made.service:
        yield made


async def test_without_a_script_it_serves_this_machine_only(door: Door) -> None:
    await door.reopen()
    async with on_scene(door.stage) as scene:
        _, call = await scene.establish()
        await call.talk()
        await call.hang_up("caller")
    elsewhere = [
        Asked("INVITE", ELSEWHERE),
        Asked("MESSAGE", "sip:bob@example.org"),
        Asked("INVITE", route="sip:192.0.2.77"),
        Asked("BYE", ELSEWHERE, to_tag="made-up"),
        Asked("INVITE", ELSEWHERE, to_tag="made-up"),
    ]
    assert await door.codes(*elsewhere) == [403] * len(elsewhere)
    assert "sip request not allowed" in door.service.log(lines=1000)


async def test_who_is_not_allowed_gets_403_and_calls_that_are_up_go_on(door: Door) -> None:
    await door.reopen()
    async with on_scene(door.stage) as scene:
        _, call = await scene.establish()
        await door.reopen(allow=["192.0.2.0/24"])
        assert await door.codes(Asked("INVITE"), Asked("OPTIONS")) == [403, 403]
        await call.reinvite("callee")
        await call.talk()
        await call.hang_up("caller")


async def test_options_to_the_proxy_itself(door: Door) -> None:
    await door.reopen()
    options = Asked("OPTIONS", f"sip:{HOST}:{door.service.sip_port}")
    (final,) = await door.told(options)
    assert final.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"\r\nAllow: INVITE, ACK" in final
    assert b"\r\nAccept: application/sdp" in final
    await door.relay.stop()
    try:

        async def not_ready() -> bool:
            return await door.codes(options) == [503]

        await wait_until(not_ready, "it says that it can do nothing for a call", 20)
    finally:
        await door.relay.start()
