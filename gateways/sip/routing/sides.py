"""What the call has to do with a request on its way: the relay's side of it."""

from __future__ import annotations

from typing import Protocol

from sipmessage import Request, Response

from actors.flows.relay import NOT_ENGAGED
from gateways.sip.calls.bodies import replace_sdp, sdp_of
from gateways.sip.calls.refusals import refusal
from gateways.sip.calls.relays import Seeing
from gateways.sip.messages.incoming import Message
from gateways.sip.messages.making import set_body
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import Branch, RefusalError

MARK = "rl"
"""The parameter of our Record-Route in a dialog whose call may be in the journal: its requests are looked up."""


class CallSide(Protocol):
    """A request of a call, as the call sees it. The methods raise RefusalError where the request cannot go on."""

    async def leaves(self, branch: Branch) -> None:
        """Tell of a branch's request, and put into it what is to be sent."""

    async def answered(self, branch: Branch, response: Response) -> None:
        """Tell of a branch's response, and put into it what is to be sent."""

    async def given_up(self) -> None:
        """Take note that the request has failed, and no further branch will be tried."""

    async def cancelled(self) -> None:
        """Take note that its sender has cancelled it."""


class NoCall:
    """The side of a request that no call has to do with."""

    async def leaves(self, branch: Branch) -> None:
        """Leave the request as it is."""

    async def answered(self, branch: Branch, response: Response) -> None:
        """Leave the response as it is."""

    async def given_up(self) -> None:
        """Do nothing."""

    async def cancelled(self) -> None:
        """Do nothing."""


class EndedCall(NoCall):
    """The side of a request in a dialog of a call that has ended: its relay is gone, and media must not pass it by."""

    async def leaves(self, branch: Branch) -> None:
        """Refuse what may bring a session description."""
        refuse_offers(branch.request)


def refuse_offers(request: Request) -> None:
    """Raise RefusalError if a request may bring a session description, itself or in its response."""
    if request.method in ("INVITE", "UPDATE"):
        raise RefusalError(481, phrase_of(481))


def put(seeing: Seeing, message: Message) -> None:
    """Put what the relay gave into a message. Raises RefusalError if it gave nothing for want of a relay.

    A provisional response can do without its session description, and goes on. Where no relay was wanted for this
    branch, the message stays as it is.
    """
    if seeing.error.startswith(NOT_ENGAGED):
        return
    if seeing.error:
        if isinstance(message, Response) and message.code < 200:
            set_body(message, b"")
            return
        raise refusal(seeing.error)
    if seeing.sdp is not None and sdp_of(message) is not None:
        replace_sdp(message, seeing.sdp)
