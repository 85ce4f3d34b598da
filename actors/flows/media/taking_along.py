"""What a call takes along when it moves: its copies and its recording are made in the new session, too.

That is done before its parties are told of the session, so that no packet goes past a recorder. A copy is answered with
what its recorder answered last, where the new offer has the same streams: then media of the new node go where those of
the old one went, and the recorder may be offered the new SDP at leisure. What the new node does not do stays behind,
and the move goes on without it.

What is to be made next follows from the state alone, as the steps of a move do. Until the move is completed both nodes
copy; if it fails, what was made goes with the new session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from actors.commands.copies import OfferCopy
from actors.effects import AskNodes, Decide, Decision, Outcome, Persist, Step
from actors.flows.media.copy_decisions import INACTIVE, SIPREC, in_the_way
from actors.flows.media.copy_location import location_of, offer_of, parties_of
from engines.copy_request import CopyRequest
from engines.kind import Operation
from engines.registry import kind_of
from engines.request import NodeRequest, plain
from engines.sdp.copy import rearranged
from events.names import Leg, Tag
from events.registry import (
    CommandForwarded,
    CopyAnswered,
    CopyDeleteIntended,
    CopyIntended,
    CopyLeftBehind,
    CopyMoved,
    CopyOffered,
    Event,
)
from events.values import value
from events.verb import Verb
from replay.migration import Migration
from replay.relay_settings import Copy
from replay.state import CallState, Session

BEING_BEGUN = "it was only being begun"
NO_REASON = "no reason was given"
NOT_ASKED = "it began when the call had moved already"

Relayed = Mapping[Tag, bytes]
"""By a party's tag, what the new node gives for what the party said, where the journal does not have it yet."""


@value
class _Task:
    """What a session's node is to be asked, the events that are journalled before, and that of its outcome."""

    session: int
    node: str
    operation: Operation
    before: tuple[Event, ...]
    after: Callable[[Outcome], Event]


def take_along(number: int, relayed: Relayed = MappingProxyType({})) -> Step[None]:
    """Make in a move's new session what the old one has besides; a node that does not do it is asked once."""
    while (task := (yield Persist(lambda state: _intend(state, number, relayed)))) is not None:
        outcomes: list[Outcome] = yield AskNodes([(task.node, task.operation)])
        yield Persist(_concluding(number, task.session, task.after(outcomes[0])))


def lacks(state: CallState, move: Migration) -> bool:
    """Return whether something is still to be made in a move's new session."""
    return next(_tasks(state, move, {}), None) is not None


def arrivals(state: CallState, move: Migration) -> list[Event]:
    """Return what becomes of each copy when the call has moved."""
    events: list[Event] = []
    for name, copy in _wanted(state, move):
        made, why = move.copies.get(name), _obstacle(state, move, name, copy)
        if why or made is None:
            events.append(CopyLeftBehind(copy=name, session=copy.session, reason=why or NOT_ASKED))
        else:
            events.append(CopyMoved(copy=name, session=made.session, sdp=made.offer, flows=made.answered))
    return events


def left_out(state: CallState, move: Migration) -> tuple[str, ...]:
    """Return what a session has that its call loses with it, and why."""
    copies = [
        f"copy {event.copy}: {event.reason}" for event in arrivals(state, move) if isinstance(event, CopyLeftBehind)
    ]
    old = state.sessions.get(move.leaves)
    if old is None:
        return tuple(copies)
    recording = [f"recording: {move.recording or NOT_ASKED}"] if old.recorded and move.recording != "ok" else []
    subscriptions = [f"subscription {tag}: who keeps it has to ask for it anew" for tag in old.subscriptions]
    return (*copies, *recording, *subscriptions)


def _wanted(state: CallState, move: Migration) -> list[tuple[str, Copy]]:
    return [(name, copy) for name, copy in state.copies.items() if copy.session == move.leaves and not copy.closing]


def _obstacle(state: CallState, move: Migration, name: str, copy: Copy) -> str:
    """Return why a copy cannot come along, or could not; "" for no reason."""
    made = move.copies.get(name)
    if made is not None and made.closing:
        return made.reason
    if not copy.offered:
        return BEING_BEGUN
    others = {other: one for other, one in move.copies.items() if not one.closing}
    return next(in_the_way(state.sessions[move.session], name, copy, others), "")


def _intend(state: CallState, number: int, relayed: Relayed) -> Decision:
    move = state.migration
    task = next(_tasks(state, move, relayed), None) if move is not None and move.number == number else None
    return Decision(task.before if task else (), task)


