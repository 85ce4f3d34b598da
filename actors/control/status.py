"""What each control node makes known about itself and the relay nodes it speaks to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from actors.messages import Describe, NodeReport
from actors.node_table import Node
from engines.health import AdminState, NodeState
from events.journal import Journal

_WORSE = (NodeState.UP, NodeState.DRAINING, NodeState.DISABLED, NodeState.DOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A relay node as a control node sees it.

    since: when it got into this state, ms since the epoch.
    admin: what is wanted of it. gone: it is none any more, and there for the calls that it has.
    in_flight: this control node's commands to it that are not answered yet.
    last_failure: the last thing that went wrong with it, in words; empty if nothing did.
    calls: the live calls, of all control nodes, that have a session on it.
    """

    name: str
    engine: str
    url: str
    set: str
    weight: int
    state: NodeState
    since: int
    in_flight: int = 0
    last_failure: str = ""
    calls: int = 0
    priority: int = 0
    admin: AdminState = AdminState.ACTIVE
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlNodeStatus:
    """A control node: when it started and when it said this, ms since the epoch, and its program's version.

    decided: the version of the decisions about nodes that it follows.
    """

    name: str
    started_at: int
    seen_at: int
    version: str
    nodes: tuple[NodeStatus, ...] = ()
    decided: int = 0


async def describe(node: Node, now: int, calls: int) -> NodeStatus:
    """Return how a node is, as its actor says. `now`: ms since the epoch. `calls`: how many live calls it has."""
    report: NodeReport = await node.actor.ask(Describe(), block=False)
    for_how_long = asyncio.get_running_loop().time() - report.health.since
    return NodeStatus(
        name=node.spec.name,
        engine=node.spec.engine,
        url=node.spec.url,
        set=node.spec.set,
        weight=node.spec.weight,
        state=report.health.state,
        since=now - round(for_how_long * 1000),
        in_flight=report.in_flight,
        last_failure=report.health.last_failure,
        calls=calls,
        priority=node.spec.priority,
        admin=report.health.admin,
        gone=node.gone,
    )


def encode_status(status: ControlNodeStatus) -> bytes:
    """Write a status for `Journal.publish`."""
    return json.dumps(asdict(status)).encode()


def decode_status(data: bytes) -> ControlNodeStatus:
    """Read what `encode_status` wrote, in this version of the program or another: fields not known here are left out.

    Raises ValueError for anything else.
    """
    try:
        row = json.loads(data)
        nodes = tuple(decode_node(node) for node in row["nodes"])
        return ControlNodeStatus(**_known(ControlNodeStatus, row) | {"nodes": nodes})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the status of a control node: {error!r}") from error


async def read_status(journal: Journal) -> list[ControlNodeStatus]:
    """Return the statuses of the control nodes that are alive, by name. Raises JournalUnavailable and ValueError."""
    published = await journal.published()
    return [decode_status(published[name]) for name in sorted(published)]


def together(statuses: Sequence[ControlNodeStatus]) -> dict[str, list[ControlNodeStatus]]:
    """Return the control nodes by their service: those named NAME/1, NAME/2 and so on are the workers of one."""
    services: dict[str, list[ControlNodeStatus]] = {}
    for status in statuses:
        services.setdefault(status.name.partition("/")[0], []).append(status)
    return services


def merged(name: str, workers: Sequence[ControlNodeStatus]) -> ControlNodeStatus:
    """Return what the workers of a service say, as one status: of each node the worst state that one of them sees."""
    nodes: dict[str, NodeStatus] = {}
    for node in (node for worker in workers for node in worker.nodes):
        known = nodes.get(node.name)
        nodes[node.name] = node if known is None else _both(known, node)
    return ControlNodeStatus(
        name=name,
        started_at=min(worker.started_at for worker in workers),
        seen_at=max(worker.seen_at for worker in workers),
        version=", ".join(dict.fromkeys(worker.version for worker in workers)),
        nodes=tuple(nodes.values()),
        decided=min(worker.decided for worker in workers),
    )


def _both(one: NodeStatus, other: NodeStatus) -> NodeStatus:
    worse = max(one, other, key=lambda node: (_WORSE.index(node.state), -node.since))
    return replace(worse, in_flight=one.in_flight + other.in_flight)


def decode_node(row: Mapping[str, Any]) -> NodeStatus:
    """Read a node of a status; fields not known here are left out. Raises KeyError, TypeError and ValueError."""
    known = _known(NodeStatus, row) | {"state": NodeState(row["state"])}
    return NodeStatus(**known | {"admin": AdminState(row.get("admin", AdminState.ACTIVE))})


def _known(cls: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(cls) if field.name in row}
