"""A routing script that marks requests of our own. Those whose method HOLD names never leave."""

from __future__ import annotations

import asyncio
import os

from rtp_relay.routing import Local, Request, on_local, on_request


@on_request
def route(request: Request) -> None:
    """Engage the relay that a new call's INVITE asks for."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage(request.headers.get("X-Engine"))
    request.relay()


@on_local
async def mark(local: Local) -> None:
    """Say in a header what it is."""
    local.headers.add("X-Local", f"{local.method} to the {local.to_leg} of {local.call_id}")
    if local.method == os.environ.get("HOLD"):
        await asyncio.Event().wait()
