"""The contract for journals in Redis: damage is done to the streams by hand."""

from __future__ import annotations

import asyncio
import itertools
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, ClassVar, cast

import pytest
from redis.asyncio import Redis, RedisCluster

from events.journal import Journal, JournalRefused
from events.names import CallId
from events.records import NOTHING
from events.redis import RedisJournal
from events.redis.encoding import version_of
from events.redis.keys import Keys, to_bytes, to_text
from tests.events.ended_contract import SELECTIVE
from tests.events.journal_contract import JournalContract
from tests.events.samples import NOW, live, record
from tests.events.stream_keys import stream_of, stream_of_nodes

Client = Redis | RedisCluster
Send = Callable[..., Awaitable[Any]]
Entry = tuple[bytes, dict[bytes, bytes]]

_numbers = itertools.count()


async def rewrite(client: Client, stream: bytes, entries: Sequence[Entry]) -> None:
    """Put other entries into a stream."""
    await client.delete(stream)
    for entry_id, fields in entries:
        await client.xadd(stream, cast("dict[Any, Any]", fields), entry_id)


async def entries_of(client: Client, stream: bytes) -> list[Entry]:
    """Return a stream's entries."""
    return cast("list[Entry]", await client.xrange(stream))


class RedisContract(JournalContract):
    """The contract, with journals of a prefix of their own in each test, opened with `options`."""

    options: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @asynccontextmanager
    @abstractmethod
    def client(self, url: str) -> AsyncIterator[Client]:
        """Return a client of redis-py."""

    @pytest.fixture
    def prefix(self) -> str:
        return f"test-{next(_numbers)}"

    @pytest.fixture
    async def journal(self, url: str, prefix: str) -> AsyncIterator[Journal]:
        journal = await RedisJournal.open(url, prefix=prefix, **self.options)
        yield journal
        await journal.close()

    @pytest.fixture
    async def other(self, url: str, prefix: str) -> AsyncIterator[Journal]:
        journal = await RedisJournal.open(url, prefix=prefix, **self.options)
        yield journal
        await journal.close()

    @pytest.fixture
    async def selective(self, url: str, prefix: str) -> AsyncIterator[Journal]:
        journal = await RedisJournal.open(url, prefix=prefix, retention=SELECTIVE, **self.options)
        yield journal
        await journal.close()

    @pytest.fixture(autouse=True)
    def place(self, url: str, prefix: str) -> None:
        self.used_url, self.used_prefix = url, prefix

    @pytest.mark.parametrize("lost", ["all of it", "its beginning"])
    async def test_who_comes_too_late_is_told_that_changes_are_missing(self, journal: Journal, lost: str) -> None:
        call = CallId("call")
        begun = await journal.changes()
        await journal.append(call, 0, [record(1)], NOTHING, live(call, 1, "ng1"))
        changes = Keys(self.used_prefix).partition(b"call").changes
        async with self.client(self.used_url) as client:
            if lost == "all of it":
                await client.delete(changes)
            else:
                await client.xtrim(changes, maxlen=1, approximate=False)
        page = await journal.changes(begun.cursor)
        assert not page.whole
        await journal.append(call, 1, [record(2)], live(call, 1, "ng1"), live(call, 2, "ng1"))
        page = await journal.changes(page.cursor)
        assert (page.calls, page.whole) == ({call: 1}, True)

    async def test_nothing_is_noted_for_nobody(self, journal: Journal) -> None:
        await journal.append(CallId("call"), 0, [record(1)], NOTHING, live(CallId("call"), 1, "ng1"))
        async with self.client(self.used_url) as client:
            assert not await client.exists(Keys(self.used_prefix).partition(b"call").changes)

    async def test_who_begins_while_others_forget_names_is_known(
        self, journal: RedisJournal, other: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Others look, and forget names without a status, just between the two writes of the first status."""
        looked: list[Mapping[str, bytes]] = []

        def then_look(send: Send) -> Send:
            async def sent(*request: Any) -> Any:
                reply = await send(*request)
                if not looked:
                    looked.append(await other.published())
                    await other.publish("control-2", b"", 60)
                return reply

            return sent

        statuses = journal._statuses
        for way in ("_query", "_write"):
            monkeypatch.setattr(statuses, way, then_look(getattr(statuses, way)))
        await journal.publish("control-1", b"begun", 60)
        assert len(looked) == 1
        assert await other.published() == {"control-1": b"begun", "control-2": b""}

    async def test_a_node_that_gets_a_call_while_names_are_forgotten_is_counted(
        self, journal: Journal, other: Journal
    ) -> None:
        call, names = CallId("call"), ["relay-a", "relay-b"]
        before = NOTHING
        for version in range(1, 41):
            node = names[version % 2]
            after = live(call, version, node)
            works = (other.count_calls(), journal.append(call, version - 1, [record(version)], before, after))
            await asyncio.gather(*(works if version % 3 else reversed(works)))
            assert await other.count_calls() == {"": 1, node: 1}
            before = after

    async def test_a_due_table_that_is_none_hinders_no_other(self, journal: Journal) -> None:
        calls = [CallId(f"{number}") for number in range(20)]
        for call in calls:
            await journal.append(call, 0, [record(1)], NOTHING, live(call, 1, due=NOW))
        keys = Keys(self.used_prefix)
        spoilt = keys.partition(to_bytes(calls[0])).due
        there = {call for call in calls if keys.partition(to_bytes(call)).due == spoilt}
        async with self.client(self.used_url) as client:
            await client.set(spoilt, "no table")
            assert await journal.count_due(NOW) == 20 - len(there)
            assert set(await journal.claim_due(NOW, 100, 50)) == set(calls) - there
            assert journal.spoilt == [to_text(spoilt)]
            await client.delete(spoilt)
        assert await journal.claim_due(NOW, 100, 50) == []
        assert journal.spoilt == []

    async def test_what_fails_in_a_table_that_is_none_hinders_no_other_append(self, journal: Journal) -> None:
        calls = [CallId(f"{number}") for number in range(20)]
        keys = Keys(self.used_prefix)
        spoilt = keys.partition(to_bytes(calls[0])).due
        there = {call for call in calls if keys.partition(to_bytes(call)).due == spoilt}
        async with self.client(self.used_url) as client:
            await client.set(spoilt, "no table")
        answers = await asyncio.gather(
            *(journal.append(call, 0, [record(1)], NOTHING, live(call, 1, due=NOW)) for call in calls),
            return_exceptions=True,
        )
        done = dict(zip(calls, answers, strict=True))
        assert {call for call, answer in done.items() if answer == 1} == set(calls) - there
        assert {str(done[call]).partition(" Operation")[0] for call in there} == {"Redis refuses: WRONGTYPE"}
        assert set(await journal.claim_due(NOW, 100, 50)) == set(calls) - there

    async def test_due_decisions_in_what_is_no_table_are_not_taken_for_none(self, journal: Journal) -> None:
        due = Keys(self.used_prefix).decisions.due
        async with self.client(self.used_url) as client:
            await client.set(due, "no table")
        with pytest.raises(JournalRefused, match=re.escape(to_text(due))):
            await journal.claim_decisions(NOW, 100, 5)

    async def spoil(self, call: str, version: int) -> None:
        await self.spoil_stream(stream_of(self.used_prefix, call), version)

    async def cut(self, call: str, version: int) -> None:
        await self.cut_stream(stream_of(self.used_prefix, call), version)

    async def spoil_decisions(self, version: int) -> None:
        await self.spoil_stream(stream_of_nodes(self.used_prefix), version)

    async def cut_decisions(self, version: int) -> None:
        await self.cut_stream(stream_of_nodes(self.used_prefix), version)

    async def spoil_stream(self, stream: bytes, version: int) -> None:
        """Damage an entry."""
        async with self.client(self.used_url) as client:
            entries = await entries_of(client, stream)
            entries[version - 1][1][b"p"] = b"\xc1"
            await rewrite(client, stream, entries)

    async def cut_stream(self, stream: bytes, version: int) -> None:
        """Lose all entries above a version."""
        async with self.client(self.used_url) as client:
            entries = await entries_of(client, stream)
            await rewrite(client, stream, [entry for entry in entries if version_of(entry[0]) <= version])
