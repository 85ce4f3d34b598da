"""From the journal to a receiver: at least once, in a call's order, and no call waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId
from events.outbox import Letter
from events.records import Recorded
from events.registry import DeleteIntended, MediaSeen, MediaTimedOut, Scope
from gateways.webhooks import poster as posting
from gateways.webhooks import sender as sending
from gateways.webhooks.counters import WebhookCounters
from gateways.webhooks.messages import of_record, read_message
from gateways.webhooks.poster import Poster
from gateways.webhooks.sender import Sender
from tests.events.samples import EVENTS
from tests.peers.webhooks import Receiver, receiving

NAMES = frozenset({"media timed out", "delete wanted"})
NOW = 10**15  # ms: nothing is old


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(sending, "LOOK", 0.02)
    monkeypatch.setattr(posting, "AGAIN", 0.01)


def timed_out(version: int, at: int = NOW) -> Recorded:
    return Recorded(version, at, "control-1", MediaTimedOut(session=version))


class Machine:
    """A control node's side of webhooks."""

    def __init__(self, journal: MemoryJournal, url: str, name: str = "one", give_up_after: float = 1e9) -> None:
        self.counters = WebhookCounters()
        self.sender = Sender(
            url,
            "box",
            journal,
            holder=name,
            secrets=[],
            give_up_after=give_up_after,
            counters=self.counters,
        )
        self.poster = Poster([journal.outbox("box")], NAMES, self.counters, self.sender.hurry, keep=3600)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Machine]:
        tasks = [asyncio.create_task(self.poster.run()), asyncio.create_task(self.sender.run())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def happen(self, call: str, *versions: int) -> None:
        for version in versions:
            self.poster.observe(CallId(call), timed_out(version))


def versions(receiver: Receiver, call: str) -> list[int]:
    return [one["version"] for one in receiver.taken if one["call_id"] == call]


async def test_what_is_wanted_comes_once_and_in_order() -> None:
    journal = MemoryJournal()
    async with receiving() as receiver, Machine(journal, receiver.url).running() as machine:
        machine.happen("a", 1, 2, 3)
        machine.poster.observe(CallId("a"), Recorded(4, NOW, "control-1", MediaSeen(session=1)))
        machine.happen("b", 1)
        await receiver.until(lambda: machine.counters.delivered == 4, "all are delivered")
        assert versions(receiver, "a") == [1, 2, 3]
        assert versions(receiver, "b") == [1]
        assert set(receiver.attempts.values()) == {1}
        assert receiver.taken[0] == {
            "id": receiver.taken[0]["id"],
            "call_id": "a",
            "version": 1,
            "at": NOW,
            "by": "control-1",
            "event": "media timed out",
            "schema": 1,
            "data": {"session": 1},
        }
        assert await journal.outbox("box").letters("", 10) == []


async def test_how_old_it_is_goes_by_the_clock_of_the_journal() -> None:
    journal = MemoryJournal(lambda: 1_000_000)
    async with receiving() as receiver, Machine(journal, receiver.url, give_up_after=10).running() as machine:
        receiver.status = lambda _: 500
        machine.poster.observe(CallId("a"), timed_out(1, 999_000))
        await receiver.until(lambda: machine.counters.failed >= 2, "it is sent again")
        assert machine.counters.given_up == 0


async def test_what_is_not_taken_is_sent_again_and_keeps_back_its_call_alone() -> None:
    async with receiving() as receiver, Machine(MemoryJournal(), receiver.url).running() as machine:
        receiver.status = lambda one: 500 if one["call_id"] == "a" and one["version"] == 1 else 200
        machine.happen("a", 1, 2)
        machine.happen("b", 1, 2)
        await receiver.until(lambda: versions(receiver, "b") == [1, 2], "the other call's are there")
        await receiver.until(lambda: machine.counters.failed >= 2, "it is sent again")
        assert versions(receiver, "a") == []
        receiver.status = lambda _: 200
        await receiver.until(lambda: versions(receiver, "a") == [1, 2], "both are there")


@pytest.mark.parametrize("status", [302, 400, 404, 500])
async def test_what_is_too_old_is_given_up(status: int) -> None:
    journal = MemoryJournal()
    async with receiving() as receiver, Machine(journal, receiver.url, give_up_after=0).running() as machine:
        receiver.status = lambda one: status if one["version"] == 1 else 200
        machine.poster.observe(CallId("a"), timed_out(1, at=0))
        machine.happen("a", 2)
        await receiver.until(lambda: versions(receiver, "a") == [2], "the next one is there")
        assert (machine.counters.given_up, machine.counters.failed) == (1, 1)


async def test_a_receiver_that_is_away_or_never_answers_keeps_nobody() -> None:
    journal = MemoryJournal()
    async with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2].partition("/")[0])
        url = receiver.url
    async with Machine(journal, url).running() as machine:
        machine.happen("a", 1)
        await receiver.until(lambda: machine.counters.failed, "it fails")
        async with receiving(port=port) as back:
            back.hold = asyncio.Event()
            await back.until(lambda: back.attempts, "it is asked")
            machine.happen("a", 2)  # comes back at once
            back.hold.set()
            await back.until(lambda: versions(back, "a") == [1, 2], "both are there")


