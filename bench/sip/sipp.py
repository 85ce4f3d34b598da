"""SIPp as the callers and the callees of many calls."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from bench.children import Child, PortChild
from bench.sip.outcome import Calls, Statistics, read_set_ups, read_statistics, sum_up
from tests.peers.datagram import Address
from tests.peers.ports import HOST

_SCENARIOS = Path(__file__).parent / "scenarios"
_RECEIVE_TIMEOUT = 10
"""Seconds a party waits for a message before it gives its call up."""
_ALL_AT_A_TIME = 20_000


class Callees(PortChild):
    """All callees, at `address`; to be restarted for each measurement."""

    name = "callees"

    def command(self) -> list[str]:
        """Return the command line."""
        return _sipp("callee", self.port)

    async def ready(self) -> bool:
        """Return whether it listens."""
        return self.listens(self.port)

    async def statistics(self) -> Statistics:
        """End it, after the calls that are still under way, and give its statistics."""
        self._signal(signal.SIGUSR1)
        try:
            await self.ended(_RECEIVE_TIMEOUT)
        except TimeoutError:
            await self.stop()
        return read_statistics((self.folder / "callee.csv").read_text())


class Callers(Child):
    """All callers of one measurement: `calls` to `remote`, `rate` a second, each held for `hold` ms."""

    name = "callers"

    def __init__(self, remote: Address, *, calls: int, rate: int, hold: int) -> None:
        super().__init__()
        self._remote = remote
        self._calls, self._rate, self._hold = calls, rate, hold
        self._began = 0.0

    def command(self) -> list[str]:
        """Return the command line."""
        host, port = self._remote
        load = ["-m", str(self._calls), "-r", str(self._rate), "-l", str(_ALL_AT_A_TIME), "-d", str(self._hold)]
        self._began = time.monotonic()
        return [*_sipp("caller", self.ports.take()), f"{host}:{port}", *load, "-trace_logs", "-log_file", "set-ups"]

    async def ready(self) -> bool:
        """Return True: it is ready from its start."""
        return True

    async def finish(self, callees: Callees) -> Calls:
        """Wait for the end of all calls, and sum up."""
        limit = self._calls / self._rate + self._hold / 1000 + 4 * _RECEIVE_TIMEOUT
        await self.ended(limit)
        seconds = time.monotonic() - self._began
        log = self.folder / "set-ups"
        return sum_up(
            self._calls,
            read_statistics((self.folder / "caller.csv").read_text()),
            await callees.statistics(),
            read_set_ups(log.read_text()) if log.exists() else [],
            seconds,
        )


async def place_calls(callees: Callees, remote: Address, *, calls: int, rate: int, hold: int) -> Calls:
    """Place calls to `remote`, which is to pass them to `callees`."""
    await callees.restart()
    async with Callers(remote, calls=calls, rate=rate, hold=hold) as callers:
        return await callers.finish(callees)


def _sipp(scenario: str, port: int) -> list[str]:
    place = ["-sf", str(_SCENARIOS / f"{scenario}.xml"), "-i", HOST, "-p", str(port)]
    # A retransmission to a party whose call has ended finds nobody: no call is kept for it after its end.
    limits = ["-recv_timeout", f"{_RECEIVE_TIMEOUT}000", "-deadcall_wait", "0", "-buff_size", "4194304"]
    return ["sipp", *place, *limits, "-nostdin", "-trace_stat", "-stf", f"{scenario}.csv", "-fd", "1"]
