"""Actors that take turns on an asyncio event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import queue
import sys
import uuid
from asyncio import _get_running_loop
from typing import Any, ClassVar, Self

from pykka import Actor, ActorDeadError, ActorRegistry, Future

from actors.runtime.future import LoopFuture
from actors.runtime.inbox import FAILURES, LoopInbox
from actors.runtime.latch import Latch
from actors.runtime.ref import LoopRef

logger = logging.getLogger("pykka")  # Pykka documents what its actors log, and where

# URNs are UUIDs as in Pykka, but only the first 80 bits are random, once a process: uuid4() for each would cost more
# than all the rest of starting an actor.
_urn_prefix = uuid.uuid4().urn[:-12]
_urn_counter = itertools.count()


class LoopActor(Actor):
    """A `pykka.Actor` that handles its messages on an event loop. See the package for what that means for handlers.

    An actor that is not registered, not referred to and has nothing to do is garbage like any other object.
    """

    registered: ClassVar[bool] = True
    """Whether actors of this class are listed in `pykka.ActorRegistry`, where finding and removing takes linear time.

    The registry's functions don't know the others: a `stop_all` leaves them running.
    """

    event_loop: ClassVar[asyncio.AbstractEventLoop | None] = None
    """The loop of all actors of this class; without one, an actor belongs to the running loop that it is started on."""

    messages_per_turn: ClassVar[int] = 8
    """So many messages at most are handled before the loop's other work gets its turn."""

    actor_inbox: LoopInbox
    _actor_ref: LoopRef[Any]

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> LoopRef[Self]:
        """Make an actor with these arguments, start it and return its reference.

        It takes its first turn, with `on_start`, after the caller has given the loop back.
        Raises RuntimeError if no event loop is running here and the class has none either.
        """
        cls._find_loop()  # before anything is made that could not run
        actor = cls(*args, **kwargs)
        if cls.registered:
            ActorRegistry.register(actor.actor_ref)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("Starting %s", actor)
        actor._start_actor_loop()
        return actor._actor_ref

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        # Instead of Pykka's __init__, which sets the same attributes at a far higher cost.
        self.actor_urn = f"{_urn_prefix}{next(_urn_counter):012x}"
        self.actor_inbox = self._create_actor_inbox()
        self.actor_stopped = Latch()  # type: ignore[assignment]
        self._actor_ref = LoopRef(self)

    @property
    def actor_ref(self) -> LoopRef[Self]:
        """The reference to it."""
        return self._actor_ref

    def _create_actor_inbox(self) -> LoopInbox:  # type: ignore[override]
        return LoopInbox()

    @staticmethod
    def _create_future() -> Future[Any]:
        return LoopFuture()

    def _start_actor_loop(self) -> None:
        self.actor_inbox.open(self._find_loop(), self, self._take_first_turn)

    @classmethod
    def _find_loop(cls) -> asyncio.AbstractEventLoop:
        loop = cls.event_loop or _get_running_loop()
        if loop is None:
            raise RuntimeError(
                f"no event loop: start {cls.__name__} on a running one, or set {cls.__name__}.event_loop"
            )
        if loop.is_closed():
            raise RuntimeError(f"the event loop of {cls.__name__} is closed")
        return loop

    def _take_first_turn(self) -> None:
        try:
            self.on_start()
        except FAILURES:
            self._handle_failure(*sys.exc_info())
        except BaseException as error:
            self.stop_all_actors(error)
        finally:
            self.actor_inbox.take_turn()

    def end(self) -> None:
        """End, in a turn."""
        self._stop()

    def refuse_the_rest(self) -> None:
        """Refuse what is still in the inbox, after the actor's end."""
        while not self.actor_inbox.empty():
            with contextlib.suppress(queue.Full):  # that asker settled its future itself; the next one still waits
                self._actor_loop_teardown()
        self.actor_inbox.close()

    def handle_pykkas(self, message: Any) -> Any:
        """Handle a message that Pykka itself sends."""
        return self._handle_receive(message)

    def handle_error(self, reply_to: Future[Any] | None) -> None:
        """Return the exception being handled to the asker, or fail if there is none."""
        if reply_to is not None:
            logger.info("Exception returned from %s to caller:", self, exc_info=sys.exc_info())
            reply_to.set_exception()
            return
        self._handle_failure(*sys.exc_info())
        try:
            self.on_failure(*sys.exc_info())
        except FAILURES:
            self._handle_failure(*sys.exc_info())

    def stop_all_actors(self, error: BaseException, reply_to: Future[Any] | None = None) -> None:
        """Do what Pykka does on an exception that is meant to end the program; Ctrl-C and exit go on to the loop."""
        logger.debug("%r in %s. Stopping all actors.", error, self)
        if reply_to is not None:
            with contextlib.suppress(queue.Full):
                reply_to.set_exception((ActorDeadError, ActorDeadError(f"{self} was stopped by {error!r}"), None))
        self._stop()
        ActorRegistry.stop_all(block=False)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _stop(self) -> None:
        self._retire()
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("Stopped %s", self)
        try:
            self.on_stop()
        except FAILURES:
            self._handle_failure(*sys.exc_info())

    def _handle_failure(self, *exc_info: Any) -> None:
        logger.error("Unhandled exception in %s:", self, exc_info=exc_info)
        self._retire()

    def _retire(self) -> None:
        if self.registered:
            ActorRegistry.unregister(self._actor_ref)
        self.actor_inbox.has_ended = True
        self.actor_stopped.set()
