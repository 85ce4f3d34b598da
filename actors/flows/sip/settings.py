"""The flow of changes of a call's settings: they are checked here, and become events."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.settings import ChangeSettings
from actors.effects import Decision, Flow, Persist
from actors.results import Done, Refused
from actors.setting_values import LATE
from engines.refusal import RefusalCode
from events.registry import CallVariableSet, ContextSettingsChanged, Event, LegSettingsChanged, RelayEngaged
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, SettingsChange
from replay.state import CallState, CallStatus


def change_settings(command: ChangeSettings) -> Flow:
    """Journal changes of the settings, or refuse all of them."""
    return (yield Persist(lambda state: _decide(state, command.changes)))


def _decide(state: CallState, changes: Sequence[SettingsChange]) -> Decision:
    if any(isinstance(change, EngageRelay) and is_late(state) for change in changes):
        return Decision([], Refused(RefusalCode.TOO_LATE, LATE))
    return Decision([event_of(change) for change in changes], Done())


def settings_events(state: CallState, changes: Sequence[SettingsChange]) -> list[Event]:
    """Return the events of the changes that can be made; a relay that is engaged too late is left out."""
    late = bool(changes) and is_late(state)
    return [event_of(change) for change in changes if not (late and isinstance(change, EngageRelay))]


def is_late(state: CallState) -> bool:
    """Return whether no relay can be engaged any more: the call has been answered with those that are."""
    return state.status is CallStatus.LIVE and state.relay is not None and state.relay.established is not None


def event_of(change: SettingsChange) -> Event:
    """Return the event that a change becomes."""
    match change:
        case EngageRelay():
            return RelayEngaged(engine=change.engine, set=change.set, branch=change.branch)
        case ChangeLegSettings():
            return LegSettingsChanged(leg=change.leg, branch=change.branch, values=change.values, body=change.body)
        case ChangeContextSettings():
            return ContextSettingsChanged(values=change.values)
        case _:
            return CallVariableSet(variable=change.variable, value=change.value)
