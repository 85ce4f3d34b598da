"""Datagrams read from a socket in batches."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, TypeAlias

from actors.sockets.batches import AT_ONCE, receive

Control: TypeAlias = list[tuple[int, int, bytes]]
"""Control messages beside a datagram (cmsg(3)): level, type and data each."""

Take: TypeAlias = Callable[[bytes, Control, Any], None]
"""Takes a datagram, its control messages, and the socket address that it came from."""

_DATAGRAMS_A_TURN = 32
_SECONDS_A_TURN = 0.002
_AT_FIRST = 4
"""So many are read before it is known how long one takes."""


def take_some(sock: socket.socket, take: Take) -> None:
    """Read a few of the datagrams that wait, but not for long: the loop's other work gets its turn. Raises OSError."""
    began = monotonic()
    taken, batch = 0, min(_AT_FIRST, AT_ONCE)
    while batch > 0:
        datagrams = receive(sock, batch)
        if len(datagrams) == 1:
            datagram, control, address = datagrams[0]
            take(datagram, control, address)
        elif datagrams:
            _hand_over(iter(datagrams), take)
        if len(datagrams) < batch:
            return
        taken += batch
        seconds = monotonic() - began
        rest = _SECONDS_A_TURN - seconds
        if rest < 0:
            return
        batch = min(AT_ONCE, _DATAGRAMS_A_TURN - taken)
        if taken * rest < batch * seconds:  # what takes long is not read before there is time for it
            batch = max(1, int(taken * rest / seconds))


def _hand_over(datagrams: Iterator[tuple[bytes, Control, Any]], take: Take) -> None:
    """Have each of them taken, whatever becomes of the others: they are nowhere else any more."""
    try:
        for datagram, control, address in datagrams:
            take(datagram, control, address)
    except BaseException:
        _hand_over(datagrams, take)
        raise
