"""Who serves which call: everybody knows the same, and nobody has more than others."""

from __future__ import annotations

from collections import Counter

import pytest

from gateways.handoff.sharing import Sharing, order_of

CALLS = [b"call-%d@example.com" % number for number in range(3000)]


def sharing(workers: int, *alive: int) -> Sharing:
    made = Sharing(workers)
    made.set_alive(alive or range(1, workers + 1))
    return made


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 64])
def test_each_part_has_all_workers_in_its_order(workers: int) -> None:
    for part in range(256):
        assert sorted(order_of(part, workers)) == list(range(1, workers + 1))


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_workers_have_equally_many_calls(workers: int) -> None:
    whole = sharing(workers)
    counted = Counter(whole.server(call) for call in CALLS)
    assert set(counted) == set(range(1, workers + 1))
    assert max(counted.values()) < 1.2 * min(counted.values())


def test_the_calls_of_one_that_is_gone_are_spread_over_the_others_and_those_of_the_others_stay() -> None:
    whole, less = sharing(4), sharing(4, 1, 2, 4)
    moved = Counter(less.server(call) for call in CALLS if whole.server(call) == 3)
    assert set(moved) == {1, 2, 4}
    assert max(moved.values()) < 1.5 * min(moved.values())
    assert all(less.server(call) == whole.server(call) for call in CALLS if whole.server(call) != 3)


def test_the_stand_in_is_who_serves_a_call_while_its_worker_is_gone() -> None:
    whole = sharing(3)
    for call in CALLS:
        others = [worker for worker in (1, 2, 3) if worker != whole.server(call)]
        assert whole.stand_in(call) == sharing(3, *others).server(call)
    assert sharing(3, 2).stand_in(CALLS[0]) is None
