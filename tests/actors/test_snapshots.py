"""A long call is rebuilt from its snapshot and what follows; whatever is wrong with that, from its events."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from actors.call_history import StoredCall, load
from actors.known_history import CallHistory
from events.journal import CorruptEntry
from events.names import CallId
from events.reading import PAUSE, SLICE
from events.records import Recorded
from events.registry import Quarantined
from events.snapshot import EVERY, MARGIN, Snapshot
from events.verb import Verb
from replay.fold import fold
from replay.snapshots import take, verify
from replay.state import CallStatus
from tests.actors.simulation import Cluster

PASSIVATED = 30.0
"""Seconds after which no control node has the call in memory."""


def establish(cluster: Cluster, versions: int = 0, place: int = 0) -> None:
    """Begin a call, or go on with it, until its stream has so many versions: each round of it is three."""
    while cluster.state(CallId("c")).version < versions or not cluster.state(CallId("c")).version:
        assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp="caller", place=place)[b"result"] == b"ok"
        assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee", place=place)[b"result"] == b"ok"


def kept(cluster: Cluster) -> Snapshot | None:
    return cluster.run(cluster.journal.load(CallId("c"), 1, 1))[0]


def spoil(cluster: Cluster, snapshot: Snapshot) -> None:
    """Put another snapshot in place of the one that is there."""
    cluster.run(_keep(cluster, snapshot))
    assert kept(cluster) == snapshot


async def _keep(cluster: Cluster, snapshot: Snapshot) -> None:
    await cluster.journal.keep(CallId("c"), snapshot)


def loaded(cluster: Cluster) -> StoredCall:
    """Load the call as a control node does that knows nothing of it."""
    return cluster.run(load(cluster.journal, CallId("c"), CallHistory(CallId("c"))))


def check_goes_on(cluster: Cluster, place: int = 0) -> None:
    """The call is rebuilt as its events say, serves its next command, and ends with nothing left of it."""
    cluster.after(PASSIVATED)
    assert loaded(cluster).state == cluster.state(CallId("c"))
    assert cluster.do(Verb.QUERY, CallId("c"), place=place)[b"result"] == b"ok"
    establish(cluster, cluster.state(CallId("c")).version + 1, place=place)
    cluster.check_snapshots()
    cluster.check_tables()
    assert cluster.do(Verb.DELETE, CallId("c"), a="A", place=1 - place)[b"result"] == b"ok"
    cluster.after(100)  # an offer that was on its way when its entries were lost is waited for
    cluster.check_no_leak()
    cluster.check_versions()
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_a_long_call_is_rebuilt_from_a_few_entries(cluster: Cluster) -> None:
    establish(cluster, 3 * EVERY)
    cluster.after(PASSIVATED)
    call = loaded(cluster)
    assert call.state == cluster.state(CallId("c"))
    assert call.history.start >= 2 * EVERY
    assert len(call.history.records) < EVERY + MARGIN
    check_goes_on(cluster)


def test_what_a_resident_call_remembers_is_bounded(cluster: Cluster) -> None:
    establish(cluster, 4 * EVERY)
    actor = cluster.nodes[0].directory._residents["c"].actor._actor_weakref()
    assert actor is not None
    history = actor._runs._stream._history
    assert EVERY <= len(history.records) <= 2 * EVERY + MARGIN + 3
    assert history.state() == cluster.state(CallId("c"))


def test_the_end_of_a_call_takes_its_snapshot_away(cluster: Cluster) -> None:
    establish(cluster, EVERY)
    assert kept(cluster) is not None
    assert cluster.do(Verb.DELETE, CallId("c"), a="A")[b"result"] == b"ok"
    cluster.after(10)
    assert kept(cluster) is None
    assert loaded(cluster).state.status is CallStatus.ENDED


@pytest.mark.parametrize("step", range(8))
def test_a_control_node_may_die_around_a_snapshot(cluster: Cluster, step: int) -> None:
    """Also between an append and the snapshot of it."""
    while cluster.state(CallId("c")).version < EVERY - 2:
        establish(cluster, cluster.state(CallId("c")).version + 1)
    cluster.nodes[0].life.crossings = step
    cluster.ask(Verb.OFFER, CallId("c"), a="A", b="B", sdp="caller")
    cluster.after(100)
    cluster.heal()
    assert loaded(cluster).state == cluster.state(CallId("c"))
    check_goes_on(cluster, place=1)


def test_a_snapshot_that_was_never_written_is_made_up_for(cluster: Cluster) -> None:
    """The next one who reads the long stream makes it."""
    establish(cluster, 2 * EVERY + 50)
    cluster.journal.forget_snapshot(CallId("c"))
    cluster.after(PASSIVATED)
    assert cluster.do(Verb.QUERY, CallId("c"))[b"result"] == b"ok"
    snapshot = kept(cluster)
    assert snapshot is not None
    assert verify(CallId("c"), snapshot, cluster.stream(CallId("c"))).version > EVERY
    check_goes_on(cluster)


def damaged(snapshot: Snapshot) -> dict[str, Snapshot]:
    return {
        "of an old program": replace(snapshot, schema="0.abc"),
        "of a newer program": replace(snapshot, schema="99.abc"),
        "of another history": replace(snapshot, digest=b"other"),
        "unreadable": replace(snapshot, state=b"\xc1"),
        "empty": replace(snapshot, state=b"", schema="", digest=b""),
        "at another version": replace(snapshot, version=snapshot.version - 1),
    }


@pytest.mark.parametrize(
    "kind",
    ["of an old program", "of a newer program", "of another history", "unreadable", "empty", "at another version"],
)
def test_a_snapshot_that_cannot_be_used_counts_as_none(cluster: Cluster, kind: str) -> None:
    establish(cluster, EVERY + 10)
    snapshot = kept(cluster)
    assert snapshot is not None
    cluster.after(PASSIVATED)
    spoil(cluster, damaged(snapshot)[kind])
    call = loaded(cluster)
    assert call.state == cluster.state(CallId("c"))
    assert call.history.start == 0, "it was rebuilt from its events"
    check_goes_on(cluster)


def test_a_lying_snapshot_does_not_make_a_call_corrupt(cluster: Cluster) -> None:
    """Events make no sense after it: the events alone are asked."""
    establish(cluster, EVERY + 10)
    state = fold(CallId("c"), cluster.stream(CallId("c"))[:EVERY])
    state.sessions.clear()
    spoil(cluster, take(state, cluster.stream(CallId("c"))[EVERY - 1]))
    cluster.after(PASSIVATED)
    check_goes_on(cluster)


@pytest.mark.parametrize("left", [EVERY + 20, EVERY, EVERY - 5, 40])
def test_a_lost_tail_comes_back_around_a_snapshot(cluster: Cluster, left: int) -> None:
    establish(cluster, EVERY + 50)
    before = cluster.stream(CallId("c"))
    cluster.journal.cut(CallId("c"), left)
    cluster.do(Verb.DELETE, CallId("c"), a="nobody")
    assert cluster.stream(CallId("c"))[: len(before)] == before
    assert "tail lost" in cluster.events(CallId("c"))
    check_goes_on(cluster)


@pytest.mark.parametrize("left", [2 * EVERY, 40, 0])
def test_what_a_call_was_is_remembered_where_more_was_lost_than_is_known(cluster: Cluster, left: int) -> None:
    establish(cluster, 3 * EVERY + 50)
    known = cluster.state(CallId("c"))
    cluster.journal.cut(CallId("c"), left)
    cluster.do(Verb.DELETE, CallId("c"), a="nobody")
    cluster.after(1)
    state = cluster.state(CallId("c"))
    assert cluster.events(CallId("c")).count("tail lost") == 1
    assert [(one.node, one.relay_id) for one in state.usable_sessions()] == [
        (one.node, one.relay_id) for one in known.usable_sessions()
    ]
    assert state.answered
    check_goes_on(cluster)


@pytest.mark.parametrize("lost", [1, 10, MARGIN - 1])
def test_who_has_just_loaded_a_call_can_write_a_lost_tail_again(cluster: Cluster, lost: int) -> None:
    """The snapshot's own entry is among what is lost."""
    establish(cluster, EVERY + 1)
    cluster.after(PASSIVATED)
    cluster.do(Verb.DELETE, CallId("c"), a="nobody", place=1)
    before = cluster.stream(CallId("c"))
    cluster.journal.cut(CallId("c"), len(before) - lost)
    cluster.do(Verb.DELETE, CallId("c"), a="nobody", place=1)
    assert cluster.stream(CallId("c"))[: len(before)] == before
    check_goes_on(cluster)


