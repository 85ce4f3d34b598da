"""A service that cannot start says why in one line, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from rtp_relay.assembly.embedded_nodes import end_all
from rtp_relay.assembly.errors import StartError, UnreachableError, UnusableError
from rtp_relay.assembly.journal import service_journal
from rtp_relay.cli.exits import Exit
from rtp_relay.config import load
from rtp_relay.embedded.redis_server import EmbeddedRedis
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.rtp_relay.serving import ControlNode, serve

NODE = '[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "udp:127.0.0.1:9"\n'


def test_exit_codes_are_those_of_the_command_line() -> None:
    codes = (StartError.code, UnusableError.code, UnreachableError.code)
    assert codes == (Exit.FAILED, Exit.USAGE, Exit.UNREACHABLE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short name, as the paths of UNIX sockets need it."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)
        end_all(Path(made))


def write(folder: Path, more: str, *, state_dir: str = "", port: int = 0) -> Path:
    file = folder / "rtp-relay.toml"
    service = f'[service]\nstate_dir = "{state_dir or folder}"\n'
    file.write_text(f'{service}[ng]\nlisten = ["udp:{HOST}:{port}"]\n{more}')
    return file


def refusal(file: Path, code: int) -> str:
    """Return the one line that a service which does not start has to say."""
    ended = serve(file)
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.e2e
def test_no_redis_at_the_url(folder: Path) -> None:
    file = write(folder, f'{NODE}[journal]\nurl = "unix://:secret@{folder}/nobody.sock"\nwait = 0\n')
    line = refusal(file, 4)
    assert line.startswith(f"rtp-relay: the journal at 'unix://***@{folder}/nobody.sock' cannot be reached: ")


@pytest.mark.e2e
async def test_a_redis_that_holds_something_else(folder: Path) -> None:
    async with RedisServer() as redis:
        client = redis.client()
        await client.set("rtp-relay:journal", "something else")
        await client.aclose()
        line = refusal(write(folder, f'{NODE}[journal]\nurl = "{redis.url}"\n'), 2)
    assert line.startswith("rtp-relay: the journal at ")
    assert "cannot be used" in line


@pytest.mark.e2e
async def test_a_redis_that_refuses_is_waited_for(folder: Path) -> None:
    async with RedisServer() as redis, redis.client() as client:
        more = f'{NODE}[journal]\nurl = "{redis.url}"\n'
        await client.config_set("maxmemory", "1")
        line = refusal(write(folder, f"{more}wait = 0\n"), 4)
        assert line.startswith("rtp-relay: the journal at ")
        assert "cannot be used now: a journal cannot be begun here: OOM command not allowed" in line
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(_give_memory(client))
            async with service_journal(load(write(folder, more)), redis.url) as journal:
                assert await journal.time()


async def _give_memory(client: Redis) -> None:
    await asyncio.sleep(0.5)
    await client.config_set("maxmemory", "0")


@pytest.mark.e2e
def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 0))
        port = other.getsockname()[1]
        line = refusal(write(folder, NODE, port=port), 1)
    assert line == f"rtp-relay: the ng door cannot listen on udp:{HOST}:{port}: Address already in use"
    assert not EmbeddedRedis(folder).runs()


@pytest.mark.e2e
def test_a_node_whose_name_has_no_address(folder: Path) -> None:
    line = refusal(write(folder, NODE.replace("127.0.0.1", "relay.invalid")), 1)
    assert line.startswith("rtp-relay: node relay-1 at udp:relay.invalid:9: ")
    assert not EmbeddedRedis(folder).runs()


@pytest.mark.e2e
def test_a_state_directory_that_is_none(folder: Path) -> None:
    (folder / "file").touch()
    line = refusal(write(folder, NODE, state_dir=f"{folder}/file/state"), 1)
    assert line == f"rtp-relay: the state directory {folder}/file/state cannot be used: Not a directory"


@pytest.mark.e2e
def test_too_few_media_ports(folder: Path) -> None:
    line = refusal(write(folder, '[embedded]\nrelays = 4\nmedia_ports = "30000-30009"\n'), 1)
    assert line == "rtp-relay: embedded.media_ports: 30000-30009 has too few ports for 4 relays"
    assert not EmbeddedRedis(folder).runs()


@pytest.mark.e2e
async def test_two_services_with_one_state_directory() -> None:
    async with ControlNode() as first:
        line = refusal(first.file, 1)
        assert line.startswith("rtp-relay: another service (process ")
        assert f"uses the state directory {first.folder}:" in line
        assert await first.ready()


@pytest.mark.e2e
async def test_a_failed_start_leaves_what_an_earlier_service_left() -> None:
    async with ControlNode() as node:
        node.kill()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(node.address)
            refusal(node.file, 1)
        assert EmbeddedRedis(node.folder).runs()
        assert len(list(node.folder.glob("relay-*.json"))) == 2
        await node.start()
