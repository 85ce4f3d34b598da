"""One worker as the supervisor has it: a process, and the channel to it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import Callable

from rtp_relay.workers import assigning
from rtp_relay.workers.channel import Channel, pair
from rtp_relay.workers.messages import Assignment, Failed, Order, Report

_MODULE = "rtp_relay.workers.worker"


class WorkerProcess:
    """A worker's process.

    ready: whether its doors are open. started: whether they ever were. failed: why they could not be opened.
    started_at, heard_at: when its process began, and when it was heard of last, by the loop's clock.
    """

    def __init__(self, number: int, process: asyncio.subprocess.Process, sock: socket.socket) -> None:
        self.number = number
        self.ready = self.started = False
        self.failed: Failed | None = None
        self.started_at = self.heard_at = asyncio.get_running_loop().time()
        self._process = process
        self._sock = sock
        self._channel: Channel[Order, Report] | None = None

    def listen(self, take: Callable[[Report, socket.socket | None], None]) -> None:
        """Take what the worker reports from here on, with the socket that comes with it."""

        def came(report: Report, sock: socket.socket | None) -> None:
            self.heard_at = asyncio.get_running_loop().time()
            take(report, sock)

        self._channel = Channel(self._sock, came, lambda: None)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    def tell(self, order: Order, sock: socket.socket | None = None) -> None:
        """Tell the worker something; a socket may go with it."""
        if self._channel is not None:
            self._channel.send(order, [] if sock is None else [sock])

    def kill(self) -> None:
        """End it by force, if it has not ended."""
        if self.running:
            self._process.kill()

    async def end(self) -> str:
        """Wait for its end; return how it ended, in words."""
        code = await self._process.wait()
        if self._channel is not None:
            self._channel.close()
        self.ready = False
        return _told(code)


async def begin(assignment: Assignment) -> WorkerProcess:
    """Start a worker's process."""
    ours, theirs = pair()
    with theirs, tempfile.TemporaryFile() as file:
        assigning.write(assignment, file)
        file.seek(0)
        held = [descriptor for _, descriptor in assignment.held]
        inherited = [theirs.fileno(), *held, *([] if assignment.notices is None else [assignment.notices])]
        # A session of its own: a terminal's Ctrl-C is for the supervisor, which tells its workers.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            str(theirs.fileno()),
            assignment.config.service.name,
            stdin=file,
            pass_fds=inherited,
            start_new_session=True,
        )
    return WorkerProcess(assignment.number, process, ours)


def _told(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
