"""The counters of all workers: never less than before, whoever dies."""

from __future__ import annotations

from actors.control.counters import Sample, total
from rtp_relay.workers.totals import Totals

OK = (("result", "ok"),)


def test_what_others_have_counted_is_added_up() -> None:
    totals = Totals()
    totals.heard(1, [Sample("ng", "requests", 3, OK), Sample("ng", "repeats", 1)])
    totals.heard(2, [Sample("ng", "requests", 4, OK), Sample("calls", "resident", 2, gauge=True)])
    totals.heard(2, [Sample("ng", "requests", 5, OK), Sample("calls", "resident", 6, gauge=True)])
    assert totals.of_others(1) == (Sample("ng", "requests", 5, OK), Sample("calls", "resident", 6, gauge=True))
    assert totals.of_others(2) == (Sample("ng", "requests", 3, OK), Sample("ng", "repeats", 1))


def test_what_one_has_counted_stays_when_it_dies_but_not_what_it_had_then() -> None:
    totals = Totals()
    totals.heard(1, [Sample("ng", "requests", 3, OK), Sample("calls", "resident", 7, gauge=True)])
    totals.ended(1)
    totals.heard(1, [Sample("ng", "requests", 1, OK)])
    totals.ended(1)
    assert totals.of_others(1) == totals.of_others(2) == (Sample("ng", "requests", 4, OK),)


def test_a_total_has_one_sample_of_each_thing_in_their_order() -> None:
    samples = [Sample("b", "x", 1), Sample("a", "x", 2), Sample("b", "x", 3), Sample("b", "x", 4, OK)]
    assert total(samples) == [Sample("b", "x", 4), Sample("a", "x", 2), Sample("b", "x", 4, OK)]
