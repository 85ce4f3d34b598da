"""The service of `bench.beside`: with a management door, a routing script, and a node that can fall silent."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.children import Journal, Section, Service
from bench.fake_relay import FakeRelay
from bench.options import DeleteReply, Durability, Options, Relays
from bench.sockets import udp_socket
from bench.stage import journal, make_relay
from tests.peers.datagram import Address
from tests.peers.ports import HOST

MUTE = "mute"
"""The name of the node that can fall silent. It gets no new calls."""

_SCRIPT = """\
from rtp_relay.routing import Request, on_request

@on_request
def route(request: Request) -> None:
    request.relay()
"""


class MuteNode(FakeRelay):
    """A relay that says nothing while it is `mute`."""

    mute = False

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer, or not."""
        if not self.mute:
            super().datagram_received(data, addr)


class BusyService(Service):
    """The service, with all that can go on beside calls."""

    def __init__(self, journal_url: str, relay: Address, mute_port: int) -> None:
        super().__init__(journal_url, Durability.MEMORY, relay)
        self._mute_port = mute_port
        self._mi_port = 0

    @property
    def mi_url(self) -> str:
        """Where the management interface is asked."""
        return f"http://{HOST}:{self._mi_port}/mi"

    @property
    def metrics_url(self) -> str:
        """Where the metrics are."""
        return f"http://{self.http[0]}/metrics"

    def prepare(self) -> None:
        """Reserve the ports."""
        super().prepare()
        self._mi_port = self.ports.take()
        self.http = [f"{HOST}:{self.ports.take()}"]

    def sections(self) -> list[tuple[str, Section]]:
        """Return the configuration's sections; the script lies beside it."""
        script = self.folder / "route.py"
        script.write_text(_SCRIPT)
        node: Section = {"name": MUTE, "engine": "rtpengine", "url": f"udp:{HOST}:{self._mute_port}", "weight": 0}
        return [
            *super().sections(),
            ("[[nodes]]", node),
            ("[mi]", {"listen": [f"http:{HOST}:{self._mi_port}"]}),
            ("[sip]", {"listen": [f"udp:{HOST}:0"], "script": str(script)}),
        ]

    async def reload(self) -> None:
        """Have it read its script anew."""
        os.kill(self.pid, signal.SIGHUP)


@asynccontextmanager
async def busy_stage(*, on_disk: bool = True) -> AsyncIterator[tuple[Journal, BusyService, MuteNode]]:
    """Start a journal, a relay, and the service with the other node."""
    loop = asyncio.get_running_loop()
    sock = udp_socket()
    transport, mute = await loop.create_datagram_endpoint(lambda: MuteNode(DeleteReply.SHORT), sock=sock)
    try:
        async with (
            journal(Durability.MEMORY, on_disk=on_disk) as redis,
            make_relay(Options(), Relays.FAKE) as relay,
            BusyService(redis.journal_url, relay.address, sock.getsockname()[1]) as service,
        ):
            yield redis, service, mute
    finally:
        transport.close()
