"""The fold: a call's events, one after the other, to its state. Pure: the same stream gives the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from events import registry as e
from events.names import CallId
from events.records import Recorded
from replay.folding import copies, deletes, migration, recovery, sessions, settings, sip_dialogs, sip_messages
from replay.state import CallState

Apply: TypeAlias = Callable[[CallState, Recorded, Any], None]
"""Changes the state as an event of the record says, and decides nothing."""


class Inconsistent(ValueError):
    """A history in which an event, that of `version`, makes no sense after those before it."""

    def __init__(self, version: int, why: str) -> None:
        super().__init__(why)
        self.version = version


def fold(call_id: CallId, records: Iterable[Recorded]) -> CallState:
    """Return the state after `records`, which start at version 1. Raises Inconsistent."""
    state = CallState(call_id)
    fold_on(state, records)
    return state


def fold_on(state: CallState, records: Iterable[Recorded]) -> None:
    """Apply records that follow the state's version. Raises Inconsistent."""
    for record in records:
        try:
            apply(state, record)
        except Exception as error:
            raise Inconsistent(record.version, f"{record.event.name} makes no sense there: {error!r}") from error


def apply(state: CallState, record: Recorded) -> None:
    """Apply an event to the state.

    Raises ValueError if the record's version is not the state's next one.
    """
    if record.version != state.version + 1:
        raise ValueError(f"call {state.call_id!r}: version {record.version} after {state.version}")
    _APPLY[type(record.event)](state, record, record.event)
    for event in record.also:
        _APPLY[type(event)](state, record, event)
    state.version = record.version
    state.changed = record.at
    if type(record.event) not in _OF_NO_MESSAGE:
        state.heard = record.at
    state.by = record.by


_OF_NO_MESSAGE: Final = frozenset({e.MigrationIntended, e.MigrationFailed})
"""What operators, and nodes that go down, may do to a call that waits for its answer, as often as they like."""

_APPLY: Final[dict[type[e.Event], Apply]] = {
    e.SessionIntended: sessions.session_intended,
    e.SessionAdopted: sessions.session_adopted,
    e.OfferIntended: sessions.operation_intended,
    e.Offered: sessions.offered,
    e.OfferFailed: sessions.operation_failed,
    e.AnswerIntended: sessions.operation_intended,
    e.Answered: sessions.answered,
    e.AnswerFailed: sessions.operation_failed,
    e.CommandRefused: sessions.command_refused,
    e.PartiesNotReached: sessions.parties_not_reached,
    e.SessionMissing: sessions.session_missing,
    e.DeleteIntended: deletes.delete_intended,
    e.Deleted: deletes.deleted,
    e.BranchDeleted: deletes.branch_deleted,
    e.CommandForwarded: sessions.command_forwarded,
    e.TailLost: recovery.tail_lost,
    e.MediaSeen: sessions.media_seen,
    e.MediaMeasured: sessions.media_measured,
    e.Quarantined: recovery.quarantined,
    e.ReleaseIntended: recovery.release_intended,
    e.SessionReleased: recovery.session_released,
    e.RelayEngaged: settings.relay_engaged,
    e.LegSettingsChanged: settings.leg_settings_changed,
    e.ContextSettingsChanged: settings.context_settings_changed,
    e.SipMessageSeen: sip_messages.sip_message_seen,
    e.BranchEstablished: settings.branch_established,
    e.MediaTimedOut: sessions.media_timed_out,
    e.CopyIntended: copies.copy_intended,
    e.CopyOffered: copies.copy_offered,
    e.CopyAnswered: copies.copy_answered,
    e.CopyDeleteIntended: copies.copy_delete_intended,
    e.CopyDeleted: copies.copy_deleted,
    e.CopyMoved: copies.copy_moved,
    e.CopyLeftBehind: copies.copy_left_behind,
    e.PartyLearned: sip_dialogs.party_learned,
    e.SipRequestIntended: sip_dialogs.request_intended,
    e.SipRequestEnded: sip_dialogs.request_ended,
    e.CallVariableSet: sip_dialogs.call_variable_set,
    e.MigrationIntended: migration.migration_intended,
    e.MigrationBegun: migration.migration_begun,
    e.LegMoved: migration.leg_moved,
    e.MigrationTurnedBack: migration.migration_turned_back,
    e.MigrationCompleted: migration.migration_completed,
    e.MigrationFailed: migration.migration_failed,
}
