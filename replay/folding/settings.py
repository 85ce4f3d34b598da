"""What changes the settings of a call's relay, and which branch they are in force for."""

from __future__ import annotations

from events import registry as e
from events.records import Recorded
from replay.relay_settings import RelaySettings
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay
from replay.state import CallState


def relay_engaged(state: CallState, _: Recorded, event: e.RelayEngaged) -> None:
    """Engage a relay."""
    settings_of(state).apply(EngageRelay(engine=event.engine, set=event.set, branch=event.branch))


def leg_settings_changed(state: CallState, _: Recorded, event: e.LegSettingsChanged) -> None:
    """Change the settings of a leg."""
    change = ChangeLegSettings(leg=event.leg, branch=event.branch, values=event.values, body=event.body)
    settings_of(state).apply(change)


def context_settings_changed(state: CallState, _: Recorded, event: e.ContextSettingsChanged) -> None:
    """Change the settings of the context. From then on nodes may be told of parties under other tags than before."""
    relay = settings_of(state)
    relay.apply(ChangeContextSettings(values=event.values))
    if relay.renames_parties:
        for session in state.usable_sessions():
            session.others = True


def branch_established(state: CallState, record: Recorded, event: e.BranchEstablished) -> None:
    """Record the branch that was answered first."""
    relay = settings_of(state)
    relay.established, relay.established_tag, relay.established_at = event.branch, event.to_tag, record.at
    relay.tags[event.to_tag] = event.branch


def settings_of(state: CallState) -> RelaySettings:
    """Return the settings of the call's relay, made if it has none yet."""
    if state.relay is None:
        state.relay = RelaySettings()
    return state.relay
