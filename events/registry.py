"""The events of a call's media.

Each event is a frozen dataclass with a stable `name` (it stands in the stream) and a `schema` version. Fields named in
`secret` hold session descriptions, which can carry keys (SDES, ICE passwords); the codec encrypts them at rest when a
key is configured. Those named in `personal` say who the parties are; it encrypts them, too, if that is wished.

Words used by all events:

session
    What a call has on one node under one id. Sessions of a call are numbered from 1; a number is never used again.
operation
    One offer on its way to a node. It is journalled before it is sent (`SessionIntended`, `OfferIntended`) and
    concluded by `Offered` or `OfferFailed`. So is an answer where it, too, can create a session: `AnswerIntended`, then
    `Answered` or `AnswerFailed`. Numbered from 1 in each call.
from_tag, to_tag, branch
    As in the ng protocol: the tag of the party that made the offer, of the other one, and the via-branch; empty where
    the command had none.
"""

from __future__ import annotations

from events.copy_events import (
    CopyAnswered,
    CopyDeleted,
    CopyDeleteIntended,
    CopyIntended,
    CopyLeftBehind,
    CopyMoved,
    CopyOffered,
)
from events.event import Event, RemovalProof, Scope
from events.migration_events import (
    LegMoved,
    MigrationBegun,
    MigrationCompleted,
    MigrationFailed,
    MigrationIntended,
    MigrationTurnedBack,
)
from events.quality_events import MeasuredStream, MediaMeasured
from events.reconcile_events import SessionMissing
from events.relay_events import (
    BranchEstablished,
    ContextSettingsChanged,
    LegSettingsChanged,
    MediaSeen,
    MediaTimedOut,
    RelayEngaged,
    SipMessageSeen,
)
from events.session_events import (
    Answered,
    AnswerFailed,
    AnswerIntended,
    BranchDeleted,
    CommandForwarded,
    CommandRefused,
    Deleted,
    DeleteIntended,
    Offered,
    OfferFailed,
    OfferIntended,
    PartiesNotReached,
    Quarantined,
    ReleaseIntended,
    RememberedSession,
    SessionAdopted,
    SessionIntended,
    SessionReleased,
    TailLost,
)
from events.sip_events import CallVariableSet, PartyLearned, SipRequestEnded, SipRequestIntended

__all__ = [
    "EVENT_TYPES",
    "AnswerFailed",
    "AnswerIntended",
    "Answered",
    "BranchDeleted",
    "BranchEstablished",
    "CallVariableSet",
    "CommandForwarded",
    "CommandRefused",
    "ContextSettingsChanged",
    "CopyAnswered",
    "CopyDeleteIntended",
    "CopyDeleted",
    "CopyIntended",
    "CopyLeftBehind",
    "CopyMoved",
    "CopyOffered",
    "DeleteIntended",
    "Deleted",
    "Event",
    "LegMoved",
    "LegSettingsChanged",
    "MeasuredStream",
    "MediaMeasured",
    "MediaSeen",
    "MediaTimedOut",
    "MigrationBegun",
    "MigrationCompleted",
    "MigrationFailed",
    "MigrationIntended",
    "MigrationTurnedBack",
    "OfferFailed",
    "OfferIntended",
    "Offered",
    "PartiesNotReached",
    "PartyLearned",
    "Quarantined",
    "RelayEngaged",
    "ReleaseIntended",
    "RememberedSession",
    "RemovalProof",
    "Scope",
    "SessionAdopted",
    "SessionIntended",
    "SessionMissing",
    "SessionReleased",
    "SipMessageSeen",
    "SipRequestEnded",
    "SipRequestIntended",
    "TailLost",
]

EVENT_TYPES: tuple[type[Event], ...] = (
    SessionIntended,
    SessionAdopted,
    OfferIntended,
    Offered,
    OfferFailed,
    AnswerIntended,
    Answered,
    AnswerFailed,
    CommandRefused,
    PartiesNotReached,
    DeleteIntended,
    Deleted,
    BranchDeleted,
    CommandForwarded,
    TailLost,
    Quarantined,
    ReleaseIntended,
    SessionReleased,
    RelayEngaged,
    LegSettingsChanged,
    ContextSettingsChanged,
    SipMessageSeen,
    BranchEstablished,
    MediaTimedOut,
    CopyIntended,
    CopyOffered,
    CopyAnswered,
    CopyDeleteIntended,
    CopyDeleted,
    CopyMoved,
    CopyLeftBehind,
    PartyLearned,
    SipRequestIntended,
    SipRequestEnded,
    CallVariableSet,
    MediaSeen,
    MediaMeasured,
    MigrationIntended,
    MigrationBegun,
    LegMoved,
    MigrationTurnedBack,
    MigrationCompleted,
    MigrationFailed,
    SessionMissing,
)
