"""How long datagrams have waited in the kernel."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateways.datagrams import Control, stamp, take_some, waited


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        other.connect(one.getsockname())
        yield one, other


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone is asked for it")
async def test_the_wait_of_a_datagram_is_told(sockets: tuple[socket.socket, socket.socket]) -> None:
    def take(_datagram: bytes, control: Control, _address: object) -> None:
        waits.append(waited(control))

    waits: list[float] = []
    here, there = sockets
    stamp(here)
    async with asyncio.timeout(10):
        while not any(waits):  # the kernel begins a little later
            began = time.monotonic()
            there.send(b"x")
            await asyncio.sleep(0.02)  # no event: it is what the datagram waits
            take_some(here, take)
    assert 0.01 < waits[-1] <= time.monotonic() - began + 0.01


def test_without_a_stamp_it_is_not_known(sockets: tuple[socket.socket, socket.socket]) -> None:
    controls: list[Control] = []
    here, there = sockets
    there.send(b"x")
    take_some(here, lambda _datagram, control, _address: controls.append(control))
    assert [waited(control) for control in controls] == [0.0]
