"""Random moves of a call over two control nodes, with everything going wrong at random."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.commands.migration import Migrate, MoveTarget
from actors.sip_requests import SipOutcome
from events.names import NO_NODE, CallId, Leg, NodeName
from events.records import Recorded
from replay.state import CallStatus
from tests.actors.fake_peers import FakePeer
from tests.actors.moving import MovingCall
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import state
from tests.examples_tried import examples
from tests.named_sdp import named

PLACES = st.integers(0, 1)
LEGS = st.sampled_from(list(Leg))
NODES = st.sampled_from(["", "relay1", "relay2", "relay3", "proxy1", "proxy2"])
REFUSALS = (SipOutcome(488, "Not Acceptable Here"), SipOutcome(500, "Later", retry_after=2), SipOutcome(603, "Decline"))


class Moves(RuleBasedStateMachine):
    """One call, whose parties offer one another what they please meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(relays=3, rtpproxies=2)
        self.call = MovingCall(self.cluster)
        self.cseqs = {Leg.CALLER: 1, Leg.CALLEE: 0}
        self.said = 1
        self.rings = False
        self.told: list[int] = []
        for node in self.cluster.nodes:
            node.observers.add(self.hear)

    def hear(self, _: CallId, record: Recorded) -> None:
        """Take what a control node tells its observers."""
        self.told.append(record.version)

    @initialize(rings=st.booleans())
    def begin(self, rings: bool) -> None:
        """Let the call come about, or ring."""
        self.rings = rings
        if rings:
            self.call.rings()
        else:
            self.call.answered()

    @precondition(lambda self: self.rings)
    @rule(place=PLACES, acknowledges=st.booleans())
    def answer(self, place: int, acknowledges: bool) -> None:
        """Have the callee answer, and let that arrive if somebody lives to pass it on."""
        answered = self.call.attempt("A 200 INVITE sdp=a", place)
        if answered is None or answered.error is not None or answered.fault or not answered.sdp:
            return
        self.rings = False
        self.call.callee.says = named("a")
        self.call.caller.take(answered.sdp)
        if acknowledges:
            self.call.attempt("C ACK at=A", place)

    @rule(place=PLACES, node=NODES, seconds=st.sampled_from([0.0, 0.002, 0.004, 0.01, 5.0]))
    def move(self, place: int, node: str, seconds: float) -> None:
        """Want the call moved, and let a while pass."""
        self.want(place, node, seconds)

    @rule(place=PLACES, node=NODES)
    def move_in_peace(self, place: int, node: str) -> None:
        """Want the call moved, and let it be done."""
        self.want(place, node, 5.0)

    def want(self, place: int, node: str, seconds: float) -> None:
        target = MoveTarget(node=NodeName(node) if node else NO_NODE)
        self.call.command(Migrate(call_id=self.call.call_id, target=target), place=place, within=0.01)
        self.cluster.after(seconds)

    @precondition(lambda self: not self.rings)
    @rule(leg=LEGS, place=PLACES, accepts=st.booleans(), seconds=st.sampled_from([0.0, 0.005, 1.0]))
    def offer(self, leg: Leg, place: int, accepts: bool, seconds: float) -> None:
        """Have a party offer something else, which takes its peer a while to answer."""
        sender, receiver = self.parties(leg)
        letters = ("C", "A") if leg is Leg.CALLER else ("A", "C")
        self.cseqs[leg] += 1
        self.said += 1
        cseq, sdp = self.cseqs[leg], f"{letters[0]}.{self.said}"
        sender.inviting = True
        offered = self.call.attempt(f"{letters[0]} INVITE cseq={cseq} sdp={sdp}", place)
        went = offered is not None and offered.error is None and not offered.fault and bool(offered.sdp)
        receiver.invited = went
        self.cluster.after(seconds)
        if went and accepts:
            assert offered is not None
            receiver.take(offered.sdp or b"")
            receiver.invited = False
            own = f"{letters[1]}.{self.said}"
            answer = f"{letters[1]} 200 INVITE cseq={cseq} sdp={own}"
            answered = self.call.attempt(answer, place)
            if answered is None:  # the receiver repeats it until somebody lives to pass it on
                self.restart(place)
                answered = self.call.attempt(answer, place)
            sender.says, receiver.says = named(sdp), named(own)
            if answered is not None and answered.sdp:
                sender.take(answered.sdp)
            self.call.attempt(f"{letters[0]} ACK cseq={cseq}", place)
        else:
            self.call.attempt(f"{letters[1]} 488 INVITE cseq={cseq}", place)
        sender.inviting = receiver.invited = False

    def parties(self, leg: Leg) -> tuple[FakePeer, FakePeer]:
        parties = (self.call.caller, self.call.callee)
        return parties if leg is Leg.CALLER else (parties[1], parties[0])

    @rule(leg=LEGS, refusals=st.lists(st.sampled_from(REFUSALS), min_size=1, max_size=2))
    def refuse(self, leg: Leg, refusals: list[SipOutcome]) -> None:
        self.parties(leg)[0].refuses = refusals

    @rule(leg=LEGS, count=st.integers(1, 6))
    def be_busy(self, leg: Leg, count: int) -> None:
        self.parties(leg)[0].busy = count

    @rule(leg=LEGS)
    def change_answer(self, leg: Leg) -> None:
        """Have a party answer something else from now on."""
        self.said += 1
        self.parties(leg)[0].says = named(f"{'C' if leg is Leg.CALLER else 'A'}.{self.said}")

    @rule(node=NODES.filter(bool), how=st.sampled_from(["silent", "full"]))
    def disturb(self, node: str, how: str) -> None:
        relay = self.cluster.fakes[node]
        setattr(relay, how, not getattr(relay, how))

    @rule(node=NODES.filter(bool), how=st.sampled_from(["lose_requests", "lose_replies"]), count=st.integers(1, 3))
    def lose_some(self, node: str, how: str, count: int) -> None:
        setattr(self.cluster.fakes[node], how, count)

    @rule(place=PLACES, steps=st.integers(0, 30))
    def doom(self, place: int, steps: int) -> None:
        self.cluster.nodes[place].life.crossings = steps

    @rule(place=PLACES)
    def restart(self, place: int) -> None:
        self.cluster.restart(place)
        self.cluster.nodes[place].observers.add(self.hear)

    @rule(place=PLACES, written=st.booleans())
    def journal_fails(self, place: int, written: bool) -> None:
        journal = self.cluster.nodes[place].journal
        journal.fail_after, journal.fail_before = (1, 0) if written else (0, 1)

    @rule(place=PLACES)
    def journal_is_away(self, place: int) -> None:
        """Let a control node lose its journal, or find it again."""
        journal = self.cluster.nodes[place].journal
        journal.away = not journal.away

    @rule(seconds=st.sampled_from([0.001, 0.1, 3.0, 45.0]))
    def wait(self, seconds: float) -> None:
        self.cluster.after(seconds)

    @precondition(lambda self: not self.rings)
    @rule(leg=LEGS, place=PLACES, luck=st.integers(0, 9))
    def hang_up(self, leg: Leg, place: int, luck: int) -> None:
        """End the call, now and then."""
        if luck:
            return
        self.cseqs[leg] += 1
        self.call.attempt(f"{'C' if leg is Leg.CALLER else 'A'} BYE cseq={self.cseqs[leg]}", place)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.cluster.close()

    def check(self) -> None:
        """Let everybody be well, wait for the end of all that goes on, and check what is promised."""
        cluster = self.cluster
        cluster.heal()
        cluster.after(10 * DEADLINES.request / 1000)
        cluster.check_versions()
        cluster.check_no_leak()
        cluster.check_snapshots()
        cluster.check_tables()
        self.call.check_moves_end()
        assert len(self.told) == len(set(self.told)), "no event is told twice"
        assert state(self.call).migration is None
        if state(self.call).status is CallStatus.LIVE:
            for peer in (self.call.caller, self.call.callee):
                assert self.call.relay_of(peer), f"no relay has a session for {peer.has!r}"
            self.call.check_versions_rise()


TestMoves = Moves.TestCase
TestMoves.settings = settings(
    max_examples=examples(120),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
