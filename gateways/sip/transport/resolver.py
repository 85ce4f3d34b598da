"""From a URI to the addresses to send to, in the order in which they are to be tried (RFC 3263 4)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from random import Random

import structlog
from sipmessage import URI

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport.names import Names
from gateways.sip.transport.records import (
    allowed_transports,
    in_order,
    names_transport,
    service_of,
    services_in,
)

log = structlog.get_logger(bounded=True)

MAX_TARGETS = 8
"""So many SRV records of one URI are followed."""

MAX_HOPS = 16
"""So many addresses of one URI are given."""


class UriResolver:
    """Finds addresses by DNS, asynchronously, and remembers answers as long as their TTL allows.

    nameservers: their IP addresses, None for those of the system; port: theirs. reach: the listening points that
    messages leave from (it is read at each question); addresses that none of them can reach are left out. None: all
    are given. timeout: seconds for a question to DNS; a search is given up after twice that. random: draws among SRV
    records.

    Raises ValueError if a nameserver is no IP address.
    """

    def __init__(
        self,
        nameservers: Sequence[str] | None = None,
        *,
        port: int = 53,
        reach: Sequence[ListeningPoint] | None = None,
        timeout: float = 5.0,
        random: Random | None = None,
    ) -> None:
        self._names = Names(nameservers, port, timeout)
        self._timeout, self._reach = timeout, reach
        self._random = random or Random()

    def numeric(self, uri: URI) -> list[Hop] | None:
        """Return the one address of a URI whose host is an IP address, at once; None for other hosts.

        The list is empty if the URI asks for a transport that is not known, that sips does not allow, or for no port.
        """
        host = _address(uri.host)
        if host is None:
            return None
        transports = allowed_transports(uri)[:1] if _is_port(uri.port) else ()
        return [Hop(transport, host, uri.port or transport.default_port) for transport in transports]

    async def resolve(self, uri: URI) -> list[Hop]:
        """Return the addresses that a request for `uri` is to be sent to, best first: empty if there is none.

        Never raises: why there is none is logged. SRV records of one priority are ordered anew each time, by weight.
        """
        hops = self.numeric(uri)
        if hops is None:
            hops = await self._by_name(uri)
        if not hops:
            log.warning("sip uri leads to no address", scheme=uri.scheme, host=uri.host)
        return hops

    async def close(self) -> None:
        """Cancel the queries under way: they find nothing."""
        await self._names.close()

    async def _by_name(self, uri: URI) -> list[Hop]:
        transports = [each for each in allowed_transports(uri) if self._can_use(each)]
        domain = uri.host.removesuffix(".")
        if not transports or not domain or not _is_port(uri.port):
            return []
        hops = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * self._timeout):
                if uri.port is None:
                    hops = await self._by_service(domain, transports, ask_naptr=not names_transport(uri))
                if hops is None:
                    port = uri.port or transports[0].default_port
                    hops = await self._by_address(domain, domain, transports[0], port)
        return (hops or [])[:MAX_HOPS]

    async def _by_service(
        self, domain: str, transports: Sequence[SipTransport], *, ask_naptr: bool
    ) -> list[Hop] | None:
        """Follow the first service that a domain has; None if it has none that we may use."""
        services = [service_of(domain, transport) for transport in transports]
        if ask_naptr:
            services = [*services_in(await self._names.naptr(domain), transports), *services]
        for service in services:
            records = await self._names.srv(service.name)
            if records:
                targets = in_order(records, self._random)[:MAX_TARGETS]
                found = (self._by_address(domain, each.target, service.transport, each.port) for each in targets)
                return [hop for hops in await asyncio.gather(*found) for hop in hops]
        return None

    async def _by_address(self, domain: str, name: str, transport: SipTransport, port: int) -> list[Hop]:
        """Return the addresses of a host. What TLS is to find is the domain that was asked for (RFC 5922 4)."""
        proof = domain if transport is SipTransport.TLS else ""
        hosts = await self._names.addresses(name)
        return [Hop(transport, host, port, name=proof) for host in hosts if self._can_use(transport, host)]

    def _can_use(self, transport: SipTransport, host: str | None = None) -> bool:
        return self._reach is None or any(
            local.transport is transport and (host is None or (":" in local.host) == (":" in host))
            for local in self._reach
        )


@lru_cache(maxsize=4096)
def _address(host: str) -> str | None:
    """Read a URI's host as an IP address, in brackets or not; None if it is a name."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port <= 65_535
