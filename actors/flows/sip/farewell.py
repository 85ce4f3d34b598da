"""The end of dialogs, as one decision: a BYE to each party, and the removal of what nodes have of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.flows.media.delete_intention import intend_deletes
from actors.flows.media.removals import IntendedDeletes
from actors.flows.sip.intended_requests import Intended, bye, intended
from actors.flows.sip.settings_deletes import call_delete, dialog_delete
from events.names import NO_TAG, Tag
from events.registry import DeleteIntended, Event, Scope
from replay.relay_settings import CALLEE, CALLER
from replay.state import CallState, CallStatus


@dataclass(frozen=True, slots=True)
class Farewell:
    """The end of dialogs, as it stands in the journal: the BYEs, and the removals that are wanted of nodes."""

    byes: Sequence[Intended]
    wanted: Sequence[IntendedDeletes]


def farewell(state: CallState, reason: str, tag: Tag = NO_TAG, told: str = "") -> tuple[list[Event], Farewell | None]:
    """Return the end of a callee's dialog, and of the call with its last one; of all dialogs without a tag.

    told: what the parties are told, "" for the reason.
    """
    established = state.negotiation.established() if state.negotiation else []
    gone = [tag] if tag else established
    there = state.status is CallStatus.LIVE or (state.status is CallStatus.NEW and bool(established))
    if not there or not set(gone) <= set(established):
        return [], None
    goodbyes = [bye(leg, one, told or reason) for one in gone for leg in (CALLER, CALLEE)]
    events, byes = intended(state, goodbyes)
    ended, wanted = _relay_ends(state, reason, gone, whole=gone == established)
    return [*events, *ended], Farewell(byes, wanted)


def _relay_ends(
    state: CallState, reason: str, gone: Sequence[str], *, whole: bool
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    if state.status is CallStatus.NEW:
        return [DeleteIntended(scope=Scope.CALL, sessions=(), reason=reason)] if whole else [], []
    if whole:
        ends = state.sip_dialogs.ends(Tag(gone[0])) if state.sip_dialogs and gone else None
        tags = (ends.caller_tag, ends.callee_tag) if ends else (NO_TAG, NO_TAG)
        command = call_delete(state.call_id, *tags, reason, state.changed)
    else:
        command = dialog_delete(state.call_id, Tag(gone[0]), reason, state.changed)
    wish = intend_deletes(state, command)
    return wish.events, [(wish.value, command)] if wish.value else []
