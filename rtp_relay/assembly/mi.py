"""The management door as configured."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from actors.control.control import Control
from actors.observers import Observers
from gateways.mi.access import Access
from gateways.mi.door import MiDoor, MiSettings
from gateways.mi.process import ProcessHooks
from rtp_relay import __version__, logs
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.tracing import tracing
from rtp_relay.config import Config, LogLevel, SocketAddress, UnixAddress
from rtp_relay.config.mi import HttpAddress

log = structlog.get_logger()


def alone() -> Sequence[tuple[int, str]]:
    """Return this process as all that there is of the service."""
    return [(os.getpid(), "control node")]


def process_hooks(
    control: Control, observers: Observers, processes: Callable[[], Sequence[tuple[int, str]]]
) -> ProcessHooks:
    """Return what the management interface has of the program, whose first process takes the signals."""

    def set_level(level: str) -> None:
        before, after = logs.get_level(), LogLevel(level)
        logs.set_level(after)
        if LogLevel.DEBUG in (before, after) and before is not after:
            (observers.add if after is LogLevel.DEBUG else observers.remove)(tracing(control.numbers))

    return ProcessHooks(
        version=__version__,
        started_at=time.time(),
        processes=processes,
        samples=control.samples,
        log_level=logs.get_level,
        set_log_level=set_level,
        stop=lambda: os.kill(processes()[0][0], signal.SIGTERM),
        reload=lambda: os.kill(processes()[0][0], signal.SIGHUP),
    )


async def open_mi_door(config: Config, control: Control, hooks: ProcessHooks) -> MiDoor:
    """Open the management door, and the local socket. Raises StartError for an address that cannot be had.

    The usual local socket is a convenience: where it cannot be had, the service goes on without it.
    """
    mi = config.mi
    settings = MiSettings(
        access=Access(allow=mi.allow, role=mi.role, tokens=mi.tokens),
        http=[each.address for each in mi.listen if isinstance(each, HttpAddress)],
        udp=[each for each in mi.listen if isinstance(each, SocketAddress)],
        unix=[Path(each.path) for each in mi.listen if isinstance(each, UnixAddress)],
        pretty=mi.pretty,
        sets=config.sets.names,
    )
    door = MiDoor(settings, control, hooks)
    try:
        await door.open()
    except OSError as error:
        raise StartError(f"the management interface cannot listen on {error.strerror}") from error
    try:
        await door.open_local(config.local_socket)
    except OSError as error:
        if mi.socket is not None:
            await door.close()
            raise StartError(f"mi.socket {mi.socket}: {error}") from error
        log.warning("no local socket", path=str(config.local_socket), why=str(error))
    return door
