"""The way between two workers: whole messages in order, and no waiting for one who does not read."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateways.handoff.link import MAX_UNSENT, Link
from tests.peers.peer import wait_until


class End:
    """One end of a link, with what came."""

    def __init__(self, sock: socket.socket) -> None:
        self.came: list[list[Any]] = []
        self.lost = 0
        self.link = Link(sock, self._take, self._count)

    def _take(self, message: list[Any]) -> None:
        self.came.append(message)
        if message[0] == "fail":
            raise ZeroDivisionError

    def _count(self) -> None:
        self.lost += 1


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    one, two = socket.socketpair()
    made = End(one), End(two)
    yield made
    for end in made:
        end.link.close()


async def until(condition: Any) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, "the other end")


async def test_messages_come_whole_and_in_order_whatever_their_size(ends: tuple[End, End]) -> None:
    one, two = ends
    sent = [[number, b"\0" * (number * 9970 % 200_000), "caf\udce9"] for number in range(40)]
    for message in sent:
        assert one.link.send(tuple(message))
    await until(lambda: len(two.came) == 40)
    assert two.came == sent
    two.link.send(("back",))
    await until(lambda: one.came == [["back"]])


async def test_who_does_not_read_is_not_waited_for(ends: tuple[End, End]) -> None:
    one, two = ends
    piece, taken = b"x" * 100_000, 0
    while one.link.send((piece,)):
        taken += 1
        assert taken < 100
    assert taken >= MAX_UNSENT // 100_000
    await until(lambda: len(two.came) == taken)
    assert one.link.send((b"more",))
    await until(lambda: two.came[-1] == [b"more"])


async def test_a_message_that_fails_costs_no_other(ends: tuple[End, End]) -> None:
    one, two = ends
    one.link.send(("fail",))
    one.link.send(("next",))
    await until(lambda: two.came == [["fail"], ["next"]])
    assert two.lost == 0


async def test_the_end_of_one_is_told_to_the_other_once_after_what_it_sent(ends: tuple[End, End]) -> None:
    one, two = ends
    one.link.send(("last",))
    one.link.close()
    await until(lambda: two.lost)
    assert (two.came, two.lost, one.lost) == ([["last"]], 1, 0)
    assert not two.link.send(("too late",))


async def test_garbage_ends_the_link(ends: tuple[End, End]) -> None:
    one, two = ends
    one.link._sock.send(b"\xc1")
    await until(lambda: two.lost)
    assert two.came == []
