"""The floor's relay: asked in ng for each call what the door asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from bench.sip.floor.messages import body, call_id, tag
from bench.sockets import udp_socket
from tests.peers.datagram import Address

Answered = Callable[[bytes], None]
"""Takes the session description that the relay gave; nothing for an answer that has none."""

_COOKIE = b"0123456789abcdef01234567_%d"
"""As long as the door's."""


class AnyRelay(Protocol):
    """What makes of a session description one that leads to the relay."""

    def offer(self, invite: bytes, answered: Answered) -> None:
        """Ask for the session of an INVITE."""

    def answer(self, ok: bytes, answered: Answered) -> None:
        """Ask the same for its 200."""

    def delete(self, bye: bytes, answered: Answered) -> None:
        """Have the session deleted."""


class NoRelay:
    """Leaves session descriptions as they are, at once."""

    def offer(self, invite: bytes, answered: Answered) -> None:
        """Give what came."""
        answered(body(invite))

    def answer(self, ok: bytes, answered: Answered) -> None:
        """Give what came."""
        answered(body(ok))

    def delete(self, _bye: bytes, answered: Answered) -> None:
        """Give nothing."""
        answered(b"")


class Relay(asyncio.DatagramProtocol):
    """A relay over UDP. What it does not answer is not asked again: the caller's INVITE is."""

    def __init__(self) -> None:
        self._number = 0
        self._asked: dict[bytes, Answered] = {}
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def connect(cls, address: Address) -> Relay:
        """Open a socket to the relay at an address."""
        relay, opened = cls(), udp_socket()
        opened.connect(address)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: relay, sock=opened)
        return relay

    def connection_made(self, transport: Any) -> None:
        """Keep the socket."""
        self._transport = transport

    def offer(self, invite: bytes, answered: Answered) -> None:
        """Ask for the session of an INVITE."""
        self._ask(_described(invite, b"offer", b""), answered)

    def answer(self, ok: bytes, answered: Answered) -> None:
        """Ask the same for its 200."""
        self._ask(_described(ok, b"answer", b"6:to-tag%b" % _text(tag(ok, b"To: "))), answered)

    def delete(self, bye: bytes, answered: Answered) -> None:
        """Have the session deleted."""
        self._ask(b"d%b12:delete delayi0e8:from-tag%be" % (_head(bye, b"delete"), _callers_tag(bye)), answered)

    def _ask(self, command: bytes, answered: Answered) -> None:
        self._number += 1
        cookie = _COOKIE % self._number
        self._asked[cookie] = answered
        self._transport.sendto(b"%b %b" % (cookie, command))

    def datagram_received(self, data: bytes, _addr: Any) -> None:
        """Go on with what the answer is for."""
        cookie, _, reply = data.partition(b" ")
        answered = self._asked.pop(cookie, None)
        if answered is not None:
            answered(_sdp(reply))


def _described(message: bytes, command: bytes, to_tag: bytes) -> bytes:
    head, caller, sdp = _head(message, command), _callers_tag(message), _text(body(message))
    place = b"13:received-froml3:IP49:127.0.0.1e"
    return b"d%b8:from-tag%b%b3:sdp%b%b10:via-branch3:br0e" % (head, caller, place, sdp, to_tag)


def _head(message: bytes, command: bytes) -> bytes:
    return b"7:call-id%b7:command%b" % (_text(call_id(message)), _text(command))


def _callers_tag(message: bytes) -> bytes:
    return _text(tag(message, b"From: "))


def _text(value: bytes) -> bytes:
    return b"%d:%b" % (len(value), value)


def _sdp(reply: bytes) -> bytes:
    _, found, rest = reply.partition(b"3:sdp")
    if not found:
        return b""
    length, _, rest = rest.partition(b":")
    return rest[: int(length)]
