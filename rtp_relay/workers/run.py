"""The program `rtp-relay serve` with several workers: the process of their supervisor.

It serves no call. What it runs for all workers are the embedded Redis and relays, and sockets.
Without it the workers end at once, as a service that was killed: what they had under way is in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from gateways.timeout_notices import listening
from rtp_relay import logs
from rtp_relay.assembly.embedded_nodes import Infrastructure, grounds
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.reloading import nodes_again
from rtp_relay.config import Config
from rtp_relay.process import end_on_signals, on_hangup, run_on_loop
from rtp_relay.service_manager import ServiceManager
from rtp_relay.web.beside import PageBeside
from rtp_relay.workers.addresses import settled
from rtp_relay.workers.held_sockets import HeldSockets
from rtp_relay.workers.supervisor import Supervisor

log = structlog.get_logger()


def run(config: Config, file: Path | None = None) -> int:
    """Run the workers of a service until SIGTERM or SIGINT; return the exit code. A second signal ends them at once.

    `file` is where the configuration comes from: SIGHUP has it read anew.
    """
    logs.set_up(config.service.log_level, config.service.log_format, numbers=config.privacy.shown)
    return run_on_loop(_supervise(config, file))


async def _supervise(config: Config, file: Path | None) -> int:
    manager, page = ServiceManager.of_environment(), PageBeside(config, file)
    at_work: asyncio.Future[Supervisor] = asyncio.get_running_loop().create_future()
    life = asyncio.create_task(_live(config, manager, page, at_work))
    end_on_signals(life, manager)
    on_hangup(partial(_reload, at_work, manager, file, config))
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
    finally:
        await page.end()
    return 1


async def _live(config: Config, manager: ServiceManager, page: PageBeside, at_work: asyncio.Future[Supervisor]) -> None:
    """Run until cancelled or given up. Only an orderly stop after a start that went well ends what is embedded.

    at_work: gets the supervisor when all workers are ready.
    """
    async with grounds(config) as ground:
        with contextlib.ExitStack() as stack:
            worker = await _settled(config, ground)
            notices = stack.enter_context(_notices(config.calls.notices)) if config.calls.notices else None
            held = stack.enter_context(_held(worker))
            supervisor = Supervisor(worker, notices, held)
            try:
                await supervisor.start()
                ground.begun.clear()
                at_work.set_result(supervisor)
                log.info("all workers are ready", control_node=config.service.name, workers=config.service.workers)
                manager.ready()
                supervisor.also("service manager", manager.keep_told(supervisor.condition, supervisor.lives))
                page.begin()
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


@contextmanager
def _held(config: Config) -> Iterator[HeldSockets]:
    try:
        held = HeldSockets(config)
    except OSError as error:
        raise StartError(f"the doors cannot listen: {error}") from error
    with contextlib.closing(held):
        yield held


async def _reload(
    at_work: asyncio.Future[Supervisor], manager: ServiceManager, file: Path | None, config: Config
) -> None:
    """Have all workers read anew what can be, once they are at work; that they have is not waited for."""
    supervisor = await at_work
    manager.reloading()
    supervisor.reload(nodes_again(file, config))
    manager.reloaded()
