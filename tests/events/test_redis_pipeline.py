"""How requests travel to Redis: together, one batch after the other, and again when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from events.journal import Conflict, JournalUnavailable
from events.redis.answer import PendingAnswer
from events.redis.appends import Append, AppendPipeline
from events.redis.keys import Partition
from events.redis.pipeline import Pipelines
from events.redis.query import ConfirmedPipeline, Query, QueryPipeline
from events.redis.scripts import APPEND
from tests.events.redis_line import Server, Topology

PATIENCE = 5.0
FULL = "1 requests are waiting for Redis already"
PARTITION = Partition(b"test", b"1")


def queries(topology: Topology, limit: int = 1000) -> Pipelines[Query]:
    return Pipelines(topology, partial(QueryPipeline, limit=limit))


def appends(topology: Topology) -> Pipelines[Append]:
    return Pipelines(
        topology,
        partial(AppendPipeline, limit=1000, kept=1, scattered=topology.scattered(), confirm=None),
    )


def ask(
    pipelines: Pipelines[Query],
    name: str,
    *,
    slot: int = 0,
    patience: float = PATIENCE,
    parse: Callable[[Any], Any] = lambda reply: reply,
) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()
    query = Query(
        slot=slot,
        answer=answer,
        deadline=loop.time() + patience,
        command=(b"GET", name.encode()),
        parse=parse,
    )
    pipelines.submit(query)
    return answer


def row(call: str, expected: int) -> list[Any]:
    return [PARTITION.base, call.encode(), expected, b"mark", [], False, False, [], []]


def append(pipelines: Pipelines[Append], call: str, expected: int, patience: float = PATIENCE) -> PendingAnswer:
    loop = asyncio.get_running_loop()
    answer = PendingAnswer(loop)
    one = Append(
        partition=PARTITION,
        answer=answer,
        deadline=loop.time() + patience,
        chain=call,
        expected=expected,
        version=expected + 1,
        row=row(call, expected),
    )
    pipelines.submit(one)
    return answer


def names(*batch: str) -> list[list[bytes]]:
    return [[b"GET", name.encode()] for name in batch]


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def pipelines(server: Server) -> Pipelines[Query]:
    """Return pipelines whose connection was made."""
    pipelines = queries(Topology(here=server))
    first = ask(pipelines, "first")
    await server.sent()
    server.reply(b"+first\r\n")
    assert await first == b"first"
    return pipelines


async def test_what_is_asked_in_one_turn_travels_together(server: Server, pipelines: Pipelines[Query]) -> None:
    one, other = ask(pipelines, "one"), ask(pipelines, "other")
    assert server.batches == []
    await asyncio.sleep(0)
    assert server.batches == [names("one", "other")]
    server.reply(b"+1\r\n+2\r\n")
    assert (one.result(), other.result()) == (b"1", b"2")


async def test_the_usual_way_takes_no_task(server: Server, pipelines: Pipelines[Query]) -> None:
    before = asyncio.all_tasks()
    for number in range(3):
        answer = ask(pipelines, f"{number}")
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        server.reply(b":%d\r\n" % number)
        assert answer.result() == number
    assert len(server.lines) == 1


async def test_a_batch_is_settled_by_the_last_piece_of_its_replies(server: Server, pipelines: Pipelines[Query]) -> None:
    one, other = ask(pipelines, "one"), ask(pipelines, "other")
    await asyncio.sleep(0)
    for piece in (b"$3\r\non", b"e\r\n$5\r", b"\nother\r"):
        server.reply(piece)
        assert not one.done()
        assert not other.done()
    server.reply(b"\n")
    assert (one.result(), other.result()) == (b"one", b"other")


async def test_one_batch_is_under_way_at_a_time(server: Server, pipelines: Pipelines[Query]) -> None:
    ask(pipelines, "one")
    await asyncio.sleep(0)
    second, third = ask(pipelines, "second"), ask(pipelines, "third")
    await asyncio.sleep(0)
    assert server.batches == [names("one")]
    server.reply(b"+1\r\n")
    await asyncio.sleep(0)
    assert server.batches == [names("one"), names("second", "third")]
    server.reply(b"+2\r\n+3\r\n")
    assert (second.result(), third.result()) == (b"2", b"3")


async def test_what_is_asked_for_as_answers_come_travels_with_what_waits(
    server: Server, pipelines: Pipelines[Query]
) -> None:
    first = ask(pipelines, "first")
    first.add_done_callback(lambda _: ask(pipelines, "heard"))
    await asyncio.sleep(0)
    ask(pipelines, "waiting")
    server.reply(b"+1\r\n")
    assert await server.sent(2) == [names("first"), names("waiting", "heard")]


async def test_what_is_asked_while_a_batch_is_settled_is_sent(server: Server, pipelines: Pipelines[Query]) -> None:
    more: list[asyncio.Future[Any]] = []
    ask(pipelines, "one", parse=lambda _: more.append(ask(pipelines, "amid")))
    await asyncio.sleep(0)
    server.reply(b"+1\r\n")
    assert await server.sent(2) == [names("one"), names("amid")]
    server.reply(b"+2\r\n")
    assert more[0].result() == b"2"


async def test_a_batch_has_an_end(server: Server, pipelines: Pipelines[Query]) -> None:
    answers = [ask(pipelines, f"{number}") for number in range(300)]
    for number in (256, 44):
        [batch] = await server.sent()
        assert len(batch) == number
        server.reply(b"+OK\r\n" * number)
    assert [answer.result() for answer in answers] == [b"OK"] * 300


async def test_so_many_wait_and_no_more(server: Server) -> None:
    pipelines = queries(Topology(here=server), limit=1)
    ask(pipelines, "one")
    with pytest.raises(JournalUnavailable, match=FULL):
        await ask(pipelines, "two")
    await server.sent()
    ask(pipelines, "three")  # the first is under way, and waits no more
    with pytest.raises(JournalUnavailable, match=FULL):
        await ask(pipelines, "four")


async def test_a_connection_lost_between_two_batches_is_made_again(server: Server, pipelines: Pipelines[Query]) -> None:
    server.line.lose()
    answer = ask(pipelines, "one")
    assert await server.sent() == [names("one")]
    assert [line.is_closed for line in server.lines] == [True, False]
    server.reply(b"+1\r\n")
    assert answer.result() == b"1"


async def test_what_was_under_way_goes_again_before_what_waits(server: Server, pipelines: Pipelines[Query]) -> None:
    one = ask(pipelines, "one")
    await server.sent()
    other = ask(pipelines, "other")
    server.line.lose()
    assert await server.sent() == [names("one", "other")]
    server.reply(b"+1\r\n+2\r\n")
    assert (one.result(), other.result()) == (b"1", b"2")


async def test_a_connection_lost_before_what_waits_is_sent(server: Server, pipelines: Pipelines[Query]) -> None:
    one = ask(pipelines, "one")
    await server.sent()
    other = ask(pipelines, "other")
    server.reply(b"+1\r\n")
    server.line.lose()
    assert one.result() == b"1"
    assert await server.sent() == [names("other")]
    server.reply(b"+2\r\n")
    assert other.result() == b"2"


async def test_half_a_reply_is_none(server: Server, pipelines: Pipelines[Query]) -> None:
    one, other = ask(pipelines, "one"), ask(pipelines, "other")
    await server.sent()
    server.reply(b"+1\r\n+2")
    server.line.lose()
    assert await server.sent() == [names("one", "other")]
    server.reply(b"+1\r\n+2\r\n")
    assert (one.result(), other.result()) == (b"1", b"2")


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 400 Bad Request\r\n", b"-LOADING Redis is loading\r\n", b"-NOSCRIPT none\r\n", b"-BUSY\r\n"]
)
async def test_what_may_be_better_later_goes_again_on_another_connection(
    server: Server, pipelines: Pipelines[Query], reply: bytes
) -> None:
    answer = ask(pipelines, "one")
    await server.sent()
    server.reply(reply)
    assert await server.sent() == [names("one")]
    assert [line.is_closed for line in server.lines] == [True, False]
    server.reply(b"+1\r\n")
    assert answer.result() == b"1"


async def test_only_what_was_refused_for_now_goes_again(server: Server, pipelines: Pipelines[Query]) -> None:
    one, other, third = [ask(pipelines, name) for name in ("one", "other", "third")]
    await server.sent()
    server.reply(b"+1\r\n-TRYAGAIN later\r\n-ERR wrong\r\n")
    assert one.result() == b"1"
    with pytest.raises(JournalUnavailable, match="Redis refuses: wrong"):
        third.result()
    assert await server.sent() == [names("other")]
    server.reply(b"+2\r\n")
    assert other.result() == b"2"


async def test_a_server_that_is_silent_or_away_is_given_up_at_the_deadline(
    server: Server, pipelines: Pipelines[Query]
) -> None:
    patient = ask(pipelines, "patient")
    await server.sent()
    silent, later = ask(pipelines, "silent", patience=0.02), ask(pipelines, "later")
    server.reply(b"+1\r\n")
    server.refuses = 1
    with pytest.raises(JournalUnavailable, match="Redis cannot be reached: no reply in time"):
        await silent
    assert patient.result() == b"1"
    assert await server.sent(2) == [names("silent", "later"), names("later")]
    server.reply(b"+2\r\n")
    assert later.result() == b"2"
    server.line.lose()
    server.refuses = 1000
    with pytest.raises(JournalUnavailable, match="Redis cannot be reached: "):
        await ask(pipelines, "away", patience=0.1)
    assert server.refuses < 999


async def test_what_has_moved_is_sent_where_it_is(server: Server) -> None:
    there = Server()
    topology = Topology(here=server, there=there)
    pipelines = queries(topology)
    answers = [ask(pipelines, "stays", slot=1), ask(pipelines, "goes", slot=2)]
    await server.sent()
    waiting = ask(pipelines, "waits", slot=2)
    topology.moving = {2: "there"}
    server.reply(b"+1\r\n-MOVED 2 there:6379\r\n")
    assert await there.sent() == [names("goes", "waits")]
    there.reply(b"+2\r\n+3\r\n")
    assert [one.result() for one in (*answers, waiting)] == [b"1", b"2", b"3"]
    last = ask(pipelines, "back", slot=1)
    assert await server.sent() == [names("back")]
    server.reply(b"+4\r\n")
    assert last.result() == b"4"


async def test_closing_waits_for_what_is_under_way_and_what_waits(server: Server, pipelines: Pipelines[Query]) -> None:
    one = ask(pipelines, "one")
    await server.sent()
    other = ask(pipelines, "other")
    closing = asyncio.ensure_future(pipelines.close())
    await asyncio.sleep(0)
    with pytest.raises(JournalUnavailable, match="the journal is closed"):
        await ask(pipelines, "late")
    server.reply(b"+1\r\n")
    await server.sent()
    assert not closing.done()
    assert not server.line.is_closed
    server.reply(b"+2\r\n")
    await closing
    assert (one.result(), other.result()) == (b"1", b"2")
    assert server.line.is_closed


async def test_closing_waits_for_what_is_tried_again(server: Server, pipelines: Pipelines[Query]) -> None:
    server.refuses = 1000
    server.line.lose()
    answer = ask(pipelines, "one", patience=0.1)
    await pipelines.close()
    with pytest.raises(JournalUnavailable, match="Redis cannot be reached"):
        answer.result()
    await pipelines.close()


async def test_who_is_closed_at_rest_is_closed_at_once(server: Server, pipelines: Pipelines[Query]) -> None:
    await pipelines.close()
    assert server.line.is_closed


async def test_who_stopped_waiting_hinders_nobody(server: Server, pipelines: Pipelines[Query]) -> None:
    one, other = ask(pipelines, "one"), ask(pipelines, "other")
    await server.sent()
    one.cancel()
    server.reply(b"+1\r\n+2\r\n")
    assert other.result() == b"2"


async def test_nobody_is_left_waiting_when_the_loop_is_shut_down(server: Server, pipelines: Pipelines[Query]) -> None:
    server.refuses = 1000
    server.line.lose()
    before = asyncio.all_tasks()
    answer = ask(pipelines, "one")
    await asyncio.sleep(0)
    [recovery] = asyncio.all_tasks() - before
    await asyncio.sleep(0.05)
    waiting = ask(pipelines, "other")
    recovery.cancel()
    for failed in (answer, waiting):
        with pytest.raises(JournalUnavailable, match="CancelledError"):
            await failed
    server.refuses = 0
    again = ask(pipelines, "again")
    await server.sent()
    server.reply(b"+1\r\n")
    assert again.result() == b"1"


async def test_a_reply_that_makes_no_sense_leaves_nobody_waiting(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    one = append(pipelines, "call", 0)
    await server.sent()
    other = append(pipelines, "other", 0)
    with pytest.raises(TypeError):
        server.reply(b":7\r\n")
    for failed in (one, other):
        assert failed.done()
        with pytest.raises(JournalUnavailable, match="the journal's connection failed: TypeError"):
            await failed
    again = append(pipelines, "again", 0)
    await server.sent()
    server.reply(b"*0\r\n")
    assert await again == 1


async def test_what_cannot_be_packed_leaves_nobody_waiting(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    done = append(pipelines, "call", 0)
    await server.sent()
    server.reply(b"*0\r\n")
    assert await done == 1
    loop = asyncio.get_running_loop()
    answer = PendingAnswer(loop)
    odd = Append(
        partition=PARTITION,
        answer=answer,
        deadline=loop.time() + PATIENCE,
        chain="odd",
        expected=0,
        version=1,
        row=[object()],
    )
    pipelines.submit(odd)
    with pytest.raises(JournalUnavailable, match="the journal's connection failed: TypeError"):
        await answer
    assert [type(one["exception"]) for one in told] == [TypeError]
    again = append(pipelines, "again", 0)
    await server.sent()
    server.reply(b"*0\r\n")
    assert await again == 1


async def test_appends_that_build_on_one_that_failed_fail(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    one, right = append(pipelines, "call", 3), append(pipelines, "right", 0)
    await server.sent()
    follower, other = append(pipelines, "call", 4), append(pipelines, "other", 0)
    server.reply(b"*2\r\n:1\r\n:7\r\n")
    assert await right == 1
    for failed in (one, follower):
        with pytest.raises(Conflict) as caught:
            await failed
        assert caught.value.actual == 7
    [batch] = await server.sent()
    server.reply(b"*0\r\n")
    assert await other == 1
    assert b"other" in batch[0][-1]
    assert b"call" not in batch[0][-1]


async def test_appends_that_build_on_one_that_was_given_up_fail(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    server.refuses = 1000
    one = append(pipelines, "call", 0, patience=0.05)
    follower, other = append(pipelines, "call", 1), append(pipelines, "other", 0)
    for failed in (one, follower):
        with pytest.raises(JournalUnavailable, match="Redis cannot be reached"):
            await failed
    server.refuses = 0
    await server.sent()
    server.reply(b"*0\r\n")
    assert await other == 1


async def test_who_hears_of_a_failure_can_ask_anew_at_once(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    one = append(pipelines, "call", 3)
    await server.sent()
    follower = append(pipelines, "call", 4)
    anew: list[PendingAnswer] = []
    for failed in (one, follower):
        failed.add_done_callback(lambda _: anew.append(append(pipelines, "call", 7)))
    server.reply(b"*2\r\n:1\r\n:7\r\n")
    [batch] = await server.sent()
    server.reply(b"*0\r\n")
    assert [await answer for answer in anew] == [8, 8]
    assert batch[0][-1].count(b"call") == 2


async def test_who_hears_that_the_time_is_over_can_ask_anew_at_once(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    server.refuses = 1000
    given_up = [append(pipelines, "call", version, patience=0.05) for version in range(3)]
    anew: list[PendingAnswer] = []
    for answer in given_up:
        answer.add_done_callback(lambda _: anew.append(append(pipelines, "call", 0)))
    for answer in given_up:
        with pytest.raises(JournalUnavailable, match="Redis cannot be reached"):
            await answer
    server.refuses = 0
    await server.sent()
    server.reply(b"*0\r\n")
    assert [await answer for answer in anew] == [1, 1, 1]


async def test_who_hears_of_a_connection_that_failed_can_ask_anew_at_once(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    lost = [append(pipelines, "call", 0)]
    await server.sent()
    lost.append(append(pipelines, "other", 0))
    anew: list[PendingAnswer] = []
    for answer in lost:
        answer.add_done_callback(lambda _: anew.append(append(pipelines, "again", 0)))
    with pytest.raises(TypeError):
        server.reply(b":7\r\n")
    assert len(anew) == 2
    await server.sent()
    server.reply(b"*0\r\n")
    assert [await answer for answer in anew] == [1, 1]


async def test_a_callback_that_fails_leaves_nobody_waiting(server: Server) -> None:
    pipelines = appends(Topology(here=server))
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    one, other = append(pipelines, "call", 0), append(pipelines, "other", 0)
    one.add_done_callback(lambda _: 1 // 0)
    await server.sent()
    server.reply(b"*0\r\n")
    assert [await one, await other] == [1, 1]
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]


async def test_a_server_that_has_all_partitions_is_told_no_keys(server: Server) -> None:
    cluster = Server()
    for pipelines in (appends(Topology(here=server)), appends(Topology(here=cluster, there=Server()))):
        append(pipelines, "call", 0)
    [[alone]] = await server.sent()
    [[scattered]] = await cluster.sent()
    assert alone[:4] == [b"EVALSHA", APPEND.sha, b"0", b"1"]
    keys = int(scattered[2])
    assert keys > 0
    assert scattered[3 : 3 + keys] == list(dict.fromkeys(scattered[3 : 3 + keys]))
    assert [*scattered[:2], b"0", *scattered[3 + keys :]] == alone


async def test_what_is_not_confirmed_fails(server: Server) -> None:
    pipelines: Pipelines[Query] = Pipelines(
        Topology(here=server),
        partial(ConfirmedPipeline, limit=1000, confirm=(b"WAIT", 1, 2000)),
    )
    for confirmed in (True, False):
        answer = ask(pipelines, "one")
        assert await server.sent() == [[*names("one"), [b"WAIT", b"1", b"2000"]]]
        server.reply(b"+1\r\n:%d\r\n" % confirmed)
        if confirmed:
            assert answer.result() == b"1"
        else:
            with pytest.raises(JournalUnavailable, match="not confirmed"):
                answer.result()
