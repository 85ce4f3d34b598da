"""What is journalled of copies."""

from __future__ import annotations

from events import registry as e
from events.records import Recorded
from replay.relay_settings import Copy
from replay.state import CallState


def copy_intended(state: CallState, record: Recorded, event: e.CopyIntended) -> None:
    """Add a copy, or begin to change one."""
    copies = _copies(state, event.migration)
    before = copies.get(event.copy) or state.copies.get(event.copy)
    copy = Copy(event.session, event.flags, event.legs, event.streams, intended_at=record.at)
    if before is not None:
        copy.version = before.version + 1
        copy.handle = before.handle if before.session == event.session else ""
    copies[event.copy] = copy
    state.sessions[event.session].others = True


def copy_offered(state: CallState, _: Recorded, event: e.CopyOffered) -> None:
    """Record what the node calls a copy, and what it offers."""
    copy = _copies(state, event.migration)[event.copy]
    copy.offered, copy.handle = True, event.handle
    copy.offer, copy.layout = event.sdp, event.layout


def copy_answered(state: CallState, _: Recorded, event: e.CopyAnswered) -> None:
    """Record that the recorder has answered."""
    copy = _copies(state, event.migration)[event.copy]
    copy.answered, copy.answer, copy.moved = True, event.sdp, False


def copy_delete_intended(state: CallState, record: Recorded, event: e.CopyDeleteIntended) -> None:
    """Record that a copy is to end."""
    copy = _copies(state, event.migration)[event.copy]
    copy.closing, copy.intended_at, copy.reason = True, record.at, event.reason


def copy_deleted(state: CallState, _: Recorded, event: e.CopyDeleted) -> None:
    """Remove a copy."""
    state.copies.pop(event.copy, None)


def copy_moved(state: CallState, _: Recorded, event: e.CopyMoved) -> None:
    """Put the copy that was made for the call's move in the place of the one that there was."""
    if state.migration is not None and event.copy in state.migration.copies:
        state.copies[event.copy] = copy = state.migration.copies.pop(event.copy)
        copy.moved = True


def copy_left_behind(state: CallState, _: Recorded, event: e.CopyLeftBehind) -> None:
    """Forget a copy that ends with its session."""
    state.copies.pop(event.copy, None)


def _copies(state: CallState, migration: int) -> dict[str, Copy]:
    """Return the copies that there are, or those that were made for a move."""
    return state.migration.copies if migration and state.migration is not None else state.copies
