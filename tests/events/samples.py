"""Events, records and indexes to test with."""

from __future__ import annotations

from events.names import BranchId, CallId, Leg, NodeName, RelayId, Tag
from events.records import NOTHING, Index, LiveCall, Recorded
from events.registry import (
    Answered,
    AnswerFailed,
    AnswerIntended,
    BranchDeleted,
    BranchEstablished,
    CallVariableSet,
    CommandForwarded,
    CommandRefused,
    ContextSettingsChanged,
    CopyAnswered,
    CopyDeleted,
    CopyDeleteIntended,
    CopyIntended,
    CopyLeftBehind,
    CopyMoved,
    CopyOffered,
    Deleted,
    DeleteIntended,
    Event,
    LegMoved,
    LegSettingsChanged,
    MeasuredStream,
    MediaMeasured,
    MediaSeen,
    MediaTimedOut,
    MigrationBegun,
    MigrationCompleted,
    MigrationFailed,
    MigrationIntended,
    MigrationTurnedBack,
    Offered,
    OfferFailed,
    OfferIntended,
    PartiesNotReached,
    PartyLearned,
    Quarantined,
    RelayEngaged,
    ReleaseIntended,
    RememberedSession,
    SessionAdopted,
    SessionIntended,
    SessionMissing,
    SessionReleased,
    SipMessageSeen,
    SipRequestEnded,
    SipRequestIntended,
    TailLost,
)
from events.registry import RemovalProof as By
from events.registry import Scope as Of
from events.verdict import Change, Fault, Role, SipVerdict, Step

NOW = 1_764_000_000_000
SDP = b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
RELAYED = SDP.replace(b"192.0.2.1", b"198.51.100.9").replace(b"4000", b"30000")

