"""Following the events of all calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, CallFilter, CallPage, ChangePage, Index, Recorded, Stored
from rtp_relay.cli.app import app
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.following import Follower, Gap, Told
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.tail import Filter, tell
from tests.events.ended_contract import ENDED
from tests.events.samples import EVENTS, live, record
from tests.rtp_relay.cli_journal import use_journal

BEFORE = 1_000_000


class Clock:
    now = 2_000_000

    def __call__(self) -> int:
        return self.now


class Journal(MemoryJournal):
    """One that can be away, also in the midst of a look."""

    pages_left = 1000
    pages_read = 0
    forgets = looks = 0

    async def changes(self, cursor: str = "") -> ChangePage:
        """Lose track of the changes at every so many looks."""
        page = await super().changes(cursor)
        self.looks += 1
        return replace(page, whole=page.whole and not (self.forgets and self.looks % self.forgets == 0))

    async def stored(self, call_id: CallId) -> Stored:
        if not self.pages_left:
            raise JournalUnavailable("away")
        return await super().stored(call_id)

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = 2) -> CallPage:  # noqa: ARG002
        if not self.pages_left:
            raise JournalUnavailable("away")
        self.pages_left -= 1
        self.pages_read += 1
        return await super().page(wanted, cursor, 2)


class Calls:
    """Calls that live in a journal, with what was written of them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock)
        self.written: list[tuple[str, int]] = []
        self._indexes: dict[str, Index] = {}

    async def go_on(self, call: str, count: int = 1, *, ends: bool = False, node: str = "ng1") -> None:
        before = self._indexes.get(call, NOTHING)
        first = sum(name == call for name, _ in self.written) + 1
        records = [
            Recorded(version, self.clock(), "control-1", EVENTS[version % len(EVENTS)])
            for version in range(first, first + count)
        ]
        index = live(CallId(call), records[-1].version, node)
        row = index.live and replace(index.live, changed=self.clock(), set="gold")
        ended = replace(ENDED, call_id=CallId(call), version=records[-1].version, ended=self.clock())
        after = Index(ended=ended) if ends else replace(index, live=row)
        await self.journal.append(CallId(call), first - 1, records, before, after)
        self._indexes[call] = after
        self.written += [(call, record.version) for record in records]


async def look(follower: Follower) -> list[Told]:
    return [told async for told in follower.look()]


def names(told: list[Told]) -> list[tuple[str, int]]:
    return [(one.call_id, one.entry.version) for one in told]


async def test_events_of_after_the_clock_was_set_back_are_told() -> None:
    calls = Calls()
    await calls.go_on("old")
    calls.clock.now += 1
    follower = Follower(calls.journal, calls.clock())
    assert await look(follower) == []
    calls.clock.now -= 3_600_000
    await calls.go_on("old")
    await calls.go_on("new")
    assert sorted(names(await look(follower))) == [("new", 1), ("old", 2)]


FORGETS = pytest.mark.parametrize("forgets", [0, 1, 2, 3])


@FORGETS
async def test_each_event_is_told_once_and_none_of_before(forgets: int) -> None:
    calls = Calls()
    calls.journal.forgets = forgets
    await calls.go_on("old", 3)
    await calls.go_on("older", 2, ends=True)
    calls.clock.now += 1
    old = len(calls.written)
    follower = Follower(calls.journal, calls.clock())
    told = await look(follower)
    assert told == []
    for turn in range(12):
        calls.clock.now += 4000
        await calls.go_on("old", 2)
        for number in range(turn):
            await calls.go_on(f"call-{number}", 1 + number % 3)
        await calls.go_on(f"short-{turn}", 30, ends=True)
        if turn == 5:
            await calls.go_on("old", 1, ends=True)
        if turn % 2:
            told += await look(follower)
    told += await look(follower)
    assert sorted(names(told)) == sorted(calls.written[old:])
    for call in {name for name, _ in calls.written}:
        versions = [version for name, version in names(told) if name == call]
        assert versions == sorted(versions)


@FORGETS
async def test_nothing_is_lost_and_nothing_told_twice_while_the_journal_is_away(forgets: int) -> None:
    calls = Calls()
    calls.journal.forgets = forgets
    follower = Follower(calls.journal, calls.clock())
    told: list[Told] = []
    for turn in range(20):
        calls.clock.now += 60_000
        for number in range(5):
            await calls.go_on(f"call-{number}")
        await calls.go_on(f"short-{turn}", 2, ends=True)
        calls.journal.pages_left = turn % 4
        with suppress(JournalUnavailable):
            async for one in follower.look():
                told.append(one)  # noqa: PERF401 - what was told before it broke off is told
    calls.journal.pages_left = 1000
    told += await look(follower)
    assert sorted(names(told)) == sorted(calls.written)


async def test_live_calls_are_looked_through_once() -> None:
    calls = Calls()
    for number in range(50):
        await calls.go_on(f"call-{number}")
    follower = Follower(calls.journal, calls.clock() + 1)
    await look(follower)
    read = calls.journal.pages_read
    calls.clock.now += 10
    for _ in range(5):
        await calls.go_on("call-7")
        assert len(await look(follower)) == 1
    assert calls.journal.pages_read == read


