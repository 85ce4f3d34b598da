"""Copies of a call's media through the Python API, in a simulated cluster: wrong uses, crashes, nodes that are away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from events.names import CallId, Leg
from events.verb import Verb
from replay.relay_settings import Copy
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import Refused, RelayError, UnknownCall
from tests.actors.simulation import Cluster
from tests.rtp_relay.test_api_call import CALL, sdp

RECORDER = sdp(6000) + b"m=audio 6002 RTP/AVP 0\r\n"
WHOLE_LIFE = ["copy intended", "copy offered", "copy answered", "copy delete wanted", "copy deleted"]


class Copied:
    """An answered call on a relay of some kind, and what is copied there."""

    def __init__(self, engine: str, relays: int = 1) -> None:
        self.cluster = Cluster(engine=engine, relays=relays)
        self.cluster.call_ids.add(CALL)
        self.engine = engine

    def on(self, place: int = 0) -> RelayCall:
        """Return the call as a control node has it."""
        node = self.cluster.nodes[place]
        return RelayCall(CALL, node.directory, self.cluster.journal)

    def answer_call(self) -> None:
        self.cluster.run(self.on().engage(self.engine))
        self.cluster.run(self.on().offer(sdp(4000), from_tag="tC"))
        self.cluster.run(self.on().answer(sdp(5000), from_tag="tC", to_tag="tA"))

    def record(self, name: str = "rec") -> None:
        """Begin a copy of both parties, which flows."""
        self.cluster.run(self.on().copy_offer(name))
        self.cluster.run(self.on().copy_answer(name, RECORDER))

    def flowing(self) -> int:
        """Count the copies that the relay has: subscriptions that were answered, or streams."""
        subscriptions = [call.subscriptions for relay in self.cluster.relays.values() for call in relay.calls.values()]
        return sum(sum(map(bool, one.values())) for one in subscriptions) + sum(
            len(relay.copies) for relay in self.cluster.rtpproxies.values()
        )

    def on_relay(self) -> int:
        """Count the copies that the relay has, answered or not."""
        subscriptions = [call.subscriptions for relay in self.cluster.relays.values() for call in relay.calls.values()]
        return sum(map(len, subscriptions)) + sum(len(relay.copies) for relay in self.cluster.rtpproxies.values())

    @property
    def copies(self) -> dict[str, Copy]:
        return self.cluster.state(CallId(CALL)).copies

    def story(self) -> list[str]:
        return [name for name in self.cluster.events(CallId(CALL)) if name.startswith("copy")]

    def silence(self, *, silent: bool) -> None:
        for relay in self.cluster.fakes.values():
            relay.silent = silent

    def dies_during(self, work: Awaitable[object], crossings: int) -> bool:
        """Do something on a control node that dies at its n-th step over its border. Tell whether it died."""
        life = self.cluster.nodes[0].life
        life.crossings = crossings
        doing = self.cluster.loop.create_task(_as_coroutine(work))
        self.cluster.after(5)
        died = not life.alive
        assert died or doing.done(), "it lived but did not do it"
        life.crossings = None
        doing.cancel()
        if died:
            self.cluster.restart(0)
        return died


async def _as_coroutine(work: Awaitable[object]) -> None:
    await work


@pytest.fixture
def make() -> Iterator[Callable[..., Copied]]:
    made: list[Copied] = []

    def make_one(engine: str, relays: int = 1) -> Copied:
        made.append(Copied(engine, relays))
        return made[-1]

    yield make_one
    for world in made:
        try:
            world.cluster.heal()
            world.cluster.run(world.on().delete(from_tag="tC"))
            world.cluster.after(200)
            assert world.on_relay() == 0
            world.cluster.check_no_leak()
            world.cluster.check_versions()
        finally:
            world.cluster.close()


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def copied(request: pytest.FixtureRequest, make: Callable[[str], Copied]) -> Copied:
    world = make(str(request.param))
    world.answer_call()
    return world


def test_the_life_of_a_copy_is_journalled_step_by_step(copied: Copied) -> None:
    copied.record()
    assert copied.copies["rec"].answered
    assert copied.flowing() == (1 if copied.engine == "rtpengine" else 2)
    copied.cluster.run(copied.on().copy_delete("rec"))
    assert copied.story() == WHOLE_LIFE
    assert (copied.flowing(), copied.copies) == (0, {})


def test_a_name_that_no_copy_has_is_refused(copied: Copied) -> None:
    copied.record()
    for work in (copied.on().copy_answer("other", RECORDER), copied.on().copy_delete("other")):
        with pytest.raises(Refused, match="There is no copy of that name"):
            copied.cluster.run(work)
    assert list(copied.copies) == ["rec"]


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
def test_a_call_that_is_not_there_or_not_answered_cannot_be_copied(make: Callable[[str], Copied], engine: str) -> None:
    copied = make(engine)
    with pytest.raises(UnknownCall):
        copied.cluster.run(copied.on().copy_offer("rec"))
    copied.cluster.run(copied.on().engage(engine))
    copied.cluster.run(copied.on().offer(sdp(4000), from_tag="tC"))
    with pytest.raises(Refused, match="not answered"):
        copied.cluster.run(copied.on().copy_offer("rec"))
    assert copied.story() == []


def test_a_copy_that_has_ended_takes_no_answer(copied: Copied) -> None:
    copied.record()
    copied.cluster.run(copied.on().copy_delete("rec"))
    with pytest.raises(Refused, match="There is no copy of that name"):
        copied.cluster.run(copied.on().copy_answer("rec", RECORDER))
    assert copied.flowing() == 0


def test_offering_again_changes_the_copy(copied: Copied) -> None:
    copied.record()
    copied.cluster.run(copied.on().copy_offer("rec", legs=(Leg.CALLER,)))
    copied.cluster.run(copied.on().copy_answer("rec", RECORDER))
    assert copied.copies["rec"].legs == ("caller",)
    assert copied.flowing() == 1
    copied.cluster.run(copied.on(1).copy_delete("rec"))
    assert copied.flowing() == 0


def test_a_silent_node_leaves_the_end_of_a_copy_due_until_it_confirms(copied: Copied) -> None:
    copied.record()
    copied.silence(silent=True)
    copied.cluster.run(copied.on().copy_delete("rec"))
    assert copied.story() == WHOLE_LIFE[:-1]
    with pytest.raises(Refused, match="is being changed or ended"):
        copied.cluster.run(copied.on().copy_offer("rec"))
    copied.cluster.after(30)
    assert copied.copies["rec"].closing
    copied.silence(silent=False)
    copied.cluster.after(200)
    assert copied.story() == WHOLE_LIFE
    assert (copied.on_relay(), copied.copies) == (0, {})


def test_an_offer_that_the_node_did_not_answer_is_taken_back(make: Callable[[str], Copied]) -> None:
    copied = make("rtpengine")
    copied.answer_call()
    for relay in copied.cluster.fakes.values():
        relay.lose_replies = 100
    with pytest.raises(RelayError, match="did not answer"):
        copied.cluster.run(copied.on().copy_offer("rec"))
    assert copied.story() == ["copy intended", "copy delete wanted"]
    copied.cluster.heal()
    copied.cluster.after(200)
    assert copied.story() == ["copy intended", "copy delete wanted", "copy deleted"]
    assert copied.on_relay() == 0


@pytest.mark.parametrize("crossings", range(8))
def test_a_copy_whose_control_node_dies_at_any_step_of_the_offer_ends_or_is_there(
    copied: Copied, crossings: int
) -> None:
    died = copied.dies_during(copied.on().copy_offer("rec"), crossings)
    assert died == (crossings < (6 if copied.engine == "rtpengine" else 4))
    copied.cluster.after(60)
    if "copy offered" in copied.story():
        assert copied.copies["rec"].offered
        copied.cluster.run(copied.on().copy_answer("rec", RECORDER))
        assert copied.flowing() > 0
    else:
        assert (copied.on_relay(), copied.copies) == (0, {})
        copied.record()


@pytest.mark.parametrize("crossings", range(8))
def test_a_change_whose_control_node_dies_leaves_no_copy_that_the_journal_does_not_know(
    copied: Copied, crossings: int
) -> None:
    copied.record()
    copied.dies_during(copied.on().copy_offer("rec", legs=(Leg.CALLEE,)), crossings)
    copied.cluster.after(60)
    assert bool(copied.on_relay()) == bool(copied.copies)


@pytest.mark.parametrize("crossings", range(8))
def test_a_delete_whose_control_node_dies_happens_all_the_same_once_it_is_journalled(
    copied: Copied, crossings: int
) -> None:
    copied.record()
    copied.dies_during(copied.on().copy_delete("rec"), crossings)
    copied.cluster.after(60)
    wanted = "copy delete wanted" in copied.story()
    assert (copied.flowing() == 0, copied.copies == {}) == (wanted, wanted)


def test_the_end_of_the_call_ends_its_copies(copied: Copied) -> None:
    copied.record()
    copied.cluster.run(copied.on(1).delete(from_tag="tC"))
    assert (copied.on_relay(), copied.copies) == (0, {})
    with pytest.raises((Refused, UnknownCall)):
        copied.cluster.run(copied.on().copy_delete("rec"))


def test_another_name_is_another_copy_where_the_node_makes_several(make: Callable[[str], Copied]) -> None:
    copied = make("rtpengine")
    copied.answer_call()
    copied.record("one")
    copied.record("two")
    assert copied.flowing() == 2
    copied.cluster.run(copied.on().copy_delete("one"))
    assert (copied.flowing(), list(copied.copies)) == (1, ["two"])


def test_an_rtpproxys_copy_is_not_taken_over_by_another(make: Callable[[str], Copied]) -> None:
    copied = make("rtpproxy")
    copied.answer_call()
    copied.cluster.run(copied.on().copy_offer("one", legs=(Leg.CALLER,)))
    for place in (0, 1):
        with pytest.raises(Refused, match="rtpproxy copies or records a stream once at a time: end the copy 'one'"):
            copied.cluster.run(copied.on(place).copy_offer("two"))
    copied.cluster.run(copied.on().copy_offer("two", legs=(Leg.CALLEE,)))
    copied.cluster.run(copied.on().copy_delete("one"))
    copied.cluster.run(copied.on().copy_offer("one", legs=(Leg.CALLER,)))
    assert list(copied.copies) == ["two", "one"]


def test_an_rtpproxys_copy_still_to_be_ended_keeps_others_away(make: Callable[[str], Copied]) -> None:
    copied = make("rtpproxy")
    copied.answer_call()
    copied.record("one")
    copied.silence(silent=True)
    copied.cluster.run(copied.on().copy_delete("one"))
    with pytest.raises(Refused, match="end the copy 'one' first"):
        copied.cluster.run(copied.on().copy_offer("two"))


@pytest.mark.parametrize("verb", [Verb.START_RECORDING, Verb.STOP_RECORDING])
def test_an_rtpproxy_is_not_told_to_record_what_it_copies(make: Callable[[str], Copied], verb: Verb) -> None:
    copied = make("rtpproxy")
    copied.answer_call()
    copied.record()
    reply = copied.cluster.do(verb, CallId(CALL), a="tC")
    assert reply[b"result"] == b"error"
    assert "end the copy first" in str(reply[b"error-reason"])
    assert copied.flowing() == 2


def test_an_rtpproxy_is_not_told_to_copy_what_it_records(make: Callable[[str], Copied]) -> None:
    copied = make("rtpproxy")
    copied.answer_call()
    assert copied.cluster.do(Verb.START_RECORDING, CallId(CALL), a="tC")[b"result"] == b"ok"
    with pytest.raises(Refused, match="stop the recording first"):
        copied.cluster.run(copied.on().copy_offer("rec"))
    copied.cluster.do(Verb.STOP_RECORDING, CallId(CALL), a="tC")
    copied.record()
    assert copied.flowing() == 2


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def moving(request: pytest.FixtureRequest, make: Callable[..., Copied]) -> Copied:
    world = make(str(request.param), 2)
    world.answer_call()
    return world


def move_with_next_offer(copied: Copied) -> None:
    """Move the call: it waits for an offer, which is then made and answered."""
    (node,) = [session.node for session in copied.cluster.state(CallId(CALL)).usable_sessions()]
    other = next(name for name in copied.cluster.fakes if name != node)
    assert copied.cluster.run(copied.on().move(node=other)).waits
    copied.cluster.run(copied.on().offer(sdp(4000), from_tag="tC", to_tag="tA"))
    copied.cluster.run(copied.on().answer(sdp(5000), from_tag="tC", to_tag="tA"))


async def next_move(offers: AsyncIterator[bytes]) -> bytes | None:
    return await anext(offers, None)


def test_a_copy_comes_along_when_its_call_moves_with_an_offer_and_who_asked_for_it_is_told(moving: Copied) -> None:
    copied = moving
    copied.record()
    offers = copied.on(1).copy_moves("rec")
    told = copied.cluster.loop.create_task(next_move(offers))
    copied.cluster.after(2)
    flowing = copied.flowing()
    move_with_next_offer(copied)
    assert copied.flowing() == 2 * flowing, "both nodes copy until the old one has nothing more to copy"
    copied.cluster.after(30)
    assert copied.flowing() == flowing
    copied.cluster.check_no_leak()
    assert told.result() == copied.copies["rec"].offer
    copied.cluster.run(copied.on(1).copy_answer("rec", RECORDER))
    assert copied.story()[-2:] == ["copy moved", "copy answered"]
    told = copied.cluster.loop.create_task(next_move(offers))
    copied.cluster.after(2)
    copied.cluster.run(copied.on().copy_delete("rec"))
    copied.cluster.after(2)
    assert told.result() is None, "a copy that has ended does not move any more"


@pytest.mark.parametrize("crossings", range(1, 9))
def test_who_dies_while_a_call_moves_with_its_answer_leaves_a_copy_where_the_call_is(
    moving: Copied, crossings: int
) -> None:
    copied = moving
    copied.record()
    flowing = copied.flowing()
    (node,) = [session.node for session in copied.cluster.state(CallId(CALL)).usable_sessions()]
    other = next(name for name in copied.cluster.fakes if name != node)
    copied.cluster.run(copied.on().move(node=other))
    copied.cluster.run(copied.on().offer(sdp(4000), from_tag="tC", to_tag="tA"))
    if copied.dies_during(copied.on().answer(sdp(5000), from_tag="tC", to_tag="tA"), crossings):
        copied.cluster.run(copied.on(1).answer(sdp(5000), from_tag="tC", to_tag="tA"))
    copied.cluster.after(60)
    (session,) = copied.cluster.state(CallId(CALL)).usable_sessions()
    assert (session.node, copied.copies["rec"].session) == (other, session.number)
    assert copied.flowing() == flowing
    copied.cluster.check_no_leak()
