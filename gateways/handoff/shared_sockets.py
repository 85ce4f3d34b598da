"""The sockets of one worker at the addresses that all of them have.

For datagrams the supervisor may hold them: one for each worker, in the order of their numbers, which outlives it. Then
the kernel is told how the workers share their calls (`steering`), anew whenever that changes.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import TypeAlias

import structlog

from gateways.handoff.sharing import Sharing
from gateways.handoff.steering.programs import Program, of_all
from gateways.handoff.steering.socket_filter import attach
from gateways.sockets import ListenAddress, bind

log = structlog.get_logger()

Place: TypeAlias = tuple[str, int]
"""An IP address and a port."""

_MOST_DISCARDED = 100_000
_HINT = "the kernel may want a greater net.core.optmem_max"


class SharedSockets:
    """The sockets of a worker. held: those for datagrams that the supervisor holds for it.

    is_new: whether another worker may have left something in them, which clients have sent again since.
    """

    def __init__(self, sharing: Sharing, held: Mapping[Place, socket.socket], *, is_new: bool) -> None:
        self._sharing, self._held, self._is_new = sharing, dict(held), is_new
        self._steered: list[tuple[socket.socket, Program]] = []
        self._is_refused = False

    def bind(self, address: ListenAddress, program: Program) -> socket.socket:
        """Return the socket at an address. `program` says how the kernel shares out what comes to it.

        Raises OSError, ValueError if the host is not an IP address.
        """
        held = self._held.pop((address.host, address.port), None) if address.transport == "udp" else None
        if held is None:
            return bind(address, shared=True)
        if self._is_new:
            _discard_what_waits(held)
        self._steered.append((held, program))
        self._steer(held, program)
        return held

    def steer(self) -> None:
        """Have the kernel follow what has changed in how workers share their calls."""
        self._steered = [(sock, program) for sock, program in self._steered if sock.fileno() >= 0]
        for sock, program in self._steered:
            self._steer(sock, program)

    def _steer(self, sock: socket.socket, program: Program) -> None:
        """Tell the kernel; where it refuses, at least who lives. Nothing depends on that, and no failure is raised."""
        try:
            attach(program(self._sharing), sock)
        except OSError as error:
            if not self._is_refused:
                log.warning("workers hand over what the kernel could give to the right one", why=str(error), hint=_HINT)
            self._is_refused = True
            with contextlib.suppress(OSError):
                attach(of_all(self._sharing), sock)


def _discard_what_waits(sock: socket.socket) -> None:
    for _ in range(_MOST_DISCARDED):
        try:
            sock.recv(1)
        except OSError:
            return
