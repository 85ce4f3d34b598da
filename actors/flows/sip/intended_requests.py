"""SIP requests of our own as they are intended: their numbers, their CSeqs, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from actors.effects import Decide, Decision
from actors.sip_requests import DialogRequest, WantedRequest
from events.names import CallId, Leg, Tag
from events.registry import Event, SipRequestEnded, SipRequestIntended
from replay.relay_settings import CALLER
from replay.sip_dialogs import Ends, OwnRequest, SipDialogs
from replay.state import CallState


@dataclass(frozen=True, slots=True)
class Intended:
    """A request that stands in the journal as intended."""

    number: int
    own: WantedRequest
    request: DialogRequest


def pending(state: CallState) -> list[tuple[int, OwnRequest]]:
    """Return the requests of our own that have not ended, with their numbers."""
    return list(state.sip_dialogs.requests.items()) if state.sip_dialogs else []


def intend(state: CallState, wishes: Iterable[WantedRequest]) -> Decision:
    """Decide to send requests, at most one to each party of a dialog; those whose dialog is gone are left out."""
    there = state.dialogs()
    return Decision(*intended(state, [own for own in wishes if own.tag in there]))


def intended(state: CallState, wishes: Iterable[WantedRequest]) -> tuple[list[Event], list[Intended]]:
    """Return the events that say what is about to be sent, and the requests; none where a party cannot be reached."""
    sip_dialogs = state.sip_dialogs or SipDialogs()
    events: list[Event] = []
    requests: list[Intended] = []
    for own in wishes:
        ends = sip_dialogs.ends(own.tag) or sip_dialogs.ends_of_requests(own.tag)
        if ends is not None:
            number, cseq = sip_dialogs.last_request + len(requests) + 1, sip_dialogs.next_cseq(own.leg, own.tag)
            events.append(_intent(number, own, cseq))
            requests.append(Intended(number, own, _worded(state.call_id, own, cseq, ends)))
    return events, requests


def intended_anew(busy: Sequence[Intended]) -> Decide:
    """Intend requests anew, with new CSeqs, that a party had no time for; not if their dialog is gone by now."""

    def decide(state: CallState) -> Decision:
        there = dict(pending(state))
        left = [one for one in busy if one.number in there]
        going_on = [one.own for one in left if one.own.method == "BYE" or one.own.tag in state.dialogs()]
        events, requests = intended(state, going_on)
        ends = [SipRequestEnded(number=one.number, status=491, reason="Request Pending") for one in left]
        return Decision([*events, *ends], requests)

    return decide


def bye(leg: Leg, tag: Tag, reason: str) -> WantedRequest:
    """Return the BYE to one party of a callee's dialog."""
    text = reason.replace("\\", "").replace('"', "'")
    return WantedRequest(leg, tag, "BYE", reason, headers=(("Reason", f'SIP;text="{text}"'),))


def resumed_bye(state: CallState, number: int, request: OwnRequest) -> Intended:
    """Return a BYE as it was intended: it may have arrived, and then its CSeq is the one that its party knows."""
    assert request.ends is not None, "only such BYEs are resumed"
    own = bye(request.leg, request.tag, request.reason)
    return Intended(number, own, _worded(state.call_id, own, request.cseq, request.ends))


def _intent(number: int, own: WantedRequest, cseq: int) -> SipRequestIntended:
    return SipRequestIntended(
        number=number,
        leg=own.leg,
        tag=own.tag,
        method=own.method,
        cseq=cseq,
        reason=own.reason,
        origin=own.origin,
    )


def _worded(call_id: CallId, own: WantedRequest, cseq: int, ends: Ends) -> DialogRequest:
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


def _with_contact(own: WantedRequest, peers: str) -> tuple[tuple[str, str], ...]:
    """Return a request's headers. One that refreshes the remote target (RFC 3261 12.2) leaves it at the peer."""
    if own.method not in ("INVITE", "UPDATE") or any(name.lower() == "contact" for name, _ in own.headers):
        return own.headers
    return (*own.headers, ("Contact", f"<{peers}>"))


def _tagged(uri: str, tag: Tag) -> str:
    return f"{uri};tag={tag}" if tag else uri
