"""The promises of the call actors, with MediaProxy dispatchers as the nodes of the simulated cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from events.names import BranchId, CallId
from events.verb import Verb
from tests.actors.fake_relay import FakeNode
from tests.actors.simulation import Cluster
from tests.actors.test_promises import BRANCHES, CALLS, PLACES, SOON, Promises, sdp
from tests.examples_tried import examples
from tests.peers.mediaproxy_dispatcher import Reader, Sessions


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Failures are the everyday of these tests: what is logged about them would bury a real one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


class FakeMediaproxy(FakeNode):
    """A dispatcher with its relay on the simulation's virtual network."""

    def __init__(self) -> None:
        super().__init__()
        self.relay = Sessions()

    def held(self) -> set[str]:
        return self.relay.call_ids

    def restart(self) -> None:
        super().restart()
        self.relay = Sessions()

    def _reply(self, command: bytes) -> bytes:
        (lines,) = Reader().feed(command)
        self.relay.full = self.full
        return self.relay.run(lines).encode()


class MediaproxyCluster(Cluster):
    """A cluster whose nodes are dispatchers."""

    def __init__(self, *, control_nodes: int = 2) -> None:
        self.dispatchers = {"relay1": FakeMediaproxy(), "relay2": FakeMediaproxy()}
        super().__init__(relays=0, control_nodes=control_nodes, engine="mediaproxy")

    @property
    def fakes(self) -> dict[str, FakeNode]:
        return dict(self.dispatchers)


class PromisesWithMediaproxy(Promises):
    """All promises at once, under random commands and faults.

    There is one callee. A dispatcher finds a session by the tag of the party that made it, or else makes another one
    under the same id; so no session may have dialogs in which that party is not.
    """

    engine = "mediaproxy"

    def __init__(self) -> None:
        super().__init__()
        self.cluster.close()
        self.cluster = MediaproxyCluster()

    @rule(call=CALLS, place=PLACES, turned=st.booleans(), wait=SOON)
    def offer_again(self, call: str, place: int, turned: bool, wait: float) -> None:
        a, b = ("B", "A") if turned else ("A", "B")
        self.ask(Verb.OFFER, call, place, wait, a=a, b=b, sdp=sdp(self.number))

    @rule(call=CALLS, place=PLACES, branch=BRANCHES, wait=SOON)
    def answer(self, call: str, place: int, branch: BranchId, wait: float) -> None:
        self.ask(Verb.ANSWER, call, place, wait, a="A", b="B", branch=branch, sdp=sdp(self.number))


TestPromisesWithMediaproxy = PromisesWithMediaproxy.TestCase
TestPromisesWithMediaproxy.settings = settings(
    max_examples=examples(100), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def cluster() -> Iterator[MediaproxyCluster]:
    world = MediaproxyCluster()
    yield world
    world.close()


ANSWERED = ["engaged", "offered", "answer intended", "answered"]


def offered_and_answered(cluster: MediaproxyCluster) -> FakeMediaproxy:
    """Set a call up, and give the node it is on."""
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1))[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(2))[b"result"] == b"ok"
    return cluster.dispatchers[cluster.state(CallId("c")).usable_sessions()[0].node]


def test_each_branch_is_a_session_and_all_go_with_the_call(cluster: MediaproxyCluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b1", sdp=sdp(1))
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b2", sdp=sdp(1))
    assert set.union(*(relay.held() for relay in cluster.dispatchers.values())) == {"c", "c#2"}
    cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B2", branch="b2", sdp=sdp(2))
    cluster.check_no_leak()
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.check_no_leak()
    assert not list(cluster.state(CallId("c")).remaining_sessions())


def test_a_dispatcher_without_room_is_left_for_the_next_one(cluster: MediaproxyCluster) -> None:
    first = cluster.nodes[0].table.candidates("default", CallId("c"))[0].name
    cluster.dispatchers[first].full = True
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1))[b"result"] == b"ok"
    assert cluster.events(CallId("c"))[:4] == ["engaged", "offer failed", "delete wanted", "engaged"]
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()


def test_a_removal_whose_reply_was_lost_is_confirmed_by_the_next_one(cluster: MediaproxyCluster) -> None:
    node = offered_and_answered(cluster)
    node.lose_replies = 3
    assert b"stays due" in bytes(cluster.do(Verb.DELETE, CallId("c"), a="A")[b"warning"])  # type: ignore[arg-type]
    assert node.held() == set()
    cluster.heal()
    cluster.after(60)
    assert cluster.events(CallId("c"))[-1] == "deleted"
    cluster.check_no_leak()


