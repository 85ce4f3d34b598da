"""All callers and all callees: they place and take calls, and answer re-INVITEs at once, with what they said before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.migrate.messages import Message, read, response, write
from bench.migrate.streams import Stream
from tests.peers.datagram import Address

T1 = 0.5
"""Seconds until a request is sent once more (RFC 3261 17.1.1.1)."""


@dataclass(slots=True)
class Call:
    """A call: its parties' streams, and what the caller's next requests need. ended: by others than the caller."""

    call_id: str
    caller: Stream
    callee: Stream
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    head: list[str] = field(default_factory=list)
    target: str = ""
    ended: bool = False

    @property
    def last_heard(self) -> float:
        """Since when one of the two has heard nothing (seconds since the epoch)."""
        return min(self.caller.said.last_heard, self.callee.said.last_heard)


class Agents(asyncio.DatagramProtocol):
    """Agents at one address. `messages` counts those that came and that left."""

    role = ""

    def __init__(self, calls: Mapping[str, Call], address: Address) -> None:
        self._calls = calls
        self.address = address
        self.messages = 0
        self._transport: asyncio.DatagramTransport

    @property
    def contact(self) -> str:
        """Where they are reached."""
        return f"sip:{self.role}@{self.address[0]}:{self.address[1]}"

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take a message."""
        self.messages += 1
        message = read(data)
        call = self._calls.get(message.call_id)
        if call is None:
            return
        if message.status:
            self.take_response(call, message)
        elif message.method != "ACK":
            self.send(self._answer(call, message), addr)

    def send(self, data: bytes, target: Address) -> None:
        """Send a message."""
        self.messages += 1
        self._transport.sendto(data, target)

    def take_response(self, call: Call, message: Message) -> None:
        """Take a response: only callers send requests."""

    def stream_of(self, call: Call) -> Stream:
        """Return the stream of the party that these agents stand for."""
        raise NotImplementedError

    def _answer(self, call: Call, request: Message) -> bytes:
        stream, body = self.stream_of(call), b""
        if request.method == "INVITE":
            if request.body:
                stream.hears_of(request.body)
            body = stream.sdp()
        elif request.method == "BYE":
            call.ended = True
        return response(request, "200 OK", tag=self.role, contact=self.contact, body=body)


class Callees(Agents):
    """Who is called."""

    role = "callee"

    def stream_of(self, call: Call) -> Stream:
        """Return the callee's stream."""
        return call.callee


class Callers(Agents):
    """Who calls, through the proxy at `proxy`."""

    role = "caller"

    def __init__(self, calls: Mapping[str, Call], address: Address, proxy: Address) -> None:
        super().__init__(calls, address)
        self._proxy = proxy

    def stream_of(self, call: Call) -> Stream:
        """Return the caller's stream."""
        return call.caller

    async def place(self, call: Call, within: float) -> None:
        """Place a call, and return when it is answered. Raises TimeoutError."""
        call.head = [
            f"To: <sip:callee@{self._proxy[0]}:{self._proxy[1]}>",
            f"From: <{self.contact}>;tag={self.role}",
            f"Call-ID: {call.call_id}",
            f"Contact: <{self.contact}>",
        ]
        call.target = f"sip:callee@{self._proxy[0]}:{self._proxy[1]}"
        invite = self._request(call, "INVITE", 1, call.caller.sdp())
        await self._until(call.answered, invite, within)

    async def hang_up(self, call: Call, within: float) -> None:
        """End a call, and return when that is answered. Raises TimeoutError."""
        await self._until(call.closed, self._request(call, "BYE", 2), within)

    def take_response(self, call: Call, message: Message) -> None:
        """Acknowledge the answer to an INVITE, each time that it comes."""
        if message.method == "BYE":
            call.closed.set()
        elif message.status == 200:
            self._answered(call, message)

    def _answered(self, call: Call, message: Message) -> None:
        if not call.answered.is_set():
            call.target = message.value("Contact").strip("<>")
            routes = [f"Route: {route}" for route in reversed(list(message.values("Record-Route")))]
            call.head = [*routes, f"To: {message.value('To')}", *call.head[1:]]
            call.caller.hears_of(message.body)
            call.answered.set()
        self.send(self._request(call, "ACK", 1), self._proxy)

    def _request(self, call: Call, method: str, cseq: int, body: bytes = b"") -> bytes:
        host, port = self.address
        via = f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call.call_id}{method}"
        lines = (via, "Max-Forwards: 70", *call.head, f"CSeq: {cseq} {method}")
        return write(f"{method} {call.target} SIP/2.0", lines, body)

    async def _until(self, event: asyncio.Event, request: bytes, within: float) -> None:
        async with asyncio.timeout(within):
            while not event.is_set():
                self.send(request, self._proxy)
                try:
                    async with asyncio.timeout(T1):
                        await event.wait()
                except TimeoutError:
                    continue
