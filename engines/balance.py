"""Which calls have to move so that nodes have their shares: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from events.names import NodeName
from events.values import value


@value
class Shift:
    """So many calls are to go from one node to another."""

    source: NodeName
    destination: NodeName
    calls: int


def shares(counts: Mapping[NodeName, int], weights: Mapping[NodeName, int]) -> dict[NodeName, int]:
    """Return how many calls each node is to have: in proportion to the weights, in whole calls, the same sum.

    What does not come out even stays with the nodes that have it, so that as few calls move as can be.
    """
    whole, total = sum(weights.values()), sum(counts.get(name, 0) for name in weights)
    if not whole:
        return {name: counts.get(name, 0) for name in weights}
    wanted = {name: total * weight // whole for name, weight in weights.items()}
    uneven = [name for name, weight in weights.items() if total * weight % whole]
    uneven.sort(key=lambda name: (wanted[name] - counts.get(name, 0), -(total * weights[name] % whole), name))
    for name in uneven[: total - sum(wanted.values())]:
        wanted[name] += 1
    return wanted


def shifts(counts: Mapping[NodeName, int], weights: Mapping[NodeName, int]) -> list[Shift]:
    """Return the fewest moves after which each node with a weight has its share of the calls of all of them."""
    wanted = shares(counts, weights)
    differences = {name: counts.get(name, 0) - share for name, share in wanted.items()}
    return list(_matched(differences))


def _matched(differences: dict[NodeName, int]) -> Iterator[Shift]:
    """Yield what nodes that have too many calls give to those that have too few."""
    wanting = sorted((name for name, more in differences.items() if more < 0), key=lambda name: differences[name])
    for source in sorted((name for name, more in differences.items() if more > 0), key=lambda name: -differences[name]):
        while differences[source]:
            destination = next(name for name in wanting if differences[name] < 0)
            calls = min(differences[source], -differences[destination])
            differences[source] -= calls
            differences[destination] += calls
            yield Shift(source, destination, calls)