async def test_what_the_journal_has_removed_is_told_as_a_gap() -> None:
    calls = Calls()
    gaps: list[Gap] = []
    follower = Follower(calls.journal, calls.clock(), gap=gaps.append, kept=60_000)
    for call in ("goes", "told", "stays"):
        await calls.go_on(call, 2)
    assert len(await look(follower)) == 6
    await calls.go_on("told", 1, ends=True)
    assert len(await look(follower)) == 1
    await calls.go_on("goes", 1, ends=True)
    await calls.go_on("unseen", 1, ends=True)
    calls.clock.now += 30 * 3_600_000
    assert await look(follower) == []
    assert [(gap.call_id, gap.after) for gap in gaps] == [("goes", 2), ("unseen", 0)]
    gaps.clear()
    calls.journal.forgets = 1
    looked = calls.clock()
    calls.clock.now += 60_001
    await calls.go_on("stays", 1)
    assert names(await look(follower)) == [("stays", 3)]
    assert [(gap.call_id, gap.since, gap.until) for gap in gaps] == [("", looked, looked + 1)]


async def test_it_begins_where_it_is_asked_to() -> None:
    calls = Calls()
    await calls.go_on("a", 2)
    then = calls.clock.now = calls.clock.now + 5
    await calls.go_on("a", 2)
    await calls.go_on("b", 1, ends=True)
    calls.clock.now += 100
    assert names(await look(Follower(calls.journal, then))) == [("a", 3), ("a", 4), ("b", 1)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), 3),
        (Filter(node="ng1"), 2),
        (Filter(node="ng2"), 1),
        (Filter(set="gold"), 3),
        (Filter(set="lead"), 0),
        (Filter(call="ALI"), 2),
        (Filter(by="control-2"), 0),
        (Filter(by="control-1/1"), 0),
        (Filter(event=EVENTS[2].name), 1),
    ],
)
async def test_events_are_filtered(wanted: Filter, found: int) -> None:
    calls = Calls()
    await calls.go_on("alice", 2)
    await calls.go_on("bob", 1, node="ng2")
    told = await look(Follower(calls.journal, calls.clock()))
    assert sum(map(wanted.takes, told)) == found


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("answerd", "there is no event 'answerd'; did you mean 'answered'"),
        ("\x1b", "known ones: adopted, answer failed, "),
    ],
)
def test_an_event_that_there_is_not_is_named(event: str, said: str) -> None:
    result = CliRunner().invoke(app, ("tail", "--event", event), env={"RTP_RELAY_CONFIG": ""})
    assert result.exit_code == Exit.USAGE
    assert f"--event: there is no event {event!r}; " in result.output
    assert said in result.output


def test_a_name_that_there_is_not_is_named_before_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    async def fill(journal: MemoryJournal) -> None:
        await journal.append(CallId("a"), 0, [record(1)], NOTHING, live(CallId("a"), 1, "relay-1"))

    use_journal(monkeypatch, fill)
    monkeypatch.setattr("rtp_relay.cli.tail.tell", interrupted)
    for node, said in (("relya-1", "rtp-relay: there is no node 'relya-1'; known ones: relay-1\n"), ("relay-1", "")):
        result = CliRunner().invoke(app, ("tail", "--node", node), env={"RTP_RELAY_CONFIG": ""})
        assert result.output == said


@pytest.mark.parametrize("as_json", [True, False])
async def test_lines_are_harmless_and_whole(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    calls = Calls()
    await calls.go_on("c[red]\x1b[2J\nx", 3)
    telling = asyncio.ensure_future(
        tell(calls.journal, calls.clock(), Filter(), display=Display(Form.JSON if as_json else Form.TABLE))
    )
    lines: list[str] = []
    async for _ in turns():
        lines += capsys.readouterr().out.splitlines()
        if len(lines) == (3 if as_json else 4):
            break
    telling.cancel()
    assert "\x1b" not in "".join(lines)
    if as_json:
        documents = [json.loads(one) for one in lines]
        assert [one["call_id"] for one in documents] == ["c[red]\x1b[2J\nx"] * 3
        assert not any("since" in one for one in documents)
        assert [one["version"] for one in documents] == [1, 2, 3]
    else:
        assert lines.pop(0).split()[:3] == ["at", "(UTC)", "call-id"]
        assert all("c[red]\\x1b[2J\\nx" in one for one in lines)


@pytest.mark.parametrize(
    ("form", "at"), [(Form.CSV, "1970-01-01T00:33:20.000Z"), (Form.TABLE, "1970-01-01 00:33:20.000")]
)
async def test_programs_are_told_times_by_rfc_3339(capsys: pytest.CaptureFixture[str], form: Form, at: str) -> None:
    calls = Calls()
    await calls.go_on("c1", 1)
    telling = asyncio.ensure_future(tell(calls.journal, calls.clock(), Filter(), display=Display(form)))
    said = ""
    async for _ in turns():
        said += capsys.readouterr().out
        if "c1" in said:
            break
    telling.cancel()
    assert said.splitlines()[1].startswith(at)


@pytest.mark.parametrize("form", [Form.TABLE, Form.JSON])
async def test_a_gap_stands_among_the_lines(capsys: pytest.CaptureFixture[str], form: Form) -> None:
    calls = Calls()
    await calls.go_on("goes", 2)
    await calls.go_on("stays", 1)
    telling = asyncio.ensure_future(tell(calls.journal, calls.clock(), Filter(), kept=60_000, display=Display(form)))
    said = ""
    async for _ in turns():
        said += capsys.readouterr().out
        if "goes" in said and "stays" in said:
            break
    await calls.go_on("goes", 1, ends=True)
    calls.clock.now += 30 * 3_600_000
    async for _ in turns():
        said += capsys.readouterr().out
        if "gap" in said:
            break
    telling.cancel()
    (gap,) = [line for line in said.splitlines() if "gap" in line]
    if form is Form.JSON:
        assert (json.loads(gap)["call_id"], json.loads(gap)["after"]) == ("goes", 2)
    else:
        assert gap.split()[:3] == ["goes", ">2", "gap"]


async def turns() -> AsyncIterator[None]:
    for _ in range(1000):
        yield
        await asyncio.sleep(0.01)
