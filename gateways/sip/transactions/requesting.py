"""Requests of ours: client transactions at work."""

from __future__ import annotations

from typing import Final

import structlog
from sipmessage import Request

from gateways.sip.addresses import Hop
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.making import ack_for, cancel_for
from gateways.sip.messages.vias import top_branch
from gateways.sip.messages.writing import write
from gateways.sip.transactions import client, invite_client
from gateways.sip.transactions.machine import Act, Machine, State, TransactionEvent
from gateways.sip.transactions.matching import ClientKey
from gateways.sip.transactions.shared import Shared, event_of
from gateways.sip.transactions.timers import Timer
from gateways.sip.transactions.users import ClientUser, TransactionFailure

log = structlog.get_logger(bounded=True)


_TELL: Final = Act.TELL
_SEND: Final = Act.SEND
_ACK: Final = Act.ACK
_TERMINATED: Final = State.TERMINATED


class _Nobody:
    """The user of a request that nobody waits for."""

    def response_came(self, response: IncomingResponse) -> None:
        """Ignore it."""

    def transaction_failed(self, failure: TransactionFailure) -> None:
        """Ignore it."""

    def transaction_over(self) -> None:
        """Ignore it."""


_NOBODY = _Nobody()


class Requests:
    """The client transactions of a layer."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._table: dict[ClientKey, SentRequest] = {}

    def __len__(self) -> int:
        return len(self._table)

    def send(self, request: Request, hop: Hop, user: ClientUser) -> SentRequest:
        """Send a request. Its top Via is ours. Raises ValueError if its branch is in use, or there is none."""
        branch = top_branch(request.headers)
        key = (branch, request.method)
        if not branch or key in self._table:
            raise ValueError(f"{request.method} needs a branch of its own, not {branch!r}")
        sent = self._table[key] = SentRequest(self, key, request, hop, user)
        self.shared.counters.sent += 1
        sent.begin()
        return sent

    def send_cancel(self, invite: Request, hop: Hop, reason: str) -> None:
        """Send the CANCEL of an INVITE, where that went. Nobody waits for what becomes of it."""
        cancel = cancel_for(invite)
        if reason:
            cancel.headers.add("Reason", reason)
        self.send(cancel, hop, _NOBODY)

    def take(self, response: IncomingResponse) -> bool:
        """Handle a response; return False if it belongs to none of our requests."""
        sent = self._table.get((response.branch, response.method))
        if sent is None:
            return False
        sent.take(response)
        return True

    def end(self, key: ClientKey) -> None:
        """Forget a transaction that is over."""
        self._table.pop(key, None)

    def close(self) -> None:
        """Forget them all."""
        for sent in self._table.values():
            sent.stop()
        self._table.clear()


class SentRequest(Machine):
    """A request of ours (users.ClientTransaction).

    What it keeps is what its state may still need: the bytes while they may be sent again, the request while a CANCEL
    or an ACK may have to be made of it, then the ACK; the user while there may be something to tell.
    """

    __slots__ = ("_ack", "_data", "_hop", "_key", "_reason", "_request", "_requests", "_shared", "_user")

    def __init__(self, requests: Requests, key: ClientKey, request: Request, hop: Hop, user: ClientUser) -> None:
        self._shared = shared = requests.shared
        self._requests, self._key, self._hop, self._user = requests, key, hop, user
        self._request: Request | None = request
        self._data, self._ack, self._reason = write(request), b"", ""
        table = invite_client.TABLE if request.method == "INVITE" else client.TABLE
        super().__init__(table, shared.pacing(hop), shared.alarms)

    def cancel(self, reason: str = "") -> None:
        """Cancel an INVITE: see users.ClientTransaction."""
        self._reason = self._reason or reason
        self._do(self.feed(TransactionEvent.CANCEL))

    def forget(self) -> None:
        """Stop reporting to the user."""
        self._user = _NOBODY
        self._do(self.feed(TransactionEvent.FORGET))

    def take(self, response: IncomingResponse) -> None:
        """Handle a response to it."""
        self._do(self.feed(event_of(response.status)), response)
        if self._user is _NOBODY:
            self.feed(TransactionEvent.FORGET)  # had to wait for a provisional response

    def ring(self, timer: Timer) -> None:
        """Handle the end of a timer."""
        self._do(self.feed(timer))

    def ended(self) -> None:
        """Handle its end."""
        self._requests.end(self._key)

    def stop(self) -> None:
        """Stop for good: nothing is told any more."""
        super().stop()
        self._user = _NOBODY

    def begin(self) -> None:
        """Send it for the first time."""
        self._send(self._data)

    def _send(self, data: bytes) -> None:
        self._shared.send(data, self._hop, self._unsent)

    def _do(self, acts: tuple[Act, ...], response: IncomingResponse | None = None) -> None:
        for act in acts:
            if act is _TELL and response is not None:
                self._tell(response)
            elif act is _SEND:
                self._shared.counters.resent += 1
                self._send(self._data)
            elif act is _ACK and response is not None:
                self._acknowledge(response)
            elif act is Act.CANCEL and self._request is not None:
                self._requests.send_cancel(self._request, self._hop, self._reason)
            elif act is Act.TELL_TIMEOUT:
                self._shared.counters.unanswered += 1
                self._user.transaction_failed(TransactionFailure.TIMEOUT)
            elif act is Act.TELL_UNREACHABLE:
                self._shared.counters.unreachable += 1
                self._user.transaction_failed(TransactionFailure.TRANSPORT)
        if self.state is _TERMINATED:
            self._leave_user()

    def _tell(self, response: IncomingResponse) -> None:
        user = self._user
        if response.status >= 200:
            self._request = None
        if self._again is None:
            self._data = b""
        user.response_came(response)
        if response.status >= 200 and response.method != "INVITE":
            self._leave_user()

    def _leave_user(self) -> None:
        """Stop reporting to the user. It holds this transaction, so this is what frees both of them."""
        user, self._user = self._user, _NOBODY
        user.transaction_over()

    def _acknowledge(self, response: IncomingResponse) -> None:
        if self._request is not None:
            self._ack = write(ack_for(self._request, response.message))
        else:
            self._shared.counters.resent += 1
        self._send(self._ack)

    def _unsent(self, why: str) -> None:
        """Handle a failure of the transport: not within the call that sent it, whose caller knows nothing of it."""
        log.info("sip request not sent", method=self._key[1], to=str(self._hop), why=why)
        self._shared.loop.call_soon(self._give_up)

    def _give_up(self) -> None:
        if self.state is not _TERMINATED:
            self._do(self.feed(TransactionEvent.UNREACHABLE))
