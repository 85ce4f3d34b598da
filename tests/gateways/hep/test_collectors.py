"""The ways to collectors: a collector that is not there, comes back, or does not read costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from gateways.hep import collectors
from gateways.hep.collectors import TcpCollector, UdpCollector, collector_at
from gateways.hep.packet import Agent, Captured, Kind, encode
from rtp_relay.config import SocketAddress
from tests.peers.hep import collecting
from tests.peers.peer import wait_until

PACKET, _ = encode(Captured(Kind.SIP, b"x" * 1000, 1, ("::1", 1), ("::1", 2)), Agent(1, b"n"))


@contextlib.asynccontextmanager
async def way(transport: str, host: str, port: int) -> AsyncIterator[UdpCollector | TcpCollector]:
    made = collector_at(SocketAddress(transport, host, port))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0.01)  # for the loop to close the sockets


async def sent(collector: UdpCollector | TcpCollector) -> None:
    """Send packets until one is taken."""

    async def taken() -> bool:
        return collector.send(PACKET)

    await wait_until(taken, "the collector takes a packet")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_packets_arrive_as_they_are(transport: str, host: str) -> None:
    async with collecting(host, tcp=transport == "tcp") as there, way(transport, host, there.port) as here:
        assert not here.send(PACKET)
        await sent(here)
        await sent(here)
        await there.until(lambda: len(there.raw) == 2, "both are there")
        assert there.raw == [PACKET, PACKET]
        assert here.here == host


async def test_a_name_is_looked_up() -> None:
    async with collecting() as there, way("udp", "localhost", there.port) as here:
        await sent(here)


async def test_a_connection_that_is_lost_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors, "FIRST_RETRY", 0.01)
    async with collecting(tcp=True) as first:
        port = first.port
        async with way("tcp", "127.0.0.1", port) as here:
            await sent(here)
            await first.until(lambda: first.raw, "it is there")
            first.hang_up()
            await first.until(lambda: here.send(PACKET) and first.connections == 2, "it connects again")


async def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors, "FIRST_RETRY", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with way("tcp", "127.0.0.1", port) as here:
        await asyncio.sleep(0.05)
        assert not here.send(PACKET)
        async with collecting(tcp=True, port=port) as there:
            await sent(here)
            await there.until(lambda: there.raw, "it is there")


async def test_one_who_does_not_read_gets_no_more_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors, "MAX_UNREAD", 10_000)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with way("tcp", "127.0.0.1", mute.getsockname()[1]) as here:
            await sent(here)
            assert any(not here.send(PACKET) for _ in range(100_000))
