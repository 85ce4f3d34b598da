"""The command that an ng request is: one of the types that a call takes (actors/commands/media.py)."""

from __future__ import annotations

from typing import TypeAlias

from actors.commands.media import OFFERS, Answer, Delete, Offer, PassThrough
from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from events.names import BranchId, CallId, Tag
from events.verb import ANSWER, DELETE, OFFER, Verb

NgCommand: TypeAlias = Offer | Answer | Delete | PassThrough

MAX_DELAY = 86_400
"""The longest delay of a delete, in seconds, that a client can ask for."""

MAX_DIGITS = 9
"""So many digits of a number are read."""


def command_from(
    verb: Verb,
    request: NgDict,
    *,
    call_id: CallId,
    from_tag: Tag,
    to_tag: Tag,
    branch: BranchId,
    received_at: int,
    set_name: str = "default",
    digest: bytes = b"",
) -> NgCommand:
    """Return the command that a request is, with the names that were read in it; the call does the rest."""
    words = NodeRequest(request)
    if verb in OFFERS:
        return Offer(
            verb=verb,
            call_id=call_id,
            from_tag=from_tag,
            to_tag=to_tag,
            branch=branch,
            request=words,
            received_at=received_at,
            set=set_name,
            digest=digest if verb is OFFER else b"",
        )
    if verb is ANSWER:
        return Answer(
            call_id=call_id, from_tag=from_tag, to_tag=to_tag, branch=branch, request=words, received_at=received_at
        )
    if verb is DELETE:
        return Delete(
            call_id=call_id,
            from_tag=from_tag,
            to_tag=to_tag,
            branch=branch,
            request=words,
            received_at=received_at,
            delay=_seconds(request.get(b"delete-delay")),
            fatal=_insists(request),
        )
    return PassThrough(
        verb=verb,
        call_id=call_id,
        from_tag=from_tag,
        to_tag=to_tag,
        branch=branch,
        request=words,
        received_at=received_at,
    )


def _seconds(value: NgValue | None) -> int:
    """Return a delay that a client asks for, at most MAX_DELAY; 0 for what is no number."""
    if isinstance(value, bytes) and value.isdigit():
        value = int(value[-MAX_DIGITS:]) if len(value.lstrip(b"0")) <= MAX_DIGITS else MAX_DELAY
    return min(value, MAX_DELAY) if isinstance(value, int) else 0


def _insists(request: NgDict) -> bool:
    """Whether it is to be an error if there is nothing to delete."""
    flags = request.get(b"flags")
    return isinstance(flags, list) and b"fatal" in flags
