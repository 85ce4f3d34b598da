"""The process of `rtp-relay serve` with one worker; what the processes of several have in common with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from rtp_relay import logs
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.garbage import leave_to_the_system
from rtp_relay.assembly.reloading import nodes_again
from rtp_relay.bounded_rate import BoundedRate
from rtp_relay.config import Config
from rtp_relay.service import Service
from rtp_relay.service_manager import ServiceManager
from rtp_relay.web.beside import PageBeside

log = structlog.get_logger()

REPORT_INTERVAL = 10.0
"""Seconds between two looks at which log lines were left out."""


def run(config: Config, file: Path | None = None) -> int:
    """Run a control node until SIGTERM or SIGINT, and return the exit code; a second signal ends it at once.

    `file` is where the configuration comes from: SIGHUP has it read anew.
    """
    rate = logs.set_up(config.service.log_level, config.service.log_format, numbers=config.privacy.shown)
    return run_on_loop(serve(config, rate, file))


def run_on_loop(program: Coroutine[Any, Any, int]) -> int:
    """Run the program of a process on an event loop of a service, and return its exit code."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        code = runner.run(program)
    leave_to_the_system()
    return code


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop of a service: uvloop, where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for every Python
    except ImportError:
        return None
    return uvloop.new_event_loop


async def serve(config: Config, rate: BoundedRate, file: Path | None = None) -> int:
    """Run a control node on the event loop that is there, until SIGTERM or SIGINT, and return the exit code."""
    service, manager, page = Service(config), ServiceManager.of_environment(), PageBeside(config, file)
    beside: list[asyncio.Task[None]] = []

    def at_work() -> None:
        manager.ready()
        page.begin()
        beside.append(asyncio.create_task(manager.keep_told(lambda: service.condition)))

    async def reload() -> None:
        manager.reloading()
        service.reload(nodes_again(file, config))
        await service.reloaded()
        manager.reloaded()

    life = asyncio.create_task(live(service, rate, at_work))
    end_on_signals(life, manager)
    on_hangup(reload)
    try:
        await life
    except asyncio.CancelledError:
        await service.stop()
        log.info("stopped")
        return 0
    except StartError as error:
        print(f"rtp-relay: {error}", file=sys.stderr)
        return error.code
    except Exception as error:
        log.exception("failed")
        await service.stop(error)
    finally:
        for task in beside:
            task.cancel()
        await page.end()
    return 1


async def live(service: Service, rate: BoundedRate, ready: Callable[[], None] = lambda: None) -> None:
    """Start a service, call `ready`, and let it run until it fails or this is cancelled."""
    await service.start()
    ready()
    reports = asyncio.create_task(_report(rate))
    try:
        await service.failure()
    finally:
        reports.cancel()


async def _report(rate: BoundedRate) -> None:
    while True:
        await asyncio.sleep(REPORT_INTERVAL)
        rate.report()


def on_hangup(reload: Callable[[], Coroutine[None, None, None]]) -> None:
    """Reload at each SIGHUP, one after the other."""
    loop, last = asyncio.get_running_loop(), asyncio.Lock()
    under_way: set[asyncio.Task[None]] = set()

    async def in_turn() -> None:
        async with last:
            await reload()

    def begin() -> None:
        task = loop.create_task(in_turn(), name="reload")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)


def end_on_signals(life: asyncio.Task[None], manager: ServiceManager) -> None:
    """Cancel a task at SIGTERM or SIGINT, and tell the manager; a second signal ends the process at once."""
    signals = (signal.SIGTERM, signal.SIGINT)
    loop = asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        manager.stopping()
        life.cancel()
        for each in signals:
            loop.add_signal_handler(each, os._exit, 1)

    for each in signals:
        loop.add_signal_handler(each, first, each)
