"""A small SIP phone: what the demonstration's parties place their call with."""

from __future__ import annotations

import asyncio
import secrets
from typing import cast

from sipmessage import Request, Response

from events.names import Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.ids import new_branch
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import set_body
from gateways.sip.messages.reading import Malformed, read
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.values import split_values, uri_text
from rtp_relay.demo.party import Address

TRIES = 20
PATIENCE = 0.5
"""So many times a request is sent, so many seconds apart."""

SDP = "application/sdp"


class NoResponseError(Exception):
    """A request had no final response, or another one than it should."""


class Phone(asyncio.DatagramProtocol):
    """One party of one call, over UDP. `sdp` is what it offers and answers with; `heard_sdp` what it got last.

    As a callee it accepts every INVITE and BYE, with the same answer if it comes again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sdp = b""
        self.heard_sdp = b""
        self._tag = secrets.token_hex(4)
        self._route: list[str] = []
        self._target = ""
        self._cseq = 0
        self._from = self._to = ""
        self._answers: dict[tuple[str, int], bytes] = {}
        self._final: dict[str, asyncio.Future[Response]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, name: str) -> Phone:
        """Return a phone with a socket on loopback."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(name), local_addr=("127.0.0.1", 0))
        return phone

    @property
    def uri(self) -> str:
        """Its SIP address."""
        assert self._transport is not None, "not open"
        host, port = self._transport.get_extra_info("sockname")
        return f"sip:{self.name}@{host}:{port}"

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    # -- as a caller --

    async def options(self, door: Address, call_id: str) -> None:
        """Ask a proxy itself whether it is there (RFC 3261 11); any response will do. Raises NoResponseError."""
        request = self._request("OPTIONS", f"sip:{door[0]}:{door[1]}", call_id, max_forwards=0)
        await self._ask(request, door, tries=1)

    async def invite(self, uri: str, door: Address, call_id: str) -> None:
        """Call somebody through a proxy, or offer anew in the call that there is. Raises NoResponseError."""
        again = bool(self._target)
        if not again:
            self._from, self._to = f"<{self.uri}>;tag={self._tag}", f"<{uri}>"
        request = self._request("INVITE", self._target or uri, call_id)
        set_body(request, self.sdp, SDP)
        accepted = await self._expect_ok(request, door)
        self.heard_sdp = accepted.body
        self._to = accepted.headers.get("To") or ""
        self._target = uri_text(split_values(accepted.headers.getlist("Contact"))[0])
        if not again:
            self._route = split_values(accepted.headers.getlist("Record-Route"))[::-1]
        ack = self._request("ACK", self._target, call_id, cseq=self._cseq)
        self._send(bytes(ack), door)

    async def bye(self, door: Address, call_id: str) -> None:
        """End the call. Raises NoResponseError."""
        await self._expect_ok(self._request("BYE", self._target, call_id), door)

    async def _expect_ok(self, request: Request, door: Address) -> Response:
        response = await self._ask(request, door, TRIES)
        if response.code >= 300:
            raise NoResponseError(f"{request.method} was answered with {response.code} {response.phrase}")
        return response

    async def _ask(self, request: Request, door: Address, tries: int) -> Response:
        branch = self._branch_of(request)
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._final[branch] = final
        try:
            for _ in range(tries):
                self._send(bytes(request), door)
                done, _ = await asyncio.wait([final], timeout=PATIENCE)
                if done:
                    return final.result()
        finally:
            del self._final[branch]
        raise NoResponseError(f"no response to {request.method} within {tries * PATIENCE:g} s")

    def _request(self, method: str, uri: str, call_id: str, *, cseq: int = 0, max_forwards: int = 70) -> Request:
        self._cseq += 0 if cseq else 1
        request = Request(method, read_uri(uri))
        host_and_port = self.uri.partition("@")[2]
        pairs = [
            ("Via", [f"SIP/2.0/UDP {host_and_port};rport;branch={new_branch()}"]),
            ("Max-Forwards", [str(max_forwards)]),
            ("From", [self._from or f"<{self.uri}>;tag={self._tag}"]),
            ("To", [self._to or f"<{uri}>"]),
            ("Call-ID", [call_id]),
            ("CSeq", [f"{cseq or self._cseq} {method}"]),
            ("Contact", [f"<{self.uri}>"]),
            ("Content-Length", ["0"]),
        ]
        request.headers = CopyableHeaders.of(pairs[:1] + [("Route", self._route)] * bool(self._route) + pairs[1:])
        return request

    # -- what comes --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer a request; hand a final response to whoever waits for it."""
        try:
            incoming = read(data, Hop(SipTransport.UDP, *addr))
        except Malformed:
            return
        if isinstance(incoming, IncomingRequest):
            self._answer(incoming, addr)
        elif incoming.status >= 200:
            waiting = self._final.get(incoming.branch)
            if waiting is not None and not waiting.done():
                waiting.set_result(incoming.message)

    def _answer(self, incoming: IncomingRequest, addr: Address) -> None:
        if incoming.method == "ACK":
            return
        key = (incoming.method, incoming.cseq)
        if key not in self._answers:
            self._answers[key] = bytes(self._accept(incoming))
        self._send(self._answers[key], addr)

    def _accept(self, incoming: IncomingRequest) -> Response:
        response = reply_to(incoming.message, 200, to_tag=Tag(self._tag), headers=[("Contact", f"<{self.uri}>")])
        if incoming.method == "INVITE":
            self.heard_sdp = incoming.message.body
            set_body(response, self.sdp, SDP)
        return response

    def _send(self, data: bytes, address: Address) -> None:
        assert self._transport is not None, "not open"
        self._transport.sendto(data, address)

    @staticmethod
    def _branch_of(request: Request) -> str:
        return request.via[0].parameters.get("branch") or ""
