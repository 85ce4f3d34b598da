"""How a process is: its memory, its processor time, and how late its event loop is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from actors.control.counters import Sample, Together
from events.histogram import Histogram
from rtp_relay import __version__
from rtp_relay.compiled import code_in_use

BEAT = 0.1
"""Seconds from one look at the loop's lateness to the next."""

_OPEN = Path("/proc/self/fd")
_STATM = Path("/proc/self/statm")


class Vitals:
    """The process of this name, such as "worker 1". Its counters begin now. alone: it is the whole service."""

    def __init__(self, name: str, *, alone: bool = False) -> None:
        self._alone = alone
        self._labels = (("process", name),)
        self._started = time.time()
        self._lag = Histogram()

    async def run(self) -> None:
        """Watch how late the loop is, until cancelled."""
        while True:
            due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self._lag.observe(max(0.0, time.monotonic() - due))

    def samples(self) -> Iterator[Sample]:
        """Return the samples."""
        labels, usage = self._labels, resource.getrusage(resource.RUSAGE_SELF)
        yield _build_info()
        if self._alone:
            yield Sample("service", "workers", 1, gauge=True)
        yield Sample("process", "started", round(self._started, 3), labels, gauge=True)
        yield Sample("process", "cpu", round(usage.ru_utime + usage.ru_stime, 3), labels)
        yield Sample("process", "memory", _memory(), labels, gauge=True)
        with contextlib.suppress(OSError):
            yield Sample("process", "files", len(os.listdir(_OPEN)), labels, gauge=True)  # noqa: PTH208 - names do
        lag = self._lag
        yield Sample("process", "loop_lag", lag.sum, labels, buckets=tuple(lag.counts), bounds=lag.bounds)


def _build_info() -> Sample:
    code = "compiled" if code_in_use() == "compiled" else "sources"
    labels = (("version", __version__), ("code", code), ("python", platform.python_version()))
    return Sample("service", "build_info", 1, labels, gauge=True, together=Together.MOST)


def _memory() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
