"""The commands that are about all calls and nodes: `list` and `statistics`."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from typing import TypeAlias

import structlog

from actors.control.control import Control
from actors.control.counters import Sample
from engines.ng.bencode import NgDict, NgValue
from engines.reply import NodeReply
from events.journal import JournalError
from gateways.ng import replies
from gateways.ng.merge import merge
from gateways.ng.request import RefusedRequest

log = structlog.get_logger(bounded=True)

TakesWords: TypeAlias = Callable[[NgDict], None]
"""Takes the reply to what is asked of all calls and nodes. It is called once, on the loop; it must not raise."""

DEFAULT_LIMIT = 32
"""How many calls `list` gives if it is not told (daemon/call_interfaces.c in rtpengine, call_list_ng)."""


def limit_of(request: NgDict) -> int:
    """Read how many calls a `list` wants: a number or its digits, else the default. Raises RefusedRequest."""
    limit = request.get(b"limit")
    if isinstance(limit, bytes):
        with contextlib.suppress(ValueError):
            limit = int(limit[:20])
    if not isinstance(limit, int):
        return DEFAULT_LIMIT
    if limit < 0:
        raise RefusedRequest("invalid limit, must be >= 0")
    return limit


class Overview:
    """Says what the control interface knows as the ng protocol's `list` and `statistics`."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._tasks: set[asyncio.Task[None]] = set()

    def list(self, limit: int, room: int, reply: TakesWords) -> None:
        """Return the ids of up to `limit` live calls of all control nodes, unordered; an error beyond `room` bytes."""
        self._answer(self._list(limit, room), reply)

    def statistics(self, reply: TakesWords) -> None:
        """Return the statistics of all nodes that keep any as one, and numbers of this service beside them."""
        self._answer(self._statistics(), reply)

    async def close(self) -> None:
        """Cancel what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _answer(self, work: Coroutine[None, None, NgDict], reply: TakesWords) -> None:
        task = asyncio.get_running_loop().create_task(_deliver(work, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _list(self, limit: int, room: int) -> NgDict:
        found: list[NgValue] = []
        calls = self._control.calls()
        if limit:
            async for call in calls:
                call_id = call.call_id.encode("utf-8", "surrogateescape")
                found.append(call_id)
                room -= len(call_id)
                if len(found) >= limit or room < 0:
                    break
        if isinstance(calls, AsyncGenerator):
            await calls.aclose()
        if room < 0:
            return replies.error("The list does not fit into one reply; use a lower limit")
        return {b"result": b"ok", b"calls": found}

    async def _statistics(self) -> NgDict:
        outcomes = await self._control.ask_nodes()
        parts = [_statistics_in(outcome.agreed) for outcome in outcomes if outcome.agreed]
        merged = merge(parts)
        merged[b"rtp-relay"] = {
            b"calls": (await self._control.count_calls()).get("", 0),
            b"nodes": len(outcomes),
            b"nodes-answered": len(parts),
            **_own(await self._control.samples()),
        }
        return {b"result": b"ok", b"statistics": merged}


async def _deliver(work: Coroutine[None, None, NgDict], reply: TakesWords) -> None:
    try:
        answer = await work
    except JournalError as error:
        answer = replies.error(f"Journal: {error}")
    except Exception as error:
        log.exception("ng door failed on an overview")
        answer = replies.error(f"Internal error: {error!r}")
    reply(answer)


def _statistics_in(reply: NodeReply) -> NgDict:
    statistics = reply.words.get(b"statistics")
    return statistics if isinstance(statistics, dict) else {}


def _own(samples: Iterable[Sample]) -> Mapping[bytes, NgValue]:
    """Return what the doors of all workers have counted, in the shape of the ng protocol."""
    requests: NgDict = {}
    counted: Counter[str] = Counter()
    for sample in samples:
        if (sample.part, sample.name) == ("ng", "requests"):
            (_, verb), (_, result) = sample.labels
            results = requests.setdefault(verb.encode(), {})
            if isinstance(results, dict):
                results[result.encode()] = round(sample.number)
        elif sample.part in ("ng", "adoption") and not sample.labels:
            counted[sample.name] = round(sample.number)
    return {
        b"requests": requests,
        b"repeats": counted["repeats"],
        b"load-limited": counted["load_limited"],
        b"garbage": counted["garbage"] + counted["unreadable"],
        b"not-allowed": counted["not_allowed"],
        b"adopted": counted["adopted"],
    }
