"""A real rtpproxy, from the rtp.io package, in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import sys
from pathlib import Path

from tests.peers.datagram import Address, DatagramSocket, answer_to
from tests.peers.peer import Peer
from tests.peers.ports import HOST


class Rtpproxy(Peer):
    """An rtpproxy with a UDP control socket and, if `unix`, a unix control socket too.

    `args` are further arguments of its command line. `media_ports` is roughly the size of its range for media; a
    call of two parties with one stream takes four.
    """

    name = "rtpproxy"

    def __init__(self, *args: str, unix: bool = False, media_ports: int = 90) -> None:
        super().__init__(ports=media_ports)
        self.port = 0
        self.media_ports = (0, 0)
        self._args = args
        self._unix = unix
        self._cookies = (f"{secrets.token_hex(8)}_{number}" for number in itertools.count())

    @property
    def address(self) -> Address:
        """Where it listens over UDP."""
        return HOST, self.port

    @property
    def url(self) -> str:
        """The UDP control socket as SIP servers and our configuration write it."""
        return f"udp:{HOST}:{self.port}"

    @property
    def unix_url(self) -> str:
        """The unix control socket in the same manner."""
        return f"unix:{self.folder / 'control'}"

    async def command_reply(self, command: str, *, tries: int = 5, wait: float = 1) -> str:
        """Send one command over UDP and return the reply without cookie and newline."""
        cookie = next(self._cookies)
        async with DatagramSocket() as socket:
            for _ in range(tries):
                socket.send(f"{cookie} {command}".encode(), self.address)
                try:
                    async with asyncio.timeout(wait):
                        reply, _ = await socket.received.get()
                except TimeoutError:
                    continue
                return reply.decode().removeprefix(f"{cookie} ").removesuffix("\n")
        message = f"no answer to {command!r} in {tries} tries"
        raise TimeoutError(message)

    async def sessions(self) -> int:
        """Return how many sessions it holds."""
        reply = await self.command_reply("I")
        found = re.search(r"^active sessions: (\d+)", reply, re.MULTILINE)
        assert found, reply
        return int(found[1])

    def prepare(self) -> None:
        """Take the ports."""
        self.port = self.ports.take()
        self.media_ports = self.ports.rest()

    def command(self) -> list[str]:
        """Return the command line of the child."""
        child = Path(__file__).with_name("rtpproxy_child.py")
        low, high = self.media_ports
        options = ["-F", "-l", HOST, "-m", str(low), "-M", str(high), "-s", self.url]
        if self._unix:
            options += ["-s", self.unix_url]
        # -P: the child's own folder must not hide the package `rtp` behind our `rtp.py`.
        return [sys.executable, "-P", str(child), *options, *self._args]

    async def ready(self) -> bool:
        """Return whether it answers the version command."""
        cookie = next(self._cookies)
        answer = (await answer_to(f"{cookie} V".encode(), self.address)).decode()
        return answer.removeprefix(f"{cookie} ").strip().isdigit()
