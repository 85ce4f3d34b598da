"""Keys of single calls: each control node reads what others seal, and without the keys nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from actors.control.control import Control
from events.call_keys import CallKeys, KnownCallKeys, MissingKey
from events.codec import Codec
from events.event import Event
from events.journal import Conflict, CorruptEntry, Forgotten, Journal
from events.names import CALLER, CallId, Tag
from events.records import NOTHING, Index, Recorded
from events.redis import RedisJournal
from events.redis.keys import Keys, to_bytes
from events.registry import CallVariableSet, CopyAnswered, MediaSeen, Offered, PartyLearned
from events.schema import LOST
from events.secrets import Keyring, SecretError, key_id
from events.snapshot import Snapshot
from tests.events.ended_contract import ended
from tests.events.forget_contract import LONG_AGO
from tests.events.redis_contract import Client, RedisContract, entries_of
from tests.events.samples import SDP, live
from tests.peers.redis_server import RedisServer

OLD, NEW = bytes(32), bytes(range(32))
CALL = CallId("a84b4c76e66710@pc33.example.com")


def sealed(version: int, sdp: bytes = SDP) -> Recorded:
    """Return an entry with something to seal."""
    return Recorded(version, version, "control-1", CopyAnswered(copy="one", sdp=b"%b%d" % (sdp, version)))


# -- the keys themselves --


def test_what_a_call_seals_opens_with_its_keys_alone() -> None:
    ring = Keyring([NEW])
    keys = CallKeys(CALL, ring)
    text = keys.seal(b"secret", b"place")
    assert keys.unsent is not None
    name, packed = keys.unsent
    assert text[:4] == name != key_id(NEW)
    assert CallKeys(CALL, ring, {name: packed}).open(text, b"place") == b"secret"
    assert keys.seal(b"secret", b"place")[:4] == name, "one key is enough for a call"
    with pytest.raises(MissingKey):
        CallKeys(CALL, ring).open(text, b"place")
    with pytest.raises(SecretError, match=f"needs key {name.hex()}, not configured, nor kept of this call"):
        CallKeys(CALL, ring, {}, complete=True).open(text, b"place")
    with pytest.raises(SecretError, match="changed or moved"):
        CallKeys(CALL, ring, {name: packed}).open(text, b"elsewhere")


def test_a_key_that_is_sealed_by_another_one_is_named() -> None:
    keys = CallKeys(CALL, Keyring([OLD]))
    text = keys.seal(b"secret", b"place")
    assert keys.unsent is not None
    kept = dict([keys.unsent])
    assert CallKeys(CALL, Keyring([NEW, OLD]), kept).open(text, b"place") == b"secret"
    for ring, call, why in (
        (Keyring([NEW]), CALL, f"needs key {key_id(OLD).hex()}, which is not configured"),
        (Keyring([OLD]), CallId("another"), "changed or moved"),
    ):
        with pytest.raises(SecretError, match=f"needs key {text[:4].hex()} of this call, .*{why}"):
            CallKeys(call, ring, kept).open(text, b"place")


def test_texts_that_are_sealed_as_before_open() -> None:
    ring = Keyring([NEW, OLD])
    before = ring.seal(b"secret", b"place")
    assert CallKeys(CALL, ring).open(before, b"place") == b"secret"
    assert CallKeys(CALL, ring, seals=False).seal(b"", b"")[:4] == key_id(NEW)


def test_a_call_that_begins_has_no_key_of_one_before() -> None:
    known = KnownCallKeys(Keyring([NEW]), seals=True)
    first = known.of(CALL)
    first.seal(b"", b"")
    assert known.of(CALL) is first
    assert known.of(CALL, begins=True) is not first


# -- in a journal --

pytestmark = pytest.mark.e2e


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    async with RedisServer() as server:
        yield server.url


class TestRedisJournalWithCallKeys(RedisContract):
    """All that is promised holds with them, too."""

    options: ClassVar[Mapping[str, Any]] = MappingProxyType({"codec": Codec(Keyring([NEW])), "call_keys": True})

    @asynccontextmanager
    async def client(self, url: str) -> AsyncIterator[Client]:
        async with Redis.from_url(url) as client:
            yield client


class Nodes:
    """Control nodes of one journal, and a client beside them."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url, self.prefix = url, prefix
        self.client = Redis.from_url(url)
        self._open: list[RedisJournal] = []
        partition = Keys(prefix).partition(to_bytes(CALL))
        self.stream, self.keys = partition.stream(to_bytes(CALL)), partition.keys(to_bytes(CALL))

    async def node(self, *keys: bytes, call_keys: bool = True) -> RedisJournal:
        """Return a new control node; with the configured keys, NEW without any."""
        codec = Codec(Keyring(keys or [NEW]))
        self._open.append(await RedisJournal.open(self.url, prefix=self.prefix, codec=codec, call_keys=call_keys))
        return self._open[-1]

    async def names(self) -> set[Any]:
        """Return the ids of the call's keys."""
        return set(await self.client.hkeys(self.keys))

    async def close(self) -> None:
        """Close all."""
        for journal in self._open:
            await journal.close()
        await self.client.aclose()


