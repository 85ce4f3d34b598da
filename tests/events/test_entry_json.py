"""Entries as JSON documents."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import registry as e
from events.codec import UnreadableEntry
from events.entry_json import from_document, to_document
from events.names import Tag
from events.records import Recorded
from tests.events.samples import EVENTS, NOW

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
STATISTICS = st.recursive(
    st.integers(-(2**63), 2**63) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="$atext64bse"), inner),
    max_leaves=12,
)


def through(record: Recorded) -> Recorded:
    """Write a record as text and read it."""
    return from_document(json.loads(json.dumps(to_document(record))))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_comes_back(event: e.Event) -> None:
    record = Recorded(3, NOW, "control-1", event)
    assert through(record) == record


@given(st.binary(), STATISTICS, st.text())
def test_any_bytes_maps_and_text_come_back(sdp: bytes, told: object, by: str) -> None:
    offered = e.Offered(session=1, operation=1, from_tag=Tag(by), sdp=sdp, relayed=b"")
    deleted = e.Deleted(session=1, how=e.RemovalProof.CONFIRMED, statistics={"totals": told})
    for event in (offered, deleted):
        assert through(Recorded(1, NOW, by, event)) == Recorded(1, NOW, by, event)


def test_several_events_of_an_entry_come_back() -> None:
    record = Recorded(1, NOW, "a", EVENTS[0], (EVENTS[1], EVENTS[2]))
    assert through(record) == record


def test_a_description_is_text_and_fields_have_their_names() -> None:
    document = to_document(
        Recorded(1, NOW, "a", e.Offered(session=1, operation=2, sdp=b"v=0", relayed=b"\xff", from_tag=Tag("f")))
    )
    assert document == {
        "version": 1,
        "at": NOW,
        "by": "a",
        "event": "offered",
        "schema": 1,
        "data": {
            "session": 1,
            "operation": 2,
            "from_tag": "f",
            "sdp": {"$text": "v=0"},
            "relayed": {"$base64": "/w=="},
        },
    }


def test_documents_of_an_older_schema_are_lifted() -> None:
    data = {
        "method": "INVITE",
        "from_caller": True,
        "cseq": 1,
        "branch": "",
        "from_tag": "",
        "to_tag": "",
        "verdict": "offer",
    }
    old = {"version": 1, "at": NOW, "by": "a", "event": "signalled", "schema": 1, "data": data}
    event = from_document(old).event
    assert isinstance(event, e.SipMessageSeen)
    assert (event.verdict, event.words) == (None, "offer")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": "1"}, "version, at and by expected"),
        ({"also": 1}, "also: a list expected"),
        ({"also": [1]}, "event, schema and data expected"),
        ({"event": "unheard of"}, "unheard of: "),
        ({"schema": 99}, "schema 99 is newer"),
        ({"data": {}}, "session is missing"),
        ({"data": {"session": 1, "how": {"$base64": "?"}}}, "no base64"),
        ({"more": 1}, "event, schema and data expected"),
    ],
)
def test_what_is_no_entry_says_why(change: dict[str, object], why: str) -> None:
    document = to_document(Recorded(1, NOW, "a", e.MediaSeen(session=1))) | change
    with pytest.raises(UnreadableEntry, match=why):
        from_document(document)


@given(JSON)
def test_garbage_is_unreadable(garbage: object) -> None:
    with pytest.raises(UnreadableEntry):
        from_document(garbage)


@given(JSON)
def test_garbage_in_the_data_is_read_or_unreadable(garbage: object) -> None:
    document = to_document(Recorded(1, NOW, "a", e.MediaSeen(session=1))) | {"data": garbage}
    try:
        assert isinstance(from_document(document), Recorded)
    except UnreadableEntry:
        assert garbage != {"session": 1}
