"""The counters of all workers: never less than before, whoever dies."""

from __future__ import annotations

from actors.control.counters import Sample, Together, total
from events.histogram import Histogram
from rtp_relay.workers.messages import Alive
from rtp_relay.workers.totals import SLICE, Telling, Totals

OK = (("result", "ok"),)


def test_what_all_have_counted_is_added_up() -> None:
    totals = Totals()
    totals.heard(1, [Sample("ng", "requests", 3, OK), Sample("ng", "repeats", 1)])
    totals.heard(2, [Sample("ng", "requests", 4, OK), Sample("calls", "resident", 2, gauge=True)])
    totals.heard(2, [Sample("ng", "requests", 5, OK), Sample("calls", "resident", 6, gauge=True)])
    assert totals.all() == [
        Sample("ng", "requests", 8, OK),
        Sample("ng", "repeats", 1),
        Sample("calls", "resident", 6, gauge=True),
    ]
    totals.heard(2, [], [("calls", "resident", ())])
    assert totals.all() == [Sample("ng", "requests", 8, OK), Sample("ng", "repeats", 1)]


def test_what_one_has_counted_stays_when_it_dies_but_not_what_it_had_then() -> None:
    totals = Totals()
    totals.heard(1, [Sample("ng", "requests", 3, OK), Sample("calls", "resident", 7, gauge=True)])
    totals.ended(1)
    totals.heard(1, [Sample("ng", "requests", 1, OK)])
    totals.ended(1)
    assert totals.all() == [Sample("ng", "requests", 4, OK)]


def test_what_no_worker_counts_any_more_is_over_for_one_that_died_too() -> None:
    """As what was asked of a node that has been removed; while one of them still has it, the sum stays what it was."""
    of_node, other = Sample("node", "requests", 3, (("node", "relay-1"),)), Sample("ng", "requests", 1)
    totals = Totals()
    totals.heard(1, [of_node, other])
    totals.ended(1)
    totals.heard(1, [of_node])
    totals.heard(2, [of_node])
    totals.heard(1, [], [of_node.key])
    assert {one.key: one.number for one in totals.all()} == {of_node.key: 6, other.key: 1}
    totals.heard(2, [], [of_node.key])
    assert totals.all() == [other]


def test_a_worker_that_dies_before_it_has_heard_of_it_leaves_nothing_that_is_over() -> None:
    of_node = Sample("node", "requests", 3, (("node", "relay-1"),))
    totals = Totals()
    totals.heard(1, [of_node])
    totals.heard(2, [of_node])
    totals.heard(1, [], [of_node.key])
    totals.ended(2)
    assert totals.all() == []
    totals.heard(1, [of_node])
    totals.ended(1)
    assert totals.all() == [of_node], "it is there again"


def test_a_worker_tells_what_has_changed_and_what_could_not_be_told() -> None:
    totals, takes = Totals(), True

    def send(alive: Alive) -> bool:
        assert len(alive.changed) <= SLICE
        if takes:
            sent.append(len(alive.changed))
            totals.heard(1, alive.changed, alive.gone)
        return takes

    sent: list[int] = []
    telling = Telling(send)
    many = [Sample("a", "b", number, (("node", str(number)),)) for number in range(2 * SLICE + 1)]
    telling.tell(many)
    assert totals.all() == many
    assert sent == [SLICE, SLICE, 1]
    telling.tell(many)
    assert sent[3:] == [0]  # that it lives is told in any case
    takes = False
    fewer = [*many[1:5], Sample("c", "d", 1)]
    telling.tell(fewer)
    takes = True
    telling.tell(fewer)
    assert totals.all() == fewer
    assert sent[4:] == [1]


def histogram(*numbers: float) -> Sample:
    made = Histogram((1.0, 2.0))
    for number in numbers:
        made.observe(number)
    return Sample("a", "seconds", made.sum, buckets=tuple(made.counts), bounds=made.bounds)


def test_histograms_and_gauges_of_several_come_together() -> None:
    assert total([histogram(0.5, 1.0), histogram(1.5, 3.0)]) == [histogram(0.5, 1.0, 1.5, 3.0)]
    assert histogram(0.5, 1.0).count == 2

    def gauge(number: int, together: Together) -> Sample:
        return Sample("node", "x", number, gauge=True, together=together)

    for together, expected in ((Together.SUM, 3), (Together.MOST, 2), (Together.LEAST, 1)):
        assert total([gauge(1, together), gauge(2, together)]) == [gauge(expected, together)]


def test_a_total_has_one_sample_of_each_thing_in_their_order() -> None:
    samples = [Sample("b", "x", 1), Sample("a", "x", 2), Sample("b", "x", 3), Sample("b", "x", 4, OK)]
    assert total(samples) == [Sample("b", "x", 4), Sample("a", "x", 2), Sample("b", "x", 4, OK)]
