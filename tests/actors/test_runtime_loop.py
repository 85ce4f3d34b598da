"""How event-loop actors share their loop: turns, starting and stopping, what is left behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import queue
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pykka
import pytest
import uvloop
from pykka._envelope import Envelope

from actors.runtime import LoopActor, LoopFuture
from actors.runtime.inbox import LoopInbox
from tests.actors.worlds import TIMEOUT, loop_in_thread

FACTORIES = pytest.mark.parametrize(
    "factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


K = TypeVar("K", bound=LoopActor)


class Actor(LoopActor):
    """Writes its messages into a list that may be shared; calls messages that can be called."""

    registered = False

    def __init__(self, seen: list[Any] | None = None) -> None:
        super().__init__()
        self.seen: list[Any] = [] if seen is None else seen

    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)
        return message() if callable(message) else message

    def on_stop(self) -> None:
        self.seen.append("stopped")

    def on_failure(self, *exc_info: Any) -> None:
        self.seen.append(exc_info[1])


class Registered(Actor):
    """The same, listed in Pykka's registry."""

    registered = True


@pytest.fixture(autouse=True)
def registry_left_as_found() -> Iterator[None]:
    before = pykka.ActorRegistry.get_all()
    yield
    assert pykka.ActorRegistry.get_all() == before


def bound(kind: type[K], loop: asyncio.AbstractEventLoop) -> type[K]:
    return type(kind.__name__, (kind,), {"event_loop": loop})


def inbox_of(ref: pykka.ActorRef[Actor]) -> LoopInbox:
    assert isinstance(ref.actor_inbox, LoopInbox)
    return ref.actor_inbox


def raising(error: BaseException) -> Callable[[], None]:
    def handler() -> None:
        raise error

    return handler


async def test_long_inbox_does_not_starve_the_others() -> None:
    seen: list[str] = []
    busy, quiet = Actor.start(seen), Actor.start(seen)
    for _ in range(10 * Actor.messages_per_turn):
        busy.tell("busy")
    quiet.tell("quiet")
    await busy.ask("end", block=False)
    assert seen.index("quiet") <= Actor.messages_per_turn
    assert len(seen) == 10 * Actor.messages_per_turn + 2


async def test_what_is_told_from_the_loop_comes_in_order_with_what_is_told_from_anywhere() -> None:
    seen: list[str] = []
    ref = Actor.start(seen)
    for number in range(4):
        (ref.tell_here if number % 2 else ref.tell)(f"{number}")
    await asyncio.sleep(0)
    ref.tell_here("at rest")
    assert await ref.ask("last", block=False) == "last"
    assert seen == ["0", "1", "2", "3", "at rest", "last"]


async def test_an_actor_that_has_ended_is_told_nothing_from_the_loop() -> None:
    ref = Actor.start([])
    await ref.stop(block=False)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell_here("too late")


async def test_actor_that_tells_itself_for_ever_leaves_the_loop_to_others_and_can_be_stopped() -> None:
    class Restless(Actor):
        def on_receive(self, message: Any) -> None:
            if message < 100_000:  # the end of a test that fails
                self.seen.append(message)
                self.actor_ref.tell(message + 1)

    seen: list[Any] = []
    ref = Restless.start(seen)
    ref.tell(0)
    assert await Actor.start().ask("hello", block=False) == "hello"
    assert await ref.stop(block=False) is True
    assert len(seen) <= 5 * Restless.messages_per_turn


async def test_actor_takes_its_first_turn_when_the_starter_is_done() -> None:
    seen: list[Any] = []

    class Starter(Actor):
        def on_start(self) -> None:
            self.seen.append("started")

    ref = Starter.start(seen)
    assert seen == []
    await ref.ask("hello", block=False)
    assert seen == ["started", "hello"]


