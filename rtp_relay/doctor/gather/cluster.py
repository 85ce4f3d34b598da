"""Facts about the control nodes that are alive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Final

from actors.control.status import ControlNodeStatus, read_status
from events.journal import Journal
from rtp_relay import __version__
from rtp_relay.doctor.facts import ClusterFacts

LOOKS: Final = 96
EVERY: Final = 0.05
"""Seconds between two looks; together they are long enough for each control node to publish twice."""


async def cluster_facts(journal: Journal) -> ClusterFacts:
    """Return what control nodes publish, and which names stand for two. Raises JournalUnavailable and ValueError.

    Two of one name publish in turn: who looks again and again sees one, the other, and the first again.
    """
    looks: list[Sequence[ControlNodeStatus]] = []
    for number in range(LOOKS):
        if number:
            await asyncio.sleep(EVERY)
        looks.append(await read_status(journal))
    calls = {node: count for node, count in (await journal.count_calls()).items() if node}
    return ClusterFacts(statuses=tuple(looks[-1]), twice=twice(looks), version=__version__, calls=calls)


def twice(looks: Sequence[Sequence[ControlNodeStatus]]) -> frozenset[str]:
    """Return the names under which two control nodes publish: one that started anew has no older start again."""
    starts: dict[str, list[int]] = {}
    for status in itertools.chain.from_iterable(looks):
        starts.setdefault(status.name, []).append(status.started_at)
    return frozenset(name for name, seen in starts.items() if _returns(seen))


def _returns(seen: Sequence[int]) -> bool:
    """Return whether a value is seen again after another one was seen."""
    runs = [value for value, _ in itertools.groupby(seen)]
    return len(runs) > len(set(runs))
