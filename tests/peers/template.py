"""A process that has read the program, and becomes a command of it in a copy of itself whenever it is told to.

`python -m tests.peers.template SOCKET`; `tests/peers/forked.py` tells it. Reading the program takes most of a second of
CPU, a copy (`os.fork`) some milliseconds.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from typing import Any

LARGEST = 1 << 17
"""Bytes of a request, at most."""


def next_command(told: socket.socket) -> list[str] | None:
    """Serve until the other side goes (None), but in a copy that is to be a command: return its words there."""
    while True:
        data, files, _, _ = socket.recv_fds(told, LARGEST, 2)
        if not data:
            return None
        request = json.loads(data)
        if "pid" in request:
            told.send(json.dumps(exit_code(request["pid"])).encode())
            continue
        if os.fork() == 0:
            become(request, *files)
            told.send(json.dumps(os.getpid()).encode())
            told.close()
            words: list[str] = request["words"]
            return words
        for file in files:
            os.close(file)


def exit_code(pid: int) -> int | None:
    """Return what a copy ended with, as `subprocess` tells it; None while it goes on."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def become(request: dict[str, Any], output: int, errors: int) -> None:
    """Take what a process has from who starts it: its session, folder, environment and standard streams."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, file in enumerate((nothing, output, errors)):
        os.dup2(file, place)
    for file in (nothing, output, errors):
        os.close(file)


def main() -> None:
    """Read the program, and wait for what is to be done with it."""
    from rtp_relay.cli import main as program  # noqa: PLC0415 - this module's names are used without all that

    with socket.socket(fileno=int(sys.argv[1])) as told:
        gc.collect()
        gc.freeze()
        words = next_command(told)
    if words is not None:
        sys.argv[1:] = words
        program()


if __name__ == "__main__":
    main()
