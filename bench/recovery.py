"""Recovery: how soon a service that was killed answers again for the calls in its journal."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.fill import fill
from bench.load import Load, Outcome
from bench.options import Options, Relays
from bench.stage import Stage, begin, progress, send, stage
from bench.usage import Meter, resident_bytes

_PREFIX = "live"
_REQUESTS = 1000
_KNOCK = 0.002
"""Seconds between two tries to get the first answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Seconds from the start of the new process to its first answer for a call in the journal, and to the thousandth.

    filled: seconds that it took to write the calls, before. cpu: microseconds that the new process used until the
    thousandth answer. resident: its memory then, in bytes.
    """

    calls: int
    filled: float
    requests: int
    first: float
    thousandth: float
    errors: int
    timeouts: int
    cpu: float
    resident: int


async def measure_recovery(options: Options) -> Recovery:
    """Fill the journal beside a service that works, kill it, and start it anew while a client asks for its calls."""
    async with stage(options, Relays.FAKE) as on:
        host, port = on.service.address
        number = options.recovery_calls
        progress(f"recovery: {number} live calls into the journal")
        began = time.monotonic()
        await fill(on.journal.journal_url, _PREFIX, number)
        filled = time.monotonic() - began
        await send(Load(host=host, port=port, prefix="before", calls=min(number, 100), window=options.window))
        progress("  kill, and start again")
        on.service.kill()
        return await _restart(on, options, number, filled)


async def _restart(on: Stage, options: Options, number: int, filled: float) -> Recovery:
    host, port = on.service.address
    requests = min(number, _REQUESTS)
    load = Load(
        host=host,
        port=port,
        prefix=_PREFIX,
        calls=requests,
        verbs=("answer",),
        window=options.window,
        step=number // requests,
        knock=_KNOCK,
    )
    asking = await begin(load)
    started = time.monotonic()
    await on.service.start()
    outcome = await asking.outcome()
    return _recovery(on, number, filled, started, outcome)


def _recovery(on: Stage, number: int, filled: float, started: float, outcome: Outcome) -> Recovery:
    return Recovery(
        calls=number,
        filled=filled,
        requests=outcome.operations,
        first=outcome.first - started,
        thousandth=outcome.thousandth - started,
        errors=outcome.errors,
        timeouts=outcome.timeouts,
        cpu=Meter.since_start(on.service.pid),
        resident=resident_bytes(on.service.pid),
    )
