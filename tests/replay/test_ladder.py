"""Ladders, as text and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import registry as e
from events.names import Leg, NodeName, RelayId, Tag
from events.records import Recorded
from replay.history.durations import SLOW_NODE, Took, durations
from replay.history.ladder import ladder
from replay.history.ladder_svg import svg_of
from replay.history.ladder_text import shortened, text_of
from replay.history.timeline import timeline
from replay.history.timeline_text import text_of as timeline_of
from replay.history.ways import CALLEE, CALLER, CONTROL, Direction
from tests.events.samples import EVENTS, NOW
from tests.replay.stories import START, STORY

SVG = "{http://www.w3.org/2000/svg}"
EVERYTHING = [Recorded(number, NOW + number * 40, "control-1", event) for number, event in enumerate(EVENTS, 1)]


def test_a_call_of_the_ng_door_goes_between_control_node_and_relay() -> None:
    drawn = ladder(STORY)
    assert drawn.participants == (CONTROL, "relay relay-1")
    ways = [(step.way.source, step.way.target, step.way.label) for step in drawn.steps]
    assert ways == [
        (CONTROL, "relay relay-1", "offer"),
        ("relay relay-1", CONTROL, "offered"),
        (CONTROL, "relay relay-1", "answer"),
        (CONTROL, "relay relay-1", "start recording"),
        (CONTROL, CONTROL, "refused"),
        (CONTROL, CONTROL, "delete wanted"),
        ("relay relay-1", CONTROL, "deleted"),
    ]
    assert [step.version for step in drawn.steps if step.way.failed] == [4, 5]
    assert [step.way.direction for step in drawn.steps][2:5] == [Direction.BOTH, Direction.BOTH, Direction.NOTE]


def test_sip_messages_go_between_the_parties_and_the_control_node() -> None:
    def seen(method: str, status: int, *, from_caller: bool) -> e.SipMessageSeen:
        return e.SipMessageSeen(method=method, cseq=1, status=status, from_caller=from_caller, sdp=b"v=0", verdict=None)

    events: list[e.Event] = [
        seen("INVITE", 0, from_caller=True),
        seen("INVITE", 200, from_caller=False),
        e.SipRequestIntended(number=1, leg=Leg.CALLER, tag=Tag("t"), method="BYE", cseq=2),
        e.SipRequestEnded(number=1, status=481),
        e.SipRequestEnded(number=9, status=0),
    ]
    drawn = ladder([Recorded(number, NOW, "c", event) for number, event in enumerate(events, 1)])
    assert drawn.participants == (CALLER, CONTROL, CALLEE)
    assert [(step.way.source, step.way.label, step.way.failed) for step in drawn.steps] == [
        (CALLER, "INVITE SDP", False),
        (CALLEE, "200 INVITE SDP", False),
        (CONTROL, "BYE", False),
        (CALLER, "481 BYE", True),
        (CALLER, "no answer", True),
    ]


def test_relays_stand_in_the_order_in_which_they_came() -> None:
    def engaged(session: int, node: str) -> e.SessionIntended:
        return e.SessionIntended(
            session=session,
            operation=session,
            engine="rtpproxy",
            set="s",
            node=NodeName(node),
            relay_id=RelayId("r"),
            from_tag=Tag("a"),
        )

    events = [engaged(1, "z"), engaged(2, "a"), engaged(3, "z")]
    drawn = ladder([Recorded(number, NOW, "c", event) for number, event in enumerate(events, 1)])
    assert drawn.participants == (CONTROL, "relay z", "relay a")


def test_steps_take_the_time_from_their_beginning_and_slow_ones_are_known() -> None:
    assert durations(STORY) == {2: Took(12, slow=False), 7: Took(700, slow=True)}


def test_a_delete_that_is_to_wait_is_not_slow_for_that() -> None:
    wanted = e.DeleteIntended(scope=e.Scope.CALL, sessions=(1,), reason="", not_before=NOW + 30_000)
    deleted = e.Deleted(session=1, how=e.RemovalProof.CONFIRMED)
    for late in (SLOW_NODE - 1, SLOW_NODE):
        history = [Recorded(1, NOW, "c", wanted), Recorded(2, NOW + 30_000 + late, "c", deleted)]
        assert durations(history) == {2: Took(late, slow=late == SLOW_NODE)}
    assert durations([Recorded(1, NOW, "c", wanted), Recorded(2, NOW + 5, "c", deleted)])[2].ms == 0


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_text_keeps_to_its_width_and_has_each_event_on_a_line(width: int) -> None:
    lines = list(text_of(ladder(STORY), width))
    assert len(lines) == 1 + len(STORY)
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines[1:]] == [str(entry.version) for entry in STORY]
    assert "FAILED" in lines[4]
    assert "SLOW, after 0.700s" in lines[7]
    assert lines[1].index("offer") < lines[1].index(">") < lines[2].index("│", lines[2].index("<"))


def test_a_picture_has_each_step_and_what_failed_and_was_slow_in_words() -> None:
    root = ET.fromstring(svg_of(ladder(STORY), "call call-1"))
    assert root.findtext(f"{SVG}title") == "call call-1"
    groups = root.findall(f"{SVG}g")
    assert len(groups) == len(STORY)
    words = [" ".join(text.text or "" for text in group.iter(f"{SVG}text")) for group in groups]
    assert "failed: start recording in session 1: error, disk full" in words[3]
    assert "slow, after 0.700s: session 1, confirmed" in words[6]


def test_each_kind_of_event_is_drawn() -> None:
    drawn = ladder(EVERYTHING)
    assert [step.version for step in drawn.steps] == [entry.version for entry in EVERYTHING]
    assert len(list(text_of(drawn, 100))) == len(EVERYTHING) + 1
    assert len(ET.fromstring(svg_of(drawn, "")).findall(f"{SVG}g")) == len(EVERYTHING)


def hostile(text: str) -> list[Recorded]:
    session = e.SessionIntended(
        session=1,
        operation=1,
        engine=text,
        set=text,
        node=NodeName(text),
        relay_id=RelayId(text),
        from_tag=Tag(text),
    )
    message = e.SipMessageSeen(method=text, cseq=1, from_caller=True, verdict=None, words=text)
    failed = e.OfferFailed(session=1, operation=1, reason=text, reached=True)
    return [Recorded(number, START, text, event) for number, event in enumerate((session, message, failed), 1)]


@given(st.text(st.characters(), max_size=40) | st.sampled_from(["\x1b[2J", "<script>", "]]>", "&amp;\ud800", "\x00"]))
@settings(max_examples=200)
def test_texts_that_others_chose_cannot_act(text: str) -> None:
    history = hostile(text)
    drawn = ladder(history)
    lines = [*text_of(drawn, 80), *timeline_of(text, list(timeline(history)), 80, bodies=True)]
    assert all(line.isprintable() for line in lines)
    root = ET.fromstring(svg_of(drawn, text))
    known = {"svg", "title", "rect", "text", "line", "g", "circle", "path"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= known


def test_the_middle_of_a_long_name_is_left_out() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 6) == "abc…jk"


def test_a_timeline_says_once_what_all_its_lines_have_in_common() -> None:
    title, *lines = timeline_of("call-1", list(timeline(STORY)), 80)
    assert title == "call call-1, 7 events, 2025-11-23, by control-1"
    assert all("control-1" not in line and len(line) <= 80 for line in lines)
    elsewhere = [*STORY[:-1], Recorded(7, START + 86_400_000, "control-2", STORY[-1].event)]
    title, *lines = timeline_of("call-1", list(timeline(elsewhere)), 100)
    assert title == "call call-1, 7 events"
    starts = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert (starts[0], starts[-1]) == ("2025-11-23", "2025-11-24")
    assert "control-2" in lines[-2] + lines[-1]
