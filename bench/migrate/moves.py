"""Calls moved over the management interface, so many a second, so many at a time: by a drain, or one by one."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_LOOK = 0.05
"""Seconds between two looks at how far a drain is."""


class Refusal(Exception):
    """What the management interface says against a wish."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How moves ended: how many took place, and how often each thing was said of the others. seconds: of all."""

    moved: int
    failed: dict[str, int]
    seconds: float


async def move_all(url: str, calls: Sequence[str], node: str, *, rate: float, in_flight: int) -> Moves:
    """Move calls to a node."""
    places = asyncio.Semaphore(in_flight)
    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=in_flight)) as session:
        moving = []
        for number, call in enumerate(calls):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            await places.acquire()
            moving.append(asyncio.create_task(_move(session, url, call, node)))
            moving[-1].add_done_callback(lambda _: places.release())
        failures = Counter(why for why in await asyncio.gather(*moving) if why)
    seconds = time.monotonic() - began
    return Moves(len(calls) - failures.total(), dict(failures), seconds)


async def drain(url: str, calls: Sequence[str], node: str, *, rate: float, in_flight: int) -> Moves:
    """Drain the node that calls are on, by a job of the service, and have it take calls again afterwards."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        await _ask(session, url, "rtp_relay_node_state", node=node, state="draining", reason="bench")
        began = time.monotonic()
        pace = {"rate": max(1, round(rate)), "in_flight": in_flight}
        wanted = await _ask(session, url, "rtp_relay_update", node=node, elsewhere=1, reason="bench", **pace)
        job: dict[str, Any] = {"state": "asked for"}
        while job["state"] not in ("over", "cancelled"):
            await asyncio.sleep(_LOOK)
            job = await _ask(session, url, "rtp_relay_update_status", job=wanted["job"])
        seconds = time.monotonic() - began
        await _ask(session, url, "rtp_relay_node_state", node=node, state="active", reason="bench")
    failures = Counter(job["failures"].values())
    unsaid = len(calls) - job["moved"] - failures.total()
    return Moves(job["moved"], dict(failures) | ({job["ended"] or "not told": unsaid} if unsaid else {}), seconds)


async def _move(session: aiohttp.ClientSession, url: str, call: str, node: str) -> str:
    """Move a call to a node, and return what is said against it."""
    try:
        there = await _ask(session, url, "rtp_relay_move", callid=call, node=node, reason="bench")
    except Refusal as refusal:
        return str(refusal)
    return "" if there["status"] == "moved" and there["wanted_node_taken"] else f"{there['status']}, {there}"


async def _ask(session: aiohttp.ClientSession, url: str, method: str, **params: str | int) -> dict[str, Any]:
    """Ask the management interface. Raises Refusal."""
    wish = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with session.post(url, json=wish) as response:
        reply: dict[str, Any] = await response.json()
    if "error" in reply:
        raise Refusal(f"{method}: {reply['error']['message']}: {reply['error'].get('data', '')}")
    result: dict[str, Any] = reply["result"]
    return result
