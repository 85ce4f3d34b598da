"""What the call has to do with a request on its way: the relay's side of it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Protocol

from sipmessage import Request, Response

from actors.results import Observed, Refused
from engines.refusal import RefusalCode
from events.names import CallId
from gateways.sip.calls.bodies import is_readable, replace_sdp, sdp_of
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.facts import request_event
from gateways.sip.calls.refusals import log_altered, refusal
from gateways.sip.messages.incoming import IncomingRequest, Message
from gateways.sip.messages.making import set_body
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import ProxyBranch, RefusalError
from replay.offer_answer import Fault, Remedy, SipMessage

GLARE_RETRY = (1, 10)
"""Seconds after which a request that overtook another one may come again (RFC 3261 14.2, RFC 3311 5.2)."""

UNREADABLE = (400, "Body That Cannot Be Read")
"""What a request gets of which nobody knows whether it has a session description (RFC 3261 21.4.1)."""

UNHEARD = ("BYE", "ACK")
"""Requests that go on without their call's word: who has hung up will not ask again, nor will an ACK be asked for."""

INVITE_FAILED = "the INVITE failed"
"""Why a call ends that nobody has answered."""

ANSWERED_ELSEWHERE = "Call completed elsewhere"
"""Why a callee that rings is to ring no more."""

CANCELLED = "cancelled"
"""Why a call ends whose caller has given it up."""

AS_IT_IS = Observed()
"""What is said of a message that no call with a relay has to do with."""

WITHOUT_SDP = replace(AS_IT_IS, remedy=Remedy.STRIP)
"""What is said of a message whose session description nobody speaks for."""


class CallSide(Protocol):
    """A request of a call, as the call sees it. The methods raise RefusalError where the request cannot go on.

    They change no session description themselves: what they give back is what `settle` has it replaced by, and without
    a word of theirs none goes on.
    """

    async def leaves(self, branch: ProxyBranch) -> Observed:
        """Report a branch's request, and return what the call says of it."""

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:
        """Report a branch's response, and return what the call says of it."""

    async def refused(self, branch: ProxyBranch, response: Response) -> None:
        """Report a branch's final response, one of ours that did not pass `answered`."""

    async def abandoned(self, response: Response) -> bool:
        """Report that a 2xx to the request goes no further. Return whether the call ends its dialog for both sides."""

    async def given_up(self) -> None:
        """Report that the request has failed, and no further branch will be tried."""

    async def cancelled(self) -> None:
        """Report that its sender has cancelled it."""


class NoCall:
    """The side of a request that no call has to do with."""

    async def leaves(self, branch: ProxyBranch) -> Observed:  # noqa: ARG002
        """Leave the request as it is."""
        return AS_IT_IS

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:  # noqa: ARG002
        """Leave the response as it is."""
        return AS_IT_IS

    async def refused(self, branch: ProxyBranch, response: Response) -> None:
        """Do nothing."""

    async def abandoned(self, response: Response) -> bool:  # noqa: ARG002
        """Return False."""
        return False

    async def given_up(self) -> None:
        """Do nothing."""

    async def cancelled(self) -> None:
        """Do nothing."""


class EndedCall(NoCall):
    """The side of a request in a dialog of a call that has ended: its relay is gone, and media must not pass it by.

    It is the same where the journal has calls of the Call-ID, and none of them has the dialog.
    """

    async def leaves(self, branch: ProxyBranch) -> Observed:
        """Refuse what may bring a session description, and let the rest go without one."""
        refuse_offers(branch.request)
        return WITHOUT_SDP

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:  # noqa: ARG002
        """Pass the response on without a session description."""
        return WITHOUT_SDP