EVENTS: tuple[Event, ...] = (
    SessionIntended(
        session=1,
        operation=1,
        engine="rtpengine",
        set="1",
        node=NodeName("ng1"),
        relay_id=RelayId("a84b4c76e66710-1"),
        from_tag=Tag("1928"),
    ),
    SessionAdopted(
        session=1,
        engine="rtpengine",
        set="default",
        node=NodeName("ng1"),
        relay_id=RelayId("a84b4c76e66710"),
        from_tag=Tag("1928"),
        branch=BranchId("z9hG4bK77ef"),
        dialogs=(("1928", "", "z9hG4bK77ef"), ("1928", "a6c8", "")),
        created=NOW - 60_000,
    ),
    OfferIntended(session=1, operation=2, from_tag=Tag("1928"), to_tag=Tag("a6c8"), branch=BranchId("z9hG4bK77ef")),
    Offered(session=1, operation=1, from_tag=Tag("1928"), branch=BranchId("z9hG4bK77ef"), sdp=SDP, relayed=RELAYED),
    OfferFailed(session=1, operation=2, reason="no answer within 4 s", reached=True),
    AnswerIntended(session=1, operation=3, from_tag=Tag("1928"), to_tag=Tag("a6c8"), branch=BranchId("z9hG4bK77ef")),
    Answered(session=1, from_tag=Tag("1928"), to_tag=Tag("a6c8"), sdp=SDP, relayed=RELAYED),
    AnswerFailed(session=1, operation=3, reason="no answer within 4 s", reached=True, settled=False),
    CommandRefused(command="answer", reason="the call has ended"),
    PartiesNotReached(session=1, node=NodeName("ng1"), reason="no dialog of it is known"),
    DeleteIntended(scope=Of.CALL, sessions=(1, 2), reason="delete", from_tag=Tag("1928"), not_before=NOW + 30_000),
    Deleted(
        session=1, how=By.CONFIRMED, statistics={"totals": {"RTP": {"packets": 1 << 40}}, "loss": 0.5, "raw": b"\xff"}
    ),
    BranchDeleted(
        session=2,
        from_tag=Tag("1928"),
        to_tag=Tag("a6c8"),
        branch=BranchId("z9hG4bK77ef"),
        statistics={"streams": [1, 2, []]},
    ),
    CommandForwarded(command="start recording", session=1, result="ok", from_tag=Tag("1928")),
    TailLost(
        known=12,
        answered=True,
        ended=True,
        reason="delete",
        sessions=(
            RememberedSession(
                session=3, node=NodeName("ng2"), relay_id=RelayId("c#3"), status="open", dialogs=(("1928", "a6c8", ""),)
            ),
            RememberedSession(
                session=4,
                engine="rtpproxy",
                set="1",
                node=NodeName("ng1"),
                relay_id=RelayId("c#4"),
                from_tag=Tag("1928"),
            ),
        ),
    ),
    Quarantined(reason="three times KeyError"),
    ReleaseIntended(reason="an operator"),
    SessionReleased(node=NodeName("ng1"), relay_id=RelayId("c#1"), how=By.UNKNOWN),
    MediaSeen(session=2),
    MediaMeasured(
        session=1,
        node=NodeName("ng1"),
        from_tag=Tag("alice"),
        measured=(
            MeasuredStream(
                Tag("alice"), 155, 26660, (0xA1B2C3D4,), 1, "audio", 2, 150, 25800, 14, 3, (38, 42, 43), 101700
            ),
            MeasuredStream(Tag("bob"), 0, 0, medium=2, kind="video", one_way=True),
        ),
        final=False,
    ),
    RelayEngaged(engine="rtpproxy", set="2", branch=BranchId("br1")),
    LegSettingsChanged(leg=Leg("callee"), branch=BranchId("br1"), values={"flags": "co", "disabled": "0"}, body=SDP),
    ContextSettingsChanged(values={"callid": "other@example.com", "delete": "w"}),
    SipMessageSeen(
        method="INVITE",
        from_caller=False,
        cseq=7,
        status=183,
        branch=BranchId("br1"),
        from_tag=Tag("1928"),
        to_tag=Tag("a6c8"),
        sdp=SDP,
        reliable=True,
        verdict=SipVerdict(
            role=Role.ANSWER,
            change=Change.ESTABLISHED,
            fault=Fault.NONE,
            exchange=1,
            repeats=Role.NOTHING,
            again=Change.NONE,
            branch=BranchId("br1"),
            callee_tag=Tag("a6c8"),
            steps=(Step.DIALOG_BEGUN, Step.ANSWER_PREVIEWED),
        ),
    ),
    BranchEstablished(branch=BranchId("br1"), to_tag=Tag("a6c8")),
    MediaTimedOut(session=2),
    SessionMissing(session=2, node=NodeName("ng1"), removed=True),
    CopyIntended(copy="siprec-1", session=1, flags="siprec", legs=(Leg.CALLER,), streams=(1,)),
    CopyOffered(copy="siprec-1", handle="siprec-1", sdp=SDP),
    CopyAnswered(copy="siprec-1", sdp=RELAYED),
    CopyDeleteIntended(copy="siprec-1", reason="asked for"),
    CopyDeleted(copy="siprec-1", how=By.CONFIRMED),
    CopyMoved(copy="siprec-1", session=2, sdp=SDP, flows=True),
    CopyLeftBehind(copy="siprec-1", session=1, reason="no room"),
    PartyLearned(
        leg=Leg("callee"),
        tag=Tag("a6c8"),
        uri='"Bob" <sip:bob@biloxi.example>',
        contact="sip:bob@192.0.2.4;transport=tcp",
        routes=("<sip:p2.example;lr>", "<sip:p3.example;lr>"),
        local="tcp:192.0.2.100:5060",
        source="tcp:192.0.2.4:33061",
    ),
    SipRequestIntended(
        number=1, leg=Leg("callee"), tag=Tag("a6c8"), method="BYE", cseq=314160, reason="the session timer ran out"
    ),
    SipRequestEnded(number=1, status=481, reason="Call/Transaction Does Not Exist"),
    CallVariableSet(variable="carrier", value="north"),
    MigrationIntended(
        migration=1,
        leaves=1,
        callee_tag=Tag("a6c8"),
        engine="rtpproxy",
        set="2",
        node=NodeName("rp1"),
        method="UPDATE",
        caller={"type": "SRTP"},
        callee={"flags": "co"},
        asked_by="operator",
        reason="maintenance",
    ),
    MigrationBegun(migration=1, leaves=1, callee_tag=Tag("a6c8")),
    LegMoved(migration=1, session=2, leg=Leg.CALLER, given=RELAYED, answer=SDP),
    MigrationTurnedBack(migration=1, reason="the callee does not come along: 488"),
    MigrationCompleted(migration=1, session=2, left_out=("recording",)),
    MigrationFailed(migration=1, reason="the callee does not come along: 488"),
)


def record(version: int, event: Event | None = None, at: int = NOW) -> Recorded:
    """Return a record; without an event, one that tells its version."""
    return Recorded(version, at, "control-1", event or CommandRefused(command="offer", reason=f"step {version}"))


def live(call_id: CallId, version: int, *nodes: str, due: int | None = None) -> Index:
    """Return the index of a live call with a session on each node."""
    row = LiveCall(
        call_id=call_id,
        status="established",
        version=version,
        created=NOW,
        changed=NOW + version,
        set="1",
        from_tag=Tag("1928"),
        to_tag=Tag("a6c8"),
        by="control-1",
        sessions=tuple((NodeName(node), RelayId(f"{call_id}-{number}")) for number, node in enumerate(nodes)),
    )
    return Index(row, frozenset(nodes), due)


__all__ = ["EVENTS", "NOTHING", "NOW", "RELAYED", "SDP", "live", "record"]
