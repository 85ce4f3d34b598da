"""The floor: a UDP forwarder that does nothing else: `python -m bench.forwarder PORT RELAY-PORT`.

What any proxy in this runtime costs at least: two datagrams in and two out for each operation, on uvloop.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from bench.sockets import HOST, udp_socket


class _Side(asyncio.DatagramProtocol):
    """One of the two sockets: what comes here leaves through the other one, to where that one last heard from."""

    def __init__(self, peer: Any = None) -> None:
        self.peer = peer
        self.other: _Side
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.peer = addr
        self.other.transport.sendto(data, self.other.peer)


async def forward(port: int, relay_port: int) -> None:
    """Forward until the process ends: for one client."""
    loop = asyncio.get_running_loop()
    client, relay = _Side(), _Side((HOST, relay_port))
    client.other, relay.other = relay, client
    await loop.create_datagram_endpoint(lambda: relay, sock=udp_socket())
    await loop.create_datagram_endpoint(lambda: client, sock=udp_socket(port))
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(forward(int(sys.argv[1]), int(sys.argv[2])))