def _tasks(state: CallState, move: Migration, relayed: Relayed) -> Iterator[_Task]:
    """Yield what is still to be made. The recording is first: where a node does only one, it is that."""
    old, new = state.sessions.get(move.leaves), state.sessions.get(move.session)
    if old is None or new is None or not new.usable or move.back:
        return
    if old.recorded and not move.recording:
        yield _recording(state, move, old, new)
    for name, copy in _wanted(state, move):
        if not _obstacle(state, move, name, copy):
            yield from _copying(state, move, name, copy, relayed)


def _recording(state: CallState, move: Migration, old: Session, new: Session) -> _Task:
    asked = NodeRequest.of(old.recording) if old.recording else plain(Verb.START_RECORDING)
    has_streams = not kind_of(new.engine).native_branches
    request = (asked.between(*parties_of(state, old)) if has_streams else asked).with_handle(new.handle)

    def after(outcome: Outcome) -> Event:
        return CommandForwarded(
            command=Verb.START_RECORDING,
            session=new.number,
            result="ok" if outcome.agreed else "error",
            reason=outcome.why or ("" if outcome.agreed else NO_REASON),
            request=asked.kept(),
            migration=move.number,
        )

    return _Task(
        new.number, new.node, Operation(verb=Verb.START_RECORDING, relay_id=new.relay_id, request=request), (), after
    )


def _copying(state: CallState, move: Migration, name: str, copy: Copy, relayed: Relayed) -> Iterator[_Task]:
    made = move.copies.get(name)
    is_as_wanted = made is not None and _choice(made) == _choice(copy)
    if made is None or not is_as_wanted or not made.offered:
        yield _offering(state, move, name, copy, relayed)
        return
    answer = rearranged(copy.answer, copy.layout, made.layout) if copy.answer else None
    if answer is not None and answer != made.answer:
        yield _answering(state, move, name, made, answer)


def _choice(copy: Copy) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    return copy.flags, copy.legs, copy.streams


def _offering(state: CallState, move: Migration, name: str, copy: Copy, relayed: Relayed) -> _Task:
    made = move.copies.get(name)
    session, parties = state.sessions[move.session], parties_of(state, state.sessions[move.leaves])
    flags = copy.flags.split()
    wish = OfferCopy(
        call_id=state.call_id,
        name=name,
        legs=tuple(Leg(leg) for leg in copy.legs),
        streams=copy.streams,
        siprec=SIPREC in flags,
        inactive=INACTIVE in flags,
    )
    caller_sdp, callee_sdp = (_given(state, move, tag, relayed) for tag in parties)
    request = replace(
        offer_of(state, session, wish),
        from_tag=parties[0],
        to_tag=parties[1],
        copy_ctx=made.handle if made else "",
        caller_sdp=caller_sdp,
        callee_sdp=callee_sdp,
    )
    intended = CopyIntended(
        copy=name,
        session=session.number,
        flags=copy.flags,
        legs=copy.legs,
        streams=copy.streams,
        migration=move.number,
    )
    is_begun = made is not None and _choice(made) == _choice(copy)

    def after(outcome: Outcome) -> Event:
        if (reply := outcome.agreed) is None:
            return _refused(name, move, outcome)
        return CopyOffered(
            copy=name, handle=reply.copy_ctx, sdp=reply.sdp, layout=reply.copy_layout, migration=move.number
        )

    return _Task(session.number, session.node, _operation(session, request), () if is_begun else (intended,), after)


def _answering(state: CallState, move: Migration, name: str, made: Copy, answer: bytes) -> _Task:
    session, (caller, callee) = state.sessions[move.session], parties_of(state, state.sessions[move.leaves])
    request = location_of(state, name, made, Verb.COPY_ANSWER, answer).request

    def after(outcome: Outcome) -> Event:
        if outcome.agreed is None:
            return _refused(name, move, outcome)
        return CopyAnswered(copy=name, sdp=answer, migration=move.number)

    return _Task(
        session.number, session.node, _operation(session, replace(request, from_tag=caller, to_tag=callee)), (), after
    )


def _refused(name: str, move: Migration, outcome: Outcome) -> Event:
    return CopyDeleteIntended(copy=name, reason=outcome.why or NO_REASON, migration=move.number)


def _operation(session: Session, request: CopyRequest) -> Operation:
    return Operation(verb=request.verb, relay_id=session.relay_id, request=request.request())


def _given(state: CallState, move: Migration, tag: Tag, relayed: Relayed) -> bytes:
    """Return what a party's peer is to be given in place of its SDP."""
    prepared, leg = move.prepared.get(tag), state.legs.get(tag)
    return relayed.get(tag) or (prepared.relayed if prepared else leg.relayed if leg else b"")


def _concluding(number: int, session: int, event: Event) -> Decide:
    """Journal how a task ended, unless the move has, or is to another session: what was made there goes with it."""

    def decide(state: CallState) -> Decision:
        move = state.migration
        return Decision([event] if move is not None and (move.number, move.session) == (number, session) else [])

    return decide
