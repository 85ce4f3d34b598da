"""What all peers have in common: a process of their own, a folder, a log, and an end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar, Self

import psutil

from tests.peers.forked import Forked
from tests.peers.ports import UNIT, PortBlock

START_TIMEOUT = 60.0
"""Seconds: several processes that start at once on a machine with much to do need many."""

WITHIN = 30.0
STOP_TIMEOUT = 5.0
AREAS = 5
"""How many areas of ports are tried for a peer."""


class PeerError(Exception):
    """A peer did not start or did not answer; the text ends with its log."""


class PortTakenError(PeerError):
    """A peer ended at once since somebody else has one of its ports."""


async def wait_until(condition: Callable[[], Awaitable[bool]], what: str, within: float = WITHIN) -> None:
    """Ask `condition` again and again until it holds; raise `TimeoutError` after `within` seconds."""
    deadline = time.monotonic() + within
    while not await condition():
        if time.monotonic() > deadline:
            message = f"not within {within:g} s: {what}"
            raise TimeoutError(message)
        await asyncio.sleep(0.02)


class Peer(ABC):
    """A program that a test talks to.

    It runs in a process group of its own, so that its end takes its children along. `async with` starts it, waits
    until it answers, and stops it; an exception on the way out carries the end of its log as a note. If somebody else
    on the machine has one of its ports, it is started with others; a restart, which has to be with the same ports,
    waits until they are free.
    """

    name: ClassVar[str]
    alive: ClassVar[list[Peer]] = []

    def __init__(self, ports: int = UNIT) -> None:
        self.ports = PortBlock(ports)
        self.folder = Path()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> list[str]:
        """Return the program and its arguments; called at each start."""

    @abstractmethod
    async def ready(self) -> bool:
        """Return whether the program answers."""

    def environment(self) -> dict[str, str]:
        """Return the program's environment variables."""
        return dict(os.environ)

    def prepare(self) -> None:  # noqa: B027 - most peers need it, none must
        """Take ports and write files; called when `folder` and `ports` are there, and anew with other ones."""

    @property
    def running(self) -> bool:
        """Whether the process is there (a paused one is)."""
        return self._process is not None and self._process.poll() is None

    def listens(self, port: int) -> bool:
        """Return whether the program has a UDP socket at `port`."""
        if self._process is None:
            return False
        try:
            sockets = psutil.Process(self._process.pid).net_connections("udp")
        except psutil.Error:  # it has ended
            return False
        return any(socket.laddr and socket.laddr.port == port for socket in sockets)

    def launch(self, log: BinaryIO) -> subprocess.Popen[bytes] | Forked:
        """Begin the process."""
        return subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def start(self) -> None:
        """Start the program with the ports it has, and return when it answers. Raises PeerError."""
        with (self.folder / "log").open("ab") as log:
            self._log_start = log.tell()
            self._process = self.launch(log)
        try:
            await wait_until(self._ready_or_dead, f"{self.name} answers", START_TIMEOUT)
        except TimeoutError as error:
            raise PeerError(self.describe(str(error))) from error

    @property
    def pid(self) -> int:
        """The process id of the program, which runs."""
        if self._process is None:
            raise PeerError(self.describe("was not started"))
        return self._process.pid

    def terminate(self) -> bool:
        """Ask it to end (SIGTERM), and tell whether it was still there."""
        return self._signal(signal.SIGTERM, signal.SIGCONT)

    async def stop(self) -> None:
        """End the program: politely, then by force."""
        if not self.terminate():
            return
        try:
            await self.ended(STOP_TIMEOUT)
        except TimeoutError:
            self.kill()

    async def ended(self, within: float) -> int:
        """Wait for the program's own end and return its exit code; raise `TimeoutError` after `within` seconds."""
        process = self._process
        if process is None:
            raise PeerError(self.describe("was not started"))
        try:
            return await asyncio.to_thread(process.wait, within)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(self.describe(f"has not ended in {within:g} s")) from error

    def kill(self) -> None:
        """End the program as a crash would (SIGKILL), and its children."""
        if self._process is not None and self._signal(signal.SIGKILL):
            self._process.wait()

    async def restart(self) -> None:
        """Stop it if it runs, and start it with the same ports and folder."""
        await self.stop()

        async def started() -> bool:
            try:
                await self.start()
            except PortTakenError:
                return False
            return True

        await wait_until(started, f"{self.name} has its ports again", within=2 * START_TIMEOUT)

    def pause(self) -> None:
        """Make it silent (SIGSTOP): its sockets stay open, nobody answers."""
        if self._process is not None and self._signal(signal.SIGSTOP):
            while not _stopped(self._process.pid):
                time.sleep(0.001)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def log(self, lines: int = 60) -> str:
        """Return the end of what the program has written."""
        path = self.folder / "log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def describe(self, what: str) -> str:
        """Return a failure's text: what happened, and the log."""
        return f"{self.name} {what}; its log:\n{self.log()}"

    async def __aenter__(self) -> Self:
        for left in reversed(range(AREAS)):
            try:
                await self._settle()
            except PortTakenError:
                self._release()
                if not left:
                    raise
            except BaseException:
                self._release()
                raise
            else:
                break
        Peer.alive.append(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.describe("was there"))
        try:
            await self.stop()
        finally:
            Peer.alive.remove(self)
            self._release()

    async def _settle(self) -> None:
        """Start it in a new folder, with new ports."""
        self._temporary = tempfile.TemporaryDirectory(prefix=f"rtp-relay-{self.name}-")
        self.folder = Path(self._temporary.name)
        self.ports.reserve()
        self.prepare()
        await self.start()

    def _release(self) -> None:
        self.kill()
        self.ports.release()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def _ready_or_dead(self) -> bool:
        ready = self.running and await self.ready()
        if self.running:
            return ready
        # Asked last: whoever answered is somebody else, who was first at its port.
        if self.ports.stolen() or "address already in use" in self._said().lower():
            raise PortTakenError(self.describe("does not get its ports"))
        raise PeerError(self.describe("ended at once"))

    def _said(self) -> str:
        """Return what it has written since its last start."""
        with (self.folder / "log").open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _signal(self, *numbers: signal.Signals) -> bool:
        """Signal the whole group, and tell whether the program was still there."""
        if self._process is None or self._process.poll() is not None:
            return False
        for number in numbers:
            # It may have ended since: its id stays its own until somebody waits for it, that is, asks `poll` again.
            os.killpg(self._process.pid, number)
        return True


def _stopped(pid: int) -> bool:
    """Return whether none of a process' threads runs any more."""
    try:
        states = [task.read_text().rpartition(") ")[2][0] for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread has just ended
        return False
    return all(state in "TZX" for state in states)
