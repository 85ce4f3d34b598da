"""Ending a call because an operator wants it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from actors.commands.relay import EndRelay
from actors.commands.sip import EndCall
from actors.control.control import Control
from actors.directory import Directory
from actors.quarantine.release import NotQuarantined
from actors.results import Refused
from events.journal import CorruptEntry
from events.names import CallId
from events.values import value
from replay.state import CallState, CallStatus

TOLD = "ended by an operator"
"""What the parties are told: who it was is for the journal."""

Place = tuple[str, str]
"""A session's node, and its id there."""


class Ending(StrEnum):
    """How a call ends.

    PARTIES: each party of it gets a BYE, and its sessions are removed. SESSIONS: its sessions are removed; who signals
    it is not told. RELEASED: it is quarantined, and any control node removes its sessions.
    """

    PARTIES = "parties"
    SESSIONS = "sessions"
    RELEASED = "released"


@value
class Ended:
    """A call is to end, and has these sessions until it has."""

    how: Ending
    sessions: Sequence[Place]


class NoSuchCall(LookupError):
    """No call of that name is live."""


class NotPossibleHere(Exception):
    """Only a control node that serves calls can do it."""


async def end_call(control: Control, call_id: CallId, reason: str) -> Ended | Refused:
    """Have a live or quarantined call ended; what is begun is due until it is done, by whichever control node.

    In a program that serves no calls a quarantined one alone can be ended. Raises NoSuchCall, NotPossibleHere and
    JournalUnavailable.
    """
    try:
        return Ended(Ending.RELEASED, await control.end_quarantined(call_id, reason))
    except NotQuarantined:
        pass
    try:
        state = await control.call(call_id)
    except CorruptEntry:  # one that were live would have been found to be quarantined
        raise NoSuchCall(call_id) from None
    if state.status is not CallStatus.LIVE and not state.dialogs():
        raise NoSuchCall(call_id)
    if control.directory is None:
        raise NotPossibleHere("a live call is ended by a running service, and none was reached")
    return await _end(control.directory, state, reason)


async def _end(directory: Directory, state: CallState, reason: str) -> Ended | Refused:
    sessions = [(session.node, session.relay_id) for session in state.remaining_sessions()]
    if state.dialogs():
        result = await directory.ask(EndCall(call_id=state.call_id, reason=reason, told=TOLD))
        return result if isinstance(result, Refused) else Ended(Ending.PARTIES, sessions)
    ended = await directory.ask(EndRelay(call_id=state.call_id, reason=reason, at=directory.now()))
    return ended if isinstance(ended, Refused) else Ended(Ending.SESSIONS, sessions)
