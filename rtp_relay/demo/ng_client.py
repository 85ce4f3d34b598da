"""A small client of the ng door, which repeats itself as SIP servers do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from engines.cookies import CookieSource
from engines.ng.bencode import BencodeError, NgDict, NgValue, decode, encode

TRIES = 8
PATIENCE = 0.5
"""So many times a request is sent, so many seconds apart."""


class NoReplyError(Exception):
    """The door did not answer."""


class NgClient(asyncio.DatagramProtocol):
    """Asks an ng address over UDP. Replies are told apart by their cookies."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._cookies = CookieSource()
        self._waiting: dict[bytes, asyncio.Future[NgDict]] = {}

    @classmethod
    async def open(cls, address: tuple[str, int]) -> NgClient:
        """Return a client of the door at an address."""
        _, client = await asyncio.get_running_loop().create_datagram_endpoint(cls, remote_addr=address)
        return client

    async def ask(self, command: str, keys: Mapping[str, NgValue], tries: int = TRIES) -> NgDict:
        """Send a command with its keys (`call_id=` becomes `call-id`), and give the reply. Raises NoReplyError."""
        request: NgDict = {b"command": command.encode()}
        request |= {name.replace("_", "-").encode(): value for name, value in keys.items()}
        cookie = self._cookies.next()
        reply: asyncio.Future[NgDict] = asyncio.get_running_loop().create_future()
        self._waiting[cookie] = reply
        try:
            for _ in range(tries):
                self._send(cookie + b" " + encode(request))
                done, _ = await asyncio.wait([reply], timeout=PATIENCE)
                if done:
                    return reply.result()
        finally:
            del self._waiting[cookie]
        raise NoReplyError(f"no reply to {command} within {tries * PATIENCE:g} s")

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, datagram: bytes) -> None:
        assert self._transport is not None, "not open"
        self._transport.sendto(datagram)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        """Hand a reply to whoever waits for it."""
        cookie, _, body = data.partition(b" ")
        waiting = self._waiting.get(cookie)
        if waiting is None or waiting.done():
            return
        try:
            reply = decode(body)
        except BencodeError as error:
            waiting.set_exception(NoReplyError(f"the reply cannot be read: {error}"))
            return
        if isinstance(reply, dict):
            waiting.set_result(reply)
        else:
            waiting.set_exception(NoReplyError(f"the reply is no dictionary: {body!r}"))

    def error_received(self, exc: Exception) -> None:
        """Ignore it: nobody listens there at the moment, and the request is repeated."""
