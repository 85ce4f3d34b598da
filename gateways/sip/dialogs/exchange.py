"""One request of our own in one client transaction, and the ACK for its 2xx."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.transactions.users import TransactionFailure

End: TypeAlias = IncomingResponse | TransactionFailure
"""How a request ended: with a final response, or without one."""


class RequestExchange:
    """The user of the transaction.

    accepted: called with the first 2xx to an INVITE, also with one that comes when nobody waits for it any more. It
    gives by `acknowledge_with` what sends the ACK.
    """

    def __init__(self, accepted: Callable[[RequestExchange, IncomingResponse], None]) -> None:
        self._accepted = accepted
        self._is_accepted = False
        self._send_ack: Callable[[], None] | None = None
        self._end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self.heard = False
        """Whether any response came."""

    async def ended(self, within: float) -> End | None:
        """Wait for the end, at most so many seconds; None if it has not come."""
        await asyncio.wait([self._end], timeout=within)
        return self._end.result() if self._end.done() else None

    def response_came(self, response: IncomingResponse) -> None:
        """Handle a response."""
        self.heard = True
        if response.status < 200:
            return
        if response.status < 300 and response.method == "INVITE":
            self._acknowledge(response)
        self._ends(response)

    def transaction_failed(self, failure: TransactionFailure) -> None:
        """Handle the failure: there is no response."""
        self._ends(failure)

    def transaction_over(self) -> None:
        """Need nothing: what is waited for has come, or `ended` gives it up."""

    def acknowledge_with(self, send: Callable[[], None]) -> None:
        """Send the ACK, now and each time that the 2xx is repeated (RFC 3261 13.2.2.4)."""
        self._send_ack = send
        send()

    def _acknowledge(self, response: IncomingResponse) -> None:
        if self._send_ack is not None:
            self._send_ack()
        elif not self._is_accepted:
            self._is_accepted = True
            self._accepted(self, response)

    def _ends(self, end: End) -> None:
        if not self._end.done():
            self._end.set_result(end)
