"""What the table of ended calls says of a call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from events.ended import EndedCall, Outcome
from events.names import Leg, Tag
from events.quality_events import MeasuredStream
from replay.state import CallState

LONGEST: Final = 200
"""Characters of a text that are kept: who sends a message may make it as long as he likes."""

MOST: Final = 16
"""Names of one kind that are kept."""


def ended_call(state: CallState) -> EndedCall:
    """Return what is kept of a call of which nothing is left."""
    sessions = state.sessions.values()
    media = _Media()
    for stream in state.media.values():
        media.add(stream)
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
        packets=media.packets,
        lost=media.lost,
        jitter=media.jitter,
        mos=media.mos or 0,
        one_way=media.one_way,
    )


class _Media:
    """The media of a call: their sums, and the worst of each."""

    def __init__(self) -> None:
        self.packets = self.lost = self.jitter = 0
        self.mos: int | None = None
        self.one_way = False

    def add(self, stream: MeasuredStream) -> None:
        self.packets += stream.packets
        self.lost += stream.lost or 0
        self.jitter = max(self.jitter, stream.jitter or 0)
        self.one_way = self.one_way or stream.one_way
        if stream.mos is not None:
            self.mos = stream.mos[1] if self.mos is None else min(self.mos, stream.mos[1])


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
