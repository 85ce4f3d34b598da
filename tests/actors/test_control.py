"""The control interface: what is asked of the whole, and how it is steered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from actors.control.control import Control
from actors.control.counters import Sample, samples_of
from events.names import CallId, NodeName
from events.records import CallFilter
from events.verb import Verb
from tests.actors.simulation import Cluster


def control_of(cluster: Cluster) -> Control:
    node = cluster.nodes[0]
    return Control(node.journal, node.table, name=node.name, version="1", now=cluster.loop.now_ms)


async def ids(control: Control, wanted: CallFilter) -> set[str]:
    return {call.call_id async for call in control.calls(wanted)}


@pytest.fixture
def cluster() -> Iterable[Cluster]:
    made = Cluster(relays=2, control_nodes=1)
    for n in range(6):
        assert made.do(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x")[b"result"] == b"ok"
    made.do(Verb.ANSWER, CallId("c0"), a="A", b="B", sdp="y")
    yield made
    made.close()


def test_live_calls_are_listed_by_node_set_and_status(cluster: Cluster) -> None:
    control = control_of(cluster)
    everyone = {f"c{n}" for n in range(6)}
    assert cluster.run(ids(control, CallFilter())) == everyone
    on_first = cluster.run(ids(control, CallFilter(node=NodeName("relay1"))))
    on_second = cluster.run(ids(control, CallFilter(node=NodeName("relay2"))))
    assert on_first | on_second == everyone
    assert not on_first & on_second
    assert cluster.run(ids(control, CallFilter(set="another"))) == set()
    assert cluster.run(ids(control, CallFilter(status=cluster.run(control.call(CallId("c0"))).status))) >= {"c0"}
    counted = cluster.run(control.count_calls())
    assert (counted[""], counted["relay1"]) == (6, len(on_first))


def test_one_call_and_its_history(cluster: Cluster) -> None:
    control = control_of(cluster)
    history = cluster.run(control.history(CallId("c0")))
    state = cluster.run(control.call(CallId("c0")))
    assert [record.event.name for record in history] == cluster.events(CallId("c0"))
    assert (state.version, state.answered) == (len(history), True)
    assert cluster.run(control.call(CallId("nobody"))).version == 0


def test_what_a_control_node_says_of_itself(cluster: Cluster) -> None:
    status = cluster.run(control_of(cluster).status())
    assert (status.name, status.version) == (cluster.nodes[0].name, "1")
    assert [node.name for node in status.nodes] == ["relay1", "relay2"]


@dataclass
class Counted:
    """Counters of a part."""

    seen: int = 3
    requests: Counter[tuple[str, str]] = field(default_factory=lambda: Counter({("offer", "ok"): 2}))

    def samples(self) -> Iterable[Sample]:
        return samples_of("door", self, {"requests": ("verb", "result")})


def test_the_counters_of_all_parts_come_together(cluster: Cluster) -> None:
    control = control_of(cluster)
    control.count_with(Counted())
    control.count_with(cluster.nodes[0].directory)
    resident = Sample("calls", "resident", cluster.nodes[0].directory.resident, gauge=True)
    expected = [
        Sample("door", "seen", 3),
        Sample("door", "requests", 2, (("verb", "offer"), ("result", "ok"))),
        resident,
        Sample("calls", "failing", 0, gauge=True),
        *(Sample("adoption", name, 0) for name in ("asked", "adopted", "not_found", "refused")),
    ]
    found = cluster.run(control.samples())
    assert [sample for sample in found if sample in expected] == expected
    assert {sample.part for sample in found} == {"door", "calls", "adoption", "node"}
    with pytest.raises(TypeError, match="no dataclass"):
        list(samples_of("x", object()))
