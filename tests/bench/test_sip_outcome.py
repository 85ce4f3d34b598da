from __future__ import annotations

import pytest

from bench.sip.outcome import read_set_ups, read_statistics, sum_up


def test_statistics_are_those_of_the_last_line() -> None:
    text = "SuccessfulCall(C);refused(C);\n1;0;\n5;2;\n"
    assert read_statistics(text) == {"SuccessfulCall(C)": "5", "refused(C)": "2", "": ""}


def test_statistics_without_figures_are_an_error() -> None:
    with pytest.raises(ValueError, match="no statistics"):
        read_statistics("SuccessfulCall(C);refused(C);\n")


def test_set_ups_are_in_ms() -> None:
    text = "100.000000 999000.000000 101.000000 1500.000000\n7.000000 10.000000 7.000000 20.000000\n"
    assert read_set_ups(text) == [pytest.approx(2.5), pytest.approx(0.01)]


def test_torn_lines_are_left_out() -> None:
    assert read_set_ups("1.0 0 1.0 2500\n1.0 2500\n1.0 0 2.0 0\n") == [pytest.approx(2.5), pytest.approx(1000.0)]


def test_calls_that_were_neither_completed_nor_refused_have_failed() -> None:
    caller = {"SuccessfulCall(C)": "7", "refused(C)": "2", "Retransmissions(C)": "3"}
    calls = sum_up(10, caller, {"Retransmissions(C)": "4"}, [3.0, 1.0, 2.0], 2.5)
    assert (calls.asked, calls.completed, calls.refused, calls.failed, calls.retransmissions) == (10, 5, 2, 3, 7)
    assert (calls.p50, calls.max) == (2.0, 3.0)
    assert calls.rate == 2.0


def test_calls_of_which_none_was_answered_have_no_set_up_time() -> None:
    caller = {"SuccessfulCall(C)": "0", "refused(C)": "0", "Retransmissions(C)": "0"}
    calls = sum_up(1, caller, {"Retransmissions(C)": "0"}, [], 0.0)
    assert (calls.failed, calls.max, calls.rate) == (1, 0.0, 0.0)
