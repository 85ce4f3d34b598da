"""The rows of the tables as bytes."""

from __future__ import annotations

import msgpack  # type: ignore[import-untyped]

from events.ended import EndedCall, Outcome
from events.names import CallId, NodeName, RelayId
from events.records import LiveCall
from events.redis import encoding

CALL = CallId("c1")


def test_a_live_call_of_a_newer_program_is_read_as_far_as_it_is_known() -> None:
    sessions = ((NodeName("relay-1"), RelayId("c1")),)
    call = LiveCall(call_id=CALL, status="live", version=3, created=1, changed=2, by="control-1", sessions=sessions)
    row = encoding.live_row(call)
    assert encoding.live_call(CALL, row) == call
    assert encoding.live_call(CALL, msgpack.packb([*msgpack.unpackb(row), "new"])) == call


def test_an_ended_call_of_a_newer_program_is_read_as_far_as_it_is_known() -> None:
    call = EndedCall(call_id=CALL, ended=7, outcome=Outcome.ANSWERED, created=5)
    at, row = encoding.ended_row(call)
    assert encoding.ended_call(CALL, at, row) == call
    assert encoding.ended_call(CALL, at, msgpack.packb({**msgpack.unpackb(row), "new": 1})) == call
