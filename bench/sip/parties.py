"""Callers and callees without sockets, who place and answer calls like those of the scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from events.names import Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport

HERE = ListeningPoint(SipTransport.UDP, "127.0.0.1", 5060, "127.0.0.1", 5060)
CALLER = Hop(SipTransport.UDP, "127.0.0.1", 20001, HERE)
CALLEE = Hop(SipTransport.UDP, "127.0.0.1", 20002, HERE)

_OFFER = b"""v=0
o=- 20518 1 IN IP4 127.0.0.1
s=call
c=IN IP4 127.0.0.1
t=0 0
m=audio 41000 RTP/AVP 8 0 18 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
""".replace(b"\n", b"\r\n")
_ANSWER = _OFFER.replace(b"20518", b"77401").replace(b"41000", b"52000")
_ECHOED = ("Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:")


def callers_tag(call_id: str) -> Tag:
    """Return the caller's tag in a call."""
    return Tag(f"caller{call_id.partition('@')[0]}")


def callees_tag(call_id: str) -> Tag:
    """Return the callee's tag in a call."""
    return Tag(f"callee{call_id.partition('@')[0]}")


class Parties:
    """All callers and all callees. What they send goes to `receive`, with the hop that it comes over."""

    _receive: Callable[[bytes, Hop], None]

    def __init__(self) -> None:
        self._number = self._left = self._under_way = 0
        self._over = asyncio.Event()

    async def place(self, calls: int, at_a_time: int, receive: Callable[[bytes, Hop], None]) -> None:
        """Place calls, some of them at a time, and wait for their ends."""
        self._receive, self._left = receive, calls
        self._over.clear()
        for _ in range(min(calls, at_a_time)):
            self._call()
        await self._over.wait()

    def take(self, data: bytes, hop: Hop, _failed: object = None) -> None:
        """Take what the door sends, in the loop's next turn."""
        asyncio.get_running_loop().call_soon(self._callee if hop.port == CALLEE.port else self._caller, data)

    def _call(self) -> None:
        self._number += 1
        self._left -= 1
        self._under_way += 1
        call_id = f"{self._number}@127.0.0.1"
        head = (
            f"To: <sip:callee@{HERE.sent_by}>",
            f"From: <sip:caller@127.0.0.1:20001>;tag={callers_tag(call_id)}",
            f"Call-ID: {call_id}",
            "CSeq: 1 INVITE",
            "Contact: <sip:caller@127.0.0.1:20001>",
            "User-Agent: bench",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE",
        )
        self._request("INVITE", f"sip:callee@{HERE.sent_by}", self._number, head, _OFFER)

    def _request(self, method: str, uri: str, number: int, head: Sequence[str], body: bytes = b"") -> None:
        via = f"Via: SIP/2.0/UDP 127.0.0.1:20001;branch=z9hG4bK{number}{method}"
        self._receive(_message(f"{method} {uri} SIP/2.0", (via, "Max-Forwards: 70", *head), body), CALLER)

    def _caller(self, data: bytes) -> None:
        """Acknowledge the 200 of an INVITE, and hang up at once."""
        start, *lines = _head_of(data)
        if not start.startswith("SIP/2.0 200"):
            return
        if "CSeq: 2 BYE" in lines:
            self._end()
            return
        routes = [line.removeprefix("Record-") for line in lines if line.startswith("Record-Route:")]
        head = [*routes, *(line for line in lines if line.startswith(("From:", "To:", "Call-ID:")))]
        number = int(next(line for line in lines if line.startswith("Call-ID:"))[9:].partition("@")[0])
        for cseq, method in ((1, "ACK"), (2, "BYE")):
            self._request(method, "sip:callee@127.0.0.1:20002", number, (*head, f"CSeq: {cseq} {method}"))

    def _end(self) -> None:
        self._under_way -= 1
        if self._left:
            self._call()
        elif not self._under_way:
            self._over.set()

    def _callee(self, data: bytes) -> None:
        """Ring, and answer at once; answer a BYE."""
        start, *lines = _head_of(data)
        head = [line for line in lines if line.startswith(_ECHOED)]
        if start.startswith("BYE"):
            self._receive(_message("SIP/2.0 200 OK", head), CALLEE)
        elif start.startswith("INVITE"):
            call_id = next(line for line in lines if line.startswith("Call-ID:"))[9:]
            head = [f"{line};tag={callees_tag(call_id)}" if line.startswith("To:") else line for line in head]
            head.append("Contact: <sip:callee@127.0.0.1:20002>")
            self._receive(_message("SIP/2.0 180 Ringing", head), CALLEE)
            self._receive(_message("SIP/2.0 200 OK", head, _ANSWER), CALLEE)


def _head_of(data: bytes) -> list[str]:
    return data.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def _message(start: str, head: Sequence[str], body: bytes = b"") -> bytes:
    kind = ("Content-Type: application/sdp",) if body else ()
    return "\r\n".join((start, *head, *kind, f"Content-Length: {len(body)}", "", "")).encode() + body
