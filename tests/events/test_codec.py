"""Events to bytes and back, and every way in which bytes are no event."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, ClassVar

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec import Codec, NewerFormat, UnreadableEntry
from events.event import RemovalProof
from events.names import CallId, NodeName, Tag
from events.records import Recorded
from events.registry import EVENT_TYPES, CommandRefused, Deleted, Event, Offered, OfferFailed, SessionIntended
from events.secrets import Keyring, key_id
from events.upcasters import Data, Lifted
from events.values import value
from tests.events.samples import EVENTS, NOW, SDP, record

CALL = "call@example.com"
KEY, OTHER = bytes(32), bytes(range(32))
OFFERED = next(event for event in EVENTS if isinstance(event, Offered))


def read(codec: Codec, name: str, payload: bytes, version: int = 1) -> Event:
    return codec.decode(CallId(CALL), name.encode(), payload, version).event


def packed(data: object, schema: object = 1, **more: object) -> bytes:
    return bytes(msgpack.packb({"s": schema, "t": NOW, "n": "control-1", "d": data, **more}))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
@pytest.mark.parametrize("keys", [None, Keyring([KEY])], ids=["plain", "encrypted"])
def test_an_event_comes_back(event: Event, keys: Keyring | None) -> None:
    codec = Codec(keys)
    written = codec.encode(CallId(CALL), record(7, event))
    assert codec.decode(CallId(CALL), written.name, written.payload, 7) == record(7, event)


@given(st.text(st.characters(exclude_categories=[])), st.binary(), st.integers(0, 2**53))
def test_any_text_bytes_and_time_come_back(text: str, raw: bytes, at: int) -> None:
    codec = Codec(Keyring([KEY]))
    # A text that came from bytes has only such surrogates as stand for bytes.
    tag = text.encode(errors="replace").decode() + b"\xff\xfe".decode(errors="surrogateescape")
    event = Offered(session=1, operation=1, from_tag=Tag(tag), sdp=raw, relayed=raw)
    written = codec.encode(CallId(tag), record(1, event, at))
    assert codec.decode(CallId(tag), written.name, written.payload, 1) == record(1, event, at)


def test_fields_have_short_keys_and_defaults_are_left_out() -> None:
    written = Codec().encode(CallId(CALL), record(3, CommandRefused(command="offer", reason="no")))
    assert written.name == b"refused"
    assert msgpack.unpackb(written.payload) == {"s": 1, "t": NOW, "n": "control-1", "d": {"c": "offer", "w": "no"}}


def test_any_mapping_is_written() -> None:
    @value(kw_only=True)
    class Held(Event):
        name: ClassVar[str] = "held"
        why: Mapping[str, Any]

    codec = Codec(types=[Held])
    written = codec.encode(CallId(CALL), record(1, Held(why=MappingProxyType({"a": 1}))))
    assert read(codec, "held", written.payload) == Held(why={"a": 1})


def test_what_no_entry_can_hold_is_refused() -> None:
    held = Deleted(session=1, how=RemovalProof.CONFIRMED, statistics={"a": object()})
    with pytest.raises(TypeError, match="cannot hold a object"):
        Codec().encode(CallId(CALL), record(1, held))


def test_what_follows_text_that_is_no_utf_8_is_packed_as_if_that_had_not_been() -> None:
    codec = Codec()
    before = codec.encode(CallId(CALL), record(1, OFFERED))
    strange = codec.encode(CallId(CALL), record(2, CommandRefused(command="offer", reason="\udcff")))
    assert read(codec, "refused", strange.payload) == CommandRefused(command="offer", reason="\udcff")
    assert codec.encode(CallId(CALL), record(1, OFFERED)) == before


def test_secrets_are_not_in_the_payload() -> None:
    assert SDP in Codec().encode(CallId(CALL), record(1, OFFERED)).payload
    assert SDP[:10] not in Codec(Keyring([KEY])).encode(CallId(CALL), record(1, OFFERED)).payload


def test_equal_records_have_equal_marks() -> None:
    for codec in (Codec(), Codec(Keyring([KEY]))):
        marks = {codec.encode(CallId(CALL), record(1, OFFERED)).mark for _ in range(5)}
        others = {codec.encode(CallId(CALL), record(1, event)).mark for event in EVENTS if event is not OFFERED}
        assert len(marks) == 1
        assert not marks & others
        assert codec.encode(CallId(CALL), record(1, OFFERED, NOW + 1)).mark not in marks


def test_entries_without_encryption_stay_readable() -> None:
    assert read(Codec(Keyring([KEY])), "offered", Codec().encode(CallId(CALL), record(1, OFFERED)).payload) == OFFERED


def test_keys_are_rotated() -> None:
    payload = Codec(Keyring([KEY])).encode(CallId(CALL), record(1, OFFERED)).payload
    assert read(Codec(Keyring([OTHER, KEY])), "offered", payload) == OFFERED
    for codec in (Codec(), Codec(Keyring([OTHER]))):
        with pytest.raises(UnreadableEntry, match=f"needs key {key_id(KEY).hex()}"):
            read(codec, "offered", payload)


@pytest.mark.parametrize(
    ("call", "name", "version"), [("other", "offered", 1), (CALL, "answered", 1), (CALL, "offered", 2)]
)
def test_an_encrypted_entry_is_readable_in_its_place_only(call: str, name: str, version: int) -> None:
    codec = Codec(Keyring([KEY]))
    payload = codec.encode(CallId(CALL), record(1, OFFERED)).payload
    with pytest.raises(UnreadableEntry, match="changed or moved"):
        codec.decode(CallId(call), name.encode(), payload, version)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("offer failed", packed({"s": 1, "o": 2, "w": "late", "h": True}, schema=2)),
        ("offer failed", packed({"s": 1, "o": 2, "w": "late", "h": True, "new": 1})),
        ("offer failed", packed({"s": 1, "o": 2, "w": "late", "h": True}, y=1)),
        ("media measured", packed({"s": 1, "n": "relay-1", "ms": [{"pt": "a", "pk": 1, "new": 1}]})),
        ("levitated", packed({})),
    ],
)
def test_what_a_newer_program_has_written_is_told_from_what_is_damaged(name: str, payload: bytes) -> None:
    with pytest.raises(NewerFormat):
        read(Codec(), name, payload)


@pytest.mark.parametrize(("name", "payload"), [("levitated", b"garbage"), ("levitated", packed([]))])
def test_what_is_damaged_is_of_no_newer_program(name: str, payload: bytes) -> None:
    with pytest.raises(UnreadableEntry, match="unknown event 'levitated'") as caught:
        read(Codec(), name, payload)
    assert not isinstance(caught.value, NewerFormat)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (packed({"s": 1, "o": 2, "w": "late", "h": True}, schema=2), "schema 2 is newer than 1"),
        (packed({"s": 1, "o": 2, "w": "late", "h": True}, schema=0), "no way from schema 0 to 1"),
        (packed({"s": 1, "o": 2, "w": "late"}), "reached is missing"),
        (packed({"s": 1, "o": 2, "w": b"late", "h": True}), "reason: str expected, not bytes"),
        (packed({"s": True, "o": 2, "w": "late", "h": True}), "session: int expected, not bool"),
        (packed({"s": 1, "o": 2, "w": "late", "h": True, "new": 1}), "unknown fields new"),
        (packed([]), "not an entry's map"),
        (packed({}, schema="1"), "not an entry's map"),
        (packed({}, y=1), "not an entry's map"),
        (packed({}, x=1), "not bytes"),
        (packed({}, x=b"abcdefgh"), "needs key 61626364, and no key"),
        (b"", "no MessagePack"),
        (b"\x81", "no MessagePack"),
        (b"\x01\x02", "no MessagePack"),
        (b"\x91" * 5000 + b"\x01", "no MessagePack"),
        (msgpack.packb([1, 2]), "not an entry's map"),
    ],
)
def test_what_cannot_be_read_says_why(payload: bytes, why: str) -> None:
    with pytest.raises(UnreadableEntry, match=f"offer failed: .*{why}"):
        read(Codec(), "offer failed", payload)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("delete wanted", {"k": "all", "m": [], "w": ""}, "scope: 'all' is not a valid Scope"),
        ("delete wanted", {"k": "call", "m": 1, "w": ""}, "sessions: list expected, not int"),
        ("delete wanted", {"k": "call", "m": [""], "w": ""}, "sessions: int expected, not str"),
        ("deleted", {"s": 1, "y": "lost", "z": {b"a": 1}}, "statistics: a map with text keys"),
        ("tail lost", {"v": 1, "m": [1]}, "sessions: a map with text keys"),
        ("tail lost", {"v": 1, "m": [{"s": 1, "n": "ng1"}]}, "sessions: relay_id is missing"),
        ("tail lost", {"v": 1, "m": [{"s": 1, "n": "", "i": "", "dialogs": [["a"]]}]}, "sessions: dialogs: zip"),
        ("tail lost", {"v": 1, "m": [{"s": 1, "n": "", "i": "", "number": 1}]}, "sessions: unknown fields number"),
    ],
)
def test_ill_typed_fields_are_named(name: str, data: dict[str, object], why: str) -> None:
    schema = next(kind.schema for kind in EVENT_TYPES if kind.name == name)
    with pytest.raises(UnreadableEntry, match=why):
        read(Codec(), name, packed(data, schema))


@pytest.mark.parametrize("sessions", [1, [1], [{"number": []}], [{}], [{1: 2}]])
def test_what_does_not_lift_is_unreadable(sessions: object) -> None:
    with pytest.raises(UnreadableEntry, match="tail lost: "):
        read(Codec(), "tail lost", packed({"v": 1, "m": sessions}))


def test_an_unknown_event_is_named() -> None:
    with pytest.raises(UnreadableEntry, match="unknown event 'levitated'"):
        read(Codec(), "levitated", packed({}))


@given(st.binary(), st.sampled_from(EVENTS))
def test_garbage_is_unreadable(garbage: bytes, event: Event) -> None:
    with pytest.raises(UnreadableEntry):
        read(Codec(), event.name, garbage)


@given(st.data(), st.sampled_from(EVENTS))
def test_a_damaged_entry_is_a_record_or_unreadable(data: st.DataObject, event: Event) -> None:
    codec = Codec()
    payload = bytearray(codec.encode(CallId(CALL), record(1, event)).payload)
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(UnreadableEntry):
        assert isinstance(codec.decode(CallId(CALL), event.name.encode(), bytes(payload), 1).event, type(event))


@value(kw_only=True)
class Moved(Event):
    name: ClassVar[str] = "moved"
    schema: ClassVar[int] = 3
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    node: NodeName
    port: int | None = None
    ends: tuple[str, int] = ("", 0)
    shares: Mapping[str, int]
    sdp: bytes


def test_old_schemas_are_lifted_step_by_step() -> None:
    codec = Codec(
        types=[Moved],
        upcasters={
            ("moved", 1): lambda data: {**data, "shares": {}},
            ("moved", 2): lambda data: {**data, "n": data["n"].upper(), "d": data["d"].encode()},
        },
    )
    assert read(codec, "moved", packed({"n": "ng", "d": "v=0"})) == Moved(node=NodeName("NG"), shares={}, sdp=b"v=0")
    with pytest.raises(UnreadableEntry, match="schema 2 does not lift: KeyError"):
        read(codec, "moved", packed({"d": "v=0"}, schema=2))


@value(kw_only=True)
class Seated(Event):
    name: ClassVar[str] = "seated"
    schema: ClassVar[int] = 2

    where: str
    guests: int


@value(kw_only=True)
class Served(Event):
    name: ClassVar[str] = "served"

    dish: str


def _arrived(data: Data) -> list[Lifted]:
    return [Lifted("seated", 1, {"where": data["where"]}), Lifted("served", 1, {"dish": data["dish"]})]


RESTAURANT = Codec(
    types=[Seated, Served],
    upcasters={
        ("arrived", 1): _arrived,
        ("sat down", 3): lambda data: [Lifted("seated", 2, data)],
        ("seated", 1): lambda data: {**data, "guests": 1},
        ("served", 0): lambda _: [],
    },
)


def test_an_old_event_becomes_one_of_another_name() -> None:
    payload = packed({"where": "window", "guests": 2}, schema=3)
    read_as = RESTAURANT.decode(CallId(CALL), b"sat down", payload, 7)
    assert read_as == Recorded(7, NOW, "control-1", Seated(where="window", guests=2))


def test_an_old_event_becomes_several_each_lifted_on() -> None:
    read_as = RESTAURANT.decode(CallId(CALL), b"arrived", packed({"where": "bar", "dish": "soup"}), 7)
    assert (read_as.version, read_as.events) == (7, (Seated(where="bar", guests=1), Served(dish="soup")))


@pytest.mark.parametrize(
    ("name", "schema", "why"),
    [
        ("arrived", 1, "arrived: schema 1 does not lift: KeyError"),
        ("arrived", 2, "arrived: no way from schema 2 to 3"),
        ("served", 0, "served: schema 0 lifts to nothing"),
        ("sat down", 3, "sat down: where is missing"),
        ("left", 1, "unknown event 'left'"),
    ],
)
def test_an_old_event_that_becomes_nothing_known_is_unreadable(name: str, schema: int, why: str) -> None:
    with pytest.raises(UnreadableEntry, match=why):
        read(RESTAURANT, name, packed({}, schema))


def test_all_kinds_of_fields_come_back() -> None:
    codec = Codec(Keyring([KEY]), types=[Moved])
    event = Moved(node=NodeName("ng"), port=5, ends=("a", 1), shares={"b": 2}, sdp=SDP)
    assert read(codec, "moved", codec.encode(CallId(CALL), record(1, event)).payload) == event
    for bad in ({"port": "5"}, {"ends": ["a"]}, {"shares": {"b": "2"}}):
        with pytest.raises(UnreadableEntry, match=next(iter(bad))):
            read(codec, "moved", packed({"n": "ng", "shares": {}, "d": SDP, **bad}, schema=3))


def test_a_field_without_a_rule_is_found_at_once() -> None:
    @value(kw_only=True)
    class Odd(Event):
        name: ClassVar[str] = "odd"
        what: complex

    with pytest.raises(TypeError, match="no rule for fields of type"):
        Codec(types=[Odd])


def test_an_event_that_is_not_registered_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Codec(types=[SessionIntended]).encode(
            CallId(CALL), record(1, OfferFailed(session=1, operation=1, reason="", reached=False))
        )
