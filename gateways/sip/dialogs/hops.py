"""The addresses that a request within a dialog is sent to, in the order in which they are to be tried."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sipmessage import URI

from actors.sip_requests import DialogRequest
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.proxy.border import Resolver, Sockets

_MOST = 4


class Network(Sockets, Protocol):
    """The listening points and connections."""

    def connected(self, hop: Hop) -> bool:
        """Whether a message to `hop` would go over a connection that is there already."""


class Hops:
    """Finds addresses: those that a URI leads to (RFC 3263), and the one that the party's messages come from.

    The latter is the only one of use if the party is behind a NAT, and has what its connection is to be found by.
    """

    def __init__(self, resolver: Resolver, network: Network) -> None:
        self._resolver, self._network = resolver, network

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        """Return the listening point that a message to a hop leaves from, None if none can reach it."""
        return self._network.local_for(hop)

    async def towards(self, next_hop: URI, asked: DialogRequest) -> list[Hop]:
        """Return the addresses for a request whose next hop is `next_hop`, best first: only such as can be reached."""
        found = self._resolver.numeric(next_hop)
        if found is None:
            found = await self._resolver.resolve(next_hop)
        local = next((local for local in self._network.locals if str(local) == asked.local), None)
        hops = [replace(hop, local=local) for hop in self._with_source(found, read_hop(asked.source))]
        return [hop for hop in hops if self._network.local_for(hop) is not None][:_MOST]

    def _with_source(self, found: Sequence[Hop], source: Hop | None) -> list[Hop]:
        if source is None:
            return list(found)
        others = [hop for hop in found if not is_hidden(hop, source)]
        same = next((hop for hop in others if str(hop) == str(source)), None)
        if same is not None:
            return others
        if source.transport.reliable and self._network.connected(source):
            return [source, *others]
        return [*others, source]


def read_hop(text: str) -> Hop | None:
    """Read what `str()` gives of a hop; None if it is nothing of the kind."""
    transport, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    try:
        return Hop(SipTransport(transport), host.strip("[]"), int(port))
    except ValueError:
        return None


def is_hidden(hop: Hop, source: Hop) -> bool:
    """Return whether an address is one within a network that we are not in: messages come through a NAT of it."""
    return not _is_global(hop.host) and _is_global(source.host)


def _is_global(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False
