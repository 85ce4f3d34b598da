"""Random commands for a few calls over two control nodes, with everything that can go wrong going wrong at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.commands.media import Delete
from actors.flows.media import sessions
from actors.flows.media.delete import NOTHING_FOUND
from actors.flows.media.delete_intention import intend_deletes
from actors.flows.media.lateness import PRECISION, is_late
from actors.results import UNKNOWN
from engines.ng.bencode import NgDict, encode
from engines.request import NodeRequest
from events.names import BranchId, CallId, Tag
from events.records import Recorded
from events.registry import Answered, DeleteIntended, Offered, Scope, TailLost
from events.verb import Verb
from gateways.ng.commands import NgCommand
from gateways.ng.replies import words_of
from tests.actors.fake_relay import text_of
from tests.actors.simulation import Asked, Cluster
from tests.examples_tried import examples

CALLS = st.sampled_from(["c1", "c1", "c1", "c2", "c3"])
PLACES = st.integers(0, 1)
RELAYS = st.sampled_from(["relay1", "relay2"])
BRANCHES = st.sampled_from(["", "b1", "b2"])
PAIRS = st.sampled_from([("A", "B"), ("B", "A"), ("A", "C"), ("C", "A"), ("B", "C"), ("C", "B")])
CALLEES = st.sampled_from(["B", "C"])
SOON = st.sampled_from([0.0, 0.0005, 0.0015, 0.003, 0.5])

OTHERS = [Verb.OFFER, Verb.ANSWER, Verb.DELETE]

FAULT = precondition(lambda machine: not machine.calm)
"""Marks what goes wrong: not in calm runs, which get further with what control nodes remember."""


def sdp(number: int) -> str:
    """Return a session description that no other command of a run has."""
    return f"v=0\r\no=- {number} 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Promises(RuleBasedStateMachine):
    """Log before reply, intent before effect, teardown happens, one history, replay is pure, isolation."""

    engine = "rtpengine"

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        for place in ("actors.call_history", "actors.known_history"):
            self.patch.setattr(f"{place}.EVERY", 4)  # of calls this short, too, there are snapshots, and several slices
            self.patch.setattr(f"{place}.MARGIN", 12)  # more than `lose_tail` loses
        for place in ("actors.call_history", "events.reading"):
            self.patch.setattr(f"{place}.SLICE", 4)
        self.cluster = Cluster(engine=self.engine)
        self.number = 0
        self.sticky, self.calm = "", False
        self.held: list[Asked] = []
        self.late: list[Asked] = []
        self.twice: list[tuple[Asked, Asked]] = []
        self.elsewhere: list[CallId] = []
        self.lost: list[tuple[CallId, Recorded]] = []

    @initialize(sticky=st.sampled_from(["", "call", "party"]), calm=st.booleans())
    def begin(self, sticky: str, calm: bool) -> None:
        """Draw whether clients go to any control node, or a call's to one, or a party's; and if faults happen."""
        self.sticky, self.calm = sticky, calm

    def ask(self, verb: Verb, call: str, place: int, wait: float, **words: Any) -> None:
        self.number += 1
        if self.sticky:
            place = int(call in ("c1", "c3")) if self.sticky == "call" else int(words.get("a") == "A")
        self.cluster.ask(verb, CallId(call), place=place, marker=self.number, **words)
        self.cluster.after(wait)

    @rule(call=CALLS, place=PLACES, tag=st.sampled_from(["", "A", "B"]), wait=SOON)
    def query(self, call: str, place: int, tag: Tag, wait: float) -> None:
        self.ask(Verb.QUERY, call, place, wait, a=tag)

    @rule(call=CALLS, place=PLACES, branch=BRANCHES, wait=SOON)
    def offer(self, call: str, place: int, branch: BranchId, wait: float) -> None:
        self.ask(Verb.OFFER, call, place, wait, a="A", branch=branch, sdp=sdp(self.number))

    @rule(call=CALLS, place=PLACES, parties=PAIRS, wait=SOON)
    def offer_again(self, call: str, place: int, parties: tuple[str, str], wait: float) -> None:
        self.ask(Verb.OFFER, call, place, wait, a=parties[0], b=parties[1], sdp=sdp(self.number))

    @rule(call=CALLS, place=PLACES, parties=PAIRS, wait=SOON)
    def answer_again(self, call: str, place: int, parties: tuple[str, str], wait: float) -> None:
        self.ask(Verb.ANSWER, call, place, wait, a=parties[0], b=parties[1], sdp=sdp(self.number))

    @rule(call=CALLS, place=PLACES, branch=BRANCHES, callee=CALLEES, wait=SOON)
    def answer(self, call: str, place: int, branch: BranchId, callee: str, wait: float) -> None:
        self.ask(Verb.ANSWER, call, place, wait, a="A", b=callee, branch=branch, sdp=sdp(self.number))

    @rule(call=CALLS, place=PLACES, tag=st.sampled_from(["", "A", "B", "C"]), branch=BRANCHES, wait=SOON)
    def delete(self, call: str, place: int, tag: Tag, branch: BranchId, wait: float) -> None:
        self.ask(Verb.DELETE, call, place, wait, a=tag, branch=branch)

    @rule(place=PLACES, wait=SOON, more=SOON)
    def offer_twice(self, place: int, wait: float, more: float) -> None:
        """Begin a call whose client hears nothing in time, and so asks the other control node."""
        self.number += 1
        offer = {"a": "A", "branch": "b1", "sdp": sdp(self.number), "marker": self.number}
        first = self.cluster.ask(Verb.OFFER, CallId(f"twice{self.number}"), place=place, **offer)
        self.cluster.after(wait)
        self.twice.append((first, self.cluster.again(first, place=1 - place)))
        self.cluster.after(more)

    @rule(back=st.integers(1, 4), place=PLACES, wait=SOON)
    def repeat(self, back: int, place: int, wait: float) -> None:
        offers = [asked for asked in self.cluster.asked if asked.command.verb == Verb.OFFER]
        if len(offers) >= back:
            self.cluster.again(offers[-back], place=place)
            self.cluster.after(wait)

    @rule(call=CALLS, branch=BRANCHES, verb=st.sampled_from([Verb.OFFER, Verb.OFFER, Verb.DELETE]))
    def stall(self, call: str, branch: BranchId, verb: Verb) -> None:
        """Receive a request in a socket that nobody reads for now."""
        self.number += 1
        words = {"sdp": sdp(self.number)} if verb == Verb.OFFER else {}
        self.held.append(self.cluster.hold(verb, CallId(call), a="A", branch=branch, marker=self.number, **words))

    @rule(place=PLACES, wait=SOON)
    def read_on(self, place: int, wait: float) -> None:
        """Carry out what waited in a socket."""
        for asked in self.held:
            if asked.command.verb == Verb.OFFER and came_too_late(self.cluster, asked):
                self.late.append(asked)
            self.cluster.let_go(asked, place=place)
        self.held.clear()
        self.cluster.after(wait)

    @FAULT
    @rule(place=PLACES, relay=RELAYS)
    def part(self, place: int, relay: str) -> None:
        """Let one control node reach a relay no more, or again."""
        self.cluster.nodes[place].unreachable ^= {relay}

    @FAULT
    @rule(place=PLACES, steps=st.integers(0, 6))
    def doom(self, place: int, steps: int) -> None:
        self.cluster.nodes[place].life.crossings = steps

    @FAULT
    @rule(place=PLACES)
    def restart(self, place: int) -> None:
        self.cluster.restart(place)

    @FAULT
    @rule(place=PLACES, written=st.booleans())
    def journal_fails(self, place: int, written: bool) -> None:
        journal = self.cluster.nodes[place].journal
        if written:
            journal.fail_after = 1
        else:
            journal.fail_before = 1

    @FAULT
    @rule(relay=RELAYS, count=st.integers(1, 4))
    def lose_requests(self, relay: str, count: int) -> None:
        self.cluster.fakes[relay].lose_requests = count

    @FAULT
    @rule(relay=RELAYS, count=st.integers(1, 4))
    def lose_replies(self, relay: str, count: int) -> None:
        self.cluster.fakes[relay].lose_replies = count

    @FAULT
    @rule(relay=RELAYS)
    def silence(self, relay: str) -> None:
        self.cluster.fakes[relay].silent = not self.cluster.fakes[relay].silent

    @FAULT
    @rule(relay=RELAYS)
    def fill(self, relay: str) -> None:
        self.cluster.fakes[relay].full = not self.cluster.fakes[relay].full

    @FAULT
    @rule(relay=RELAYS, delay=st.sampled_from([0.001, 0.01, 0.4, 2.0]))
    def slow(self, relay: str, delay: float) -> None:
        self.cluster.fakes[relay].delay = delay

    @precondition(lambda machine: machine.calm)
    @rule(call=CALLS, place=PLACES, count=st.integers(1, 9))
    def lose_tail(self, call: str, place: int, count: int) -> None:
        """Let the journal lose what a control node remembers: it has just told so, and the call is not over for it.

        Not while somebody waits for a word of the call: what the journal had then could not be told any more.
        """
        cluster = self.cluster
        if any(asked.command.call_id == call and not asked.replies for asked in cluster.asked):
            return
        asked = cluster.ask(Verb.DELETE, CallId(call), place=place, a="nobody", marker=0)
        cluster.after(0.0001)
        state = cluster.state(CallId(call))
        if asked.reply is not None and asked.until == state.version and list(state.remaining_sessions()):
            left = max(0, state.version - count)
            self.lost += [(CallId(call), record) for record in cluster.stream(CallId(call))[left:]]
            cluster.journal.cut(CallId(call), left)
            cluster.asked.remove(asked)
            cluster.ask(Verb.DELETE, CallId(call), place=place, a="nobody", marker=0)
            cluster.after(0.0001)

    @precondition(lambda machine: machine.calm)
    @rule(call=CALLS, place=PLACES, count=st.integers(1, 9), branch=BRANCHES, verbs=st.lists(st.sampled_from(OTHERS)))
    def replace_tail(self, call: str, place: int, count: int, branch: BranchId, verbs: list[Verb]) -> None:
        """Let the journal lose what a control node remembers, and the other one write before that hears of it.

        What was told before of entries in whose place others stand then is held against nothing any more.
        """
        cluster = self.cluster
        if any(asked.command.call_id == call and not asked.replies for asked in cluster.asked):
            return
        asked = cluster.ask(Verb.DELETE, CallId(call), place=place, a="nobody", marker=0)
        cluster.after(0.0001)
        state = cluster.state(CallId(call))
        if asked.reply is None or asked.until != state.version or not list(state.remaining_sessions()):
            return
        left = max(0, state.version - count)
        cluster.journal.cut(CallId(call), left)
        cluster.asked[:] = [one for one in cluster.asked if one.command.call_id != call]
        for verb in verbs:
            self.number += 1
            words = {} if verb is Verb.DELETE else {"b": "B", "sdp": sdp(self.number)}
            cluster.ask(verb, CallId(call), place=1 - place, a="A", branch=branch, marker=self.number, **words)
            cluster.after(0.1)
        cluster.asked[:] = [one for one in cluster.asked if one.command.call_id != call]
        cluster.ask(Verb.DELETE, CallId(call), place=place, a="nobody", marker=0)
        cluster.after(0.1)

    @precondition(lambda machine: machine.calm and machine.engine == "rtpengine")
    @rule(relay=RELAYS, branch=BRANCHES, answered=st.booleans())
    def make_elsewhere(self, relay: str, branch: BranchId, answered: bool) -> None:
        """Let a relay have a call of which no control node has heard."""
        self.number += 1
        call_id = CallId(f"elsewhere{self.number}")
        for verb in (Verb.OFFER, Verb.ANSWER)[: 1 + answered]:
            request: NgDict = {b"command": verb.encode(), b"call-id": call_id.encode(), b"from-tag": b"A"}
            request |= {b"sdp": sdp(self.number).encode(), **({b"via-branch": branch.encode()} if branch else {})}
            if verb is Verb.ANSWER:
                request[b"to-tag"] = b"B"
            self.cluster.relays[relay].run(encode(request), encode(request))
        self.elsewhere.append(call_id)

    @precondition(lambda machine: machine.elsewhere)
    @rule(back=st.integers(1, 3), verb=st.sampled_from([Verb.QUERY, Verb.OFFER, Verb.ANSWER]), place=PLACES, wait=SOON)
    def hear_of_elsewhere(self, back: int, verb: Verb, place: int, wait: float) -> None:
        if len(self.elsewhere) >= back:
            words = {} if verb is Verb.QUERY else {"b": "B", "sdp": sdp(self.number)}
            self.ask(verb, self.elsewhere[-back], place, wait, a="A", **words)

    @rule(seconds=st.sampled_from([0.1, 2.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.cluster.after(seconds)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.cluster.close()
            self.patch.undo()

    def check(self) -> None:
        cluster = self.cluster
        cluster.heal()
        for made in self.elsewhere:
            cluster.do(Verb.DELETE, made, marker=0)
        cluster.after(300)
        cluster.check_versions()
        cluster.check_no_leak()
        cluster.check_snapshots()
        cluster.check_tables()
        for asked in cluster.asked:
            check_acknowledged(cluster, asked, [record for call, record in self.lost if call == asked.command.call_id])
            check_fresh(cluster, asked)
        assert not [asked for asked in self.late if asked.ok]
        for first, repeat in self.twice:
            check_one_result(cluster, first, repeat)
        for call_id in sorted(cluster.call_ids):
            self.check_survives_its_node(CallId(call_id))

    def check_survives_its_node(self, call_id: CallId) -> None:
        """Whatever has happened to a call: when its node is silent, its dialog's next offer goes to another one."""
        cluster = self.cluster
        talking = [
            (session.node, dialog)
            for session in cluster.state(call_id).usable_sessions()
            for dialog in session.dialogs
            if dialog.to_tag
        ]
        if not talking:
            return
        node, dialog = talking[-1]
        cluster.fakes[node].silent = True
        self.number += 1
        reply = cluster.do(Verb.OFFER, call_id, a=dialog.from_tag, b=dialog.to_tag, sdp=sdp(self.number))
        assert reply[b"result"] == b"ok", (call_id, reply)
        cluster.heal()
        cluster.after(30)
        cluster.check_no_leak()


