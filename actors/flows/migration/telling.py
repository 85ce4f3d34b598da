"""The parties of a call that moves are told: both get their re-INVITE at the same time, as if it were their peer's.

What each is given differs from what it was given last in addresses, ports and keys alone, and in the version of its
`o=` line, which rises by one. Its answer may be another than it had agreed on: then the node is told that, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.effects import Decision, Persist, SendSip, Spawn, Step
from actors.flows.migration.conclusion import call_gone
from actors.flows.migration.steps import Tell, next_step
from actors.flows.sip.farewell import farewell
from actors.flows.sip.intended_requests import Intended, intended, pending
from actors.flows.sip.own_requests import leaving, pause_after_collision, take_leave
from actors.sip_requests import SipOutcome, WantedRequest
from engines.sdp.check import check
from engines.sdp.lines import SdpError
from engines.sdp.origin import following, says_the_same, version_of
from events.names import Leg, Tag
from events.registry import Event, LegMoved, MigrationTurnedBack, SipRequestEnded
from events.values import value
from replay.migration import Migration, PreparedLeg
from replay.state import CallState

MAX_TRIES = 5
"""How often a party is told that has a request of its own under way, or asks for time."""

LONGEST = 10
"""Seconds that a party may ask for (Retry-After)."""

AT_ONCE = 10
"""Ms until the next try where nothing is waited for."""

NOT_SENT = 2_000
"""Ms until a request is tried again that could not leave."""

SDP = "application/sdp"


@value
class _Told:
    """A request on its way: in which session, what is in it, and since which version its party had what it has."""

    intended: Intended
    session: int
    about: PreparedLeg
    since: int


@dataclass(slots=True)
class Patience:
    """How often each leg has been told, and the legs that are not told any more since they refuse the way back.

    by_invite: those that get a re-INVITE in any case, since they have not taken an UPDATE.
    """

    tries: dict[Leg, int] = field(default_factory=dict)
    by_invite: set[Leg] = field(default_factory=set)
    given_up: set[Leg] = field(default_factory=set)

    def is_over(self, leg: Leg) -> bool:
        """Return whether a leg is not to be told once more."""
        return self.tries.get(leg, 0) >= MAX_TRIES


def tell(number: int, legs: Sequence[Leg], patience: Patience) -> Step[int | None]:
    """Tell legs, and journal how that ended. Comes to how long to wait (ms); None if somebody else is telling them."""
    wanted = [leg for leg in legs if leg not in patience.given_up]
    told: Sequence[_Told] = yield Persist(lambda state: _intend(state, number, wanted, patience.by_invite))
    if not told:
        return None
    for one in told:
        leg = one.intended.own.leg
        patience.tries[leg] = patience.tries.get(leg, 0) + 1
    outcomes: list[SipOutcome] = yield SendSip([one.intended.request for one in told])
    ended = list(zip(told, outcomes, strict=True))
    patience.by_invite |= {one.intended.own.leg for one, outcome in ended if _takes_no_update(one, outcome)}
    pauses = [_pause(one, outcome) for one, outcome in ended]
    again = {
        one.intended.own.leg
        for (one, _), pause in zip(ended, pauses, strict=True)
        if pause and not patience.is_over(one.intended.own.leg)
    }
    goodbye, refusing = yield Persist(lambda state: _conclude(state, number, ended, again))
    patience.given_up |= refusing
    if goodbye is not None:
        yield Spawn(take_leave(goodbye))
    return max([0, *(pause for (one, _), pause in zip(ended, pauses, strict=True) if one.intended.own.leg in again)])


def _intend(state: CallState, number: int, legs: Sequence[Leg], by_invite: set[Leg]) -> Decision:
    """Intend to tell legs, unless requests of ours are on their way to them."""
    step = next_step(state, number)
    under_way = {one.leg for _, one in pending(state) if one.method != "BYE"}
    if not isinstance(step, Tell) or state.migration is None or under_way:
        return Decision([], ())
    move = state.migration
    abouts = [(leg, about) for leg in legs if leg in step.legs and (about := move.about(leg)) is not None]
    wishes = [_wish(state, move, leg, about, by_invite) for leg, about in abouts]
    events, requests = intended(state, wishes)
    if len(requests) < len(wishes):
        return Decision([], ())
    pairs = zip(requests, abouts, strict=True)
    since = [_given_since(state, move, about) for _, about in abouts]
    told = [_Told(one, move.destination, about, at) for (one, (_, about)), at in zip(pairs, since, strict=True)]
    return Decision(events, told)


def _wish(state: CallState, move: Migration, leg: Leg, about: PreparedLeg, by_invite: set[Leg]) -> WantedRequest:
    peer = _tag_of(move, about)
    before = state.given.get((peer, about.branch))
    least = state.sip_dialogs.origins.get((leg, move.callee_tag), 0) if state.sip_dialogs else 0
    body = following(about.relayed, before.relayed, least) if before else about.relayed
    reason = move.back or move.reason or "the call moves to another relay"
    method = "INVITE" if leg in by_invite or not _takes_update(state, move.callee_tag, leg) else move.method
    return WantedRequest(leg, move.callee_tag, method, reason, body, SDP, origin=version_of(body))


def _takes_update(state: CallState, callee_tag: Tag, leg: Leg) -> bool:
    ends = state.sip_dialogs.ends(callee_tag) if state.sip_dialogs else None
    return ends is not None and (ends.caller if leg is Leg.CALLER else ends.callee).takes_update


def _given_since(state: CallState, move: Migration, about: PreparedLeg) -> int:
    given = state.given.get((_tag_of(move, about), about.branch))
    return given.version if given else 0


def _tag_of(move: Migration, prepared: PreparedLeg) -> Tag:
    """Return the tag of the party that has said what was prepared."""
    return next(tag for tag, one in move.prepared.items() if one is prepared)


def _conclude(state: CallState, number: int, ended: Sequence[tuple[_Told, SipOutcome]], again: set[Leg]) -> Decision:
    """Journal how requests ended. The value is a dead dialog's Farewell, and the legs that refuse the way back."""
    there = dict(pending(state))
    events: list[Event] = [
        SipRequestEnded(number=one.intended.number, status=outcome.status, reason=outcome.reason)
        for one, outcome in ended
        if one.intended.number in there
    ]
    move = state.migration if state.migration and state.migration.number == number else None
    left = next((pair for pair in ended if pair[1].ends_dialog and not _takes_no_update(*pair)), None)
    if left is not None:
        return _left(state, move, left, events)
    if move is None:
        return Decision(events, (None, set()))
    events += [moved for one, outcome in ended if (moved := _moved(state, move, one, outcome)) is not None]
    refusals = [
        (one.intended.own.leg, outcome)
        for one, outcome in ended
        if outcome.status >= 300 or outcome.status == 0
        if one.intended.own.leg not in again
    ]
    if refusals and not move.back:
        events.append(MigrationTurnedBack(migration=number, reason=_refusal(*refusals[0])))
        return Decision(events, (None, set()))
    return Decision(events, (None, {leg for leg, _ in refusals}))