def test_a_snapshot_of_a_tail_that_was_lost_is_not_taken_for_what_others_wrote_since(cluster: Cluster) -> None:
    """The control node that made it is gone; the other one had only the beginning, and wrote as much again."""
    establish(cluster, EVERY + 10)
    snapshot = kept(cluster)
    cluster.restart(0)
    cluster.journal.cut(CallId("c"), 30)
    cluster.after(PASSIVATED)
    establish(cluster, 30 + 6, place=1)
    assert snapshot == kept(cluster)
    check_goes_on(cluster, place=1)


def test_two_control_nodes_make_snapshots_at_once(cluster: Cluster) -> None:
    establish(cluster, EVERY - 10)
    for number in range(30):
        words = {"a": "A", "b": "B", "sdp": "caller"}
        offers = [
            cluster.ask(Verb.OFFER, CallId("c"), **words, marker=2 * number + place, place=place) for place in (0, 1)
        ]
        cluster.after(0.5)
        assert all(asked.reply is not None for asked in offers), number
        cluster.check_snapshots()
        cluster.check_tables()
    assert kept(cluster) is not None
    check_goes_on(cluster)


def test_a_call_with_a_snapshot_is_quarantined_as_any_other(cluster: Cluster) -> None:
    establish(cluster, EVERY + 10)
    cluster.after(PASSIVATED)
    version = cluster.state(CallId("c")).version
    cluster.journal.spoil(CallId("c"), version - 1, b"\xc1")
    assert b"quarantined" in str(cluster.do(Verb.QUERY, CallId("c"))).encode()
    cluster.after(1)
    with pytest.raises(CorruptEntry) as caught:
        cluster.stream(CallId("c"))
    assert (caught.value.version, caught.value.last) == (version - 1, version + 1)
    (entry,) = cluster.run(_read(cluster, version))
    assert isinstance(entry.event, Quarantined)
    cluster.restart(0)
    assert b"quarantined" in str(cluster.do(Verb.QUERY, CallId("c"))).encode(), "its snapshot does not hide it"


async def _read(cluster: Cluster, after: int) -> list[Recorded]:
    return await cluster.journal.read(CallId("c"), after)


def test_other_calls_have_turns_while_a_long_one_is_read(cluster: Cluster) -> None:
    establish(cluster, EVERY + MARGIN + 5 * SLICE)
    cluster.journal.forget_snapshot(CallId("c"))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(PAUSE / 4)

    async def both() -> StoredCall:
        other = asyncio.ensure_future(others())
        call = await load(cluster.journal, CallId("c"), CallHistory(CallId("c")))
        other.cancel()
        return call

    assert cluster.run(both()).state == cluster.state(CallId("c"))
    assert turns >= 4 * 4, "several after each slice, and a request needs several"
