from __future__ import annotations

import json

import pytest

from actors.control.status import ControlNodeStatus, NodeStatus, decode_status, encode_status, read_status
from engines.health import NodeState
from events.memory import MemoryJournal

NODE = NodeStatus(
    name="relay-1",
    engine="rtpengine",
    url="udp:h:1",
    set="default",
    weight=1,
    state=NodeState.DOWN,
    since=5,
    in_flight=2,
    last_failure="timeout",
    calls=3,
)
STATUS = ControlNodeStatus(name="control-1", started_at=1, seen_at=2, version="0.1.0", nodes=(NODE,))


def test_what_is_written_is_read() -> None:
    assert decode_status(encode_status(STATUS)) == STATUS


def test_fields_of_a_newer_program_are_left_out() -> None:
    row = json.loads(encode_status(STATUS)) | {"mood": "good"}
    row["nodes"][0]["temperature"] = 40
    assert decode_status(json.dumps(row).encode()) == STATUS


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b'{"nodes": [1]}', b'{"nodes": []}'])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_status(data)


async def test_all_that_are_alive_are_read_in_order() -> None:
    journal = MemoryJournal()
    others = [ControlNodeStatus(name=name, started_at=1, seen_at=2, version="0") for name in ("b", "a")]
    for status in others:
        await journal.publish(status.name, encode_status(status), 60)
    assert await read_status(journal) == others[::-1]
