"""What scripts see of a request's branches and their responses, and of requests of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sipmessage import Request as SipRequest
from sipmessage import Response as SipResponse

from actors.setting_values import branch_name
from events.names import BranchId
from gateways.sip.addresses import Hop
from gateways.sip.proxy import hooks
from gateways.sip.proxy.hooks import ProxyTarget
from gateways.sip.script.contacts import fix_contacts
from gateways.sip.script.decisions import Plan, RoutingError
from gateways.sip.script.message import CallView, MessageView, Side, Undo, next_hop_from, side_of, uri_from
from gateways.sip.script.views import DecidingView, Request
from replay.relay_settings import CALLEE


class Branch(CallView):
    """A branch of a request, before its request leaves. What is changed is changed in this branch only.

    rtp_relay is the callee's leg in this branch; for a request in a dialog, that of who sent the request.
    """

    __slots__ = ("_dropped", "_hook", "_request")

    _message: SipRequest

    def __init__(self, hook: hooks.ProxyBranch, request: Request) -> None:
        """Return a view of a branch of a request."""
        self._hook, self._request, self._dropped = hook, request, False
        self._message, of_request = hook.request, side_of(request)
        self._side = of_request if request.has_totag else Side(of_request.settings, CALLEE, branch_name(hook.index))

    @property
    def index(self) -> int:
        """Its number among the branches of the request: 0, 1, ..."""
        return self._hook.index

    @property
    def request(self) -> Request:
        """The request that it is a branch of."""
        return self._request

    @property
    def uri(self) -> str:
        """Its Request-URI."""
        return str(self._hook.target.uri)

    @uri.setter
    def uri(self, text: str) -> None:
        self._aim(replace(self._hook.target, uri=uri_from(text)))

    @property
    def next_hop(self) -> str | None:
        """The URI that says where it is sent; None if its Request-URI or Route says so."""
        next_hop = self._hook.target.next_hop
        return None if next_hop is None else str(next_hop)

    @next_hop.setter
    def next_hop(self, text: str | None) -> None:
        self._aim(replace(self._hook.target, next_hop=next_hop_from(text)))

    def rtp_relay_engage(self, engine: str, set: str | int = "default") -> None:  # noqa: A002
        """Send the media of this branch alone through relays of this engine and set (its name or number)."""
        self._side.settings.engage(engine, set, BranchId(self._side.branch))

    def drop(self) -> None:
        """Do not try this branch."""
        self._dropped = True

    @property
    def dropped(self) -> bool:
        """Whether it is not to be tried."""
        return self._dropped

    def _aim(self, target: ProxyTarget) -> None:
        self._hook.target, self._message.uri = target, target.uri

    def _mark(self) -> Undo:
        undo, target, dropped = super()._mark(), self._hook.target, self._dropped

        def undo_all() -> None:
            undo()
            self._hook.target, self._dropped = target, dropped

        return undo_all


def source_of(branch: Branch) -> Hop | None:
    """Return where the latest response of a branch came from."""
    return branch._hook.source  # noqa: SLF001 scripts see it in the reply


class Reply(CallView):
    """A response of a branch, before it goes back. rtp_relay is the leg that sent it."""

    __slots__ = ("_dropped", "_of", "_source")

    _message: SipResponse

    def __init__(self, response: SipResponse, branch: Branch) -> None:
        """Return a view of the latest response of a branch."""
        self._message, self._of, self._source, self._dropped = response, branch, source_of(branch), False
        self._side = replace(side_of(branch), leg=side_of(branch.request).peer)

    @property
    def status(self) -> int:
        """Its code."""
        return self._message.code

    @property
    def phrase(self) -> str:
        """Its reason phrase."""
        return self._message.phrase

    @property
    def branch(self) -> Branch:
        """The branch that it is of."""
        return self._of

    @property
    def request(self) -> Request:
        """The request that it answers."""
        return self._of.request

    @property
    def source(self) -> Hop | None:
        """Where it came from; None for one that the proxy made itself."""
        return self._source

    def fix_contact(self) -> None:
        """Put the source address into the Contact, for a party behind a NAT."""
        if self._source is not None:
            fix_contacts(self._message, self._source)

    def drop(self) -> None:
        """Do not send a provisional response on. Raises RoutingError for a final one."""
        if self.status >= 200:
            raise RoutingError(f"{self.status} is a final response; only provisional ones can be dropped")
        self._dropped = True

    @property
    def dropped(self) -> bool:
        """Whether it is not to be sent on."""
        return self._dropped

    def _mark(self) -> Undo:
        undo, dropped = super()._mark(), self._dropped

        def undo_all() -> None:
            undo()
            self._dropped = dropped

        return undo_all


class Failure(DecidingView):
    """A request of which all branches have failed, before the best response goes back. Its headers are that one's.

    statuses: the final response of each branch by its index. rtp_relay is the same leg as the request's.
    """

    __slots__ = ("_request", "statuses")

    _message: SipResponse
    statuses: Mapping[int, int]

    def __init__(self, request: Request, best: SipResponse, statuses: Mapping[int, int]) -> None:
        """Return a view of a request's failure."""
        self._request, self._message, self.statuses = request, best, statuses
        self._side = side_of(request)
        self._plan = Plan(max(statuses, default=-1) + 1)

    @property
    def status(self) -> int:
        """The code of the best response."""
        return self._message.code

    @property
    def phrase(self) -> str:
        """The reason phrase of the best response."""
        return self._message.phrase

    @property
    def request(self) -> Request:
        """The request that failed."""
        return self._request

    def relay(self, next_hop: str | None = None) -> None:
        """Try the appended branches; without any, the Request-URI by another next hop."""
        hop = next_hop_from(next_hop)
        self._plan.relay(hop, None if hop is None else ProxyTarget(uri_from(self._request.uri), hop))


class Local(MessageView):
    """A request of our own in a call's dialog (BYE, re-INVITE, OPTIONS), before it leaves. to_leg: caller or callee."""

    __slots__ = ("to_leg",)

    _message: SipRequest
    to_leg: str

    def __init__(self, request: SipRequest, to_leg: str) -> None:
        """Return a view of a request of our own."""
        self._message, self.to_leg = request, to_leg

    @property
    def method(self) -> str:
        """Its method."""
        return self._message.method

    @property
    def uri(self) -> str:
        """Its Request-URI: the party's Contact."""
        return str(self._message.uri)

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self._message.headers.get("Call-ID") or ""
