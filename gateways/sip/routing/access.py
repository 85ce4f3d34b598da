"""Who may begin something through the SIP door, and where it may go: without this it would serve anybody's calls."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from sipmessage import URI

from gateways.sip.messages.text import remembered
from gateways.sip.messages.values import uri_of
from gateways.sip.proxy.hooks import ReceivedRequest
from gateways.sip.rules.route_set import routes_of

log = structlog.get_logger(bounded=True)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Place: TypeAlias = Network | str
"""A network, or a domain in lower case; one that begins with a dot stands for all below it, "." for all there are."""

THIS_MACHINE: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what.

    allow: where requests come from that may begin something; None for from anywhere. relay_to: where they may go; None
    for wherever the routing says. has_next_hop: they all go to one place, which is in `relay_to`, whatever they say.
    In a dialog that the journal does not know (one without a relay, or of SUBSCRIBE) requests may go either way between
    the two: nobody can tell whether there is such a dialog.
    """

    allow: Sequence[Network] | None = None
    relay_to: Sequence[Place] | None = None
    has_next_hop: bool = False


class Gate:
    """Refuses what `access` does not allow, and counts it in `refused`. A known dialog's own requests always pass."""

    def __init__(self, access: Access) -> None:
        self.refused = 0
        self._access = access

    def refuses(self, arrival: ReceivedRequest, *, known: bool) -> bool:
        """Return whether a request is not allowed. known: the journal has its dialog, and its tags are those of it."""
        if known or (self._within(arrival) if arrival.incoming.to_tag else self._beginning(arrival)):
            return False
        self.refused += 1
        incoming = arrival.incoming
        log.warning(
            "sip request not allowed",
            source=str(incoming.hop),
            method=incoming.method,
            uri=str(arrival.request.uri)[:100],
            call_id=incoming.call_id,
        )
        return True

    def _beginning(self, arrival: ReceivedRequest) -> bool:
        access = self._access
        if access.allow is not None and not _is_in(arrival.incoming.hop.host, access.allow):
            return False
        return access.relay_to is None or access.has_next_hop or _goes_to(arrival, access.relay_to)

    def _within(self, arrival: ReceivedRequest) -> bool:
        near, far = self._access.allow, self._access.relay_to
        source = arrival.incoming.hop.host
        from_far = far is not None and _is_in(source, far)
        if not (near is None or from_far or _is_in(source, near)):
            return False
        return far is None or (near is None and from_far) or _goes_to(arrival, (*far, *(near or ())))


def _goes_to(arrival: ReceivedRequest, places: Sequence[Place]) -> bool:
    """Return whether a request goes to one of some places by itself, or nowhere: then the proxy says so."""
    if arrival.is_for_us:
        return True
    try:
        uri = _next(arrival)
    except ValueError:
        return True
    return uri.scheme not in ("sip", "sips") or _is_in(uri.host, places)


def _next(arrival: ReceivedRequest) -> URI:
    """Return the URI of the next hop, as the request itself has it. Raises ValueError."""
    routes = routes_of(arrival.request)
    return uri_of(routes[0]) if routes else arrival.request.uri


def _is_in(host: str, places: Sequence[Place]) -> bool:
    """Return whether a host, a name or an address as URIs or hops have it, is one of some places."""
    address = _address(host)
    if address is not None:
        return any(address in place for place in places if not isinstance(place, str))
    name = host.lower().removesuffix(".")
    return any(_is_below(name, place) for place in places if isinstance(place, str))


def _is_below(name: str, domain: str) -> bool:
    return domain == "." or (name.endswith(domain) if domain.startswith(".") else name == domain)


@remembered
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address
