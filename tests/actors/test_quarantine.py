"""One bad call never stops the others: it is left alone, with a clear error and an event."""

from __future__ import annotations

from typing import Any

import pytest

from actors.effects import Decision, Flow, Record
from events.types import Quarantined
from replay.state import CallState
from tests.actors.simulation import Cluster


def bug(_: CallState) -> Decision:
    raise RuntimeError("a bug")


def failing_flow(*_: Any) -> Flow:
    yield Record(bug)
    return None


def test_a_call_that_fails_again_and_again_is_quarantined_alone(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.do("offer", "bad", a="A", sdp="caller")
    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.table.other", failing_flow)
        for _ in range(3):
            reply = cluster.do("query", "bad")
            assert reply[b"error-reason"] == b"Internal error: RuntimeError('a bug')"
        assert cluster.do("offer", "good", a="A", sdp="caller")[b"result"] == b"ok"
    cluster.after(1)
    reply = cluster.do("answer", "bad", a="A", b="B", sdp="callee")
    assert reply[b"error-reason"] == b"Call is quarantined: it failed 3 times in a row, last with RuntimeError('a bug')"
    last = cluster.stream("bad")[-1].event
    assert isinstance(last, Quarantined)
    assert cluster.do("query", "bad", place=1)[b"result"] == b"error", "every control node leaves it alone"
    assert cluster.do("delete", "good", a="A")[b"result"] == b"ok"


def test_a_call_whose_stream_cannot_be_read_is_quarantined_alone(cluster: Cluster) -> None:
    cluster.do("offer", "bad", a="A", sdp="caller")
    cluster.do("offer", "good", a="A", sdp="caller")
    cluster.after(60)
    cluster.run(_spoil(cluster, "bad"))
    reply = cluster.do("answer", "bad", a="A", b="B", sdp="callee", place=1)
    assert reply[b"result"] == b"error"
    assert bytes(reply[b"error-reason"]).startswith(b"Call is quarantined: call 'bad', entry 1-0: ")  # type: ignore[arg-type]
    assert cluster.do("answer", "good", a="A", b="B", sdp="callee", place=1)[b"result"] == b"ok"
    cluster.after(1)
    rows = cluster.run(_rows(cluster))
    assert rows == {"bad": "quarantined", "good": "live"}


def test_one_failure_does_not_cost_the_call_its_life(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.do("offer", "c", a="A", sdp="caller")
    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.table.other", failing_flow)
        cluster.do("query", "c")
    assert cluster.do("answer", "c", a="A", b="B", sdp="callee")[b"result"] == b"ok"
    cluster.check_no_leak()


async def _spoil(cluster: Cluster, call_id: str) -> None:
    cluster.journal.spoil(call_id, 1, b"garbage")


async def _rows(cluster: Cluster) -> dict[str, str]:
    return {row.call_id: row.status async for row in cluster.journal.live_calls()}
