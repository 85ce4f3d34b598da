"""An actor's inbox, which also takes the actor's turns on its event loop."""

from __future__ import annotations

import asyncio
import queue
from asyncio import AbstractEventLoop, _get_running_loop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from pykka import ActorDeadError, Future
from pykka._envelope import Envelope
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

_PYKKAS_OWN = frozenset({_ActorStop, ProxyCall, ProxyGetAttr, ProxySetAttr})

FAILURES = (Exception, asyncio.CancelledError)
"""What a handler may fail with and the actor's own rules apply; anything else is meant to end the program."""


class InboxOwner(Protocol):
    """An actor, as its inbox knows it."""

    @property
    def messages_per_turn(self) -> int:
        """So many messages at most are handled before the loop's other work gets its turn."""

    def on_receive(self, message: Any) -> Any:
        """Handle one of its own messages."""

    def handle_pykkas(self, message: Any) -> Any:
        """Handle a message that Pykka itself sends."""

    def handle_error(self, reply_to: Future[Any] | None) -> None:
        """Return the exception being handled to the asker, or fail if there is none."""

    def stop_all_actors(self, error: BaseException, reply_to: Future[Any] | None = None) -> None:
        """Do what an exception is to do that is meant to end the program."""

    def end(self) -> None:
        """End, in a turn."""

    def refuse_the_rest(self) -> None:
        """Refuse what is still in the inbox, after the actor's end."""


class LoopInbox:
    """Messages waiting for an actor, and its turns. After `open`, only the loop's thread touches them.

    `_messages` exists exactly while a turn is scheduled or running, so an idle actor pays for no queue and a message
    that comes while one exists needs no scheduling. At first it is there for the actor's start.

    has_ended: whether the actor has, which says so.
    """

    __slots__ = ("_context", "_loop", "_messages", "_owner", "has_ended")

    def __init__(self) -> None:
        self.has_ended = False
        self._messages: deque[Any] | None = deque()  # in envelopes, where somebody may wait for the reply
        self._loop: AbstractEventLoop | None = None
        self._owner: InboxOwner | None = None
        # Turns run in a context of the actor's own, as if it had a thread: never in that of whoever sent a message.
        self._context = Context()

    def open(self, loop: AbstractEventLoop, owner: InboxOwner, first_turn: Callable[[], None]) -> None:
        """Schedule `first_turn` on `loop`, and a turn whenever there are messages after that."""
        self._loop, self._owner = loop, owner
        schedule = loop.call_soon if loop is _get_running_loop() else loop.call_soon_threadsafe
        schedule(first_turn, context=self._context)

    # -- messages --

    def tell(self, message: Any) -> None:
        """Add a message that nobody waits for the reply of, from any thread; the rest is as for `put`.

        Raises `pykka.ActorDeadError` if the actor has ended.
        """
        if self.has_ended:
            raise ActorDeadError("the actor has ended")
        if self._messages is not None and self._loop is _get_running_loop():
            self._messages.append(message)  # which needs no envelope here
        elif self._messages is None and self._owner is not None and self._loop is _get_running_loop():
            self._messages = deque((message,))
            self._schedule()
        else:
            self.put(Envelope(message))

    def tell_here(self, message: Any) -> None:
        """Do what `tell` does, for who is on the actor's loop: to ask whether that is so is a system call (getpid)."""
        if self.has_ended:
            raise ActorDeadError("the actor has ended")
        if self._messages is not None:
            self._messages.append(message)
        elif self._owner is not None:
            self._messages = deque((message,))
            self._schedule()
        else:
            self.put(Envelope(message))

    def put(self, envelope: Envelope[Any]) -> None:
        """Add a message, from any thread.

        After the actor's end the message is refused as Pykka's actors do: an asker gets `ActorDeadError`. If the loop
        is closed, a teller gets it too.
        """
        if self._loop is not _get_running_loop() and self._loop is not None:
            self._put_from_outside(self._loop, envelope)
        elif self._messages is not None:
            self._messages.append(envelope)
        elif self._owner is None:
            _come_too_late(envelope)
        else:
            self._messages = deque((envelope,))
            self._schedule()

    def deliver(self, message: Any) -> None:
        """Take a message that comes as the callback of a future, or of an answer of the journal.

        An actor that has messages takes it in its turn, after these. One that has none takes it at once, as a turn of
        its own, which saves an envelope and a round of the loop. Callbacks are called between turns, so turns are
        serial all the same; it must not be called within a turn, of this actor or another. After the actor's end the
        message is dropped.
        """
        if self.has_ended:
            return
        if self._messages is None and self._owner is not None:
            self._context.run(self._take_at_once, message)
        else:
            self.tell(message)

    def get(self) -> Envelope[Any]:
        """Remove and return the oldest message. Raises `queue.Empty` if there is none: nobody may wait here."""
        if not self._messages:
            raise queue.Empty
        message = self._messages.popleft()
        return message if type(message) is Envelope else Envelope(message)

    def empty(self) -> bool:
        """Return whether no message waits."""
        return not self._messages

    def qsize(self) -> int:
        """Count the waiting messages."""
        return len(self._messages or ())

    def end(self) -> None:
        """Have the actor end, with the message that it is handling."""
        if self._owner is not None:
            self._owner.end()

    def close(self) -> None:
        """Release the actor. It takes no more turns."""
        self._messages = self._owner = None

    # -- turns --

    def take_turn(self) -> None:
        """Have the actor handle some of its messages."""
        owner = self._owner
        if owner is None:
            return  # it ended at once, when this turn was scheduled already
        left = owner.messages_per_turn
        try:
            while left and self._messages and not self.has_ended:
                left -= 1
                self._handle(owner, self._messages.popleft())
        finally:
            if self.has_ended:
                owner.refuse_the_rest()
            elif self._messages:
                self._schedule()
            else:
                self._messages = None

    def _handle(self, owner: InboxOwner, message: Any) -> None:
        reply_to: Future[Any] | None = None
        if type(message) is Envelope:
            message, reply_to = message.message, message.reply_to
        try:
            # Most messages are the actor's own: they need not be compared with each of Pykka's, one after the other.
            response = owner.handle_pykkas(message) if type(message) in _PYKKAS_OWN else owner.on_receive(message)
        except FAILURES:
            owner.handle_error(reply_to)
        except BaseException as error:
            owner.stop_all_actors(error, reply_to)
        else:
            if reply_to is not None:
                reply_to.set(response)

    def _take_at_once(self, message: Any) -> None:
        owner = self._owner
        assert owner is not None
        try:
            owner.on_receive(message)
        except FAILURES:
            owner.handle_error(None)
        except BaseException as error:
            owner.stop_all_actors(error)
        finally:
            if self.has_ended:
                owner.refuse_the_rest()

    def _schedule(self) -> None:
        assert self._loop is not None
        self._loop.call_soon(self.take_turn, context=self._context)

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
