"""Datagrams in batches: several with one system call, as `batches.c` does it where that is compiled.

This is what runs in its place: it does the same with one system call for each datagram.
"""

from __future__ import annotations

import socket
from typing import Any

AT_ONCE = 1  # not Final: compiled code would take this one for the C module's
"""So many datagrams `receive` returns at most."""

_LENGTH = 65_536
_CONTROL = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(16)
"""Room for an address of ours and the time: the largest control messages that anybody here asks for."""


def receive(sock: socket.socket, most: int) -> list[tuple[bytes, list[tuple[int, int, bytes]], Any]]:
    """Return up to `most` datagrams that wait, oldest first, each with its control messages and its sender's address.

    Fewer than `most` and `AT_ONCE`: no more wait, or an error comes next. It never waits. Raises OSError if an error
    comes first, ValueError if `most` is less than 1.
    """
    if most < 1:
        raise ValueError("there is nothing to receive")
    try:
        datagram, control, _flags, address = sock.recvmsg(_LENGTH, _CONTROL, socket.MSG_DONTWAIT)
    except (BlockingIOError, InterruptedError):
        return []
    return [(datagram, control, address)]
