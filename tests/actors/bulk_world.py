"""Many calls in a cluster whose control nodes carry out bulk moves, and what is promised of these."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from actors.bulk.mover import BulkMover
from actors.control.bulk import BulkMoves, BulkProgress, BulkWish
from actors.sip_requests import DialogRequest, SipSender
from events.bulk_events import CallsSettled
from events.bulk_parts import BulkPart
from events.decisions import bulk_stream
from events.names import CallId, NodeName
from events.registry import MigrationIntended
from tests.actors.fake_peers import FakePeer, Peers, Take
from tests.actors.moving import CALLEE, CALLER, MovingCall
from tests.actors.simulation import Cluster, ControlNode


class PeersByCall(Peers):
    """The parties of many calls, which have the same tags in each."""

    def sip_sender(self, alive: Callable[[], bool]) -> SipSender:
        """Return what sends requests: to the party of the call that they are of."""

        def signal(request: DialogRequest, take: Take) -> None:
            peers = Peers()
            tag = request.to_value.rpartition(";tag=")[2]
            peers[tag] = self[f"{request.call_id} {tag}"]
            peers.sip_sender(alive)(request, take)

        return signal


class OneOfMany(MovingCall):
    """A call whose parties are its own."""

    @property
    def caller(self) -> FakePeer:
        return self.cluster.peer_of(self.call_id, CALLER)  # type: ignore[attr-defined,no-any-return]

    @property
    def callee(self) -> FakePeer:
        return self.cluster.peer_of(self.call_id, CALLEE)  # type: ignore[attr-defined,no-any-return]


class BulkWorld(Cluster):
    """A cluster of two control nodes with calls."""

    def __init__(self, calls: int, *, relays: int = 2) -> None:
        super().__init__(relays=relays, control_nodes=0)
        self.peers = PeersByCall()
        self.movers: dict[str, asyncio.Task[None]] = {}
        for _ in range(2):
            self.add_node()
        self.calls = [OneOfMany(self, CallId(f"c{number}")) for number in range(calls)]
        for number, call in enumerate(self.calls):
            call.answered(number % 2)
        self.bulk = BulkMoves(self.journal, "operator")

    def peer_of(self, call_id: CallId, tag: str) -> FakePeer:
        return self.peers[f"{call_id} {tag}"]

    def ringing(self) -> OneOfMany:
        """Let one more call ring."""
        call = OneOfMany(self, CallId(f"c{len(self.calls)}"))
        self.calls.append(call)
        call.rings()
        return call

    def start(self, place: int, *, looks_every: float = 0.5) -> None:
        """Let a control node carry out jobs from now on; one that hardly looks is told of those that are asked for."""
        node = self.nodes[place]
        asked = self.bulk.asked if looks_every > 1 else asyncio.Event()
        mover = BulkMover(node.journal, node.directory, node.table, node.name, asked=asked, interval=looks_every)

        async def start() -> None:
            self.movers[node.name] = asyncio.get_running_loop().create_task(mover.run())

        self.run(start())

    def die(self, node: ControlNode) -> None:
        """Kill a control node."""
        self.movers[node.name].cancel()
        node.kill()

    def on(self, node: str) -> list[OneOfMany]:
        """Return the calls that are on a relay."""
        return [call for call in self.calls if any(call.state.usable_sessions()) and call.session.node == node]

    def ask(self, part: BulkPart, **more: object) -> str:  # type: ignore[override]
        """Ask for a job of one part."""
        wish = BulkWish(parts=(part,), asked_by="ann", reason="kernel", **more)  # type: ignore[arg-type]
        return self.run(self.bulk.ask(wish))

    def progress(self, job: str) -> BulkProgress:
        return self.run(self.bulk.progress(job))

    def finish(self, job: str, within: float = 400.0) -> BulkProgress:
        """Let time pass until a job is over."""
        for _ in range(round(within / 0.5)):
            progress = self.progress(job)
            if progress.state == "over":
                return progress
            self.after(0.5)
        raise AssertionError(f"not over: {self.progress(job)}")

    def check_each_moved_once(self, job: str) -> None:
        """No call was moved twice by a job, and none is counted twice."""
        for call in self.calls:
            events = [event for record in self.stream(call.call_id) for event in record.events]
            assert sum(isinstance(event, MigrationIntended) and event.job == job for event in events) <= 1
            call.check_moves_end()
        entries = self.run(self._entries(job))
        settled = Counter(call.call_id for entry in entries if isinstance(entry, CallsSettled) for call in entry.calls)
        assert set(settled.values()) <= {1}, settled

    async def _entries(self, job: str) -> list[object]:
        return [record.event for record in await self.journal.read_decisions(bulk_stream(job))]

    def check_calls(self) -> None:
        """All calls go on, each with both parties at one relay that holds it."""
        self.after(40)
        for call in self.calls:
            call.check_parties()
            call.check_versions_rise()
        self.check_no_leak()


def leave(node: str, **more: object) -> BulkPart:
    """Return a part that moves the calls of a node elsewhere."""
    return BulkPart(node=NodeName(node), elsewhere=True, **more)  # type: ignore[arg-type]