def came_too_late(cluster: Cluster, asked: Asked) -> bool:
    """Return whether the journal says that the call was deleted after it was received."""
    command = asked.command
    ends = [record.event for record in cluster.stream(command.call_id) if isinstance(record.event, DeleteIntended)]
    return any(
        end.scope is Scope.CALL and not end.branch and end.asked_at > command.received_at + PRECISION for end in ends
    )


def check_one_result(cluster: Cluster, first: Asked, repeat: Asked) -> None:
    """Whichever control node's word the client took, it was given one and the same session."""
    given = {asked.reply[b"sdp"] for asked in (first, repeat) if asked.ok and asked.reply is not None}
    offered = [r.event for r in cluster.stream(first.command.call_id) if isinstance(r.event, Offered)]
    assert len({event.session for event in offered if event.relayed in given}) <= 1, (first, repeat)


def check_fresh(cluster: Cluster, asked: Asked) -> None:
    """What was told, and what a node was asked, is right in a state that the journal had while it was asked."""
    command, reply, states = asked.command, asked.reply, cluster.window(asked)
    find = {"answer": sessions.of_answer, "query": sessions.of_other}.get(command.verb)
    if find is not None:
        places = {(found.node, found.relay_id) for state in states if (found := find(state, command))}
        assert set(asked_of_nodes(cluster, command)) <= places, asked
    if reply == words_of(NOTHING_FOUND):
        assert isinstance(command, Delete)
        nothing = any(is_late(state, command) or intend_deletes(state, command).value is None for state in states)
        assert nothing or was_intended(cluster, asked), asked
    elif reply == words_of(UNKNOWN) and find is not None and cluster.relays:
        # A node that was asked may have said so, or lost the session while it was.
        assert asked_of_nodes(cluster, command) or not all(find(state, command) for state in states), asked


