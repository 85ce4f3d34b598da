"""Golden entries: bytes that were once written, which every later version must read.

The file holds, for each event type and schema, an entry without and one with encryption. It is only ever added to:

    python -m tests.events.golden

writes entries for event types and schemas that have none yet, from `SAMPLES`. When a schema is raised, the
entries of the old one stay as they are; what they lift to is what `expected` gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from events.codec import Codec
from events.decisions import DECISION_TYPES
from events.names import BranchId, CallId, NodeName, RelayId, Tag
from events.records import Recorded
from events.registry import EVENT_TYPES, Event, RememberedSession, SipMessageSeen, TailLost
from events.secrets import Keyring
from tests.events.bulk_contract import BULK_EVENTS
from tests.events.decisions_contract import DECISIONS
from tests.events.forget_contract import FORGET_EVENTS
from tests.events.samples import EVENTS, SDP, record
from tests.events.summary_contract import SUMMARIES

FILE = Path(__file__).parent / "golden" / "entries.json"
CALL = "a84b4c76e66710@pc33.example.com"
KEY = bytes(range(32))

TYPES = (*EVENT_TYPES, *DECISION_TYPES)
"""The events of calls, and those that are decisions."""

_DECISIONS = (*DECISIONS, *BULK_EVENTS, *FORGET_EVENTS, *SUMMARIES)
SAMPLES = (*EVENTS, *{event.name: event for event in reversed(_DECISIONS)}.values())
"""An event of each type."""


LIFTED: dict[tuple[str, int], Event] = {
    ("tail lost", 1): TailLost(
        known=12,
        sessions=(
            RememberedSession(session=3, node=NodeName("ng2"), relay_id=RelayId("")),
            RememberedSession(session=4, node=NodeName("ng1"), relay_id=RelayId("")),
        ),
    ),
    ("signalled", 1): SipMessageSeen(
        method="INVITE",
        from_caller=False,
        cseq=7,
        status=183,
        branch=BranchId("br1"),
        from_tag=Tag("1928"),
        to_tag=Tag("a6c8"),
        sdp=SDP,
        reliable=True,
        verdict=None,
        words="answer",
    ),
}
"""What entries of older schemas are read as."""


class Golden(NamedTuple):
    """An entry as it stands in the file."""

    event: str
    schema: int
    encrypted: bool
    version: int
    payload: bytes

    @property
    def expected(self) -> Recorded:
        """What it has to be read as."""
        event = LIFTED.get((self.event, self.schema)) or next(event for event in SAMPLES if event.name == self.event)
        return record(self.version, event)


def load() -> list[Golden]:
    """Read the file."""
    entries = json.loads(FILE.read_text()) if FILE.exists() else []
    return [
        Golden(event, schema, encrypted, version, bytes.fromhex(payload))
        for event, schema, encrypted, version, payload in entries
    ]


def missing(entries: list[Golden]) -> Iterator[tuple[Event, bool]]:
    """Return the events of today that have no entry, without and with encryption."""
    there = {(entry.event, entry.schema, entry.encrypted) for entry in entries}
    for event in SAMPLES:
        for encrypted in (False, True):
            if (event.name, event.schema, encrypted) not in there:
                yield event, encrypted


def main() -> None:
    """Add what is missing."""
    entries = load()
    codecs = {False: Codec(types=TYPES), True: Codec(Keyring([KEY]), types=TYPES)}
    for event, encrypted in list(missing(entries)):
        version = len(entries) + 1
        payload = codecs[encrypted].encode(CallId(CALL), record(version, event)).payload
        entries.append(Golden(event.name, event.schema, encrypted, version, payload))
    lines = [json.dumps([*entry[:-1], entry.payload.hex()]) for entry in entries]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
