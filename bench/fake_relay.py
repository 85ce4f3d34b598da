"""A relay that carries nothing: `python -m bench.fake_relay PORT DELETE-REPLY`.

It answers ng over UDP as an rtpengine 10.5 does, with an SDP that points to 127.0.0.1, and with `full` as DELETE-REPLY
the statistics of a call with one audio stream (some 1.8 kB); with `newer` those of a 12.5 (some 3 kB); with `short` a
delete is answered by `ok` alone. It keeps no calls: a delete without tags, which the service sends after one with tags
to be sure, finds nothing left; a 12.5 is asked without tags at once.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import Iterator
from typing import Any

import uvloop

from bench.options import DeleteReply
from bench.sockets import udp_socket
from engines.ng.bencode import NgDict, NgValue, decode
from tests.peers.bencode import encode

_PORTS = range(30000, 60000, 2)
_OWN_ADDRESS = b"IN IP4 127.0.0.2"
"""No party has it: one whose address and port came back would not be relayed."""
_ADDRESS = re.compile(rb"IN IP4 [^\r\n]+")
_AUDIO = re.compile(rb"m=audio \d+")
_UNKNOWN = b"d7:warning38:Call-ID not found or tags didn't match6:result2:oke"
_SOURCE: NgDict = {b"SSRC": 7, b"bytes": 0, b"packets": 0, b"last RTP timestamp": 0, b"last RTP seq": 0}
_NOTHING: NgDict = {b"packets": 0, b"bytes": 0, b"errors": 0}


class FakeRelay(asyncio.DatagramProtocol):
    """Answers each request at once."""

    def __init__(self, delete_reply: DeleteReply) -> None:
        self._newer = delete_reply is DeleteReply.NEWER
        self._deleted = encode(
            {b"result": b"ok"} if delete_reply is DeleteReply.SHORT else statistics(newer=self._newer)
        )
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
        if request[b"command"] == b"query":
            return self._deleted
        if request[b"command"] == b"delete":
            return self._deleted if self._newer or b"from-tag" in request else _UNKNOWN
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


def statistics(*, newer: bool) -> NgDict:
    """Return what an rtpengine 10.5, or a newer one (12.5), answers to the delete of a call with one audio stream."""
    now = 1_760_000_000
    redis: NgDict = {b"last redis update": 0} if newer else {}
    return {
        b"created": now,
        b"created_us": 712107,
        b"last signal": now,
        **redis,
        b"SSRC": {},
        b"tags": {
            b"caller": _party(b"caller", b"callee", now, newer=newer),
            b"callee": _party(b"callee", b"caller", now, newer=newer),
        },
        b"totals": {b"RTP": _NOTHING, b"RTCP": _NOTHING},
        b"result": b"ok",
    }


def _party(tag: bytes, other: bytes, now: int, *, newer: bool) -> NgDict:
    peers: list[NgValue] = [{b"tag": other, b"type": b"offer/answer"}]
    media: NgDict = {
        b"index": 1,
        b"type": b"audio",
        b"protocol": b"RTP/AVP",
        b"codec": b"PCMU/8000",
        b"streams": [_stream(40000, b"RTP", now, newer=newer), _stream(40001, b"RTCP", now, newer=newer)],
        b"flags": [b"initialized", b"send", b"recv", b"ICE controlling"],
    }
    codecs: NgDict = {b"VSC": []} if newer else {}
    return {b"tag": tag, b"created": now, b"subscriptions": peers, b"subscribers": peers, b"medias": [media], **codecs}


def _stream(port: int, kind: bytes, now: int, *, newer: bool) -> NgDict:
    endpoint: NgDict = {b"family": b"IPv4", b"address": b"198.51.100.10", b"port": port}
    return {
        b"local port": port,
        b"local address": b"127.0.0.1",
        b"family": b"IPv4",
        b"endpoint": endpoint,
        b"advertised endpoint": endpoint,
        b"last packet": now,
        **({b"last kernel packet": 0, b"last user packet": now} if newer else {}),
        b"flags": [kind, b"filled"],
        **({b"ingress SSRCs": [_SOURCE], b"egress SSRCs": [_SOURCE]} if newer else {}),
        b"stats": _NOTHING,
        **({b"stats_out": _NOTHING} if newer else {}),
    }


async def serve(port: int, delete_reply: DeleteReply) -> None:
    """Answer until the process ends."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: FakeRelay(delete_reply), sock=udp_socket(port))
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), DeleteReply(sys.argv[2])))