async def test_inbox_counts_what_waits_and_is_empty_when_the_actor_is_idle() -> None:
    ref = Actor.start()
    inbox = inbox_of(ref)
    for expected in range(3):
        assert (inbox.qsize(), inbox.empty()) == (expected, expected == 0)
        ref.tell("hello")
    await ref.ask("hello", block=False)
    assert (inbox.qsize(), inbox.empty()) == (0, True)
    with pytest.raises(queue.Empty):
        inbox.get()


async def test_handlers_do_not_run_in_the_context_of_a_sender() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody")
    variable.set("starter")
    ref = Actor.start()
    variable.set("sender")
    assert await ref.ask(variable.get, block=False) == "nobody"
    await ref.ask(lambda: variable.set("the actor's own"), block=False)
    assert await ref.ask(variable.get, block=False) == "the actor's own"
    assert variable.get() == "sender"


@FACTORIES
def test_start_from_another_thread_on_the_loop_of_the_class(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with loop_in_thread(factory) as loop:
        ref = bound(Actor, loop).start()
        assert ref.ask(asyncio.get_running_loop, timeout=TIMEOUT) is loop
        assert ref.stop(timeout=TIMEOUT) is True


async def test_the_loop_of_the_class_goes_before_the_running_one() -> None:
    with loop_in_thread(asyncio.new_event_loop) as loop:
        ref = bound(Actor, loop).start()
        assert await ref.ask(asyncio.get_running_loop, block=False) is loop
        assert await ref.stop(block=False) is True


def test_start_without_a_loop_says_so_and_registers_nothing() -> None:
    with pytest.raises(RuntimeError, match="no event loop"):
        Registered.start()


def test_start_on_a_closed_loop_says_so_and_registers_nothing() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        bound(Registered, loop).start()


@FACTORIES
def test_actor_of_a_closed_loop_is_dead(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    loop = factory()
    ref = bound(Actor, loop).start()
    loop.close()
    with pytest.raises(pykka.ActorDeadError, match="closed"):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError, match="closed"):
        ref.ask("hello")
    assert ref.stop() is False


async def test_message_that_crosses_the_actors_end_is_refused() -> None:
    ref = Actor.start()
    await ref.stop(block=False)
    reply = LoopFuture[Any]()
    ref.actor_inbox.put(Envelope("late", reply_to=reply))
    ref.actor_inbox.put(Envelope("late"))
    with pytest.raises(pykka.ActorDeadError):
        await reply


async def test_asker_that_settles_its_future_itself_does_the_actor_no_harm() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    ref = Actor.start()
    for message in ("hello", raising(ValueError("bad"))):
        ref.ask(message, block=False).set("mine")
    assert await ref.ask("alive", block=False) == "alive"
    assert [type(context["exception"]) for context in reported] == [queue.Full] * 2
    ref.stop(block=False)
    ref.ask("late", block=False).set("mine")
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("later", block=False)


async def test_unregistered_actor_lives_and_dies_outside_the_registry() -> None:
    refs: list[pykka.ActorRef[Any]] = [Actor.start(), Actor.start(), Registered.start()]
    assert [ref in pykka.ActorRegistry.get_all() for ref in refs] == [False, False, True]
    refs[0].tell(raising(ValueError("bad")))
    for ref in refs:
        await ref.stop(block=False)
    assert [ref.is_alive() for ref in refs] == [False] * 3


async def test_failed_actor_is_stopped_for_whoever_waits() -> None:
    ref = Actor.start()
    ref.tell(raising(ValueError("bad")))
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("never", block=False)
    assert ref.actor_stopped.is_set()
    assert ref.actor_stopped.wait() is True


async def test_cancelled_error_fails_only_the_actor_it_happens_in() -> None:
    seen: list[Any] = []
    ref, other = Actor.start(seen), Registered.start()
    with pytest.raises(asyncio.CancelledError):
        await ref.ask(raising(asyncio.CancelledError()), block=False)
    assert await ref.ask("alive", block=False) == "alive"
    ref.tell(raising(asyncio.CancelledError()))
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("dead", block=False)
    assert isinstance(seen[-1], asyncio.CancelledError)
    assert await other.stop(block=False) is True


@FACTORIES
@pytest.mark.parametrize("where", ["tell", "ask", "on_start"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_stops_all_actors_and_goes_on_to_the_loop(
    factory: Callable[[], asyncio.AbstractEventLoop], where: str, error: type[BaseException]
) -> None:
    class Interrupted(Actor):
        def on_start(self) -> None:
            if where == "on_start":
                raise error

    loop = factory()
    ref, other = bound(Interrupted, loop).start(), bound(Registered, loop).start()
    reply = ref.ask(raising(error()), block=False) if where == "ask" else None
    if where == "tell":
        ref.tell(raising(error()))
    with pytest.raises(error):
        loop.run_forever()
    loop.run_until_complete(asyncio.wait_for(other.stop(block=False), TIMEOUT))
    assert not ref.is_alive()
    assert not other.is_alive()
    loop.close()
    if reply is not None:
        with pytest.raises(pykka.ActorDeadError):
            reply.get(timeout=0)


async def test_stopped_actor_is_gone_at_once() -> None:
    ref = Actor.start()
    assert await ref.ask("hello", block=False) == "hello"
    gc.disable()
    try:
        await ref.stop(block=False)
        await asyncio.sleep(0)
        assert ref._actor_weakref() is None
    finally:
        gc.enable()


async def test_failed_actor_is_collected(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pykka")  # a log record that is kept would keep the actor
    ref = Actor.start()
    ref.tell(raising(ValueError("bad")))
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("dead", block=False)
    gc.collect()
    assert ref._actor_weakref() is None


async def test_unregistered_idle_actor_that_nobody_knows_is_collected() -> None:
    ref = Actor.start()
    await ref.ask("hello", block=False)
    actor = weakref.ref(ref._actor_weakref())
    gc.collect()
    assert actor() is not None
    del ref
    gc.collect()
    assert actor() is None


async def resting(seen: list[Any]) -> pykka.ActorRef[Actor]:
    """Start an actor, and return it when it has taken its first turn."""
    ref = Actor.start(seen)
    await asyncio.sleep(0)
    return ref


async def test_what_the_loop_brings_to_an_actor_at_rest_is_taken_at_once_in_its_own_context() -> None:
    seen: list[Any] = []
    ref = await resting(seen)
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="the actor's")
    variable.set("the bringer's")
    inbox_of(ref).deliver(lambda: seen.append(variable.get()))
    assert seen[1:] == ["the actor's"]


async def test_what_the_loop_brings_is_taken_after_the_messages_that_wait() -> None:
    seen: list[Any] = []
    ref = await resting(seen)
    ref.tell("first")
    inbox_of(ref).deliver("brought")
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["first", "brought"]


async def test_what_the_loop_brings_before_the_first_turn_is_taken_after_the_start() -> None:
    seen: list[Any] = []
    ref = Actor.start(seen)
    inbox_of(ref).deliver("brought")
    assert seen == []
    await asyncio.sleep(0)
    assert seen == ["brought"]


async def test_what_is_told_while_something_brought_is_taken_waits_for_its_end() -> None:
    seen: list[Any] = []
    ref = await resting(seen)

    def tells() -> None:
        ref.tell("told")
        seen.append("the end of the turn")

    inbox_of(ref).deliver(tells)
    await asyncio.sleep(0)
    assert seen == [tells, "the end of the turn", "told"]


async def test_what_the_loop_brings_after_the_end_is_dropped() -> None:
    seen: list[Any] = []
    ref = await resting(seen)
    await ref.stop(block=False)
    inbox_of(ref).deliver("late")
    await asyncio.sleep(0)
    assert seen == ["stopped"]


async def test_something_brought_that_fails_ends_the_actor_as_a_message_does() -> None:
    seen: list[Any] = []
    ref = await resting(seen)
    error = ValueError("wrong")

    def fails() -> None:
        waiting.append(ref.ask("asked meanwhile", block=False))
        raise error

    waiting: list[Any] = []
    inbox_of(ref).deliver(fails)
    assert seen == [fails, error]
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        await waiting[0]
