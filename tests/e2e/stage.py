"""What the end-to-end tests have in common: the service with its Redis and its relays, and calls placed through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from engines.sets import NodeSpec, rank
from events.names import CallId, NodeName
from events.records import Recorded
from events.registry import MediaMeasured
from tests.peers.bencode import NgDict
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, converse, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Table

Relay = Rtpengine | Rtpproxy

CALLER = "caller"
CALLEE = "callee"


async def held(relay: Relay) -> int:
    """Return how many sessions a relay holds."""
    sessions = await relay.sessions()
    return sessions if isinstance(sessions, int) else len(sessions)


def deleted_once(events: Sequence[str]) -> list[str]:
    """Return a call's events without the deletes that a client asked for again: each is noted, and changes nothing."""
    wanted = [place for place, event in enumerate(events) if event == "delete wanted"]
    return [event for place, event in enumerate(events) if place not in wanted[1:]]


def names(records: Iterable[Recorded]) -> list[str]:
    """Return the names of events, but for what nodes counted of media: what there is to count is up to them."""
    return [record.event.name for record in records if not isinstance(record.event, MediaMeasured)]


@dataclass(slots=True)
class NgCall:
    """A call as a SIP server tells it to its relay, the SDP first; each command goes through the client that is given.

    `for_caller` and `for_callee` are the SDP that the relay gave for them, from the newest answer and offer.
    """

    call_id: str
    media: Parties
    branch: str = ""
    for_caller: bytes = field(default=b"", init=False)
    for_callee: bytes = field(default=b"", init=False)

    async def offer(self, client: NgClient) -> NgDict:
        """Offer for the caller."""
        reply = await client.command("offer", sdp=self.media.caller.sdp(), **self._names(), from_tag=CALLER)
        self.for_callee = sdp_of(reply)
        return reply

    async def answer(self, client: NgClient) -> NgDict:
        """Answer for the callee."""
        sdp = self.media.callee.sdp()
        reply = await client.command("answer", sdp=sdp, **self._names(), from_tag=CALLER, to_tag=CALLEE)
        self.for_caller = sdp_of(reply)
        return reply

    async def offer_again(self, client: NgClient) -> None:
        """Offer once more in the dialog (a re-INVITE of the caller); the relay must keep its ports."""
        before = media_address(self.for_callee)
        sdp = self.media.caller.sdp(version=2)
        reply = await client.command("offer", from_tag=CALLER, to_tag=CALLEE, sdp=sdp, call_id=self.call_id)
        self.for_callee = sdp_of(reply)
        assert media_address(self.for_callee) == before

    async def answer_again(self, client: NgClient) -> None:
        """Answer the offer in the dialog; the relay must keep its ports."""
        before = media_address(self.for_caller)
        sdp = self.media.callee.sdp(version=2)
        reply = await client.command("answer", from_tag=CALLER, to_tag=CALLEE, sdp=sdp, call_id=self.call_id)
        self.for_caller = sdp_of(reply)
        assert media_address(self.for_caller) == before

    async def move(self, client: NgClient) -> None:
        """Offer and answer once more in the dialog, and talk through whatever ports the relay gives."""
        names = {"call_id": self.call_id, "from_tag": CALLER, "to_tag": CALLEE}
        self.for_callee = sdp_of(await client.command("offer", sdp=self.media.caller.sdp(version=2), **names))
        self.for_caller = sdp_of(await client.command("answer", sdp=self.media.callee.sdp(version=2), **names))
        for party in (self.media.caller, self.media.callee):
            party.forget()
        await self.talk()

    async def delete(self, client: NgClient) -> NgDict:
        """End the call as a BYE of the caller does; who talks through it falls silent before."""
        for party, hears in ((self.media.caller, self.for_caller), (self.media.callee, self.for_callee)):
            if hears and party.target == media_address(hears):
                party.fall_silent()
        reply = await client.command("delete", call_id=self.call_id, from_tag=CALLER)
        assert reply[b"result"] == b"ok", reply
        return reply

    async def establish(self, client: NgClient) -> None:
        """Offer, answer, and talk."""
        await self.offer(client)
        await self.answer(client)
        await self.talk()

    async def talk(self) -> None:
        """Let both send to what the relay gave, until they have heard each other through it."""
        await self.media.talk(self.for_caller, self.for_callee)

    async def still_talks(self) -> None:
        """Wait until both have heard more of each other."""
        await converse(self.media.caller, self.media.callee)

    def _names(self) -> dict[str, str]:
        return {"call_id": self.call_id} | ({"via_branch": self.branch} if self.branch else {})


def sdp_of(reply: NgDict) -> bytes:
    """Return the SDP of a reply that must be ok."""
    assert reply[b"result"] == b"ok", reply
    sdp = reply[b"sdp"]
    assert isinstance(sdp, bytes)
    return sdp


@dataclass(frozen=True, slots=True)
class Stage:
    """A running service with all that belongs to it, an ng client of it, and two parties with media."""

    redis: RedisServer
    relays: Sequence[Relay]
    service: Service
    client: NgClient
    media: Parties

    def call(self, call_id: str = "call-1", branch: str = "") -> NgCall:
        """Return a call of the two parties, not placed yet."""
        return NgCall(call_id, self.media, branch)

    def preferred(self, call_id: str) -> list[Relay]:
        """Return the relays in the order in which a new call prefers them."""
        specs = [
            NodeSpec(name=NodeName(node.name), engine="", url="", weight=node.weight) for node in self.service.nodes
        ]
        by_name = {node.name: node.relay for node in self.service.nodes}
        return [by_name[spec.name] for spec in rank(CallId(call_id), specs)]

    async def held(self) -> int:
        """Return how many sessions all relays hold together."""
        return sum([await held(relay) for relay in self.relays])

    async def events(self, call_id: str = "call-1") -> list[str]:
        """Return the names of a call's events."""
        return names(await self.service.events(call_id))

    async def journalled(self, event: str, call_id: str = "call-1", within: float = 20) -> None:
        """Wait until a call's journal has an event of that name."""

        async def there() -> bool:
            return event in await self.events(call_id)

        await wait_until(there, f"{event!r} in the journal of {call_id}", within)

    async def relays_are_empty(self) -> None:
        """Wait until no relay holds a session."""

        async def empty() -> bool:
            return await self.held() == 0

        await wait_until(empty, "no relay holds a session")

    async def nothing_is_left(self, within: float = 30) -> None:
        """Wait until no relay holds a session, and the journal has no live call."""

        async def empty() -> bool:
            return (await self.client.command("list", limit=1000))[b"calls"] == []

        await wait_until(empty, "no call is live", within)
        assert await self.held() == 0


@asynccontextmanager
async def on_stage(
    *relays: Relay | Node,
    settings: Mapping[str, Table] | None = None,
    redis: RedisServer | None = None,
    appendonly: bool = False,
) -> AsyncIterator[Stage]:
    """Start the service with these relays as the nodes `relay-1`, `relay-2`, ..., or as the nodes given say."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nodes = [
            relay if isinstance(relay, Node) else Node(f"relay-{number}", relay)
            for number, relay in enumerate(relays, 1)
        ]
        for node in nodes:
            await enter(node.relay)
        store = await enter(redis or RedisServer(appendonly=appendonly))
        service = await enter(Service(store.url, nodes, settings=settings))
        client = await enter(service.client())
        yield Stage(store, [node.relay for node in nodes], service, client, await enter(Parties()))
