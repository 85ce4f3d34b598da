"""The live tail: what viewers are told, what they miss, and where they go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import StreamReader

from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, Index, LiveCall, Recorded
from events.registry import CommandRefused
from gateways.mi.methods import Role
from replay.privacy.numbers import Numbers
from replay.privacy.users import Shown
from rtp_relay.cli.following import Told
from rtp_relay.web.feed import KEPT, QUEUE, Feed, Gap, Item, Viewer
from tests.events.samples import record
from tests.rtp_relay.web.visitor import Visitor, visiting


def told(number: int, call_id: str = "call") -> Told:
    return Told(CallId(call_id), record(number), frozenset({"relay-1"}), frozenset({"gold"}))


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    made = Feed()
    yield made
    await made.close()


@pytest.fixture
async def journal() -> AsyncIterator[MemoryJournal]:
    made = MemoryJournal()
    yield made
    await made.close()


def numbers(told: list[Item | Gap]) -> list[object]:
    return [one.number if isinstance(one, Item) else ("gap", one.missed) for one in told]


async def test_viewers_are_told_what_they_want(feed: Feed, journal: MemoryJournal) -> None:
    everything, some = Viewer(), Viewer("OTHER")
    feed.join(journal, everything)
    feed.join(journal, some)
    feed.take(told(1))
    feed.take(told(2, "another"))
    assert numbers(await everything.next()) == [1, 2]
    assert numbers(await some.next()) == [2]


async def test_numbers_are_told_as_they_may_be_shown(feed: Feed, journal: MemoryJournal) -> None:
    feed.numbers = Numbers(Shown.NOTHING)
    viewer = Viewer()
    feed.join(journal, viewer)
    entry = record(1, CommandRefused(command="offer", reason="busy: sip:+4930123456789@example.com"))
    feed.take(replace(told(1), entry=entry))
    (item,) = await viewer.next()
    assert isinstance(item, Item)
    assert "4930123456789" not in item.facts + item.words
    assert "busy: sip:xxxx@example.com" in item.facts


async def test_a_slow_viewer_hears_how_much_it_missed_and_where(feed: Feed, journal: MemoryJournal) -> None:
    viewer = Viewer()
    feed.join(journal, viewer)
    for number in range(1, QUEUE + 6):
        feed.take(told(number))
    assert numbers(await viewer.next()) == [*range(1, QUEUE + 1), ("gap", 5)]
    feed.take(told(QUEUE + 6))
    assert numbers(await viewer.next()) == [QUEUE + 6]


async def test_a_viewer_goes_on_where_it_was(feed: Feed, journal: MemoryJournal) -> None:
    feed.join(journal, Viewer())
    for number in range(1, 6):
        feed.take(told(number))
    back = Viewer()
    feed.join(journal, back, f"{feed.run}-3")
    assert numbers(await back.next()) == [4, 5]


@pytest.mark.parametrize("last_id", ["0123abcd-3", "x", "-", "{}-99", "{}-x", "{}-" + "9" * 5000])
async def test_a_viewer_that_comes_from_elsewhere_hears_that_something_may_be_missing(
    feed: Feed, journal: MemoryJournal, last_id: str
) -> None:
    feed.join(journal, Viewer())
    feed.take(told(1))
    back = Viewer()
    feed.join(journal, back, last_id.format(feed.run))
    assert numbers(await back.next()) == [("gap", None)]


async def test_a_viewer_that_was_away_for_long_hears_what_is_not_kept(feed: Feed, journal: MemoryJournal) -> None:
    feed.join(journal, Viewer())
    for number in range(1, KEPT + 11):
        feed.take(told(number))
    back = Viewer("nothing has this")
    feed.join(journal, back, f"{feed.run}-4")
    assert numbers(await back.next()) == [("gap", 6)]


async def test_what_came_before_a_gap_is_not_told_again(feed: Feed, journal: MemoryJournal) -> None:
    viewer = Viewer()
    feed.join(journal, viewer)
    for number in range(1, QUEUE + 3):
        feed.take(told(number))
    last = (await viewer.next())[-1]
    back = Viewer()
    feed.join(journal, back, feed.id_of(last))
    assert numbers(await back.next()) == [QUEUE + 1, QUEUE + 2]


@dataclass
class _Stream:
    """The lines of an event stream, event by event."""

    content: StreamReader

    async def next(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        async for line in self.content:
            text = line.decode().rstrip("\n")
            if not text and "data" in fields:
                return fields
            name, colon, value = text.partition(": ")
            if colon:
                fields[name] = value
        raise EOFError


async def test_events_come_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: MemoryJournal
) -> None:
    evil = CallId("<b>\n\ndata: x\u2028")
    async with asyncio.timeout(20), visiting(monkeypatch, tmp_path, journal) as visitor:
        await visitor.log_in(Role.READ)
        async with visitor.client.get("/tail/events") as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            stream = _Stream(answer.content)
            await _write(journal, evil, 1)
            first = await stream.next()
            assert json.loads(first["data"])["call"] == evil
        await _write(journal, evil, 2)
        async with visitor.client.get("/tail/events", headers={"Last-Event-ID": first["id"]}) as answer:
            second = json.loads((await _Stream(answer.content).next())["data"])
            assert (second["version"], second["call"]) == (2, evil)


async def _write(journal: MemoryJournal, call_id: CallId, version: int) -> None:
    now = round(await journal.time())
    entry = Recorded(version, now, "control-1", record(version).event)
    row = LiveCall(call_id=call_id, status="live", version=version, created=now, changed=now)
    await journal.append(call_id, version - 1, [entry], NOTHING, Index(live=row))


async def test_nobody_looks_on_without_a_login(visitor: Visitor) -> None:
    async with visitor.client.get("/tail/events", allow_redirects=False) as answer:
        assert answer.status == 303


@pytest.fixture
async def visitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: MemoryJournal) -> AsyncIterator[Visitor]:
    async with visiting(monkeypatch, tmp_path, journal) as one:
        yield one


async def test_the_rates_of_the_charts(visitor: Visitor) -> None:
    await visitor.log_in(Role.READ)
    assert await visitor.get("/rates.json") == 200
    assert set(json.loads(visitor.page)) == {"at", "live", "begun", "ended", "failed"}
