"""Routes and Record-Routes of ours: removed and added (RFC 3261 16.4, 16.6 step 4, 16.12; RFC 5658)."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from sipmessage import URI, Parameters, Request

from gateways.sip.addresses import ListeningPoint, SipTransport, bracketed
from gateways.sip.messages.parameters import NONE
from gateways.sip.messages.values import uri_of
from gateways.sip.rules.route_set import routes_of, set_routes

_UDP: Final = SipTransport.UDP
_TLS: Final = SipTransport.TLS
_PARAMETER_SAFE = "-_.!~*'()[]/:&+$"


class OwnAddresses:
    """The hosts and ports that stand for us: those listened on, those advertised, and the aliases."""

    def __init__(self, listening: Iterable[ListeningPoint], aliases: Iterable[str]) -> None:
        self._any_port: set[str] = set()
        self._addresses: set[tuple[str, int]] = set()
        for local in listening:
            self._addresses.update(_addresses(local))
        for alias in aliases:
            self._add_alias(alias)

    def _add_alias(self, alias: str) -> None:
        host, colon, port = alias.rpartition(":")
        if colon and port.isdecimal() and not (":" in host and not host.endswith("]")):
            self._addresses.add((_same(host), int(port)))
        else:
            self._any_port.add(_same(alias))

    def has(self, host: str, port: int) -> bool:
        """Whether a host, as URIs have it, and a port are ours."""
        host = _same(host)
        return (host, port) in self._addresses or host in self._any_port

    def match(self, uri: URI) -> bool:
        """Whether a URI leads to us, whoever is named in it."""
        return uri.scheme in ("sip", "sips") and self.has(uri.host, uri.port or _default_port(uri))


def take_off_own(request: Request, own: OwnAddresses) -> Mapping[str, str | None] | None:
    """Remove the Routes that led here from a request, and undo what a strict router did to it (16.4).

    Returns the parameters of the first of ours, None if there was none. Raises ValueError for what is no Route.
    """
    routes = routes_of(request)
    came = len(routes)
    ours: Parameters | None = None
    if routes and _is_own_record_route(request.uri, own):
        ours = request.uri.parameters
        request.uri = uri_of(routes.pop())
    request.uri = _without_maddr(request.uri, own)
    while routes and own.match(uri := uri_of(routes[0])):
        ours = uri.parameters if ours is None else ours
        del routes[0]
    if len(routes) != came:
        set_routes(request, routes)
    return ours


def record_routes(
    parameters: Mapping[str, str | None],
    incoming: ListeningPoint | None,
    outgoing: ListeningPoint,
    *,
    others: Sequence[str] = (),
    secure: bool = False,
) -> list[str]:
    """Return the Record-Routes of ours for a request, those that are to be nearest to the callee first.

    There are two where the request leaves from another listening point than it came to, so that each side finds the one
    that faces it (RFC 5658). Record-Routes of other control nodes are nearest to the callee, whose requests go to them:
    each node serves every call, and the callee's go on when this one dies. secure: they are to be SIPS URIs.
    """
    text = "".join(_written(name, value) for name, value in parameters.items() if name not in ("lr", "transport"))
    values = [_record_route(sent_by, outgoing.transport, text, secure) for sent_by in (*others, outgoing.sent_by)]
    if incoming is not None and incoming != outgoing:
        values.append(_record_route(incoming.sent_by, incoming.transport, text, secure))
    return values


def _record_route(sent_by: str, transport: SipTransport, parameters: str, secure: bool) -> str:
    if secure:
        return f"<sips:{sent_by};lr{parameters}>"
    how = "" if transport is _UDP else f";transport={transport}"
    return f"<sip:{sent_by}{how};lr{parameters}>"


def _written(name: str, value: str | None) -> str:
    return f";{name}" if value is None else f";{name}={quote(value, _PARAMETER_SAFE)}"


def _is_own_record_route(uri: URI, own: OwnAddresses) -> bool:
    return uri.user is None and "lr" in uri.parameters and own.match(uri)


def _without_maddr(uri: URI, own: OwnAddresses) -> URI:
    """Return a URI without a maddr that led to us, and the port and transport that belong to it."""
    maddr = uri.parameters.get("maddr")
    if not maddr or not own.has(maddr, uri.port or _default_port(uri)):
        return uri
    kept = {name: value for name, value in uri.parameters.items() if name not in ("maddr", "transport")}
    return dataclasses.replace(uri, port=None, parameters=NONE.replace(**kept))


def _default_port(uri: URI) -> int:
    secure = uri.scheme == "sips" or (uri.parameters.get("transport") or "").lower() == _TLS
    return (_TLS if secure else _UDP).default_port


def _addresses(local: ListeningPoint) -> Iterator[tuple[str, int]]:
    yield _same(bracketed(local.advertised_host)), local.advertised_port
    address = ipaddress.ip_address(local.host)
    if not address.is_unspecified:
        yield _same(bracketed(local.host)), local.port
    elif address.version == 4:
        yield from (("127.0.0.1", local.port), ("localhost", local.port))
    else:
        yield "[::1]", local.port


def _same(host: str) -> str:
    """Return a host in the one way in which it is compared."""
    if host.startswith("["):
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    return host.lower().removesuffix(".")
