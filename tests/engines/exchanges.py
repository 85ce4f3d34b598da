"""Runs an exchange with replies that a test gives."""

from __future__ import annotations

from collections.abc import Callable

from engines.kind import Exchange
from engines.ng.bencode import NgValue
from engines.ng.bulky import whole
from engines.refusal import RefusalCode
from engines.reply import NodeReply


class Told(dict[bytes, NgValue]):
    """The words of a node's reply, with what the reply says beside them."""

    def __init__(self, reply: NodeReply) -> None:
        super().__init__(whole(reply.words))
        self.code, self.unknown, self.ok, self.reason = reply.code, reply.unknown, reply.ok, reply.reason

    @property
    def limit(self) -> bool:
        """Whether another node may have what this one lacks."""
        return self.code in (RefusalCode.FULL, RefusalCode.NO_ROOM)


def run(exchange: Exchange, answer: Callable[[bytes], bytes]) -> tuple[list[list[bytes]], Told]:
    """Answer each command, and return the lists of commands and the reply."""
    asked: list[list[bytes]] = []
    try:
        commands = next(exchange)
        while True:
            asked.append(commands)
            commands = exchange.send([answer(command) for command in commands])
    except StopIteration as stop:
        return asked, Told(stop.value)
