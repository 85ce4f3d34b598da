"""The border to whoever can send SIP requests of our own: a door says how it is done, flows say what is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import structlog

from events.names import CallId, Leg, Tag
from events.values import value

log = structlog.get_logger()


@value
class WantedRequest:
    """A request that is wanted: to whom (caller or callee), in which callee's dialog, and what is in it.

    origin: the version of the session description in it that the party has to count on from, 0 if there is none.
    """

    leg: Leg
    tag: Tag
    method: str
    reason: str = ""
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    origin: int = 0


@value
class DialogRequest:
    """A request of our own in a dialog of two parties, as if the peer of `to_leg` had sent it.

    to_leg: whom it goes to, caller or callee. from_value, to_value: whole header values, with tags. target: the
    Request-URI. routes: Route values, nearest first. local: the listening point of ours that faces the party; source:
    where its messages come from. headers: further ones, name and value each. Whoever sends an INVITE also sends
    the ACK for its 2xx.
    """

    call_id: CallId
    to_leg: Leg
    method: str
    cseq: int
    from_value: str
    to_value: str
    target: str
    routes: tuple[str, ...]
    local: str
    source: str
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@value
class SipOutcome:
    """How a request of our own ended.

    status: of the final response, 0 if there was none; then `reached` tells whether it was sent at all. contact: the
    URI in the response's Contact. retry_after: seconds, 0 if it does not say.
    """

    status: int
    reason: str = ""
    body: bytes = b""
    contact: str = ""
    retry_after: int = 0
    reached: bool = True

    @property
    def ends_dialog(self) -> bool:
        """Whether the party has no such dialog, or does not answer at all (RFC 3261 12.2.1.2)."""
        return self.status in (408, 481) or (self.status == 0 and self.reached)

    @property
    def unsent(self) -> bool:
        """Whether it never left, so that nothing is known of the party."""
        return self.status == 0 and not self.reached


SipSender: TypeAlias = Callable[[DialogRequest, Callable[[SipOutcome], None]], None]
"""Sends a request and calls back once, on the event loop, at once or later, but within `Deadlines.request`."""


class SipOutlet:
    """Where SIP requests of ours leave: a door that can send them sets the sender, and None when it closes."""

    def __init__(self) -> None:
        self.sender: SipSender | None = None


NOT_HERE = SipOutcome(0, "no SIP door is open here", reached=False)
FAULTY = SipOutcome(0, "the SIP door failed", reached=False)
NO_DIALOG = SipOutcome(481, "no such dialog here", reached=False)


def send_all(
    sip_sender: SipSender | None, requests: Sequence[DialogRequest], take: Callable[[int, SipOutcome], None]
) -> None:
    """Send requests at the same time; `take` gets the place of each and how it ended, once, at once or later."""
    for place, request in enumerate(requests):
        answer = _once(partial(take, place))
        if sip_sender is None:
            answer(NOT_HERE)
            continue
        try:
            sip_sender(request, answer)
        except Exception:
            log.exception("SIP request not sent", call_id=request.call_id, method=request.method)
            answer(FAULTY)


def _once(take: Callable[[SipOutcome], None]) -> Callable[[SipOutcome], None]:
    takers = [take]

    def first(outcome: SipOutcome) -> None:
        if takers:
            takers.pop()(outcome)

    return first
