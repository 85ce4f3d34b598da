"""Events as bytes: the type's name, and a MessagePack map (https://msgpack.org) with all else.

The map has `s`, the event's schema version; `t`, the time in ms since the epoch; `n`, the control node's name; `d`, the
event's own data by short keys. With keys configured, the secret fields stand apart from `d`: in `x`, a MessagePack map
of them sealed in one piece, which opens only in its own place (call, version, event name).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]

from events.journal import Recorded
from events.registry import EVENT_TYPES, Event
from events.schema import IllTyped, Schema, fields_of
from events.secrets import Keyring, SecretError, sealed_by
from events.upcasters import UPCASTERS, Data, Upcasters

ERRORS = "surrogateescape"
"""How text that is not UTF-8 survives: SIP identifiers are bytes that somebody else chose."""


class UnreadableEntry(ValueError):
    """An entry that this program cannot read; the text says why."""


class Encoded(NamedTuple):
    """An entry: the event type's name, the payload, and a number that equal records share within this process."""

    name: bytes
    payload: bytes
    mark: int


class Codec:
    """Encodes and decodes entries; with `keys` secret fields are encrypted, and entries without encryption still read.

    `types` and `upcasters` are the events known, and how those of older schemas are lifted.
    """

    def __init__(
        self,
        keys: Keyring | None = None,
        *,
        types: Iterable[type[Event]] = EVENT_TYPES,
        upcasters: Upcasters = UPCASTERS,
    ) -> None:
        self._keys = keys
        self._by_type = {kind: Schema(kind) for kind in types}
        self._by_name = {shape.name: shape for shape in self._by_type.values()}
        self._upcasters = upcasters
        self._pack = msgpack.Packer(default=_plain, unicode_errors=ERRORS).pack

    def encode(self, call_id: str, record: Recorded) -> Encoded:
        """Return the entry of a record of a call; TypeError for what no entry can hold."""
        event = record.event
        shape = self._by_type[type(event)]
        data = shape.take_apart(event)
        entry = {"s": event.schema, "t": record.at, "n": record.by, "d": data}
        if self._keys is None or not shape.secret:
            payload: bytes = self._pack(entry)
            return Encoded(shape.name, payload, hash(payload))
        secret: bytes = self._pack({key: data.pop(key) for key in shape.secret if key in data})
        mark = hash((self._pack(entry), secret))
        entry["x"] = self._keys.seal(secret, _context(call_id, shape.name, record.version))
        return Encoded(shape.name, self._pack(entry), mark)

    def decode(self, call_id: str, name: bytes, payload: bytes, version: int) -> Recorded:
        """Return the record of an entry; Unreadable when the event, its schema, its fields or its key are not known."""
        shape = self._by_name.get(name)
        if shape is None:
            raise UnreadableEntry(f"unknown event {name.decode(errors='replace')!r}")
        try:
            return self._decode(call_id, shape, payload, version)
        except (IllTyped, SecretError, UnreadableEntry) as error:
            raise UnreadableEntry(f"{shape.kind.name}: {error}") from error

    def _decode(self, call_id: str, shape: Schema, payload: bytes, version: int) -> Recorded:
        match unpack(payload):
            case {"s": int(schema), "t": int(at), "n": str(by), "d": dict(data), **rest} if set(rest) <= {"x"}:
                pass
            case _:
                raise UnreadableEntry("not an entry's map")
        if "x" in rest:
            data |= self._open(rest["x"], _context(call_id, shape.name, version))
        return Recorded(version, at, by, shape.put_together(self._lift(shape, schema, data)))

    def _open(self, sealed: object, context: bytes) -> Data:
        if not isinstance(sealed, bytes):
            raise UnreadableEntry("the sealed part is not bytes")
        if self._keys is None:
            raise UnreadableEntry(f"needs key {sealed_by(sealed)}, and no key is configured")
        opened = unpack(self._keys.open(sealed, context))
        if not isinstance(opened, dict):
            raise UnreadableEntry("the sealed part is not a map")
        return opened

    def _lift(self, shape: Schema, schema: int, data: Data) -> Data:
        if schema > shape.kind.schema:
            raise UnreadableEntry(f"schema {schema} is newer than {shape.kind.schema}, the newest known here")
        for old in range(schema, shape.kind.schema):
            lift = self._upcasters.get((shape.kind.name, old))
            if lift is None:
                raise UnreadableEntry(f"no way from schema {old} to {old + 1}")
            try:
                data = lift(data)
            except (LookupError, TypeError, ValueError) as error:
                raise UnreadableEntry(f"schema {old} does not lift: {error!r}") from error
        return data


def unpack(packed: bytes) -> Any:
    """Return the value of one MessagePack item; Unreadable for anything else."""
    try:
        return msgpack.unpackb(packed, unicode_errors=ERRORS)
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableEntry(f"no MessagePack: {error}") from error


def _context(call_id: str, name: bytes, version: int) -> bytes:
    return b"%s\0%d\0%s" % (name, version, call_id.encode(errors=ERRORS))


def _plain(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return fields_of(type(value)).take_apart(value)
    raise TypeError(f"an event cannot hold a {type(value).__name__}")
