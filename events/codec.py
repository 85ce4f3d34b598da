"""Events as bytes: the type's name, and a MessagePack map (https://msgpack.org) with all else.

The map has, in this order, `s`, the event's schema version; `t`, the time in ms since the epoch; `n`, the control
node's name (append.lua reads so far); `d`, the event's own data by short keys; `r`, what stands in entries before it:
by the field's key, that entry's version and the key there (`events.bodies`). With keys configured, the secret fields
stand apart from `d`: in `x`, a MessagePack map of them sealed in one piece, which opens only in its own place (call,
version, event name).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]

from events.bodies import Bodies, Holder, MissingBody, Place
from events.names import CallId
from events.records import Recorded
from events.registry import EVENT_TYPES, Event
from events.schema import Fields, IllTyped, NotKnown, Schema, fields_of
from events.secrets import Keyring, Sealer, SecretError, sealed_by
from events.upcasters import UPCASTERS, Data, Lifted, Upcasters
from events.values import value

ERRORS = "surrogateescape"
"""How text that is not UTF-8 survives: SIP identifiers are bytes that somebody else chose."""


class UnreadableEntry(ValueError):
    """An entry that this program cannot read; the text says why."""


class NewerFormat(UnreadableEntry):
    """An entry that is whole, and that this program does not know: a newer one has written it."""


@value
class Encoded:
    """An entry: the event type's name, the payload, and a number that equal records share within this process.

    holders: the entries that it refers to.
    """

    name: bytes
    payload: bytes
    mark: int
    holders: tuple[Holder, ...] = ()


class Packing:
    """Packs values as MessagePack. default: makes something else of what it cannot pack."""

    def __init__(self, default: Callable[[object], Any] | None = None) -> None:
        self._usual: Callable[[Any], bytes] = msgpack.Packer(default=default).pack
        self._any: Callable[[Any], bytes] = msgpack.Packer(default=default, unicode_errors=ERRORS).pack

    def pack(self, value: object) -> bytes:
        """Return a value packed; TypeError for one that cannot be."""
        try:
            return self._usual(value)
        except UnicodeEncodeError:  # text with bytes that are no UTF-8, as only few calls have
            return self._any(value)


class Codec:
    """Encodes and decodes entries; with `keys` secret fields are encrypted, and entries without encryption still read.

    seals_parties: whether what says who the parties are is encrypted, too. `types` and `upcasters` are the events
    known, and how those of older schemas are lifted. lenient: whether entries are read of which the sealed part cannot
    be opened, with LOST in its place.
    """

    def __init__(
        self,
        keys: Keyring | None = None,
        *,
        seals_parties: bool = False,
        lenient: bool = False,
        types: Iterable[type[Event]] = EVENT_TYPES,
        upcasters: Upcasters = UPCASTERS,
    ) -> None:
        self.keys, self._seals_parties = keys, seals_parties and keys is not None
        self._lenient = lenient
        self._by_type = {kind: Schema(kind) for kind in types}
        self._by_name = {shape.name: shape for shape in self._by_type.values()}
        self._upcasters = upcasters
        self._pack = Packing(_plain).pack

    def encode(
        self, call_id: CallId, record: Recorded, bodies: Bodies | None = None, sealer: Sealer | None = None
    ) -> Encoded:
        """Return the entry of a record of a call; TypeError for what no entry can hold.

        What `bodies` has is referred to, and what the entry holds itself is added to them. sealer: what seals secrets
        in place of the configured keys.
        """
        event = record.event
        shape = self._by_type[type(event)]
        data = shape.fields.take_apart(event)
        entry = {"s": event.schema, "t": record.at, "n": record.by, "d": data}
        sealed = shape.secret + shape.personal if self._seals_parties else shape.secret
        if not sealed:
            payload: bytes = self._pack(entry)
            return Encoded(shape.name, payload, hash(payload))
        secret = {key: data[key] for key in sealed if key in data}
        holders = bodies.holders(secret, record.version) if bodies is not None else {}
        payload, mark = self._packed(call_id, record, entry, secret, holders, sealer=sealer or self.keys)
        if bodies is not None:
            bodies.hold(record.version, secret, payload, holders)
        return Encoded(shape.name, payload, mark, tuple(holders.values()))

    def _packed(
        self,
        call_id: CallId,
        record: Recorded,
        entry: Data,
        secret: Data,
        holders: Mapping[str, Holder],
        *,
        sealer: Sealer | None,
    ) -> tuple[bytes, int]:
        """Return the payload, and the mark, which is the same whatever is referred to."""
        data = entry["d"]
        if sealer is None:
            payload: bytes = self._pack(entry)
            if not holders:
                return payload, hash(payload)
            entry["d"] = {key: item for key, item in data.items() if key not in holders}
            entry["r"] = {key: holder.place for key, holder in holders.items()}
            return self._pack(entry), hash(payload)
        entry["d"] = {key: item for key, item in data.items() if key not in secret}
        mark = hash((self._pack(entry), self._pack(secret)))
        if holders:
            entry["r"] = {key: holder.place for key, holder in holders.items()}
        own: bytes = self._pack({key: body for key, body in secret.items() if key not in holders})
        entry["x"] = sealer.seal(own, _context(call_id, record.event.name.encode(), record.version))
        return self._pack(entry), mark

    def decode(
        self,
        call_id: CallId,
        name: bytes,
        payload: bytes,
        version: int,
        bodies: Bodies | None = None,
        *,
        sealer: Sealer | None = None,
    ) -> Recorded:
        """Return the record of an entry; what it refers to is in `bodies`, to which what it holds itself is added.

        sealer: what opens secrets in place of the configured keys; what else it raises comes through.

        Raises NewerFormat when the event, its schema or a part of it is not known, UnreadableEntry when it is
        damaged or its key is not known, MissingBody when it refers to what is not in `bodies`.
        """
        title = name.decode(errors="replace")
        if name not in self._by_name and all(title != old for old, _ in self._upcasters):
            raise _unknown(title, payload)
        try:
            held = Bodies() if bodies is None else bodies
            return self._decode(call_id, title, payload, version, held, sealer=sealer or self.keys)
        except (IllTyped, SecretError, UnreadableEntry) as error:
            wrong = NewerFormat if isinstance(error, (NotKnown, NewerFormat)) else UnreadableEntry
            raise wrong(f"{title}: {error}") from error

    def _decode(
        self, call_id: CallId, name: str, payload: bytes, version: int, bodies: Bodies, *, sealer: Sealer | None
    ) -> Recorded:
        match unpack(payload):
            case {"s": int(schema), "t": int(at), "n": str(by), "d": dict(data), **rest} if set(rest) <= {"x", "r"}:
                pass
            case {"s": int(), "t": int(), "n": str(), "d": dict()}:
                raise NewerFormat("not an entry's map as it is known here: it has more")
            case _:
                raise UnreadableEntry("not an entry's map")
        try:
            if "x" in rest:
                data |= _opened(sealer, rest["x"], _context(call_id, name.encode(), version))
            bodies.hold(version, data, payload)
            if "r" in rest:
                data |= _referred(rest["r"], version, bodies)
        except (SecretError, UnreadableEntry, MissingBody):
            if not self._lenient or name.encode() not in self._by_name:
                raise
            data = {**self._by_name[name.encode()].lost, **data}
        return self.recorded(version, at, by, Lifted(name, schema, data))

    def seals(self, event: Event) -> bool:
        """Return whether something of an event is sealed, where there are keys, or may stand in entries before it."""
        return bool(event.secret) or (self._seals_parties and bool(event.personal))

    def plain(self, event: Event) -> Data:
        """Return an event's data by short keys, made of nothing but maps, lists, numbers, text and bytes."""
        plain: Data = unpack(self._pack(self._by_type[type(event)].fields.take_apart(event)))
        return plain

    def recorded(self, version: int, at: int, by: str, old: Lifted) -> Recorded:
        """Return the record of an entry with this data, which is used up. Raises IllTyped, UnreadableEntry."""
        events = tuple(self._events(old))
        return Recorded(version, at, by, events[0], events[1:])

    def _events(self, old: Lifted) -> Iterator[Event]:
        """Return the events of today that an old one is, at least one."""
        shape = self._by_name.get(old.name.encode())
        if shape is not None and old.schema == shape.kind.schema:
            yield shape.fields.put_together(old.data)
            return
        if shape is not None and old.schema > shape.kind.schema:
            raise NewerFormat(f"schema {old.schema} is newer than {shape.kind.schema}, the newest known here")
        lifted = self._lift(old)
        if not lifted:
            raise UnreadableEntry(f"schema {old.schema} lifts to nothing")
        for part in lifted:
            yield from self._events(part)

    def _lift(self, old: Lifted) -> Sequence[Lifted]:
        lift = self._upcasters.get((old.name, old.schema))
        if lift is None:
            raise UnreadableEntry(f"no way from schema {old.schema} to {old.schema + 1}")
        try:
            lifted = lift(old.data)
        except (LookupError, TypeError, ValueError) as error:
            raise UnreadableEntry(f"schema {old.schema} does not lift: {error!r}") from error
        return [Lifted(old.name, old.schema + 1, lifted)] if isinstance(lifted, dict) else lifted


