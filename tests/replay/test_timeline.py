from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import registry as e
from events.names import BranchId, CallId, NodeName, RelayId, Tag
from events.records import Recorded
from replay.fold import fold
from replay.history.durations import Took
from replay.history.timeline import Moment, bodies, printable, timeline
from replay.state import SessionStatus

START = 1_763_910_847_120
SDP = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n"

ENGAGED = e.SessionIntended(
    session=1,
    operation=1,
    engine="rtpproxy",
    set="default",
    node=NodeName("relay-1"),
    relay_id=RelayId("c_1"),
    from_tag=Tag("a"),
    branch=BranchId("z9"),
)
OFFERED = e.Offered(session=1, operation=1, from_tag=Tag("a"), branch=BranchId("z9"), sdp=SDP, relayed=b"v=0\r\n")


def test_a_history_becomes_moments() -> None:
    history = [Recorded(1, START, "control-1", ENGAGED), Recorded(2, START + 1250, "control-2", OFFERED)]
    engaged, offered = timeline(history)
    assert engaged == Moment(
        version=1,
        at=START,
        since=0,
        by="control-1",
        title="engaged",
        facts="session 1 on rtpproxy node relay-1 of set default, known there as c_1, offer 1, from-tag a, branch z9",
        bodies={},
    )
    assert (engaged.day, engaged.time_of_day, engaged.delta) == ("2025-11-23", "15:14:07.120", "+0.000s")
    assert (offered.time_of_day, offered.delta, offered.took) == ("15:14:08.370", "+1.250s", Took(1250, slow=True))
    assert offered.bodies == {
        "sdp": "v=0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 (removed)\n",
        "relayed": "v=0\n",
    }


def test_an_entry_that_is_several_events_has_a_moment_for_each() -> None:
    moments = list(timeline([Recorded(1, START, "control-1", ENGAGED, (OFFERED,))]))
    assert [(moment.version, moment.title) for moment in moments] == [(1, "engaged"), (1, "offered")]


def test_an_entry_that_is_several_events_is_one_version() -> None:
    state = fold(CallId("c"), [Recorded(1, START, "control-1", ENGAGED, (OFFERED,))])
    assert (state.version, state.sessions[1].status) == (1, SessionStatus.OPEN)


def test_no_history_has_no_moments() -> None:
    assert list(timeline([])) == []


def test_keys_are_shown_only_when_asked_for() -> None:
    (moment,) = timeline([Recorded(1, START, "control-1", OFFERED)], secrets=True)
    assert "inline:c2VjcmV0" in moment.bodies["sdp"]
    assert bodies(OFFERED, secrets=True)["sdp"] == SDP.decode()
    assert "c2VjcmV0" not in bodies(OFFERED)["sdp"]


def test_bytes_that_are_not_utf_8_are_written_out() -> None:
    event = e.Answered(session=1, from_tag=Tag("a"), sdp=b"s=\xff", relayed=b"")
    assert bodies(event) == {"sdp": "s=\\xff", "relayed": ""}


@pytest.mark.parametrize(
    ("since", "delta"),
    [
        (0, "+0.000s"),
        (59_999, "+59.999s"),
        (60_000, "+00:01:00"),
        (3_723_900, "+01:02:03"),
        (93_784_000, "+1d02:03:04"),
        (-1_500, "-1.500s"),
    ],
)
def test_deltas(since: int, delta: str) -> None:
    history = [Recorded(1, START, "c", ENGAGED), Recorded(2, START + since, "c", ENGAGED)]
    assert list(timeline(history))[1].delta == delta


@given(st.text())
def test_nothing_that_a_terminal_acts_on_comes_through(text: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in printable(text))


def test_escapes_of_a_hostile_peer_are_written_out() -> None:
    event = e.CommandRefused(command="offer\x1b[2J", reason="\u202etxt\r\x07")
    (moment,) = timeline([Recorded(1, START, "c", event)])
    assert moment.facts == "offer\\x1b[2J, \\u202etxt\\r\\x07"
    assert printable("Zoë\n\tok") == "Zoë\n\\tok"
