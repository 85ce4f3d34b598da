"""Transports that are open as long as a test needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport.settings import Listen, TransportSettings
from gateways.sip.transport.transports import Transports
from tests.peers.peer import wait_until

UDP = Listen(SipTransport.UDP, "127.0.0.1", 0)
TCP = Listen(SipTransport.TCP, "127.0.0.1", 0)
TLS = Listen(SipTransport.TLS, "127.0.0.1", 0)


class Opened:
    """Transports, what they have received, and what could not be sent."""

    def __init__(self, settings: TransportSettings) -> None:
        self.received: asyncio.Queue[tuple[bytes, Hop]] = asyncio.Queue()
        self.failures: asyncio.Queue[str] = asyncio.Queue()
        self.transports = Transports(settings, lambda data, hop: self.received.put_nowait((data, hop)))

    @property
    def local(self) -> ListeningPoint:
        return self.transports.locals[0]

    def hop(self, name: str = "") -> Hop:
        """Return the hop to the first listening point."""
        return Hop(self.local.transport, self.local.host, self.local.port, name=name)

    def send(self, data: bytes, hop: Hop) -> None:
        self.transports.send(data, hop, self.failures.put_nowait)


@asynccontextmanager
async def opened(*listen: Listen, **settings: Any) -> AsyncIterator[Opened]:
    there = Opened(TransportSettings(listen=listen, **settings))
    await there.transports.open()
    try:
        yield there
    finally:
        await there.transports.close()


def message(number: int = 1, body: bytes = b"") -> bytes:
    return b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: %d OPTIONS\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)


async def until(condition: Callable[[], object]) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, "the transports have done it", within=10)
