"""The control nodes together: names, versions, and what they make of the relays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.control.known_nodes import closed_sets
from actors.control.status import ControlNodeStatus, merged, together
from engines.health import NodeState
from rtp_relay.doctor.facts import ClusterFacts
from rtp_relay.doctor.findings import Area, Finding

_AREA = Area("cluster")

NOT_KNOWN: Final = "which control nodes are alive is not known: Redis refuses what they would publish ({})"


def check_cluster(facts: ClusterFacts, unwritten: str = "") -> Iterator[Finding]:
    """Check the control nodes that are alive. unwritten: why Redis takes no writes."""
    if not facts.statuses and unwritten:
        yield _AREA.warning(NOT_KNOWN.format(unwritten), "see redis above")
        return
    if not facts.statuses:
        yield _AREA.warning("no control node is alive", "rtp-relay serve")
        return
    services = {name: merged(name, workers) for name, workers in together(facts.statuses).items()}
    found = [*_names(facts), *_versions(facts), *_same_nodes(list(services.values()))]
    found += _lost_nodes(facts)
    found += [finding for status in services.values() for finding in _down(status)]
    found += _closed_sets(list(services.values()))
    yield from found or [_AREA.ok(f"control nodes alive: {', '.join(services)}")]


def _closed_sets(services: list[ControlNodeStatus]) -> Iterator[Finding]:
    """Find sets in which each new call is refused, since operators or configurations want no node to have any."""
    for name in sorted({name for service in services for name in closed_sets(service.nodes)}):
        yield _AREA.wrong(
            f"no node of set {name} takes new calls: each is draining, disabled, or of weight 0",
            "rtp-relay undrain, or enable, one of them; rtp-relay nodes lists them",
        )


def _names(facts: ClusterFacts) -> Iterator[Finding]:
    for name in sorted(facts.twice):
        yield _AREA.wrong(
            f"two control nodes are named {name}: each hides the other, and histories do not say which one acted",
            "give each another [service] name, and start them again",
        )


def _versions(facts: ClusterFacts) -> Iterator[Finding]:
    versions = sorted({status.version for status in facts.statuses})
    if len(versions) > 1:
        yield _AREA.warning(
            f"control nodes of versions {' and '.join(versions)} run together",
            "that is meant for the time of an upgrade: bring all to one version",
        )
    elif versions != [facts.version]:
        yield _AREA.warning(
            f"this program is version {facts.version}, and the control nodes are {versions[0]}",
            "start the service again with this version, or use the program that it runs with",
        )


def _same_nodes(services: list[ControlNodeStatus]) -> Iterator[Finding]:
    """Find nodes that one control node has and another one has not, or has at another place."""
    places = {
        service.name: {node.name: (node.url, node.set) for node in service.nodes if not node.gone}
        for service in services
    }
    for name in sorted({node for known in places.values() for node in known}):
        told = {service: known.get(name) for service, known in places.items()}
        if len(set(told.values())) > 1:
            each = ", ".join(f"{service}: {f'{at[0]} in {at[1]}' if at else 'none'}" for service, at in told.items())
            yield _AREA.warning(
                f"control nodes do not have the same relay node {name} ({each})",
                "make their [[nodes]] the same, and have them read these anew (SIGHUP)",
            )


def _lost_nodes(facts: ClusterFacts) -> Iterator[Finding]:
    """Find relays that calls are on and that no control node has: what is due there waits, and nobody says so."""
    known = {node.name for status in facts.statuses for node in status.nodes}
    for name, calls in sorted(facts.calls.items()):
        if calls and name not in known:
            have = "call has" if calls == 1 else "calls have"
            yield _AREA.wrong(
                f"{calls} {have} something on relay {name}, which no control node has: nothing can be removed there",
                "have it in [[nodes]], with draining = true, until it has no calls",
            )


def _down(status: ControlNodeStatus) -> Iterator[Finding]:
    for node in status.nodes:
        if node.state is NodeState.DOWN:
            why = f": {node.last_failure}" if node.last_failure else ""
            yield _AREA.wrong(
                f"control node {status.name} sees relay {node.name} down{why}",
                "start it, look at the network between them, or rtp-relay disable it",
            )
