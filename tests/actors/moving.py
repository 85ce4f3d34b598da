"""A call between two parties that have session descriptions, which can be moved, and what is promised of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from actors.commands.migration import Migrate, MoveTarget
from actors.results import Moved, Observed, Refused
from events.names import CallId, NodeName, Tag
from events.registry import LegMoved, MigrationCompleted, MigrationFailed, MigrationIntended, SessionIntended
from replay.settings_changes import EngageRelay, SettingsChange
from replay.state import CallState, Session
from tests.actors.fake_peers import FakePeer
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED, SipCall
from tests.named_sdp import named
from tests.replay.sip_story import message

_ADDRESS = re.compile(rb"(?m)^c=IN IP4 (\S+)")
_VERSION = re.compile(rb"(?m)^o=\S+ \S+ (\d+)")

ANY = MoveTarget()
CALLER, CALLEE = Tag("tC"), Tag("tA")


class MovingCall(SipCall):
    """A call whose messages arrive with what the relay gave for their bodies."""

    def __init__(
        self,
        cluster: Cluster,
        call_id: CallId = CallId("c"),
        engaged: EngageRelay = ENGAGED,
        allows_update: Sequence[Tag] = (),
    ) -> None:
        super().__init__(cluster, call_id, allows_update)
        self._engaged = engaged

    @property
    def caller(self) -> FakePeer:
        return self.cluster.peer(CALLER)

    @property
    def callee(self) -> FakePeer:
        return self.cluster.peer(CALLEE)

    @property
    def state(self) -> CallState:
        return self.cluster.state(self.call_id)

    @property
    def session(self) -> Session:
        """The newest session that can be used."""
        return max(self.state.usable_sessions(), key=lambda one: one.number)

    def rings(self, place: int = 0) -> None:
        """Let the call come about up to early media of the callee."""
        self.say("C INVITE at=- sdp=c", place, changes=[self._engaged])
        self.say("A 183 INVITE sdp=a", place)

    def answered(self, place: int = 0, *, offer: str = "c", answer: str = "a") -> None:
        """Let the call come about, each party with what it was given."""
        self.say(f"C INVITE at=- sdp={offer}", place, changes=[self._engaged])
        self.say(f"A 200 INVITE sdp={answer}", place)
        self.say("C ACK at=A", place)

    def say(self, line: str, place: int = 0, *, changes: Sequence[SettingsChange] = ()) -> Observed:
        """Tell of a message, and let it arrive."""
        observed = self.tell(line, place, changes=changes)
        event = message(line)
        if event.sdp is not None and observed.error is None and not observed.fault:
            sender, receiver = (self.caller, self.callee) if event.from_caller else (self.callee, self.caller)
            sender.says = named(event.sdp.decode())
            receiver.take(observed.sdp or sender.says)
        return observed

    def move(
        self, target: MoveTarget = ANY, *, place: int = 0, within: float = 100.0, **more: object
    ) -> Moved | Refused | None:
        """Have the call moved."""
        command = Migrate(call_id=self.call_id, target=target, **more)  # type: ignore[arg-type]
        return self.command(command, place=place, within=within)

    def to_node(self, name: str, **more: object) -> Moved | Refused | None:
        """Have the call moved to a node."""
        return self.move(MoveTarget(node=NodeName(name)), **more)  # type: ignore[arg-type]

    def another_node(self) -> str:
        """Return a node that the call is not on."""
        return next(name for name in self.cluster.fakes if name != self.session.node)

    # -- promises --

    def check_parties(self) -> None:
        """Each party has an address of a relay that holds a session for it, and of the same one as its peer."""
        held = [self.relay_of(peer) for peer in (self.caller, self.callee)]
        assert all(held), f"a party has the address of no relay that has the call: {held}"
        assert held[0] == held[1], f"the parties are at two relays: {held}"

    def relay_of(self, peer: FakePeer) -> str:
        """Return the relay that a party sends to, if that holds a session of the call; "" if none does."""
        found = _ADDRESS.search(peer.has)
        address = found[1] if found else b""
        ids = {(one.node, one.relay_id) for one in self.state.sessions.values()}
        names = [name for name, relay in self.cluster.fakes.items() if relay.address == address]
        return next(
            (name for name in names if any((name, held) in ids for held in self.cluster.fakes[name].held())), ""
        )

    def check_versions_rise(self) -> None:
        """No party is given something else under a version that it knows (RFC 3264 8)."""
        for peer in (self.caller, self.callee):
            for before, after in zip(peer.offers, peer.offers[1:], strict=False):
                assert version(after) > version(before) or after == before, (before, after)

    def check_moves_end(self) -> None:
        """Each move that was intended has ended once, and made no session on the node that it was to avoid."""
        events = [event for record in self.cluster.stream(self.call_id) for event in record.events]
        avoided = {event.migration: event.avoid for event in events if isinstance(event, MigrationIntended)}
        for event in events:
            if isinstance(event, SessionIntended) and event.migration:
                assert event.node != avoided[event.migration], "it was put anew where it was to leave"
        begun = [event.migration for event in events if isinstance(event, MigrationIntended)]
        ended = [event.migration for event in events if isinstance(event, MigrationCompleted | MigrationFailed)]
        assert begun == ended == list(range(1, len(begun) + 1))

    def moved_legs(self) -> list[str]:
        """Name the legs that have moved, in order."""
        events = [event for record in self.cluster.stream(self.call_id) for event in record.events]
        return [event.leg for event in events if isinstance(event, LegMoved)]


def version(sdp: bytes) -> int:
    """Return the version of a session description."""
    found = _VERSION.search(sdp)
    assert found is not None, sdp
    return int(found[1])
