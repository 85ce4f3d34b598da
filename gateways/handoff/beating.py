"""Signs of life between the workers of a service."""

from __future__ import annotations

import asyncio

from gateways.handoff.mesh import Mesh

BEAT = 0.5
"""Seconds between two signs of life to each other worker."""


async def beat(mesh: Mesh, every: float = BEAT) -> None:
    """Give and expect signs of life, each so many seconds, from when this worker is at work until cancelled."""
    time = asyncio.get_running_loop().time
    last = time()
    while True:
        mesh.beat()
        await asyncio.sleep(every)
        now = time()
        if now - last < 2 * every:  # else it was this worker that stood still
            mesh.look_who_is_silent(now)
        last = now
