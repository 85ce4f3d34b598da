"""Where calls are to go: read, and checked as far as operators can know it, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from actors.commands.migration import MoveTarget
from actors.control.known_nodes import why_no_calls
from actors.roster import RosterNode
from engines.set_names import SetNames
from engines.sets import EVERY_SET, NodeSpec
from events.names import NO_NODE, NodeName
from gateways.mi.jsonrpc import MiError
from gateways.mi.names import engine_named, node_named, set_named
from gateways.mi.parameters import Arguments

Known = Mapping[NodeName, RosterNode]
"""The nodes that there are. None are where nothing is known of any: then each name is believed."""


def destination(given: Arguments, known: Known, sets: SetNames, prefix: str = "") -> MoveTarget:
    """Return what is said of the engine, set and node that calls are to go to, whose names begin with `prefix`.

    Raises MiError for what there is not, and for a node that is not of that engine or set.
    """
    engine, set_name, node = (f"{prefix}{name}" for name in ("engine", "set", "node"))
    target = MoveTarget(
        engine=engine_named(given[engine]) if engine in given else "",
        set=set_named(given[set_name], sets) if set_name in given else "",
        node=_node(given[node], known) if node in given else NO_NODE,
    )
    if target.node in known:
        _check_one_place(target, known[target.node].spec)
    return target


def check_takes_calls(node: NodeName, known: Known) -> None:
    """Raise MiError for a node that gets no new calls since operators, or its configuration, do not want it to.

    One that is down is no such node: it may be up again at any moment.
    """
    why = why_no_calls(known[node]) if node in known else ""
    if why:
        raise MiError(409, "node takes no calls", f"node {node} takes no calls: {why}")


def check_set(name: str, specs: Iterable[NodeSpec]) -> None:
    """Raise MiError for a set that has no nodes."""
    if all(spec.set != name for spec in specs):
        raise MiError(404, "unknown RTP Relay set", f"no node is in set {name!r}")


def check_engine(name: str, specs: Iterable[NodeSpec]) -> None:
    """Raise MiError for an engine that no node is of."""
    if all(spec.engine != name for spec in specs):
        raise MiError(404, "unknown RTP  Relay engine", f"no node is of engine {name!r}")


def _node(given: str, known: Known) -> NodeName:
    return node_named(given, {name: node.spec for name, node in known.items()}) if known else NodeName(given)


def _check_one_place(target: MoveTarget, spec: NodeSpec) -> None:
    """Raise MiError where a node is not of the engine or the set that are named with it."""
    if target.engine not in ("", spec.engine):
        raise MiError(400, "Bad engine", f"node {spec.name} is of {spec.engine}, and not of {target.engine}")
    if target.set not in ("", spec.set) and spec.set != EVERY_SET:
        raise MiError(400, "Bad set", f"node {spec.name} is in set {spec.set!r}, and not in {target.set!r}")
