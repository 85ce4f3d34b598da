"""The journal is verified: each kind of damage is named, and what can be made anew from the streams is mended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from typer.testing import CliRunner

from events import registry as e
from events.journal import Journal
from events.names import CallId, NodeName, RelayId, Tag
from events.records import NOTHING, Index, Recorded, Stored
from events.redis import RedisJournal
from events.retention import USUAL
from events.verdict import Role, SipVerdict
from replay import snapshots
from replay.fold import fold
from replay.projection import Deadlines, project
from replay.verify import Kind, StreamCheck, impossibilities
from rtp_relay.audit.verifier import Verified, Verifier
from rtp_relay.cli.app import app
from tests.events.damaged_journal import DamagedJournal
from tests.events.samples import SDP
from tests.events.stream_keys import stream_of
from tests.peers.redis_server import RedisServer
from tests.replay.golden_streams import CALL as GOLDEN_CALL
from tests.replay.golden_streams import GoldenStream, load
from tests.replay.stories import STORY
from tests.rtp_relay.cli_journal import share_journal

DEADLINES = Deadlines()
DAY = 24 * 3_600_000
ENDED, LIVE, LONG = CallId("ended"), CallId("live"), CallId("long")
STREAMS = [stream for schema in (1, 2) for stream in load(schema)]


def index(call: CallId, records: Sequence[Recorded]) -> Index:
    """Return what the tables are to say."""
    return project(fold(call, records), DEADLINES) if records else NOTHING


async def write(journal: Journal, call: CallId, records: Sequence[Recorded]) -> None:
    """Write a call as control nodes do."""
    await journal.append(call, 0, records, NOTHING, index(call, records))


def long_story(at: int) -> list[Recorded]:
    """Return a call that is long enough for a snapshot."""
    seen = [e.CommandForwarded(command="query", session=1, result="ok")] * 120
    events = [record.event for record in STORY[:3]] + seen
    return [Recorded(number, at, "control-1", event) for number, event in enumerate(events, 1)]


async def fill(journal: Journal) -> None:
    """Write an ended call, a live one, and a long one with a snapshot."""
    now = round(await journal.time())
    story = [replace(record, at=now - STORY[-1].at + record.at) for record in STORY]
    await write(journal, ENDED, story)
    await write(journal, LIVE, story[:3])
    long = long_story(now)
    await write(journal, LONG, long)
    await journal.keep(LONG, snapshots.take(fold(LONG, long), long[-1]))


async def verified(journal: Journal, *, repair: bool = False, begin: str = "") -> list[Verified]:
    """Verify all."""
    now = round(await journal.time())
    verifier = Verifier(journal, DEADLINES, retention=USUAL, now=lambda: now, repair=repair)
    return [call async for page in verifier.pages(begin) for call in page.calls]


async def faults(journal: Journal, *, repair: bool = False) -> set[tuple[str, Kind]]:
    """Return what is found, by call."""
    return {
        (finding.call_id, finding.kind) for call in await verified(journal, repair=repair) for finding in call.findings
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    async with RedisServer() as server:
        yield server.url


@pytest.fixture(params=["memory", "redis"])
async def journal(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Journal]:
    opened: Journal = DamagedJournal()
    if request.param == "redis":
        opened = await RedisJournal.open(url, prefix=f"verify-{abs(hash(request.node.name))}")
    await fill(opened)
    yield opened
    await opened.close()


Damage = Callable[[Journal], Awaitable[object]]


def says(call: CallId, change: Callable[[Index], Index]) -> Damage:
    """Return how the tables of a call come to say something else."""

    async def damage(journal: Journal) -> None:
        stored = await journal.stored(call)
        await journal.restore(call, stored, change(stored.index))

    return damage


def wrong_row(index: Index) -> Index:
    assert index.live is not None
    return replace(index, live=replace(index.live, status="closing", sessions=()))


def wrong_ended_row(index: Index) -> Index:
    assert index.ended is not None
    return replace(index, ended=replace(index.ended, nodes=("elsewhere",)))


async def lost_stream(journal: Journal) -> None:
    """Leave a row of a call that has no stream."""
    row = replace((await journal.stored(LIVE)).index, due=None)
    assert row.live is not None
    gone = CallId("gone")
    await journal.restore(gone, Stored(), replace(row, live=replace(row.live, call_id=gone)))


async def bad_snapshot(journal: Journal) -> None:
    """Keep a snapshot of another history."""
    now = round(await journal.time())
    long = long_story(now + 1)
    await journal.keep(LONG, snapshots.take(fold(LONG, long), long[-1]))


DAMAGES: dict[str, tuple[Damage, set[tuple[str, Kind]]]] = {
    "a row that is not there": (
        says(LIVE, lambda _: NOTHING),
        {(LIVE, Kind.ROW), (LIVE, Kind.NODES), (LIVE, Kind.DUE), (LIVE, Kind.KEPT)},
    ),
    "a row that is wrong": (says(LIVE, wrong_row), {(LIVE, Kind.ROW)}),
    "a row of a call that has ended": (
        says(ENDED, lambda _: index(CallId("ended"), STORY[:3])),
        {(ENDED, Kind.ROW), (ENDED, Kind.NODES), (ENDED, Kind.DUE), (ENDED, Kind.ENDED), (ENDED, Kind.KEPT)},
    ),
    "other nodes": (says(LIVE, lambda was: replace(was, nodes=frozenset({"other"}))), {(LIVE, Kind.NODES)}),
    "never due": (says(LIVE, lambda was: replace(was, due=None)), {(LIVE, Kind.DUE)}),
    "due much too late": (says(LIVE, lambda was: replace(was, due=(was.due or 0) + DAY)), {(LIVE, Kind.DUE)}),
    "a wrong row of an ended call": (says(ENDED, wrong_ended_row), {(ENDED, Kind.ENDED)}),
    "a row without a stream": (lost_stream, {("gone", Kind.LOST)}),
    "a snapshot of another history": (bad_snapshot, {(LONG, Kind.SNAPSHOT)}),
}


async def test_a_sound_journal_has_no_faults(journal: Journal) -> None:
    found = await verified(journal)
    assert {call.call_id for call in found} == {ENDED, LIVE, LONG}
    assert all(call.checked and not call.findings for call in found), found


async def test_a_quarantined_call_that_was_ended_has_no_row(journal: Journal) -> None:
    offered = [record.event for record in STORY[:3]]
    (session,) = fold(LIVE, STORY[:3]).sessions.values()
    released = e.SessionReleased(node=session.node, relay_id=session.relay_id, how=e.RemovalProof.CONFIRMED)
    events = [*offered, e.Quarantined(reason="a bug"), e.ReleaseIntended(reason="a test"), released]
    records = [Recorded(number, STORY[0].at, "control-1", event) for number, event in enumerate(events, 1)]
    await journal.append(CallId("set aside"), 0, records, NOTHING, NOTHING)
    assert await faults(journal) == set()


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_named_and_mended(journal: Journal, damage: str) -> None:
    spoil, wanted = DAMAGES[damage]
    before = {call: await journal.stored(call) for call in (ENDED, LIVE, LONG)}
    counts = await journal.count_calls()
    await spoil(journal)
    assert await faults(journal) == wanted
    assert await faults(journal) == wanted, "to look changes nothing"
    mended = {(call.call_id, kind) for call in await verified(journal, repair=True) for kind in call.mended}
    assert mended == wanted
    assert await faults(journal) == set()
    assert {call: await journal.stored(call) for call in (ENDED, LIVE, LONG)} == before
    assert await journal.count_calls() == counts


async def test_a_lost_row_of_an_ended_call_is_made_again(url: str) -> None:
    journal = await RedisJournal.open(url, prefix="verify-ended")
    await fill(journal)
    base = stream_of("verify-ended", ENDED).partition(b":s:")[0]
    stored = await journal.stored(ENDED)
    async with Redis.from_url(url) as client:
        await client.delete(base + b":ended", base + b":ended-at")
    assert await faults(journal, repair=True) == {(ENDED, Kind.ENDED)}
    assert await journal.stored(ENDED) == stored
    assert [call.call_id for call in (await journal.ended_calls(0, 2**50)).calls] == [ENDED]
    await journal.close()


async def test_a_due_table_that_was_none_and_is_removed_is_made_again(url: str) -> None:
    journal = await RedisJournal.open(url, prefix="verify-due")
    await fill(journal)
    stored, due = await journal.stored(LIVE), stream_of("verify-due", LIVE).partition(b"s:")[0] + b"due"
    async with Redis.from_url(url) as client:
        await client.set(due, "no table")
        await client.delete(due)
    assert (LIVE, Kind.DUE) in await faults(journal, repair=True)
    assert await journal.stored(LIVE) == stored
    await journal.close()


Commands = Sequence[tuple[str | bytes | int, ...]]
BASE = "verify-strays"
LENDS, LENT = CallId("lends"), "a-name-of-another-call"


def key(call: CallId, table: str) -> bytes:
    """Return the key of a table of a call's partition."""
    return stream_of(BASE, call).partition(b":s:")[0] + f":{table}".encode()


