"""What scripts see of a request that came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from sipmessage import Request as SipRequest

from gateways.sip.addresses import Hop
from gateways.sip.addresses import ListeningPoint as Listening
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.values import uri_text
from gateways.sip.proxy.hooks import Answer, ProxyTarget, ReceivedRequest
from gateways.sip.script.contacts import fix_contacts
from gateways.sip.script.decisions import Decision, Drop, Plan, RoutingError
from gateways.sip.script.headers import checked_header, checked_text
from gateways.sip.script.message import CallView, Side, Undo, next_hop_from, uri_from
from gateways.sip.script.names import put
from replay.relay_settings import ALL_BRANCHES, CALLER

Done: TypeAlias = Awaitable[None] | None
"""What a script function gives: nothing, or an awaitable of nothing for an `async def`."""

EventFunction: TypeAlias = Callable[..., Done]
"""A script's function for an event of one request: it takes the event's Branch, Reply or Failure (branch_views)."""

AnswerHeaders: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]


class DecidingView(CallView):
    """A request that a script decides about."""

    __slots__ = ("_plan",)

    _plan: Plan

    def rtp_relay_engage(self, engine: str, set: str | int = "default") -> None:  # noqa: A002 the documentation's name
        """Send the media of all branches to come through relays of this engine and set (its name or number)."""
        self._side.settings.engage(engine, set, ALL_BRANCHES)

    def append_branch(self, uri: str, next_hop: str | None = None, q: float = 1.0) -> int:
        """Add a target, and give the index of its branch. Those with a higher q are tried first, others in parallel."""
        if not isinstance(q, int | float) or not 0 <= q <= 1:
            raise RoutingError(f"q={q!r}: expected a number from 0 to 1")
        return self._plan.append(ProxyTarget(uri_from(uri), next_hop_from(next_hop), q))

    def reply(self, code: int, phrase: str = "", headers: AnswerHeaders = ()) -> None:
        """Answer the request with a final response."""
        self._plan.decide(answer_of(code, phrase, headers))

    def _mark(self) -> Undo:
        undo = super()._mark()

        def undo_all() -> None:
            undo()
            self._plan.forget()

        return undo_all


def decision_of(view: DecidingView) -> Decision:
    """Return what was decided; from now on nothing can be decided there."""
    return view._plan.close()  # noqa: SLF001 scripts are not to see it


_OWN_FUNCTIONS = ("on_branch", "on_reply", "on_failure")


class Request(DecidingView):
    """A request that came. What is changed of it is changed in all branches' requests.

    rtp_relay is the caller's leg in an initial request, in a dialog that of who sent the request. on_branch, on_reply,
    on_failure: functions for this request alone, in place of the registered ones; None for those.
    """

    __slots__ = ("_arrival", "on_branch", "on_failure", "on_reply")

    _arrival: ReceivedRequest
    _message: SipRequest
    on_branch: EventFunction | None
    on_reply: EventFunction | None
    on_failure: EventFunction | None

    def __init__(self, arrival: ReceivedRequest, settings: CallSettings, *, sender: str = CALLER) -> None:
        """Return a view of a request and its call's settings; `sender` (caller, callee) is who sent it."""
        put(self, "_arrival", arrival)
        put(self, "_message", arrival.request)
        put(self, "_plan", Plan())
        put(self, "_side", Side(settings, sender, _dialogs_branch(arrival.incoming, settings, sender)))
        for name in _OWN_FUNCTIONS:
            put(self, name, None)

    # -- what it says --

    @property
    def method(self) -> str:
        """Its method."""
        return self._message.method

    @property
    def uri(self) -> str:
        """Its Request-URI. One that is set goes to all branches that relay() makes without append_branch()."""
        return str(self._message.uri)

    @uri.setter
    def uri(self, text: str) -> None:
        self._plan.check_open()
        self._message.uri = uri_from(text)

    @property
    def user(self) -> str:
        """The user of its Request-URI, unescaped; "" without one."""
        return self._message.uri.user or ""

    @property
    def host(self) -> str:
        """The host of its Request-URI."""
        return self._message.uri.host

    @property
    def port(self) -> int | None:
        """The port of its Request-URI; None without one."""
        return self._message.uri.port

    @property
    def from_uri(self) -> str:
        """The URI in From."""
        return uri_text(self._message.headers.get("From") or "")

    @property
    def to_uri(self) -> str:
        """The URI in To."""
        return uri_text(self._message.headers.get("To") or "")

    @property
    def from_tag(self) -> str:
        """The tag of who sent it."""
        return self._arrival.incoming.from_tag

    @property
    def to_tag(self) -> str:
        """The tag of who is to get it, "" outside a dialog."""
        return self._arrival.incoming.to_tag

    @property
    def has_totag(self) -> bool:
        """Whether it belongs to a dialog."""
        return bool(self.to_tag)

    @property
    def is_for_proxy(self) -> bool:
        """Whether it is for the proxy itself: its Request-URI leads here and names no user, and no Route leads on."""
        return self._arrival.is_for_us and self._arrival.request.uri.user is None

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self._arrival.incoming.call_id

    @property
    def cseq(self) -> int:
        """The number of its CSeq."""
        return self._arrival.incoming.cseq

    @property
    def source(self) -> Hop:
        """Where it came from: `host`, `port`, `transport` (udp, tcp, tls)."""
        return self._arrival.incoming.hop

    @property
    def source_ip(self) -> str:
        """The address that it came from."""
        return self.source.host

    @property
    def local(self) -> Listening | None:
        """The listening point that it came to: `transport`, `host`, `port`, `advertised_host`, `advertised_port`."""
        return self.source.local

    # -- what is to be done with it --

    def fix_contact(self) -> None:
        """Put the source address into the Contact, for a party behind a NAT."""
        fix_contacts(self._message, self.source)

    def relay(self, next_hop: str | None = None) -> None:
        """Relay it to the appended branches; to its Request-URI (or by its Route) if there are none."""
        self._plan.relay(next_hop_from(next_hop), ProxyTarget(self._message.uri))

    def reply(self, code: int, phrase: str = "", headers: AnswerHeaders = ()) -> None:
        """Answer it with a final response."""
        if not self._arrival.answerable:
            raise RoutingError("an ACK cannot be answered")
        super().reply(code, phrase, headers)

    def drop(self) -> None:
        """Forget it without an answer."""
        self._plan.decide(Drop())

    def _mark(self) -> Undo:
        undo = super()._mark()

        def undo_all() -> None:
            undo()
            self.on_branch = self.on_reply = self.on_failure = None

        return undo_all


def answer_of(code: int, phrase: str, headers: AnswerHeaders) -> Answer:
    """Return a final response that a script wants. Raises RoutingError for one that cannot be."""
    if not isinstance(code, int) or not 200 <= code <= 699:
        raise RoutingError(f"reply({code!r}): expected a final response, 200 to 699")
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Answer(code, checked_text("phrase", phrase), tuple(checked_header(name, value) for name, value in pairs))


def _dialogs_branch(incoming: IncomingRequest, settings: CallSettings, sender: str) -> str:
    """Return the branch of the dialog that a request is in; that of all where it is in none."""
    if not incoming.to_tag:
        return ALL_BRANCHES
    callees_tag = incoming.to_tag if sender == CALLER else incoming.from_tag
    return settings.relay.tags.get(callees_tag) or settings.relay.established or ALL_BRANCHES
