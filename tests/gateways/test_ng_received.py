"""When a request was received: by the kernel's stamp of a datagram, by the loop's standstill of a stream."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from dataclasses import dataclass

import pytest

from gateways.datagrams import stamp, waited
from gateways.ng.standstill import BEAT, Standstill
from tests.gateways.doors import QUERY
from tests.gateways.test_ng_door import TCP, UDP, opened
from tests.peers.datagram import DatagramSocket
from tests.peers.ports import HOST

STOOD = 2.5
MOMENT = 0.05


@dataclass
class Clock:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_what_comes_while_the_loop_runs_has_not_waited() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    for _ in range(5):
        clock.seconds += BEAT
        standstill.beat()
    clock.seconds += BEAT / 2
    assert standstill.waited() == 0


@pytest.mark.parametrize("beats_first", [False, True])
def test_what_is_read_after_a_standstill_may_have_come_at_its_begin(beats_first: bool) -> None:
    clock = Clock()
    standstill = Standstill(clock)
    clock.seconds += 30
    if beats_first:
        standstill.beat()
    assert standstill.waited() == 30
    standstill.beat()
    clock.seconds += BEAT
    standstill.beat()
    clock.seconds += BEAT / 2
    assert standstill.waited() == 0


def wait_for_stamps() -> None:
    """Wait until the kernel stamps what it receives: it begins to a little after the first socket has asked for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        stamp(sock)
        for _ in range(100):
            sock.sendto(b"", sock.getsockname())
            time.sleep(MOMENT)
            _, control, _, _ = sock.recvmsg(1, 256)
            if waited(control) >= MOMENT / 2:
                return
    pytest.fail("the kernel stamps nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps datagrams")
async def test_a_datagram_was_received_when_the_kernel_had_it() -> None:
    async with opened(UDP) as there, DatagramSocket() as client:
        wait_for_stamps()
        client.send(b"1 " + QUERY, there.address)
        time.sleep(STOOD)  # noqa: ASYNC251 - the loop stands still
        await client.received.get()
        (command,) = there.calls.commands
        assert command.received_at <= 1 - STOOD * 1000 + 500  # the door's clock stands at 1


async def test_what_came_on_a_stream_while_the_loop_stood_still_may_be_that_old() -> None:
    async with opened(TCP) as there:
        reader, writer = await asyncio.open_connection(*there.address)
        await asyncio.sleep(0)
        writer.write(b"1 " + QUERY)
        time.sleep(STOOD)  # noqa: ASYNC251 - the loop stands still
        await reader.read(1)
        writer.close()
        (command,) = there.calls.commands
        assert command.received_at <= 1 - STOOD * 1000 + 500
