"""Memory: what a call costs the service's process while it is resident, and when it is not.

A process seldom gives memory back to the system, and the door keeps each reply for a minute. So the figures come from
growth alone, each time over what earlier calls had the process allocate already and left free.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.load import Load
from bench.options import Options, Relays
from bench.stage import Stage, progress, send, stage
from bench.usage import resident_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes, of the service's process. A call's are those by which the process grew, divided by the calls.

    begun: the process before any call. warm: after as many requests as open `calls`, from which nothing is left.
    resident_call: for each of `calls` open ones that are resident. passive_call: for each of as many open ones that
    had left memory, where as many others had done so before.
    """

    calls: int
    begun: int
    warm: int
    resident: int
    passive_once: int
    passive_twice: int

    @property
    def resident_call(self) -> float:
        """What a resident call costs."""
        return (self.resident - self.warm) / self.calls

    @property
    def passive_call(self) -> float:
        """What a passive call costs."""
        return (self.passive_twice - self.passive_once) / self.calls


async def measure_memory(options: Options) -> Memory:
    """Open calls, twice as many as asked for, in two waves with a rest after each."""
    calls = options.memory_calls
    progress(f"memory: {calls} calls resident, then passive")
    settings = {"passivate_after": options.settle / 2, "max_resident": 2 * calls}
    async with stage(options, Relays.FAKE, settings) as on:
        begun = resident_bytes(on.service.pid)
        await _send(on, options, "warm", ("offer", "answer", "delete"))
        warm = await _settled(on, options)
        await _send(on, options, "first", ("offer", "answer"))
        resident = resident_bytes(on.service.pid)
        passive_once = await _settled(on, options)
        await _send(on, options, "second", ("offer", "answer"))
        passive_twice = await _settled(on, options)
    return Memory(
        calls=calls,
        begun=begun,
        warm=warm,
        resident=resident,
        passive_once=passive_once,
        passive_twice=passive_twice,
    )


async def _send(on: Stage, options: Options, prefix: str, verbs: tuple[str, ...]) -> None:
    host, port = on.service.address
    outcome = await send(
        Load(host=host, port=port, prefix=prefix, calls=options.memory_calls, verbs=verbs, window=options.window)
    )
    if outcome.errors or outcome.timeouts:
        raise RuntimeError(f"{outcome.errors} requests failed, {outcome.timeouts} were not answered: no figure")


async def _settled(on: Stage, options: Options) -> int:
    progress(f"  {options.settle:g} s of rest")
    await asyncio.sleep(options.settle)
    return resident_bytes(on.service.pid)