@pytest.fixture
async def nodes(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Nodes]:
    nodes = Nodes(url, f"keys-{request.node.name}")
    yield nodes
    await nodes.close()


async def write(journal: Journal, first: int, count: int = 1) -> None:
    """Go on with the call."""
    for version in range(first, first + count):
        before = live(CALL, version - 1) if version > 1 else NOTHING
        await journal.append(CALL, version - 1, [sealed(version)], before, live(CALL, version))


def events(count: int) -> list[Event]:
    """Return the events of the call up to a version."""
    return [sealed(version).event for version in range(1, count + 1)]


async def told(journal: Journal) -> list[Event]:
    """Return what can be read of the call."""
    return [entry.event for entry in await journal.read(CALL)]


async def test_a_call_has_one_key_whoever_goes_on(nodes: Nodes) -> None:
    one, other = await nodes.node(), await nodes.node()
    await write(one, 1, 2)
    await other.load(CALL, 100, 10)
    await write(other, 3)
    await one.load(CALL, 100, 10)
    await write(one, 4)
    assert len(await nodes.names()) == 1
    for journal in (one, other, await nodes.node()):
        assert await told(journal) == events(4)
    _, entries = await (await nodes.node()).load(CALL, 100, 10)
    assert [entry.event for entry in entries] == events(4)
    assert not any(key_id(NEW) in fields[b"p"] for _, fields in await entries_of(nodes.client, nodes.stream))


async def test_who_knows_no_key_makes_one(nodes: Nodes) -> None:
    await write(await nodes.node(), 1)
    await write(await nodes.node(), 2)
    assert len(await nodes.names()) == 2
    assert await told(await nodes.node()) == events(2)


async def test_of_two_that_begin_a_call_the_first_ones_key_is_kept(nodes: Nodes) -> None:
    one, other = await nodes.node(), await nodes.node()
    done = await asyncio.gather(write(one, 1), write(other, 1), return_exceptions=True)
    assert [type(outcome) for outcome in done if outcome is not None] == [Conflict]
    assert len(await nodes.names()) == 1
    for version, journal in enumerate((one, other), 2):
        await journal.load(CALL, 100, 10)
        await write(journal, version)
    assert len(await nodes.names()) == 1
    assert await told(await nodes.node()) == events(3)


async def test_a_key_is_kept_that_was_made_for_an_append_that_was_written(nodes: Nodes) -> None:
    """Its reply was lost, and it is sent again, sealed anew."""
    journal = await nodes.node()
    await write(journal, 1)
    await write(journal, 1)
    await write(journal, 2)
    assert await told(await nodes.node()) == events(2)


@pytest.mark.parametrize("call_keys", [True, False])
async def test_streams_of_the_time_before_are_read_and_gone_on_with(nodes: Nodes, call_keys: bool) -> None:
    await write(await nodes.node(call_keys=not call_keys), 1)
    await write(await nodes.node(call_keys=call_keys), 2)
    assert await told(await nodes.node(call_keys=call_keys)) == events(2)
    assert len(await nodes.names()) == 1


async def test_configured_keys_can_be_exchanged(nodes: Nodes) -> None:
    await write(await nodes.node(OLD), 1)
    rotated = await nodes.node(NEW, OLD)
    await rotated.load(CALL, 100, 10)
    await write(rotated, 2)
    assert await told(rotated) == events(2)
    with pytest.raises(CorruptEntry, match=f"needs key {key_id(OLD).hex()}, which is not configured"):
        await told(await nodes.node(NEW))


