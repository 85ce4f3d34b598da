"""Whether a session may have somebody in it who is not tied to the party that began it."""

from __future__ import annotations

import pytest

from events import registry as e
from events.names import CallId, NodeName, RelayId, Tag
from events.records import Recorded
from events.verb import Verb
from replay.fold import fold
from replay.relay_settings import CALLER

A, B, C = Tag("A"), Tag("B"), Tag("C")
ENGAGED = e.SessionIntended(
    session=1, operation=1, engine="rtpengine", set="s", node=NodeName("n"), relay_id=RelayId("c"), from_tag=A
)
OFFERED = e.Offered(session=1, operation=1, from_tag=A, sdp=b"", relayed=b"")
ANSWERED = e.Answered(session=1, from_tag=A, to_tag=B, sdp=b"", relayed=b"")
RENAMED = e.ContextSettingsChanged(values={"to_tag": "x"})


@pytest.mark.parametrize(
    ("events", "others"),
    [
        ([], False),
        ([e.OfferIntended(session=1, operation=2, from_tag=A, to_tag=B)], False),
        ([e.OfferIntended(session=1, operation=2, from_tag=B, to_tag=A)], True),
        ([e.OfferIntended(session=1, operation=2, from_tag=B, to_tag=C)], True),
        ([e.Answered(session=1, from_tag=A, to_tag=C, sdp=b"", relayed=b"")], False),
        ([e.Answered(session=1, from_tag=B, to_tag=C, sdp=b"", relayed=b"")], True),
        ([e.CommandForwarded(session=1, command="play media", result="ok")], False),
        ([e.OfferIntended(session=1, operation=2, from_tag=A, verb=Verb.PUBLISH)], True),
        ([e.CommandForwarded(session=1, command="subscribe request", result="asked")], True),
        ([e.CopyIntended(copy="recorder", session=1, legs=(CALLER,), streams=())], True),
        ([e.ContextSettingsChanged(values={"flags": "x"})], False),
        ([RENAMED], True),
    ],
)
def test_what_brings_somebody_in_who_is_not_tied_to_the_first(events: list[e.Event], others: bool) -> None:
    assert _others([ENGAGED, OFFERED, ANSWERED, *events]) is others


def test_a_party_that_has_another_tag_on_the_node_is_no_longer_known_by_its_own() -> None:
    assert _others([RENAMED, ENGAGED])


def _others(events: list[e.Event]) -> bool:
    records = [Recorded(version, 1, "control", event) for version, event in enumerate(events, 1)]
    return fold(CallId("c"), records).sessions[1].others
