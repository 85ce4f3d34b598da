"""Group commit: all appends that wait for one server go as one script call with one MessagePack list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]
from redis.exceptions import ReadOnlyError, ResponseError

from events.journal import FULL, Conflict, CorruptEntry, JournalError, TailLostError, Unconfirmed
from events.names import CallId
from events.redis.answer import PendingAnswer
from events.redis.connection import RedisConnection
from events.redis.durability import UNCONFIRMED, confirmed
from events.redis.keys import Partition
from events.redis.pipeline import PendingRequest, Pipeline, Pipelines, is_transient
from events.redis.refusals import failure_of
from events.redis.scripts import APPEND
from events.redis.wire import Command, pack, packed


def _listed(value: object) -> list[Any]:
    """Return a tuple as the list that Lua gets of it; nothing else of a row needs that."""
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} in a row")


# Lua's cmsgpack knows texts only, no bytes. Types are compared exactly, which takes a fifth less.
_pack = msgpack.Packer(use_bin_type=False, strict_types=True, default=_listed).pack
NO_STREAM = "the key of its stream holds something else"
_AHEAD = "not there, though the stream takes no entry before {}-0"


class Append(PendingRequest):
    """An append to the call that is its chain; one without entries only checks the version.

    `row` is what append.lua gets: its elements are named there.
    """

    __slots__ = ("expected", "partition", "row", "version")

    def __init__(
        self,
        *,
        partition: Partition,
        answer: PendingAnswer,
        deadline: float,
        chain: str,
        expected: int,
        version: int,
        row: list[Any],
    ) -> None:
        super().__init__(slot=partition.slot, answer=answer, deadline=deadline, chain=chain)
        self.partition, self.expected, self.version, self.row = partition, expected, version, row

    def hindrance(self, actual: int) -> JournalError:
        """Return the error of a stream whose last version is not the expected one."""
        kind = TailLostError if actual < self.expected else Conflict
        return kind(CallId(self.chain), self.expected, actual)

    def after(self, error: JournalError) -> JournalError:
        """Return the error of an append behind one that failed: it was decided on a history that is not."""
        return self.hindrance(error.actual) if isinstance(error, Conflict) else error

    def touched(self) -> Iterator[bytes]:
        """Return the keys the append touches."""
        partition = self.partition
        call = self.row[1]
        yield from (partition.stream(call), partition.snapshot(call), partition.live, partition.due)
        yield partition.keys(call)
        yield partition.again
        nodes = [*self.row[7], *self.row[8]]
        if nodes:
            yield partition.base + b"nodes"
            yield from map(partition.on, nodes)


class AppendPipeline(Pipeline[Append]):
    """A pipeline of appends. On a cluster (`scattered`) each partition's go by themselves, with their keys declared."""

    def __init__(
        self,
        place: str,
        connection: RedisConnection,
        pipelines: Pipelines[Append],
        *,
        limit: int,
        kept: int,
        scattered: bool,
        confirm: Command | None,
    ) -> None:
        super().__init__(place, connection, pipelines, limit=limit)
        self._kept = kept
        self._scattered = scattered
        self._confirm = None if confirm is None else pack(confirm)
        # What all calls begin with, on a server that has all partitions: packed once.
        self._head = b"*5\r\n" + b"".join(map(packed, (b"EVALSHA", APPEND.sha, b"0", b"%d" % kept)))

    def commands(self, batch: Sequence[Append]) -> list[bytes]:
        """Return a script call for each group, and the command that waits for the durability, if any."""
        commands = [self._call(group) for group in self._groups(batch)]
        if self._confirm is not None:
            commands.append(self._confirm)
        return commands

    def _groups(self, batch: Sequence[Append]) -> list[Sequence[Append]]:
        if not self._scattered:
            return [batch]
        groups: dict[Partition, list[Append]] = {}
        for append in batch:
            groups.setdefault(append.partition, []).append(append)
        return list(groups.values())

    def _call(self, group: Sequence[Append]) -> bytes:
        appends = _pack([append.row for append in group])
        if not self._scattered:
            return self._head + packed(appends)
        keys = list(dict.fromkeys([key for append in group for key in append.touched()]))
        return pack((b"EVALSHA", APPEND.sha, len(keys), *keys, self._kept, appends))

    def settle(self, batch: Sequence[Append], replies: list[Any]) -> list[tuple[Append, Exception]]:
        """Complete each append with its outcome."""
        durable = self._confirm is None or confirmed(replies.pop())
        done: list[Append] = []
        again: list[tuple[Append, Exception]] = []
        failed: list[tuple[Append, JournalError]] = []
        for place, group in enumerate(self._groups(batch)):
            hindrances = _hindrances(group, replies[place])
            for number, append in enumerate(group, 1):
                hindrance = hindrances.get(number) if hindrances else None
                if hindrance is None:
                    done.append(append)
                elif isinstance(hindrance, ResponseError) and is_transient(hindrance):
                    again.append((append, hindrance))
                else:
                    failed.append((append, _failure(append, hindrance)))
        broken = self._broken_by(failed) if failed else ()
        for append in done:
            _done(append, durable=durable)
        for append, error in (*failed, *broken):
            append.fail(error)
        return again

    def _broken_by(self, failed: Sequence[tuple[Append, JournalError]]) -> Sequence[tuple[Append, JournalError]]:
        """Take out what waits behind appends that failed, before anybody hears of these and asks anew; and say why."""
        first: dict[str, JournalError] = {}
        for append, error in failed:
            first.setdefault(append.chain, error)
        return [(append, append.after(first[append.chain])) for append in self.take_out(first)]


def _hindrances(group: Sequence[Append], reply: Any) -> dict[int, int | ResponseError]:
    """Return what hindered appends, by their numbers: the reply names only those that something hindered."""
    if reply == []:
        return {}
    if isinstance(reply, ResponseError):
        return dict.fromkeys(range(1, len(group) + 1), reply)
    named = zip(reply[::2], reply[1::2], strict=True)
    return {number: _error(found) if isinstance(found, bytes) else found for number, found in named}


def _done(append: Append, *, durable: bool) -> None:
    if not durable:
        append.fail(Unconfirmed(UNCONFIRMED))
    else:
        append.answer.set_result(append.version)


def _failure(append: Append, outcome: int | ResponseError) -> JournalError:
    if isinstance(outcome, int):
        return append.hindrance(outcome)
    kind, _, last = str(outcome).partition(" ")
    if kind == "AHEAD":
        return CorruptEntry(CallId(append.chain), append.expected + 1, int(last), _AHEAD.format(int(last) + 1))
    if kind == "PARTED":
        return append.hindrance(append.expected)
    if kind == "NOSTREAM":
        return CorruptEntry(CallId(append.chain), append.expected + 1, FULL, NO_STREAM)
    return failure_of(outcome)


def _error(text: bytes) -> ResponseError:
    """Return the error that a command inside the script ended with."""
    message = text.decode(errors="replace").removeprefix("-")
    return (ReadOnlyError if message.startswith("READONLY") else ResponseError)(message)
