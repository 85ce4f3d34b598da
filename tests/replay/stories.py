"""A short call of the ng door, as its journal has it: offered, answered, commanded, deleted slowly."""

from __future__ import annotations

from events import registry as e
from events.names import CallId, NodeName, RelayId, Tag
from events.records import Recorded
from events.verb import ANSWER
from tests.events.samples import RELAYED, SDP

CALL = CallId("call-1")
START = 1_763_910_847_120
CALLER, CALLEE = Tag("caller"), Tag("callee")

_EVENTS: tuple[tuple[int, e.Event], ...] = (
    (
        0,
        e.SessionIntended(
            session=1,
            operation=1,
            engine="rtpengine",
            set="gold",
            node=NodeName("relay-1"),
            relay_id=RelayId("call-1"),
            from_tag=CALLER,
        ),
    ),
    (12, e.Offered(session=1, operation=1, from_tag=CALLER, sdp=SDP, relayed=RELAYED)),
    (3000, e.Answered(session=1, from_tag=CALLER, to_tag=CALLEE, sdp=SDP, relayed=RELAYED)),
    (3500, e.CommandForwarded(command="start recording", session=1, result="error", reason="disk full")),
    (3600, e.CommandRefused(command=ANSWER, reason="Unknown call-id")),
    (9000, e.DeleteIntended(scope=e.Scope.CALL, sessions=(1,), reason="delete by the client", from_tag=CALLER)),
    (9700, e.Deleted(session=1, how=e.RemovalProof.CONFIRMED)),
)

STORY = [Recorded(number, START + since, "control-1", event) for number, (since, event) in enumerate(_EVENTS, 1)]
