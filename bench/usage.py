"""What a process used: CPU and memory, as the kernel tells."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import psutil


class Meter:
    """Counts the CPU time of a process from when the meter was made."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._began = _cpu_seconds(self._process)

    @staticmethod
    def since_start(pid: int) -> float:
        """Return the CPU time, in microseconds, that a process used since it was started."""
        return _cpu_seconds(psutil.Process(pid)) * 1e6

    def microseconds(self) -> float:
        """Return the CPU time used since then, of all threads, user and system together. It comes in steps of 10 ms."""
        return (_cpu_seconds(self._process) - self._began) * 1e6


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(psutil.Process(pid).memory_info().rss)


@dataclass(frozen=True, slots=True)
class Machine:
    """The kind of machine, without which figures say nothing. Load is the system's average of the last minute."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: float


def this_machine() -> Machine:
    """Describe this machine."""
    return Machine(
        cpu=_cpu(),
        cores=psutil.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=round(psutil.getloadavg()[0], 2),
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
