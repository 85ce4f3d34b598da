"""Random requests of a call's parties and of ours over two control nodes, with everything going wrong at random."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from actors.commands.sip import EndCall
from actors.sip_requests import WantedRequest
from events.names import CallId, Leg, Tag
from events.registry import SipRequestEnded, SipRequestIntended
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import SipCall, ask
from tests.examples_tried import examples

PLACES = st.integers(0, 1)
LEGS = st.sampled_from(["caller", "callee"])
LETTERS = {"caller": "C", "callee": "A"}
PEERS = {"caller": "tA", "callee": "tC"}


class Dialogs(RuleBasedStateMachine):
    """One call of two parties who send what they please. given: the CSeq that each left with, by sender and its own."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster()
        self.call = SipCall(self.cluster)
        self.cseqs = {"caller": 1, "callee": 0}
        self.given: dict[tuple[str, int], int] = {}
        self.hung_up = False
        self.sticky = False

    @initialize(expires=st.sampled_from([0, 0, 90]), sticky=st.booleans())
    def begin(self, expires: int, sticky: bool) -> None:
        """Let the call come about; `sticky` says whether each party's messages all go to one control node."""
        self.sticky = sticky
        self.call.begin(expires=expires)

    @rule(place=PLACES)
    def query(self, place: int) -> None:
        """Poll, as monitors do: it keeps the call in that control node's memory, and writes nothing."""
        self.cluster.ask(Verb.QUERY, CallId("c"), place=place)
        self.cluster.after(0.01)

    @rule(leg=LEGS, place=PLACES, gap=st.sampled_from([1, 1, 5]))
    def request(self, leg: Leg, place: int, gap: int) -> None:
        self.cseqs[leg] += gap
        self.see(leg, place, "INFO", self.cseqs[leg])

    @rule(leg=LEGS, place=PLACES)
    def repeat(self, leg: Leg, place: int) -> None:
        known = [cseq for of, cseq in self.given if of == leg]
        if known and not self.hung_up:
            self.see(leg, place, "INFO", known[len(known) // 2])

    @rule(leg=LEGS, place=PLACES)
    def bye(self, leg: Leg, place: int) -> None:
        self.cseqs[leg] += 1
        self.hung_up = True
        self.see(leg, place, "BYE", self.cseqs[leg])

    def see(self, leg: Leg, place: int, method: str, cseq: int) -> None:
        place = int(leg == "caller") if self.sticky else place
        reply = self.call.attempt(f"{LETTERS[leg]} {method} cseq={cseq}", place)
        if reply is not None and reply.error is None and self.call.cluster.state(CallId("c")).status is CallStatus.LIVE:
            assert self.given.setdefault((leg, cseq), cseq + reply.shift) == cseq + reply.shift

    @rule(leg=LEGS, place=PLACES)
    def ask(self, leg: Leg, place: int) -> None:
        ask(self.call, WantedRequest(leg, Tag("tA"), "INFO"), place)

    @rule(place=PLACES)
    def end(self, place: int) -> None:
        self.call.command(EndCall(call_id=CallId("c"), reason="a wish"), place=place, within=0.01)

    @rule(leg=LEGS, how=st.sampled_from(["silent", "unreachable"]))
    def misbehave(self, leg: Leg, how: str) -> None:
        peer = self.cluster.peer(Tag(PEERS[leg]))
        setattr(peer, how, not getattr(peer, how))

    @rule(leg=LEGS)
    def leave(self, leg: Leg) -> None:
        self.cluster.peer(Tag(PEERS[leg])).gone = True

    @rule(leg=LEGS, count=st.integers(1, 3), how=st.sampled_from(["busy", "lose_replies"]))
    def fail_some(self, leg: Leg, count: int, how: str) -> None:
        setattr(self.cluster.peer(Tag(PEERS[leg])), how, count)

    @rule(place=PLACES, steps=st.integers(0, 8))
    def doom(self, place: int, steps: int) -> None:
        self.cluster.nodes[place].life.crossings = steps

    @rule(place=PLACES)
    def restart(self, place: int) -> None:
        self.cluster.restart(place)

    @rule(place=PLACES, written=st.booleans())
    def journal_fails(self, place: int, written: bool) -> None:
        journal = self.cluster.nodes[place].journal
        journal.fail_after, journal.fail_before = (1, 0) if written else (0, 1)

    @rule(place=PLACES)
    def close_door(self, place: int) -> None:
        self.cluster.nodes[place].outlet.sender = None

    @rule(place=PLACES)
    def open_door(self, place: int) -> None:
        node = self.cluster.nodes[place]
        node.outlet.sender = self.cluster.peers.sip_sender(node.life.cross)

    @rule(seconds=st.sampled_from([0.001, 0.1, 3.0, 40.0, 250.0]))
    def wait(self, seconds: float) -> None:
        self.cluster.after(seconds)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.cluster.close()

    def check(self) -> None:
        cluster = self.cluster
        cluster.heal()
        for place in (0, 1):
            self.open_door(place)
        cluster.after(900 + DEADLINES.dialog / 1000)
        cluster.check_versions()
        cluster.check_no_leak()
        self.check_cseqs()
        self.check_ends()

    def check_cseqs(self) -> None:
        """Each request that a party gets has a CSeq of its own."""
        own = [
            record.event for record in self.cluster.stream(CallId("c")) if isinstance(record.event, SipRequestIntended)
        ]
        for leg, sender in (("callee", "caller"), ("caller", "callee")):
            made = [event.cseq for event in own if event.leg == leg]
            made += [wire for (of, _), wire in self.given.items() if of == sender]
            assert len(made) == len(set(made))

    def check_ends(self) -> None:
        """A party that has left is found out; a call that ended owes nobody a BYE."""
        cluster, state = self.cluster, self.cluster.state(CallId("c"))
        events = [record.event for record in cluster.stream(CallId("c"))]
        intended = [event for event in events if isinstance(event, SipRequestIntended)]
        ended = [event.number for event in events if isinstance(event, SipRequestEnded)]
        assert sorted(ended) == [event.number for event in intended]
        byes = {event.leg for event in intended if event.method == "BYE"}
        gone = any(cluster.peer(Tag(tag)).gone or cluster.peer(Tag(tag)).ended for tag in ("tC", "tA"))
        if state.status is CallStatus.LIVE:
            assert not gone
            assert not byes
        else:
            assert byes in (set(), {"caller", "callee"})
            assert cluster.run(cluster.journal.count_calls()) == {"": 0}


TestDialogs = Dialogs.TestCase
TestDialogs.settings = settings(
    max_examples=examples(100), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
