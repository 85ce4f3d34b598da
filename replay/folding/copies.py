"""What is journalled of copies."""

from __future__ import annotations

from events import registry as e
from events.journal import Recorded
from replay.relay_settings import Copy
from replay.state import CallState


def copy_intended(state: CallState, record: Recorded, event: e.CopyIntended) -> None:
    """Add a copy, or begin to change one."""
    before = state.copies.get(event.copy)
    copy = Copy(event.session, event.flags, event.legs, event.streams, intended_at=record.at)
    if before is not None:
        copy.handle, copy.version = before.handle, before.version + 1
    state.copies[event.copy] = copy
    state.sessions[event.session].others = True


def copy_offered(state: CallState, _: Recorded, event: e.CopyOffered) -> None:
    """Record what the node calls a copy."""
    copy = state.copies[event.copy]
    copy.offered, copy.handle = True, event.handle


def copy_answered(state: CallState, _: Recorded, event: e.CopyAnswered) -> None:
    """Record that the recorder has answered."""
    state.copies[event.copy].answered = True


def copy_delete_intended(state: CallState, record: Recorded, event: e.CopyDeleteIntended) -> None:
    """Record that a copy is to end."""
    copy = state.copies[event.copy]
    copy.closing, copy.intended_at = True, record.at


def copy_deleted(state: CallState, _: Recorded, event: e.CopyDeleted) -> None:
    """Remove a copy."""
    state.copies.pop(event.copy, None)
