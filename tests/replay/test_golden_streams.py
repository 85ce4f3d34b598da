"""Calls' SIP messages of all times are replayed to the state that they had, whatever the offer/answer table says."""

from __future__ import annotations

import pytest

from events.names import CallId
from events.registry import Event, SipMessageSeen
from replay.fold import fold
from replay.offer_answer import transitions
from replay.offer_answer.place import Place
from replay.offer_answer.table import Cell, Phase
from tests.replay.golden_streams import CALL, GoldenStream, judged, load, outcome

SCHEMAS = range(1, SipMessageSeen.schema + 1)
STREAMS = [(schema, stream) for schema in SCHEMAS for stream in load(schema)]


@pytest.mark.parametrize(("schema", "stream"), STREAMS, ids=[f"{schema} {stream.name}" for schema, stream in STREAMS])
def test_a_stream_is_replayed_to_its_state(schema: int, stream: GoldenStream) -> None:
    records = stream.records()
    verdicts = [record.event.verdict for record in records if isinstance(record.event, SipMessageSeen)]
    assert len(verdicts) == len(records)
    assert all((verdict is None) == (schema == 1) for verdict in verdicts)
    assert outcome(fold(CallId(CALL), records)) == stream.state


def test_a_change_of_the_table_changes_no_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "TABLE", {phase: dict.fromkeys(Place, Cell.STRAY) for phase in Phase})
    assert all(judged(stream) != events_of(stream) for stream in load(SipMessageSeen.schema) if "chance" in stream.name)
    for _, stream in STREAMS:
        assert outcome(fold(CallId(CALL), stream.records())) == stream.state


def events_of(stream: GoldenStream) -> list[Event]:
    return [record.event for record in stream.records()]


def test_the_streams_of_all_schemas_tell_of_the_same_calls() -> None:
    states = [{stream.name: stream.state for stream in load(schema)} for schema in SCHEMAS]
    assert all(one == states[0] for one in states)
