"""The flow of a call's move to another session.

    intended      the journal has where to, and for whom
    prepared      a node has what both parties have agreed on: an offer and an answer, of which they know nothing
    accompanied   copies and a recording are made there, too, before any media come
    told          both parties get their re-INVITE at once; each that takes it is a `leg moved`
    completed     the old session is to go, when media have come to the new one
    turned back   a party did not come along: both are told of the old session again, and then it has failed

Each step follows from the state alone (`steps.py`), so that any control node goes on with it where another one died.
While it goes on, what parties offer one another of their own accord goes to the session that they have, and is told to
the new one afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.effects import Persist, Read, Sleep, Spawn, Step
from actors.flows.media.delete import teardown
from actors.flows.media.taking_along import take_along
from actors.flows.migration.conclusion import Left, completed, failed, turned_back
from actors.flows.migration.learning import Learned, learn
from actors.flows.migration.preparing import prepare
from actors.flows.migration.restarts import unable
from actors.flows.migration.settling import settle
from actors.flows.migration.steps import (
    Conclude,
    Fail,
    Next,
    Over,
    Prepare,
    TakeAlong,
    Tell,
    TurnBack,
    Wait,
    next_step,
)
from actors.flows.migration.telling import Patience, tell
from actors.node_table import NodeTable
from actors.results import Moved, Refused
from engines.refusal import RefusalCode
from replay.state import CallState

PAUSE = 200
"""Ms between looks at whether a party's own exchange, or another control node's request, has ended."""

LOOKS = 160
"""How often it is looked; then (after 32 s, RFC 3261's timer F) the move gives up."""

PREPARATIONS = 8
"""How often a node is told what the parties have agreed on, which can change meanwhile."""

STAY_BUSY = "its parties are at an exchange of their own"
NO_WAY_BACK = "and there is no way back"


@dataclass(slots=True)
class _Effort:
    """What one flow has done for a move.

    looks: how often it waited for others. prepared: how often a node was told. ended: how the move did, if it was this
    flow that ended it; code: the kind of cause of its failure.
    """

    patience: Patience = field(default_factory=Patience)
    learned: Learned | None = None
    looks: int = 0
    prepared: int = 0
    moved: Moved | None = None
    code: RefusalCode = RefusalCode.TURNED_BACK


def carry_on(number: int, nodes: NodeTable) -> Step[Moved | Refused]:
    """Go on with a move from where it is, to its end."""
    effort = _Effort()
    while True:
        step: Next = yield Read(lambda state: next_step(state, number))
        match step:
            case Over():
                return effort.moved or outcome_of(step, effort.code)
            case Wait():
                yield from _wait(number, effort)
            case Prepare():
                yield from _prepare(number, step, effort, nodes)
            case TakeAlong():
                yield from take_along(number)
            case Tell():
                yield from _tell(number, step, effort)
            case Conclude():
                yield from _conclude(number, effort)
            case Fail():
                yield from _fail(number, step.reason)
            case TurnBack():
                yield from _give_up(number, step.reason, effort)


def outcome_of(over: Over, code: RefusalCode = RefusalCode.TURNED_BACK) -> Moved | Refused:
    """Return what is told of a move that is over. code: the kind of cause, if it failed."""
    return Refused(code, over.failure) if over.failure or over.there is None else over.there


def _wait(number: int, effort: _Effort) -> Step[None]:
    """Let a party end what it is at, or another control node."""
    effort.looks += 1
    if effort.looks > LOOKS:
        yield from _give_up(number, STAY_BUSY, effort)
    else:
        yield Sleep(PAUSE)


def _prepare(number: int, step: Prepare, effort: _Effort, nodes: NodeTable) -> Step[None]:
    effort.prepared += 1
    if effort.prepared > PREPARATIONS:
        yield from _give_up(number, STAY_BUSY, effort)
        return
    if effort.learned is None:
        effort.learned = yield from learn(number)
    refusal = yield from prepare(number, step.agreed, effort.learned, nodes)
    if refusal is not None:
        yield from _refuse(number, refusal, effort)


def _refuse(number: int, refusal: Refused, effort: _Effort) -> Step[None]:
    effort.code = refusal.code
    yield from _give_up(number, refusal.reason, effort)


def _tell(number: int, step: Tell, effort: _Effort) -> Step[None]:
    legs = [leg for leg in step.legs if leg not in effort.patience.given_up]
    if not legs:
        yield from _conclude(number, effort)
        return
    refusal = yield from unable(number)
    if refusal is not None:
        yield from _refuse(number, refusal, effort)
        return
    pause = yield from tell(number, legs, effort.patience)
    if pause is None:
        yield from _wait(number, effort)
    elif pause:
        yield Sleep(pause)


def _conclude(number: int, effort: _Effort) -> Step[None]:
    """End a move whose parties are where they are to be."""
    done: tuple[Moved, Left | None] | None = yield Persist(lambda state: completed(state, number))
    if done is not None:
        effort.moved, left = done
        if left is not None:
            yield Spawn(settle(left))
        return
    yield from _fail(number, (yield Read(_why_back)))


def _why_back(state: CallState) -> str:
    return state.migration.back if state.migration else ""


def _give_up(number: int, reason: str, effort: _Effort) -> Step[None]:
    """Turn a move back if parties may have heard of it; if not, or if there is no way back, it has failed."""
    if (yield Persist(lambda state: turned_back(state, number, reason))):
        effort.patience, effort.looks, effort.prepared = Patience(), 0, 0
        return
    back = yield Read(_why_back)
    yield from _fail(number, f"{back}, {NO_WAY_BACK}: {reason}" if back else reason)


def _fail(number: int, reason: str) -> Step[None]:
    made = yield Persist(lambda state: failed(state, number, reason))
    if made is not None:
        yield Spawn(teardown(*made))
