"""What floods leave behind in the memory of a control node when all of it has ended: nothing."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

import psutil
import pytest
import pytest_asyncio

from engines.sdp.session import parse_once
from tests.e2e.sip.floods import FLOODS, Flood, Flooders, flooders
from tests.e2e.sip.inside import Inside
from tests.e2e.sip.stage import AS_ASKED, database
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

OURS = ("gateways", "actors", "events", "replay", "engines", "sipmessage")
"""Where the kinds of objects are from that are counted."""

FOR_EACH_DURATION = "gateways.sip.transactions.alarms._Queue"
"""There is one for each duration of a timer that was ever set."""

FEW, MANY = 100, 500
QUICK: dict[str, Table] = {"service": {"passivate_after": 0.1}}
AT_REST = "no transaction is known, and no call is resident"


SPARE = 24 * 1024 * 1024
"""Bytes more for floods that are quicker than the first ones: there are more transactions at a time then."""

T1 = 0.02
"""Seconds; a transaction is kept for up to 64 of them."""


def quick_sip() -> Table:
    return {"script": str(AS_ASKED), "t1": T1}


def nodes(relays: Mapping[str, Relay]) -> list[Node]:
    return [Node(f"{engine}-1", relay) for engine, relay in relays.items()]


@pytest_asyncio.fixture(loop_scope="package")
async def inside(own_redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Inside]:
    async with Inside(database(own_redis, 5), nodes(relays), settings=QUICK, sip=quick_sip()) as node:
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def outside(own_redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Service]:
    async with Service(database(own_redis, 6), nodes(relays), settings=QUICK, sip=quick_sip()) as node:
        yield node


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def living() -> Counter[str]:
    """Count the objects of our own kinds, without the session descriptions that are remembered."""
    parse_once.cache_clear()
    kinds = (type(each) for each in gc.get_objects())
    return Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(OURS))


def resident_bytes(service: Service) -> int:
    """Return the memory that a service takes."""
    assert service._process is not None
    return int(psutil.Process(service._process.pid).memory_info().rss)


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
async def test_what_has_ended_is_freed_without_a_search_for_cycles(inside: Inside, flood: Flood) -> None:
    async with flooders(inside) as by:
        await flood(by, FEW)  # what is made once is there now
        await wait_until(inside.at_rest, AT_REST)
        with no_collector():
            before = living()
            await flood(by, FEW)
            await wait_until(inside.at_rest, AT_REST)
            more = await kept(before)
    assert not more, more.most_common(20)


async def kept(before: Counter[str]) -> Counter[str]:
    """Return the objects that there are more of for long: what a control node asks all the time is soon answered."""
    for _ in range(50):
        more = living() - before
        more.pop(FOR_EACH_DURATION, None)
        if not more:
            break
        await asyncio.sleep(0.1)
    return more


async def flooded(by: Flooders, flood: Flood) -> int:
    """Flood until as many transactions end as begin, and return how many floods that took."""
    loop = asyncio.get_running_loop()
    until = loop.time() + 2 * 64 * T1
    floods = 0
    while floods < 3 or loop.time() < until:
        await flood(by, MANY)
        floods += 1
    return floods


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
async def test_a_flood_after_others_takes_no_more_memory(outside: Service, flood: Flood) -> None:
    async with flooders(outside) as by:
        floods = await flooded(by, flood)
        before = resident_bytes(outside)
        for _ in range(2 * floods):
            await flood(by, MANY)

        async def as_before() -> bool:
            return resident_bytes(outside) - before < SPARE

        await wait_until(as_before, "its memory is what it was after the first floods", 60)