def origin_of(payload: bytes) -> tuple[int, str] | None:
    """Return when an entry was written and by whom; None for what is no entry's payload."""
    try:
        entry = unpack(payload)
    except UnreadableEntry:
        return None
    match entry:
        case {"t": int(at), "n": str(by)}:
            return at, by
    return None


def _unknown(name: str, payload: bytes) -> UnreadableEntry:
    """Return the error of an entry whose event is not known: if all else of it is as it should be, it is newer."""
    text = f"unknown event {name!r}"
    try:
        entry = unpack(payload)
    except UnreadableEntry:
        return UnreadableEntry(text)
    match entry:
        case {"s": int(), "t": int(), "n": str(), "d": dict()}:
            return NewerFormat(text)
    return UnreadableEntry(text)


def unpack(packed: bytes) -> Any:
    """Return the value of one MessagePack item; UnreadableEntry for anything else."""
    try:
        return msgpack.unpackb(packed, unicode_errors=ERRORS)
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableEntry(f"no MessagePack: {error}") from error


def _opened(sealer: Sealer | None, sealed: object, context: bytes) -> Data:
    if not isinstance(sealed, bytes):
        raise UnreadableEntry("the sealed part is not bytes")
    if sealer is None:
        raise UnreadableEntry(f"needs key {sealed_by(sealed)}, and no key is configured")
    opened = unpack(sealer.open(sealed, context))
    if not isinstance(opened, dict):
        raise UnreadableEntry("the sealed part is not a map")
    return opened


def _referred(references: object, version: int, bodies: Bodies) -> dict[str, bytes]:
    """Return the bodies that an entry refers to, by its own keys."""
    if not isinstance(references, dict):
        raise UnreadableEntry("no references")
    places: dict[str, Place] = {}
    for own, place in references.items():
        match place:
            case [int(held_in), str(key)] if held_in < version:
                places[own] = (held_in, key)
            case _:
                raise UnreadableEntry("a reference to no entry before it")
    return bodies.at(places)


def _context(call_id: CallId, name: bytes, version: int) -> bytes:
    return b"%s\0%d\0%s" % (name, version, call_id.encode(errors=ERRORS))


_PARTS: Final[dict[type, Fields]] = {}
"""How parts of events are taken apart, of those types that there were so far."""


def _plain(value: object) -> dict[Any, Any]:
    kind = type(value)
    fields = _PARTS.get(kind)
    if fields is None and dataclasses.is_dataclass(kind):
        fields = _PARTS[kind] = fields_of(kind)
    if fields is not None:
        return fields.take_apart(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"an event cannot hold a {type(value).__name__}")