def was_intended(cluster: Cluster, asked: Asked) -> bool:
    """Return whether the journal says that a delete was to be asked of a node, which then may have known nothing."""
    events = [record.event for record in cluster.stream(asked.command.call_id)[asked.since : asked.until]]
    received = asked.command.received_at
    return any(isinstance(e, DeleteIntended) and e.sessions and e.asked_at == received for e in events)


def asked_of_nodes(cluster: Cluster, command: NgCommand) -> list[tuple[str, str]]:
    """Return the node and the id there of what rtpengines were asked for a command."""
    assert isinstance(command.request, NodeRequest)
    marker = command.request.words[b"marker"]
    return [
        (name, text_of(request, b"call-id").decode())
        for name, relay in cluster.relays.items()
        for request in relay.commands
        if request.get(b"marker") == marker and request[b"command"] == command.verb.encode()
    ]


def check_acknowledged(cluster: Cluster, asked: Asked, lost: Sequence[Recorded]) -> None:
    """What was answered with ok stands in the journal, with the very SDP that the client was given.

    But for what the journal has `lost`, if another control node wrote before it could be written again.
    """
    reply = asked.reply
    if reply is None or not asked.ok:
        return
    stream = cluster.stream(asked.command.call_id)
    events = [record.event for record in (*stream, *overtaken(lost, stream))]
    match asked.command.verb:
        case Verb.OFFER:
            assert any(isinstance(e, Offered) and e.relayed == reply[b"sdp"] for e in events), asked
        case Verb.ANSWER:
            assert any(isinstance(e, Answered) and e.relayed == reply[b"sdp"] for e in events), asked
        case Verb.DELETE if b"warning" not in reply:
            assert any(isinstance(e, DeleteIntended) for e in events), asked


def overtaken(lost: Sequence[Recorded], stream: Sequence[Recorded]) -> list[Recorded]:
    """Return the lost entries from where the histories parted, if a control node has found that out."""
    found_out = max((record.event.known for record in stream if isinstance(record.event, TailLost)), default=0)
    standing = {record.version: record.event for record in stream}
    parted = min((each.version for each in lost if standing.get(each.version, each.event) != each.event), default=0)
    return [record for record in lost if 0 < parted <= record.version <= found_out]


class PromisesWithEmulatedBranches(Promises):
    """The same with relays that know no branches: each has an id of its own there."""

    engine = "rtpproxy"


TestPromises = Promises.TestCase
TestPromisesWithEmulatedBranches = PromisesWithEmulatedBranches.TestCase
TestPromises.settings = TestPromisesWithEmulatedBranches.settings = settings(
    max_examples=examples(150), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
