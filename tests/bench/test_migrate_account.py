"""The bench of moves finds what went wrong: packets lost, late, out of order, twice, and silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.migrate.account import Direction, PacketLog
from bench.migrate.options import Media, Nat
from bench.migrate.streams import Stream
from bench.migrate.summary import spread
from tests.peers.datagram import Address, DatagramSocket
from tests.peers.peer import wait_until
from tests.peers.rtp import make_sdp

BEGIN = 1000.0
PERIOD = 0.02
WAY = 0.001


def sent(packets: int) -> PacketLog:
    log = PacketLog()
    for number in range(packets):
        assert log.note_sent(BEGIN + number * PERIOD) == number
    return log


def came(log: PacketLog, number: int, *, after: float = WAY) -> None:
    log.note_heard(number, log.sent[number] + after)


def account(log: PacketLog, begin: float = BEGIN, end: float = BEGIN + 100) -> Direction:
    return log.account(begin, end, call="c", speaker="caller")


def test_what_came_as_it_should_has_no_faults() -> None:
    log = sent(50)
    for number in range(50):
        came(log, number)
    found = account(log, end=BEGIN + 1)
    assert (found.sent, found.lost, found.late, found.reordered, found.twice) == (50, 0, 0, 0, 0)
    assert found.silence == pytest.approx(PERIOD)


def test_what_never_came_is_lost_at_the_edges_too() -> None:
    log = sent(50)
    for number in set(range(50)) - {0, 7, 8, 49}:
        came(log, number)
    assert (account(log).sent, account(log).lost) == (50, 4)


def test_what_came_after_more_than_60_ms_is_late_and_not_lost() -> None:
    log = sent(3)
    came(log, 0, after=0.0599)
    came(log, 1, after=0.0601)
    came(log, 2, after=5)
    assert (account(log).lost, account(log).late) == (0, 2)


def test_what_was_overtaken_is_reordered() -> None:
    log = sent(6)
    for number in (0, 3, 1, 2, 4, 5):
        came(log, number)
    assert (account(log).lost, account(log).reordered) == (0, 2)


def test_what_came_twice_is_told_and_makes_up_for_no_loss() -> None:
    log = sent(4)
    for number in (0, 1, 1, 3):
        came(log, number)
    assert (account(log).lost, account(log).twice) == (1, 1)


def test_a_window_has_what_was_sent_in_it_whenever_that_came() -> None:
    log = sent(10)
    for number in (0, 1, 3, 2, 5):
        came(log, number, after=1)
    found = account(log, BEGIN + 2 * PERIOD, BEGIN + 4 * PERIOD)
    assert (found.sent, found.lost, found.late, found.reordered) == (2, 0, 2, 1)


def test_silence_is_the_longest_time_without_a_packet_from_edge_to_edge() -> None:
    log = sent(100)
    for number in (10, 11, 40):
        came(log, number, after=0)
    found = account(log, end=BEGIN + 1)
    assert found.silence == pytest.approx(29 * PERIOD)
    assert found.silence_ended == pytest.approx(log.sent[40])
    assert account(log, end=BEGIN + 2).silence == pytest.approx(2 - 40 * PERIOD)
    assert account(sent(100), end=BEGIN + 2).silence == 2


def test_a_spread_is_of_figures_that_there_were() -> None:
    figures = spread(range(1, 201))
    assert (figures.median, figures.p99, figures.worst) == (100, 198, 200)
    assert spread([0] * 49 + [7]).p99 == 7


class Between(DatagramSocket):
    """A relay that does with each packet of the caller what a test says; it numbers them from 0."""

    def __init__(self, treat: Callable[[Between, int, bytes], None]) -> None:
        super().__init__()
        self.to: Address = ("", 0)
        self.seen = 0
        self._treat = treat

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if addr[:2] == self.to:
            return
        self._treat(self, self.seen, data)
        self.seen += 1

    def pass_on(self, data: bytes) -> None:
        self.send(data, self.to)


@contextmanager
def parties(media: Media) -> Iterator[tuple[Stream, Stream]]:
    caller, callee = (Stream(media, Nat.NONE) for _ in range(2))
    caller.peer, callee.peer = callee, caller
    try:
        yield caller, callee
    finally:
        caller.close()
        callee.close()


async def spoken(media: Media, treat: Callable[[Between, int, bytes], None], packets: int) -> tuple[Direction, Stream]:
    """Have a caller say so many packets through a relay between, and account for them at the callee."""
    async with Between(treat) as between:
        with parties(media) as (caller, callee):
            between.to = callee.address
            callee.hears_of(caller.sdp())
            caller.hears_of(make_sdp(between.address).encode())
            begin = time.time()
            for number in range(packets):
                caller.send()

                async def seen(count: int = number + 1) -> bool:
                    return between.seen == count

                await wait_until(seen, "the packet is there")
            await asyncio.sleep(0.2)
            return caller.said.account(begin, time.time(), call="c", speaker="caller"), callee


@pytest.mark.parametrize("media", Media)
async def test_faults_of_a_relay_between_real_sockets_are_found(media: Media) -> None:
    kept: list[bytes] = []

    def treat(relay: Between, number: int, data: bytes) -> None:
        if number in (3, 4, 9):
            return
        if number == 6:
            asyncio.get_running_loop().call_later(0.1, relay.pass_on, data)
        elif number == 12:
            kept.append(data)
        else:
            relay.pass_on(data)
        if number == 13:
            relay.pass_on(kept.pop())
            relay.pass_on(data)

    found, callee = await spoken(media, treat, 20)
    assert (found.sent, found.lost, found.late, found.reordered, found.twice) == (20, 3, 1, 2, 1)
    assert callee.strange == 0


async def test_what_was_tampered_with_counts_as_lost() -> None:
    found, callee = await spoken(Media.SDES, lambda relay, _, data: relay.pass_on(data[:-1] + bytes([data[-1] ^ 1])), 5)
    assert (found.lost, callee.strange) == (5, 5)
