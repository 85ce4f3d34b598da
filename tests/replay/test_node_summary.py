"""What a summary says of nodes is what the decisions that it stands for come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from events.names import NodeName
from events.node_events import NODE_EVENT_TYPES, NodeEvent, NodeReset, NodesSummarized, NodeSummary
from events.records import Recorded
from replay.node_decisions import NodeDecisions, summary_of, told_again
from replay.nodes import DecidedNodes, fold_nodes
from tests.events.decisions_contract import DECISIONS, decided

NAMES = tuple(map(NodeName, ("relay-1", "relay-2")))
HISTORIES = st.lists(st.builds(replace, st.sampled_from(DECISIONS), node=st.sampled_from(NAMES)), max_size=12)


def recorded(events: list[NodeEvent]) -> list[Recorded]:
    return [decided(version, at=version, event=event) for version, event in enumerate(events, 1)]


def without_places(state: DecidedNodes) -> dict[NodeName, NodeDecisions]:
    return {name: replace(one, last=replace(one.last, version=0)) for name, one in state.nodes.items()}


@given(HISTORIES, st.integers(0, 12))
def test_a_summary_and_what_follows_come_to_the_same(events: list[NodeEvent], cut: int) -> None:
    records = recorded(events)
    old = fold_nodes(records[:cut])
    summary = NodesSummarized(nodes=tuple(map(summary_of, old.nodes.values())))
    shortened = [Recorded(old.version, 5, "any", summary), *records[cut:]]
    for known in (0, cut // 2, cut):
        assert fold_nodes(shortened, fold_nodes(records[:known])) == fold_nodes(records), "whatever was known before"


@given(HISTORIES)
def test_what_is_told_again_comes_to_the_same(events: list[NodeEvent]) -> None:
    state = fold_nodes(recorded(events))
    told = told_again(state.nodes, 3)
    assert [record.version for record in told] == list(range(4, len(told) + 4))
    assert without_places(fold_nodes(told)) == without_places(state)


def test_a_summary_that_says_no_last_decision_is_read_all_the_same() -> None:
    odd = NodeSummary(node=NAMES[0], version=1, at=2, by="another program", weight=3)
    known = fold_nodes([Recorded(1, 2, "", NodesSummarized(nodes=(odd,)))]).nodes[NAMES[0]]
    assert (known.weight, known.last_event) == (3, NodeReset(node=NAMES[0], asked_by=""))


def test_a_summary_has_a_schema_of_its_own_for_each_of_the_events_in_it() -> None:
    assert NodesSummarized.schema >= max(event.schema for event in NODE_EVENT_TYPES)


def test_what_has_to_be_remembered_of_a_node() -> None:
    by_name = {event.name: event for event in DECISIONS}
    added, drained, removed, reset = (
        replace(by_name[name], node=NAMES[0]) for name in ("node added", "node state set", "node removed", "node reset")
    )

    def of(*events: NodeEvent) -> tuple[bool, bool]:
        known = fold_nodes(recorded(list(events))).nodes[NAMES[0]]
        return known.says_nothing, known.is_over

    assert of(drained, reset) == (True, False)
    assert of(removed, reset) == (True, False)
    assert of(drained) == of(added) == of(added, reset) == (False, False)
    assert of(removed) == (False, False), "a configuration may still have it"
    assert of(added, removed) == (False, True)
