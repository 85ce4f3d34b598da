"""One bad call never stops the others: it is left alone, with a clear error and an event."""

from __future__ import annotations

from typing import Any

import pytest

from actors.commands.media import PassThrough
from actors.effects import Decision, Flow, Persist
from actors.flows.handlers import HANDLERS
from engines.ng.bencode import NgValue
from events.names import CallId, NodeName, RelayId, Tag
from events.records import NOTHING, Recorded
from events.registry import (
    CopyAnswered,
    DeleteIntended,
    Event,
    Offered,
    Quarantined,
    RememberedSession,
    Scope,
    TailLost,
)
from events.verb import Verb
from gateways.ng.commands import MAX_DELAY
from replay.state import CallState, CallStatus
from tests.actors.simulation import Cluster
from tests.actors.test_promises import sdp

SDP = sdp(1)


def bug(_: CallState) -> Decision:
    raise RuntimeError("a bug")


def failing_flow(*_: Any) -> Flow:
    yield Persist(bug)
    return None


def test_a_call_that_fails_again_and_again_is_quarantined_alone(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.do(Verb.OFFER, CallId("bad"), a="A", sdp="caller")
    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.handlers.HANDLERS", {**HANDLERS, PassThrough: failing_flow})
        for _ in range(3):
            reply = cluster.do(Verb.QUERY, CallId("bad"))
            assert reply[b"error-reason"] == b"Internal error: RuntimeError('a bug')"
        assert cluster.do(Verb.OFFER, CallId("good"), a="A", sdp="caller")[b"result"] == b"ok"
    cluster.after(1)
    reply = cluster.do(Verb.ANSWER, CallId("bad"), a="A", b="B", sdp="callee")
    assert reply[b"error-reason"] == b"Call is quarantined: it failed 3 times in a row, last with RuntimeError('a bug')"
    last = cluster.stream(CallId("bad"))[-1].event
    assert isinstance(last, Quarantined)
    assert cluster.do(Verb.QUERY, CallId("bad"), place=1)[b"result"] == b"error", "every control node leaves it alone"
    assert cluster.do(Verb.DELETE, CallId("good"), a="A")[b"result"] == b"ok"


def test_a_call_whose_stream_cannot_be_read_is_quarantined_alone(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("bad"), a="A", sdp="caller")
    cluster.do(Verb.OFFER, CallId("good"), a="A", sdp="caller")
    cluster.after(60)
    cluster.run(_spoil(cluster, CallId("bad")))
    reply = cluster.do(Verb.ANSWER, CallId("bad"), a="A", b="B", sdp="callee", place=1)
    assert reply[b"result"] == b"error"
    assert bytes(reply[b"error-reason"]).startswith(b"Call is quarantined: call 'bad', entry 1-0: ")  # type: ignore[arg-type]
    assert cluster.do(Verb.ANSWER, CallId("good"), a="A", b="B", sdp="callee", place=1)[b"result"] == b"ok"
    cluster.after(1)
    rows = cluster.run(_rows(cluster))
    assert rows == {"bad": "quarantined", "good": "live"}


def test_one_failure_does_not_cost_the_call_its_life(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.handlers.HANDLERS", {**HANDLERS, PassThrough: failing_flow})
        cluster.do(Verb.QUERY, CallId("c"))
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee")[b"result"] == b"ok"
    cluster.check_no_leak()


def test_calls_that_failed_and_never_come_again_are_forgotten(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.failing_calls.MOST", 5)
    for number in range(20):
        cluster.do(Verb.OFFER, CallId(f"c{number}"), a="A", sdp="caller")

    def failing() -> float:
        samples = cluster.nodes[0].directory.samples()
        return next(sample.number for sample in samples if (sample.part, sample.name) == ("calls", "failing"))

    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.handlers.HANDLERS", {**HANDLERS, PassThrough: failing_flow})
        for number in range(20):
            cluster.do(Verb.QUERY, CallId(f"c{number}"))
        assert failing() == 5
        cluster.do(Verb.QUERY, CallId("c18"))
        cluster.do(Verb.QUERY, CallId("c0"))
        assert failing() == 5
        cluster.do(Verb.QUERY, CallId("c18"))
        assert cluster.do(Verb.QUERY, CallId("c18"))[b"error-reason"] != b"Internal error: RuntimeError('a bug')"
        assert failing() == 4
    monkeypatch.setattr("actors.failing_calls.LATELY", 30.0)
    cluster.after(40)
    assert failing() == 0


async def _spoil(cluster: Cluster, call_id: CallId) -> None:
    cluster.journal.spoil(call_id, 1, b"garbage")


async def _rows(cluster: Cluster) -> dict[str, str]:
    return {row.call_id: row.status async for row in cluster.journal.live_calls()}


INCONSISTENT: list[Event] = [
    Offered(session=7, operation=1, from_tag=Tag("A"), sdp=b"", relayed=b""),
    DeleteIntended(scope=Scope.CALL, sessions=(1, 2), reason=""),
    TailLost(
        known=1,
        sessions=(RememberedSession(session=1, node=NodeName("n"), relay_id=RelayId("r"), status="levitating"),),
    ),
    CopyAnswered(copy="nobody's", sdp=b""),
]


@pytest.mark.parametrize("event", INCONSISTENT, ids=lambda event: event.name)
def test_events_that_make_no_sense_together_are_a_stream_that_cannot_be_read(cluster: Cluster, event: Event) -> None:
    cluster.do(Verb.OFFER, CallId("bad"), a="A", sdp="caller")
    cluster.after(15)
    version = len(cluster.stream(CallId("bad")))
    entry = Recorded(version + 1, cluster.loop.now_ms(), "somebody", event)

    async def write() -> None:
        await cluster.journal.append(CallId("bad"), version, [entry], NOTHING, NOTHING)

    cluster.run(write())
    for place in (0, 1, 0):
        reply = cluster.do(Verb.QUERY, CallId("bad"), place=place)
        assert "Call is quarantined: " in str(reply[b"error-reason"])
    cluster.after(1)
    assert cluster.events(CallId("bad"))[-2:] == [event.name, "quarantined"], "once, whoever finds it"
    assert cluster.run(_rows(cluster)) == {"bad": "quarantined"}


def test_a_delay_beyond_all_bounds_is_a_long_one() -> None:
    """All in one world: an hour of it takes a quarter of a second, since its nodes are asked how they are."""
    delays: list[NgValue] = [2**63, 2**64, 2**200, b"9" * 5000, b"18446744073709551616", -(2**70), b"00000000000001"]
    cluster = Cluster(engine="rtpproxy")
    for number, delay in enumerate(delays):
        cluster.do(Verb.OFFER, CallId(f"c{number}"), a="A", sdp=SDP)
        reply = cluster.do(Verb.DELETE, CallId(f"c{number}"), a="A", delete_delay=delay)
        assert reply[b"result"] == b"ok", delay
    cluster.after(1)
    for number, delay in enumerate(delays):
        assert cluster.state(CallId(f"c{number}")).status is CallStatus.ENDED, delay
    cluster.after(MAX_DELAY + 20)
    cluster.check_no_leak()
    assert not any(relay.held() for relay in cluster.fakes.values())
    cluster.close()
