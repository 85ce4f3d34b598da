"""A call's move to another session, elsewhere or anew: what the fold knows of one that goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from events.migration_events import MigrationIntended
from events.names import BranchId, Leg, NodeName, Tag
from replay.relay_settings import Copy, RelaySettings
from replay.settings_changes import ChangeLegSettings, EngageRelay, RelayChange

REFUSED = 300
"""The first status with which a party refuses a request (RFC 3261 7.2)."""


@dataclass(frozen=True, slots=True)
class PreparedLeg:
    """What a party has said (`sdp`), and what its node gives for it (`relayed`), which the other one is to be told."""

    branch: BranchId
    sdp: bytes
    relayed: bytes


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A request of ours that gave a party the address of the session that was made, and that it has not refused.

    exchange: the one of the parties' own that was in force when it ended, or began, if nothing is known of its end.
    """

    leg: Leg
    exchange: int


@dataclass(slots=True)
class Migration:
    """A move that goes on. The first fields are those of MigrationIntended; times are ms since the epoch.

    engine, set: "" while it waits for the call's answer, where they stay those of the branch that is answered.

    at: when it last came on. session: the one that was made for it, 0 before. back: why it was turned back, "" while it
    goes on. prepared: by a party's tag, what it said as the session knows it that both are to be told of. asked:
    whether a party may have heard of the move at all. told: by leg, what it has taken of that. said: by tag, what a
    party answered where that is not what it had agreed on before. acknowledged: the callees' tags of dialogs whose ACK
    has come while the move waits for the call's answer. copies: those that were made in the new session, by name.
    recording: what became of the recording there: "ok", or why there is none; "" before it was tried. given: by their
    numbers, the requests by which parties may have the address of `session`. answered: the last exchange of the
    parties' own of which the answer, too, was given on.
    """

    number: int
    leaves: int
    callee_tag: Tag
    engine: str
    set: str
    node: NodeName
    avoid: NodeName
    method: str
    caller: dict[str, str]
    callee: dict[str, str]
    waits: bool
    early: bool
    asked_by: str
    reason: str
    at: int
    session: int = 0
    back: str = ""
    prepared: dict[Tag, PreparedLeg] = field(default_factory=dict)
    asked: bool = False
    told: dict[Leg, bytes] = field(default_factory=dict)
    said: dict[Tag, bytes] = field(default_factory=dict)
    acknowledged: frozenset[Tag] = frozenset()
    copies: dict[str, Copy] = field(default_factory=dict)
    recording: str = ""
    given: dict[int, MoveRequest] = field(default_factory=dict)
    answered: int = 0

    @classmethod
    def begun(cls, event: MigrationIntended, at: int) -> Migration:
        """Return a move that is intended."""
        return cls(
            event.migration,
            event.leaves,
            event.callee_tag,
            event.engine,
            event.set,
            event.node,
            event.avoid,
            event.method,
            dict(event.caller),
            dict(event.callee),
            event.waits,
            event.early,
            event.asked_by,
            event.reason,
            at,
        )

    def begin(self, leaves: int, callee_tag: Tag, engine: str, set_name: str) -> None:
        """Wait no more: these are the session and the dialog that the call has been answered in.

        engine, set_name: those of the session, which stay where the move names no others.
        """
        self.leaves, self.callee_tag, self.waits = leaves, callee_tag, False
        self.engine, self.set = self.engine or engine, self.set or set_name

    @property
    def awaits_answer(self) -> bool:
        """Whether it begins when the call is answered, and acknowledged."""
        return self.waits and self.early

    @property
    def destination(self) -> int:
        """The session that the parties are to be told of."""
        return self.leaves if self.back else self.session

    def about(self, leg: Leg) -> PreparedLeg | None:
        """Return what a leg is to be told of its peer; None if that is not there yet."""
        peers = [one for tag, one in self.prepared.items() if (tag == self.callee_tag) is (leg is Leg.CALLER)]
        return peers[0] if peers else None

    def turn_back(self, reason: str) -> None:
        """Go back: both parties are to be told of the session that they had."""
        self.back, self.prepared, self.told = reason, {}, {}

    def overtaken(self) -> None:
        """Forget what parties have taken: one of them has offered something since, in the session that they had."""
        self.told, self.said = {}, {}

    def ask(self, number: int, leg: Leg, exchange: int) -> None:
        """Take a request of ours that is about to be sent: where the call moves on, its party may soon be there."""
        self.asked = True
        if not self.back:
            self.given[number] = MoveRequest(leg, exchange)

    def end_request(self, number: int, status: int, exchange: int) -> None:
        """Take the end of a request of ours: who has not refused it, as far as is known, may have what it gave."""
        if number in self.given:
            request = self.given.pop(number)
            if status < REFUSED:
                self.given[number] = MoveRequest(request.leg, exchange)

    def come_back(self, leg: Leg) -> None:
        """Record that a party has taken the address of the session that it had."""
        self.given = {number: request for number, request in self.given.items() if request.leg is not leg}

    def is_given(self, in_force: int) -> bool:
        """Return whether a party may have the address of the session that was made.

        It has until it is given another one in an exchange that is answered: one that is refused, or of whose end
        nothing is known, leaves each party with what it had (RFC 3261 14.1). in_force: the number of the exchange that
        the parties have agreed on last.
        """
        return any(in_force in (0, request.exchange) or self.answered != in_force for request in self.given.values())

    def changes(self, relay: RelaySettings, branch: BranchId) -> tuple[RelayChange, ...]:
        """Return what changes of the call's settings with the move, on the branch that moves."""
        if self.back:
            return ()
        legs = ((Leg.CALLER, self.caller), (Leg.CALLEE, self.callee))
        settings = [ChangeLegSettings(leg=leg, branch=branch, values=values) for leg, values in legs if values]
        return (EngageRelay(engine=self.engine, set=self.set, branch=relay.engaged_as(branch)), *settings)