NOBODY = CallId("nobody")
STRAYS: dict[str, tuple[Commands, set[tuple[str, Kind]]]] = {
    "due, and no stream": ([("ZADD", key(NOBODY, "due"), 5, NOBODY)], {(NOBODY, Kind.LOST)}),
    "on a node, and no stream": ([("SADD", key(NOBODY, "on:ng1"), NOBODY)], {(NOBODY, Kind.LOST)}),
    "on a node that is in no list": ([("SADD", key(LIVE, "on:unlisted"), LIVE)], {(LIVE, Kind.NODES)}),
    "an ended one, and no stream": ([("DEL", stream_of(BASE, ENDED))], {(ENDED, Kind.LOST)}),
    "a time of an end, and nothing else": (
        [("ZADD", key(NOBODY, "ended-at"), 2**44, NOBODY)],
        {(NOBODY, Kind.LOST)},
    ),
    "an id that is lent by nobody": ([("SADD", key(LIVE, "on:\0other"), LIVE)], {(LIVE, Kind.LENT)}),
    "an id that is lent, and nobody finds it": ([("SREM", key(LENDS, f"on:\0{LENT}"), LENDS)], {(LENDS, Kind.LENT)}),
}


@pytest.mark.parametrize("stray", STRAYS)
async def test_what_no_stream_explains_is_named_and_taken_out(url: str, stray: str) -> None:
    commands, wanted = STRAYS[stray]
    journal = await RedisJournal.open(url, prefix=BASE)
    async with Redis.from_url(url) as client:
        await client.flushdb()
        await journal.close()
        journal = await RedisJournal.open(url, prefix=BASE)
        await fill(journal)
        intended = STORY[0]
        assert isinstance(intended.event, e.SessionIntended)
        lends = [replace(intended, event=replace(intended.event, relay_id=RelayId(LENT))), *STORY[1:3]]
        await write(journal, LENDS, [replace(one, at=round(await journal.time())) for one in lends])
        assert await faults(journal) == set()
        for command in commands:
            await client.execute_command(*command)  # type: ignore[no-untyped-call]
        assert await faults(journal) == wanted
        assert await faults(journal) == wanted, "to look changes nothing"
        mended = {(call.call_id, kind) for call in await verified(journal, repair=True) for kind in call.mended}
        assert mended == wanted
        assert await faults(journal) == set()
        assert await journal.lends(CallId(LENT))
    await journal.close()


