"""A small ng client that repeats itself as Kamailio's rtpengine module does."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, Self

import psutil

from tests.peers.bencode import NgDict, NgValue, decode, encode
from tests.peers.datagram import Address, DatagramSocket, answer_to
from tests.peers.ports import HOST

Encoding = Literal["bencode", "json"]


class NgClient:
    """A client of one ng address over UDP or TCP, in bencode or JSON, one request at a time.

    Over UDP it sends from `host`, and a request goes out up to `tries` times with the same cookie, `timeout` seconds
    apart; Kamailio has 5 retries and 1 second. A request without an answer raises `TimeoutError`.
    """

    def __init__(
        self,
        address: Address,
        *,
        host: str = HOST,
        tcp: bool = False,
        encoding: Encoding = "bencode",
        tries: int = 6,
        timeout: float = 1,
    ) -> None:
        self.address = address
        self._tcp = tcp
        self._encoding: Encoding = encoding
        self._tries = tries
        self._timeout = timeout
        self._socket = DatagramSocket(host)
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._cookies = (b"%b_%d" % (secrets.token_hex(8).encode(), number) for number in itertools.count())

    async def command(self, name: str, **keys: NgValue | str) -> NgDict:
        """Send command `name` with `keys` (`call_id=` becomes `call-id`) and return the reply."""
        message: NgDict = {b"command": name.encode()}
        for key, value in keys.items():
            message[key.replace("_", "-").encode()] = value.encode() if isinstance(value, str) else value
        return await self.request(message)

    async def request(self, message: NgDict, cookie: bytes | None = None) -> NgDict:
        """Send `message` and return the reply."""
        return self._decode(await self.exchange(self._encode(message), cookie))

    async def exchange(self, body: bytes, cookie: bytes | None = None) -> bytes:
        """Send `body`, which may be anything, under `cookie` and return the reply's body as it came."""
        cookie = cookie or next(self._cookies)
        ask = self._ask_tcp if self._tcp else self._ask_udp
        return await ask(cookie, cookie + b" " + body)

    def holder(self, processes: Iterable[int]) -> int:
        """Return which of these processes has the other end of this client's connection."""
        assert self._stream is not None, "not connected"
        own = self._stream[1].get_extra_info("sockname")
        for pid in processes:
            if any(each.raddr == own for each in psutil.Process(pid).net_connections("tcp")):
                return pid
        raise LookupError("none of them has it")

    async def _ask_udp(self, cookie: bytes, datagram: bytes) -> bytes:
        for _ in range(self._tries):
            self._socket.send(datagram, self.address)
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._reply(cookie)
            except TimeoutError:
                continue
        message = f"no answer to {datagram[:80]!r} in {self._tries} tries"
        raise TimeoutError(message)

    async def _reply(self, cookie: bytes) -> bytes:
        while True:
            data, sender = await self._socket.received.get()
            if sender == self.address and data.startswith(cookie + b" "):
                return data[len(cookie) + 1 :]

    async def _ask_tcp(self, cookie: bytes, request: bytes) -> bytes:
        if self._stream is None:
            self._stream = await asyncio.open_connection(*self.address)
        reader, writer = self._stream
        writer.write(request)
        async with asyncio.timeout(self._tries * self._timeout):
            received = await reader.readuntil(b" ")
            assert received == cookie + b" ", f"{received!r} answers {cookie!r}"
            return await self._read_body(reader)

    async def _read_body(self, reader: asyncio.StreamReader) -> bytes:
        """Read until the body is whole: nothing but its own syntax says where it ends."""
        body = b""
        while chunk := await reader.read(65536):
            body += chunk
            try:
                self._decode(body)
            except (ValueError, IndexError):
                continue
            return body
        message = f"the connection was closed after {body!r}"
        raise ConnectionError(message)

    def _encode(self, message: NgDict) -> bytes:
        return encode(message) if self._encoding == "bencode" else json.dumps(_to_text(message)).encode()

    def _decode(self, body: bytes) -> NgDict:
        value = decode(body)[0] if self._encoding == "bencode" else _to_bytes(json.loads(body))
        assert isinstance(value, dict), f"the reply is no dictionary: {body!r}"
        return value

    async def __aenter__(self) -> Self:
        await self._socket.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.__aexit__(kind, error, trace)
        if self._stream is not None:
            self._stream[1].close()
            await self._stream[1].wait_closed()


async def answers_ping(address: Address) -> bool:
    """Return whether somebody answers a ping over UDP, and is ready; told at once where nobody listens."""
    cookie = secrets.token_hex(8).encode()
    answer = await answer_to(cookie + b" " + encode({b"command": b"ping"}), address)
    return answer.startswith(cookie + b" ") and decode(answer[len(cookie) + 1 :])[0] == {b"result": b"pong"}


Text = str | int | list["Text"] | dict[str, "Text"]


def _to_text(value: NgValue) -> Text:
    match value:
        case bytes():
            return value.decode()
        case list():
            return [_to_text(item) for item in value]
        case dict():
            return {key.decode(): _to_text(item) for key, item in value.items()}
        case _:
            return value


def _to_bytes(value: Text) -> NgValue:
    match value:
        case str():
            return value.encode()
        case list():
            return [_to_bytes(item) for item in value]
        case dict():
            return {key.encode(): _to_bytes(item) for key, item in value.items()}
        case _:
            return value
