"""A service manager's socket, as systemd gives it to a unit of `Type=notify`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Self

from tests.peers.peer import wait_until


class NotifySocket:
    """Keeps what it is told: a list of fields for each datagram. For `with`."""

    def __init__(self, address: Path | str) -> None:
        self.address = str(address)
        self.told: list[dict[str, str]] = []
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sock.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def read(self) -> list[dict[str, str]]:
        """Return all that was told so far."""
        while True:
            try:
                words = self._sock.recv(4096).decode()
            except BlockingIOError:
                return self.told
            self.told.append(dict(line.split("=", 1) for line in words.splitlines()))

    def count(self, word: str) -> int:
        """Return how often a word was said."""
        key, _, value = word.partition("=")
        return sum(words.get(key) == value for words in self.read())

    async def hear(self, word: str, times: int = 1) -> None:
        """Wait until a word was said so often."""

        async def said() -> bool:
            return self.count(word) >= times

        await wait_until(said, f"{word} said {times} times, not only {self.told}")

    def order(self) -> list[str]:
        """Return the states that were told, without signs of life and statuses."""
        return [key for words in self.read() for key in words if key in ("READY", "RELOADING", "STOPPING")]
