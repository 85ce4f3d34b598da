"""systemd is told when the service is ready, reads anew and stops, and that it lives for as long as it does."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from rtp_relay.embedded.redis_server import EmbeddedRedis
from rtp_relay.service_manager import ServiceManager
from tests.peers.peer import wait_until
from tests.rtp_relay.notified import NotifySocket
from tests.rtp_relay.serving import ControlNode


@asynccontextmanager
async def telling(manager: ServiceManager, status: list[str], lives: list[bool]) -> AsyncIterator[list[int]]:
    """Have it told how things go; what is given counts the looks at the status."""
    looks = [0]

    def condition() -> str:
        looks[0] += 1
        return status[-1]

    task = asyncio.create_task(manager.keep_told(condition, lambda: lives[-1]))
    yield looks
    assert not task.done()
    task.cancel()


async def looked(looks: list[int], more: int) -> None:
    wanted = looks[0] + more

    async def enough() -> bool:
        return looks[0] >= wanted

    await wait_until(enough, "looks at the status")


def test_without_a_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = ServiceManager.of_environment()
    manager.ready()
    manager.stopping()


@pytest.mark.parametrize("abstract", [False, True])
def test_words_are_datagrams_and_no_child_is_to_say_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    with NotifySocket(f"@{tmp_path}" if abstract else tmp_path / "notify") as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        service = ServiceManager.of_environment()
        assert {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ) == set()
        service.reloading()
        service.reloaded()
        assert manager.read() == []
        service.ready()
        before = time.monotonic() * 1e6
        service.reloading()
        service.reloaded()
        service.stopping()
        service.reloaded()
        assert manager.order() == ["READY", "RELOADING", "READY", "STOPPING"]
        assert before <= int(manager.told[1]["MONOTONIC_USEC"]) <= time.monotonic() * 1e6


async def test_signs_of_life_end_when_there_is_no_life(tmp_path: Path) -> None:
    with NotifySocket(tmp_path / "notify") as manager:
        lives, status = [True], ["ready: all well"]
        async with telling(ServiceManager(manager.address, watchdog=0.03), status, lives) as looks:
            await manager.hear("WATCHDOG=1", times=3)
            assert manager.count("STATUS=ready: all well") == 1
            status.append("not ready: the journal does not answer")
            await manager.hear(f"STATUS={status[-1]}")
            lives.append(False)
            await looked(looks, 2)
            signs = manager.count("WATCHDOG=1")
            await looked(looks, 3)
            assert manager.count("WATCHDOG=1") == signs


@pytest.mark.parametrize(("usec", "pid"), [("0", ""), ("nonsense", ""), ("", ""), ("30000", "1")])
async def test_no_signs_of_life_where_none_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str
) -> None:
    with NotifySocket(tmp_path / "notify") as manager:
        for name, value in {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}.items():
            monkeypatch.setenv(name, value)
        async with telling(ServiceManager.of_environment(), ["ready"], [True]):
            await manager.hear("STATUS=ready")
            assert manager.count("WATCHDOG=1") == 0


async def test_a_manager_that_is_gone_or_does_not_read_stops_nothing(tmp_path: Path) -> None:
    ServiceManager(str(tmp_path / "gone")).ready()
    with NotifySocket(tmp_path / "notify") as manager:
        async with telling(ServiceManager(manager.address, watchdog=0.003), ["ready"], [True]) as looks:
            await looked(looks, 40)  # more than the socket's queue takes
            await manager.hear("WATCHDOG=1", times=2)


class Notified(ControlNode):
    """A control node that systemd has started."""

    def __init__(self, address: str, *, service: str = "") -> None:
        super().__init__(service=service)
        self._address = address

    def environment(self) -> dict[str, str]:
        return super().environment() | {"NOTIFY_SOCKET": self._address, "WATCHDOG_USEC": "600000"}


@pytest.mark.parametrize("service", ["", pytest.param("workers = 2", marks=pytest.mark.e2e)])
async def test_a_service_tells_its_life(tmp_path: Path, service: str) -> None:
    with NotifySocket(tmp_path / "notify") as manager:
        async with Notified(manager.address, service=service) as node:
            await manager.hear("READY=1")
            assert await node.ready()
            what = "2 of 2 workers serve calls" if service else "2 of 2 relay nodes take commands"
            await manager.hear(f"STATUS=ready: {what}")
            await manager.hear("WATCHDOG=1", times=2)
            # Nobody else has the manager's socket: a child's word would be taken for the service's.
            started = [child for child in psutil.Process(node.pid).children() if child.is_running()]
            assert started
            assert [child for child in started if "NOTIFY_SOCKET" in child.environ()] == []
            assert EmbeddedRedis(node.folder).runs()
            os.kill(node.pid, signal.SIGHUP)
            await manager.hear("READY=1", times=2)
            os.kill(node.pid, signal.SIGTERM)
            assert await node.ended(20) == 0
        assert manager.order() == ["READY", "RELOADING", "READY", "STOPPING"]
