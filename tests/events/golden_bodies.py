"""Golden streams in which entries refer to the session descriptions of others, in clear and sealed.

    python -m tests.events.golden_bodies

writes the file if there is none; it is never written again.
"""

from __future__ import annotations

import json
from pathlib import Path

from events.bodies import Bodies
from events.codec import Codec
from events.names import CallId, Leg, Tag
from events.records import Recorded
from events.registry import Answered, Event, LegSettingsChanged, Offered, SipMessageSeen
from events.secrets import Keyring
from events.verdict import Role, SipVerdict
from tests.events.golden import CALL, KEY
from tests.events.samples import RELAYED, SDP, record

FILE = Path(__file__).parent / "golden" / "bodies.json"

STORY: tuple[Event, ...] = (
    SipMessageSeen(
        method="INVITE", from_caller=True, cseq=1, from_tag=Tag("1928"), sdp=SDP, verdict=SipVerdict(role=Role.OFFER)
    ),
    Offered(session=1, operation=1, from_tag=Tag("1928"), sdp=SDP, relayed=RELAYED),
    LegSettingsChanged(leg=Leg("callee"), values={"flags": "x"}, body=RELAYED),
    Answered(session=1, from_tag=Tag("1928"), to_tag=Tag("a6c8"), sdp=RELAYED, relayed=SDP),
    Offered(session=1, operation=2, from_tag=Tag("1928"), to_tag=Tag("a6c8"), sdp=SDP, relayed=b"short"),
)
RECORDS = [record(version, event) for version, event in enumerate(STORY, 1)]


def codecs() -> dict[str, Codec]:
    return {"clear": Codec(), "sealed": Codec(Keyring([KEY]))}


def read(codec: Codec, entries: list[tuple[str, str]]) -> list[Recorded]:
    """Return the records of a stream's entries."""
    bodies = Bodies()
    return [
        codec.decode(CallId(CALL), name.encode(), bytes.fromhex(payload), version, bodies)
        for version, (name, payload) in enumerate(entries, 1)
    ]


def write(codec: Codec) -> list[tuple[str, str]]:
    """Return the entries of the story."""
    bodies = Bodies()
    encoded = [codec.encode(CallId(CALL), one, bodies) for one in RECORDS]
    return [(entry.name.decode(), entry.payload.hex()) for entry in encoded]


if __name__ == "__main__" and not FILE.exists():
    FILE.write_text(json.dumps({kind: write(codec) for kind, codec in codecs().items()}, indent=0) + "\n")
