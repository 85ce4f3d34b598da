"""A turn of reading datagrams: in order, not for long, and whatever becomes of one of them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from actors.sockets.reading import take_some


class Pair:
    """Two sockets, and what was taken from one of them."""

    def __init__(self, here: socket.socket, there: socket.socket) -> None:
        self.here, self.there = here, there
        self.taken: list[bytes] = []

    def send(self, number: int) -> list[bytes]:
        """Send so many datagrams, and return them."""
        datagrams = [b"%d" % count for count in range(number)]
        for datagram in datagrams:
            self.there.send(datagram)
        return datagrams

    def turn(self) -> int:
        """Take a turn, and return how many datagrams it took."""
        before = len(self.taken)
        take_some(self.here, lambda datagram, _control, _address: self.taken.append(datagram))
        return len(self.taken) - before


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket.socket(type=socket.SOCK_DGRAM) as here, socket.socket(type=socket.SOCK_DGRAM) as there:
        here.setblocking(False)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        here.bind(("127.0.0.1", 0))
        there.connect(here.getsockname())
        yield Pair(here, there)


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 11, 12, 13, 31])
def test_what_waits_is_taken_in_order(pair: Pair, number: int) -> None:
    datagrams = pair.send(number)
    while len(pair.taken) < number:
        assert pair.turn()
    assert pair.taken == datagrams
    assert pair.turn() == 0


def test_a_turn_takes_no_more_than_so_many(pair: Pair) -> None:
    datagrams = pair.send(80)
    turns = []
    while len(pair.taken) < 80:
        turns.append(pair.turn())
    assert pair.taken == datagrams
    assert max(turns) <= 32


def test_a_turn_is_not_long_even_if_each_datagram_takes_its_time(pair: Pair) -> None:
    datagrams = pair.send(20)

    def take(datagram: bytes, _control: object, _address: object) -> None:
        time.sleep(0.001)
        pair.taken.append(datagram)

    turns = 0
    while len(pair.taken) < 20:
        before = len(pair.taken)
        take_some(pair.here, take)
        turns += 1
        assert 1 <= len(pair.taken) - before <= 4
    assert pair.taken == datagrams
    assert turns >= 5


def test_datagrams_that_come_meanwhile_have_their_turn(pair: Pair) -> None:
    pair.send(1)

    def take(datagram: bytes, _control: object, _address: object) -> None:
        pair.taken.append(datagram)
        if len(pair.taken) < 50:
            pair.there.send(b"%d" % len(pair.taken))

    while len(pair.taken) < 50:
        take_some(pair.here, take)
    assert pair.taken == [b"%d" % count for count in range(50)]


def test_one_that_cannot_be_taken_stops_no_other(pair: Pair) -> None:
    datagrams = pair.send(30)

    def take(datagram: bytes, _control: object, _address: object) -> None:
        pair.taken.append(datagram)
        if int(datagram) % 3 == 1:
            raise RuntimeError(datagram.decode())

    failures = []
    while len(pair.taken) < 30:
        try:
            take_some(pair.here, take)
        except RuntimeError as error:
            while error.__context__ is not None:  # type: ignore[unreachable, unused-ignore]
                failures.append(str(error))
                error = error.__context__  # type: ignore[assignment]
            failures.append(str(error))
    assert pair.taken == datagrams
    assert sorted(failures, key=int) == [str(number) for number in range(1, 30, 3)]


def test_errors_of_the_socket_are_raised(pair: Pair) -> None:
    pair.here.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        pair.turn()
