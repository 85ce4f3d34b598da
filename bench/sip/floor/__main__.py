"""`python -m bench.sip.floor PORT NEXT-HOP-PORT JOURNAL-URL RELAY-PORT`: pass calls on until the process ends.

`-` in the place of the journal's URL or of the relay's port leaves its wake-ups out.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from bench.sip.floor.journal import Journal, NoJournal
from bench.sip.floor.proxy import FloorProxy
from bench.sip.floor.relay import NoRelay, Relay
from bench.sockets import HOST, udp_socket

_LEFT_OUT = "-"


async def serve(port: int, next_hop: int, journal_url: str, relay_port: str) -> None:
    """Pass calls on; it listens as soon as everything behind it is there."""
    loop = asyncio.get_running_loop()
    journal = NoJournal() if journal_url == _LEFT_OUT else await Journal.connect(journal_url)
    relay = NoRelay() if relay_port == _LEFT_OUT else await Relay.connect((HOST, int(relay_port)))
    proxy = FloorProxy((HOST, port), (HOST, next_hop), journal, relay)
    await loop.create_datagram_endpoint(lambda: proxy, sock=udp_socket(port))
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
