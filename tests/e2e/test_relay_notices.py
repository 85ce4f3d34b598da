"""A real rtpengine tells of keys and of calls without media: the call ends, and webhooks tell of both."""

from __future__ import annotations

import struct

import pytest

from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service
from tests.peers.webhooks import Receiver, receiving

pytestmark = pytest.mark.e2e

CALL_ID = "silent@example.com"
EVENT = 101
"""The payload type of telephone events."""


async def test_keys_and_timeouts_of_an_rtpengine() -> None:
    ports = PortBlock()
    ports.reserve()
    xmlrpc, dtmf = ports.take(), ports.take()
    try:
        async with (
            receiving() as receiver,
            RedisServer() as redis,
            Rtpengine(
                b2b_url=f"http://{HOST}:{xmlrpc}/", xmlrpc_format=1, dtmf_log_dest=f"{HOST}:{dtmf}", timeout=2
            ) as relay,
        ):
            settings = {
                "calls": {"xmlrpc_notices": f"http:{HOST}:{xmlrpc}"},
                "events": {
                    "webhook": [receiver.url],
                    "webhook_events": ["media timed out", "dtmf", "deleted"],
                    "dtmf": f"udp:{HOST}:{dtmf}",
                    "digits": True,
                },
            }
            async with (
                Service(redis.url, [Node("relay-1", relay)], settings=settings) as service,  # type: ignore[arg-type]
                service.client() as client,
                Parties() as media,
            ):
                await _press_seven(client, media, receiver)
                await receiver.until(lambda: "deleted" in receiver.events(CALL_ID), "the call has ended")
                assert receiver.events(CALL_ID) == ["dtmf", "media timed out", "deleted"]
                key = receiver.taken[0]["data"]
                assert {**key, "parties": sorted(key["parties"])} == {
                    "party": "a",
                    "parties": ["a", "b"],
                    "digit": "7",
                    "duration": 60,
                    "volume": 10,
                    "source": HOST,
                }

                async def over() -> bool:
                    return (await client.command("list"))[b"calls"] == []

                await wait_until(over, "the call is not live any more")
    finally:
        ports.release()


async def _press_seven(client: NgClient, media: Parties, receiver: Receiver) -> None:
    """Begin a call, and have its caller press a key, until it was heard; then all is silent."""
    names = {"call_id": CALL_ID, "from_tag": "a"}
    await client.command("offer", sdp=_with_keys(media.caller.sdp()), **names)
    answer = await client.command("answer", sdp=_with_keys(media.callee.sdp()), to_tag="b", **names)
    sdp = answer[b"sdp"]
    assert isinstance(sdp, bytes)
    target = media_address(sdp)
    for _ in range(10):
        media.caller.send_packet(target)
    for number, (duration, end) in enumerate([(160, 0), (320, 0), (480, 0x80), (480, 0x80), (480, 0x80)]):
        marked = 0x80 if number == 0 else 0
        header = struct.pack("!BBHII", 0x80, EVENT | marked, 40_000 + number, 160_000, media.caller.ssrc)
        media.caller.send(header + struct.pack("!BBH", 7, end | 10, duration), target)
    await receiver.until(lambda: receiver.taken, "the key is told of")


def _with_keys(sdp: str) -> str:
    return sdp.replace("RTP/AVP 0", f"RTP/AVP 0 {EVENT}") + f"a=rtpmap:{EVENT} telephone-event/8000\r\n"
