"""The flows of SIP requests of our own in a call's dialogs, and of the end of dialogs that have died.

A request is journalled as intended, sent, and journalled as ended. A BYE stays due until it has ended; any other one
whose control node died is given up. Who does not answer, or has no such dialog any more, has left (RFC 3261 12.2.1.2):
then both parties of the dialog get a BYE, and its relay is freed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from actors import replies
from actors.effects import Decide, Decision, Flow, Persist, Read, RetryAt, SendSip, Sleep, Spawn, Step
from actors.flows.media.delete import IntendedDeletes, carry_out, intend_deletes
from actors.flows.recovery.retry import attend_again
from actors.flows.sip import relayed_media
from actors.sip_requests import NO_DIALOG, DialogRequest, SipOutcome
from events.registry import DeleteIntended, Event, Scope, SipRequestEnded, SipRequestIntended
from replay.projection import Deadlines, falls_silent, session_ends, unacknowledged
from replay.relay_settings import CALLEE, CALLER
from replay.sip_dialogs import Ends, OwnRequest, SipDialogs
from replay.state import CallState, CallStatus

MAX_TRIES = 4
"""How often a request is sent to a party that has one of its own under way (491)."""

UNRESOLVED = "its fate is unknown: the control node that sent it did not live to say"
GIVEN_UP = "given up: it could not be sent"
NO_ACK = "the 2xx was not acknowledged"
NOT_REFRESHED = "the session timer ran out"
PROBE = "nothing was heard for long"


@dataclass(frozen=True, slots=True)
class Own:
    """A request that is wanted: to whom (caller or callee), in which callee's dialog, and what is in it."""

    leg: str
    tag: str
    method: str
    reason: str = ""
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Intended:
    """A request that stands in the journal as intended."""

    number: int
    own: Own
    request: DialogRequest


@dataclass(frozen=True, slots=True)
class _Farewell:
    """The end of dialogs, as it stands in the journal: the BYEs, and the removals that are Wanted of nodes."""

    byes: Sequence[_Intended]
    wanted: Sequence[IntendedDeletes]


@dataclass(frozen=True, slots=True)
class _Work:
    """What there is to do about a call's dialogs, and since when.

    `ends` says why the call is to be ended, `tag` if it is but one callee's dialog.
    """

    since: int
    byes: Sequence[_Intended] = ()
    ends: str = ""
    tag: str = ""
    silent: Sequence[str] = ()


def request_in_dialog(own: Own) -> Step[SipOutcome]:
    """Send a request in an established dialog and come to its final outcome, which can take a minute.

    So it is for flows without a serial key (`Spawn`): a BYE waits for those that have one. 491 is tried again after a
    while (RFC 3261 14.1). If the party turns out to have left, the dialog is ended.
    """
    intended = yield Persist(lambda state: _intend(state, [own]))
    outcomes = yield from _exchange(intended)
    return outcomes[0] if outcomes else NO_DIALOG


def end_call(reason: str, tag: str = "") -> Flow:
    """End a call: BYE to both parties of each of its established dialogs, and its relay freed.

    tag: that of a callee whose dialog alone is to end, and the call with it if it is the last one.

    The reply waits for neither: both stay due until they are done, or a party has not answered its BYE. A call that
    has ended is left as it is.
    """
    yield from _end(reason, tag)
    return replies.ok()


def _end(reason: str, tag: str = "") -> Step[None]:
    farewell = yield Persist(lambda state: Decision(*_farewell(state, reason, tag)))
    if farewell is not None:
        yield Spawn(_part(farewell))


def watch(now: int, deadlines: Deadlines, *, signals: bool) -> Step[bool]:
    """Begin what is due of a call's dialogs at `now`; `signals` says whether SIP requests can be sent from here.

    Comes to whether there was anything: then it has been seen to that the call is due again.
    """
    work: _Work | None = yield Read(lambda state: _work(state, now, deadlines))
    if work is None:
        return False
    if not signals:
        yield from attend_again(deadlines.again(now, work.since), now, deadlines)
    elif work.ends:
        yield from _end(work.ends, work.tag)
    else:
        yield Spawn(_do(work, now, deadlines))
    return True


def _do(work: _Work, now: int, deadlines: Deadlines) -> Flow:
    if work.byes:
        yield RetryAt(now + deadlines.request)  # so that no other control node sends them, too
        intended = work.byes
    else:
        intended = yield Persist(lambda state: _intend(state, _probes(work.silent)))
    outcomes = yield from _exchange(intended)
    if any(outcome.unsent for outcome in outcomes):
        yield from attend_again(deadlines.again(now, work.since), now, deadlines)
    return None