def _left(state: CallState, move: Migration | None, left: tuple[_Told, SipOutcome], events: list[Event]) -> Decision:
    one, outcome = left
    why = leaving(one.intended, outcome)
    end, goodbye = farewell(state, why, one.intended.own.tag)
    failed = call_gone(move, why) if move is not None else []
    return Decision([*events, *failed, *end], (goodbye, set()))


def _moved(state: CallState, move: Migration, one: _Told, outcome: SipOutcome) -> LegMoved | None:
    """Return the event that a party has come along; None if it has not, or was given something else since."""
    leg, about = one.intended.own.leg, move.about(one.intended.own.leg)
    if not 200 <= outcome.status < 300 or about is None or move.destination != one.session:
        return None
    if about.relayed != one.about.relayed or _given_since(state, move, about) != one.since:
        return None
    return LegMoved(
        migration=move.number,
        session=one.session,
        leg=leg,
        given=one.intended.own.body,
        answer=_other_answer(move.about(leg.other), outcome.body),
    )


def _other_answer(known: PreparedLeg | None, answer: bytes) -> bytes:
    """Return a party's answer if it is another one than it has agreed on, b"" otherwise."""
    if known is None or not answer or says_the_same(known.sdp, answer):
        return b""
    try:
        check(answer)
    except SdpError:
        return b""
    return answer


def _takes_no_update(one: _Told, outcome: SipOutcome) -> bool:
    """Return whether a party has not taken an UPDATE that may take a re-INVITE: some that allow it do not know it."""
    is_unknown = outcome.status in (405, 408, 501) or (outcome.status == 0 and outcome.reached)
    return one.intended.own.method == "UPDATE" and is_unknown


def _pause(one: _Told, outcome: SipOutcome) -> int:
    """Return how long to wait (ms) before a party is told once more; 0 if it is not, or was."""
    if outcome.status == 491:
        return max(pause_after_collision(one.intended.own.leg), AT_ONCE)
    if _takes_no_update(one, outcome):
        return AT_ONCE
    if outcome.status >= 500 and 0 < outcome.retry_after <= LONGEST:
        return outcome.retry_after * 1000
    return NOT_SENT if outcome.unsent else 0


def _refusal(leg: Leg, outcome: SipOutcome) -> str:
    said = f"{outcome.status} {outcome.reason}".strip() if outcome.status else outcome.reason
    return f"the {leg} does not come along: {said}"
