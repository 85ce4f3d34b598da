from __future__ import annotations

from typing import ClassVar

import pytest

from events import registry as e
from events.names import BranchId, Leg, NodeName, RelayId, Tag
from events.values import value
from events.verdict import Change, Fault, Role, SipVerdict
from replay.history.describe import facts

TOTALS = {"totals": {"RTP": {"packets": 100, "bytes": 17200}, "RTCP": {"packets": 2, "bytes": 96}}}
COUNTS = "RTP 100 packets, 17200 bytes, RTCP 2 packets, 96 bytes"


def seen(verdict: SipVerdict | None, words: str = "") -> e.SipMessageSeen:
    return e.SipMessageSeen(
        method="INVITE",
        from_caller=False,
        cseq=1,
        status=200,
        from_tag=Tag("a"),
        to_tag=Tag("b"),
        verdict=verdict,
        words=words,
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            e.SessionIntended(
                session=1,
                operation=2,
                engine="rtpengine",
                set="s",
                node=NodeName("n"),
                relay_id=RelayId("id"),
                from_tag=Tag("a"),
            ),
            "session 1 on rtpengine node n of set s, known there as id, offer 2, from-tag a",
        ),
        (
            e.OfferIntended(session=1, operation=2, from_tag=Tag("a"), to_tag=Tag("b"), branch=BranchId("z")),
            "offer 2 in session 1, from-tag a, to-tag b, branch z",
        ),
        (
            e.Offered(session=1, operation=2, from_tag=Tag("a"), sdp=b"abc", relayed=b"abcde"),
            "offer 2 in session 1, from-tag a, SDP of 3 bytes in, 5 out",
        ),
        (
            e.OfferFailed(session=1, operation=2, reason="timeout", reached=True),
            "offer 2 in session 1, timeout, the node may have acted on it",
        ),
        (
            e.OfferFailed(session=1, operation=2, reason="node is down", reached=False),
            "offer 2 in session 1, node is down, the node has not acted on it",
        ),
        (
            e.Answered(session=1, from_tag=Tag("a"), to_tag=Tag("b"), sdp=b"", relayed=b"x"),
            "session 1, from-tag a, to-tag b, SDP of 0 bytes in, 1 out",
        ),
        (
            e.AnswerIntended(session=1, operation=3, from_tag=Tag("a"), to_tag=Tag("b"), branch=BranchId("z")),
            "answer 3 in session 1, from-tag a, to-tag b, branch z",
        ),
        (
            e.Answered(session=1, operation=3, from_tag=Tag("a"), to_tag=Tag("b"), sdp=b"", relayed=b"x"),
            "answer 3 in session 1, from-tag a, to-tag b, SDP of 0 bytes in, 1 out",
        ),
        (
            e.AnswerFailed(session=1, operation=3, reason="timeout", reached=True),
            "answer 3 in session 1, timeout, the node may have acted on it",
        ),
        (e.CommandRefused(command="offer", reason="no node"), "offer, no node"),
        (
            e.CommandRefused(command="answer", reason="Unknown call-id", node=NodeName("n")),
            "answer, node n, Unknown call-id",
        ),
        (
            e.DeleteIntended(scope=e.Scope.CALL, sessions=(1, 2), reason="delete"),
            "the whole call (sessions 1 and 2), delete",
        ),
        (e.DeleteIntended(scope=e.Scope.CALL, sessions=(), reason="delete"), "the whole call (session none), delete"),
        (
            e.DeleteIntended(scope=e.Scope.SESSION, sessions=(2,), reason="moved", not_before=1_763_910_847_120),
            "session 2, moved, not before 2025-11-23 15:14:07",
        ),
        (
            e.DeleteIntended(
                scope=e.Scope.BRANCH, sessions=(1,), reason="delete", from_tag=Tag("a"), branch=BranchId("z")
            ),
            "a branch of session 1, from-tag a, branch z, delete",
        ),
        (e.Deleted(session=1, how=e.RemovalProof.CONFIRMED, statistics=TOTALS), f"session 1, confirmed, {COUNTS}"),
        (e.Deleted(session=1, how=e.RemovalProof.NEVER_SENT), "session 1, never sent"),
        (e.Deleted(session=1, how=e.RemovalProof.LOST, statistics={"totals": {"RTP": 3}}), "session 1, lost"),
        (e.BranchDeleted(session=1, from_tag=Tag("a"), statistics=TOTALS), f"session 1, from-tag a, {COUNTS}"),
        (
            e.CommandForwarded(command="play media", session=1, result="error", reason="no file", from_tag=Tag("a")),
            "play media in session 1: error, no file, from-tag a",
        ),
        (
            e.TailLost(
                known=7,
                answered=True,
                ended=True,
                sessions=(e.RememberedSession(session=1, node=NodeName("ng1"), relay_id=RelayId("c"), status="open"),),
            ),
            "versions up to 7 had been known, answered and ended, session 1 on ng1 open",
        ),
        (
            e.TailLost(known=7),
            "versions up to 7 had been known, and stand before this again",
        ),
        (
            seen(SipVerdict(role=Role.ANSWER, exchange=1, change=Change.ESTABLISHED)),
            "200 to INVITE from the callee without SDP, taken for: answer, established, from-tag a, to-tag b",
        ),
        (
            seen(SipVerdict(role=Role.ILLEGAL, fault=Fault.ENDED)),
            "200 to INVITE from the callee without SDP, taken for: illegal, the dialog has ended, from-tag a, to-tag b",
        ),
        (
            seen(None, "offer, established"),
            "200 to INVITE from the callee without SDP, taken for: offer, established, from-tag a, to-tag b",
        ),
        (e.MediaSeen(session=2), "session 2 has media: its answer was lost"),
        (e.Quarantined(reason="entry 3-0: wrong bytes"), "entry 3-0: wrong bytes"),
        (e.ReleaseIntended(reason="an operator"), "an operator"),
        (
            e.SessionReleased(node=NodeName("ng1"), relay_id=RelayId("c#2"), how=e.RemovalProof.CONFIRMED),
            "c#2 on ng1, confirmed",
        ),
        (
            e.PartyLearned(leg=Leg("caller"), tag=Tag("a"), uri="<sip:a@b>", contact="sip:a@c", routes=("<sip:p;lr>",)),
            "caller <sip:a@b>, tag a, contact sip:a@c, by way of <sip:p;lr>",
        ),
        (
            e.PartyLearned(
                leg=Leg("caller"), tag=Tag("a"), uri="<sip:a@b>", local="udp:1.2.3.4:5060", source="udp:5.6.7.8:1"
            ),
            "caller <sip:a@b>, tag a, from udp:5.6.7.8:1 at udp:1.2.3.4:5060",
        ),
        (
            e.SipRequestIntended(number=3, leg=Leg("callee"), tag=Tag("b"), method="BYE", cseq=7, reason="it left"),
            "request 3: BYE to the callee, CSeq 7, dialog of b, it left",
        ),
        (e.SipRequestEnded(number=3, status=200, reason="OK"), "request 3: 200, OK"),
        (e.SipRequestEnded(number=3, status=0, reason="given up"), "request 3: no answer, given up"),
        (e.CallVariableSet(variable="carrier", value="north"), "carrier 'north'"),
    ],
)
def test_the_words_of_each_event(event: e.Event, words: str) -> None:
    assert facts(event) == words


def test_every_kind_of_event_has_words_of_its_own() -> None:
    assert {kind for kind in e.EVENT_TYPES if kind not in facts.registry} == set()


@value(kw_only=True)
class Another(e.Event):
    name: ClassVar[str] = "another"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    session_number: int
    reason: str = ""
    sdp: bytes = b""


def test_a_kind_without_words_gives_its_fields_but_no_secrets() -> None:
    assert facts(Another(session_number=3, sdp=b"keys")) == "session number 3"