async def test_without_its_key_no_copy_of_a_stream_can_be_read(nodes: Nodes) -> None:
    journal = await nodes.node()
    await write(journal, 1)
    then = round(await journal.time()) - LONG_AGO
    await journal.append(CALL, 1, [sealed(2)], live(CALL, 1), Index(ended=ended(CALL, then)))
    (name,) = await nodes.names()
    copy = await nodes.client.dump(nodes.stream)
    assert copy is not None
    assert await (await nodes.node()).forget(CALL) is Forgotten.DONE
    assert await nodes.client.exists(nodes.keys, nodes.stream) == 0
    await nodes.client.restore(nodes.stream, 0, copy)
    for reader in (await nodes.node(), journal):
        with pytest.raises(CorruptEntry, match=f"needs key {name.hex()}, .*: forgotten, or lost"):
            await told(reader)


async def test_without_its_key_the_rest_of_a_call_remains(nodes: Nodes) -> None:
    journal = await nodes.node()
    offered = Offered(session=1, operation=1, from_tag=Tag("a"), sdp=SDP, relayed=SDP + SDP)
    again = CopyAnswered(copy="one", sdp=SDP + SDP)
    plain = MediaSeen(session=1)
    records = [Recorded(n, n, "control-1", event) for n, event in enumerate((offered, again, plain), 1)]
    await journal.append(CALL, 0, records, NOTHING, live(CALL, 3))
    await nodes.client.delete(nodes.keys)
    for reader in (await nodes.node(), await RedisJournal.open(nodes.url, prefix=nodes.prefix)):
        remains = [entry.event for entry in await reader.remains(CALL)]
        assert remains == [replace(offered, sdp=LOST, relayed=LOST), replace(again, sdp=LOST), plain]
        with pytest.raises(CorruptEntry, match="needs key"):
            await Control(reader).history(CALL)
    await reader.close()


async def test_a_name_that_is_free_again_has_a_new_key(nodes: Nodes) -> None:
    journal, other = await nodes.node(), await nodes.node()
    await write(journal, 1, 2)
    await other.load(CALL, 100, 10)
    await nodes.client.delete(nodes.stream, nodes.keys)
    await write(other, 1)
    await write(other, 2)
    assert len(await nodes.names()) == 1
    assert await told(await nodes.node()) == events(2)


async def test_who_the_parties_are_is_sealed_on_wish(nodes: Nodes) -> None:
    codec = Codec(Keyring([NEW]), seals_parties=True)
    journal = await RedisJournal.open(nodes.url, prefix=nodes.prefix, codec=codec, call_keys=True)
    party = PartyLearned(leg=CALLER, tag=Tag("a"), uri="sip:ann@example.com", contact="sip:ann@192.0.2.1")
    said = CallVariableSet(variable="who", value="ann")
    records = [Recorded(1, 1, "control-1", party), sealed(2), Recorded(3, 3, "control-1", said)]
    await journal.append(CALL, 0, records, NOTHING, live(CALL, 3))
    await journal.close()
    assert not any(b"ann" in fields[b"p"] for _, fields in await entries_of(nodes.client, nodes.stream))
    assert [entry.event for entry in await (await nodes.node()).read(CALL)] == [party, sealed(2).event, said]
    (name,) = await nodes.names()
    await nodes.client.delete(nodes.keys)
    with pytest.raises(CorruptEntry, match=f"needs key {name.hex()}"):
        await told(await nodes.node())


async def test_keys_are_kept_as_long_as_the_stream(nodes: Nodes) -> None:
    journal = await nodes.node()
    await write(journal, 1)
    assert await nodes.client.ttl(nodes.keys) == -1
    await journal.append(CALL, 1, [sealed(2)], live(CALL, 1), NOTHING)
    of_stream, of_keys = await nodes.client.pttl(nodes.stream), await nodes.client.pttl(nodes.keys)
    assert 0 <= of_keys - of_stream + 60_000 <= 120_000
    await journal.load(CALL, 100, 10)
    await journal.append(CALL, 2, [sealed(3)], NOTHING, live(CALL, 3))
    assert await nodes.client.ttl(nodes.keys) == -1
    assert await told(await nodes.node()) == events(3)


async def test_a_snapshot_goes_with_the_key(nodes: Nodes) -> None:
    journal = await nodes.node()
    await write(journal, 1, 3)
    snapshot = Snapshot(3, "schema", b"state", b"digest")
    await journal.keep(CALL, snapshot)
    found, _ = await (await nodes.node()).load(CALL, 100, 1)
    assert found == snapshot
    (name,) = await nodes.names()
    await nodes.client.hdel(nodes.keys, name)
    with pytest.raises(CorruptEntry, match=f"needs key {name.hex()}"):
        await (await nodes.node()).load(CALL, 100, 1)
