"""Golden streams: calls' SIP messages as they were once written, and the state that every later version comes to.

There is a file for each schema of SipMessageSeen, which is never written again. When the schema is raised,

    python -m tests.replay.golden_streams

writes one of the new schema, with the same messages as the one before and the verdicts of today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from events.codec import Codec
from events.names import CallId
from events.records import Recorded
from events.registry import SipMessageSeen
from replay.fold import fold
from replay.offer_answer import Negotiation
from replay.offer_answer.decide import decide
from replay.state import CallState
from tests.replay.sip_story import message_of

FOLDER = Path(__file__).parent / "golden"
CALL = "call@example.com"
NOW = 1_764_000_000_000


class GoldenStream(NamedTuple):
    """A stream as it stands in the file; `state` is what `outcome` gives after it."""

    name: str
    entries: tuple[bytes, ...]
    state: dict[str, Any]

    def records(self) -> list[Recorded]:
        """Return the records of its entries."""
        codec, name = Codec(), SipMessageSeen.name.encode()
        return [codec.decode(CallId(CALL), name, entry, version) for version, entry in enumerate(self.entries, 1)]


def outcome(state: CallState) -> dict[str, Any]:
    """Return the state of a call's negotiation and what hangs on its verdicts, as plain values."""
    assert state.negotiation is not None
    assert state.sip_dialogs is not None
    sip = state.sip_dialogs
    return {
        "negotiation": state.negotiation.to_dict(),
        "awaiting": [[*key, *value] for key, value in sip.awaiting.items()],
        "unacknowledged": sip.unacknowledged,
        "callers_tag": sip.callers_tag,
    }


def load(schema: int) -> list[GoldenStream]:
    """Read the streams of a schema."""
    streams = json.loads(_file(schema).read_text())
    return [GoldenStream(name, tuple(map(bytes.fromhex, entries)), state) for name, entries, state in streams]


def store(schema: int, streams: Iterable[tuple[str, list[SipMessageSeen]]]) -> None:
    """Write streams of these events, with the state that the program of today comes to."""
    lines = []
    for name, events in streams:
        records = [Recorded(n, NOW + 1000 * n, "control-1", event) for n, event in enumerate(events, 1)]
        entries = [Codec().encode(CallId(CALL), record).payload.hex() for record in records]
        lines.append(json.dumps([name, entries, outcome(fold(CallId(CALL), records))], separators=(",", ":")))
    _file(schema).write_text("[\n" + ",\n".join(lines) + "\n]\n")


def judged(stream: GoldenStream) -> list[SipMessageSeen]:
    """Return the messages of a stream with the verdicts of today."""
    negotiation, events = Negotiation(), []
    for record in stream.records():
        assert isinstance(record.event, SipMessageSeen)
        message = message_of(record.event)
        verdict = decide(negotiation, message).recorded()
        negotiation.apply(message, verdict)
        events.append(replace(record.event, verdict=verdict, words=""))
    return events


def _file(schema: int) -> Path:
    return FOLDER / f"sip_messages_{schema}.json"


def main() -> None:
    """Write the streams of today's schema, if there are none."""
    today = SipMessageSeen.schema
    if not _file(today).exists():
        store(today, [(stream.name, judged(stream)) for stream in load(today - 1)])


if __name__ == "__main__":
    main()
