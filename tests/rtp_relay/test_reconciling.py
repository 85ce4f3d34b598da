"""Relays compared with the journal in the background: one control node at a time, and whoever lives goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from actors.commands.recovery import ProbeSessions
from actors.node_table import NodeTable
from actors.results import Done, Refused
from events.journal import LONGEST, JournalUnavailable
from events.memory import MemoryJournal
from events.names import NodeName, RelayId
from rtp_relay.audit.findings import Orphan
from rtp_relay.audit.reconciling import LEASE, LOOK, Reconciling
from rtp_relay.config.reconcile import ReconcileConfig
from tests.actors.virtual_time import VirtualTimeLoop

EVERY = 600.0


class NoCalls:
    async def ask(self, command: ProbeSessions) -> Done | Refused:
        raise AssertionError(command)


class AwayJournal(MemoryJournal):
    """A journal that can be away."""

    away = False

    async def lease(self, name: str, holder: str, ttl: float, longest: float = LONGEST) -> bool:
        if self.away:
            raise JournalUnavailable("away")
        return await super().lease(name, holder, ttl, longest)


class Rounds:
    """Where control nodes open nodes for their rounds. hangs: who never gets any further."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self.loop = loop
        self.journal = AwayJournal(loop.now_ms)
        self.begun: list[tuple[str, float]] = []
        self.hangs = ""

    def of(self, name: str) -> Reconciling:
        @asynccontextmanager
        async def opened() -> AsyncIterator[NodeTable]:
            self.begun.append((name, self.loop.time()))
            if name == self.hangs:
                await asyncio.Event().wait()
            yield NodeTable()

        config = ReconcileConfig(every=EVERY)
        return Reconciling(name, self.journal, opened, NoCalls(), config, now=self.loop.now_ms, tell=lambda _: None)

    @property
    def gaps(self) -> list[float]:
        times = [at for _, at in self.begun]
        return [later - at for at, later in itertools.pairwise(times)]


def run(loop: VirtualTimeLoop, work: Coroutine[Any, Any, None]) -> None:
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_of_several_control_nodes_one_does_each_round() -> None:
    loop = VirtualTimeLoop()
    rounds = Rounds(loop)

    async def scenario() -> None:
        several = [rounds.of(f"c{number}") for number in range(3)]
        tasks = [loop.create_task(one.run()) for one in several]
        await asyncio.sleep(10 * EVERY)
        await end(*tasks)
        done = [sample.number for one in several for sample in one.samples() if sample.name == "rounds"]
        assert sum(done) == len(rounds.begun)

    run(loop, scenario())
    assert len(rounds.begun) in (9, 10)
    assert all(EVERY <= gap <= EVERY + 2 * LOOK for gap in rounds.gaps)


def test_findings_are_counted_by_node_and_nodes_are_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes may come under another name each time."""
    monkeypatch.setattr("rtp_relay.audit.reconciling.MAX_NODES", 3)
    loop = VirtualTimeLoop()

    async def scenario() -> None:
        reconciling = Rounds(loop).of("c1")
        for number in (*range(10), 0, 9):
            orphan = Orphan(node=NodeName(f"pod-{number}"), relay_id=RelayId("r"), ours=True)
            reconciling._note(orphan, NodeTable(), is_new=True)
        counted = {sample.labels: sample.number for sample in reconciling.samples() if sample.name == "orphans"}
        assert counted == {
            (("node", "pod-0"),): 2,
            **{(("node", f"pod-{n}"),): 1 for n in (1, 2)},
            (("node", "other"),): 8,
        }
        assert len({sample.labels for sample in reconciling.samples() if sample.labels}) == 4

    run(loop, scenario())


def test_the_round_of_one_that_died_is_done_by_another() -> None:
    loop = VirtualTimeLoop()
    rounds = Rounds(loop)

    async def scenario() -> None:
        rounds.hangs = "dies"
        first = loop.create_task(rounds.of("dies").run())
        await asyncio.sleep(LOOK + 1)
        await end(first)
        other = loop.create_task(rounds.of("lives").run())
        await asyncio.sleep(LEASE + 2 * LOOK)
        await end(other)

    run(loop, scenario())
    assert [name for name, _ in rounds.begun] == ["dies", "lives"]


def test_a_journal_that_is_away_for_a_while_ends_nothing() -> None:
    loop = VirtualTimeLoop()
    rounds = Rounds(loop)

    async def scenario() -> None:
        rounds.journal.away = True
        task = loop.create_task(rounds.of("c1").run())
        await asyncio.sleep(60)
        assert not rounds.begun
        rounds.journal.away = False
        await asyncio.sleep(2 * LOOK)
        await end(task)

    run(loop, scenario())
    assert len(rounds.begun) == 1
