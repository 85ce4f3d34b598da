"""A collector of HEPv3 packets, with a decoder that was made from the specification (revision 37) alone."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.peers.peer import wait_until
from tests.peers.ports import HOST

_SIZES = {0x01: 1, 0x02: 1, 0x03: 4, 0x04: 4, 0x05: 16, 0x06: 16, 0x07: 2, 0x08: 2, 0x09: 4, 0x0A: 4, 0x0B: 1, 0x0C: 4}


@dataclass(frozen=True)
class Packet:
    """A packet: its generic chunks by their types."""

    chunks: dict[int, bytes]

    def number(self, kind: int) -> int:
        return int.from_bytes(self.chunks[kind], "big")

    @property
    def protocol(self) -> int:
        return self.number(0x0B)

    @property
    def network(self) -> int:
        return self.number(0x02)

    @property
    def at(self) -> float:
        return self.number(0x09) + self.number(0x0A) / 1e6

    @property
    def source(self) -> tuple[str, int]:
        return self._address(0x03, 0x05), self.number(0x07)

    @property
    def destination(self) -> tuple[str, int]:
        return self._address(0x04, 0x06), self.number(0x08)

    @property
    def correlation(self) -> str:
        return self.chunks.get(0x11, b"").decode()

    @property
    def payload(self) -> bytes:
        return self.chunks[0x0F]

    @property
    def document(self) -> dict[str, Any]:
        document = json.loads(self.payload)
        assert isinstance(document, dict)
        return document

    def _address(self, four: int, six: int) -> str:
        family = self.number(0x01)
        assert (four in self.chunks, six in self.chunks) == (family == 2, family == 10)
        return str(ipaddress.ip_address(self.chunks[four if family == 2 else six]))


def decode(data: bytes) -> Packet:
    """Read one packet, whole. Raises AssertionError for anything that the specification does not allow."""
    assert data[:4] == b"HEP3"
    assert int.from_bytes(data[4:6], "big") == len(data)
    chunks: dict[int, bytes] = {}
    at = 6
    while at < len(data):
        vendor, kind, length = (int.from_bytes(data[at + 2 * place : at + 2 * place + 2], "big") for place in range(3))
        assert vendor == 0
        assert 6 <= length <= len(data) - at
        value = data[at + 6 : at + length]
        assert kind not in chunks
        assert len(value) == _SIZES.get(kind, len(value))
        chunks[kind] = value
        at += length
    assert chunks.keys() >= {0x01, 0x02, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0F}
    return Packet(chunks)


def split(stream: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole packets at the beginning of a stream, and the rest."""
    packets = []
    while len(stream) >= 6 and len(stream) >= (length := int.from_bytes(stream[4:6], "big")):
        packets.append(stream[:length])
        stream = stream[length:]
    return packets, stream


@dataclass
class Collector(asyncio.DatagramProtocol):
    """What came to a collector. `port`: where it listens, for UDP and TCP."""

    port: int = 0
    raw: list[bytes] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def packets(self) -> list[Packet]:
        return [decode(data) for data in self.raw]

    def of(self, protocol: int, correlation: str) -> list[Packet]:
        return [one for one in self.packets if (one.protocol, one.correlation) == (protocol, correlation)]

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.raw.append(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        rest = b""
        while data := await reader.read(65536):
            whole, rest = split(rest + data)
            self.raw += whole
        writer.close()

    def hang_up(self) -> None:
        """Reset all connections."""
        for writer in self.writers:
            writer.transport.abort()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async def holds() -> bool:
            return bool(condition())

        await wait_until(holds, what)


@asynccontextmanager
async def collecting(host: str = HOST, *, tcp: bool = False, port: int = 0) -> AsyncIterator[Collector]:
    """Have a collector that listens while the block runs."""
    collector = Collector()
    loop = asyncio.get_running_loop()
    if tcp:
        server = await asyncio.start_server(collector.serve, host, port, reuse_address=True)
        collector.port = server.sockets[0].getsockname()[1]
        try:
            yield collector
        finally:
            server.close()
            collector.hang_up()
    else:
        transport, _ = await loop.create_datagram_endpoint(lambda: collector, local_addr=(host, port))
        collector.port = transport.get_extra_info("sockname")[1]
        try:
            yield collector
        finally:
            transport.close()
