"""A small SIP user agent for tests, which is strict with whom it talks to.

It stands on `sipmessage` and shares no code with the SIP door. It knows RFC 3261's user agent over UDP, TCP and TLS,
with reliable provisional responses (RFC 3262) and UPDATE (RFC 3311): transactions and their repeats, dialogs, route
sets. Requests are answered by the test; the agent itself answers only OPTIONS and CANCEL, and acknowledges failures.
"""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from sipmessage import Request, Response

from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.ua_client import Client
from tests.peers.ua_dialog import Dialog
from tests.peers.ua_server import Server
from tests.peers.ua_transactions import Arrived, Sent
from tests.peers.ua_wire import Place, Tls

__all__ = ["Arrived", "Dialog", "Place", "Sent", "Tls", "UserAgent"]

_SETTLE = 5.0


class UserAgent(Client, Server):
    """A user agent with an RTP endpoint (`media`), for `async with`.

    It listens on one port of `host` for UDP and TCP, or with `tls` for UDP and TLS; `transport` is what its Contact
    names. `received` are all messages it got.
    `violations` tells of all that a strict user agent cannot put up with: wrong branches, tags, CSeqs or
    Request-URIs, Routes that are left, missing ACKs, SDP that changes without a new version. At the end of `async
    with` there must be none, and nothing may be unanswered; an exception on the way out carries what was said.
    """

    def __init__(self, name: str, transport: str = "udp", *, host: str = HOST, tls: Tls | None = None) -> None:
        super().__init__(name, transport, host, tls)

    def check(self) -> None:
        """Raise `AssertionError` with the whole story if there was a violation, or something is unanswered."""
        open_ends = [*self._unanswered(), *self._unacknowledged()]
        assert not self.violations, self.story()
        assert not open_ends, f"{open_ends}\n{self.story()}"

    async def settled(self) -> None:
        """Wait until all that is under way has come: final responses, ACKs. `check` tells what has not."""

        async def nothing_is_open() -> bool:
            return not self._unanswered() and not self._unacknowledged()

        with contextlib.suppress(TimeoutError):
            await wait_until(nothing_is_open, "all is settled", _SETTLE)

    def _came(self, message: Request | Response, data: bytes, origin: Place) -> None:
        self.received.append(message)
        if isinstance(message, Request):
            self._request_came(message, data, origin)
        else:
            self._response_came(message)

    async def __aenter__(self) -> Self:
        await self.media.__aenter__()
        await self._wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.settled()
        for sent in self._sent.values():
            sent.stop()
        for arrived in self._arrived.values():
            arrived.stop()
        await self._wire.close()
        await self.media.__aexit__(kind, error, trace)
        if error is None:
            self.check()
        elif self.story() not in str(error):
            error.add_note(self.story())
