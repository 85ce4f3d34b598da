"""A nameserver on loopback that knows a few records and counts what it is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.peers.ports import HOST, PortBlock


class DnsServer(asyncio.DatagramProtocol):
    """Answers with records given as zone files have them: "name TTL IN TYPE data".

    silent: types that are not answered at all; broken: that are answered with SERVFAIL. Long answers are cut over
    UDP, and whole over TCP.
    """

    def __init__(self, *records: str, silent: tuple[str, ...] = (), broken: tuple[str, ...] = ()) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.silent, self.broken = silent, broken
        self._records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for record in records:
            name, ttl, _, kind, data = record.split(" ", 4)
            rrset = dns.rrset.from_text(f"{name}.", int(ttl), "IN", kind, data)
            known = self._records.setdefault((name, kind), rrset)
            known.add(rrset[0])
        self._ports, self.port = PortBlock(), 0
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._ports.reserve()
        self.port = self._ports.take()
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(HOST, self.port)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._transport is not None
        assert self._server is not None
        self._transport.close()
        self._server.close()
        await self._server.wait_closed()
        self._ports.release()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._reply(data)
        if reply is not None and self._transport is not None:
            wire = reply.to_wire()
            if len(wire) > 512:
                reply.answer.clear()
                reply.flags |= dns.flags.TC
                wire = reply.to_wire()
            self._transport.sendto(wire, addr)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = self._reply(await reader.readexactly(size))
        if reply is not None:
            wire = reply.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def _reply(self, data: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(data)
        name, kind = (
            query.question[0].name.to_text(omit_final_dot=True),
            dns.rdatatype.to_text(query.question[0].rdtype),
        )
        self.asked[name, kind] += 1
        if kind in self.silent:
            return None
        reply = dns.message.make_response(query)
        while (alias := self._records.get((name, "CNAME"))) is not None:
            reply.answer.append(alias)
            name = alias[0].target.to_text(omit_final_dot=True)
        if kind in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in self._records:
            reply.answer.append(self._records[name, kind])
        elif not any(known == name for known, _ in self._records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply
