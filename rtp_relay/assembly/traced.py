"""What is traced at the doors and behind them, where anything is."""

from __future__ import annotations

from actors.directory import Directory
from actors.node_keeper import NodeKeeper
from events.journal import Journal
from gateways.ng.cache import Send
from gateways.ng.tap import Address as NgAddress
from gateways.ng.tap import Tap as NgTap
from gateways.sip.addresses import SipTransport
from gateways.sip.transport.settings import Address as SipAddress
from gateways.sip.transport.settings import Tap as SipTap
from gateways.tracing.doors import NgRequests, SipRequests
from gateways.tracing.spans import Spans
from gateways.tracing.steps import TracedDirectory, traced_journal, traced_way


def trace_ways(keeper: NodeKeeper, spans: Spans | None) -> None:
    """Trace what nodes are asked, beside what is done on the ways to them already."""
    if spans is not None:
        way_to = keeper.way_to
        keeper.way_to = lambda node: traced_way(way_to(node), node.spec.name, spans)


def directory_type(spans: Spans | None) -> type[Directory]:
    """Return the class of a directory whose commands are traced."""
    if spans is None:
        return Directory
    return type("Traced", (TracedDirectory,), {"spans": spans})


def journal_of_calls(journal: Journal, spans: Spans | None) -> Journal:
    """Return the journal as the calls' actors are to have it."""
    return journal if spans is None else traced_journal(journal, spans)


def ng_tap(tap: NgTap | None, spans: Spans | None) -> NgTap | None:
    """Return a tap at the ng door that does what `tap` does, and traces."""
    if spans is None:
        return tap
    requests = NgRequests(spans)
    if tap is None:
        return requests

    def both(message: bytes, transport: str, client: NgAddress, door: NgAddress, send: Send) -> Send:
        return requests(message, transport, client, door, tap(message, transport, client, door, send))

    return both


def sip_tap(tap: SipTap | None, spans: Spans | None) -> SipTap | None:
    """Return a tap at the SIP door that does what `tap` does, and traces."""
    if spans is None:
        return tap
    requests = SipRequests(spans)
    if tap is None:
        return requests

    def both(data: bytes, transport: SipTransport, source: SipAddress, destination: SipAddress, leaves: bool) -> None:
        tap(data, transport, source, destination, leaves)
        requests(data, transport, source, destination, leaves)

    return both
