"""What Pykka documents about actors and their references, for its threads and for our event-loop actors alike."""

from __future__ import annotations

import logging
import queue
import threading
from types import TracebackType
from typing import Any, NoReturn

import pykka
import pytest

from tests.actors.worlds import TIMEOUT, Behaviour, World, world

__all__ = ["world"]


class Diary(Behaviour):
    """Writes down what happens to it; messages `("raise", error)` and `("wait", event)` do what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.diary: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def on_start(self) -> None:
        self.diary.put("started")

    def on_stop(self) -> None:
        self.diary.put("stopped")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert traceback is not None
        self.diary.put(("failed", exception_type, exception_value))

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, tuple) and message[0] == "raise":
            raise message[1]
        if isinstance(message, tuple) and message[0] == "wait":
            return message[1].wait(TIMEOUT)
        self.diary.put(message)
        return message


def diary(ref: pykka.ActorRef[Diary]) -> queue.SimpleQueue[Any]:
    actor = ref._actor_weakref()
    assert actor is not None
    return actor.diary


def take(book: queue.SimpleQueue[Any], count: int) -> list[Any]:
    return [book.get(timeout=TIMEOUT) for _ in range(count)]


def test_on_start_comes_before_the_first_message(world: World) -> None:
    ref = world.start(Diary)
    ref.tell("hello")
    assert take(diary(ref), 2) == ["started", "hello"]


def test_constructor_gets_the_arguments_of_start(world: World) -> None:
    class Named(Behaviour):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_receive(self, message: Any) -> str:
            return f"{message} {self.name}"

    assert world.start(Named, "bob").ask("hi", timeout=TIMEOUT) == "hi bob"


def test_actor_may_tell_itself_before_it_is_started(world: World) -> None:
    class Eager(Diary):
        def __init__(self) -> None:
            super().__init__()
            self.actor_ref.tell("early")

    assert take(diary(world.start(Eager)), 2) == ["started", "early"]


def test_messages_are_handled_in_order(world: World) -> None:
    ref = world.start(Diary)
    for number in range(100):
        ref.tell(number)
    assert take(diary(ref), 101) == ["started", *range(100)]


def test_actor_has_the_documented_attributes(world: World) -> None:
    one, other = world.start(Diary), world.start(Diary)
    actor = one._actor_weakref()
    assert actor is not None
    assert actor.actor_ref is one
    assert (actor.actor_urn, actor.actor_inbox, actor.actor_stopped) == (
        one.actor_urn,
        one.actor_inbox,
        one.actor_stopped,
    )
    assert one.actor_urn.startswith("urn:uuid:")
    assert one.actor_urn != other.actor_urn
    assert str(actor) == str(one) == f"Diary ({one.actor_urn})"
    assert repr(one) == f"<ActorRef for {one}>"


def test_ask_gives_the_reply(world: World) -> None:
    assert world.start(Diary).ask("hello", timeout=TIMEOUT) == "hello"


def test_ask_without_blocking_gives_a_future(world: World) -> None:
    future = world.start(Diary).ask("hello", block=False)
    assert isinstance(future, world.future_class)
    assert future.get(timeout=TIMEOUT) == "hello"


def test_ask_times_out(world: World) -> None:
    ref, release = world.start(Diary), threading.Event()
    ref.tell(("wait", release))
    try:
        with pytest.raises(pykka.Timeout):
            ref.ask("hello", timeout=0.01)
    finally:
        release.set()


def test_exception_of_an_ask_goes_to_the_asker_and_the_actor_lives_on(world: World) -> None:
    ref = world.start(Diary)
    with pytest.raises(ValueError, match="bad"):
        ref.ask(("raise", ValueError("bad")), timeout=TIMEOUT)
    assert ref.ask("still here", timeout=TIMEOUT) == "still here"


def test_exception_of_an_ask_is_logged_as_info(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pykka")
    ref = world.start(Diary)
    with pytest.raises(ValueError, match="bad"):
        ref.ask(("raise", ValueError("bad")), timeout=TIMEOUT)
    assert (logging.INFO, f"Exception returned from {ref} to caller:") in [r[1:] for r in caplog.record_tuples]


def test_exception_of_a_tell_stops_the_actor_by_on_failure(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ref, error = world.start(Diary), ValueError("bad")
    book = diary(ref)
    ref.tell(("raise", error))
    assert take(book, 2) == ["started", ("failed", ValueError, error)]
    assert ref.actor_stopped.wait(TIMEOUT)
    assert book.empty()
    assert (logging.ERROR, f"Unhandled exception in {ref}:") in [r[1:] for r in caplog.record_tuples]


def test_messages_after_the_failing_one_are_not_handled(world: World) -> None:
    ref, release = world.start(Diary), threading.Event()
    book = diary(ref)
    ref.tell(("wait", release))
    ref.tell(("raise", ValueError("bad")))
    ref.tell("lost")
    asked = ref.ask("refused", block=False)
    release.set()
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=TIMEOUT)
    assert [entry if isinstance(entry, str) else entry[0] for entry in take(book, 2)] == ["started", "failed"]
    assert book.empty()


@pytest.mark.parametrize("hook", ["on_start", "on_stop", "on_failure"])
def test_failing_hook_is_logged_and_the_actor_stops(world: World, hook: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError(hook)

    release = threading.Event()
    ref: pykka.ActorRef[Diary] = world.start(type("Failing", (Diary,), {hook: fail}))
    if hook != "on_start":
        ref.tell(("wait", release))
        ref.tell(("raise", ValueError("bad"))) if hook == "on_failure" else ref.stop(block=False)
    assert ref.actor_stopped.wait(TIMEOUT) if hook == "on_start" else ref.is_alive()
    last = ref.ask("answered after the last hook", block=False)
    release.set()
    with pytest.raises(pykka.ActorDeadError):
        last.get(timeout=TIMEOUT)
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert str(errors[-1]) == hook
    assert not ref.is_alive()


def test_failing_on_start_handles_no_message(world: World) -> None:
    replies: list[pykka.Future[Any]] = []

    class Unstartable(Diary):
        def __init__(self) -> None:
            super().__init__()
            replies.append(self.actor_ref.ask("hello", block=False))

        def on_start(self) -> None:
            raise RuntimeError("no")

    world.start(Unstartable)
    with pytest.raises(pykka.ActorDeadError):
        replies[0].get(timeout=TIMEOUT)


def test_stop_handles_the_messages_before_it_and_calls_on_stop(world: World) -> None:
    ref = world.start(Diary)
    book = diary(ref)
    for number in range(30):
        ref.tell(number)
    assert ref.stop(timeout=TIMEOUT) is True
    assert take(book, 32) == ["started", *range(30), "stopped"]
    assert not ref.is_alive()


def test_messages_after_stop_get_actor_dead_error(world: World) -> None:
    ref, release = world.start(Diary), threading.Event()
    ref.tell(("wait", release))
    stopped = ref.stop(block=False)
    asked = ref.ask("late", block=False)
    stopped_again = ref.stop(block=False)
    release.set()
    assert stopped.get(timeout=TIMEOUT) is True
    assert stopped_again.get(timeout=TIMEOUT) is True
    with pytest.raises(pykka.ActorDeadError, match="stopped before handling the message"):
        asked.get(timeout=TIMEOUT)


def test_dead_actor_refuses_tell_and_ask_and_stop_is_false(world: World) -> None:
    ref = world.start(Diary)
    ref.stop(timeout=TIMEOUT)
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello", timeout=TIMEOUT)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello", block=False).get(timeout=TIMEOUT)
    assert ref.stop(timeout=TIMEOUT) is False
    assert ref.stop(block=False).get(timeout=TIMEOUT) is False


def test_actor_can_stop_itself_after_the_messages_it_has(world: World) -> None:
    replies: list[pykka.Future[Any]] = []

    class Mayfly(Diary):
        def on_start(self) -> None:
            replies.append(self.actor_ref.ask("before", block=False))
            self.stop()
            replies.append(self.actor_ref.ask("after", block=False))

    assert world.start(Mayfly).actor_stopped.wait(TIMEOUT)
    assert replies[0].get(timeout=TIMEOUT) == "before"
    with pytest.raises(pykka.ActorDeadError):
        replies[1].get(timeout=TIMEOUT)


def test_base_exception_stops_all_actors(world: World) -> None:
    class EndOfProgram(BaseException):
        pass

    one, other = world.start(Diary), world.start(Diary)
    book, other_book = diary(one), diary(other)
    one.tell(("raise", EndOfProgram()))
    assert take(book, 2) == ["started", "stopped"]
    assert take(other_book, 2) == ["started", "stopped"]
    assert one.actor_stopped.wait(TIMEOUT)
    assert other.actor_stopped.wait(TIMEOUT)


def test_unexpected_message_is_logged_and_answered_with_none(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Plain(Behaviour):
        pass

    caplog.set_level(logging.WARNING, logger="pykka")  # whatever level other tests have left
    ref = world.start(Plain)
    assert ref.ask({"a": 1}, timeout=TIMEOUT) is None
    assert (logging.WARNING, f"Unexpected message received by {ref}: {{'a': 1}}") in [
        r[1:] for r in caplog.record_tuples
    ]
