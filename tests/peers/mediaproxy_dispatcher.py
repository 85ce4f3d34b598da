"""A fake of MediaProxy's dispatcher with one relay behind it, since the real one is in no package.

It follows the protocol's description: commands of CRLF lines that an empty line ends, headers without a value ignored,
one line in answer. Where that is silent it does as mediaproxy 4.1.2 (dispatcher.py, mediacontrol.py): it refuses a
removal of a session it does not have, and an update that lacks a header which its relay wants; a session is found by
the call-id and either tag; an update with a higher CSeq number is an offer, one with the same is its answer; a party's
stream keeps its ports as long as its address is the same. Nothing is relayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

Headers = dict[str, str]

RELAY = "203.0.113.5"
WANTED = {
    "update": ("call_id", "from_tag", "from_uri", "to_uri", "cseq", "user_agent", "type", "signaling_ip"),
    "remove": ("call_id", "from_tag"),
}
MAX_LINE = 16384
CALLER, CALLEE = 0, 1


@dataclass
class Stream:
    """A stream: the ports that face the caller and the callee, and what either said of it (type, address, port)."""

    ports: tuple[int, int]
    said: list[str] = field(default_factory=lambda: ["", ""])
    closed: bool = False


@dataclass
class Session:
    """A session: who made it, the CSeq numbers of the last offers of caller and callee, and its streams."""

    from_tag: str
    cseq: tuple[int, int] = (-1, -1)
    streams: list[Stream] = field(default_factory=list)


class Sessions:
    """The sessions of the relay by call-id and tag. `commands` are those that came, `full` makes it refuse updates."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], Session] = {}
        self.commands: list[tuple[str, Headers]] = []
        self.full = False
        self._ports = iter(range(50000, 65000, 2))

    @property
    def call_ids(self) -> set[str]:
        """The call-ids of the sessions."""
        return {call_id for call_id, _ in self.sessions}

    def run(self, lines: list[str]) -> str:
        """Carry a command out and return the answer."""
        command, headers = lines[0], dict(line.split(": ", 1) for line in lines[1:])
        self.commands.append((command, headers))
        if not all(name in headers for name in WANTED.get(command, ("no such command",))):
            return "error"
        key = self._find(headers)
        if command == "update":
            return self._update(headers, key)
        return "error" if key is None or not self.sessions.pop(key) else "removed"

    def _find(self, headers: Headers) -> tuple[str, str] | None:
        keys = [(headers["call_id"], headers[tag]) for tag in ("from_tag", "to_tag") if tag in headers]
        return next((key for key in keys if key in self.sessions), None)

    def _update(self, headers: Headers, key: tuple[str, str] | None) -> str:
        media = headers["media"].split(",") if "media" in headers else []
        if self.full and key is None:
            return "error"
        if key is None and headers["type"] == "reply" and not media:
            return "None"
        key = key or (headers["call_id"], headers["from_tag"])
        session = self.sessions.setdefault(key, Session(headers["from_tag"]))
        is_caller = session.from_tag == headers["from_tag"]
        party = CALLER if is_caller == (headers["type"] == "request") else CALLEE
        cseq = int(headers["cseq"])
        both = (cseq, session.cseq[1]) if is_caller else (session.cseq[0], cseq)
        if media and both > session.cseq:
            session.cseq, session.streams = both, [self._offered(session, party, stream) for stream in media]
        elif media and both == session.cseq:
            _answered(session, party, media)
        if not media or both < session.cseq:
            return "None"
        return " ".join([RELAY, *(str(0 if s.closed else s.ports[1 - party]) for s in session.streams)])

    def _offered(self, session: Session, party: int, media: str) -> Stream:
        kept = [stream for stream in session.streams if stream.said[party] == _place(media) and not stream.closed]
        stream = kept[0] if kept else Stream((next(self._ports), next(self._ports)))
        stream.said[party], stream.closed = _place(media), _is_closed(media)
        return stream


def _answered(session: Session, party: int, media: list[str]) -> None:
    for stream in session.streams[len(media) :]:
        stream.closed = True
    for stream, said in zip(session.streams, media, strict=False):
        stream.said[party] = _place(said)
        stream.closed = stream.closed or _is_closed(said)


def _place(media: str) -> str:
    return ":".join(media.split(":")[:3])


def _is_closed(media: str) -> bool:
    return media.split(":")[2] == "0"


class Reader:
    """Cuts what arrives on a connection into commands."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the commands that are whole. Raises ValueError for a line that is too long or not UTF-8."""
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if len(line) > MAX_LINE:
                raise ValueError(f"a line of {len(line)} bytes")
            text = line.decode()
            if text and not text.endswith(": "):
                self._lines.append(text)
            elif not text and self._lines:
                yield self._lines
                self._lines = []


class FakeDispatcher:
    """The dispatcher on a UNIX socket in `folder`; `async with` starts it and stops it.

    answers: cleared, commands are carried out and their answers held back until it is set. close_on: the next command
    of this name is carried out, and answered by closing the connection. connections: how many were made so far.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "dispatcher.sock"
        self.relay = Sessions()
        self.answers = asyncio.Event()
        self.answers.set()
        self.close_on = ""
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._served: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._news = asyncio.Event()

    @property
    def asked(self) -> list[tuple[str, Headers]]:
        """The commands about sessions that came; not the pings, which name none."""
        return [(command, headers) for command, headers in self.relay.commands if headers]

    @property
    def url(self) -> str:
        """Where it takes commands, as a configuration has it."""
        return f"unix:{self.path}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        """Stop listening and close the connections. The sessions stay."""
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)
            served = dict(self._served)
            for writer in served:
                writer.close()
            await asyncio.gather(*filter(None, served.values()))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a connection or command that makes this true. Raises TimeoutError after 10 seconds."""
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._served[writer] = asyncio.current_task()
        self._news.set()
        try:
            await self._talk(reader, writer)
        except (ValueError, ConnectionError):
            pass
        finally:
            del self._served[writer]
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = Reader()
        while data := await reader.read(65536):
            for lines in commands.feed(data):
                answer = self.relay.run(lines)
                self._news.set()
                if lines[0] == self.close_on:
                    self.close_on = ""
                    return
                await self.answers.wait()
                writer.write(answer.encode() + b"\r\n")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.set()
        await self.stop()
