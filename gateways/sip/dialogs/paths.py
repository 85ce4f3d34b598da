"""Where a request within a dialog goes (RFC 3261 12.2.1.1): by its route set, and to which address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from events.values import value
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.values import uri_text

_METHOD = re.compile(r";method(?:=[^;?]*)?(?=[;?]|$)", re.IGNORECASE)


@value
class Path:
    """What a route set makes of a request: its Request-URI, its Route values, and the URI that says who gets it."""

    request_uri: str
    routes: Sequence[str]
    next_uri: str


def path(target: str, routes: Sequence[str]) -> Path:
    """Return the way to a remote target (a URI) through a route set, nearest first. Raises ValueError.

    A first route without `lr` is a strict router: it gets the request with its own URI as the Request-URI.
    """
    if not routes:
        return Path(_request_uri(target), (), target)
    first = uri_text(routes[0])
    if "lr" in read_uri(first).parameters:
        return Path(_request_uri(target), tuple(routes), first)
    return Path(_request_uri(first), (*routes[1:], f"<{target}>"), first)


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


def _request_uri(uri: str) -> str:
    """Return a URI without what must not stand in a Request-URI (RFC 3261 19.1.1, table 1)."""
    return _METHOD.sub("", uri.partition("?")[0])


def _is_global(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False
