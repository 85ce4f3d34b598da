"""A routing script that marks requests of our own. Those whose method HOLD names never leave.

A new call's INVITE asks for what is engaged, as ENGINE or ENGINE SET: X-Engine for all branches, X-Engine-1 for the one
with this index. X-Fork: URIs that it is to ring at, too.
"""

from __future__ import annotations

import asyncio
import os

from rtp_relay.routing import Branch, Local, Request, on_branch, on_local, on_request


@on_request
def route(request: Request) -> None:
    """Engage the relay that a new call's INVITE asks for."""
    if begins_call(request):
        engage(request, request.headers.get("X-Engine"))
        if fork := request.headers.get("X-Fork"):
            for uri in (request.uri, *fork.split()):
                request.append_branch(uri)
    request.relay()


@on_branch
def leaves(branch: Branch) -> None:
    """Engage the relay that it asks for this branch."""
    if begins_call(branch.request):
        engage(branch, branch.request.headers.get(f"X-Engine-{branch.index}"))


def begins_call(request: Request) -> bool:
    """Return whether a request begins a call."""
    return request.method == "INVITE" and not request.has_totag


def engage(what: Request | Branch, wanted: str) -> None:
    """Engage a relay, if one is asked for."""
    if wanted:
        engine, *set_name = wanted.split()
        what.rtp_relay_engage(engine, *set_name)


@on_local
async def mark(local: Local) -> None:
    """Say in a header what it is."""
    local.headers.add("X-Local", f"{local.method} to the {local.to_leg} of {local.call_id}")
    if local.method == os.environ.get("HOLD"):
        await asyncio.Event().wait()
