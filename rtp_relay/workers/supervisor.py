"""The supervisor: starts the workers of a service, keeps them going, and speaks for them as a whole."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from actors.control.counters import Sample
from rtp_relay.assembly.background import Background
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.vitals import Vitals
from rtp_relay.config import Config, NodeConfig
from rtp_relay.workers.answers import Answers
from rtp_relay.workers.held_sockets import HeldSockets
from rtp_relay.workers.messages import Alive, Ask, Assignment, Failed, Meet, Others, Ready, Reload, Report, Stop
from rtp_relay.workers.process import WorkerProcess, begin
from rtp_relay.workers.restarts import Restarts
from rtp_relay.workers.totals import Totals

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between two looks at the workers."""

HUNG = 10.0
"""A worker that was not heard of for so many seconds is ended by force."""

POLL = 0.02
"""Seconds between two looks at whether the workers that start are ready."""

PATIENCE = 10.0
"""Seconds beyond shutdown_grace in which a worker has to end."""


class StartFailed(StartError):
    """No worker can start."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.why)
        self.code = failed.code


class Supervisor:
    """The workers of a service. `config` is that of each of them, but for its name; `held` are sockets of theirs."""

    def __init__(self, config: Config, notices: socket.socket | None, held: HeldSockets | None = None) -> None:
        self._config, self._notices, self._held = config, notices, held
        self._workers: dict[int, WorkerProcess] = {}
        self._totals = Totals()
        self._vitals = Vitals("supervisor")
        self._answers = Answers(self._totals, self._samples)
        self._ends = 0
        self._starting = True
        self._background = Background()
        loop = asyncio.get_running_loop()
        self._hopeless: asyncio.Future[StartFailed] = loop.create_future()

    async def start(self) -> None:
        """Start the workers; return when all are ready. Raises StartError.

        The first one starts alone: what is wrong with the configuration is said once.
        """
        workers = range(1, self._config.service.workers + 1)
        for numbers in (workers[:1], workers[1:]):
            for number in numbers:
                self._background.run(f"worker {number}", self._keep(number))
            await self._unless_hopeless(self._all_ready(numbers))
        self._starting = False
        self._background.run("look", self._look())
        self._background.run("vitals", self._vitals.run())

    async def failure(self) -> None:
        """Wait until the workers cannot be kept going. Raises StartError, or what the supervisor failed with."""
        await self._unless_hopeless(self._background.failure())

    def reload(self, nodes: tuple[NodeConfig, ...] | None) -> None:
        """Have all workers read the routing script anew, and take other nodes; None if these stay."""
        if nodes is not None:
            self._config = replace(self._config, nodes=nodes)  # for workers that start later
        for worker in self._workers.values():
            worker.tell(Reload(nodes))

    async def stop(self) -> None:
        """Stop all workers: politely, and by force those that do not end in time."""
        await self._background.close()
        if self._held is not None:
            self._held.close()  # when the last worker is done with one, clients are told that nobody listens
        workers = list(self._workers.values())
        for worker in workers:
            worker.tell(Stop())
        ends = [asyncio.ensure_future(worker.end()) for worker in workers]
        if ends:
            await asyncio.wait(ends, timeout=self._config.service.shutdown_grace + PATIENCE)
        self.kill()
        await asyncio.gather(*ends)

    def kill(self) -> None:
        """End all workers by force."""
        for worker in self._workers.values():
            worker.kill()

    def also(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Go on with something beside the workers, until `stop`."""
        self._background.run(name, work)

    def condition(self) -> str:
        """Return how the workers are, in a line for operators."""
        ready = sum(worker.ready for worker in self._workers.values())
        return f"{'ready' if ready else 'not ready'}: {ready} of {self._config.service.workers} workers serve calls"

    def lives(self) -> bool:
        """Return whether any worker was heard of lately, or has just been started."""
        now = asyncio.get_running_loop().time()
        return any(now - worker.heard_at <= HUNG for worker in self._workers.values())

    # -- a worker's life --

    async def _keep(self, number: int) -> None:
        """Keep a worker going, for as long as there is hope."""
        restarts, loop = Restarts(), asyncio.get_running_loop()
        while True:
            worker = await self._begin(number)
            how = await worker.end()
            self._totals.ended(number)
            self._ends += 1
            delay = restarts.ended(loop.time() - worker.started_at, was_ready=worker.started)
            if self._starting or (restarts.hopeless and not self._any_ready()):
                self._give_up(worker, how)
                await loop.create_future()  # until this is cancelled
            why = worker.failed.why if worker.failed else how
            log.error("worker ended", worker=number, why=why, starts_again_in=round(delay, 1))
            await asyncio.sleep(delay)

    async def _begin(self, number: int) -> WorkerProcess:
        service = replace(self._config.service, name=f"{self._config.service.name}/{number}")
        notices = None if self._notices is None else self._notices.fileno()
        config = replace(self._config, service=service)
        is_new = bool(self._workers)  # the very first one alone has no calls that another one may have begun
        held = () if self._held is None else self._held.of(number)
        worker = await begin(Assignment(config, number, self._config.service.workers, is_new, notices, held))
        self._workers[number] = worker
        worker.listen(partial(self._take, worker))
        self._introduce(worker)
        if self._config.nodes != config.nodes:  # others were told of them while it was begun
            worker.tell(Reload(self._config.nodes))
        return worker

    def _take(self, worker: WorkerProcess, report: Report, sock: socket.socket | None) -> None:
        match report:
            case Ready():
                worker.ready = worker.started = True
            case Failed():
                worker.failed = report
            case Alive():
                self._totals.heard(worker.number, report.changed, report.gone)
            case Ask():
                if sock is not None:
                    self._answers.give(report.wanted, sock)

    def _introduce(self, newcomer: WorkerProcess) -> None:
        """Give a worker that starts and each of the others a link."""
        for other in self._workers.values():
            if other is newcomer or not other.running:
                continue
            one, two = socket.socketpair()
            with one, two:
                other.tell(Meet(newcomer.number, is_new=True), one)
                newcomer.tell(Meet(other.number, is_new=not other.ready), two)

    # -- all of them --

    def _samples(self) -> Iterator[Sample]:
        yield from self._vitals.samples()
        yield Sample("service", "workers", sum(worker.ready for worker in self._workers.values()), gauge=True)
        yield Sample("service", "worker_ends", self._ends)

    def _any_ready(self) -> bool:
        return any(worker.ready for worker in self._workers.values())

    async def _all_ready(self, numbers: Sequence[int]) -> None:
        while not all(number in self._workers and self._workers[number].ready for number in numbers):  # noqa: ASYNC110 - they report
            await asyncio.sleep(POLL)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(LOOK)
            now = loop.time()
            pids = {number: worker.pid for number, worker in self._workers.items() if worker.ready}
            for worker in self._workers.values():
                # What a worker said while the supervisor itself stood still may not be read yet.
                if worker.ready and now - worker.heard_at > HUNG and now - last < 2 * LOOK:
                    log.error("worker hangs, it is ended", worker=worker.number, seconds=round(now - worker.heard_at))
                    worker.kill()
                worker.tell(Others(pids))
            last = now

    def _give_up(self, worker: WorkerProcess, how: str) -> None:
        if not self._hopeless.done():
            failed = worker.failed or Failed(f"worker {worker.number} does not start: {how}", 1)
            self._hopeless.set_result(StartFailed(failed))

    async def _unless_hopeless(self, work: Coroutine[None, None, None]) -> None:
        """Wait for the end of some work; raise StartError if the workers are given up before."""
        task = asyncio.ensure_future(work)
        try:
            both: list[asyncio.Future[Any]] = [task, self._hopeless]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._hopeless.done():
                raise self._hopeless.result()
            task.result()
        finally:
            task.cancel()
