"""Very many callers, and the callees that turn them down, all at one socket."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterable

from tests.peers.datagram import Address, DatagramSocket
from tests.peers.rtp import make_sdp

_BRANCH = re.compile(rb"^Via:[^\r]*?;branch=([^;,\s]+)", re.MULTILINE)
_COPIED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
_PATIENCE = 30.0
_REPEAT = 0.5


class Crowd(DatagramSocket):
    """Sends requests to a door at `door`. INVITEs come back through it, engage `engine`, and are answered with 486.

    finals: the final responses, by branch. requests: those that came.
    """

    def __init__(self, door: Address, engine: str = "") -> None:
        super().__init__()
        self.door, self.engine = door, engine
        self.finals: dict[str, bytes] = {}
        self.requests: list[bytes] = []
        self._unheard: dict[str, bytes] = {}
        self._open: set[str] = set()
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    @property
    def open(self) -> int:
        """How many of its requests have no final response yet."""
        return len(self._open)

    @property
    def refused(self) -> list[bytes]:
        """The responses to those that were turned away by a door that has too much to do."""
        return [final for final in self.finals.values() if final.startswith(b"SIP/2.0 503 Service Unavailable\r\n")]

    def request(self, method: str, uri: str = "", *, number: int = 0, headers: Iterable[str] = ()) -> bytes:
        """Write a request; `number` makes its branch and its Call-ID, and is a new one if there is none."""
        host, port = self.address
        number = number or next(self._numbers)
        body = make_sdp(self.address) if method == "INVITE" else ""
        lines = [
            f"{method} {uri or f'sip:callee@{host}:{port}'} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{port}-{number}",
            "Max-Forwards: 70",
            f"From: <sip:caller@{host}:{port}>;tag=caller-{number}",
            f"To: <sip:callee@{host}:{port}>",
            f"Call-ID: crowd-{port}-{number}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:caller@{host}:{port}>",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            *([f"X-Engine: {self.engine}"] if self.engine else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body]).encode()

    def ask(self, *requests: bytes) -> None:
        """Send requests that want an answer."""
        for request in requests:
            branch = branch_of(request)
            self._open.add(branch)
            self._unheard[branch] = request
            self.send(request, self.door)

    def call(self, count: int = 1) -> None:
        """Send so many INVITEs."""
        self.ask(*(self.request("INVITE") for _ in range(count)))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a message brings; what was not heard of is sent again."""
        async with asyncio.timeout(_PATIENCE):
            while not condition():
                self._news.clear()
                try:
                    async with asyncio.timeout(_REPEAT):
                        await self._news.wait()
                except TimeoutError:
                    for request in list(self._unheard.values()):
                        self.send(request, self.door)

    async def answered(self) -> None:
        """Wait until each of its requests has its final response."""
        await self.until(lambda: not self._open)

    async def served(self) -> None:
        """Wait until the door has taken all that was sent to it before: the answer to something harmless comes."""
        self.ask(self.harmless())
        await self.answered()

    def harmless(self) -> bytes:
        """Write a request that is answered at once, and goes nowhere."""
        return self.request("OPTIONS").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer a request, or acknowledge a final response."""
        if data.startswith(b"SIP/2.0 "):
            self._response_came(data)
        elif data.startswith((b"INVITE ", b"CANCEL ", b"BYE ")):
            self.requests.append(data)
            status = b"486 Busy Here" if data.startswith(b"INVITE ") else b"200 OK"
            lines = [line.replace(b">", b">;tag=1") if line.startswith(b"To:") else line for line in _copied(data)]
            self.send(_message(b"SIP/2.0 " + status, lines), (str(addr[0]), addr[1]))
        self._news.set()

    def _response_came(self, response: bytes) -> None:
        branch, code = branch_of(response), response[8:11]
        asked = self._unheard.pop(branch, b"")
        if code[:1] == b"1" or branch not in self._open:
            return
        self._open.discard(branch)
        self.finals[branch] = response
        if b" INVITE\r\n" in response and code >= b"300":
            target = asked.split(b" ", 2)[1] if asked else b"sip:callee@localhost"
            lines = [line.replace(b" INVITE", b" ACK") for line in _copied(response)]
            self.send(_message(b"ACK %b SIP/2.0" % target, [*lines, b"Max-Forwards: 70"]), self.door)


def branch_of(message: bytes) -> str:
    """Return the branch of a message's top Via."""
    found = _BRANCH.search(message)
    assert found, message
    return found[1].decode()


def _copied(message: bytes) -> list[bytes]:
    head = message.partition(b"\r\n\r\n")[0]
    return [line for line in head.split(b"\r\n")[1:] if line.startswith(_COPIED)]


def _message(start: bytes, lines: list[bytes]) -> bytes:
    return b"\r\n".join([start, *lines, b"Content-Length: 0", b"", b""])
