"""Requests of others: server transactions at work."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import Final

import structlog
from sipmessage import Request, Response

from gateways.sip.messages.hops import fallback_hop, response_hop
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.text import to_bytes
from gateways.sip.messages.values import tag_of
from gateways.sip.messages.writing import write
from gateways.sip.transactions import invite_server, server
from gateways.sip.transactions.counters import counted_method
from gateways.sip.transactions.machine import Act, Machine, State, TransactionEvent
from gateways.sip.transactions.matching import ServerKey, is_old, key_of, keys_of_ack
from gateways.sip.transactions.shared import Shared, event_of
from gateways.sip.transactions.timers import Timer

log = structlog.get_logger(bounded=True)

_IN_TRYING = ("Via", "From", "To", "Call-ID", "CSeq", "Timestamp")
"""The headers of an INVITE that its 100 has, too (RFC 3261 8.2.6)."""


_SEND: Final = Act.SEND
_ACCEPTED: Final = State.ACCEPTED


class Responses:
    """The server transactions of a layer."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._table: dict[ServerKey, Answering] = {}

    def __len__(self) -> int:
        return len(self._table)

    def absorbs(self, key: ServerKey) -> bool:
        """Absorb a request that is a repeat; return False if it is a new one."""
        answering = self._table.get(key)
        if answering is None:
            return False
        self.shared.counters.repeats += 1
        answering.repeat()
        return True

    def knows(self, request: IncomingRequest) -> bool:
        """Whether a request is a repeat, or is about one that came here: an ACK or a CANCEL."""
        if request.method == "ACK":
            return any(key in self._table for key in keys_of_ack(request))
        return key_of(request, request.method) in self._table or (
            request.method == "CANCEL" and self.invite_of(request) is not None
        )

    def begin(self, key: ServerKey, request: IncomingRequest) -> ServerTransactionHandle:
        """Begin a transaction for a new request. An INVITE gets its 100."""
        self.shared.counters.requests += 1
        answering = self._table[key] = Answering(self, key, request)
        received = ServerTransactionHandle(request, answering)
        if request.method == "INVITE":
            answering.received = received
            answering.answer(100, _trying(request.message))
        return received

    def take_over(self, invite: IncomingRequest, failure: Response) -> None:
        """Send a failure to an INVITE that another control node had begun a transaction for, until its ACK comes.

        Nothing is sent where that INVITE has a transaction here. Of a client of RFC 2543 its ACK could not be told.
        """
        key = key_of(invite, "INVITE")
        if is_old(key):
            self.send_once(invite, failure)
        elif key not in self._table:
            answering = self._table[key] = Answering(self, key, invite)
            answering.respond(failure)

    def send_once(self, request: IncomingRequest, response: Response) -> None:
        """Send a response to a request that has no transaction here, once."""
        hop, data = response_hop(request.via, request.hop), write(response)
        elsewhere = fallback_hop(request.via, hop)
        self.shared.send(data, hop, None if elsewhere == hop else lambda _: self.shared.send(data, elsewhere, None))

    def invite_of(self, cancel: IncomingRequest) -> Answering | None:
        """Return the transaction of the INVITE that a CANCEL is for (RFC 3261 9.2)."""
        return self._table.get(key_of(cancel, "INVITE"))

    def takes_ack(self, ack: IncomingRequest) -> bool:
        """Absorb an ACK for the failure of an INVITE here; return False for any other."""
        for key in keys_of_ack(ack):
            answering = self._table.get(key)
            if answering is not None and answering.matches(ack):
                return Act.TELL not in answering.feed(TransactionEvent.ACK)
        return False

    def end(self, key: ServerKey) -> None:
        """Forget a transaction that is over."""
        self._table.pop(key, None)

    def close(self) -> None:
        """Forget them all."""
        for answering in self._table.values():
            answering.stop()
        self._table.clear()


class ServerTransactionHandle:
    """A request that came (users.ServerTransaction): what its user holds of it."""

    __slots__ = ("_answering", "request")

    def __init__(self, request: IncomingRequest, answering: Answering) -> None:
        self.request, self._answering = request, answering

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""
        return self._answering.final

    def respond(self, response: Response) -> None:
        """Send a response. After a final one, only 2xx to an INVITE count."""
        self._answering.respond(response)

    def drop(self) -> None:
        """Never answer it: its repeats are absorbed until its sender has given up."""
        self._answering.drop()


