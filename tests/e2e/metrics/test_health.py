"""What an orchestrator asks, from the start of a service to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
from aiohttp import ClientError, ClientSession

from rtp_relay.assembly.http import open_http
from rtp_relay.config.http import USUAL, HttpConfig
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service

pytestmark = pytest.mark.e2e


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """Return an HTTP client."""
    async with ClientSession() as session:
        yield session


async def asked(client: ClientSession, service: Service, path: str) -> tuple[int, list[str]]:
    """Return a status and lines; 0 and none if nobody answers."""
    try:
        async with client.get(service.http + path) as response:
            return response.status, (await response.text()).splitlines()
    except (ClientError, ConnectionError):
        return 0, []


async def test_it_lives_all_along_and_is_ready_while_all_is_there(client: ClientSession) -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        service = Service(redis.url, [Node("relay-1", relay)], sip={})
        async with service:
            ready = ["ready", "service: ok", "journal: ok", "ng door: ok", "nodes of the ng door: ok"]
            ready += ["sip door: ok", "nodes of the sip door: ok"]
            assert await asked(client, service, "/readyz") == (200, ready)

            async def tells(line: str) -> bool:
                status, lines = await asked(client, service, "/readyz")
                return status == 503 and lines[0] == "not ready" and line in lines

            os.kill(redis.pid, signal.SIGSTOP)
            await wait_until(lambda: tells("journal: does not answer"), "it is not ready without Redis")
            assert await asked(client, service, "/healthz") == (200, ["ok"])
            os.kill(redis.pid, signal.SIGCONT)

            async def is_ready() -> bool:
                return (await asked(client, service, "/readyz"))[0] == 200

            await wait_until(is_ready, "it is ready again")
            relay.kill()
            await wait_until(lambda: tells("nodes of the ng door: none takes commands"), "it needs a relay")


async def test_it_says_why_redis_refuses_at_the_start_and_later(client: ClientSession) -> None:
    async with RedisServer() as redis, Rtpproxy() as relay, redis.client() as setting:
        await setting.config_set("maxmemory", "1")
        full = "journal: cannot be used now: a journal cannot be begun here: OOM command not allowed"
        few = "journal: cannot be used now: Redis refuses: NOREPLICAS Not enough good replicas to write"
        async with Waiting(redis.url, [Node("relay-1", relay)]) as service:

            async def tells(text: str) -> bool:
                status, lines = await asked(client, service, "/readyz")
                return status == 503 and any(line.startswith(text) for line in lines)

            async def is_ready() -> bool:
                return (await asked(client, service, "/readyz"))[0] == 200

            await wait_until(lambda: tells(full), "it says what it waits for")
            await setting.config_set("maxmemory", "0")
            await wait_until(is_ready, "it is ready")
            await setting.config_set("min-replicas-to-write", "1")
            await wait_until(lambda: tells(few), "it says what is refused")
            await setting.config_set("min-replicas-to-write", "0")
            await wait_until(is_ready, "it is ready again")


async def test_it_is_not_ready_where_nothing_is_as_durable_as_was_asked_for(client: ClientSession) -> None:
    """Each request would fail, so SIP servers have to learn of it from `ping`, as they do without Redis."""
    async with RedisServer() as redis, Rtpproxy() as relay:
        replica = RedisServer(args=["--replicaof", HOST, str(redis.port)])
        async with replica:
            service = Service(redis.url, [Node("relay-1", relay)], settings={"journal": {"durability": "replica"}})
            async with service, NgClient(service.address, tries=1, timeout=5) as ng:

                async def is_ready(*, wanted: bool) -> bool:
                    status, lines = await asked(client, service, "/readyz")
                    told = "journal: does not confirm what is written" in lines
                    pong = (await ng.command("ping")).get(b"result") == b"pong"
                    return (status == 200, not told, pong) == (wanted,) * 3

                await wait_until(partial(is_ready, wanted=True), "it is ready with the replica")
                replica.kill()
                await wait_until(partial(is_ready, wanted=False), "it is not ready without")
                await replica.restart()
                await wait_until(partial(is_ready, wanted=True), "it is ready again")


class Waiting(Service):
    """A service that is taken for ready as soon as it says that it lives."""

    async def ready(self) -> bool:
        """Return whether it lives."""
        async with ClientSession() as client:
            return await asked(client, self, "/healthz") == (200, ["ok"])


async def test_while_it_waits_for_redis_it_lives_and_is_not_ready(client: ClientSession) -> None:
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        url = f"redis://{HOST}:{nobody.getsockname()[1]}"
        async with Rtpproxy() as relay, Waiting(url, [Node("relay-1", relay)]) as service:
            status, lines = await asked(client, service, "/readyz")
            assert status == 503
            assert lines[:4] == ["not ready", "service: starting", "journal: does not answer", "ng door: not open"]


async def test_any_worker_answers_at_one_address() -> None:
    two = {"service": {"workers": 2}}
    async with (
        RedisServer() as redis,
        Rtpproxy() as relay,
        Service(redis.url, [Node("relay-1", relay)], settings=two) as service,
    ):
        for _ in range(10):  # each connection may come to another one
            async with ClientSession() as once:
                assert (await asked(once, service, "/readyz"))[0] == 200


async def test_the_usual_address_is_left_to_who_has_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody has it already: as well
            other.bind((USUAL.host, USUAL.port))
            other.listen()
        server = await open_http(HttpConfig())
        assert server.addresses == []
        await server.close()
