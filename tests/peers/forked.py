"""Processes of the program that are copies of one that has read it: as `subprocess.Popen` has them, but sooner there.

What such a process has in common with the others of its template: the seed of `hash`, and what modules have drawn at
random when they were imported. Whatever else starts the program starts it anew: the workers that it begins itself,
control nodes with all embedded (`tests/rtp_relay/serving.py`), installed packages, commands at a terminal.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tests.peers.template import LARGEST

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "rtp_relay"]
"""How the command line of a process begins for which a copy can stand."""


class Template:
    """The process that copies are made of. It ends when this one does."""

    def __init__(self) -> None:
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.peers.template", str(number)],
                cwd=ROOT,
                pass_fds=[number],
                start_new_session=True,
            )

    def ask(self, request: Mapping[str, Any], files: Sequence[int] = ()) -> Any:
        """Return its answer. Raises RuntimeError if it has ended."""
        with self._one_at_a_time:
            socket.send_fds(self._told, [json.dumps(request).encode()], files)
            answer = self._told.recv(LARGEST)
        if not answer:
            raise RuntimeError("the template of the program has ended")
        return json.loads(answer)


class Forked:
    """A process of the program with a session of its own, that writes to `output`, and errors to `errors` if given."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        output: BinaryIO,
        errors: BinaryIO | None = None,
    ) -> None:
        request = {"words": list(words), "folder": str(folder), "environment": dict(environment)}
        self.pid: int = _template().ask(request, [output.fileno(), (errors or output).fileno()])
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code; None while it runs. Until then its id is its own."""
        if self.returncode is None:
            self.returncode = _template().ask({"pid": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("rtp-relay", timeout or 0)
            time.sleep(0.005)
        return code


async def run_command(*words: str, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command of the program to its end: its exit code, output and complaints."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = Forked(words, Path.cwd(), os.environ if environment is None else environment, output, errors)
        code: int | None = None
        try:
            while code is None:
                await asyncio.sleep(0.01)
                code = process.poll()
        except asyncio.CancelledError:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            raise
        output.seek(0)
        errors.seek(0)
        return code, output.read().decode(), errors.read().decode()


def can_be_forked(command: Sequence[str]) -> bool:
    """Return whether this is a command line of the program for which a copy can stand."""
    return list(command[: len(PROGRAM)]) == PROGRAM and hasattr(os, "fork")


@functools.cache
def _template() -> Template:
    return Template()
