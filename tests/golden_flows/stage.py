"""A stage for call flows: a real relay behind a tap, a control node, a journal, and a story that is told to the call.

A story has a message a line, as `tests.replay.sip_story` reads them, and what has to come of it:

    A 183 INVITE branch=br0 sdp=a -> answer established

The word of a body stands for a whole session description; the same word is the same body.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from actors.clock import now
from actors.directory import Directory
from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from engines.sdp.session import Sdp, parse
from engines.sets import NodeSpec
from events.journal import Journal
from events.memory import MemoryJournal
from events.names import NodeName
from replay.offer_answer import SipMessage
from rtp_relay.api.call import RelayCall
from rtp_relay.api.observed import Observed
from tests.golden_flows.tap import Tap, in_short
from tests.peers.ports import HOST
from tests.peers.rtp import make_sdp
from tests.peers.rtpengine import Rtpengine, release
from tests.peers.rtpproxy import Rtpproxy
from tests.replay.sip_story import message

CALL_ID = "call"
RELAYED = ("offer", "answer", "repeat")

Relay = Rtpengine | Rtpproxy


@dataclass
class Flow:
    """One call on its relay. `bodies` has what each party sent by its word, `given` what the other party got for it.

    `source` is where its SIP messages come from, `addresses` are those that media may be sent to.
    """

    relay: Relay
    tap: Tap
    call: RelayCall
    journal: Journal
    source: str = HOST
    addresses: set[bytes] = field(default_factory=lambda: {HOST.encode()})
    bodies: dict[str, bytes] = field(default_factory=dict)
    given: dict[str, bytes] = field(default_factory=dict)

    @property
    def engine(self) -> str:
        """The kind of the relay."""
        return self.relay.name

    async def tell(self, story: str) -> None:
        """Tell of all messages of a story, and check what came of each."""
        for line in filter(None, map(str.strip, story.splitlines())):
            said, _, wanted = line.partition(" -> ")
            seeing = await self.see(said)
            role = "" if seeing.role == "nothing" and seeing.change != "none" else seeing.role
            change = "" if seeing.change == "none" else seeing.change
            assert " ".join(filter(None, (role, change, seeing.fault and f"!{seeing.fault}"))) == wanted, line

    async def see(self, line: str) -> Observed:
        """Tell of one message. A body that was relayed is given back with the relay's addresses in it."""
        event = self.message(line)
        seeing = await self.call.see(event, received_from=self.source)
        if event.sdp is not None and seeing.role in RELAYED:
            assert seeing.sdp is not None, line
            self.given[line.rpartition("sdp=")[2]] = seeing.sdp
            self.check_relayed(event.sdp, seeing.sdp)
        else:
            assert seeing.sdp is None, line
        return seeing

    def message(self, line: str) -> SipMessage:
        """Read a message; `sdp=WORD`, if there, stands at its end."""
        event = message(line)
        return event if event.sdp is None else replace(event, sdp=self.body(event.sdp.decode()))

    def body(self, word: str) -> bytes:
        """Return the session description that a word stands for."""
        port = 4000 + 10 * len(self.bodies)
        return self.bodies.setdefault(word, make_sdp((HOST, port), session=port).encode())

    def check_relayed(self, body: bytes, given: bytes) -> None:
        """Check that each stream that is there in the body is on the relay, on a port of its own, and no other."""
        before, after = parse(body), parse(given)
        assert [stream.is_live for stream in after.streams] == [stream.is_live for stream in before.streams]
        low, high = self.relay.media_ports
        ports = live_ports(after)
        assert len(set(ports)) == len(ports)
        assert all(low <= port <= high for port in ports), given
        for address in map(after.address_of, after.live_streams):
            assert address.host in self.addresses
            assert address.family == (b"IP6" if b":" in address.host else b"IP4")

    @property
    def commands(self) -> list[str]:
        """What was said to the relay so far, in short, but mere questions (Q of an rtpproxy, query of an rtpengine)."""
        return [line for line in map(in_short, self.tap.exchanges) if not line.startswith(("Q", "query"))]

    async def held(self) -> int:
        """Return how many sessions the relay holds: calls of an rtpengine, streams of an rtpproxy."""
        sessions = await self.relay.sessions()
        return sessions if isinstance(sessions, int) else len(sessions)

    async def came_to(self, *, rtpengine: str, rtpproxy: str) -> None:
        """Check what was said to the relay, that it holds nothing any more, and that the journal knows that."""
        wanted = rtpengine if self.engine == "rtpengine" else rtpproxy
        said = [line.strip() for line in wanted.splitlines() if line.strip()]
        assert list(map(_of_any_release, self.commands)) == list(map(_of_any_release, said))
        await self.nothing_is_left()

    async def nothing_is_left(self) -> None:
        """Check that neither the relay nor the journal has a session of the call.

        The call itself may be there for a while: after its last branch has failed there may be another.
        """
        assert await self.held() == 0
        assert list((await self.call.state()).remaining_sessions()) == []
        assert [live.sessions async for live in self.journal.live_calls() if live.sessions] == []


def live_ports(sdp: Sdp) -> list[int]:
    """Return the ports of the streams that are not switched off."""
    return [int(stream.port.text) for stream in sdp.live_streams]


@asynccontextmanager
async def on_stage(relay: Relay, journal: Journal | None = None) -> AsyncIterator[Flow]:
    """Start the relay, and a control node that reaches it through a tap."""
    async with relay, Tap(relay.address) as tap:
        table = NodeTable()
        known = journal or MemoryJournal(now)
        directory = Directory(name="control", journal=known, nodes=table, now=now)
        with _node(table, await _actor(relay.name, tap.url)):
            yield Flow(relay, tap, RelayCall(CALL_ID, directory, known), known)
            assert await directory.close(within=5), "something of the call still goes on"


async def _actor(engine: str, url: str) -> Node:
    spec = NodeSpec(name=NodeName("relay"), engine=engine, url=url)
    node = Node(spec, EngineActor.start(spec, EngineSettings()))
    await (await node.actor.proxy().connect())
    return node


@contextmanager
def _node(table: NodeTable, node: Node) -> Iterator[None]:
    table.add(node)
    try:
        yield
    finally:
        node.actor.stop(block=False)


def _of_any_release(said: str) -> str:
    """Return a command as all releases have it: who has an rtpengine 12.5 delete a session whole names nobody."""
    found = re.fullmatch(r"(delete \S+) \S+ - -", said)
    return f"{found[1]} - - -" if found and release() >= (12, 5) else said