class SilentCall(NoCall):
    """The side of a request in a dialog of which nothing can be learned: its call may be one with a relay.

    A BYE and an ACK go on, and the call is told later. But an ACK with a session description is better lost: it will
    come again. All else is refused, and may be tried again.
    """

    def __init__(self, calls: CallClient, incoming: IncomingRequest, silence: Refused) -> None:
        self._calls, self._incoming, self._silence = calls, incoming, silence

    async def leaves(self, branch: ProxyBranch) -> Observed:
        """Pass on what has to go on."""
        incoming = self._incoming
        has_sdp = sdp_of(branch.request) is not None
        if incoming.method not in UNHEARD or (incoming.method == "ACK" and has_sdp):
            raise refusal(self._silence, incoming.call_id)
        self._calls.tell_later(incoming.call_id, request_event(incoming, from_caller=True), incoming.hop.host)
        return WITHOUT_SDP

    async def answered(self, branch: ProxyBranch, response: Response) -> Observed:  # noqa: ARG002
        """Pass the response on without a session description."""
        return WITHOUT_SDP


def must_be_heard(seeing: Observed, request: IncomingRequest) -> Observed:
    """Return what is said of a request. Raises RefusalError if its call did not hear of it, and it has to."""
    if seeing.unheard and request.method not in UNHEARD:
        raise refusal(seeing.unheard, request.call_id)
    return WITHOUT_SDP if seeing.unheard and request.method == "BYE" else seeing


def with_sdp_of(event: SipMessage, message: Message) -> SipMessage:
    """Return the facts of a message with the session description that it has by now."""
    sdp = sdp_of(message)
    return event if sdp == event.sdp else replace(event, sdp=sdp)


def refuse_offers(request: Request) -> None:
    """Raise RefusalError if a request may bring a session description, itself or in its response."""
    if request.method in ("INVITE", "UPDATE"):
        raise RefusalError(481, phrase_of(481))


def settle(seeing: Observed, message: Message) -> None:
    """Make a message fit to go on: the one way past a call's relay, for all that RequestHooks or a Router send on.

    Puts what the relay gave for the session description in its place, or takes it out. Raises RefusalError if the
    message cannot go on: nobody speaks for what is in it, or the relay that should could not. A response that does not
    have to bring an answer can do without, and goes on. Where no relay was wanted for this branch, the message stays as
    it is. A body that cannot be read may hold a session description, and does not go on in a call.
    """
    if seeing is AS_IT_IS:
        return
    error = seeing.error
    if not is_readable(message):
        _settle_unreadable(seeing, message)
        return
    if sdp_of(message) is None or (error is not None and error.code is RefusalCode.NOT_ENGAGED):
        return
    if error is not None and not _can_do_without(message):
        raise _refusal_for(error, message)
    if seeing.remedy is not Remedy.NONE and seeing.fault is Fault.ALTERED:
        log_altered(message.headers.get("Call-ID") or "", seeing.refuse_with)
    if seeing.remedy is Remedy.REFUSE:
        raise _refusal_of(seeing)
    if error is not None or seeing.remedy is Remedy.STRIP:
        set_body(message, b"")
    elif seeing.sdp is not None:
        replace_sdp(message, seeing.sdp)


def _settle_unreadable(seeing: Observed, message: Message) -> None:
    if seeing.error is not None and not _can_do_without(message):
        raise _refusal_for(seeing.error, message)
    if seeing.remedy is not Remedy.STRIP and not _can_do_without(message):
        raise _unreadable(message)
    set_body(message, b"")


def _unreadable(message: Message) -> RefusalError:
    """Return the refusal of a body that cannot be read; for one in a response, its request can do nothing."""
    if isinstance(message, Response):
        return RefusalError(502, phrase_of(502))
    if message.headers.get("Content-Encoding"):  # it could have come as it is (RFC 3261 21.4.13)
        return RefusalError(415, phrase_of(415), [("Accept-Encoding", "identity")])
    return RefusalError(*UNREADABLE)


def _refusal_for(error: Refused, message: Message) -> RefusalError:
    refused = refusal(error, CallId(message.headers.get("Call-ID") or ""))
    is_callees_fault = error.code is RefusalCode.BAD_SDP and isinstance(message, Response)
    return _unreadable(message) if is_callees_fault else refused


def _can_do_without(message: Message) -> bool:
    return isinstance(message, Response) and not 200 <= message.code < 300


def _refusal_of(seeing: Observed) -> RefusalError:
    code = seeing.refuse_with
    later = [("Retry-After", str(random.randint(*GLARE_RETRY)))] if code == 500 else []
    return RefusalError(code, phrase_of(code), later)
