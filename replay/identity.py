"""Which call a SIP message is of: a dialog is its Call-ID and its tags (RFC 3261 12), and so is a call.

Two callers may use the same Call-ID: some B2BUAs do by design, others do by malice. The call that was there first has
the Call-ID for the name of its stream; another caller's has a stream of its own, whose name says the caller's tag.
"""

from __future__ import annotations

from events.names import CallId, Tag
from replay.offer_answer import SipMessage
from replay.state import CALLERS_TAG, CallState, CallStatus


def id_of_caller(call_id: CallId, tag: Tag) -> CallId:
    """Return the name of the stream of this caller's call, where the Call-ID alone is another call's.

    No two pairs of Call-ID and tag have the same name: the tag is what follows the last mark, for it has no ";" there.
    """
    return CallId(f"{call_id}{CALLERS_TAG}{tag.replace('%', '%25').replace(';', '%3B')}")


def first_id(call_id: CallId, tag: Tag) -> CallId:
    """Return the name to look for first: the Call-ID, unless it reads as another call's name."""
    return id_of_caller(call_id, tag) if CALLERS_TAG in call_id else call_id


def is_of(state: CallState, message: SipMessage, *, joins: bool = False) -> bool:
    """Return whether a message is of the call in this state, or may begin one in its stream.

    joins: it may not begin one. What is of the call may still be of no dialog that the call knows.
    """
    sip_dialogs = state.sip_dialogs
    if message.begins_call and (sip_dialogs is None or sip_dialogs.over):
        return not joins and (state.status is not CallStatus.LIVE or _is_in_session(state, message.callers_tag))
    return sip_dialogs is None or sip_dialogs.callers_tag in (None, message.callers_tag)


def is_party(state: CallState, tag: Tag) -> bool:
    """Return whether a tag is of one of the call's parties, by its SIP messages or by its relay's sessions."""
    sip_dialogs, negotiation = state.sip_dialogs, state.negotiation
    tags: set[str | None] = set(negotiation.dialogs() if negotiation else ())
    if sip_dialogs is not None:
        tags.add(sip_dialogs.callers_tag)
        tags.update([known for _, known in sip_dialogs.parties])
    return tag in tags or _is_in_session(state, tag)


def _is_in_session(state: CallState, tag: Tag) -> bool:
    return any(
        session.from_tag == tag or any(dialog.has(tag) for dialog in session.dialogs)
        for session in state.usable_sessions()
    )
