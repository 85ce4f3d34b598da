"""Route sets: what a dialog's are, and where a request goes by them (RFC 3261 12.1, 12.2.1.1, 16.6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sipmessage import URI, Request, Response

from events.values import value
from gateways.sip.messages.incoming import Message
from gateways.sip.messages.parameters import NONE
from gateways.sip.messages.values import split_values, uri_of


@value
class Path:
    """What a route set makes of a request: its Request-URI, its Route values, and the URI of the next hop."""

    request_uri: URI
    routes: Sequence[str]
    next_hop: URI


def path(target: URI, routes: Sequence[str]) -> Path:
    """Return the path to a target through a route set, nearest first. Raises ValueError for a Route without a URI.

    A first route without `lr` is a strict router: it gets the request with its own URI as the Request-URI, and the
    target as the last Route (12.2.1.1, 16.6 step 6).
    """
    if not routes:
        return Path(request_uri(target), (), target)
    first = uri_of(routes[0])
    if "lr" in first.parameters:
        return Path(request_uri(target), tuple(routes), first)
    return Path(request_uri(first), (*routes[1:], f"<{target}>"), first)


def request_uri(uri: URI) -> URI:
    """Return a URI without what a Request-URI may not have: headers, and the method parameter (19.1.1, table 1)."""
    if "method" not in uri.parameters and not getattr(uri, "headers", ""):
        return uri
    kept = {name: value for name, value in uri.parameters.items() if name != "method"}
    return dataclasses.replace(uri, parameters=NONE.replace(**kept))


def routes_of(request: Request) -> list[str]:
    """Return the single Route values of a request, nearest first."""
    return split_values(request.headers.getlist("Route"))


def set_routes(request: Request, routes: Sequence[str]) -> None:
    """Replace the Routes of a request."""
    if routes:
        request.headers.setlist("Route", list(routes))
    else:
        request.headers.remove("Route")


def recorded_routes(message: Message) -> list[str]:
    """Return the single Record-Route values of a message, those nearest to the callee first."""
    return split_values(message.headers.getlist("Record-Route"))


def routes_to_caller(request: Request) -> tuple[str, ...]:
    """Return the route set to the sender of a dialog's first request (12.1.1): its Record-Routes, as they stand."""
    return tuple(recorded_routes(request))


def routes_to_callee(response: Response, recorded: int) -> tuple[str, ...]:
    """Return the route set from us to the sender of the response that makes a dialog (12.1.2).

    recorded: how many Record-Routes stood in the request as we sent it. They are ours, and those of proxies before us;
    what the response has beside them was added beyond us, and is followed in reverse order.
    """
    values = recorded_routes(response)
    return tuple(values[: max(len(values) - recorded, 0)][::-1])
