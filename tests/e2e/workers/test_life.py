"""The life of a service with workers: begin, end, crash of the supervisor, and configurations that do not work."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from rtp_relay.cli.exits import Exit
from rtp_relay.embedded.redis_server import EmbeddedRedis
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.rtp import make_sdp
from tests.rtp_relay.serving import ControlNode, serve

pytestmark = pytest.mark.e2e

TWO = "workers = 2"
SDP = make_sdp((HOST, 4000))


def workers(node: ControlNode) -> list[int]:
    return [child.pid for child in psutil.Process(node.pid).children() if "rtp_relay.workers.worker" in child.cmdline()]


async def all_ready(node: ControlNode, times: int = 1) -> list[int]:
    async def told() -> bool:
        return [line["event"] for line in node.logged()].count("all workers are ready") == times

    await wait_until(told, "all workers are ready")
    return workers(node)


async def all_gone(pids: list[int]) -> None:
    async def gone() -> bool:
        return not any(psutil.pid_exists(pid) for pid in pids)

    await wait_until(gone, "the workers have ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_orderly_stop_ends_all_workers_and_what_is_embedded(number: signal.Signals) -> None:
    async with ControlNode(service=TWO) as node:
        pids = await all_ready(node)
        assert len(pids) == 2
        os.kill(node.pid, number)
        assert await node.ended(10) == 0
        await all_gone(pids)
        assert not EmbeddedRedis(node.folder).runs()
        events = [line["event"] for line in node.logged() if line.get("worker") is None]
        assert events == ["all workers are ready", "stopping", "stopped"]


async def test_systemd_may_signal_all_processes_of_the_service() -> None:
    async with ControlNode(service=TWO) as node:
        pids = await all_ready(node)
        for pid in [*pids, node.pid]:
            os.kill(pid, signal.SIGTERM)
        assert await node.ended(10) == 0
        await all_gone(pids)


async def test_workers_end_with_a_supervisor_that_was_killed_and_the_next_one_goes_on() -> None:
    async with ControlNode(service=TWO) as node, NgClient(node.address) as client:
        pids = await all_ready(node)
        await client.command("offer", call_id="c", from_tag="a", sdp=SDP)
        os.kill(node.pid, signal.SIGKILL)
        await node.ended(10)
        await all_gone(pids)
        await node.start()
        reply = await client.command("answer", call_id="c", from_tag="a", to_tag="b", sdp=SDP)
        assert reply[b"result"] == b"ok"
        assert (await client.command("delete", call_id="c", from_tag="a"))[b"result"] == b"ok"


async def test_sighup_reaches_all_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from rtp_relay.routing import *\n\n@on_request\ndef route(request):\n    request.reply(404)\n")
    sip = f'[sip]\nlisten = ["udp:{HOST}:0"]\nscript = "{script}"\n'
    async with ControlNode(sip, service=TWO) as node:
        await all_ready(node)
        os.kill(node.pid, signal.SIGHUP)

        async def read() -> bool:
            return {line["worker"] for line in node.logged() if line["event"] == "reloaded"} == {1, 2}

        await wait_until(read, "both have read it anew")


async def test_sighup_that_comes_while_workers_start_is_heeded_when_they_have(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from rtp_relay.routing import *\n\n@on_request\ndef route(request):\n    request.reply(404)\n")
    sip = f'[sip]\nlisten = ["udp:{HOST}:0"]\nscript = "{script}"\n'
    async with ControlNode(sip, service=TWO) as node:  # the first one answers, the other one starts
        os.kill(node.pid, signal.SIGHUP)
        await all_ready(node)

        async def read() -> bool:
            return {line["worker"] for line in node.logged() if line["event"] == "reloaded"} == {1, 2}

        await wait_until(read, "both have read it anew")


def write(folder: Path, more: str, port: int) -> Path:
    file = folder / "rtp-relay.toml"
    service = f'[service]\nstate_dir = "{folder}"\nworkers = 3\n'
    journal = f'[journal]\nurl = "unix://{folder}/nobody.sock"\nwait = 0\n'
    node = '[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "udp:127.0.0.1:9"\n'
    file.write_text(f'{service}{journal}[ng]\nlisten = ["udp:{HOST}:{port}"]\n{more}{node}')
    return file


def refusal(file: Path, code: int) -> str:
    """Return the one line that a service which does not start has to say, however many workers it was to have."""
    ended = serve(file)
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


def test_an_address_that_is_in_use_is_said_once(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        line = refusal(write(tmp_path, "", port), Exit.FAILED)
    assert line == f"rtp-relay: the ng door cannot listen on udp:{HOST}:{port}: Address already in use"


def test_a_journal_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    assert "cannot be reached" in refusal(write(tmp_path, "", 0), Exit.UNREACHABLE)


async def test_another_service_cannot_take_the_addresses_of_workers() -> None:
    async with ControlNode(service=TWO) as node:
        await all_ready(node)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
            other.bind(node.address)
        config = node.file.read_text().replace(str(node.folder), f"{node.folder}/other")
        second = node.folder / "second.toml"
        second.write_text(config)
        line = refusal(second, Exit.FAILED)
        assert "cannot listen on" in line
