"""Facts about the doors: what binding their addresses tells, and what the kernel dropped."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

from rtp_relay.config import Config, SocketAddress
from rtp_relay.config.mi import HttpAddress
from rtp_relay.doctor.facts import Bound, DoorFacts

_BOUND = {errno.EADDRINUSE: Bound.TAKEN, errno.EADDRNOTAVAIL: Bound.NOT_HERE, errno.EACCES: Bound.NOT_PERMITTED}


def door_facts(config: Config) -> list[DoorFacts]:
    """Return what there is to tell of each address that doors listen on; without a port there is nothing to look at."""
    return [
        DoorFacts(
            door=door,
            transport=address.transport,
            host=address.host,
            port=address.port,
            bound=_try(address),
            dropped=_dropped(address) if address.transport == "udp" else None,
        )
        for door, address in _addresses(config)
        if address.port
    ]


def _addresses(config: Config) -> Iterator[tuple[str, SocketAddress]]:
    """Return the addresses with a port, each as what the kernel knows: UDP or TCP."""
    yield from (("ng", address) for address in config.ng.listen)
    yield from (("http", address) for address in config.http.listen or ())  # where it is not named, it may be missing
    for sip in config.sip.listen:
        yield "sip", SocketAddress("udp" if sip.transport == "udp" else "tcp", sip.host, sip.port)
    for mi in config.mi.listen:
        if isinstance(mi, HttpAddress):
            yield "mi", mi.address
        elif isinstance(mi, SocketAddress):
            yield "mi", mi


def _try(address: SocketAddress) -> Bound:
    """Bind an address, and give it back at once."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if address.transport == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as sock:
        if kind is socket.SOCK_STREAM:  # connections that have just ended are in nobody's way
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind((address.host, address.port))
        except OSError as error:
            return _BOUND.get(error.errno or 0, Bound.NOT_HERE)
    return Bound.FREE


def _dropped(address: SocketAddress) -> int | None:
    """Return how many datagrams the sockets at an address had no room for (proc(5), /proc/net/udp)."""
    table = Path("/proc/net/udp6" if ":" in address.host else "/proc/net/udp")
    wanted = f"{_hex(address.host)}:{address.port:04X}"
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return None
    found = [int(row[-1]) for row in rows if row[1] == wanted]
    return sum(found) if found else None


def _hex(host: str) -> str:
    packed = ipaddress.ip_address(host).packed
    return "".join(packed[place : place + 4][::-1].hex().upper() for place in range(0, len(packed), 4))
