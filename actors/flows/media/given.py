"""What a party is given in place of its peer's session description, once it had one from us in a request of our own.

Its versions (`o=`) are then ahead of its peer's, and each that follows has to be above the last (`engines.sdp.origin`).
"""

from __future__ import annotations

from actors.commands.media import AnyMediaCommand
from engines.sdp.origin import following, is_from_the_same, says_the_same, version_of
from events.names import Leg, Tag
from events.verb import OFFER
from replay.state import CallState


def as_given(state: CallState, command: AnyMediaCommand, relayed: bytes) -> bytes:
    """Return what a node gave as it is given on.

    What it was only told once more (`command.session`) is given to nobody, and yet what follows is counted from there:
    it is above what was given before, as a request of ours has to be.
    """
    sip_dialogs = state.sip_dialogs
    if sip_dialogs is None or command.migration or command.in_clients_words:
        return relayed
    if not sip_dialogs.origins and not command.session:
        return relayed
    tags = command.from_tag, command.to_tag
    sender, receiver = tags if command.verb is OFFER else reversed(tags)
    before = state.given.get((sender, command.branch))
    least = _least(state, sender, receiver)
    if before is None or not (least or command.session) or not is_from_the_same(command.sdp, before.sdp):
        return relayed
    if says_the_same(relayed, before.relayed) and version_of(before.relayed) >= least:
        return before.relayed
    return following(relayed, before.relayed, least)


def _least(state: CallState, sender: Tag, receiver: Tag) -> int:
    """Return the version that the receiver had last in a request of ours; 0 if it had none."""
    origins = state.sip_dialogs.origins if state.sip_dialogs else {}
    of_callee, of_caller = origins.get((Leg.CALLEE, receiver), 0), origins.get((Leg.CALLER, sender), 0)
    return of_callee or of_caller
