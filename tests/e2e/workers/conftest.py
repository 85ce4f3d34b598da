"""A service with workers and a SIP door, a relay, and what a test needs to kill one of its workers."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.sip.stage import AS_ASKED, Stage
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service, Table


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of a service."""

    service: Service

    async def server_of(self, call_id: str) -> str:
        """Return the worker that wrote the last entry of a call's journal."""
        return (await self.service.events(call_id))[-1].by

    async def kill(self, worker: str) -> int:
        """Kill a worker; return its process id."""
        pid = self.service.workers()[worker]
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def hanging(self, worker: str) -> Iterator[None]:
        """Stop a worker, and have it go on at the end."""
        pid = self.service.workers()[worker]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def back(self, worker: str, times: int = 1) -> None:
        """Wait until a worker that was killed `times` times is at work again."""

        async def there() -> bool:
            lines = [line for line in self.service.log(100_000).splitlines() if '"event": "ready"' in line]
            return sum(f'"{worker}"' in line for line in lines) == times + 1

        await wait_until(there, f"{worker} is at work again")


class Beginning(Service):
    """A service that is taken for ready as soon as its first worker is."""

    async def ready(self) -> bool:
        """Return whether a worker answers."""
        return await self.answers()

    async def is_whole(self) -> bool:
        """Return whether all workers are there."""
        return await super().ready()


@asynccontextmanager
async def on_sip_stage(kind: type[Service] = Service) -> AsyncIterator[Stage]:
    """Return a stage with two workers behind its SIP door."""
    async with RedisServer() as redis, Rtpengine() as relay:
        settings: Mapping[str, Table] = {"service": {"workers": 2, "log_format": "json"}}
        node = Node("relay-1", relay)
        async with kind(redis.url, [node], settings=settings, sip={"script": str(AS_ASKED)}) as service:
            yield Stage(service, {"rtpengine": relay}, "rtpengine")


@pytest.fixture
async def sip_stage() -> AsyncIterator[Stage]:
    """Return a stage with two workers behind its SIP door, all of them at work."""
    async with on_sip_stage() as stage:
        yield stage


@pytest.fixture
def workers(sip_stage: Stage) -> Workers:
    """Return its workers."""
    return Workers(sip_stage.service)
