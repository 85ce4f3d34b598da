"""What is decided about nodes is the fold of their events."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from events.names import NodeName
from events.node_events import (
    AdminState,
    NodeAdded,
    NodeChanged,
    NodeEvent,
    NodeLeaving,
    NodeRemoved,
    NodeReset,
    NodeStateSet,
)
from replay.node_decisions import NodeDecisions
from replay.nodes import DecidedNodes, fold_nodes
from tests.events.decisions_contract import DECISIONS, decided

NODE = NodeName("relay-1")
DRAINING = NodeStateSet(node=NODE, asked_by="ann", state=AdminState.DRAINING, reason="kernel")
ACTIVE = replace(DRAINING, state=AdminState.ACTIVE)
ADDED = NodeAdded(node=NODE, asked_by="ann", engine="rtpengine", url="udp:192.0.2.1:2223")
LEAVING = NodeLeaving(node=NODE, asked_by="bob")
REMOVED = NodeRemoved(node=NODE, asked_by="bob")
RESET = NodeReset(node=NODE, asked_by="bob")


def of(*events: NodeEvent) -> NodeDecisions:
    records = [decided(version, event=event) for version, event in enumerate(events, 1)]
    state = fold_nodes(records)
    assert state.version == len(events)
    known = state.nodes[NODE]
    assert known.last == records[-1]
    return known


def test_the_newest_word_about_each_thing_holds() -> None:
    known = of(
        DRAINING,
        NodeChanged(node=NODE, asked_by="ann", weight=0, set="gold"),
        NodeChanged(node=NODE, asked_by="bob", weight=3, priority=0),
    )
    assert (known.state, known.weight, known.set, known.priority) == (AdminState.DRAINING, 3, "gold", 0)


def test_who_wants_it_to_serve_calls_does_not_want_it_to_leave() -> None:
    assert of(LEAVING).leaving
    assert of(LEAVING, DRAINING).leaving
    assert not of(LEAVING, ACTIVE).leaving


def test_a_removal_ends_what_was_decided_and_an_addition_too() -> None:
    known = of(ADDED, DRAINING, LEAVING, REMOVED)
    assert (known.removed, known.added, known.state, known.leaving) == (True, ADDED, None, False)
    again = of(ADDED, DRAINING, REMOVED, ADDED)
    assert (again.removed, again.state) == (False, None)


def test_a_reset_leaves_the_description_alone() -> None:
    for before in ((ADDED, DRAINING), (ADDED, REMOVED), (ADDED, LEAVING)):
        assert of(*before, RESET) == replace(of(ADDED), last=decided(len(before) + 1, event=RESET))


@given(st.lists(st.sampled_from(DECISIONS)), st.integers(0, 30))
def test_a_fold_goes_on_where_it_stopped(events: list[NodeEvent], cut: int) -> None:
    records = [decided(version, event=event) for version, event in enumerate(events, 1)]
    assert fold_nodes(records[cut:], fold_nodes(records[:cut])) == fold_nodes(records)
    assert fold_nodes([]) == DecidedNodes()