async def test_entries_that_are_missing_or_unreadable_are_named_and_left(url: str) -> None:
    journal = await RedisJournal.open(url, prefix="verify-gaps")
    await fill(journal)
    async with Redis.from_url(url) as client:
        await client.xdel(stream_of("verify-gaps", LIVE), "2-0")
        await client.xdel(stream_of("verify-gaps", LONG), "123-0")
        await client.xadd(stream_of("verify-gaps", LONG), {b"t": b"nonsense", b"p": b"\xc1"}, "123-1")
    found = [finding for call in await verified(journal, repair=True) for finding in call.findings]
    assert {(one.call_id, one.kind, one.version) for one in found} == {
        (LIVE, Kind.UNREADABLE, 2),
        (LONG, Kind.UNREADABLE, 123),
    }
    assert await faults(journal) == {(LIVE, Kind.UNREADABLE), (LONG, Kind.UNREADABLE)}
    await journal.close()


@pytest.mark.parametrize("call", [ENDED, LIVE, LONG])
@pytest.mark.parametrize("removed", [1, 2, "all"])
async def test_last_entries_that_were_taken_out_are_named_and_the_tables_left(
    url: str, call: CallId, removed: int | str
) -> None:
    prefix = f"verify-last-{call}-{removed}"
    journal = await RedisJournal.open(url, prefix=prefix)
    await fill(journal)
    last = (await journal.stored(call)).version
    left = 0 if isinstance(removed, str) else last - removed
    async with Redis.from_url(url) as client:
        await client.xdel(stream_of(prefix, call), *(f"{version}-0" for version in range(left + 1, last + 1)))
    before = await journal.stored(call)
    found = [one for each in await verified(journal, repair=True) for one in each.findings if one.call_id == call]
    named = [one for one in found if one.kind is Kind.UNREADABLE]
    assert [(one.version, one.what) for one in named] == [
        (left + 1, f"not there, and it was: the stream came to {last}-0")
    ]
    if left:
        assert found == named
        assert await journal.stored(call) == before, "nothing is made of a history that is cut"
    await journal.close()


