"""A snapshot says what the fold says, and one that does not is found out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from events.names import CallId
from events.records import Recorded
from events.verb import Verb
from replay import snapshots
from replay.fold import fold, fold_on
from replay.snapshots import UnusableSnapshot, restore, take, verify
from tests.events.samples import EVENTS
from tests.replay.golden_streams import CALL, GoldenStream, load

STREAMS = [stream for schema in (1, 2) for stream in load(schema)]
GOLDEN = Path(__file__).parent / "golden" / "snapshots.json"
MEDIA = [Recorded(n, 1000 * n, "control-1", event) for n, event in enumerate(EVENTS[:6], 1)]


def golden() -> dict[str, str]:
    """Return the state of each golden stream as snapshots have it."""
    made = {}
    for number, stream in enumerate(STREAMS):
        records = stream.records()
        made[f"{number} {stream.name}"] = take(fold(CallId(CALL), records), records[-1]).state.hex()
    return made


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_call_goes_on_from_any_snapshot_as_from_its_events(stream: GoldenStream) -> None:
    records = stream.records()
    whole = fold(CallId(CALL), records)
    for version in range(1, len(records) + 1):
        snapshot = take(fold(CallId(CALL), records[:version]), records[version - 1])
        state = restore(snapshot, records[version - 1])
        assert state == verify(CallId(CALL), snapshot, records)
        fold_on(state, records[version:])
        assert state == whole


def test_what_is_on_its_way_is_read_back_as_it_was() -> None:
    """Its verb is a member of the enumeration again, and no text that is equal to it."""
    intended = MEDIA[0]
    state = restore(take(fold(CallId(CALL), [intended]), intended), intended)
    (session,) = state.sessions.values()
    assert [operation.verb for operation in session.operations.values() if operation.verb is Verb.OFFER] == [Verb.OFFER]


def test_the_meaning_of_events_changes_only_with_the_schema() -> None:
    """If this fails, old snapshots would be taken for what the fold gives today.

    Raise MEANING in replay/snapshots.py unless the state's classes have changed, and run
    `python -m tests.replay.test_snapshots`.
    """
    assert json.loads(GOLDEN.read_text()) == {"schema": snapshots.SCHEMA, "states": golden()}


def test_one_that_is_damaged_of_another_program_or_of_another_history_is_not_used() -> None:
    state, last = fold(CallId(CALL), MEDIA), MEDIA[-1]
    snapshot = take(state, last)
    assert restore(snapshot, last) == state
    damaged = [
        replace(snapshot, state=snapshot.state[:-1] + b"\xff"),
        replace(snapshot, state=b""),
        replace(snapshot, digest=b""),
        replace(snapshot, schema="999.abc"),
        replace(snapshot, version=5),
    ]
    for one in damaged:
        with pytest.raises(UnusableSnapshot):
            restore(one, last)
    for other in (replace(last, at=1), replace(last, by="other"), replace(last, event=MEDIA[0].event)):
        with pytest.raises(UnusableSnapshot):
            restore(snapshot, other)


def test_a_state_of_another_shape_is_not_used() -> None:
    """Its digest is right: only its shape says that no state is there."""
    last = MEDIA[-1]
    right = take(fold(CallId(CALL), MEDIA), last)
    for state in (b"\x90", b"\x01", b"\xc1"):
        digest = snapshots._digest(snapshots.SCHEMA, state, last)
        with pytest.raises(UnusableSnapshot, match="no state"):
            restore(replace(right, state=state, digest=digest), last)


def test_one_that_says_other_than_the_events_is_found_out() -> None:
    state = fold(CallId(CALL), MEDIA)
    state.refusals += 1
    with pytest.raises(UnusableSnapshot, match="differs from the events in refusals"):
        verify(CallId(CALL), take(state, MEDIA[-1]), MEDIA)
    with pytest.raises(UnusableSnapshot, match="the stream has 3"):
        verify(CallId(CALL), take(fold(CallId(CALL), MEDIA), MEDIA[-1]), MEDIA[:3])


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({"schema": snapshots.SCHEMA, "states": golden()}, indent=0) + "\n")
