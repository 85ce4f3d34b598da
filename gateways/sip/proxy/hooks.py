"""The border between the proxy, which knows RFC 3261, and what else is to happen to a request on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from sipmessage import URI, Request, Response

from events.values import value
from gateways.sip.addresses import Hop
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.rules.passes import LeadsHere, nowhere


@value
class ProxyTarget:
    """Where a branch is to go: `uri` becomes the Request-URI; `next_hop`, if given, is where it is sent all the same.

    q: targets with a higher one are tried first (RFC 3261 16.6); those with the same in parallel.
    """

    uri: URI
    next_hop: URI | None = None
    q: float = 1.0


class ProxyBranch(Protocol):
    """A branch of a request that is on its way through the proxy.

    index: counts the branches of the request from 0, over all forks. request: the copy that is to be sent; before it
    leaves it may be changed but for the Vias and Routes, which the proxy sees to, and from its first response on it is
    as it was sent, our Record-Route included. source: where the latest response came from, None if none came (the
    proxy makes some itself).
    """

    index: int
    target: ProxyTarget
    request: Request
    source: Hop | None


class RefusalError(Exception):
    """A request or branch is not to go on; it is taken to have failed with `response`."""

    def __init__(self, code: int, phrase: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(f"{code} {phrase}")
        self.code, self.phrase, self.headers = code, phrase, headers


class RequestHooks(Protocol):
    """What happens to one request and its responses on their way. Errors other than RefusalError end it with 500."""

    async def branch_leaves(self, branch: ProxyBranch) -> None:
        """Change a branch's request before it is sent. Raises RefusalError to have the branch fail instead."""

    async def response_came(self, branch: ProxyBranch, response: Response) -> Response | None:
        """Change a branch's response before the proxy takes it (our Via is gone already); None drops a provisional one.

        Called for responses that the proxy makes for a branch, too (408 after silence, 503 for a failed transport).
        One branch's responses come in their order, one at a time. Raises RefusalError to have the request end with
        that; if a 2xx was refused so, `abandoned` follows.
        """

    async def refused(self, branch: ProxyBranch, response: Response, *, ends_request: bool) -> None:
        """Handle the end of a branch by a final response of ours, whatever its cause, before that is sent.

        That is what the hooks above raised, or what stands for a fault on the branch's way out. ends_request: it is
        for the whole request, not just for the branch. For all other final responses there was `response_came`.
        """

    async def abandoned(self, branch: ProxyBranch, response: Response) -> None:
        """End the dialog of a 2xx which nobody upstream will hear of: if an INVITE made it, ACK and BYE (RFC 3261 15).

        The 2xx to an INVITE, or one that was refused to whatever request: its ends differ about what was agreed on.
        """

    async def all_failed(self, best: Response) -> Sequence[ProxyTarget]:
        """Return targets for further branches now that all have failed, none to let the best response be sent.

        Raises RefusalError to have another response sent. Not called for a request that was cancelled.
        """

    async def cancelled(self) -> None:
        """Handle the cancellation of the request; each branch still gets its final response."""


@value
class ReceivedRequest:
    """A request that the proxy takes (RFC 3261 16.3 found no fault in it).

    incoming: as it came. request: a copy that becomes the branches' requests: our own Routes are off it (16.4), and
    its Request-URI is right again after a strict router. ours: the parameters of our own Route that was on it, None if
    there was none; so a request with one is within a dialog that we record-routed. answerable: it is no ACK.
    is_for_us: no Route is left, and its Request-URI leads here, whoever is named in it. leads_here: whether a URI does.
    """

    incoming: IncomingRequest
    request: Request
    ours: Mapping[str, str | None] | None
    answerable: bool = True
    is_for_us: bool = False
    leads_here: LeadsHere = nowhere


@value
class Forwarding:
    """A request is to be forwarded. An ACK goes to the first target only, without a transaction.

    record_route: parameters, beside lr, of a Record-Route of ours that is to be put on it; None for no Record-Route.
    """

    targets: Sequence[ProxyTarget]
    passage: RequestHooks
    record_route: Mapping[str, str | None] | None = None


@value
class Answer:
    """A request is to be answered with a final response of ours. headers: further ones, name and value each."""

    code: int
    phrase: str = ""
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


@value
class StrayDecision:
    """What becomes of a response that no transaction knows.

    goes_on: it is sent on as it is by now. acknowledge: it is the failure of an INVITE that left from here, and gets
    its ACK, with this Request-URI; None for no ACK.
    """

    goes_on: bool = False
    acknowledge: URI | None = None


class Router(Protocol):
    """Decides where requests go."""

    async def route(self, arrival: ReceivedRequest) -> Forwarding | Answer | None:
        """Decide about a request or ACK; None drops it without a word. May raise RefusalError; others become 500."""

    async def knows(self, arrival: ReceivedRequest) -> bool:
        """Return whether a request's dialog is known, so that it goes before others. What this raises counts as no."""

    async def cancels(self, cancel: IncomingRequest) -> bool:
        """Cancel an INVITE that no transaction knows; return whether there was one to be cancelled."""

    async def stray(self, response: IncomingResponse) -> StrayDecision:
        """Decide about a response that no transaction knows, our Via gone already; it may be changed."""
