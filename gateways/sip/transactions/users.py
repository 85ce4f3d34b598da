"""The border between transactions and those who use them (RFC 3261 17: the TU)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from sipmessage import Response

from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse


class TransactionFailure(StrEnum):
    """How a client transaction can end without a response."""

    TIMEOUT = "no answer"
    TRANSPORT = "cannot be reached"


class ServerTransaction(Protocol):
    """A request that came, and the way to answer it. Repeats of the request are absorbed."""

    @property
    def request(self) -> IncomingRequest:
        """The request."""

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""

    def respond(self, response: Response) -> None:
        """Send a response: one whose Vias are those of the request. After a final one, only 2xx to an INVITE count."""

    def drop(self) -> None:
        """Never answer it. Repeats are still absorbed for a while."""


class ClientTransaction(Protocol):
    """A request that was sent."""

    def cancel(self, reason: str = "") -> None:
        """Cancel an INVITE: at once if a provisional response came, else when one comes (RFC 3261 9.1).

        `reason` becomes the Reason header (RFC 3326) of the CANCEL. Once a final response came it does nothing.
        """

    def forget(self) -> None:
        """Stop reporting to the user. What is owed to the peer (ACK, absorbing repeats) goes on."""


class ClientUser(Protocol):
    """Who sent a request."""

    def response_came(self, response: IncomingResponse) -> None:
        """Handle a response, its top Via still ours: each provisional one, the final one, each 2xx to an INVITE.

        The ACK for a final response other than 2xx has been sent already.
        """

    def transaction_failed(self, failure: TransactionFailure) -> None:
        """Handle the failure: no final response will come."""

    def transaction_over(self) -> None:
        """Handle the end of the transaction: the last call, unless the user forgot it before."""


class TransactionUser(Protocol):
    """Who takes requests. All calls come on the event loop; they must return at once and not raise."""

    def refuses(self, request: IncomingRequest) -> Sequence[tuple[str, str]] | None:
        """Return the headers of the 503 that a request gets for which there is no room; None to take it.

        It is sent without a transaction, so that a flood of requests leaves nothing behind.
        """

    def asked_about(self, request: IncomingRequest, answer: Callable[[bool], None]) -> None:
        """Look whether the dialog of a request with a To tag is known, and call `answer` once with what was found.

        This is asked where there is room for the requests of known dialogs only.
        """

    def request_came(self, transaction: ServerTransaction) -> None:
        """Handle a new request, not an ACK, and no CANCEL of a transaction that is known. An INVITE had its 100."""

    def ack_came(self, ack: IncomingRequest) -> None:
        """Handle an ACK that belongs to no INVITE transaction's failure: it goes end to end."""

    def cancel_came(self, transaction: ServerTransaction, cancel: IncomingRequest) -> None:
        """Handle the cancellation of an INVITE that has no final response; the CANCEL had its 200."""

    def stray_cancel_came(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        """Handle a CANCEL of an INVITE that is not known here, and call `answer` once with whether it was cancelled.

        It has no transaction, so that a flood of them leaves nothing behind.
        """

    def stray_response_came(self, response: IncomingResponse) -> None:
        """Handle a response that belongs to no client transaction."""
