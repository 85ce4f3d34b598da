"""A call as it was, and what differs between two states."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.names import CallId
from events.records import Recorded
from replay.fold import fold
from replay.history.past import Difference, NotThen, differences, state_after, state_at
from tests.replay.stories import CALL, STORY


def test_the_state_after_a_version_is_the_fold_up_to_it() -> None:
    for version in range(1, len(STORY) + 1):
        assert state_after(CALL, STORY, version) == fold(CALL, STORY[:version])


def test_the_state_at_a_time_has_all_that_was_written_by_then() -> None:
    for before, after in pairwise(STORY):
        assert state_at(CALL, STORY, after.at - 1) == fold(CALL, STORY[: before.version])
        assert state_at(CALL, STORY, after.at).version == after.version
    assert state_at(CALL, STORY, STORY[-1].at + 10**9).version == STORY[-1].version


@pytest.mark.parametrize("version", [0, -1, len(STORY) + 1])
def test_a_version_that_is_none_is_refused(version: int) -> None:
    with pytest.raises(NotThen, match=f"version {version}: .* 1 to {len(STORY)}"):
        state_after(CALL, STORY, version)


def test_before_its_beginning_there_is_no_call() -> None:
    with pytest.raises(NotThen, match="began later"):
        state_at(CALL, STORY, STORY[0].at - 1)
    with pytest.raises(NotThen):
        state_at(CALL, [], 0)


def test_what_differs_is_named_part_by_part() -> None:
    offered, deleted = state_after(CALL, STORY, 2), state_after(CALL, STORY, len(STORY))
    found = differences(offered, deleted)
    assert Difference("status", "live", "ended") in found
    assert Difference("sessions 1 status", "open", "closed") in found
    assert Difference("version", "2", str(len(STORY))) in found


@given(st.integers(1, len(STORY)), st.integers(1, len(STORY)))
@settings(max_examples=30)
def test_equal_states_differ_in_nothing_and_others_both_ways(one: int, other: int) -> None:
    before, after = state_after(CALL, STORY, one), state_after(CALL, STORY, other)
    there, back = differences(before, after), differences(after, before)
    assert (not there) == (one == other)
    assert sorted(part.part for part in there) == sorted(part.part for part in back)


def test_other_bytes_of_the_same_length_are_other_ones() -> None:
    before, after = state_after(CALL, STORY, 2), state_after(CALL, STORY, 2)
    (leg,) = after.legs.values()
    leg.sdp = leg.sdp.replace(b"192.0.2.1", b"192.0.2.2")
    assert leg.sdp != next(iter(before.legs.values())).sdp
    shown = {part.part: part.after for part in differences(before, after)}
    assert shown["legs caller sdp"] == f"other {len(leg.sdp)} bytes"


def test_a_history_of_another_call_is_not_needed() -> None:
    assert state_after(CallId("other"), [Recorded(1, 1, "a", STORY[0].event)], 1).call_id == "other"
