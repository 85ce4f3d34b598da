"""`python -m rtp_relay.workers.worker CHANNEL NAME`: one worker's process, which the supervisor starts.

The name is there for who looks at the list of processes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import structlog

from gateways.handoff.beating import beat
from gateways.handoff.mesh import Mesh
from gateways.sip.messages.ids import mark_branches
from rtp_relay import logs
from rtp_relay.assembly.errors import StartError
from rtp_relay.bounded_rate import BoundedRate
from rtp_relay.process import live, run_on_loop
from rtp_relay.service import Service
from rtp_relay.workers import assigning
from rtp_relay.workers.channel import Channel
from rtp_relay.workers.messages import Assignment, Failed, Meet, Order, Others, Ready, Reload, Report, Stop, Wanted
from rtp_relay.workers.seat import Seat
from rtp_relay.workers.totals import Telling, ask

log = structlog.get_logger()

REPORT = 1.0
"""Seconds between two reports to the supervisor."""


class Worker:
    """A control node that a supervisor steers."""

    def __init__(self, assignment: Assignment, sock: socket.socket) -> None:
        notices = None if assignment.notices is None else socket.socket(fileno=assignment.notices)
        held = {(at.host, at.port): socket.socket(fileno=descriptor) for at, descriptor in assignment.held}
        self.mesh = Mesh(assignment.number, assignment.workers, is_new=assignment.is_new, held=held)
        self.seat = Seat(self.mesh, notices, self._ask)
        self.service = Service(assignment.config, seat=self.seat)
        self.channel: Channel[Report, Order] = Channel(sock, self._take, _abandoned)
        self._life: asyncio.Task[None] | None = None

    async def run(self, rate: BoundedRate) -> int:
        """Serve until the supervisor says stop; return the exit code."""
        self._life = life = asyncio.create_task(self._live(rate))
        try:
            await life
        except asyncio.CancelledError:
            await self.service.stop()
            return 0
        except StartError as error:
            self.channel.send(Failed(str(error), error.code))
            return error.code
        except Exception as error:
            log.exception("failed")
            await self.service.stop(error)
        finally:
            await self.seat.leave()
        return 1

    def stop(self) -> None:
        """Finish what is under way, and end; others serve what comes meanwhile."""
        self.mesh.leave()
        if self._life is not None:
            self._life.cancel()
            self._life = None

    async def _live(self, rate: BoundedRate) -> None:
        tasks: list[asyncio.Task[None]] = []

        def at_work() -> None:
            self.channel.send(Ready())
            tasks.extend(asyncio.create_task(work) for work in (beat(self.mesh), self._report()))

        try:
            await live(self.service, rate, at_work)
        finally:
            for task in tasks:
                task.cancel()

    async def _report(self) -> None:
        telling = Telling(self.channel.send)
        while True:
            telling.tell(self.service.control.own_samples())
            await asyncio.sleep(REPORT)

    async def _ask(self, wanted: Wanted) -> bytes:
        return await ask(lambda question, sock: self.channel.send(question, [sock]), wanted)

    def _take(self, order: Order, sock: socket.socket | None) -> None:
        match order:
            case Meet():
                if sock is not None:
                    self.mesh.add(order.worker, sock, is_new=order.is_new)
            case Reload():
                self.service.reload(order.nodes)
            case Stop():
                self.stop()
            case Others():
                self.seat.workers = order.workers


def _abandoned() -> None:
    """End at once: the supervisor is gone, and with it the service."""
    os._exit(1)


def main() -> int:
    """Run the worker that standard input assigns."""
    try:
        assignment = assigning.read(sys.stdin.buffer)
    except assigning.Replaced as error:
        sys.exit(f"rtp-relay: {error}")
    service, numbers = assignment.config.service, assignment.config.privacy.shown
    rate = logs.set_up(service.log_level, service.log_format, numbers=numbers)
    mark_branches(assignment.number)
    structlog.contextvars.bind_contextvars(worker=assignment.number)
    return run_on_loop(_run(assignment, socket.socket(fileno=int(sys.argv[1])), rate))


async def _run(assignment: Assignment, sock: socket.socket, rate: BoundedRate) -> int:
    worker = Worker(assignment, sock)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    loop.add_signal_handler(signal.SIGHUP, worker.service.reload)
    return await worker.run(rate)


if __name__ == "__main__":
    sys.exit(main())
