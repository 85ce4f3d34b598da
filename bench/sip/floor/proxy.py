"""What the floor does with each message: the steps of the door, each one callback."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from bench.sip.floor import messages, rows
from bench.sip.floor.journal import AnyJournal
from bench.sip.floor.relay import AnyRelay
from tests.peers.datagram import Address


class FloorProxy(asyncio.DatagramProtocol):
    """A record-routing proxy without a state, at `address`."""

    def __init__(self, address: Address, next_hop: Address, journal: AnyJournal, relay: AnyRelay) -> None:
        self._place = b"%b:%d" % (address[0].encode(), address[1])
        self._next_hop, self._journal, self._relay = next_hop, journal, relay
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        """Keep the socket."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take a message of one of the parties, told from others by how it begins."""
        match data[:4]:
            case b"INVI":
                self._invite(data, addr)
            case b"SIP/":
                self._response(data)
            case b"ACK ":
                self._write(rows.ACK, data, partial(self._request, data))
            case b"BYE ":
                self._write(rows.BYE, data, partial(self._bye, data))

    # -- an INVITE: its 100, the offer with its intent, the relay, what the relay gave --

    def _invite(self, invite: bytes, caller: Address) -> None:
        self._transport.sendto(messages.trying(invite), caller)
        self._write(rows.OFFER, invite, partial(self._relay.offer, invite, partial(self._offered, invite)))

    def _offered(self, invite: bytes, sdp: bytes) -> None:
        message = messages.passed_on(messages.with_body(invite, sdp), self._place)
        message = messages.recorded(message, self._place)
        self._write(rows.OFFERED, invite, partial(self._transport.sendto, message, self._next_hop))

    # -- its responses --

    def _response(self, response: bytes) -> None:
        if response.startswith(b"180", 8):
            self._write(rows.RINGING, response, partial(self._back, response))
        elif b"Content-Type: " in response:
            self._write(rows.ANSWER, response, partial(self._relay.answer, response, partial(self._answered, response)))
        else:
            self._back(response)

    def _answered(self, ok: bytes, sdp: bytes) -> None:
        self._write(rows.ANSWERED, ok, partial(self._back, messages.with_body(ok, sdp)))

    def _back(self, response: bytes) -> None:
        self._transport.sendto(*messages.passed_back(response))

    # -- ACK and BYE: a check; of a BYE also the intent, and what the relay confirms when the BYE is gone already --

    def _request(self, request: bytes) -> None:
        self._transport.sendto(messages.passed_on(request, self._place), messages.target(request))

    def _bye(self, bye: bytes) -> None:
        self._write(rows.DELETE, bye, partial(self._delete, bye))

    def _delete(self, bye: bytes) -> None:
        self._relay.delete(bye, lambda _: self._write(rows.DELETED, bye, _end))
        self._request(bye)

    def _write(self, step: int, message: bytes, done: Any) -> None:
        self._journal.write(step, messages.call_id(message), done)


def _end() -> None:
    """Nothing follows the last step of a call."""
