"""The flows of copies (media forking): a call's media go to a recorder, too, as long as the session or the copy lives.

A copy is named by who wants it. The node's own name for it (its handle) comes with the offer; what a control node that
died had asked for without hearing the handle ends with the session on the node, and carries no media until then.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors import replies
from actors.effects import Ask, Decide, Decision, Flow, Outcome, Record, Step
from actors.flows import sessions
from actors.flows.offer import failure_reply
from actors.flows.words import engaged_branch
from engines.copies import LEGS, CopyRequest
from engines.copies import Leg as CopiedLeg
from engines.kind import Operation, is_ok
from engines.rtpengine.bencode import NgDict
from events.types import CopyAnswered, CopyDeleted, CopyDeleteWanted, CopyIntended, CopyOffered, Event, How
from replay.relay import Copy, Relay
from replay.state import CallState, CallStatus, Session

SIPREC = "siprec"
INACTIVE = "inactive"
NO_COPY = "There is no copy of that name"
NOT_YET = "The call is not answered: there are no media to copy yet"
COPY_CONTEXT = b"copy-ctx"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be copied. legs: whose media, both if empty. streams: m= line numbers from 1, all if empty."""

    name: str
    legs: tuple[CopiedLeg, ...] = ()
    streams: tuple[int, ...] = ()
    siprec: bool = False
    inactive: bool = False

    @property
    def flags(self) -> str:
        """The flags in words."""
        return " ".join(word for word, on in ((SIPREC, self.siprec), (INACTIVE, self.inactive)) if on)


@dataclass(frozen=True, slots=True)
class Place:
    """The session that is copied, and what is to be asked of its node."""

    node: str
    relay_id: str
    request: NgDict


def copy_offer(wish: Wish) -> Flow:
    """Begin a copy, or change one of that name. The reply's `sdp` is the offer to the recorder."""
    place = yield Record(_intend(wish))
    if isinstance(place, replies.Refusal):
        return replies.error(place.reason)
    outcome = yield from _ask("copy_offer", place)
    if outcome.reply is None or not is_ok(outcome.reply):
        yield Record(lambda state: _end(state, wish.name, How.LOST))
        return failure_reply(place.node, outcome)
    reply = outcome.reply
    yield Record(lambda _: Decision([_offered(wish.name, reply)]))
    return reply


def copy_answer(name: str, sdp: bytes) -> Flow:
    """Give the recorder's answer to the node: the media flow to it from now on."""
    place = yield Record(lambda state: _find(state, name, "copy_answer", sdp))
    if isinstance(place, replies.Refusal):
        return replies.error(place.reason)
    outcome = yield from _ask("copy_answer", place)
    if outcome.reply is None or not is_ok(outcome.reply):
        return failure_reply(place.node, outcome)
    yield Record(lambda state: Decision([CopyAnswered(copy=name, sdp=sdp)] if name in state.copies else []))
    return outcome.reply


def copy_delete(name: str, reason: str) -> Flow:
    """End a copy. A node that does not answer leaves it due."""
    place = yield Record(_want_end(name, reason))
    if isinstance(place, replies.Refusal):
        return replies.error(place.reason)
    outcome = yield from end_copy(name, place)
    return outcome.reply or replies.ok(f"Node {place.node}: {outcome.reason}; the delete stays due")


def end_copy(name: str, place: Place) -> Step[Outcome]:
    """Ask the node to end a copy, and journal that it did. Its not knowing the copy is as good."""
    outcome = yield from _ask("copy_delete", place)
    if outcome.reply is not None:
        yield Record(lambda state: _end(state, name, How.CONFIRMED if is_ok(outcome.reply or {}) else How.UNKNOWN))
    return outcome


def closing(state: CallState) -> list[tuple[str, Place]]:
    """Give the copies that are to end, and what to ask of their nodes."""
    return [(name, _place(state, name, copy, "copy_delete")) for name, copy in state.copies.items() if copy.closing]


