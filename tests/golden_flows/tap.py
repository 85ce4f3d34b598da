"""A tap on the wire between a control node and its relay: it passes all datagrams on and keeps what was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.peers.bencode import NgDict, decode
from tests.peers.datagram import Address, DatagramSocket


@dataclass(slots=True)
class Exchange:
    """A command without its cookie, and the reply once there is one."""

    command: bytes
    reply: bytes = b""


class _Side(DatagramSocket):
    """One side of the tap."""

    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        super().__init__()
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self._take(data, (str(addr[0]), addr[1]))


class Tap:
    """Stands before the relay at `target`. A command that is sent again under its cookie is kept once."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._front = _Side(self._from_control_node)
        self._back = _Side(self._from_relay)
        self._control_node: Address | None = None
        self._said: dict[bytes, Exchange] = {}

    @property
    def url(self) -> str:
        """Where the control node is to send."""
        host, port = self._front.address
        return f"udp:{host}:{port}"

    @property
    def exchanges(self) -> list[Exchange]:
        """What was said about calls; asking whether the relay is well is no part of it."""
        return [said for said in self._said.values() if not _is_ping(said.command)]

    def _from_control_node(self, data: bytes, sender: Address) -> None:
        self._control_node = sender
        cookie, _, command = data.partition(b" ")
        self._said.setdefault(cookie, Exchange(command))
        self._back.send(data, self._target)

    def _from_relay(self, data: bytes, _sender: Address) -> None:
        cookie, _, reply = data.partition(b" ")
        self._said[cookie].reply = reply
        if self._control_node is not None:
            self._front.send(data, self._control_node)

    async def __aenter__(self) -> Self:
        await self._front.__aenter__()
        await self._back.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._back.__aexit__(kind, error, trace)
        await self._front.__aexit__(kind, error, trace)


def ng(exchange: Exchange) -> NgDict:
    """Return a command to an rtpengine as a dictionary."""
    command, _ = decode(exchange.command)
    assert isinstance(command, dict)
    return command


def in_short(exchange: Exchange) -> str:
    """Write a command in short: what is done, to which id, tags and branch.

    To an rtpengine `offer call tC - br0`, with `-` for what is not said; to an rtpproxy `U call tC;1`.
    """
    if not exchange.command.startswith(b"d"):
        verb, call_id, *words = exchange.command.decode().split()
        return " ".join((verb[0], call_id, *words[2 if verb[0] in "UL" else 0 :]))
    command = ng(exchange)
    keys = (b"command", b"call-id", b"from-tag", b"to-tag", b"via-branch")
    words = [value.decode() for value in (command.get(key, b"-") for key in keys) if isinstance(value, bytes)]
    return " ".join(words)


def _is_ping(command: bytes) -> bool:
    return command in (b"V", b"d7:command4:pinge")
