"""How commands decide about nodes: by the management methods, of a service that runs or by the journal alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from actors.control.documents import status_of
from actors.control.known_nodes import closed_sets
from engines.health import AdminState
from gateways.mi.jsonrpc import Json
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.not_opened import not_opened
from rtp_relay.cli.options import short
from rtp_relay.cli.output import say

NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", callback=short, help="Why, for the journal and for who looks at it later.")
]

PATIENCE = 3.0
"""Seconds for which control nodes are waited for that have not put a decision in force."""

LOOK = 0.1
"""Seconds between two looks at that."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of it: as of which version of the decisions it holds, and how many calls the node has.

    changed: whether it was not so before. behind: the control nodes that have not put it in force yet. job: that which
    moves the node's calls away, "" for none.
    """

    version: int
    changed: bool
    calls: int
    behind: list[str]
    job: str = ""


def decide(path: Path | None, method: str, done: str, **params: Json) -> Decision:
    """Decide, say so, and say what else comes of it, and where it is not in force soon after. Ends if it is refused."""
    node = str(params["node"])

    async def work(service: Management) -> tuple[Decision, list[str]]:
        told = await service.call(f"rtp_relay:node_{method}", **params)
        decision = Decision(**told, behind=await _patiently(service, told["version"]))
        more = [f"not in force yet at {', '.join(decision.behind)}"] if decision.behind else []
        if await _was_the_last(service, node):
            more.append("no node of its set takes new calls now: they are refused")
        if params.get("state") == AdminState.ACTIVE:
            more += await _leaving(service, node)
        if method == "add":
            more += await not_opened(service, node, str(params["url"]), decision.version)
        return decision, more

    decision, more = manage(path, work)
    calls = f"{decision.calls} call{'' if decision.calls == 1 else 's'}"
    say(f"{done}{'' if decision.changed else ', as it was'}; it has {calls}")
    for line in more:
        say(line)
    return decision


async def control_nodes_behind(service: Management, version: int) -> list[str]:
    """Return the control nodes that live and do not follow the decisions up to a version yet."""
    statuses = (await service.call("rtp_relay:nodes"))["control_nodes"]
    return [status["name"] for status in statuses if status.get("decided", 0) < version]


async def _was_the_last(service: Management, node: str) -> bool:
    """Return whether no node of a node's set is to have new calls, as far as a control node tells."""
    for status in map(status_of, (await service.call("rtp_relay:nodes"))["control_nodes"]):
        sets = [known.set for known in status.nodes if known.name == node]
        if sets and sets[0] in closed_sets(status.nodes):
            return True
    return False


async def _leaving(service: Management, node: str) -> list[str]:
    """Name the jobs that move calls of a node away."""
    going_on = await service.call("rtp_relay:update_status")
    wanted = (job for job in going_on if job["state"] != "cancelled")
    jobs = [job["job"] for job in wanted if any(part.get("node") == node for part in job["parts"])]
    return [f"job {job} still moves its calls away; rtp-relay moves {job} --cancel ends that" for job in jobs]


async def _patiently(service: Management, version: int) -> list[str]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    behind = await control_nodes_behind(service, version)
    while behind and loop.time() < deadline:
        await asyncio.sleep(LOOK)
        behind = await control_nodes_behind(service, version)
    return behind
