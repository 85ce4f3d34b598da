"""Control nodes, relays and a journal in one process on a virtual clock, with every kind of failure on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, TypeVar

from actors.adoption import Adoption, Budget
from actors.directory import Directory, DirectorySettings
from actors.due_poller import DuePoller
from actors.engine_settings import EngineSettings
from actors.node_follower import NodeFollower
from actors.node_keeper import NodeKeeper
from actors.node_table import NodeTable
from actors.observers import Observers
from actors.roster import RosterNode
from actors.sip_requests import SipOutlet
from engines.ng.bencode import NgDict, encode
from engines.sets import NodeSpec
from events.ended import EndedPage
from events.journal import LONGEST, PAGE, Conflict, Forgotten, JournalUnavailable
from events.memory import MemoryJournal
from events.names import NO_BRANCH, BranchId, CallId, NodeName, StreamName, Tag
from events.outbox import MemoryOutbox
from events.records import (
    EVERY_CALL,
    CallFilter,
    CallPage,
    ChangePage,
    Index,
    LiveCall,
    Recorded,
    Stored,
    StrayPage,
    StreamPage,
)
from events.retention import USUAL
from events.snapshot import Snapshot
from events.verb import Verb
from gateways.ng.commands import NgCommand, command_from
from gateways.ng.replies import words_of
from replay.eras import ClockEras
from replay.fold import fold
from replay.projection import Deadlines
from replay.snapshots import UnusableSnapshot, restore, verify
from replay.state import CallState, SessionStatus
from rtp_relay.audit.verifier import Verifier
from tests.actors.fake_peers import FakePeer, Peers
from tests.actors.fake_relay import FakeNode, FakeRelay, opener
from tests.actors.fake_rtpproxy import FakeRtpproxy
from tests.actors.virtual_time import VirtualTimeLoop
from tests.events.damaged_journal import DamagedJournal
from tests.named_sdp import named

DEADLINES = Deadlines(offer=60_000, probe=100_000, give_up=7_200_000, dialog=200_000)
T = TypeVar("T")


def told(result: Any) -> NgDict:
    """Return what a client of the ng door is told of a result."""
    return result if isinstance(result, dict) else words_of(result)


class Life:
    """Whether a control node lives. It dies for good at its `crossings`-th step over its own border from now."""

    def __init__(self) -> None:
        self.alive = True
        self.crossings: int | None = None
        self.crossed = 0

    def cross(self) -> bool:
        """Note a step over the border (something sent, written or received). Tell whether the node lived to do it."""
        self.crossed += 1
        if self.crossings is not None:
            self.crossings -= 1
            if self.crossings < 0:
                self.alive = False
        return self.alive


class FaultyJournal:
    """One control node's way to the shared journal: it can die on it, and lose the word of what was written.

    away: nothing can be written, read or checked.
    """

    def __init__(self, shared: MemoryJournal, life: Life) -> None:
        self._shared, self._life = shared, life
        self.fail_before = 0
        self.fail_after = 0
        self.away = False
        self.reads_confirm = True
        self.spoilt: Sequence[str] = ()
        self.appends = 0
        self.checks = 0

    def append(
        self,
        call_id: CallId,
        expected_version: int,
        records: Sequence[Recorded],
        before: Index,
        after: Index,
        *,
        known: Recorded | None = None,
    ) -> asyncio.Future[int]:
        self.appends += 1
        assert known is None or known.version == expected_version
        return self._ask(lambda: self._shared.append(call_id, expected_version, records, before, after, known=known))

    def check(self, call_id: CallId, version: int, *, known: Recorded | None = None) -> asyncio.Future[int]:
        self.checks += 1
        assert (known.version if known is not None else 0) == version, "what is resident is known to its end"
        return self._ask(lambda: self._shared.check(call_id, version, known=known))

    def _ask(self, question: Callable[[], asyncio.Future[int]]) -> asyncio.Future[int]:
        if not self._life.cross():
            return _never()
        if self.away:
            return _failed()
        if self.fail_before > 0:
            self.fail_before -= 1
            return _failed()
        result = question()
        if self.fail_after > 0:
            self.fail_after -= 1
            result.exception()
            return _failed()
        return self._unless_dead(result)

    def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        return _failed() if self.away else self._unless_dead(self._shared.read(call_id, after, count))

    async def remains(self, call_id: CallId) -> list[Recorded]:
        return await self._shared.remains(call_id)

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        if not self._life.cross():
            await _never()
        if self.away:
            await _failed()
        return await self._shared.load(call_id, count, margin)

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        if not self._life.cross():
            return _never()
        return _failed() if self.away else self._shared.keep(call_id, snapshot)

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> asyncio.Future[int]:
        return self._ask(lambda: self._shared.amend(call_id, row, before, after))

    async def streams(self, cursor: str = "", count: int = PAGE) -> StreamPage:
        return await self._shared.streams(cursor, count)

    async def stored(self, call_id: CallId) -> Stored:
        return await self._shared.stored(call_id)

    async def changes(self, cursor: str = "") -> ChangePage:
        return await self._shared.changes(cursor)

    async def strays(self, cursor: str = "", *, remove: bool = False) -> StrayPage:
        return await self._shared.strays(cursor, remove=remove)

    def restore(
        self, call_id: CallId, before: Stored, after: Index, *, known: Recorded | None = None
    ) -> asyncio.Future[int]:
        return self._ask(lambda: self._shared.restore(call_id, before, after, known=known))

    async def row(self, call_id: CallId) -> LiveCall | None:
        if not self._life.alive:
            await _never()
        if self.away:
            await _failed()
        return await self._shared.row(call_id)

    async def lends(self, name: CallId) -> bool:
        if not self._life.alive:
            await _never()
        if self.away:
            await _failed()
        return await self._shared.lends(name)

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = PAGE) -> CallPage:
        return await self._shared.page(wanted, cursor, count)

    async def ended_calls(self, since: int, until: int, count: int = PAGE) -> EndedPage:
        return await self._shared.ended_calls(since, until, count)

    async def forget(self, call_id: CallId) -> Forgotten:
        return await self._shared.forget(call_id)

    def live_calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        return self._shared.live_calls(wanted)

    async def count_calls(self) -> dict[str, int]:
        return await self._shared.count_calls()

    async def count_due(self, now: int) -> int:
        return await self._shared.count_due(now)

    async def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        if self.away:
            await _failed()
        return await self._shared.claim_due(now, lease, limit, after) if self._life.alive else []

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        return self._shared.postpone(call_id, due)

    async def lease(self, name: str, holder: str, ttl: float, longest: float = LONGEST) -> bool:
        if self.away:
            await _failed()
        return await self._shared.lease(name, holder, ttl, longest)

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        known: Recorded | None = None,
        due: int | None = None,
        ends: bool = False,
    ) -> asyncio.Future[int]:
        assert known is None or known.version == expected_version
        shared = self._shared
        return self._ask(
            lambda: shared.append_decisions(stream, expected_version, records, known=known, due=due, ends=ends)
        )

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        return _failed() if self.away else self._unless_dead(self._shared.read_decisions(stream, after, count))

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        if not self._life.alive:
            await _never()
        if self.away:
            await _failed()
        return await self._shared.claim_decisions(now, lease, limit)

    async def due_decisions(self) -> list[StreamName]:
        return await self._shared.due_decisions()

    def outbox(self, name: str) -> MemoryOutbox:
        return self._shared.outbox(name)

    async def time(self) -> float:
        return await self._shared.time()

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        await self._shared.publish(name, status, ttl)

    async def published(self) -> dict[str, bytes]:
        return await self._shared.published()

    async def close(self) -> None:
        """The journal is shared: it stays."""

    def _unless_dead(self, result: asyncio.Future[T]) -> asyncio.Future[T]:
        if self._life.cross():
            return result
        if result.done():
            result.exception()
        return _never()


def _never() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _failed() -> asyncio.Future[Any]:
    future = asyncio.get_running_loop().create_future()
    future.set_exception(JournalUnavailable("a fault of the simulation"))
    return future


class ControlNode:
    """One process of the cluster."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name = name
        self.life = Life()
        self.journal = FaultyJournal(cluster.journal, self.life)
        self.table = NodeTable()
        self.unreachable: set[str] = set()
        """The relays that it cannot reach, though others may."""
        self._opener = opener(cluster.fakes, self.life.cross, self.unreachable)
        self.outlet = SipOutlet()
        self.observers = Observers()
        self.adoption = Adoption(self.table, "default", cluster.loop.now_ms, cluster.budget) if cluster.adopts else None
        self.directory = Directory(
            name=name,
            journal=self.journal,
            nodes=self.table,
            now=cluster.loop.now_ms,
            deadlines=cluster.deadlines,
            settings=cluster.settings,
            observers=self.observers,
            sip_outlet=self.outlet,
            adoption=self.adoption,
        )
        self.outlet.sender = cluster.peers.sip_sender(self.life.cross)
        self.poller = DuePoller(
            self.journal, self.directory.attend, cluster.loop.now_ms, interval=2.0, eras=cluster.eras
        )
        self._cluster = cluster
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.follower = NodeFollower(
            self.journal,
            NodeKeeper(self.table),
            [self.roster_node(name) for name in self._cluster.fakes],
            name=self.name,
            now=self._cluster.loop.now_ms,
        )
        assert await self.follower.begin() == []
        self._polling = loop.create_task(self.poller.run())
        self._sweeping = loop.create_task(self.directory.sweep_on(2.0))

    def roster_node(self, name: str) -> RosterNode:
        """Return a relay as this control node's configuration has it."""
        engine = "rtpproxy" if name in self._cluster.rtpproxies else self._cluster.engine
        set_name = self._cluster.sets.get(name, "default")
        spec = NodeSpec(name=NodeName(name), engine=engine, url=name, set=set_name)
        return RosterNode(spec, EngineSettings(max_in_flight=self._cluster.max_in_flight), self._opener)

    def kill(self) -> None:
        """Die at once: nothing is sent, written or received any more."""
        self.life.alive = False
        if self._polling is not None:
            self._polling.cancel()
            self._sweeping.cancel()
        for node in self.table.all():
            node.actor.stop(block=False)


