"""How long datagrams have waited in the kernel."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from actors.sockets.reading import Control, take_some
from gateways.datagrams import stamp, waited


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        other.connect(one.getsockname())
        yield one, other


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone is asked for it")
async def test_the_kernel_stamps_datagrams(sockets: tuple[socket.socket, socket.socket]) -> None:
    waits: list[float] = []
    here, there = sockets
    stamp(here)
    async with asyncio.timeout(10):
        while not any(waits):  # it begins a little later
            there.send(b"x")
            take_some(here, lambda _datagram, control, _address: waits.append(waited(control)))
            await asyncio.sleep(0)


@pytest.mark.parametrize(("stamped", "wait"), [(1000, 5.0), (1005, 0.0), (1010, 0.0)])
def test_the_wait_is_the_time_since_the_stamp(stamped: int, wait: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1005.0)
    control = (socket.SOL_SOCKET, 64, struct.pack("@qq", stamped, 0))
    assert waited([(0, 0, b""), control]) == wait


def test_without_a_stamp_it_is_not_known(sockets: tuple[socket.socket, socket.socket]) -> None:
    controls: list[Control] = []
    here, there = sockets
    there.send(b"x")
    take_some(here, lambda _datagram, control, _address: controls.append(control))
    assert [waited(control) for control in controls] == [0.0]
