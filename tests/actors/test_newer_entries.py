"""Calls of which a newer version of the program has written: they are well, and are left to control nodes of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest

from actors.control.control import Control
from events.codec import Encoded
from events.journal import NewerEntry
from events.names import CallId
from events.records import LiveCall
from events.verb import Verb
from tests.actors.simulation import Cluster
from tests.actors.test_promises import sdp

CALL = CallId("c1")


def entry(name: bytes, *, schema: int = 1, data: Mapping[str, Any] | None = None, **more: Any) -> Encoded:
    payload = msgpack.packb({"s": schema, "t": 1_700_000_000_000, "n": "newer", "d": data or {}, **more})
    return Encoded(name, payload, 0)


NEWER = {
    "an event": entry(b"levitated", schema=3),
    "a schema": entry(b"deleted", schema=99),
    "a field": entry(b"quarantined", data={"w": "because", "colour": "red"}),
    "a part": entry(b"answer failed", data={"s": 1, "f": "A", "w": ""}, z=b"packed"),
}


def placed(cluster: Cluster) -> None:
    """Have a call answered, and let it leave the memory of control nodes."""
    cluster.do(Verb.OFFER, CALL, a="A", sdp=sdp(1))
    cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp=sdp(2))
    cluster.after(30)


def row(cluster: Cluster) -> LiveCall | None:
    return cluster.run(cluster.journal.row(CALL))


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
def test_a_call_of_a_newer_program_is_left_as_it_is(cluster: Cluster, newer: Encoded) -> None:
    placed(cluster)
    before = row(cluster)
    cluster.journal.add(CALL, newer)
    with pytest.raises(NewerEntry):
        cluster.stream(CALL)
    for verb in (Verb.OFFER, Verb.DELETE, Verb.QUERY):
        reply = cluster.do(verb, CALL, place=1, a="A", b="B", sdp=sdp(3))
        assert reply == {b"result": b"error", b"error-reason": b"Parallel session limit reached"}, (
            "another one may take it"
        )
    cluster.after(3600)
    assert row(cluster) == before
    cluster.journal.cut(CALL, 3)  # as if it could be read by now
    assert cluster.do(Verb.DELETE, CALL, place=1, a="A")[b"result"] == b"ok"
    cluster.check_no_leak()


def test_an_operator_can_end_a_call_of_a_newer_program(cluster: Cluster) -> None:
    placed(cluster)
    cluster.journal.add(CALL, NEWER["an event"])
    cluster.run(Control(cluster.journal).end_quarantined(CALL, "a test"))
    cluster.after(60)
    assert row(cluster) is None
    assert not any(relay.held() for relay in cluster.fakes.values())


@pytest.mark.parametrize("damage", ["garbage", "newer"])
def test_an_ended_call_that_cannot_be_read_does_not_come_back(cluster: Cluster, damage: str) -> None:
    placed(cluster)
    cluster.do(Verb.DELETE, CALL, a="A")
    cluster.after(30)
    version = len(cluster.stream(CALL))
    assert row(cluster) is None
    if damage == "newer":
        cluster.journal.add(CALL, NEWER["an event"])
    else:
        cluster.journal.spoil(CALL, version, b"garbage")
    assert cluster.do(Verb.DELETE, CALL, place=1, a="A")[b"result"] == b"error"
    cluster.after(60)
    assert row(cluster) is None
    assert cluster.run(cluster.journal.stored(CALL)).version == version + (damage == "newer")
