"""What a webhook says: a JSON document of an event, and the id by which one that comes again is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from events.entry_json import to_document
from events.event import Event
from events.names import CallId
from events.records import Recorded
from events.values import value

DTMF = "dtmf"
"""The name under which digits are told of."""


@value
class WebhookMessage:
    """Something to be told. call: what it is about, by which it has its place in an order. at: ms since the epoch."""

    id: str
    call: str
    at: int
    body: bytes

    def to_bytes(self) -> bytes:
        """Return it as it is kept until it is told."""
        return json.dumps([self.id, self.call, self.at, self.body.decode()]).encode()


def read_message(content: bytes) -> WebhookMessage | None:
    """Return what is kept; None for what cannot be read."""
    try:
        match json.loads(content):
            case [str(id_), str(call), int(at), str(body)]:
                return WebhookMessage(id_, call, at, body.encode())
    except ValueError:
        pass
    return None


def of_record(call_id: CallId, record: Recorded) -> WebhookMessage:
    """Return what is told of an event that stands in a call's stream: without session descriptions.

    The id follows from the call-id, the version and the time: whoever sends it makes the same.
    """
    document = to_document(record)
    _leave_out(record.event, document["data"])
    for event, also in zip(record.also, document.get("also", ()), strict=True):
        _leave_out(event, also["data"])
    call = blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return _message(f"evt_{call}_{record.version}_{record.at}", call_id, record.at, document)


def of_digit(call_id: str, at: int, number: str, data: Mapping[str, Any]) -> WebhookMessage:
    """Return what is told of a digit; `number` tells it from all others."""
    return _message(f"dtmf_{number}", call_id, at, {"at": at, "event": DTMF, "data": dict(data)})


def _message(event_id: str, call_id: str, at: int, document: Mapping[str, Any]) -> WebhookMessage:
    text = json.dumps({"id": event_id, "call_id": call_id, **document}, separators=(",", ":"))
    return WebhookMessage(event_id, call_id, at, text.encode())


def _leave_out(event: Event, data: dict[str, Any]) -> None:
    for name in event.secret:
        data.pop(name, None)
