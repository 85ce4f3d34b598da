"""What a flood leaves behind in the memory of a control node, without help of the garbage collector: nothing."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import pytest_asyncio

from tests.e2e.sip.crowd import Crowd
from tests.e2e.sip.inside import Inside
from tests.e2e.sip.stage import AS_ASKED, database
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

OURS = ("gateways", "actors", "events", "replay", "engines", "sipmessage")
AT_A_TIME = 100
T1 = 0.02
AT_REST = "no transaction is known, and no call is resident"


class Silence(asyncio.DatagramProtocol):
    """One who never answers."""


@pytest_asyncio.fixture(loop_scope="package")
async def node(own_redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Inside]:
    nodes = [Node(f"{engine}-1", relay) for engine, relay in relays.items()]
    quick: Table = {"passivate_after": 0.1}
    sip: Table = {"script": str(AS_ASKED), "t1": T1}
    async with Inside(database(own_redis, 5), nodes, settings={"service": quick}, sip=sip) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="package")
async def crowd(node: Inside) -> AsyncIterator[Crowd]:
    async with Crowd((HOST, node.sip_port), "rtpengine") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="package")
async def nobody() -> AsyncIterator[str]:
    """A SIP URI at which nobody answers."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Silence, local_addr=(HOST, 0))
    yield f"sip:nobody@{HOST}:{transport.get_extra_info('sockname')[1]}"
    transport.close()


async def busy_calls(crowd: Crowd, _nobody: str) -> None:
    crowd.call(AT_A_TIME)
    await crowd.answered()


async def calls_nobody_answers(crowd: Crowd, nobody: str) -> None:
    crowd.ask(*(crowd.request("INVITE", nobody) for _ in range(AT_A_TIME)))
    await crowd.answered()


async def stray_byes(crowd: Crowd, nobody: str) -> None:
    for _ in range(AT_A_TIME):
        crowd.send(in_dialog(crowd.request("BYE", nobody)), crowd.door)
    await crowd.served()


async def byes_that_are_answered(crowd: Crowd, _nobody: str) -> None:
    crowd.ask(*(in_dialog(crowd.request("BYE")) for _ in range(AT_A_TIME)))
    await crowd.answered()


async def refused_requests(crowd: Crowd, _nobody: str) -> None:
    for _ in range(AT_A_TIME // 10):
        await crowd.served()


async def rubbish(crowd: Crowd, nobody: str) -> None:
    for _ in range(AT_A_TIME):
        crowd.send(crowd.request("INVITE", nobody)[:200], crowd.door)
    await crowd.served()


def in_dialog(request: bytes) -> bytes:
    """Give a request a To tag."""
    head, _, rest = request.partition(b"\r\nTo: ")
    to, _, rest = rest.partition(b"\r\n")
    return head + b"\r\nTo: " + to + b";tag=callee\r\n" + rest


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def living() -> Counter[str]:
    """Count the objects of our own kinds."""
    kinds = (type(each) for each in gc.get_objects())
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(OURS))


@pytest.mark.parametrize(
    "flood",
    [busy_calls, calls_nobody_answers, stray_byes, byes_that_are_answered, refused_requests, rubbish],
    ids=lambda flood: flood.__name__,
)
async def test_what_has_ended_leaves_memory_by_itself(
    node: Inside, crowd: Crowd, nobody: str, flood: Callable[[Crowd, str], Awaitable[None]]
) -> None:
    await flood(crowd, nobody)  # what is made once is there now
    await wait_until(node.at_rest, AT_REST)
    with no_collector():
        before = living()
        await flood(crowd, nobody)
        await wait_until(node.at_rest, AT_REST)
        more = living() - before
    assert not more, more.most_common(20)
