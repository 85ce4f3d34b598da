"""`python -m bench.waking`: a process that wakes up again and again, at a low priority, and works a little each time.

It has nothing to do with the journal or with calls. What calls notice of it, they notice of any process that runs
beside them on the same machine and waits for somebody's replies (`bench.beside_commands`).
"""

from __future__ import annotations

import os
import time
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from typing import Final

from rtp_relay.cli.reading import give_way

REPLY: Final = b"x" * 5000
"""Some rows of ended calls have as many bytes."""

WORK: Final = 0.0005
"""Seconds of work for each reply."""


def main() -> None:
    """Ask a second process and work on its replies, until killed."""
    give_way()
    ours, theirs = Pipe()
    Process(target=_reply, args=(theirs,), daemon=True).start()
    parent = os.getppid()
    while os.getppid() == parent:
        ours.send_bytes(b"?")
        ours.recv_bytes()
        until = time.perf_counter() + WORK
        while time.perf_counter() < until:
            pass


def _reply(to: Connection) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        if to.poll(1):
            to.recv_bytes()
            to.send_bytes(REPLY)


if __name__ == "__main__":
    main()