class Answering(Machine):
    """What stays here of a request: enough to answer its repeats, not the request itself, which is the user's.

    received: an INVITE that may be cancelled, until then or its final response. final: whether that was sent.
    """

    __slots__ = (
        "_came_at",
        "_data",
        "_hop",
        "_key",
        "_method",
        "_responses",
        "_shared",
        "_to_tag",
        "_via",
        "final",
        "received",
    )

    def __init__(self, responses: Responses, key: ServerKey, request: IncomingRequest) -> None:
        self._shared = shared = responses.shared
        self._responses, self._key = responses, key
        self._hop = response_hop(request.via, request.hop)
        self._via = request.via if request.hop.transport.reliable else None
        self._data, self._to_tag = b"", ""
        self._method, self._came_at = counted_method(request.method), monotonic()
        self.final = False
        self.received: ServerTransactionHandle | None = None
        table = invite_server.TABLE if request.method == "INVITE" else server.TABLE
        super().__init__(table, shared.pacing(request.hop), shared.alarms)

    def matches(self, ack: IncomingRequest) -> bool:
        """Whether an ACK found by the key is this one's: of the old clients, only the To tag of the response tells."""
        return not is_old(self._key) or self._to_tag == ack.to_tag

    def take_cancel(self) -> ServerTransactionHandle | None:
        """Handle a CANCEL; return what is cancelled, None if it was before or has its final response."""
        received, self.received = self.received, None
        return received

    def respond(self, response: Response) -> None:
        """Send a response."""
        if is_old(self._key) and not self.final:
            self._to_tag = tag_of(response.headers.get("To") or "")
        self.answer(response.code, write(response))

    def answer(self, status: int, data: bytes) -> None:
        """Send a response that is written already."""
        acts = self.feed(event_of(status))
        if not acts:
            return
        if status >= 200:
            if not self.final:
                self._shared.counters.final(self._method, status, monotonic() - self._came_at)
            self.final, self.received = True, None
        if _SEND in acts:
            self._data = data
        elif self.state is _ACCEPTED:
            self._data = b""
        self._send(data)

    def repeat(self) -> None:
        """Handle a repeat of the request."""
        self._do(self.feed(TransactionEvent.REQUEST))

    def drop(self) -> None:
        """Never answer it."""
        self.received = None
        self.feed(TransactionEvent.DROP)

    def ring(self, timer: Timer) -> None:
        """Handle the end of a timer."""
        self._do(self.feed(timer))

    def ended(self) -> None:
        """Handle its end."""
        self._responses.end(self._key)

    def _do(self, acts: tuple[Act, ...]) -> None:
        for act in acts:
            if act is Act.REPEAT:
                self._shared.counters.resent += 1
                self._send(self._data)
            elif act is Act.NOTE_NO_ACK:
                self._shared.counters.unacknowledged += 1

    def _send(self, data: bytes) -> None:
        failed = self._unsent if self._via is None else partial(self._send_anew, data)
        self._shared.send(data, self._hop, failed)

    def _send_anew(self, data: bytes, _why: str) -> None:
        """Send a response whose request's connection is gone to where its Via says (RFC 3261 18.2.2)."""
        if self._via is not None:
            self._hop, self._via = fallback_hop(self._via, self._hop), None
        self._shared.send(data, self._hop, self._unsent)

    def _unsent(self, why: str) -> None:
        self._shared.counters.unsent += 1
        log.warning("sip response not sent", to=str(self._hop), why=why)


def _trying(invite: Request) -> bytes:
    """Return the 100 to an INVITE (RFC 3261 8.2.6, 17.2.1), made as cheaply as can be: each INVITE gets one at once."""
    headers = invite.headers
    lines = ["SIP/2.0 100 Trying"]
    for name in _IN_TRYING:
        for value in headers.getlist(name):
            lines.append(f"{name}: {value}")  # noqa: PERF401 a comprehension in a loop costs more than it saves
    lines.append("Content-Length: 0\r\n\r\n")
    return to_bytes("\r\n".join(lines))
