"""The choice of a node."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.sets import NodeSpec, rank
from events.names import CallId, NodeName

CALLS = [f"call-{number}@example.com" for number in range(4000)]


def node(name: str, weight: int = 1) -> NodeSpec:
    return NodeSpec(name=NodeName(name), engine="rtpengine", url="udp:127.0.0.1:2223", weight=weight)


node_lists = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 9), max_size=7).map(
    lambda weights: [node(name, weight) for name, weight in weights.items()]
)


def test_the_choice_is_the_same_in_every_process_and_version() -> None:
    nodes = [node("a"), node("b"), node("c", 2), node("d", 5)]
    assert ["".join(best.name for best in rank(CallId(call), nodes)) for call in CALLS[:4]] == [
        "cadb",
        "dcab",
        "abcd",
        "dcab",
    ]


@given(st.text(max_size=40), node_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_nodes_does_not_matter(call_id: CallId, nodes: list[NodeSpec], chance: random.Random) -> None:
    shuffled = sorted(nodes, key=lambda _: chance.random())
    assert rank(call_id, shuffled) == rank(call_id, nodes)


@given(st.text(max_size=40), node_lists)
def test_all_nodes_with_a_weight_are_ranked(call_id: CallId, nodes: list[NodeSpec]) -> None:
    ranked = rank(call_id, nodes)
    assert {best.name for best in ranked} == {given.name for given in nodes if given.weight}
    assert len(ranked) == len({best.name for best in ranked})


@given(st.text(max_size=40), node_lists, st.integers(0, 6))
def test_a_node_that_goes_leaves_the_order_of_the_others(call_id: CallId, nodes: list[NodeSpec], which: int) -> None:
    gone = nodes[which % len(nodes)] if nodes else None
    rest = [kept for kept in nodes if kept != gone]
    assert rank(call_id, rest) == [best for best in rank(call_id, nodes) if best != gone]


@given(st.text(max_size=40), node_lists.filter(bool), st.integers(1, 5))
def test_a_node_that_gains_weight_draws_calls_only_to_itself(call_id: CallId, nodes: list[NodeSpec], more: int) -> None:
    heavier = node(nodes[0].name, nodes[0].weight + more)
    before = [best.name for best in rank(call_id, nodes)]
    after = [best.name for best in rank(call_id, [heavier, *nodes[1:]])]
    assert after[0] in (heavier.name, *before[:1])
    assert [name for name in after if name != heavier.name] == [name for name in before if name != heavier.name]


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 2, 3, 4), (10, 1, 0, 5), (100, 100, 100, 700)])
def test_weights_give_shares(weights: tuple[int, ...]) -> None:
    nodes = [node(f"node-{number}", weight) for number, weight in enumerate(weights)]
    taken = Counter(rank(CallId(call), nodes)[0].name for call in CALLS)
    for spec in nodes:
        share = spec.weight / sum(weights)
        deviation = (len(CALLS) * share * (1 - share)) ** 0.5
        assert abs(taken[spec.name] - len(CALLS) * share) <= 4 * deviation  # the calls are always the same ones


def test_no_nodes_no_choice() -> None:
    assert rank(CallId("call"), []) == []
    assert rank(CallId("call"), [node("a", 0)]) == []
