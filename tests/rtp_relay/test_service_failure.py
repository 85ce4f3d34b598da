"""What fails without which the service is none ends it; what comes back does not."""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
from functools import partial
from pathlib import Path

import pytest

from actors.due_poller import DuePoller
from rtp_relay import process
from rtp_relay.assembly.background import Background
from rtp_relay.assembly.errors import StartError
from rtp_relay.bounded_rate import BoundedRate
from rtp_relay.config import Config, parse
from rtp_relay.embedded.redis_server import EmbeddedRedis
from rtp_relay.service import Service
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.rtpproxy import Rtpproxy


def config(redis: RedisServer, relay: Rtpproxy, sip: int = 0, ng: int = 0) -> Config:
    text = (
        f'[service]\nlog_level = "error"\n[ng]\nlisten = ["udp:{HOST}:{ng}"]\n'
        + (f'[sip]\nlisten = ["udp:{HOST}:{sip}"]\nnext_hop = "sip:{HOST}:9"\n' if sip else "")
        + f'[journal]\nurl = "{redis.url}"\n'
        f'[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "{relay.url}"\n'
    )
    return parse(text, Path("rtp-relay.toml"))


async def is_ready(made: Service, *, wanted: bool = True) -> bool:
    return made.ready is wanted


async def test_a_task_that_fails_is_told_of() -> None:
    async def fail() -> None:
        raise ValueError("of its own")

    async def go_on() -> None:
        await asyncio.Event().wait()

    background = Background()
    background.run("one", go_on())
    background.run("other", fail())
    with pytest.raises(RuntimeError, match=r"other failed: ValueError\('of its own'\)"):
        await background.failure()
    await background.close()


async def test_a_task_that_ends_has_failed() -> None:
    async def end() -> None:
        pass

    background = Background()
    background.run("short", end())
    with pytest.raises(RuntimeError, match=r"short failed: .*it ended"):
        await background.failure()


@pytest.mark.e2e
async def test_a_service_inside_a_program() -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        made = Service(config(redis, relay))
        assert (made.ready, made.ng_addresses) == (False, [])
        await made.start()
        assert made.ready
        ((transport, host, port),) = made.ng_addresses
        assert transport == "udp"
        async with NgClient((host, port)) as client:
            assert (await client.command("ping"))[b"result"] == b"pong"
            await made.stop()
            assert (made.ready, made.ng_addresses) == (False, [])
            await made.stop()


@pytest.mark.e2e
async def test_a_service_that_cannot_open_one_door_has_closed_the_other(ports: PortBlock) -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind((HOST, 0))
            at = {"ng": ports.take(), "sip": other.getsockname()[1]}
            made = Service(config(redis, relay, sip=at["sip"], ng=at["ng"]))
            with pytest.raises(StartError, match="the SIP door cannot listen"):
                await made.start()
        assert made.ng_addresses == []
        for port in at.values():
            with socket.socket(type=socket.SOCK_DGRAM) as again:
                again.bind((HOST, port))


@pytest.mark.e2e
async def test_it_is_not_ready_without_its_journal_and_ready_when_that_is_back() -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        made = Service(config(redis, relay))
        await made.start()
        redis.kill()
        await wait_until(partial(is_ready, made, wanted=False), "it is not ready")
        ((_, host, port),) = made.ng_addresses
        async with NgClient((host, port)) as client:
            assert (await client.command("ping"))[b"result"] == b"error"
        await redis.start()
        await wait_until(partial(is_ready, made), "it is ready again")
        await made.stop()


@pytest.mark.e2e
async def test_a_failed_background_task_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: DuePoller) -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(DuePoller, "poll", fail)
    async with RedisServer() as redis, Rtpproxy() as relay:
        try:
            assert await process.serve(config(redis, relay), BoundedRate()) == 1
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)


@pytest.mark.e2e
async def test_a_service_with_everything_embedded_inside_a_program() -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = f'[service]\nstate_dir = "{folder}"\n[ng]\nlisten = []\n[embedded]\nmedia_ports = "33000-33999"\n'
        made = Service(parse(text, Path(folder) / "rtp-relay.toml"))
        await made.start()
        assert made.ready
        assert EmbeddedRedis(Path(folder)).runs()
        await made.stop()
        assert not EmbeddedRedis(Path(folder)).runs()
