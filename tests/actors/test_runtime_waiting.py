"""Waiting for replies: by tasks without blocking the loop, by threads, and refused where it would block the loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from actors.runtime import Latch, LoopActor, LoopFuture, WouldBlockLoop
from tests.actors.worlds import TIMEOUT, loop_in_thread


class Echo(LoopActor):
    """Answers with the message, or with what it returns if it can be called."""

    registered = False

    def on_receive(self, message: Any) -> Any:
        return message() if callable(message) else message


class Slow(Echo):
    """Keeps an attribute and every message it got."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.volume = 5

    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)


async def settle_later(future: LoopFuture[Any], value: Any) -> None:
    await asyncio.sleep(0)
    future.set(value)


async def test_awaiting_lets_the_loop_go_on() -> None:
    future = LoopFuture[str]()
    waiting = asyncio.create_task(settle_later(future, "value"))
    assert await future == "value"
    await waiting


async def test_tasks_and_threads_wait_for_the_same_future() -> None:
    future = LoopFuture[str]()
    tasks = [asyncio.create_task(asyncio.wait_for(future, TIMEOUT)) for _ in range(3)]
    threads = [asyncio.create_task(asyncio.to_thread(future.get, timeout=TIMEOUT)) for _ in range(3)]
    await settle_later(future, "value")
    assert await asyncio.gather(*tasks, *threads) == ["value"] * 6


async def test_tasks_of_another_loop_wait_too() -> None:
    future = LoopFuture[str]()

    async def wait() -> str:
        return await future

    with loop_in_thread(asyncio.new_event_loop) as loop:
        waiting = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(wait(), loop))
        await settle_later(future, "value")
        assert await waiting == "value"


async def test_value_set_by_a_thread_wakes_the_task() -> None:
    future = LoopFuture[str]()
    waiting = asyncio.create_task(asyncio.wait_for(future, TIMEOUT))
    await asyncio.sleep(0)
    await asyncio.to_thread(future.set, "value")
    assert await waiting == "value"


async def test_cancelled_task_leaves_the_future_as_it_is() -> None:
    future = LoopFuture[str]()
    cancelled, patient = (asyncio.create_task(asyncio.wait_for(future, TIMEOUT)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert len(future._settled._waiters or ()) == 1
    future.set("value")
    assert await patient == await future == "value"


async def test_exception_reaches_every_awaiter() -> None:
    ref = Echo.start()
    future = ref.ask(lambda: 1 // 0, block=False)
    results = await asyncio.gather(future, future, return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError] * 2


async def test_get_hook_set_while_a_task_waits() -> None:
    future = LoopFuture[str]()
    waiting = asyncio.create_task(asyncio.wait_for(future, TIMEOUT))
    await asyncio.sleep(0)
    future.set_get_hook(lambda _: "hooked")
    assert await waiting == "hooked"


@pytest.mark.parametrize(
    ("derive", "expected"),
    [
        (lambda f: f.map(sum), 6),
        (lambda f: f.filter(lambda x: x > 1), [2, 3]),
        (lambda f: f.reduce(lambda x, y: x * y), 6),
        (lambda f: f.join(f.map(len)).map(str), "[[1, 2, 3], 3]"),
    ],
    ids=["map", "filter", "reduce", "join"],
)
async def test_derived_futures_are_awaited_without_blocking(
    derive: Callable[[pykka.Future[Any]], pykka.Future[Any]], expected: object
) -> None:
    derived = derive(Echo.start().ask([1, 2, 3], block=False))
    assert await asyncio.wait_for(derived, TIMEOUT) == expected


async def test_join_waits_for_actors_that_answer_in_any_order() -> None:
    futures = [LoopFuture[int]() for _ in range(4)]
    waiting = asyncio.create_task(asyncio.wait_for(futures[0].join(*futures[1:]), TIMEOUT))
    for index in (2, 0, 3, 1):
        await settle_later(futures[index], index)
    assert await waiting == [0, 1, 2, 3]


async def test_stop_is_awaited_without_blocking() -> None:
    ref = Echo.start()
    assert await ref.stop(block=False) is True
    assert await ref.stop(block=False) is False


async def test_awaited_ask_to_an_actor_that_stops() -> None:
    ref = Echo.start()
    stopped, reply = ref.stop(block=False), ref.ask("late", block=False)
    with pytest.raises(pykka.ActorDeadError):
        await reply
    assert await stopped is True


async def test_blocking_calls_on_the_loops_thread_are_refused_before_anything_is_sent() -> None:
    ref = Slow.start()
    proxy: Any = ref.proxy()
    for call in (lambda: ref.ask("hello"), lambda: ref.stop(timeout=1), lambda: setattr(proxy, "volume", 6)):
        with pytest.raises(WouldBlockLoop, match="await"):
            call()
    assert await proxy.seen == []
    assert await proxy.volume == 5


async def test_waiting_for_a_future_on_the_loops_thread_is_refused() -> None:
    future = LoopFuture[str]()
    for wait in (future.get, lambda: future.get(timeout=TIMEOUT), lambda: pykka.get_all([future.map(str)])):
        with pytest.raises(WouldBlockLoop):
            wait()
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)
    future.set("value")
    assert future.get() == "value"


async def test_waiting_for_an_actors_end_on_the_loops_thread_is_refused() -> None:
    ref = Echo.start()
    with pytest.raises(WouldBlockLoop):
        ref.actor_stopped.wait()
    assert ref.actor_stopped.wait(0) is False


async def test_handler_that_would_block_fails_and_its_asker_is_told() -> None:
    never = LoopFuture[str]()
    reply = Echo.start().ask(never.get, block=False)
    with pytest.raises(WouldBlockLoop):
        await asyncio.wait_for(reply.map(str), TIMEOUT)


async def test_thread_asks_tells_and_stops() -> None:
    ref = Slow.start()

    def life() -> tuple[Any, ...]:
        proxy: Any = ref.proxy()
        ref.tell("told")
        proxy.volume = 7
        return ref.ask("asked"), proxy.volume.get(), proxy.seen.get(), ref.stop(), ref.is_alive()

    assert await asyncio.to_thread(life) == (None, 7, ["told", "asked"], True, False)


async def test_latch_is_opened_once_for_tasks_and_threads_of_now_and_later() -> None:
    latch = Latch()
    thread = asyncio.create_task(asyncio.to_thread(latch.wait, TIMEOUT))
    task = asyncio.ensure_future(latch)
    await asyncio.sleep(0)
    assert not latch.is_set()
    latch.set()
    latch.set()
    await task
    await latch
    assert await thread is True
    assert latch.wait() is True


def test_latch_wait_gives_up() -> None:
    assert Latch().wait(0.001) is False


def test_task_left_waiting_on_a_closed_loop_harms_nobody() -> None:
    latch, loop = Latch(), asyncio.new_event_loop()
    waiting = latch.__await__()

    async def begin_to_wait() -> None:
        next(waiting)

    loop.run_until_complete(begin_to_wait())
    loop.close()
    latch.set()
    assert latch.is_set()


def test_many_threads_settle_a_future_and_one_wins() -> None:
    future = LoopFuture[int]()
    won: list[int] = []
    barrier = threading.Barrier(8)

    def settle(number: int) -> None:
        barrier.wait()
        try:
            future.set(number)
        except queue.Full:
            return
        won.append(number)

    threads = [threading.Thread(target=settle, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [future.get(timeout=0)]
