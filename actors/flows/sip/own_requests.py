"""The flows of SIP requests of our own in a call's dialogs, and of the end of dialogs that are to end or have died.

A request is journalled as intended, sent, and journalled as ended. A BYE stays due until it has ended; any other one
whose control node died is given up. Who does not answer, or has no such dialog any more, has left (RFC 3261 12.2.1.2):
then both parties of the dialog get a BYE, and its relay is freed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from actors.commands.sip import EndEarlyDialogs, SendRequest
from actors.effects import Decide, Decision, Flow, Persist, SendSip, Sleep, Spawn, Step
from actors.flows.media.delete import carry_out
from actors.flows.sip.farewell import Farewell, farewell
from actors.flows.sip.intended_requests import Intended, bye, intend, intended, intended_anew, pending
from actors.results import UNKNOWN, Done, Refused, RequestEnded
from actors.sip_requests import NO_DIALOG, SipOutcome
from events.names import NO_TAG, Tag
from events.registry import Event, SipRequestEnded
from replay.offer_answer import BranchStatus
from replay.relay_settings import CALLEE
from replay.state import CallState

MAX_TRIES = 4
"""How often a request is sent to a party that has one of its own under way (491)."""


def send_request(command: SendRequest) -> Flow:
    """Send a request in an established dialog and come to its final outcome.

    491 is tried again after a while (RFC 3261 14.1). If the party turns out to have left, the dialog is ended.
    """
    requests = yield Persist(lambda state: intend(state, [command.request]))
    outcomes = yield from exchange(requests)
    return RequestEnded(outcomes[0] if outcomes else NO_DIALOG)


def end_dialogs(reason: str, tag: Tag = NO_TAG, told: str = "") -> Flow:
    """End all dialogs of a call, or a callee's alone and the call with its last one: BYEs, and its relay freed.

    told: what the BYEs say, "" for the reason.
    """
    yield from begin_farewell(reason, tag, told)
    return Done()


def end_early_dialogs(command: EndEarlyDialogs) -> Flow:
    """End the early dialogs of an INVITE (RFC 3261 15): who gets such a BYE fails the INVITE (487)."""
    byes: Sequence[Intended] | Refused = yield Persist(lambda state: _early_byes(state, command))
    if isinstance(byes, Refused):
        return byes
    yield Spawn(take_leave(Farewell(byes, ())))
    return Done()


def _early_byes(state: CallState, command: EndEarlyDialogs) -> Decision:
    negotiation, sip_dialogs = state.negotiation, state.sip_dialogs
    if negotiation is None or sip_dialogs is None or negotiation.initial is None:
        return Decision([], UNKNOWN)
    is_it = (sip_dialogs.callers_tag, negotiation.initial.cseq) == (command.callers_tag, command.cseq)
    if not is_it or sip_dialogs.over or bool(negotiation.branches(BranchStatus.ESTABLISHED)) is not command.spares:
        return Decision([], UNKNOWN)
    ringing = [tag for branch in negotiation.branches(BranchStatus.TRYING) for tag in negotiation.dialogs(branch)]
    tags = [Tag(tag) for tag in dict.fromkeys(ringing) if tag not in negotiation.established()]
    events, byes = intended(state, [bye(CALLEE, tag, command.reason) for tag in tags])
    begun = bool(byes) or bool(sip_dialogs.requests)  # a CANCEL may come again
    return Decision(events, byes) if begun else Decision([], UNKNOWN)


def begin_farewell(reason: str, tag: Tag = NO_TAG, told: str = "") -> Step[None]:
    """Journal the end of dialogs, and begin what follows of it."""
    goodbye = yield Persist(lambda state: Decision(*farewell(state, reason, tag, told)))
    if goodbye is not None:
        yield Spawn(take_leave(goodbye))


def exchange(intended: Sequence[Intended]) -> Step[list[SipOutcome]]:
    """Send requests and journal how they ended, the end of a dialog that has died with it."""
    ended: list[SipOutcome] = []
    for tries_left in reversed(range(MAX_TRIES)):
        outcomes: list[SipOutcome] = yield SendSip([one.request for one in intended])
        pairs = list(zip(intended, outcomes, strict=True))
        busy = [one for one, outcome in pairs if outcome.status == 491 and tries_left]
        done = [(one, outcome) for one, outcome in pairs if one not in busy]
        ended += [outcome for _, outcome in done]
        goodbye = yield Persist(_conclude(done))
        if goodbye is not None:
            yield Spawn(take_leave(goodbye))
        if not busy:
            break
        yield Sleep(max(pause_after_collision(one.own.leg) for one in busy))
        intended = yield Persist(intended_anew(busy))
        if not intended:
            break
    return ended


def take_leave(goodbye: Farewell) -> Flow:
    """Do what the end of dialogs wants done: BYEs, and their relay freed."""
    if goodbye.wanted:
        yield Spawn(carry_out(goodbye.wanted))
    if goodbye.byes:
        yield from exchange(goodbye.byes)
    return None


def pause_after_collision(to_leg: str) -> int:
    """Return how long to wait after a 491, ms (RFC 3261 14.1): longer for who owns the Call-ID, the caller."""
    least, most = (2100, 4000) if to_leg == CALLEE else (0, 2000)
    return random.randrange(least, most + 1, 10)


def _conclude(done: Sequence[tuple[Intended, SipOutcome]]) -> Decide:
    """Journal how requests ended. A BYE that was not sent stays due. The value is a dead dialog's Farewell."""

    def decide(state: CallState) -> Decision:
        there = dict(pending(state))
        events: list[Event] = [
            SipRequestEnded(number=one.number, status=outcome.status, reason=outcome.reason)
            for one, outcome in done
            if one.number in there and not (outcome.unsent and one.own.method == "BYE")
        ]
        left = next((pair for pair in done if pair[1].ends_dialog and pair[0].own.method != "BYE"), None)
        if left is None:
            return Decision(events)
        end, goodbye = farewell(state, leaving(*left), left[0].own.tag)
        return Decision([*events, *end], goodbye)

    return decide


def leaving(one: Intended, outcome: SipOutcome) -> str:
    """Return why a dialog is over whose party answers a request so."""
    if outcome.status == 481:
        return f"the {one.own.leg} does not know the dialog any more"
    return f"the {one.own.leg} does not answer"
