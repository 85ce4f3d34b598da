"""Random forks with random answers and failures, told through the Python API at two control nodes that crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from actors.flows.sip.forks import is_late
from events.names import CallId, Tag
from events.registry import Answered, Offered
from replay.offer_answer import SipMessage
from replay.state import CallStatus
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import RelayError
from rtp_relay.api.observed import Observed
from rtp_relay.api.variables import branch_name
from tests.actors.simulation import Cluster
from tests.examples_tried import examples
from tests.rtp_relay.test_api_call import sdp

CALL = "call"
PATIENCE = 6.0  # s of virtual time that an application waits for a word: longer than three nodes' timeouts

PLACES = st.integers(0, 1)
RELAYS = st.sampled_from(["relay1", "relay2"])
BRANCHES = st.integers(0, 2)
TAGS = st.sampled_from(["t0", "t1", "t2"])
BODIES = st.booleans()
PATHS = st.sampled_from([(0, "t0"), (0, "t0"), (1, "t1"), (2, "t2"), (0, "t2")])
"""Callees by branch; the last one is a fork behind the first branch, by a tag that another branch has, too."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that was told, and what was said of it."""

    event: SipMessage
    seeing: Observed


class Forks(RuleBasedStateMachine):
    """A call whose parties do as they please. `cseq` counts the requests of both sides together."""

    engine = "rtpengine"

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(engine=self.engine)
        self.cluster.call_ids.add(CALL)
        self.told: list[Told] = []
        self.cseq = 1
        self.requests: dict[str, SipMessage] = {}
        self.late = False

    def call(self, place: int) -> RelayCall:
        node = self.cluster.nodes[place]
        return RelayCall(CALL, node.directory, self.cluster.journal)

    def body(self, wanted: bool) -> bytes | None:
        return sdp(4000 + 2 * len(self.told)) if wanted else None

    def see(self, place: int, event: SipMessage) -> None:
        """Tell of a message; one that no answer comes to is told again at the other control node, as doors do."""
        for at in (place, 1 - place):
            try:
                seeing = self.cluster.run(asyncio.wait_for(self.call(at).see(event), PATIENCE))
            except TimeoutError:
                continue
            except RelayError:
                return
            self.told.append(Told(event, seeing))
            if event.sdp is not None and self.cluster.state(CallId(CALL)).speaks_for(event.branch):
                assert seeing.sdp is not None or seeing.remedy, f"{event} goes past the relay: {seeing}"
            if self.is_in_play(event, seeing):
                assert seeing.sdp is not None, f"{event} was not relayed: {seeing}"
            return

    def is_in_play(self, event: SipMessage, seeing: Observed) -> bool:
        """Return whether a body has to be relayed: not if it is a late copy, or of a callee that was not answered
        first.

        Each 2xx is: the caller may choose any.
        """
        state = self.cluster.state(CallId(CALL))
        early = is_late(state, event.callee_tag)
        return seeing.role in ("offer", "answer") and not early

    @initialize(late=BODIES, answered=BODIES, place=PLACES)
    def begin(self, late: bool, answered: bool, place: int) -> None:
        self.late = late
        self.cluster.run(self.call(place).engage(self.engine))
        self.invite(0, place)
        if answered:
            self.reply((0, "t0"), 200, True, False, place)
            self.follow("ACK", "t0", late, place)

    @rule(branch=BRANCHES, place=PLACES)
    def invite(self, branch: int, place: int) -> None:
        body = None if self.late else sdp(3000)
        self.see(place, SipMessage("INVITE", True, 1, branch=branch_name(branch), from_tag=Tag("tC"), sdp=body))

    @rule(
        path=PATHS, status=st.sampled_from([180, 183, 200, 200, 486, 487]), body=BODIES, reliable=BODIES, place=PLACES
    )
    def reply(self, path: tuple[int, str], status: int, body: bool, reliable: bool, place: int) -> None:
        branch, tag = path
        self.see(
            place,
            SipMessage(
                "INVITE",
                False,
                1,
                status=status,
                branch=branch_name(branch),
                from_tag=Tag("tC"),
                to_tag=Tag(tag),
                sdp=self.body(body and status < 300),
                reliable=reliable,
            ),
        )

    @rule(method=st.sampled_from(["ACK", "PRACK"]), tag=TAGS, body=BODIES, place=PLACES)
    def follow(self, method: str, tag: str, body: bool, place: int) -> None:
        cseq = 1 if method == "ACK" else self.next_cseq()
        self.see(place, SipMessage(method, True, cseq, from_tag=Tag("tC"), to_tag=Tag(tag), sdp=self.body(body)))

    @rule(method=st.sampled_from(["INVITE", "UPDATE"]), tag=TAGS, by_caller=BODIES, body=BODIES, place=PLACES)
    def request(self, method: str, tag: str, by_caller: bool, body: bool, place: int) -> None:
        event = self.in_dialog(method, tag, by_caller=by_caller, body=self.body(body))
        self.requests[tag] = event
        self.see(place, event)

    @rule(tag=TAGS, status=st.sampled_from([183, 200, 200, 488, 491]), body=BODIES, place=PLACES)
    def reply_in_dialog(self, tag: str, status: int, body: bool, place: int) -> None:
        """Answer the latest request of a dialog, if there was one, and acknowledge it."""
        asked = self.requests.pop(tag, None)
        if asked is None:
            return
        ends = (asked.from_tag, asked.to_tag)
        again = {"from_tag": ends[0], "to_tag": ends[1], "sdp": self.body(body and status < 300)}
        self.see(place, SipMessage(asked.method, not asked.from_caller, asked.cseq, status=status, **again))  # type: ignore[arg-type]
        if asked.method == "INVITE" and status >= 200:
            again["sdp"] = self.body(asked.sdp is None)
            self.see(place, SipMessage("ACK", asked.from_caller, asked.cseq, **again))  # type: ignore[arg-type]

    @rule(tag=TAGS, by_caller=BODIES, place=PLACES)
    def bye(self, tag: str, by_caller: bool, place: int) -> None:
        self.see(place, self.in_dialog("BYE", tag, by_caller=by_caller))

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        self.see(place, SipMessage("CANCEL", True, 1, from_tag=Tag("tC")))

    @rule(place=PLACES, steps=st.integers(0, 8))
    def doom(self, place: int, steps: int) -> None:
        self.cluster.nodes[place].life.crossings = steps

    @rule(place=PLACES)
    def restart(self, place: int) -> None:
        self.cluster.restart(place)

    @rule(relay=RELAYS, count=st.integers(1, 3))
    def lose_replies(self, relay: str, count: int) -> None:
        self.cluster.fakes[relay].lose_replies = count

    @rule(relay=RELAYS)
    def silence(self, relay: str) -> None:
        self.cluster.fakes[relay].silent = not self.cluster.fakes[relay].silent

    @rule(seconds=st.sampled_from([0.1, 2.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.cluster.after(seconds)

    def next_cseq(self) -> int:
        self.cseq += 1
        return self.cseq

    def in_dialog(self, method: str, tag: str, *, by_caller: bool, body: bytes | None = None) -> SipMessage:
        ends = ("tC", tag) if by_caller else (tag, "tC")
        return SipMessage(method, by_caller, self.next_cseq(), from_tag=Tag(ends[0]), to_tag=Tag(ends[1]), sdp=body)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.cluster.close()

    def check(self) -> None:
        cluster = self.cluster
        cluster.heal()
        cluster.after(300)
        cluster.check_no_leak()
        self.check_given_out()
        self.check_decided()
        self.end_all()
        cluster.after(300)
        assert not any(relay.held() for relay in cluster.fakes.values())
        cluster.check_versions()

    def end_all(self) -> None:
        """Let each branch fail that has not, and each dialog end by a BYE; then the application ends what is left."""
        for branch, tag in ((0, "t0"), (1, "t1"), (2, "t2")):
            self.reply((branch, tag), 487, False, False, 0)
            self.see(1, self.in_dialog("BYE", tag, by_caller=True))
        state = self.cluster.state(CallId(CALL))
        left = state.negotiation.dialogs() if state.negotiation else []
        if state.relay and state.relay.established is not None and not left:
            assert state.status is not CallStatus.LIVE, "the last BYE ends the call"
        self.cluster.run(self.call(1).delete())

    def check_decided(self) -> None:
        """Check that after all timers the call has ended or has a dialog."""
        state = self.cluster.state(CallId(CALL))
        assert state.status is not CallStatus.LIVE or state.has_dialog

    def check_given_out(self) -> None:
        """Check that what was given out for a body stands in the journal as what a relay made of that body."""
        events = [record.event for record in self.cluster.stream(CallId(CALL))]
        relayed = {(e.sdp, e.relayed, e.branch) for e in events if isinstance(e, Offered | Answered)}
        for told in self.told:
            event, seeing = told.event, told.seeing
            if event.sdp is None or seeing.sdp is None:
                continue
            found = {branch for body, given, branch in relayed if (body, given) == (event.sdp, seeing.sdp)}
            assert found, f"{told}: never relayed so"
            assert not event.branch or event.branch in found, f"{told}: this is of another branch: {found}"


class ForksWithEmulatedBranches(Forks):
    """The same with relays that know no branches."""

    engine = "rtpproxy"


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Failures are the everyday of these tests: what is logged about them would bury a real one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


TestForks = Forks.TestCase
TestForksWithEmulatedBranches = ForksWithEmulatedBranches.TestCase
TestForks.settings = TestForksWithEmulatedBranches.settings = settings(
    max_examples=examples(60), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
