"""A request on its way to the next hop (RFC 3261 16.6): what is changed of it, and where it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sipmessage import URI, Request

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.messages.ids import new_branch
from gateways.sip.messages.making import add_first, copy_request
from gateways.sip.messages.parameters import NONE
from gateways.sip.messages.values import split_values, uri_of
from gateways.sip.proxy.border import Resolver
from gateways.sip.proxy.hooks import ProxyTarget, RefusalError
from gateways.sip.proxy.routes import record_routes, set_routes

MAX_FORWARDS = 70
"""What a request gets that has no Max-Forwards (RFC 3261 16.6 step 3)."""

MOST_FORWARDS = 255
"""The highest number that a Max-Forwards may have (RFC 3261 20.22): who asks for more gets that."""


def forwarded(request: Request, target: ProxyTarget) -> Request:
    """Return the copy of a request that goes to a target (steps 1 to 3)."""
    copy = copy_request(request)
    copy.uri = _request_uri(target.uri)
    hops_left = request.headers.get("Max-Forwards")
    left = MAX_FORWARDS if hops_left is None else min(int(hops_left), MOST_FORWARDS) - 1
    copy.headers.set("Max-Forwards", str(left))
    return copy


def next_hop(request: Request, target: ProxyTarget) -> URI:
    """Return the URI of the next hop (steps 6 and 7). If that is a strict router, the request is made fit for it.

    Raises RefusalError if the Routes cannot be read, or nothing can be sent to such a URI.
    """
    routes = split_values(request.headers.getlist("Route"))
    uri = request.uri
    if routes:
        try:
            uri = uri_of(routes[0])
        except ValueError as error:
            raise RefusalError(400, "Bad Route Header") from error
        if "lr" not in uri.parameters:
            set_routes(request, [*routes[1:], f"<{request.uri}>"])
            request.uri = uri
    uri = target.next_hop or uri
    if uri.scheme not in ("sip", "sips"):
        raise RefusalError(416, "Unsupported URI Scheme")
    return uri


async def hops_to(uri: URI, resolver: Resolver) -> list[Hop]:
    """Return the hops to be tried for a URI. Addresses that are in it as numbers cost no task switch."""
    hops = resolver.numeric(uri)
    return await resolver.resolve(uri) if hops is None else list(hops)


@dataclass(frozen=True, slots=True)
class Marks:
    """What we put on a request (steps 4, 8 and 9).

    fingerprint: see Fingerprints. incoming: the listening point that it came to. record_route: the parameters of our
    Record-Routes, None for none. others: the sent-by's of other control nodes.
    """

    fingerprint: str
    incoming: ListeningPoint | None = None
    record_route: Mapping[str, str | None] | None = None
    others: Sequence[str] = ()

    def put_on(self, request: Request, local: ListeningPoint) -> None:
        """Put our Record-Routes and Via, with a new branch, on a request that is to leave from a listening point."""
        if self.record_route is not None:
            secure = request.uri.scheme == "sips" or (request.headers.get("Route") or "").startswith("<sips:")
            routes = record_routes(self.record_route, self.incoming, local, others=self.others, secure=secure)
            request.headers.setlist("Record-Route", [*routes, *request.headers.getlist("Record-Route")])
        put_via(request, local, f"{new_branch()}.{self.fingerprint}")


def put_via(request: Request, local: ListeningPoint, branch: str) -> None:
    """Put our Via on a request, and the length that streams need."""
    rport = ";rport" if local.transport is SipTransport.UDP else ""
    add_first(request.headers, "Via", f"SIP/2.0/{local.transport.upper()} {local.sent_by};branch={branch}{rport}")
    if request.headers.get("Content-Length") is None:
        request.headers.set("Content-Length", str(len(request.body)))


def _request_uri(uri: URI) -> URI:
    """Return a URI without what a Request-URI may not have (19.1.1): headers, and the method parameter."""
    if "method" not in uri.parameters and not getattr(uri, "headers", ""):
        return uri
    kept = {name: value for name, value in uri.parameters.items() if name != "method"}
    return dataclasses.replace(uri, parameters=NONE.replace(**kept))
