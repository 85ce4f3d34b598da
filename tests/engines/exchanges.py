"""Runs an exchange with replies that a test gives."""

from __future__ import annotations

from collections.abc import Callable

from engines.kind import Exchange
from engines.ng.bencode import NgDict


def run(exchange: Exchange, answer: Callable[[bytes], bytes]) -> tuple[list[list[bytes]], NgDict]:
    """Answer each command, and return the lists of commands and the reply."""
    asked: list[list[bytes]] = []
    try:
        commands = next(exchange)
        while True:
            asked.append(commands)
            commands = exchange.send([answer(command) for command in commands])
    except StopIteration as stop:
        reply: NgDict = stop.value
        return asked, reply
