"""Nodes get their shares by the fewest moves, for any numbers of calls and weights."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engines.balance import shares, shifts
from events.names import NodeName

NAMES = [NodeName(f"n{number}") for number in range(8)]
NODES = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(0, 500), st.integers(0, 20)), min_size=1)


@given(NODES)
def test_after_the_moves_each_node_has_its_share(nodes: dict[NodeName, tuple[int, int]]) -> None:
    counts = Counter({name: count for name, (count, _) in nodes.items()})
    weights = {name: weight for name, (_, weight) in nodes.items()}
    total, whole = counts.total(), sum(weights.values())
    moves = shifts(counts, weights)
    for move in moves:
        assert move.calls > 0
        assert move.source != move.destination
        counts[move.source] -= move.calls
        counts[move.destination] += move.calls
    assert counts.total() == total
    for name, weight in weights.items():
        assert counts[name] >= 0
        if whole:
            assert abs(counts[name] * whole - total * weight) < whole, "less than a call from its exact share"


@given(NODES)
def test_no_call_moves_that_need_not(nodes: dict[NodeName, tuple[int, int]]) -> None:
    counts = {name: count for name, (count, _) in nodes.items()}
    weights = {name: weight for name, (_, weight) in nodes.items()}
    moves = shifts(counts, weights)
    sources, destinations = {one.source for one in moves}, {one.destination for one in moves}
    assert not sources & destinations, "no node gives and takes"
    whole, total = sum(weights.values()), sum(counts.values())
    moved = sum(one.calls for one in moves)
    if whole:
        # any node gives at least what it has above its share, rounded up; the least that all can do with
        least = max(
            sum(max(0, count - -(-total * weights[name] // whole)) for name, count in counts.items()),
            sum(max(0, total * weights[name] // whole - count) for name, count in counts.items()),
        )
        assert moved == least
    assert shifts(shares(counts, weights), weights) == [], "what is even stays"


def test_weights_of_nothing_move_nothing() -> None:
    assert shifts({NAMES[0]: 5}, {NAMES[0]: 0, NAMES[1]: 0}) == []
