"""Flow j: every field of rtp_relay, rtp_relay_peer and rtp_relay_ctx, as a script sets it, on the wire to the relay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Scene, on_scene
from tests.e2e.sip.stage import ENDED, SCRIPTS, Stage, database
from tests.e2e.stage import Relay
from tests.golden_flows.tap import Exchange, Tap, ng
from tests.peers.bencode import NgDict, NgValue
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
CALLERS, CALLEES = "198.51.100.1", "198.51.100.2"


class TwoInterfaces(Rtpengine):
    """An rtpengine with two interfaces, both on loopback."""

    def __init__(self) -> None:
        super().__init__(interface=f"priv/{HOST}")

    def command(self) -> list[str]:
        return [*super().command(), f"--interface=pub/{HOST}"]


class Bridge(Rtpproxy):
    """An rtpproxy in bridge mode, both of its sides on loopback."""

    def command(self) -> list[str]:
        return [f"{HOST}/{HOST}" if word == HOST else word for word in super().command()]


@dataclass(frozen=True, slots=True)
class Tapped(Node):
    """A node that the service reaches through a tap."""

    url: str = ""

    def table(self) -> Table:
        return {**Node.table(self), "url": self.url}


@dataclass(slots=True)
class Wire:
    """What was said to a relay since the test began."""

    tap: Tap
    before: int

    @property
    def exchanges(self) -> list[Exchange]:
        return self.tap.exchanges[self.before :]

    def options(self, verb: bytes) -> list[NgDict]:
        """Return what the commands of a verb said beside the names of the parties."""
        names = (b"command", b"call-id", b"from-tag", b"to-tag", b"via-branch", b"sdp", b"received-from")
        commands = [ng(said) for said in self.exchanges]
        return [
            {key: value for key, value in command.items() if key not in names}
            for command in commands
            if command[b"command"] == verb
        ]

    def letters(self) -> list[str]:
        """Return the first words of the commands to an rtpproxy, without the payload types."""
        return [said.command.decode().split()[0].partition("c")[0] for said in self.exchanges]


@dataclass(frozen=True, slots=True)
class Tapping:
    """A service whose relays stand behind taps."""

    service: Service
    relays: Mapping[str, Relay]
    taps: Mapping[str, Tap]

    @asynccontextmanager
    async def scene(self, engine: str, *callees: str) -> AsyncIterator[tuple[Scene, Wire]]:
        async with on_scene(Stage(self.service, self.relays, engine), *callees) as scene:
            yield scene, Wire(self.taps[engine], len(self.taps[engine].exchanges))


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def tapping(redis: RedisServer) -> AsyncIterator[Tapping]:
    sip: Table = {"script": str(SCRIPTS / "every_setting.py")}
    async with (
        TwoInterfaces() as rtpengine,
        Tap(rtpengine.address) as first,
        Bridge() as rtpproxy,
        Tap(rtpproxy.address) as second,
    ):
        nodes = [Tapped("rtpengine-1", rtpengine, url=first.url), Tapped("rtpproxy-1", rtpproxy, url=second.url)]
        async with Service(database(redis, 1), nodes, sip=sip) as service:
            relays: dict[str, Relay] = {"rtpengine": rtpengine, "rtpproxy": rtpproxy}
            yield Tapping(service, relays, {"rtpengine": first, "rtpproxy": second})


TO_CALLEE: NgDict = {
    b"flags": [b"of-context", b"callers-flag", b"callees-peer"],
    b"direction": [b"priv", b"pub"],
    b"transport-protocol": b"RTP/AVP",
    b"media-address": CALLEES.encode(),
}
TO_CALLER: NgDict = {
    b"flags": [b"of-context", b"callees-flag", b"callers-peer"],
    b"direction": [b"pub", b"priv"],
    b"media-address": CALLERS.encode(),
}
DELETE_FLAGS = [b"context-delete", b"callers-delete", b"callees-delete"]


@BOTH
async def test_j_each_setting_of_an_rtpengine_in_both_directions(tapping: Tapping, by: str) -> None:
    async with tapping.scene("rtpengine") as (scene, wire):
        call_id, call = await scene.establish()
        assert media_address(call.callee.hears)[0] == CALLEES
        assert media_address(call.caller.hears)[0] == CALLERS
        await call.reinvite("callee")
        assert media_address(call.callee.hears)[0] == CALLEES
        assert media_address(call.caller.hears)[0] == CALLERS
        await call.hang_up(by)
        await scene.stage.nothing_is_left(call_id)
    assert wire.options(b"offer") == [TO_CALLEE, TO_CALLER]
    assert wire.options(b"answer") == [TO_CALLER, TO_CALLEE]
    assert [named[b"flags"] for named in wire.options(b"delete") if b"flags" in named] == [DELETE_FLAGS]


async def test_j_a_failed_call_is_deleted_with_the_delete_flags_too(tapping: Tapping) -> None:
    async with tapping.scene("rtpengine") as (scene, wire):
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 486)
        await sent.response(486)
        await scene.stage.nothing_is_left(sent.request.call_id)
        assert await scene.stage.told(sent.request.call_id) == ["engaged", "offered", *ENDED]
    assert [named[b"flags"] for named in wire.options(b"delete") if b"flags" in named] == [DELETE_FLAGS]


@BOTH
async def test_j_each_setting_of_an_rtpproxy_in_both_directions(tapping: Tapping, by: str) -> None:
    async with tapping.scene("rtpproxy") as (scene, wire):
        call_id, call = await scene.establish()
        assert media_address(call.callee.hears)[0] == CALLEES
        assert f"IN IP4 {CALLEES}\r\ns=".encode() in call.callee.hears, "the context's o"
        assert media_address(call.caller.hears)[0] == CALLERS
        await call.reinvite("callee")
        await call.hang_up(by)
        await scene.stage.nothing_is_left(call_id)
    assert wire.letters()[:4] == ["Uaiez30", "Lseiz20", "Useiz20", "Laiez30"]
    assert {word[0] for word in wire.letters()[4:]} <= {"D", "Q"}


async def test_c_each_branch_has_its_own_settings_by_index_and_the_others_those_of_all(tapping: Tapping) -> None:
    async with tapping.scene("rtpengine", "A", "B") as (scene, wire):
        a, b = scene.callees
        sent, (to_a, to_b) = await scene.invite()
        offers = {tuple(flags_of(offer)) for offer in wire.options(b"offer")}
        assert offers == {(b"of-caller", b"of-all"), (b"of-caller", b"of-branch-1")}
        a.reply(to_a, 183, sdp=a.sdp())
        await sent.response(183)
        b.reply(to_b, 200, sdp=b.sdp())
        call = await scene.accepted(sent, to_b, b)
        assert list(map(flags_of, wire.options(b"answer"))) == [[], [b"of-b"]]
        await a.request("CANCEL")
        await call.reinvite("callee")
        assert flags_of(wire.options(b"offer")[-1]) == [b"of-b"]
        assert flags_of(wire.options(b"answer")[-1]) == [b"of-caller", b"of-branch-1"]
        await call.hang_up("caller")
        await scene.stage.nothing_is_left(sent.request.call_id)


def flags_of(options: NgDict) -> list[NgValue]:
    flags = options.get(b"flags", [])
    assert isinstance(flags, list)
    return flags
