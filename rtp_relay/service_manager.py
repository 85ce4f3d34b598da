"""What the service manager is told that has started us: systemd, for units of `Type=notify`.

sd_notify(3) and sd_watchdog_enabled(3) say how. The protocol is one datagram at a time, of lines `KEY=value`, to the
socket that NOTIFY_SOCKET names. Where nobody wants to be told, nothing is said.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

PATIENCE = 1.0
"""Seconds that the manager may take to accept a word that it waits for."""

PINGS = 3
"""How many signs of life there are in the time in which the manager wants one."""

STATUS_INTERVAL = 5.0
"""Seconds between two looks at whether the status has changed."""


class ServiceManager:
    """The manager at `address`, which wants a sign of life every `watchdog` seconds; None for none."""

    def __init__(self, address: str | None = None, watchdog: float | None = None) -> None:
        self._address = address and (f"\0{address[1:]}" if address.startswith("@") else address)
        self._watchdog = watchdog
        self._status = ""
        self._ready = False

    @classmethod
    def of_environment(cls) -> ServiceManager:
        """Return who has started us. It is taken out of the environment: the words of our children are not ours."""
        address = os.environ.pop("NOTIFY_SOCKET", None)
        pid, period = os.environ.pop("WATCHDOG_PID", ""), os.environ.pop("WATCHDOG_USEC", "")
        watched = period.isdecimal() and int(period) > 0 and pid in ("", str(os.getpid()))
        return cls(address or None, int(period) / 1e6 if watched else None)

    def ready(self) -> None:
        """Say that the doors are open."""
        self._ready = True
        self._say("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is being read anew; `reloaded` follows. During start and stop nothing is said."""
        if self._ready:
            self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def reloaded(self) -> None:
        """Say that it has been read."""
        if self._ready:
            self._say("READY=1")

    def stopping(self) -> None:
        """Say that the service is about to end."""
        self._ready = False
        self._say("STOPPING=1", "STATUS=finishes what is under way")

    async def keep_told(self, status: Callable[[], str], lives: Callable[[], bool] = lambda: True) -> None:
        """Tell how it goes, and give signs of life for as long as `lives` says so, until cancelled.

        It runs on the loop that serves the calls, so that the signs end when that stands still.
        """
        interval = STATUS_INTERVAL if self._watchdog is None else min(STATUS_INTERVAL, self._watchdog / PINGS)
        while True:
            words = ["WATCHDOG=1"] if self._watchdog is not None and lives() else []
            if (told := status()) != self._status:
                self._status = told
                words.append(f"STATUS={told}")
            if words:
                self._say(*words, patience=0)
            await asyncio.sleep(interval)

    def _say(self, *words: str, patience: float = PATIENCE) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(patience)
                sock.sendto("\n".join(words).encode(), self._address)
        except OSError as error:
            log.warning("service manager not told", words=words, why=str(error))
