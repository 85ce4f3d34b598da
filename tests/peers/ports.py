"""Areas of ports that belong to one peer as long as it lives."""

from __future__ import annotations

import contextlib
import random
import socket

HOST = "127.0.0.1"
HOST_6 = "::1"
UNIT = 100
# Below the system's ephemeral ports: no client's socket takes a port while its peer restarts.
_UNITS = range(10000, 32000, UNIT)


class PortBlock:
    """An area of consecutive free ports on loopback.

    A TCP socket bound to the first port of each hundred holds the area, so the system itself keeps parallel test
    runs apart. Ports are handed out one by one from the bottom (`take`), and as a range for media (`rest`). Whatever
    else runs on the machine knows nothing of this and may take one all the same: see `stolen`.
    """

    def __init__(self, size: int = UNIT) -> None:
        self._units = -(-size // UNIT)
        self._guards: list[socket.socket] = []
        self.taken: list[int] = []
        self._next = 0
        self._end = 0

    def reserve(self) -> None:
        """Find and hold an area; raise `OSError` when the machine has none."""
        starts = list(_UNITS)[: 1 - self._units or None]
        random.shuffle(starts)
        for start in starts:
            if self._hold(start):
                self._next, self._end = start + 1, start + self._units * UNIT
                return
        message = f"no {self._units * UNIT} free ports in a row between {_UNITS.start} and {_UNITS.stop}"
        raise OSError(message)

    def take(self) -> int:
        """Return one port that is free for UDP and TCP; raise `OSError` when none is left."""
        while self._next < self._end:
            self._next += 1
            if _free(self._next - 1):
                self.taken.append(self._next - 1)
                return self._next - 1
        message = f"no free port is left below {self._end}"
        raise OSError(message)

    def stolen(self) -> list[int]:
        """Return the ports that were handed out and that somebody has; ask it while their owner does not run."""
        return [port for port in self.taken if not _free(port)]

    def rest(self) -> tuple[int, int]:
        """Return the lowest (even) and the highest port of what is left, for UDP."""
        return self._next + self._next % 2, self._end - 1

    def release(self) -> None:
        """Return the area back."""
        while self._guards:
            self._guards.pop().close()
        self.taken.clear()

    def _hold(self, start: int) -> bool:
        for port in range(start, start + self._units * UNIT, UNIT):
            guard = _bind(port, socket.SOCK_STREAM)
            if guard is None:
                self.release()
                return False
            self._guards.append(guard)
        if all(_free(port) for port in range(start, start + self._units * UNIT) if port % UNIT):
            return True
        self.release()
        return False


def _bind(port: int, kind: socket.SocketKind, host: str = HOST) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        return None
    return bound


def _free(port: int) -> bool:
    with contextlib.ExitStack() as stack:
        for host in _HOSTS:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                bound = _bind(port, kind, host)
                if bound is None:
                    return False
                stack.enter_context(bound)
    return True


def _present(host: str) -> bool:
    bound = _bind(0, socket.SOCK_DGRAM, host)
    if bound is not None:
        bound.close()
    return bound is not None


_HOSTS = [host for host in (HOST, HOST_6) if _present(host)]