@dataclass
class Asked:
    """A command that was given to a control node, and the reply once there is one.

    since, until: the journal's versions of the call when it was given and when it was answered, 0 before.
    """

    command: NgCommand
    replies: list[NgDict] = field(default_factory=list)
    since: int = 0
    until: int = 0

    @property
    def reply(self) -> NgDict | None:
        assert len(self.replies) <= 1, "a command was answered twice"
        return self.replies[0] if self.replies else None

    @property
    def ok(self) -> bool:
        return self.reply is not None and self.reply[b"result"] == b"ok"


class Cluster:
    """The whole world of a test. Use `run` for coroutines, `after` to let time pass.

    sets: by its name, the set of a relay that is not in `default`.
    """

    def __init__(
        self,
        *,
        relays: int = 2,
        rtpproxies: int = 0,
        control_nodes: int = 2,
        engine: str = "rtpengine",
        max_in_flight: int = 1000,
        settings: DirectorySettings | None = None,
        deadlines: Deadlines = DEADLINES,
        adopts: bool = True,
        budget: Budget | None = None,
        sets: Mapping[str, str] | None = None,
    ) -> None:
        self.loop = VirtualTimeLoop()
        self.sets = sets or {}
        self.engine, self.max_in_flight, self.settings = engine, max_in_flight, settings
        self.eras = ClockEras(self.loop.now_ms)
        self.deadlines = replace(deadlines, eras=self.eras)
        self.adopts, self.budget = adopts, budget
        self.journal = DamagedJournal(self.loop.now_ms)
        self.relays: dict[str, FakeRelay] = {}
        self.rtpproxies: dict[str, FakeRtpproxy] = {}
        for name in (f"relay{n}" for n in range(1, relays + 1)):
            if engine == "rtpproxy":
                self.rtpproxies[name] = FakeRtpproxy()
            else:
                self.relays[name] = FakeRelay()
        self.rtpproxies |= {f"proxy{n}": FakeRtpproxy() for n in range(1, rtpproxies + 1)}
        for number, relay in enumerate(self.fakes.values(), 1):
            relay.address = b"198.51.100.%d" % number
        self.peers = Peers()
        self.asked: list[Asked] = []
        self.nodes: list[ControlNode] = []
        self.call_ids: set[str] = set()
        self._started = 0
        for _ in range(control_nodes):
            self.add_node()

    @property
    def fakes(self) -> dict[str, FakeNode]:
        """The fake relays of either kind, by name."""
        return {**self.relays, **self.rtpproxies}

    def run(self, work: Awaitable[T]) -> T:
        async def main() -> T:
            return await work

        return self.loop.run_until_complete(main())

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.run(asyncio.sleep(seconds))

    def set_clock(self, seconds: float) -> None:
        """Set the clock that control nodes go by forward, or back; they notice at once."""
        before = self.loop.now_ms()
        self.loop.ahead += round(seconds * 1000)
        self.eras.note(before, self.loop.now_ms())

    def add_node(self) -> ControlNode:
        async def start() -> ControlNode:
            self._started += 1
            node = ControlNode(f"control{self._started}", self)
            await node.start()
            return node

        node = self.run(start())
        self.nodes.append(node)
        return node

    def peer(self, tag: Tag) -> FakePeer:
        """Return a party of calls by its tag."""
        return self.peers[tag]

    def restart(self, place: int) -> None:
        """Kill a control node and start another in its place."""
        self.nodes[place].kill()
        self.add_node()
        self.nodes[place] = self.nodes.pop()

    def ask(self, verb: Verb, call_id: CallId, *, place: int = 0, **words: Any) -> Asked:
        """Return a command to a control node; the reply comes as time passes."""
        asked = self.hold(verb, call_id, **words)
        self.let_go(asked, place=place)
        return asked

    def hold(self, verb: Verb, call_id: CallId, **words: Any) -> Asked:
        """Receive a command in a socket that is not read before `let_go`."""
        asked = Asked(self.command(verb, call_id, **words))
        self.call_ids.add(call_id)
        self.asked.append(asked)
        return asked

    def again(self, asked: Asked, *, place: int) -> Asked:
        """Return the very same request to a control node once more, under another cookie."""
        repeat = Asked(replace(asked.command, received_at=self.loop.now_ms()))
        self.asked.append(repeat)
        self.let_go(repeat, place=place)
        return repeat

    def let_go(self, asked: Asked, *, place: int) -> None:
        """Have a control node carry out what was received."""
        node = self.nodes[place]

        async def submit() -> None:
            asked.since = self.version(asked.command.call_id)
            if node.life.alive:
                node.directory.submit(asked.command, self._reply_to(asked, node))

        self.run(submit())

    def do(self, verb: Verb, call_id: CallId, *, place: int = 0, **words: Any) -> NgDict:
        """Return a command to a control node and wait for its reply."""
        asked = self.ask(verb, call_id, place=place, **words)
        for _ in range(1000):
            if asked.reply is not None:
                return asked.reply
            self.after(0.01)
        raise AssertionError(f"no reply to {asked.command}")

    def command(
        self,
        verb: Verb,
        call_id: CallId,
        *,
        a: str = "",
        b: str = "",
        branch: BranchId = NO_BRANCH,
        sdp: str = "",
        **more: Any,
    ) -> NgCommand:
        request: NgDict = {b"command": verb.encode(), b"call-id": call_id.encode()}
        names = {b"from-tag": a, b"to-tag": b, b"via-branch": branch}
        request |= {key: name.encode() for key, name in names.items() if name}
        if sdp:  # a whole one, or the name of one
            request[b"sdp"] = sdp.encode() if sdp.startswith("v=") else named(sdp)
        request |= {key.replace("_", "-").encode(): value for key, value in more.items()}
        counts = verb != Verb.DELETE or b"to-tag" in more.get("flags", ())
        return command_from(
            verb,
            request,
            call_id=call_id,
            from_tag=Tag(a),
            to_tag=Tag(b if counts else ""),
            branch=branch,
            received_at=self.loop.now_ms(),
            digest=blake2b(encode(request), digest_size=16).digest(),
        )

    def stream(self, call_id: CallId) -> list[Recorded]:
        async def read() -> list[Recorded]:
            return await self.journal.read(call_id)

        return self.run(read())

    def events(self, call_id: CallId) -> list[str]:
        return [record.event.name for record in self.stream(call_id)]

    def state(self, call_id: CallId) -> CallState:
        return fold(call_id, self.stream(call_id))

    def heal(self) -> None:
        """End all faults."""
        for relay in self.fakes.values():
            relay.silent = relay.full = False
            relay.lose_requests = relay.lose_replies = 0
            relay.delay = 0.001
        for peer in self.peers.values():
            peer.heal()
        for place, node in enumerate(self.nodes):
            node.journal.fail_before = node.journal.fail_after = 0
            node.journal.away = False
            node.life.crossings = None
            node.unreachable.clear()
            if not node.life.alive:
                self.restart(place)

    def check_no_leak(self) -> None:
        """Every relay holds exactly the sessions that the journals say are live."""
        for name, relay in self.fakes.items():
            wanted = {
                session.relay_id
                for call_id in self.call_ids
                for session in self.state(CallId(call_id)).remaining_sessions()
                if session.node == name
            }
            assert relay.held() == wanted, f"{name}: {relay.held()} held, {wanted} in the journals"
        for call_id in self.call_ids:
            for session in self.state(CallId(call_id)).remaining_sessions():
                assert session.status is SessionStatus.OPEN, f"{call_id}: {session}"
                assert not session.operations

    def check_versions(self) -> None:
        for call_id in self.call_ids:
            versions = [record.version for record in self.stream(CallId(call_id))]
            assert versions == list(range(1, len(versions) + 1))

    def check_tables(self) -> None:
        """Verification finds no fault in any call: its state is possible, and the tables say what its events say."""
        verifier = Verifier(self.journal, self.deadlines, retention=USUAL, now=self.loop.now_ms)
        for call_id in self.call_ids:
            verified = self.run(verifier.verify(CallId(call_id)))
            faults = [finding for finding in verified.findings if finding.kind.is_fault]
            assert verified.checked
            assert not faults, faults

    def check_snapshots(self) -> None:
        """Each snapshot that a call would be rebuilt from says what its events say."""
        for call_id in self.call_ids:
            snapshot, entries = self.run(self.journal.load(CallId(call_id), 1, 1))
            if snapshot is None or not entries:
                continue
            try:
                restore(snapshot, entries[0])
            except UnusableSnapshot:  # of a history that is lost
                continue
            verify(CallId(call_id), snapshot, self.stream(CallId(call_id)))

    def close(self) -> None:
        for node in self.nodes:
            node.kill()
        self.after(0.01)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.after(0.01)
        self.loop.close()

    def version(self, call_id: CallId) -> int:
        """Return the journal's version of a call; on the loop only."""
        late = self.journal.check(call_id, 0).exception()
        return late.actual if isinstance(late, Conflict) else 0

    def window(self, asked: Asked) -> list[CallState]:
        """Return the states that the journal had of a call while a command was under way."""
        call_id = asked.command.call_id
        stream = self.stream(call_id)
        last = asked.until if asked.replies else len(stream)
        return [fold(call_id, stream[:version]) for version in range(asked.since, last + 1)]

    def _reply_to(self, asked: Asked, node: ControlNode) -> Any:
        def reply(result: Any) -> None:
            if node.life.alive:
                asked.replies.append(told(result))
                asked.until = self.version(asked.command.call_id)

        return reply
