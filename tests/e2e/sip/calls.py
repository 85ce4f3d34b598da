"""Calls between user agents through the SIP door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from engines.sdp.session import parse
from tests.e2e.sip.stage import Stage
from tests.peers.ports import HOST, HOST_6
from tests.peers.rtp import converse, media_address
from tests.peers.ua import Arrived, Dialog, Sent, UserAgent

Header = tuple[str, str]


@dataclass(slots=True)
class Side:
    """A party of a call: its dialog, and the newest SDP that it was given."""

    agent: UserAgent
    dialog: Dialog
    hears: bytes = b""


@dataclass(slots=True)
class Call:
    """A call that is established."""

    stage: Stage
    caller: Side
    callee: Side

    def sides(self, first: str) -> tuple[Side, Side]:
        """Return a party by its name (caller, callee), and the other."""
        return (self.caller, self.callee) if first == "caller" else (self.callee, self.caller)

    async def talk(self) -> None:
        """Let both talk to what they were told, until they hear each other, through the relay's ports only."""
        await talk(self.stage, self.caller, self.callee)

    async def is_heard(self, by: str) -> None:
        """Let both talk to what they were told, until the other party hears this one."""
        side, other = self.sides(by)
        for one in (side, other):
            one.agent.media.talk_to(media_address(one.hears))
        media, ssrc = other.agent.media, side.agent.media.ssrc
        await media.wait_for(ssrc, media.heard(ssrc) + media.received.qsize() + 10)

    async def ask(self, by: str, method: str, *, sdp: str = "", answer: str = "") -> Arrived:
        """Send a request in the dialog, which is answered with 200."""
        side, other = self.sides(by)
        sent = side.agent.send(side.dialog, method, sdp=sdp)
        arrived = await other.agent.request(method)
        other.hears = arrived.body or other.hears
        other.agent.reply(arrived, 200, sdp=answer)
        final = await sent.response(200)
        side.hears = final.body or side.hears
        return arrived

    async def reinvite(self, by: str, *, directions: tuple[str, str] = ("sendrecv", "sendrecv")) -> None:
        """Offer again, and answer; `directions` are those of the offer and of the answer."""
        side, other = self.sides(by)
        sent = side.agent.send(side.dialog, "INVITE", sdp=side.agent.sdp(directions[0]))
        arrived = await other.agent.request("INVITE")
        other.hears = arrived.body
        other.agent.reply(arrived, 200, sdp=other.agent.sdp(directions[1]))
        side.hears = (await sent.response(200)).body
        side.agent.ack(sent)
        await other.agent.request("ACK")

    async def reinvite_without_sdp(self, by: str) -> None:
        """Have the other party offer again, and answer in the ACK."""
        side, other = self.sides(by)
        sent = side.agent.send(side.dialog, "INVITE")
        arrived = await other.agent.request("INVITE")
        assert not arrived.body
        other.agent.reply(arrived, 200, sdp=other.agent.sdp())
        side.hears = (await sent.response(200)).body
        side.agent.ack(sent, sdp=side.agent.sdp())
        other.hears = (await other.agent.request("ACK")).body

    async def hang_up(self, by: str) -> None:
        """Fall silent and send a BYE."""
        for side in (self.caller, self.callee):
            side.agent.media.fall_silent()
        assert not (await self.ask(by, "BYE")).body

    async def keeps_its_ports(self, by: str) -> None:
        """Offer again, and see that the relay keeps its ports."""
        before = (self.caller.hears, self.callee.hears)
        await self.reinvite(by)
        assert list(map(media_address, before)) == list(map(media_address, (self.caller.hears, self.callee.hears)))


async def talk(stage: Stage, one: Side, other: Side) -> None:
    """Let two parties talk to what they were told, until they hear each other, through the relay's ports only."""
    for side in (one, other):
        check_relayed(stage, side.hears, relay_host(side.agent))
        side.agent.media.talk_to(media_address(side.hears))
    await converse(one.agent.media, other.agent.media)
    async with asyncio.timeout(30):
        while not (hears_as_told(one) and hears_as_told(other)):  # what has come may be of an earlier call
            await converse(one.agent.media, other.agent.media)
    low, high = stage.relay.media_ports
    for side in (one, other):
        senders, relay = side.agent.media.senders, relay_host(side.agent)
        assert all(host == relay and low <= port <= high for host, port in senders), senders


def hears_as_told(side: Side) -> bool:
    """Return whether media have come from where a party was told that they come from."""
    return media_address(side.hears) in side.agent.media.senders


def relay_host(agent: UserAgent) -> str:
    """Return the relay's address for a party: that of its own family."""
    return HOST_6 if ":" in agent.host else HOST


def check_relayed(stage: Stage, body: bytes, host: str = HOST) -> None:
    """Check that each stream of an SDP that is not switched off is on the relay's `host`, on a port of its own."""
    sdp, (low, high) = parse(body), stage.relay.media_ports
    ports = [int(stream.port.text) for stream in sdp.live_streams]
    assert ports, body
    assert len(set(ports)) == len(ports), body
    assert all(low <= port <= high for port in ports), body
    assert all(address.host == host.encode() for address in map(sdp.address_of, sdp.live_streams)), body


@dataclass(slots=True)
class Scene:
    """A caller, who calls one or more callees."""

    stage: Stage
    caller: UserAgent
    callees: Sequence[UserAgent]
    transport: str = "udp"

    @property
    def callee(self) -> UserAgent:
        """The first callee."""
        return self.callees[0]

    async def invite(self, *, sdp: str | None = None, headers: Sequence[Header] = ()) -> tuple[Sent, list[Arrived]]:
        """Send an INVITE to all callees, with the caller's own SDP if none is given, and wait for it to arrive."""
        forks = [("X-Fork", " ".join(callee.uri for callee in self.callees[1:]))] if len(self.callees) > 1 else []
        sent = self.caller.invite(
            self.callee.uri,
            self.stage.place(self.transport),
            sdp=self.caller.sdp() if sdp is None else sdp,
            headers=[("X-Engine", self.stage.engine), *forks, *headers],
        )
        return sent, [await callee.request("INVITE") for callee in self.callees]

    async def establish(self, *, headers: Sequence[Header] = ()) -> tuple[str, Call]:
        """Place a call that the first callee answers, and give its Call-ID, too."""
        sent, arrived = await self.invite(headers=headers)
        self.callee.reply(arrived[0], 180)
        await sent.response(180)
        self.callee.reply(arrived[0], 200, sdp=self.callee.sdp())
        return sent.dialog.call_id, await self.accepted(sent, arrived[0], self.callee)

    async def accepted(self, sent: Sent, arrived: Arrived, callee: UserAgent, *, early: bytes = b"") -> Call:
        """Take the 200 of a callee, and acknowledge it; `early` is an answer that came before."""
        final = await sent.response(200)
        self.caller.ack(sent, final)
        await callee.request("ACK")
        caller = Side(self.caller, sent.dialog_of(final), final.body or early)
        return Call(self.stage, caller, Side(callee, arrived.in_dialog, arrived.body))


@asynccontextmanager
async def on_scene(stage: Stage, *names: str, transport: str = "udp") -> AsyncIterator[Scene]:
    """Return a caller and callees with these names, or one."""
    async with AsyncExitStack() as stack:
        agents = [
            await stack.enter_async_context(UserAgent(name, transport)) for name in ("caller", *(names or ["callee"]))
        ]
        yield Scene(stage, agents[0], agents[1:], transport)
