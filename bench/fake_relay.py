"""A relay that carries nothing: `python -m bench.fake_relay PORT DELETE-REPLY`.

It answers ng over UDP as an rtpengine 10.5 does, with an SDP that points to 127.0.0.1, and with `full` as DELETE-REPLY
the statistics of a call with one audio stream (some 1.8 kB); with `short` a delete is answered by `ok` alone. It keeps
no calls: a delete without tags, which the service sends after one with tags to be sure, finds nothing left.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import Iterator
from typing import Any

import uvloop

from bench.sockets import udp_socket
from engines.ng.bencode import NgDict, NgValue, decode
from tests.peers.bencode import encode

_PORTS = range(30000, 60000, 2)
_OWN_ADDRESS = b"IN IP4 127.0.0.2"
"""No party has it: one whose address and port came back would not be relayed."""
_ADDRESS = re.compile(rb"IN IP4 [^\r\n]+")
_AUDIO = re.compile(rb"m=audio \d+")
_UNKNOWN = b"d7:warning38:Call-ID not found or tags didn't match6:result2:oke"
_NOTHING: NgDict = {b"packets": 0, b"bytes": 0, b"errors": 0}


class FakeRelay(asyncio.DatagramProtocol):
    """Answers each request at once."""

    def __init__(self, *, full: bool) -> None:
        self._deleted = encode(statistics() if full else {b"result": b"ok"})
        self._ports: Iterator[int] = itertools.cycle(_PORTS)
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        """Keep the socket."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer."""
        cookie, _, body = data.partition(b" ")
        self._transport.sendto(cookie + b" " + self._reply(decode(body)), addr)

    def _reply(self, request: NgValue) -> bytes:
        assert isinstance(request, dict)
        if request[b"command"] == b"delete":
            return self._deleted if b"from-tag" in request else _UNKNOWN
        if request[b"command"] == b"ping":
            return b"d6:result4:ponge"
        sdp = request.get(b"sdp")
        if isinstance(sdp, bytes):
            sdp = self._relayed(sdp)
            return b"d3:sdp%d:%b6:result2:oke" % (len(sdp), sdp)
        return b"d6:result2:oke"

    def _relayed(self, sdp: bytes) -> bytes:
        port = next(self._ports)
        return _AUDIO.sub(b"m=audio %d" % port, _ADDRESS.sub(_OWN_ADDRESS, sdp)) + b"a=rtcp:%d\r\n" % (port + 1)


def statistics() -> NgDict:
    """Return what an rtpengine 10.5 answers to the delete of a call with one audio stream."""
    now = 1_760_000_000
    return {
        b"created": now,
        b"created_us": 712107,
        b"last signal": now,
        b"SSRC": {},
        b"tags": {
            b"caller": _party(b"caller", b"callee", now),
            b"callee": _party(b"callee", b"caller", now),
        },
        b"totals": {b"RTP": _NOTHING, b"RTCP": _NOTHING},
        b"result": b"ok",
    }


def _party(tag: bytes, other: bytes, now: int) -> NgDict:
    peers: list[NgValue] = [{b"tag": other, b"type": b"offer/answer"}]
    media: NgDict = {
        b"index": 1,
        b"type": b"audio",
        b"protocol": b"RTP/AVP",
        b"codec": b"PCMU/8000",
        b"streams": [_stream(40000, b"RTP", now), _stream(40001, b"RTCP", now)],
        b"flags": [b"initialized", b"send", b"recv", b"ICE controlling"],
    }
    return {b"tag": tag, b"created": now, b"subscriptions": peers, b"subscribers": peers, b"medias": [media]}


def _stream(port: int, kind: bytes, now: int) -> NgDict:
    endpoint: NgDict = {b"family": b"IPv4", b"address": b"198.51.100.10", b"port": port}
    return {
        b"local port": port,
        b"local address": b"127.0.0.1",
        b"family": b"IPv4",
        b"endpoint": endpoint,
        b"advertised endpoint": endpoint,
        b"last packet": now,
        b"flags": [kind, b"filled"],
        b"stats": _NOTHING,
    }


async def serve(port: int, *, full: bool) -> None:
    """Answer until the process ends."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: FakeRelay(full=full), sock=udp_socket(port))
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), full=sys.argv[2] == "full"))