def forgotten(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """End the requests of which nobody knows what became, and the BYEs that could not be sent for very long."""
    events: list[Event] = []
    for number, request in _requests(state):
        if request.method != "BYE" and request.at + deadlines.request <= now:
            events.append(SipRequestEnded(number=number, status=0, reason=UNRESOLVED))
        elif request.ends is None or request.at + deadlines.give_up <= now:
            events.append(SipRequestEnded(number=number, status=0, reason=GIVEN_UP))
    return events


# -- intent, sending, end --


def _intend(state: CallState, wishes: Iterable[Own]) -> Decision:
    """Decide to send requests, at most one to each party of a dialog; those whose dialog is gone are left out."""
    there = state.dialogs()
    return Decision(*_intended(state, [own for own in wishes if own.tag in there]))


def _intended(state: CallState, wishes: Iterable[Own]) -> tuple[list[Event], list[_Intended]]:
    sip_dialogs = state.sip_dialogs or SipDialogs()
    events: list[Event] = []
    intended: list[_Intended] = []
    for own in wishes:
        ends = sip_dialogs.ends(own.tag) or sip_dialogs.ends_of_requests(own.tag)
        if ends is not None:
            number, cseq = sip_dialogs.last_request + len(intended) + 1, sip_dialogs.next_cseq(own.leg, own.tag)
            events.append(_intent(number, own, cseq))
            intended.append(_Intended(number, own, _worded(state.call_id, own, cseq, ends)))
    return events, intended


def _intent(number: int, own: Own, cseq: int) -> SipRequestIntended:
    return SipRequestIntended(number=number, leg=own.leg, tag=own.tag, method=own.method, cseq=cseq, reason=own.reason)


def _worded(call_id: str, own: Own, cseq: int, ends: Ends) -> DialogRequest:
    caller = _tagged(ends.caller.uri, ends.caller_tag)
    callee = _tagged(ends.callee.uri, ends.callee_tag)
    party, peer = (ends.caller, ends.callee) if own.leg == CALLER else (ends.callee, ends.caller)
    return DialogRequest(
        call_id=call_id,
        to_leg=own.leg,
        method=own.method,
        cseq=cseq,
        from_value=callee if own.leg == CALLER else caller,
        to_value=caller if own.leg == CALLER else callee,
        target=party.contact,
        routes=party.routes,
        local=party.local,
        source=party.source,
        body=own.body,
        content_type=own.content_type,
        headers=_with_contact(own, peer.contact),
    )


def _with_contact(own: Own, peers: str) -> tuple[tuple[str, str], ...]:
    """Return a request's headers. One that refreshes the remote target (RFC 3261 12.2) leaves it at the peer."""
    if own.method not in ("INVITE", "UPDATE") or any(name.lower() == "contact" for name, _ in own.headers):
        return own.headers
    return (*own.headers, ("Contact", f"<{peers}>"))


def _tagged(uri: str, tag: str) -> str:
    return f"{uri};tag={tag}" if tag else uri


def _exchange(intended: Sequence[_Intended]) -> Step[list[SipOutcome]]:
    """Send requests and journal how they ended, the end of a dialog that has died with it."""
    ended: list[SipOutcome] = []
    for tries_left in reversed(range(MAX_TRIES)):
        outcomes: list[SipOutcome] = yield SendSip([one.request for one in intended])
        pairs = list(zip(intended, outcomes, strict=True))
        busy = [one for one, outcome in pairs if outcome.status == 491 and tries_left]
        done = [(one, outcome) for one, outcome in pairs if one not in busy]
        ended += [outcome for _, outcome in done]
        farewell = yield Persist(_conclude(done))
        if farewell is not None:
            yield Spawn(_part(farewell))
        if not busy:
            break
        yield Sleep(max(_pause(one.own.leg) for one in busy))
        intended = yield Persist(_again(busy))
        if not intended:
            break
    return ended


def _pause(to_leg: str) -> int:
    """Return how long to wait after a 491, ms (RFC 3261 14.1): longer for who owns the Call-ID, the caller."""
    least, most = (2100, 4000) if to_leg == CALLEE else (0, 2000)
    return random.randrange(least, most + 1, 10)


def _conclude(done: Sequence[tuple[_Intended, SipOutcome]]) -> Decide:
    """Journal how requests ended. A BYE that was not sent stays due. The value is a dead dialog's Farewell."""

    def decide(state: CallState) -> Decision:
        there = dict(_requests(state))
        events: list[Event] = [
            SipRequestEnded(number=one.number, status=outcome.status, reason=outcome.reason)
            for one, outcome in done
            if one.number in there and not (outcome.unsent and one.own.method == "BYE")
        ]
        left = next((pair for pair in done if pair[1].ends_dialog and pair[0].own.method != "BYE"), None)
        if left is None:
            return Decision(events)
        farewell, value = _farewell(state, _leaving(*left), left[0].own.tag)
        return Decision([*events, *farewell], value)

    return decide


def _leaving(one: _Intended, outcome: SipOutcome) -> str:
    if outcome.status == 481:
        return f"the {one.own.leg} does not know the dialog any more"
    return f"the {one.own.leg} does not answer"


def _again(busy: Sequence[_Intended]) -> Decide:
    """Intend requests anew, with new CSeqs, that a party had no time for; not if their dialog is gone by now."""

    def decide(state: CallState) -> Decision:
        there = dict(_requests(state))
        left = [one for one in busy if one.number in there]
        going_on = [one.own for one in left if one.own.method == "BYE" or one.own.tag in state.dialogs()]
        events, intended = _intended(state, going_on)
        ends = [SipRequestEnded(number=one.number, status=491, reason="Request Pending") for one in left]
        return Decision([*events, *ends], intended)

    return decide


# -- the end of dialogs --


def _part(farewell: _Farewell) -> Flow:
    if farewell.wanted:
        yield Spawn(carry_out(farewell.wanted))
    if farewell.byes:
        yield from _exchange(farewell.byes)
    return None


def _farewell(state: CallState, reason: str, tag: str = "") -> tuple[list[Event], _Farewell | None]:
    """Return the end of a callee's dialog, and of the call with its last one; of all dialogs without a tag."""
    established = state.negotiation.established() if state.negotiation else []
    gone = [tag] if tag else established
    there = state.status is CallStatus.LIVE or (state.status is CallStatus.NEW and bool(established))
    if not there or not set(gone) <= set(established):
        return [], None
    goodbyes = [_bye(leg, one, reason) for one in gone for leg in (CALLER, CALLEE)]
    events, byes = _intended(state, goodbyes)
    ended, wanted = _relay_ends(state, reason, gone, whole=gone == established)
    return [*events, *ended], _Farewell(byes, wanted)


def _relay_ends(
    state: CallState, reason: str, gone: Sequence[str], *, whole: bool
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    if state.status is CallStatus.NEW:
        return [DeleteIntended(scope=Scope.CALL, sessions=(), reason=reason)] if whole else [], []
    if whole:
        ends = state.sip_dialogs.ends(gone[0]) if state.sip_dialogs and gone else None
        tags = (ends.caller_tag, ends.callee_tag) if ends else ("", "")
        command = relayed_media.call_delete(state.call_id, *tags, reason, state.changed)
    else:
        command = relayed_media.dialog_delete(state.call_id, gone[0], reason, state.changed)
    wish = intend_deletes(state, command)
    return wish.events, [(wish.value, command)] if wish.value else []


def _bye(leg: str, tag: str, reason: str) -> Own:
    text = reason.replace("\\", "").replace('"', "'")
    return Own(leg, tag, "BYE", reason, headers=(("Reason", f'SIP;text="{text}"'),))


# -- what is due --


def _work(state: CallState, now: int, deadlines: Deadlines) -> _Work | None:
    byes = [(number, one) for number, one in _requests(state) if one.method == "BYE" and one.ends]
    due = [(number, one) for number, one in byes if one.at + deadlines.request <= now]
    if due:
        return _Work(min(one.at for _, one in due), byes=[_resumed(state, *pair) for pair in due])
    if _requests(state):
        return None
    without_ack = [(at, tag) for tag, at in unacknowledged(state).items() if at <= now]
    if without_ack:
        at, tag = min(without_ack)
        return _Work(at, ends=NO_ACK, tag=tag)
    ends, silent = session_ends(state, deadlines), falls_silent(state, deadlines)
    if ends is not None and ends <= now:
        return _Work(ends, ends=NOT_REFRESHED)
    if silent is not None and silent <= now:
        return _Work(silent, silent=state.dialogs())
    return None


def _resumed(state: CallState, number: int, request: OwnRequest) -> _Intended:
    """Return a BYE as it was intended: it may have arrived, and then its CSeq is the one that its party knows."""
    assert request.ends is not None, "only such BYEs are resumed"
    own = _bye(request.leg, request.tag, request.reason)
    return _Intended(number, own, _worded(state.call_id, own, request.cseq, request.ends))


def _probes(tags: Sequence[str]) -> list[Own]:
    return [Own(leg, tag, "OPTIONS", PROBE) for tag in tags for leg in (CALLER, CALLEE)]


def _requests(state: CallState) -> list[tuple[int, OwnRequest]]:
    return list(state.sip_dialogs.requests.items()) if state.sip_dialogs else []