async def test_a_history_that_makes_no_sense_is_named(journal: Journal) -> None:
    await journal.append(CallId("odd"), 0, [replace(STORY[2], version=1)], NOTHING, NOTHING)
    (odd,) = [call for call in await verified(journal) if call.call_id == "odd"]
    assert [(one.kind, one.version) for one in odd.findings] == [(Kind.INCONSISTENT, 1)]


async def test_a_call_that_is_written_meanwhile_is_left_to_its_writer() -> None:
    class Busy(DamagedJournal):
        """Each time the tables have been read, another control node writes."""

        async def stored(self, call_id: CallId) -> Stored:
            said = await super().stored(call_id)
            version = said.version
            record = Recorded(version + 1, STORY[-1].at, "control-2", STORY[3].event)
            await self.append(call_id, version, [record], said.index, said.index)
            return said

    journal = Busy()
    await journal.append(LIVE, 0, STORY[:3], NOTHING, NOTHING)
    (call,) = await verified(journal, repair=True)
    assert call.mended == frozenset()
    assert Kind.ROW in {finding.kind for finding in call.findings}
    assert (await DamagedJournal.stored(journal, LIVE)).index.live is None


async def test_it_goes_on_from_a_cursor() -> None:
    journal = DamagedJournal()
    for number in range(250):
        await write(journal, CallId(f"call-{number}"), STORY)
    now = round(await journal.time())
    verifier = Verifier(journal, DEADLINES, retention=USUAL, now=lambda: now)
    pages = [page async for page in verifier.pages()]
    rest = [call.call_id for call in await verified(journal, begin=pages[0].cursor)]
    first = [call.call_id for call in pages[0].calls]
    assert sorted([*first, *rest]) == sorted(f"call-{number}" for number in range(250))
    assert pages[-1].cursor == ""
    with pytest.raises(ValueError, match="no cursor"):
        await verified(journal, begin="elsewhere")


def test_a_verdict_that_would_be_another_one_today_is_a_note() -> None:
    invite = e.SipMessageSeen(
        method="INVITE",
        from_caller=True,
        cseq=1,
        from_tag=Tag("a"),
        sdp=SDP,
        verdict=SipVerdict(role=Role.NOTHING),
    )
    check = StreamCheck(LIVE)
    check.take([Recorded(1, 5, "control-1", invite)])
    (note,) = check.findings
    assert (note.kind, note.version, note.kind.is_fault) == (Kind.VERDICT, 1, False)
    assert "role nothing, not offer" in note.what


def test_a_state_that_no_call_can_be_in_is_named() -> None:
    state = fold(LIVE, STORY)
    assert list(impossibilities(state)) == []
    state.sessions[1].node = NodeName("")
    state.sessions[1].number = 2
    assert len(list(impossibilities(state))) == 2
    going_on = fold(LIVE, STORY[:3])
    going_on.status = state.status
    assert "it has ended" in next(impossibilities(going_on))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_the_states_of_golden_streams_are_possible(stream: GoldenStream) -> None:
    records = stream.records()
    for version in range(1, len(records) + 1):
        assert list(impossibilities(fold(CallId(GOLDEN_CALL), records[:version]))) == []


def test_the_command_names_faults_and_mends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = share_journal(monkeypatch)

    @asynccontextmanager
    async def open_journal(_: object) -> AsyncIterator[Journal]:
        if not (await journal.streams()).calls:
            await fill(journal)
            await says(LIVE, wrong_row)(journal)
        yield journal

    monkeypatch.setattr("rtp_relay.cli.verify.open_journal", open_journal)
    runner = CliRunner()
    told = runner.invoke(app, ["verify"])
    assert told.exit_code == 1
    assert "live: row, version 3: status 'closing', not 'live'" in told.stdout
    mended = runner.invoke(app, ["verify", "--repair", "--json"])
    assert mended.exit_code == 0, mended.output
    document = json.loads(mended.stdout)
    assert (document["calls"], document["faults"], document["mended"], document["cursor"]) == (3, 1, 1, "")
    assert document["findings"][0]["kind"] == "row"
    assert runner.invoke(app, ["verify"]).exit_code == 0
    assert runner.invoke(app, ["verify", "--from", "nowhere"]).exit_code == 2
