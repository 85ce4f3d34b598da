"""Calls put straight into the journal: the streams and tables that the service would have written."""

from __future__ import annotations

import asyncio
import time

from bench import calls
from bench.children import NODE
from events.answer import Answer
from events.event import RemovalProof, Scope
from events.names import NodeName, RelayId
from events.records import NOTHING, Recorded
from events.redis import RedisJournal
from events.registry import (
    Answered,
    Deleted,
    DeleteIntended,
    Event,
    MeasuredStream,
    MediaMeasured,
    Offered,
    SessionIntended,
)
from replay.fold import fold
from replay.projection import Deadlines, project

_AT_A_TIME = 1000

HOUR = 3_600_000
"""Milliseconds in which calls have ended."""


async def fill(
    url: str, prefix: str, number: int, node: str = NODE, *, spread: bool = True, only: range | None = None
) -> None:
    """Write calls 0 to `number` of a node, offered and answered in the course of the last probe interval.

    Not `spread`: just now, so that for some time none is asked about. only: these of them.
    """
    wanted = range(number) if only is None else only
    journal = await RedisJournal.open(url)
    deadlines = Deadlines()
    now = time.time_ns() // 1_000_000
    try:
        for first in range(0, len(wanted), _AT_A_TIME):
            batch = wanted[first : first + _AT_A_TIME]
            times = {call: now - (call * deadlines.probe // number if spread else 0) for call in batch}
            await asyncio.gather(*(_append(journal, prefix, call, at, node) for call, at in times.items()))
    finally:
        await journal.close()


async def fill_long(url: str, prefix: str, number: int, events: int) -> None:
    """Write calls 0 to `number` of so many events each, and no snapshots: their parties agree again and again."""
    journal = await RedisJournal.open(url)
    now = time.time_ns() // 1_000_000
    try:
        for call in range(number):
            name = calls.call_id(prefix, call)
            told = _events(name, call, NODE)
            again = [told[-1] for _ in range(events - len(told))]
            records = [Recorded(version, now, "bench", event) for version, event in enumerate([*told, *again], 1)]
            before = NOTHING
            for first in range(0, len(records), _AT_A_TIME):
                state = fold(name, records[: min(len(records), len(told))])
                index = project(state, Deadlines())
                await journal.append(name, first, records[first : first + _AT_A_TIME], before, index)
                before = index
    finally:
        await journal.close()


async def fill_ended(url: str, prefix: str, number: int, node: str = NODE, *, only: range | None = None) -> None:
    """Write calls 0 to `number` that have ended in the course of the last hour. only: these of them."""
    wanted = range(number) if only is None else only
    journal = await RedisJournal.open(url)
    now = time.time_ns() // 1_000_000
    try:
        for first in range(0, len(wanted), _AT_A_TIME):
            batch = wanted[first : first + _AT_A_TIME]
            times = {call: now - call * HOUR // number for call in batch}
            await asyncio.gather(*(_append_ended(journal, prefix, call, at, node) for call, at in times.items()))
    finally:
        await journal.close()


def _append_ended(journal: RedisJournal, prefix: str, number: int, at: int, node: str) -> Answer:
    name = calls.call_id(prefix, number)
    told = [*_events(name, number, node), *_end(number, node)]
    records = [Recorded(version, at, "bench", event) for version, event in enumerate(told, 1)]
    index = project(fold(name, records), Deadlines())
    return journal.append(name, 0, records, NOTHING, index)


def _end(number: int, node: str) -> list[Event]:
    parties = (calls.from_tag(number), calls.to_tag(number))
    measured = tuple(
        MeasuredStream(party=tag, packets=3000, octets=516_000, ssrcs=(number,), lost=number % 7, mos=(38, 42, 43))
        for tag in parties
    )
    return [
        DeleteIntended(scope=Scope.CALL, sessions=(1,), reason="delete by the client", from_tag=parties[0]),
        MediaMeasured(session=1, node=NodeName(node), from_tag=parties[0], measured=measured),
        Deleted(session=1, how=RemovalProof.CONFIRMED),
    ]


def _append(journal: RedisJournal, prefix: str, number: int, at: int, node: str) -> Answer:
    name = calls.call_id(prefix, number)
    records = [Recorded(version, at, "bench", event) for version, event in enumerate(_events(name, number, node), 1)]
    return journal.append(name, 0, records, NOTHING, project(fold(name, records), Deadlines()))


def _events(name: str, number: int, node: str) -> list[Event]:
    caller, callee = calls.from_tag(number), calls.to_tag(number)
    return [
        SessionIntended(
            session=1,
            operation=1,
            engine="rtpengine",
            set="default",
            node=NodeName(node),
            relay_id=RelayId(name),
            from_tag=caller,
        ),
        Offered(session=1, operation=1, from_tag=caller, sdp=calls.CALLER_SDP, relayed=calls.CALLEE_SDP),
        Answered(session=1, from_tag=caller, to_tag=callee, sdp=calls.CALLEE_SDP, relayed=calls.CALLER_SDP),
    ]