def test_a_removal_stays_due_while_the_dispatcher_cannot_reach_the_relay(cluster: MediaproxyCluster) -> None:
    node = offered_and_answered(cluster)
    node.relay.sessions, held = {}, node.relay.sessions
    node.full = True
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.after(60)
    assert cluster.events(CallId("c"))[-1] == "delete wanted"
    node.full, node.relay.sessions = False, held
    cluster.after(200)
    assert cluster.events(CallId("c"))[-1] == "deleted"
    cluster.check_no_leak()


def test_a_removal_makes_nothing_that_another_one_has_just_confirmed(cluster: MediaproxyCluster) -> None:
    """The delete's removal comes before the offer, and finds nothing; another one follows when the offer is undone."""
    node = cluster.dispatchers[cluster.nodes[0].table.candidates("default", CallId("c"))[0].name]
    node.delay = 0.01
    cluster.ask(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1))
    cluster.after(0.0001)
    node.delay = 0.001
    cluster.ask(Verb.DELETE, CallId("c"), branch="b1")
    cluster.after(0.0015)
    node.delay = 0.1  # what follows the first removal, if anything does
    cluster.after(0.001)
    node.delay = 0.001
    cluster.after(0.05)
    cluster.nodes[0].kill()
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()


@pytest.mark.parametrize("steps", range(16))
def test_a_removal_that_a_crash_cuts_off_leaves_nothing(cluster: MediaproxyCluster, steps: int) -> None:
    """A delete that comes upon an offer on its way is asked twice. The one must not make what the other confirmed."""
    cluster.ask(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1))
    cluster.nodes[0].life.crossings = steps
    cluster.ask(Verb.DELETE, CallId("c"), branch="b1")
    cluster.after(0.1)
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()


def test_a_call_that_was_quiet_for_long_is_left_alone(cluster: MediaproxyCluster) -> None:
    """Its node cannot be asked whether it still has it."""
    offered_and_answered(cluster)
    cluster.after(1000)
    assert cluster.events(CallId("c")) == ANSWERED
    assert all(relay.held() <= {"c"} for relay in cluster.dispatchers.values())
    cluster.check_no_leak()


@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
@pytest.mark.parametrize("answer_first", [True, False], ids=["answer first", "delete first"])
def test_an_answer_on_its_way_to_a_session_that_is_deleted_leaves_none(
    cluster: MediaproxyCluster, answer_first: bool, killed: bool
) -> None:
    """The two are under way at the same time, each from a control node of its own; the node gets one of them first."""
    node = offered_and_answered(cluster)
    arrival, later = 0.1, 0.2
    node.delay = arrival if answer_first else later
    answer = cluster.ask(Verb.ANSWER, CallId("c"), place=0, a="A", b="B", sdp=sdp(3))
    cluster.after(0.01)
    if killed:
        cluster.nodes[0].kill()
    node.delay = later if answer_first else arrival
    cluster.ask(Verb.DELETE, CallId("c"), place=1, a="A")
    cluster.after(0.05)
    assert cluster.events(CallId("c")) == [*ANSWERED, "answer intended", "delete wanted"]
    cluster.heal()
    cluster.after(60)
    assert cluster.events(CallId("c"))[6:] == ["answer failed", *([] if killed else ["delete wanted"]), "deleted"]
    assert killed or answer.reply == {b"result": b"error", b"error-reason": b"Unknown call-id"}
    cluster.check_no_leak()


def test_an_answer_to_a_session_that_another_control_node_deleted_is_not_sent(cluster: MediaproxyCluster) -> None:
    node = offered_and_answered(cluster)
    cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")
    sent = len(node.relay.commands)
    assert (
        cluster.do(Verb.ANSWER, CallId("c"), place=0, a="A", b="B", sdp=sdp(3))[b"error-reason"] == b"Unknown call-id"
    )
    assert len(node.relay.commands) == sent
    cluster.check_no_leak()


def test_an_answer_without_a_reply_leaves_the_session_as_it_was(cluster: MediaproxyCluster) -> None:
    node = offered_and_answered(cluster)
    node.silent = True
    assert b"did not answer" in bytes(cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(3))[b"error-reason"])  # type: ignore[arg-type]
    cluster.heal()
    cluster.after(60)
    assert cluster.events(CallId("c")) == [*ANSWERED, "answer intended", "answer failed", "answer failed"]
    cluster.check_no_leak()
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(4))[b"result"] == b"ok"


def test_an_answer_that_the_dispatcher_refuses_is_settled_at_once(cluster: MediaproxyCluster) -> None:
    node = offered_and_answered(cluster)
    node.restart()
    node.full = True
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(3))[b"result"] == b"error"
    assert cluster.events(CallId("c")) == [*ANSWERED, "answer intended", "answer failed"]
    (session,) = cluster.state(CallId("c")).usable_sessions()
    assert not session.operations
