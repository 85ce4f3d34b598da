"""Calls through the ng door, one request at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from bench.calls import Template
from tests.peers.datagram import Address

VERBS = ("offer", "answer", "delete")
_OK = b"6:result2:ok"
_PATIENCE = 5.0


class NgCaller:
    """Places calls at an ng door; to be used in a thread of its own."""

    def __init__(self, door: Address, prefix: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(door)
        self.templates = {verb: Template(verb, prefix) for verb in VERBS}

    def call(self, number: int) -> Iterator[str]:
        """Place a call: the name of each of its operations comes when the door has replied to it."""
        for verb, template in self.templates.items():
            reply = self.ask(template.fill(b"%d_%s" % (number, verb.encode()), number))
            if _OK not in reply:
                raise RuntimeError(f"{verb} was answered {reply!r}")
            yield verb

    def ask(self, request: bytes) -> bytes:
        """Send a request, and return its reply."""
        self._socket.send(request)
        return self._socket.recv(65536)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
