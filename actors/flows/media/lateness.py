"""Requests that were received before their call's end and are carried out only after it.

A request can wait for long: in the socket of a control node that stands still, or while the journal cannot be reached.
Its client has given it up, asked elsewhere, and may have deleted the call since. What is older than that delete is
about what is gone, whoever carries it out: it must bring nothing back, and take nothing away that is newer.

Times are those at which requests were received, by the journal's clock, on which control nodes agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.media import AnyMediaCommand, Delete
from actors.results import Refused
from engines.refusal import RefusalCode
from events.registry import DeleteIntended, Scope
from replay.state import CallState, CallStatus

MAX_REFUSALS = 20
"""How many refusals a call's stream tells of; a client that goes on asking in vain does not grow it further."""

TOO_LATE = Refused(RefusalCode.OUTDATED, "Too late: the request was received before the delete of its call")


PRECISION = 2
"""Ms by which the times of two control nodes may be wrong against each other. A client that deletes and offers at once
is not to be taken for late; one that gave a request up has waited for longer."""


def is_late(state: CallState, command: AnyMediaCommand) -> bool:
    """Return whether a delete of the call, or of the command's branch, was received after the command."""
    if not state.ends:
        return False
    ends = [state.ends.get(""), state.ends.get(command.branch)]
    return any(end is not None and command.received_at + PRECISION < end for end in ends)


def ends_noted(state: CallState, command: Delete) -> Sequence[DeleteIntended]:
    """Return the event by which a delete of what is not there, or not there any more, stops requests older than it.

    Of a call that lives only a branch is stopped: that the tags of a delete match nobody is no word on the others. A
    call's stream does not tell of more than MAX_REFUSALS; a client's repeated deletes do not make it grow further.
    """
    whole = not command.branch
    if state.status is CallStatus.QUARANTINED or state.refusals >= MAX_REFUSALS or command.to_tag:
        return ()
    if not command.in_clients_words or (whole and state.status is CallStatus.LIVE):
        return ()
    return (
        DeleteIntended(
            scope=Scope.CALL if whole else Scope.BRANCH,
            sessions=(),
            reason=command.reason,
            from_tag=command.from_tag,
            branch=command.branch,
            asked_at=command.received_at,
        ),
    )
