"""The answer to one append: who waits for it hears of it at once, whatever the others do."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from events.journal import JournalUnavailable
from events.redis.answer import PendingAnswer


def pending() -> PendingAnswer:
    return PendingAnswer(asyncio.get_running_loop())


async def test_callbacks_are_called_as_it_is_given_one_after_the_other() -> None:
    answer, heard = pending(), list[Any]()
    for number in range(3):
        answer.add_done_callback(partial(lambda number, given: heard.append((number, given)), number))
    assert (answer.done(), heard) == (False, [])
    answer.set_result(7)
    assert (answer.done(), heard) == (True, [(0, answer), (1, answer), (2, answer)])


async def test_a_callback_that_comes_later_is_called_in_a_turn_of_its_own() -> None:
    answer, heard = pending(), list[Any]()
    answer.set_exception(JournalUnavailable("away"))
    answer.add_done_callback(heard.append)
    assert heard == []
    await asyncio.sleep(0)
    assert heard == [answer]


async def test_a_callback_that_fails_keeps_nothing_from_the_others() -> None:
    answer, heard, told = pending(), list[Any](), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    answer.add_done_callback(lambda _: 1 // 0)
    answer.add_done_callback(heard.append)
    answer.set_result(7)
    assert heard == [answer]
    assert [type(error) for error in told] == [ZeroDivisionError]


@pytest.mark.parametrize("is_given_first", [True, False])
async def test_it_can_be_awaited_by_several(*, is_given_first: bool) -> None:
    answer = pending()
    if is_given_first:
        answer.set_result(7)
    waiting = [asyncio.ensure_future(answer) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    if not is_given_first:
        answer.set_result(7)
    assert [await one for one in (waiting[0], waiting[2])] == [7, 7]
    assert await answer == 7
    assert answer.exception() is None


@pytest.mark.parametrize("is_given_first", [True, False])
async def test_who_awaits_it_gets_the_error(*, is_given_first: bool) -> None:
    answer, error = pending(), JournalUnavailable("away")
    if is_given_first:
        answer.set_exception(error)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    if not is_given_first:
        answer.set_exception(error)
    with pytest.raises(JournalUnavailable, match="away"):
        await waiting
    assert answer.exception() is error


async def test_who_stops_waiting_leaves_it_as_it_is() -> None:
    answer = pending()
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert (waiting.cancelled(), answer.done()) == (True, False)
    answer.set_result(7)
    assert await answer == 7
