"""Floods of requests at each of the doors: calls that come to nothing, requests of no call, and rubbish."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.e2e.sip.crowd import Crowd
from tests.e2e.sip.streams import Streams
from tests.peers.ng_client import NgClient
from tests.peers.ports import HOST
from tests.peers.rtp import make_sdp
from tests.peers.service import Service

CLIENTS = 10
AT_A_TIME = 100
SDP = make_sdp((HOST, 9000))


class Silence(asyncio.DatagramProtocol):
    """One who never answers."""


@dataclass(frozen=True, slots=True)
class Flooders:
    """Who floods `service`. nobody: a SIP URI at which nobody answers."""

    service: Service
    crowd: Crowd
    nobody: str


Flood = Callable[[Flooders, int], Awaitable[None]]

_NUMBERS = itertools.count(1)


@asynccontextmanager
async def flooders(service: Service) -> AsyncIterator[Flooders]:
    """Return those who flood a service."""
    loop = asyncio.get_running_loop()
    silence, _ = await loop.create_datagram_endpoint(Silence, local_addr=(HOST, 0))
    try:
        async with Crowd((HOST, service.sip_port), "rtpengine") as crowd:
            yield Flooders(service, crowd, f"sip:nobody@{HOST}:{silence.get_extra_info('sockname')[1]}")
    finally:
        silence.close()


async def busy_calls(by: Flooders, count: int) -> None:
    """Place calls whose callees are busy."""
    await _ask(by, [by.crowd.request("INVITE") for _ in range(count)])


async def calls_nobody_answers(by: Flooders, count: int) -> None:
    """Place calls to who is not there."""
    await _ask(by, [by.crowd.request("INVITE", by.nobody) for _ in range(count)])


async def stray_byes(by: Flooders, count: int) -> None:
    """Send BYEs of no call, which nobody answers."""
    for number in range(count):
        by.crowd.send(in_dialog(by.crowd.request("BYE", by.nobody)), by.crowd.door)
        if number % AT_A_TIME == 0:
            await by.crowd.served()
    await by.crowd.served()


async def answered_byes(by: Flooders, count: int) -> None:
    """Send BYEs of no call, which are answered."""
    await _ask(by, [in_dialog(by.crowd.request("BYE")) for _ in range(count)])


async def sip_rubbish(by: Flooders, count: int) -> None:
    """Send what is cut off in its midst, and requests that are refused at once."""
    for _ in range(count):
        by.crowd.send(by.crowd.request("INVITE", by.nobody)[:200], by.crowd.door)
        await by.crowd.served()


async def byes_over_tcp(by: Flooders, count: int) -> None:
    """Send BYEs of no call over a connection each ten, which is cut in the midst of the next one."""
    async with Streams(by.crowd.door) as streams:
        for _ in range(max(1, count // 10)):
            reader, writer = await streams.open()
            byes = [in_dialog(by.crowd.request("BYE", by.nobody)) for _ in range(10)]
            writer.write(over_tcp(b"".join([*byes, by.crowd.harmless()])))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(by.crowd.request("INVITE")[:100])
            await writer.drain()
        await by.crowd.served()


async def ng_over_udp(by: Flooders, count: int) -> None:
    """Place calls by ng, ask for those that are not there, and send what is no request."""
    await _ng(by, count, tcp=False, rubbish=b"d7:command5:offer")


async def ng_over_tcp(by: Flooders, count: int) -> None:
    """Do the same over TCP."""
    await _ng(by, count, tcp=True, rubbish=b"d7:command7:unknowne")


FLOODS: tuple[Flood, ...] = (
    busy_calls,
    calls_nobody_answers,
    stray_byes,
    answered_byes,
    sip_rubbish,
    byes_over_tcp,
    ng_over_udp,
    ng_over_tcp,
)


async def _ask(by: Flooders, requests: Sequence[bytes]) -> None:
    for first in range(0, len(requests), AT_A_TIME):
        by.crowd.ask(*requests[first : first + AT_A_TIME])
        await by.crowd.answered()


async def _ng(by: Flooders, count: int, *, tcp: bool, rubbish: bytes) -> None:
    async def some() -> None:
        async with by.service.client(tcp=tcp) as client:
            for _ in range(max(1, count // CLIENTS)):
                await _call(client, rubbish)

    await asyncio.gather(*(some() for _ in range(CLIENTS)))


async def _call(client: NgClient, rubbish: bytes) -> None:
    call_id = f"flood-{next(_NUMBERS)}"
    await client.command("offer", call_id=call_id, from_tag="a", sdp=SDP)
    await client.command("delete", call_id=call_id, from_tag="a")
    await client.command("query", call_id=f"{call_id}-unknown")
    await client.exchange(rubbish)


def over_tcp(requests: bytes) -> bytes:
    """Return requests with Vias that say TCP."""
    return requests.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


def in_dialog(request: bytes) -> bytes:
    """Return a request a To tag."""
    return request.replace(b"\r\nCall-ID", b";tag=callee\r\nCall-ID", 1)