def forgotten(state: CallState, before: int) -> list[Event]:
    """Give up the copies that were intended before that time, and of which nobody knows what became."""
    return [
        CopyDeleted(copy=name, how=How.LOST)
        for name, copy in state.copies.items()
        if not copy.offered and not copy.closing and copy.wanted_at <= before
    ]


def _ask(verb: str, place: Place) -> Step[Outcome]:
    operation = Operation(verb=verb, relay_id=place.relay_id, request=place.request)
    outcomes: list[Outcome] = yield Ask([(place.node, operation)])
    return outcomes[0]


def _intend(wish: Wish) -> Decide:
    def decide(state: CallState) -> Decision:
        session = next((session for session in sessions.newest_first(state) if session.agreement), None)
        if state.status is not CallStatus.LIVE or session is None:
            return Decision([], replies.Refusal(NOT_YET if state.status is CallStatus.LIVE else replies.UNKNOWN_CALL))
        before = state.copies.get(wish.name)
        if before is not None and (before.closing or not before.offered):
            return Decision([], replies.Refusal(f"The copy {wish.name!r} is being changed; try again"))
        event = CopyIntended(
            copy=wish.name, session=session.number, flags=wish.flags, legs=wish.legs, streams=wish.streams
        )
        caller, callee = _parties(state, session)
        request = CopyRequest(
            verb="copy_offer",
            from_tag=caller,
            to_tag=callee,
            copy_ctx=before.handle if before else "",
            handle=session.handle,
            set=session.set,
            engaged_branch=engaged_branch(state.relay or Relay(), session.branch),
            legs=wish.legs or LEGS,
            streams=wish.streams,
            siprec=wish.siprec,
            inactive=wish.inactive,
            caller_sdp=_relayed(state, caller),
            callee_sdp=_relayed(state, callee),
            version=before.version + 1 if before else 1,
        )
        return Decision([event], Place(session.node, session.relay_id, request.request()))

    return decide


def _want_end(name: str, reason: str) -> Decide:
    def decide(state: CallState) -> Decision:
        copy = state.copies.get(name)
        if copy is None:
            return Decision([], replies.Refusal(NO_COPY))
        events = [] if copy.closing else [CopyDeleteWanted(copy=name, reason=reason)]
        return Decision(events, _place(state, name, copy, "copy_delete"))

    return decide


def _find(state: CallState, name: str, verb: str, sdp: bytes) -> Decision:
    copy = state.copies.get(name)
    if copy is None or copy.closing or not copy.offered:
        return Decision([], replies.Refusal(NO_COPY))
    return Decision([], _place(state, name, copy, verb, sdp))


def _place(state: CallState, name: str, copy: Copy, verb: str, sdp: bytes = b"") -> Place:
    session = state.sessions[copy.session]
    caller, callee = _parties(state, session)
    request = CopyRequest(
        verb="copy_answer" if verb == "copy_answer" else "copy_delete",
        from_tag=caller,
        to_tag=callee,
        copy_ctx=copy.handle or name,
        handle=session.handle,
        set=session.set,
        engaged_branch=engaged_branch(session.relay or state.relay or Relay(), session.branch),
        sdp=sdp,
    )
    return Place(session.node, session.relay_id, request.request())


def _offered(name: str, reply: NgDict) -> CopyOffered:
    handle, sdp = reply.get(COPY_CONTEXT), reply.get(b"sdp")
    return CopyOffered(
        copy=name,
        handle=handle.decode("utf-8", "surrogateescape") if isinstance(handle, bytes) else "",
        sdp=sdp if isinstance(sdp, bytes) else b"",
    )


def _end(state: CallState, name: str, how: How) -> Decision:
    return Decision([CopyDeleted(copy=name, how=how)] if name in state.copies else [])


def _parties(state: CallState, session: Session) -> tuple[str, str]:
    """Give the caller's and the callee's tag of a session."""
    agreed = session.agreement
    one, other = (agreed.from_tag, agreed.to_tag) if agreed else (session.from_tag, session.to_tag)
    callees = state.relay.tags if state.relay else {}
    return (other, one) if one in callees else (one, other)


def _relayed(state: CallState, tag: str) -> bytes:
    leg = state.legs.get(tag)
    return leg.relayed if leg else b""
