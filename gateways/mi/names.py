"""Engines, sets and nodes as requests name them."""

from __future__ import annotations

from collections.abc import Mapping

from actors.control.known_nodes import no_such_node
from engines.registry import KINDS
from engines.set_names import SetNames
from engines.sets import NodeSpec
from events.names import NodeName
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.parameters import Parameter


def is_url(given: Json) -> bool:
    """Return whether a value is a node's url, and not a set."""
    return isinstance(given, str) and ":" in given


def is_set(given: Json) -> bool:
    """Return whether a value is a set's number or name."""
    return not is_url(given)


ENGINE = Parameter("engine")
SET = Parameter("set", looks_right=is_set)
NODE = Parameter("node", looks_right=is_url)


def node_named(given: str, specs: Mapping[NodeName, NodeSpec]) -> NodeName:
    """Return the name of the node with this url or name. Raises MiError if there is none."""
    found = next((spec.name for spec in specs.values() if given in (spec.url, spec.name)), None)
    if found is None:
        raise MiError(404, "unknown RTP Relay node", no_such_node(given, specs.values()))
    return found


def engine_named(given: str) -> str:
    """Return the name of an engine. Raises MiError if there is none of that name."""
    if given not in KINDS:
        raise MiError(404, "unknown RTP  Relay engine", f"there is no engine {given!r}; known ones: {', '.join(KINDS)}")
    return given


def set_named(given: str, sets: SetNames) -> str:
    """Return the name of the set that is meant by a name or a number. Raises MiError for what is neither."""
    try:
        return sets.name(given)
    except ValueError as error:
        raise MiError(400, "Bad set", str(error)) from None
