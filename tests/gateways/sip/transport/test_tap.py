"""Who listens in gets each message that came or left, with the real addresses of both ends."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from gateways.sip.addresses import SipTransport
from gateways.sip.transport.settings import Listen
from gateways.sip.transport.stream import PING
from tests.gateways.sip.transport.opened import message, opened, until

Copy = tuple[bytes, SipTransport, tuple[str, int], tuple[str, int], bool]


def listening_in() -> tuple[list[Copy], dict[str, Any]]:
    copies: list[Copy] = []
    return copies, {"tap": lambda *copy: copies.append(copy)}


@pytest.mark.parametrize(("listen", "asked"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.5"), ("::", "::1")])
async def test_datagrams_both_ways(listen: str, asked: str) -> None:
    copies, tap = listening_in()
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    async with opened(Listen(SipTransport.UDP, listen, 0), **tap) as there:
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.bind((asked, 0))
            client.sendto(b"\r\n\r\n", (asked, there.local.port))
            client.sendto(message(1), (asked, there.local.port))
            data, hop = await there.received.get()
            there.send(message(2), hop)
            theirs, ours = client.getsockname()[:2], (asked, there.local.port)
    assert copies == [
        (data, SipTransport.UDP, theirs, ours, False),
        (message(2), SipTransport.UDP, ours, theirs, True),
    ]


async def test_streams_have_the_ports_of_their_connections() -> None:
    ours, tap_here = listening_in()
    theirs, tap_there = listening_in()
    listen = Listen(SipTransport.TCP, "127.0.0.1", 0)
    async with opened(listen, **tap_here) as here, opened(listen, **tap_there) as there:
        here.send(PING, there.hop())
        here.send(message(1), there.hop())
        _, hop = await there.received.get()
        there.send(message(2), hop)
        await here.received.get()
        await until(lambda: len(ours) == 2)
        listened = there.local.host, there.local.port
    first, second = theirs
    connected = ("127.0.0.1", hop.port)
    assert first == (message(1), SipTransport.TCP, connected, listened, False)
    assert second == (message(2), SipTransport.TCP, listened, connected, True)
    assert ours == [(*first[:4], True), (*second[:4], False)]
