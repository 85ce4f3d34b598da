"""An entry as a JSON document, of which the same entry can be made again: what is exported, and what tools read.

`version`, `at` (ms since the epoch), `by`, `event` (the name), `schema`, and `data`: the event's fields by their names,
without those that have their default. Parts of a field have short keys, as in the journal. Bytes are `{"$text": ...}`
where they are UTF-8, else `{"$base64": ...}`; a key of a map that begins with `$` has another `$` before it. Where an
up-caster has made several events of an entry, the others are in `also`.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from events.codec import Codec, UnreadableEntry
from events.records import Recorded
from events.registry import Event
from events.schema import SHORT, IllTyped
from events.upcasters import Lifted

Document = dict[str, Any]

_NAMES = {key: name for name, key in SHORT.items()}
_CODEC = Codec()


def to_document(record: Recorded) -> Document:
    """Return a record as JSON knows it."""
    document = {"version": record.version, "at": record.at, "by": record.by, **_written(record.event)}
    return document | ({"also": [_written(event) for event in record.also]} if record.also else {})


def from_document(document: object) -> Recorded:
    """Return the record that a document tells of. Raises UnreadableEntry, which says why it is none."""
    match document:
        case {"version": int(version), "at": int(at), "by": str(by), **rest}:
            also = rest.pop("also", [])
        case _:
            raise UnreadableEntry("not an entry's document: version, at and by expected")
    if not isinstance(also, list):
        raise UnreadableEntry("also: a list expected")
    events = [event for one in (rest, *also) for event in _read(version, at, by, one).events]
    return Recorded(version, at, by, events[0], tuple(events[1:]))


def _written(event: Event) -> Document:
    data = {_NAMES.get(key, key): _to_json(item) for key, item in _CODEC.plain(event).items()}
    return {"event": event.name, "schema": event.schema, "data": data}


def _read(version: int, at: int, by: str, document: object) -> Recorded:
    match document:
        case {"event": str(name), "schema": int(schema), "data": dict(data), **rest} if not rest:
            pass
        case _:
            raise UnreadableEntry("not an event's document: event, schema and data expected")
    try:
        plain = {SHORT.get(str(key), str(key)): _of_json(item) for key, item in data.items()}
        return _CODEC.recorded(version, at, by, Lifted(name, schema, plain))
    except (IllTyped, UnreadableEntry) as wrong:
        raise UnreadableEntry(f"{name}: {wrong}") from wrong


def _to_json(value: object) -> object:
    match value:
        case bytes():
            try:
                return {"$text": value.decode()}
            except UnicodeDecodeError:
                return {"$base64": b64encode(value).decode("ascii")}
        case Mapping():
            return {_escaped(key): _to_json(item) for key, item in value.items()}
        case list():
            return [_to_json(item) for item in value]
        case _:
            return value


def _of_json(value: object) -> object:
    match value:
        case {"$text": str(text), **rest} if not rest:
            return text.encode("utf-8", "surrogatepass")
        case {"$base64": str(text), **rest} if not rest:
            return _decoded(text)
        case Mapping():
            return {key.removeprefix("$"): _of_json(item) for key, item in value.items()}
        case list():
            return [_of_json(item) for item in value]
        case _:
            return value


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableEntry(f"no base64: {error}") from error


def _escaped(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key that is {type(key).__name__}")
    return f"${key}" if key.startswith("$") else key
