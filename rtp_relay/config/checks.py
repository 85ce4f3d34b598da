"""What has to be right between the keys of a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engines.private_folder import EXPECTED, exposed
from engines.registry import KINDS, kind_of
from engines.route.kind import RouteKind
from rtp_relay.config.addresses import SocketAddress
from rtp_relay.config.problems import ConfigFault
from rtp_relay.config.tables import Notes

Values = Mapping[str, Any]
"""What was read of a table: the values of those of its keys that are right."""

_FORMS = {"udp": "udp:HOST:PORT", "unix": "unix:/PATH"}


def check_nodes(nodes: Sequence[Values], notes: Notes) -> None:
    """Report nodes of one name or one url, urls that their engine does not speak, and sets without a node to choose."""
    for key in ("name", "url"):
        _check_unique(key, nodes, notes)
    for index, node in enumerate(nodes):
        if "engine" in node and "url" in node:
            _check_scheme(index, node, notes)
    _check_weights(nodes, notes)


def check_set(door: str, wanted: str, nodes: Sequence[Values], notes: Notes) -> None:
    """Report a door ("ng", "sip") whose set has no node. Without any nodes, the embedded relays are in that set."""
    if not nodes or any(node.get("set", wanted) == wanted for node in nodes):
        return
    sets = ", ".join(sorted({node["set"] for node in nodes}))
    notes.add((door, "set"), ConfigFault(f"{wanted!r}, a set without nodes", f"a set that [[nodes]] have: {sets}"))


def check_policies(policies: Mapping[str, Any], nodes: Sequence[Values], notes: Notes) -> None:
    """Report what is said of sets that no node has: it would be of no effect, and nobody would notice."""
    sets = sorted({node["set"] for node in nodes if "set" in node})
    for name in policies:
        if nodes and name not in sets:
            found = f"{name!r}, a set without nodes"
            notes.add(
                ("sets", "on_node_down", name), ConfigFault(found, f"a set that [[nodes]] have: {', '.join(sets)}")
            )


def check_route(route: Values, nodes: Sequence[Values], notes: Notes) -> None:
    """Report a node with the name of the route engine's own, which exists wherever there is a script."""
    for index, node in enumerate(nodes):
        if route.get("script") and node.get("name") == RouteKind.name:
            notes.add(
                ("nodes", index, "name"), ConfigFault(repr(RouteKind.name), "another name: [route] has that node")
            )


def check_recordings(service: Values, embedded: Values, notes: Notes) -> None:
    """Report a folder for recordings that others on the machine could read."""
    state_dir = service.get("state_dir")
    folder = embedded.get("recordings") or (state_dir and state_dir / "recordings")
    why = exposed(folder) if folder else ""
    if why:
        notes.add(("embedded", "recordings"), ConfigFault(f"{str(folder)!r}, {why}", EXPECTED))


def check_sip(sip: Values, nodes: Sequence[Values], notes: Notes) -> None:
    """Report an engine that does not exist or that the set has no node of, and TLS without what it needs."""
    engine, group = sip.get("engine"), sip.get("set")
    if engine and engine not in KINDS:
        notes.add(("sip", "engine"), ConfigFault(repr(engine), f"one of {', '.join(KINDS)}"))
    elif engine and engine != RouteKind.name and nodes and group:
        of_set = {node.get("engine") for node in nodes if node.get("set", group) == group}
        if of_set and engine not in of_set:
            notes.add(("sip", "engine"), ConfigFault(repr(engine), f"an engine that a node of set {group!r} has"))
    _check_tls(sip, notes)


def _check_tls(sip: Values, notes: Notes) -> None:
    for index, address in enumerate(sip.get("listen", ())):
        if address.transport == "tls" and not (sip.get("certificate") and sip.get("key")):
            notes.add(
                ("sip", "listen", index), ConfigFault(repr(str(address)), "certificate and key beside it, for TLS")
            )
    for key in ("certificate", "key", "ca"):
        path = sip.get(key)
        if path and not path.is_file():
            notes.add(("sip", key), ConfigFault(repr(str(path)), "a file that is there"))


def _check_scheme(index: int, node: Values, notes: Notes) -> None:
    url = node["url"]
    schemes = kind_of(node["engine"]).schemes
    if (url.transport if isinstance(url, SocketAddress) else "unix") not in schemes:
        forms = " or ".join(_FORMS[scheme] for scheme in sorted(schemes))
        notes.add(("nodes", index, "url"), ConfigFault(repr(str(url)), f"{forms} for engine {node['engine']}"))


def _check_unique(key: str, nodes: Sequence[Values], notes: Notes) -> None:
    first: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if key not in node:
            continue
        text = str(node[key])
        earlier = first.setdefault(text, index)
        if earlier != index:
            line = notes.line(("nodes", earlier, key))
            found = f"{text!r}, which stands in line {line} too"
            notes.add(("nodes", index, key), ConfigFault(found, f"a {key} that no other node has"))


def _check_weights(nodes: Sequence[Values], notes: Notes) -> None:
    first: dict[str, int] = {}
    weights: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if "set" in node:
            first.setdefault(node["set"], index)
            weights[node["set"]] = weights.get(node["set"], 0) + node.get("weight", 1)
    for name, weight in weights.items():
        if weight == 0:
            expected = f"some node of set {name!r} with a weight above 0"
            notes.add(("nodes", first[name], "weight"), ConfigFault("0, as in the whole set", expected))