async def test_another_control_node_goes_on_where_one_stopped() -> None:
    journal = MemoryJournal()
    async with receiving() as receiver:
        receiver.status = lambda _: 503
        first, second = Machine(journal, receiver.url), Machine(journal, receiver.url, "two")
        async with first.running():
            first.happen("a", 1, 2)
            await receiver.until(lambda: receiver.attempts, "it is sent")
        receiver.status = lambda _: 200
        async with second.running():
            await receiver.until(lambda: versions(receiver, "a") == [1, 2], "both are there")
        assert len(receiver.attempts) == 2
        assert await journal.outbox("box").letters("", 10) == []


async def test_one_control_node_sends_for_all() -> None:
    journal = MemoryJournal()
    async with receiving() as receiver:
        first, second = Machine(journal, receiver.url), Machine(journal, receiver.url, "two")
        async with first.running(), second.running():
            for version in range(1, 20):
                (first, second)[version % 2].happen("a", version)
                await asyncio.sleep(0)
            await receiver.until(lambda: len(receiver.taken) == 19, "all are there")
        assert set(receiver.attempts.values()) == {1}
        assert 0 in (first.counters.delivered, second.counters.delivered)


async def test_what_the_outbox_cannot_take_waits_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "MAX_WAITING", 3)
    journal = MemoryJournal()
    box = journal.outbox("box")
    really, away = box.put, True

    async def put(contents: list[bytes], keep: float) -> None:
        if away:
            raise JournalUnavailable("away")
        await really(contents, keep)

    monkeypatch.setattr(box, "put", put)
    async with receiving() as receiver, Machine(journal, receiver.url).running() as machine:
        machine.happen("a", 1, 2, 3, 4)
        await asyncio.sleep(0.05)
        assert (machine.counters.dropped, machine.counters.posted) == (1, 0)
        away = False
        await receiver.until(lambda: versions(receiver, "a") == [1, 2, 3], "those that waited are there")


async def test_an_outbox_of_before_gets_its_time_without_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = MemoryJournal()
    box = journal.outbox("box")
    puts: list[tuple[int, float]] = []

    async def put(contents: Sequence[bytes], keep: float) -> None:
        puts.append((len(contents), keep))
        if len(puts) == 1:
            raise JournalUnavailable("away")

    monkeypatch.setattr(box, "put", put)
    async with receiving() as receiver, Machine(journal, receiver.url).running() as machine:
        await asyncio.sleep(0)
        assert [number for number, _ in puts] == [0]
        machine.happen("a", 1)
        await asyncio.sleep(0.01)
    assert [number for number, _ in puts] == [0, 1]
    assert puts[0][1] == puts[1][1] > 0


async def test_what_is_left_at_the_end_is_put_in() -> None:
    journal = MemoryJournal()
    machine = Machine(journal, "http://127.0.0.1:1/")
    task = asyncio.create_task(machine.poster.run())
    await asyncio.sleep(0)
    machine.happen("a", 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await journal.outbox("box").letters("", 10)) == 1


async def test_what_cannot_be_read_keeps_nobody() -> None:
    journal = MemoryJournal()
    await journal.outbox("box").put([b"garbage", b"[1]"], 3600)
    async with receiving() as receiver, Machine(journal, receiver.url).running() as machine:
        machine.happen("a", 1)
        await receiver.until(lambda: versions(receiver, "a") == [1], "the readable one is there")

        async def letters() -> list[Letter]:
            return await journal.outbox("box").letters("", 10)

        for _ in range(100):
            if not await letters():
                break
            await asyncio.sleep(0.01)
        assert not await letters()


def test_every_event_can_be_told_and_says_nothing_of_session_descriptions() -> None:
    for event in EVENTS:
        message = of_record(CallId("a \u00fc"), Recorded(1, NOW, "c", event))
        again = read_message(message.to_bytes())
        assert again == message
        for name in event.secret:
            body = getattr(event, name)
            assert not body or body.decode("utf-8", "replace")[:20] not in message.body.decode()


def test_the_id_follows_from_what_stands_in_the_journal() -> None:
    event = DeleteIntended(scope=Scope.CALL, sessions=(1,), reason="")
    ids = {
        of_record(CallId(call), Recorded(version, at, by, event)).id
        for call in ("a", "b")
        for version in (1, 2)
        for at in (5, 6)
        for by in ("one", "two")
    }
    assert len(ids) == 8
    assert all("." not in one and one.isascii() for one in ids)
