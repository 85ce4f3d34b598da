"""An actor's inbox, which also schedules the actor's turns on its event loop."""

from __future__ import annotations

import queue
from asyncio import AbstractEventLoop, _get_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from pykka import ActorDeadError
from pykka._envelope import Envelope
from pykka.messages import _ActorStop


class LoopInbox:
    """Messages waiting for an actor. After `open`, only the loop's thread touches them.

    `_messages` exists exactly while a turn is scheduled or running, so an idle actor pays for no queue and a message
    that comes while one exists needs no scheduling. At first it is there for the actor's start.
    """

    __slots__ = ("_context", "_loop", "_messages", "_turn")

    def __init__(self) -> None:
        self._messages: deque[Envelope[Any]] | None = deque()
        self._loop: AbstractEventLoop | None = None
        self._turn: Callable[[], None] | None = None
        # Turns run in a context of the actor's own, as if it had a thread: never in that of whoever sent a message.
        self._context = Context()

    def open(self, loop: AbstractEventLoop, first_turn: Callable[[], None], turn: Callable[[], None]) -> None:
        """Schedule `first_turn` on `loop`, and `turn` whenever there are messages after that."""
        self._loop, self._turn = loop, turn
        schedule = loop.call_soon if loop is _get_running_loop() else loop.call_soon_threadsafe
        schedule(first_turn, context=self._context)

    def put(self, envelope: Envelope[Any]) -> None:
        """Add a message, from any thread.

        After the actor's end the message is refused as Pykka's actors do: an asker gets `ActorDeadError`. If the loop
        is closed, a teller gets it too.
        """
        if self._loop is not _get_running_loop() and self._loop is not None:
            self._put_from_outside(self._loop, envelope)
        elif self._messages is not None:
            self._messages.append(envelope)
        elif self._turn is None:
            _come_too_late(envelope)
        else:
            self._messages = deque((envelope,))
            self._schedule()

    def run_at_rest(self, work: Callable[[Any], None], message: Any) -> bool:
        """Run something in the actor's own context, as its turns are; return False if it has another turn to take.

        At rest no turn is scheduled or running: the actor has begun, has not ended, and has no messages.
        """
        if self._messages is not None or self._turn is None:
            return False
        self._context.run(work, message)
        return True

    def next(self) -> Envelope[Any] | None:
        """Remove and return the oldest message, None if there is none."""
        return self._messages.popleft() if self._messages else None

    def get(self) -> Envelope[Any]:
        """Remove and return the oldest message. Raises `queue.Empty` if there is none: nobody may wait here."""
        if not self._messages:
            raise queue.Empty
        return self._messages.popleft()

    def empty(self) -> bool:
        """Return whether no message waits."""
        return not self._messages

    def qsize(self) -> int:
        """Count the waiting messages."""
        return len(self._messages or ())

    def end_turn(self) -> None:
        """Schedule the next turn if there is something to do in it."""
        if self._messages:
            self._schedule()
        else:
            self._messages = None

    def close(self) -> None:
        """Release the actor. It runs no more turns."""
        self._messages = self._turn = None

    def _schedule(self) -> None:
        assert self._loop is not None
        assert self._turn is not None
        self._loop.call_soon(self._turn, context=self._context)

    def _put_from_outside(self, loop: AbstractEventLoop, envelope: Envelope[Any]) -> None:
        try:
            loop.call_soon_threadsafe(self.put, envelope)
        except RuntimeError as error:
            if not loop.is_closed():
                raise
            dead = ActorDeadError("the actor's event loop is closed")
            dead.__cause__ = error
            if envelope.reply_to is None:
                raise dead from error
            _refuse(envelope, dead)


def _come_too_late(envelope: Envelope[Any]) -> None:
    """Answer a message that was sent while the actor lived, and arrives after its end; a wish to stop has come true."""
    if envelope.reply_to is not None and isinstance(envelope.message, _ActorStop):
        envelope.reply_to.set(None)
    else:
        _refuse(envelope, ActorDeadError("the actor stopped before handling the message"))


def _refuse(envelope: Envelope[Any], error: ActorDeadError) -> None:
    if envelope.reply_to is not None:
        envelope.reply_to.set_exception((ActorDeadError, error, None))
