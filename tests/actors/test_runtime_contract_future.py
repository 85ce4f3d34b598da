"""What Pykka documents about futures, for its own and for ours."""

from __future__ import annotations

import queue
import threading
import traceback
from typing import Any

import pykka
import pytest

from tests.actors.worlds import TIMEOUT, World, world

__all__ = ["world"]


def made(world: World, value: Any) -> pykka.Future[Any]:
    future = world.future_class()
    future.set(value)
    return future


def failed(world: World, error: Exception) -> pykka.Future[Any]:
    future = world.future_class()
    try:
        raise error
    except Exception:
        future.set_exception()
    return future


@pytest.mark.parametrize("value", [None, 0, "text", [1, 2]])
def test_get_gives_the_very_value_again_and_again(world: World, value: Any) -> None:
    future = made(world, value)
    assert future.get() is value
    assert future.get(timeout=0) is value


def test_set_without_a_value_is_none(world: World) -> None:
    future = world.future_class()
    future.set()
    assert future.get(timeout=0) is None


@pytest.mark.parametrize("timeout", [0, -1, 0.01])
def test_get_times_out(world: World, timeout: float) -> None:
    with pytest.raises(pykka.Timeout):
        world.future_class().get(timeout=timeout)


def test_every_waiting_thread_gets_the_value(world: World) -> None:
    future = world.future_class()
    got: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threads = [threading.Thread(target=lambda: got.put(future.get(timeout=TIMEOUT))) for _ in range(3)]
    for thread in threads:
        thread.start()
    future.set("value")
    for thread in threads:
        thread.join()
    assert [got.get_nowait() for _ in threads] == ["value"] * 3


def test_exception_is_raised_each_time_with_its_traceback(world: World) -> None:
    future = failed(world, ValueError("bad"))
    for _ in range(2):
        with pytest.raises(ValueError, match="bad") as raised:
            future.get(timeout=0)
        assert "failed" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]


def test_exception_can_be_given_as_exc_info(world: World) -> None:
    future, error = world.future_class(), KeyError("x")
    future.set_exception((KeyError, error, None))
    with pytest.raises(KeyError) as raised:
        future.get(timeout=0)
    assert raised.value is error


def test_exception_can_be_given_as_a_type_alone(world: World) -> None:
    future = world.future_class()
    future.set_exception((KeyError, None, None))
    with pytest.raises(KeyError):
        future.get(timeout=0)


@pytest.mark.parametrize("first", ["set", "set_exception", "set_get_hook"])
@pytest.mark.parametrize("second", ["set", "set_exception"])
def test_a_future_is_settled_once(world: World, first: str, second: str) -> None:
    future = world.future_class()

    def settle(how: str) -> None:
        if how == "set":
            future.set(1)
        elif how == "set_get_hook":
            future.set_get_hook(lambda _: 1)
        else:
            future.set_exception((KeyError, KeyError("x"), None))

    settle(first)
    with pytest.raises(queue.Full):
        settle(second)


def test_a_settled_future_takes_no_get_hook(world: World) -> None:
    with pytest.raises(queue.Full):
        made(world, 1).set_get_hook(lambda _: 2)


def test_get_hook_gets_the_timeout_and_is_called_once(world: World) -> None:
    timeouts: list[float | None] = []

    def hook(timeout: float | None) -> int:
        timeouts.append(timeout)
        return 42

    future = world.future_class()
    future.set_get_hook(hook)
    assert [future.get(timeout=3), future.get(timeout=5)] == [42, 42]
    assert timeouts == [3]


def test_exception_of_a_get_hook_goes_to_the_caller_and_the_hook_is_tried_again(world: World) -> None:
    outcomes = iter([ValueError("first"), "second"])

    def hook(_: float | None) -> object:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    future = world.future_class()
    future.set_get_hook(hook)
    with pytest.raises(ValueError, match="first"):
        future.get(timeout=TIMEOUT)
    assert future.get(timeout=TIMEOUT) == "second"


def test_filter(world: World) -> None:
    assert made(world, range(5, 15)).filter(lambda x: x > 10).get(timeout=0) == [11, 12, 13, 14]


def test_filter_of_what_is_not_iterable(world: World) -> None:
    with pytest.raises(TypeError):
        made(world, 1).filter(lambda x: x > 10).get(timeout=0)


def test_map(world: World) -> None:
    future = world.future_class()
    mapped = future.map(lambda x: x + 10).map(str)
    future.set(30)
    assert mapped.get(timeout=0) == "40"


def test_map_hands_on_the_exception(world: World) -> None:
    with pytest.raises(ValueError, match="bad"):
        failed(world, ValueError("bad")).map(str).get(timeout=0)


def test_join(world: World) -> None:
    assert made(world, "abc").join(made(world, 123), made(world, False)).get(timeout=0) == ["abc", 123, False]


@pytest.mark.parametrize(("values", "initial", "result"), [([1, 2, 3], (), 6), ([1, 2, 3], (5,), 11), ([], (5,), 5)])
def test_reduce(world: World, values: list[int], initial: tuple[int, ...], result: int) -> None:
    assert made(world, values).reduce(lambda x, y: x + y, *initial).get(timeout=0) == result


def test_derived_future_times_out_with_its_source(world: World) -> None:
    future = world.future_class()
    for derived in (future.map(str), future.filter(bool), future.join(made(world, 1)), future.reduce(max)):
        with pytest.raises(pykka.Timeout):
            derived.get(timeout=0)


def test_get_all(world: World) -> None:
    assert pykka.get_all([made(world, value) for value in range(3)], timeout=0) == [0, 1, 2]
    with pytest.raises(pykka.Timeout):
        pykka.get_all([made(world, 0), world.future_class()], timeout=0)


def test_a_future_can_be_the_value_of_a_future(world: World) -> None:
    assert made(world, made(world, "inner")).get(timeout=0).get(timeout=0) == "inner"


async def test_await_gives_the_value_or_the_exception_of_a_settled_future(world: World) -> None:
    assert await made(world, "value") == "value"
    with pytest.raises(ValueError, match="bad"):
        await failed(world, ValueError("bad"))


def test_repr(world: World) -> None:
    assert repr(world.future_class()) == "<pykka.Future>"
