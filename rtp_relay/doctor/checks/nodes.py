"""The relay nodes: whether they answer, and whether others can reach where they take media."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from rtp_relay.doctor.facts import NodeFacts
from rtp_relay.doctor.findings import Area, Finding

_AREA = Area("nodes")


def check_nodes(nodes: Sequence[NodeFacts], *, public: bool, embedded: bool, runs: bool) -> Iterator[Finding]:
    """Check all nodes. public: whether a door listens for others than this machine. runs: whether the service does."""
    if embedded and public:
        yield _AREA.wrong(
            "a door listens for other machines, and the embedded relays take media on 127.0.0.1 alone",
            "configure relays of your own under [[nodes]]",
        )
    elif embedded:
        rest = "" if runs else ", which start with the service"
        yield _AREA.ok(f"embedded relays{rest}: for this machine alone")
    elif not nodes:
        yield _AREA.wrong("there is no relay node", "configure one under [[nodes]], or rtp-relay node add")
    for node in nodes:
        yield from _check(node, public=public)


def _check(node: NodeFacts, *, public: bool) -> Iterator[Finding]:
    named = f"{node.name} ({node.engine} at {node.url})"
    if node.disabled:
        yield _AREA.ok(f"{named} is disabled, and was asked for nothing: rtp-relay enable {node.name} takes it back")
        return
    if node.silence:
        yield _AREA.wrong(
            f"{named} does not answer: {node.silence}",
            "start it; look at its control address, and at firewalls between here and there",
        )
        return
    if node.left:
        yield _AREA.warning(
            f"{named} has not confirmed that a trial session is gone", "it goes by the node's own timeout"
        )
    if node.refusal:
        yield _AREA.wrong(
            f"{named} answers, and refuses a trial session: {node.refusal}",
            "look at its log: its port range may be used up, or its interface may not be there",
        )
        return
    found = [finding for address in dict.fromkeys(node.media) for finding in _address(named, address, public=public)]
    ports = f" {node.media[0]} port {node.ports[0]}" if node.media and node.ports else ""
    yield from found or [_AREA.ok(f"{named} answers{', and took media at' + ports if ports else ''}")]


def _address(named: str, text: str, *, public: bool) -> Iterator[Finding]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        yield _AREA.warning(
            f"{named} gives a name as its media address, {text}", "have it give an address: many phones take no name"
        )
        return
    mend = "correct its interface (rtpengine: interface = ADDRESS!ADVERTISED; rtpproxy: -l ADDRESS, -A ADVERTISED)"
    if address.is_unspecified:
        yield _AREA.wrong(f"{named} gives {text} as its media address, which is none", mend)
    elif address.is_loopback and public:
        yield _AREA.wrong(f"{named} takes media at {text}, where no other machine reaches it", mend)
    elif address.is_link_local:
        yield _AREA.warning(f"{named} takes media at {text}, which is valid on one link alone", mend)
