"""What the table of ended calls says of a call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from events.ended import EndedCall, Outcome
from events.names import Leg, Tag
from replay.state import CallState

LONGEST: Final = 200
"""Characters of a text that are kept: who sends a message may make it as long as he likes."""

MOST: Final = 16
"""Names of one kind that are kept."""


def ended_call(state: CallState) -> EndedCall:
    """Return what is kept of a call of which nothing is left."""
    sessions, media = state.sessions.values(), state.media.values()
    uris = state.sip_dialogs.uris if state.sip_dialogs is not None else {}
    return EndedCall(
        call_id=state.call_id,
        version=state.version,
        created=state.created,
        ended=state.changed,
        answered=state.answered_at,
        outcome=outcome(state),
        reason=state.reason[:LONGEST],
        failure=state.failure[:LONGEST],
        by=state.by,
        nodes=_names([session.node for session in sessions]),
        sets=_names([session.set for session in sessions]),
        engines=_names([session.engine for session in sessions]),
        caller=uris.get(Leg.CALLER, "")[:LONGEST],
        callee=uris.get(Leg.CALLEE, "")[:LONGEST],
        tags=_names(_tags(state)),
        branches=len({branch for _, branch in state.given if branch}) or min(len(state.given), 1),
        moves=state.migrations,
        packets=sum(stream.packets for stream in media),
        lost=sum(stream.lost or 0 for stream in media),
        jitter=max((stream.jitter or 0 for stream in media), default=0),
        mos=min((stream.mos[1] for stream in media if stream.mos is not None), default=0),
        one_way=any(stream.one_way for stream in media),
    )


def outcome(state: CallState) -> Outcome:
    """Return what became of a call."""
    if state.media_lost:
        return Outcome.LOST
    if state.answered_at or state.vouched:
        return Outcome.ANSWERED
    return Outcome.FAILED if state.failure and not state.given else Outcome.UNANSWERED


def _tags(state: CallState) -> Iterable[Tag]:
    for session in state.sessions.values():
        yield session.from_tag
        yield session.to_tag
    yield from state.legs


def _names(names: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for name in names:
        short = name[:LONGEST]
        if short and short not in kept:
            kept.append(short)
            if len(kept) == MOST:
                break
    return tuple(kept)
