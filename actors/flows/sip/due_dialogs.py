"""What is due of a call's dialogs: BYEs that nobody lived to send, dialogs that have died, parties that fell silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.effects import Flow, HoldOff, Persist, Read, RetryAt, Spawn, Step
from actors.flows.sip.intended_requests import Intended, intend, pending, resumed_bye
from actors.flows.sip.own_requests import begin_farewell, exchange
from actors.sip_requests import WantedRequest
from events.names import NO_TAG, Tag
from events.registry import Event, SipRequestEnded
from replay.projection import Deadlines, falls_silent, session_ends, unacknowledged
from replay.relay_settings import CALLEE, CALLER
from replay.state import CallState

UNRESOLVED = "its fate is unknown: the control node that sent it did not live to say"
GIVEN_UP = "given up: it could not be sent"
NO_ACK = "the 2xx was not acknowledged"
NOT_REFRESHED = "the session timer ran out"
PROBE = "nothing was heard for long"


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do about a call's dialogs, and since when.

    `ends` says why the call is to be ended, `tag` if it is but one callee's dialog.
    """

    since: int
    byes: Sequence[Intended] = ()
    ends: str = ""
    tag: Tag = NO_TAG
    silent: Sequence[str] = ()


def watch(now: int, deadlines: Deadlines, *, signals: bool) -> Step[bool]:
    """Begin what is due of a call's dialogs at `now`; `signals` says whether SIP requests can be sent from here.

    Comes to whether there was anything: then it has been seen to that the call is due again.
    """
    work: _Work | None = yield Read(lambda state: _work(state, now, deadlines))
    if work is None:
        return False
    if not signals:
        yield RetryAt(deadlines.again(now, work.since), settled=now)
    elif work.ends:
        yield from begin_farewell(work.ends, work.tag)
    else:
        yield Spawn(_do(work, now, deadlines))
    return True


def forgotten(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """End the requests of which nobody knows what became, and the BYEs that could not be sent for very long."""
    events: list[Event] = []
    for number, request in pending(state):
        if request.method != "BYE" and deadlines.after(request.at, deadlines.request) <= now:
            events.append(SipRequestEnded(number=number, status=0, reason=UNRESOLVED))
        elif request.ends is None or deadlines.after(request.at, deadlines.give_up) <= now:
            events.append(SipRequestEnded(number=number, status=0, reason=GIVEN_UP))
    return events


def _do(work: _Work, now: int, deadlines: Deadlines) -> Flow:
    if work.byes:
        yield HoldOff(now + deadlines.request)  # so that no other control node sends them, too
        intended = work.byes
    else:
        intended = yield Persist(lambda state: intend(state, _probes(work.silent)))
    outcomes = yield from exchange(intended)
    if any(outcome.unsent for outcome in outcomes):
        yield RetryAt(deadlines.again(now, work.since), settled=now)
    return None


def _work(state: CallState, now: int, deadlines: Deadlines) -> _Work | None:
    byes = [(number, one) for number, one in pending(state) if one.method == "BYE" and one.ends]
    due = [(number, one) for number, one in byes if deadlines.after(one.at, deadlines.request) <= now]
    if due:
        return _Work(min(one.at for _, one in due), byes=[resumed_bye(state, *pair) for pair in due])
    if pending(state):
        return None
    without_ack = [(at, tag) for tag, at in unacknowledged(state, deadlines).items() if at <= now]
    if without_ack:
        at, tag = min(without_ack)
        return _Work(at, ends=NO_ACK, tag=Tag(tag))
    ends, silent = session_ends(state, deadlines), falls_silent(state, deadlines)
    if ends is not None and ends <= now:
        return _Work(ends, ends=NOT_REFRESHED)
    if silent is not None and silent <= now:
        return _Work(silent, silent=state.dialogs())
    return None


def _probes(tags: Sequence[str]) -> list[WantedRequest]:
    return [WantedRequest(leg, Tag(tag), "OPTIONS", PROBE) for tag in tags for leg in (CALLER, CALLEE)]
