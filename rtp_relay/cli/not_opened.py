"""Whether the host of a node that was added has an address: it may be mistyped, or too new for that."""

from __future__ import annotations

import asyncio

from rtp_relay.cli.management import Management


async def not_opened(service: Management, node: str, url: str, version: int) -> list[str]:
    """Say where a node could not be opened, by what control nodes tell that follow a version of the decisions.

    Where none is alive, it is looked at from here.
    """
    if not url.startswith("udp:"):
        return []
    statuses = (await service.call("rtp_relay:nodes"))["control_nodes"]
    where = [
        status["name"]
        for status in statuses
        if status.get("decided", 0) >= version and all(known["name"] != node for known in status["nodes"])
    ]
    if statuses:
        return [_said(node, url, f"at {', '.join(where)}")] if where else []
    return [] if await _has_address(url) else [_said(node, url, "here")]


def _said(node: str, url: str, where: str) -> str:
    return (
        f"the host of {url} has no address {where}: {node} gets no calls until it has one, which is looked for again "
        f"and again; if it is mistyped, rtp-relay node remove {node}"
    )


async def _has_address(url: str) -> bool:
    host, _, port = url.removeprefix("udp:").rpartition(":")
    try:
        await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port)
    except (OSError, ValueError):  # a name that can be none, too
        return False
    return True
