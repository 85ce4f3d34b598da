"""A talk: an exchange with a node that is under way, and each command of it that waits for its reply."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from actors.runtime.ref import LoopRef
from engines.kind import Exchange
from engines.reply import NodeReply


class Talk:
    """An exchange with the node that goes on: its commands of now, and the replies that have come.

    steps: the exchange, run to its end. asker: who is told how it ends, by its token; None for a ping. timeout: how
    long each of its commands may take, in seconds. reached: whether one has left for the node. verb, began: what it is
    about, and since when it goes on, by the clock of `monotonic`, for the loop's may be a coarse one.
    """

    __slots__ = ("asker", "awaited", "began", "reached", "replies", "steps", "timeout", "token", "verb")

    steps: Generator[list[bytes] | NodeReply, list[bytes], None]

    def __init__(self, asker: LoopRef[Any] | None, token: Any, timeout: float, verb: str, began: float) -> None:
        self.asker, self.token, self.timeout = asker, token, timeout
        self.verb, self.began = verb, began
        self.replies: list[bytes] = []
        self.awaited = 0
        self.reached = False


class Sent:
    """A command that waits for its reply. `place` is that of its reply among those of the talk.

    at: since when, on the loop's clock; times at which the loop stood still do not count.
    """

    __slots__ = ("at", "command", "place", "resent", "talk")

    def __init__(self, talk: Talk, place: int, command: bytes, at: float) -> None:
        self.talk, self.place, self.command, self.at = talk, place, command, at
        self.resent = 0


def to_its_end(exchange: Exchange) -> Generator[list[bytes] | NodeReply, list[bytes], None]:
    """Run an exchange, and yield what it comes to: in compiled code an exception that is handled is dear."""
    yield (yield from exchange)
