"""References to actors of the event loop."""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import Any, TypeVar

import pykka

from actors.runtime.inbox import LoopInbox
from actors.runtime.latch import WouldBlockLoop

_A = TypeVar("_A", bound=pykka.Actor)


class LoopRef(pykka.ActorRef[_A]):
    """A `pykka.ActorRef` that refuses to block an event loop before it sends anything."""

    def __init__(self, actor: _A) -> None:
        super().__init__(actor)
        inbox: LoopInbox = self.actor_inbox  # type: ignore[assignment]
        self.tell = inbox.tell  # type: ignore[method-assign]
        self.tell_here = inbox.tell_here

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and give its reply (`block`, up to `timeout` seconds) or a future of it.

        Raises what the actor raised, `pykka.ActorDeadError`, `pykka.Timeout`; and `WouldBlockLoop`, with nothing sent,
        for `block=True` on a thread that runs an event loop.
        """
        _refuse_to_block(block)
        return super().ask(message, block=block, timeout=timeout)

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask the actor to stop after the messages it has: give True, or False if it was dead, or a future of that.

        Raises `pykka.Timeout`; and `WouldBlockLoop`, with nothing sent, as `ask` does.
        """
        _refuse_to_block(block)
        return super().stop(block=block, timeout=timeout)


def _refuse_to_block(block: bool) -> None:
    if block and _get_running_loop() is not None:
        raise WouldBlockLoop
