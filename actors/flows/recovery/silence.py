"""What is done about an offer that nobody answered: its sessions are removed, unless media flow there.

Then it was answered, and the journal has lost the word of it (docs/configuration.md, durability): nobody's established
call is ended on what the journal does not say, while its relay can be asked. Where the journal has an early answer, the
media may be early ones: then they are asked after again, until they end or the call is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.effects import AskNodes, Decision, Outcome, Persist, Read, Sleep, Step
from engines.kind import Operation
from engines.registry import kind_of
from events.registry import DeleteIntended, MediaSeen, Scope
from replay.projection import Deadlines, unanswered_until
from replay.state import CallState, CallStatus

UNANSWERED = "the offer was never answered"
UNDECIDED = "its INVITE never had a final response"

SAMPLE = 3_000
"""How long (ms) media are watched to see whether they flow."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """An unanswered offer: since when (ms since the epoch), and what to ask of which nodes about its sessions."""

    since: int
    sessions: Sequence[int]
    questions: Sequence[tuple[str, Operation]]


def end_unanswered(now: int, deadlines: Deadlines) -> Step[int | None]:
    """End a call whose offer nobody answered in time, as far as the nodes say that no media flow.

    While a node does not say, nothing is ended; after very long it need not be asked any more. Comes to when they are
    to be asked again, ms since the epoch; None for never.
    """
    silence: _Silence | None = yield Read(lambda state: _silence(state, now, deadlines))
    if silence is None:
        return None
    before = yield from _packets(silence)
    flowing: list[int] = []
    if any(before):
        yield Sleep(SAMPLE)
        after = yield from _packets(silence)
        pairs = zip(silence.sessions, before, after, strict=True)
        flowing = [number for number, was, is_now in pairs if (is_now or 0) > (was or 0)]
    if flowing:
        yield Persist(lambda state: _note_media(state, flowing))
    elif None in before and deadlines.after(silence.since, deadlines.give_up) > now:
        return deadlines.again(now, silence.since)
    else:
        yield Persist(lambda state: _end(state, silence.since))
    return None


def _silence(state: CallState, now: int, deadlines: Deadlines) -> _Silence | None:
    usable = state.usable_sessions()
    if state.status is not CallStatus.LIVE or state.answered or not usable:
        return None
    if unanswered_until(state, deadlines) > now:
        return None
    questions = [(one.node, kind_of(one.engine).knows(one.relay_id, one.from_tag, one.to_tag)) for one in usable]
    return _Silence(state.heard, [session.number for session in usable], questions)


def _packets(silence: _Silence) -> Step[list[int | None]]:
    """Ask how many packets each session has had; None for one of which its node does not answer."""
    outcomes: list[Outcome] = yield AskNodes(silence.questions)
    return [None if outcome.reply is None else outcome.reply.packets for outcome in outcomes]


def _note_media(state: CallState, numbers: Sequence[int]) -> Decision:
    return Decision([MediaSeen(session=number) for number in numbers if state.sessions[number].usable])


def _end(state: CallState, since: int) -> Decision:
    """Remove what nobody answered, if nothing was heard of it since the nodes were asked."""
    if state.status is not CallStatus.LIVE or state.answered or state.heard != since:
        return Decision([])
    numbers = tuple(session.number for session in state.usable_sessions())
    scope = Scope.SESSION if state.has_dialog else Scope.CALL
    reason = UNDECIDED if state.relay_answered else UNANSWERED
    return Decision([DeleteIntended(scope=scope, sessions=numbers, reason=reason)])
