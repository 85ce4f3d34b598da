"""The supervisor: starts the workers of a service, keeps them going, and speaks for them as a whole.

It serves no call. What it runs for all of them are the embedded Redis and relays and the socket for timeout notices.
Without it the workers end at once, as a service that was killed: what they had under way is in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from gateways.timeout_notices import listening
from rtp_relay import logs
from rtp_relay.assembly.background import Background
from rtp_relay.assembly.embedded_nodes import Infrastructure, grounds
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import Config
from rtp_relay.service import end_on_signals, loop_factory
from rtp_relay.workers.addresses import settled
from rtp_relay.workers.messages import Alive, Assignment, Failed, Meet, Others, Ready, Reload, Report, Stop
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
    """The workers of a service. `config` is that of each of them, but for its name."""

    def __init__(self, config: Config, notices: socket.socket | None) -> None:
        self._config, self._notices = config, notices
        self._workers: dict[int, WorkerProcess] = {}
        self._totals = Totals()
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

    async def failure(self) -> None:
        """Wait until the workers cannot be kept going. Raises StartError, or what the supervisor failed with."""
        await self._unless_hopeless(self._background.failure())

    def reload(self) -> None:
        """Have all workers read the routing script anew."""
        for worker in self._workers.values():
            worker.tell(Reload())

    async def stop(self) -> None:
        """Stop all workers: politely, and by force those that do not end in time."""
        await self._background.close()
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

    # -- a worker's life --

    async def _keep(self, number: int) -> None:
        """Keep a worker going, for as long as there is hope."""
        restarts, loop, is_new = Restarts(), asyncio.get_running_loop(), False
        while True:
            worker = await self._begin(number, is_new=is_new)
            how = await worker.end()
            self._totals.ended(number)
            delay = restarts.ended(loop.time() - worker.started_at, was_ready=worker.started)
            if self._starting or (restarts.hopeless and not self._any_ready()):
                self._give_up(worker, how)
                await loop.create_future()  # until this is cancelled
            why = worker.failed.why if worker.failed else how
            log.error("worker ended", worker=number, why=why, starts_again_in=round(delay, 1))
            is_new = True
            await asyncio.sleep(delay)

    async def _begin(self, number: int, *, is_new: bool) -> WorkerProcess:
        service = replace(self._config.service, name=f"{self._config.service.name}/{number}")
        notices = None if self._notices is None else self._notices.fileno()
        config = replace(self._config, service=service)
        worker = await begin(Assignment(config, number, self._config.service.workers, is_new, notices))
        self._workers[number] = worker
        worker.listen(partial(self._take, worker))
        self._introduce(worker)
        return worker

    def _take(self, worker: WorkerProcess, report: Report) -> None:
        match report:
            case Ready():
                worker.ready = worker.started = True
            case Failed():
                worker.failed = report
            case Alive():
                self._totals.heard(worker.number, report.samples)

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
            for worker in self._workers.values():
                # What a worker said while the supervisor itself stood still may not be read yet.
                if worker.ready and now - worker.heard_at > HUNG and now - last < 2 * LOOK:
                    log.error("worker hangs, it is ended", worker=worker.number, seconds=round(now - worker.heard_at))
                    worker.kill()
                worker.tell(Others(self._totals.of_others(worker.number)))
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


def run(config: Config) -> int:
    """Run the workers of a service until SIGTERM or SIGINT; return the exit code. A second signal ends them at once."""
    logs.set_up(config.service.log_level, config.service.log_format)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_supervise(config))


async def _supervise(config: Config) -> int:
    life = asyncio.create_task(_live(config))
    end_on_signals(life)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _nothing)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await life
        log.info("stopped")
        return 0
    except StartError as error:
        print(f"rtp-relay: {error}", file=sys.stderr)
        return error.code
    except Exception:
        log.exception("failed")
    return 1


async def _live(config: Config) -> None:
    """Run until cancelled or given up. Only an orderly stop after a start that went well ends what is embedded."""
    async with grounds(config) as ground:
        with contextlib.ExitStack() as stack:
            worker = await _settled(config, ground)
            notices = stack.enter_context(_notices(config.calls.notices)) if config.calls.notices else None
            supervisor = Supervisor(worker, notices)
            try:
                await supervisor.start()
                ground.begun.clear()
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, supervisor.reload)
                log.info("all workers are ready", control_node=config.service.name, workers=config.service.workers)
                with contextlib.suppress(asyncio.CancelledError):
                    await supervisor.failure()
            finally:
                await supervisor.stop()


async def _settled(config: Config, ground: Infrastructure) -> Config:
    """Return the configuration of a control node that runs nothing itself. Raises StartError."""
    journal = replace(config.journal, url=ground.journal_url)
    return await settled(replace(config, journal=journal, nodes=ground.nodes))


@contextmanager
def _notices(address: str) -> Iterator[socket.socket]:
    try:
        with listening(address) as sock:
            yield sock
    except OSError as error:
        raise StartError(f"timeout notices cannot be listened for at {address}: {error}") from error


def _nothing() -> None:
    """Nothing runs yet that could be read anew."""
