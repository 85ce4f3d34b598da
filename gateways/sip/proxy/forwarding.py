"""A request on its way to the next hop (RFC 3261 16.6): what is changed of it, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sipmessage import URI, Request

from events.values import value
from gateways.sip.addresses import ListeningPoint
from gateways.sip.messages.ids import new_branch, numbered_branch
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import MAX_FORWARDS, add_first, copy_request
from gateways.sip.proxy.hooks import ProxyTarget, ReceivedRequest, RefusalError
from gateways.sip.rules.own_routes import OwnAddresses, record_routes, take_off_own
from gateways.sip.rules.route_set import path, request_uri, routes_of, set_routes
from gateways.sip.rules.vias import via_of

MOST_FORWARDS = 255
"""The highest number that a Max-Forwards may have (RFC 3261 20.22): who asks for more gets that."""


def arrival_of(incoming: IncomingRequest, own: OwnAddresses, *, answerable: bool = True) -> ReceivedRequest:
    """Return a request as the router gets it. Raises RefusalError if its Routes cannot be read."""
    request = copy_request(incoming.message)
    try:
        ours = take_off_own(request, own)
    except ValueError as error:
        raise RefusalError(400, "Bad Route Header") from error
    is_for_us = not request.headers.getlist("Route") and own.match(request.uri)
    return ReceivedRequest(incoming, request, ours, answerable, is_for_us, own.match)


def forwarded(request: Request, target: ProxyTarget) -> Request:
    """Return the copy of a request that goes to a target (steps 1 to 3)."""
    copy = copy_request(request)
    copy.uri = request_uri(target.uri)
    hops_left = request.headers.get("Max-Forwards")
    left = MAX_FORWARDS if hops_left is None else min(int(hops_left), MOST_FORWARDS) - 1
    copy.headers.set("Max-Forwards", str(left))
    return copy


def next_hop(request: Request, target: ProxyTarget) -> URI:
    """Return the URI of the next hop (steps 6 and 7). If that is a strict router, the request is made fit for it.

    Raises RefusalError if the Routes cannot be read, or nothing can be sent to such a URI.
    """
    routes = routes_of(request)
    try:
        way = path(request.uri, routes)
    except ValueError as error:
        raise RefusalError(400, "Bad Route Header") from error
    request.uri = way.request_uri
    if list(way.routes) != routes:
        set_routes(request, way.routes)
    uri = target.next_hop or way.next_hop
    if uri.scheme not in ("sip", "sips"):
        raise RefusalError(416, "Unsupported URI Scheme")
    return uri


@value
class Marks:
    """What we put on a request (steps 4, 8 and 9).

    fingerprint: see Fingerprints. incoming: the listening point that it came to. record_route: the parameters of our
    Record-Routes, None for none. others: the sent-by's of other control nodes. begins_call: it is the INVITE of a call
    that is to come: the branch of each fork has its number.
    """

    fingerprint: str
    incoming: ListeningPoint | None = None
    record_route: Mapping[str, str | None] | None = None
    others: Sequence[str] = ()
    begins_call: bool = False

    def put_on(self, request: Request, local: ListeningPoint, number: int) -> None:
        """Put our Record-Routes and Via, with a new branch, on the fork of that number, which leaves from there."""
        if self.record_route is not None:
            secure = request.uri.scheme == "sips" or (request.headers.get("Route") or "").startswith("<sips:")
            routes = record_routes(self.record_route, self.incoming, local, others=self.others, secure=secure)
            request.headers.setlist("Record-Route", [*routes, *request.headers.getlist("Record-Route")])
        branch = numbered_branch(number) if self.begins_call else new_branch()
        put_via(request, local, f"{branch}.{self.fingerprint}")


def put_via(request: Request, local: ListeningPoint, branch: str) -> None:
    """Put our Via on a request, and the length that streams need."""
    add_first(request.headers, "Via", via_of(local, branch))
    if request.headers.get("Content-Length") is None:
        request.headers.set("Content-Length", str(len(request.body)))
