"""The bound on resident calls, passivation, and the orderly end."""

from __future__ import annotations

import weakref

import pytest

from actors.commands.sip import EndCall
from actors.directory import DirectorySettings
from actors.results import Done, MediaResult, NodeAnswered, Refused, Relayed
from events.names import CallId
from events.verb import Verb
from tests.actors.simulation import Cluster


def test_idle_calls_make_room_for_others_and_lose_nothing() -> None:
    cluster = Cluster(control_nodes=1, settings=DirectorySettings(max_resident=10))
    for n in range(50):
        assert cluster.do(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x")[b"result"] == b"ok"
    cluster.after(1)
    assert cluster.nodes[0].directory.resident <= 11
    for n in range(50):
        assert cluster.do(Verb.ANSWER, CallId(f"c{n}"), a="A", b="B", sdp="y")[b"result"] == b"ok"
        cluster.do(Verb.DELETE, CallId(f"c{n}"), a="A")
    cluster.check_no_leak()
    cluster.close()


def test_when_all_resident_calls_are_busy_more_are_refused_at_once() -> None:
    cluster = Cluster(control_nodes=1, settings=DirectorySettings(max_resident=10))
    for relay in cluster.relays.values():
        relay.delay = 0.3
    asked = [cluster.ask(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x") for n in range(30)]
    cluster.after(0.01)
    refused = [one for one in asked if one.reply is not None]
    assert len(refused) == 19, "a tenth more than the bound may be in while others are asked to leave"
    assert {bytes(one.reply[b"error-reason"]) for one in refused if one.reply} == {b"Parallel session limit reached"}  # type: ignore[arg-type]
    cluster.after(2)
    assert sum(one.ok for one in asked) == 11
    cluster.check_no_leak()
    cluster.close()


def test_an_ended_call_leaves_memory_at_once() -> None:
    cluster = Cluster(control_nodes=1)
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.after(0.01)
    assert cluster.nodes[0].directory.resident == 0
    cluster.close()


def test_closing_takes_no_new_calls_and_finishes_what_is_under_way() -> None:
    cluster = Cluster(control_nodes=1)
    directory = cluster.nodes[0].directory
    cluster.relays["relay1"].delay = cluster.relays["relay2"].delay = 0.2
    under_way = cluster.ask(Verb.OFFER, CallId("c"), a="A", sdp="x")
    closing = cluster.loop.create_task(directory.close(within=5))
    cluster.after(0.01)
    late = cluster.do(Verb.OFFER, CallId("late"), a="A", sdp="x")
    assert late == {b"result": b"error", b"error-reason": b"Parallel session limit reached"}
    assert cluster.loop.run_until_complete(closing)
    assert under_way.ok
    assert directory.resident == 0
    cluster.close()


def test_idle_calls_are_not_taken_for_busy_ones_however_little_time_closing_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = Cluster(control_nodes=1)
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    directory = cluster.nodes[0].directory
    assert directory.resident == 1
    assert cluster.loop.run_until_complete(cluster.loop.create_task(directory.close(within=0)))
    assert directory.resident == 0
    assert "its requests are refused" not in capsys.readouterr().out
    cluster.close()


def test_what_comes_at_the_last_moment_is_still_done() -> None:
    def go_on(_: object) -> None:
        directory.submit(EndCall(call_id=CallId("c"), reason="a wish"), results.append)

    cluster = Cluster(control_nodes=1)
    directory = cluster.nodes[0].directory
    results: list[Done | Refused] = []
    cluster.loop.call_soon(lambda: directory.submit(EndCall(call_id=CallId("c"), reason="another"), go_on))
    cluster.after(1)
    assert results == [Done()]
    assert directory.resident == 0
    cluster.close()


class _Asker:
    """Waits for a result."""

    result: MediaResult | None = None

    def __call__(self, result: MediaResult) -> None:
        self.result = result


@pytest.mark.parametrize("verb", [Verb.ANSWER, Verb.QUERY])
def test_a_call_at_rest_keeps_nothing_of_who_asked_last(verb: Verb) -> None:
    cluster = Cluster(control_nodes=1)
    directory = cluster.nodes[0].directory
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    asker = _Asker()
    left = weakref.ref(asker)
    command = cluster.command(verb, CallId("c"), a="A", b="B", sdp="callee")
    cluster.loop.call_soon(directory.submit, command, asker)
    cluster.after(1)
    assert isinstance(asker.result, Relayed | NodeAnswered)
    assert directory.resident == 1
    del asker
    assert left() is None
    cluster.close()
