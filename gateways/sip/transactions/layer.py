"""The transaction layer: reads what comes, finds the transaction it belongs to, and begins new ones.

The number of transactions is bounded. Past the bound new requests are refused with a 503 that costs no state; those
within dialogs may still enter until three times the bound, so that calls in progress can go on and end. Anybody can
write a To tag: so the user is asked first whether it knows the dialog.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog
from sipmessage import Request, Response, Via

from events.names import Tag
from gateways.sip.addresses import Hop
from gateways.sip.messages.hops import response_hop
from gateways.sip.messages.ids import new_tag
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse, request_before
from gateways.sip.messages.reading import Malformed, is_keepalive, read
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.writing import write
from gateways.sip.transactions.alarms import Loop
from gateways.sip.transactions.counters import TransactionCounters
from gateways.sip.transactions.matching import ServerKey, key_of
from gateways.sip.transactions.requesting import Requests
from gateways.sip.transactions.responding import Responses
from gateways.sip.transactions.shared import Send, shared
from gateways.sip.transactions.timers import Timers
from gateways.sip.transactions.users import ClientTransaction, ClientUser, TransactionUser

log = structlog.get_logger(bounded=True)

MAX_TRANSACTIONS = 200_000
"""So many may be known at a time. Most of them are over, and only wait for repeats for up to 64 T1."""

RESERVE = 3
"""So many times the bound is there for requests within known dialogs: the last of the others go on in as many again."""

MAX_ASKED = 1000
"""For so many requests at a time the user may be asked whether it knows their dialogs."""

_TOO_MANY = (("Retry-After", "5"),)


class TransactionLayer:
    """Runs the transactions of a SIP element, over `send`, for its user. To be used on the event loop only.

    max_transactions: the bound; it may be changed at any time.
    """

    def __init__(
        self,
        send: Send,
        user: TransactionUser,
        *,
        timers: Timers,
        loop: Loop,
        max_transactions: int = MAX_TRANSACTIONS,
    ) -> None:
        self._shared = shared(send, timers, loop)
        self._requests, self._responses = Requests(self._shared), Responses(self._shared)
        self._user = user
        self._own_tag = new_tag()
        self._asked: set[ServerKey] = set()
        self._closed = False
        self.max_transactions = max_transactions

    @property
    def counters(self) -> TransactionCounters:
        """What has happened so far."""
        return self._shared.counters

    @property
    def transactions(self) -> int:
        """The number of transactions that are known, of requests that came and that were sent."""
        return len(self._requests) + len(self._responses)

    def receive(self, data: bytes, hop: Hop) -> None:
        """Handle what came over a hop. Whatever it is, this returns soon and raises nothing."""
        if self._closed:
            return
        try:
            self._take(data, hop)
        except Exception:
            self.counters.failures += 1
            log.exception("sip door failed on a message", source=str(hop))

    def knows(self, data: bytes, hop: Hop) -> bool:
        """Whether what came over a hop is a request that belongs to a transaction which began here."""
        try:
            message = read(data, hop)
        except Malformed:
            return False
        return isinstance(message, IncomingRequest) and self._responses.knows(message)

    def request(self, request: Request, hop: Hop, user: ClientUser) -> ClientTransaction:
        """Send a request in a transaction of its own; `user` is told what becomes of it, but not within this call.

        Its top Via is ours and has a branch that no other request of ours has; it must not be changed any more.
        Raises ValueError if there is no such branch.
        """
        return self._requests.send(request, hop, user)

    def send(self, message: Request | Response, hop: Hop) -> None:
        """Send a message without a transaction: once."""
        self._shared.send(write(message), hop, None)

    def pass_on(self, response: IncomingResponse, via: Via, hop: Hop) -> None:
        """Send a response on to who sent a request to another control node: `via` is on top of it and leads to `hop`.

        The failure of an INVITE is repeated until its ACK comes, and that ACK is absorbed; all else is sent once.
        """
        request = request_before(response, via, hop)
        if response.method != "INVITE" or response.status < 300 or self.transactions >= RESERVE * self.max_transactions:
            self._responses.send_once(request, response.message)
        else:
            self._responses.take_over(request, response.message)

    def respond_stateless(self, incoming: IncomingRequest, response: Response) -> None:
        """Send a response without a transaction: once."""
        self.send(response, response_hop(incoming.via, incoming.hop))

    def close(self) -> None:
        """Forget all transactions: nothing is sent, taken or told any more on their behalf."""
        self._closed = True
        self._requests.close()
        self._responses.close()
        self._shared.alarms.close()

    def _take(self, data: bytes, hop: Hop) -> None:
        try:
            message = read(data, hop)
        except Malformed as malformed:
            if not is_keepalive(data):
                self._take_malformed(malformed, hop)
            return
        if isinstance(message, IncomingResponse):
            self._take_response(message)
        elif message.method == "ACK":
            self._take_ack(message)
        else:
            self._take_request(message)

    def _take_malformed(self, malformed: Malformed, hop: Hop) -> None:
        self.counters.malformed += 1
        log.info("sip message malformed", source=str(hop), why=malformed.reason)
        if malformed.reply is not None:
            self.send(malformed.reply, malformed.hop or hop)

    def _take_response(self, response: IncomingResponse) -> None:
        if not self._requests.take(response):
            self.counters.stray_responses += 1
            self._user.stray_response_came(response)

    def _take_ack(self, ack: IncomingRequest) -> None:
        """Handle an ACK: that of a refusal of ours made no transaction, and goes nowhere."""
        if ack.to_tag != self._own_tag and not self._responses.takes_ack(ack):
            self._user.ack_came(ack)

    def _take_request(self, request: IncomingRequest) -> None:
        key = key_of(request, request.method)
        if self._responses.absorbs(key):
            return
        if request.method == "CANCEL":
            self._take_cancel(key, request)
            return
        if self.transactions < self.max_transactions:
            self._admit(key, request)
        elif request.to_tag:
            self._ask_about(key, request)
        else:
            self._turn_away(request, _TOO_MANY)

    def _admit(self, key: ServerKey, request: IncomingRequest) -> None:
        headers = self._user.refuses(request)
        if headers is None:
            self._user.request_came(self._responses.begin(key, request))
        else:
            self._turn_away(request, headers)

    def _ask_about(self, key: ServerKey, request: IncomingRequest) -> None:
        """Ask the user about a request past the bound. Its repeats are absorbed meanwhile."""
        if key in self._asked:
            self.counters.repeats += 1
        elif len(self._asked) < MAX_ASKED and self._has_reserve:
            self._asked.add(key)
            self._user.asked_about(request, partial(self._answered, key, request))
        else:
            self._turn_away(request, _TOO_MANY)

    def _answered(self, key: ServerKey, request: IncomingRequest, known: bool) -> None:
        self._asked.discard(key)
        if self._closed:
            return
        if known and self._has_reserve:
            self._admit(key, request)
        else:
            self._turn_away(request, _TOO_MANY)

    @property
    def _has_reserve(self) -> bool:
        return self.transactions < RESERVE * self.max_transactions

    def _take_cancel(self, key: ServerKey, cancel: IncomingRequest) -> None:
        """Handle a CANCEL (RFC 3261 9.2). It always has room: there can be but one of each INVITE that is known."""
        invite = self._responses.invite_of(cancel)
        if invite is None:
            self.counters.stray_cancels += 1
            self._user.stray_cancel_came(cancel, partial(self._answer_cancel, cancel))
            return
        self._responses.begin(key, cancel).respond(reply_to(cancel.message, 200))
        cancelled = invite.take_cancel()
        if cancelled is not None:
            self._user.cancel_came(cancelled, cancel)

    def _answer_cancel(self, cancel: IncomingRequest, cancelled: bool) -> None:
        if not self._closed:
            self._reply(cancel, 200 if cancelled else 481)

    def _turn_away(self, request: IncomingRequest, headers: Sequence[tuple[str, str]]) -> None:
        self.counters.refused += 1
        self._reply(request, 503, *headers)

    def _reply(self, request: IncomingRequest, code: int, *headers: tuple[str, str]) -> None:
        self.respond_stateless(request, reply_to(request.message, code, to_tag=Tag(self._own_tag), headers=headers))
