"""A SIP door with every transport, over IPv4 and IPv6, relays with both families, and user agents to match."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.sip.calls import Scene
from tests.e2e.sip.stage import SCRIPTS, Stage
from tests.gateways.sip.transport.certificates import Authority
from tests.peers.ports import HOST, HOST_6, PortBlock
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Value
from tests.peers.ua import Place, Tls, UserAgent

FAMILIES = SCRIPTS / "both_families.py"
KINDS = ("udp", "tcp", "tls")


class BothFamilies(Rtpengine):
    """An rtpengine that has media over IPv4 and IPv6."""

    def command(self) -> list[str]:
        return [*super().command(), f"--interface={HOST_6}"]


class Rtpproxy6(Rtpproxy):
    """An rtpproxy that has media over IPv6 only: without bridging, it has one family."""

    def command(self) -> list[str]:
        command = super().command()
        place = command.index("-l")
        return [*command[:place], "-6", HOST_6, *command[place + 2 :]]


@dataclass(frozen=True, slots=True)
class Doors(Stage):
    """A stage whose SIP door listens at many places, by transport and host; callers send to those of `host`."""

    doors: Mapping[tuple[str, str], Place]
    host: str = HOST

    def place(self, transport: str = "udp") -> Place:
        return self.doors[transport, self.host]


def places(ports: PortBlock) -> dict[tuple[str, str], Place]:
    """Return a place for each transport and address family."""
    return {(kind, host): Place(kind, host, ports.take()) for host in (HOST, HOST_6) for kind in KINDS}


def listening(doors: Mapping[tuple[str, str], Place], authority: Authority, certificate: Path) -> dict[str, Value]:
    """Return the keys of [sip] for a door that listens there."""
    return {
        "listen": [str(place) for place in doors.values()],
        "certificate": str(certificate),
        "key": str(certificate),
        "ca": str(authority.ca),
    }


def contexts(authority: Authority, certificate: Path) -> Tls:
    """Return what a user agent shows who it is with, and how it knows others."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    return Tls(server, ssl.create_default_context(cafile=authority.ca))


def both(ways: tuple[str, str], tls: Tls, host: str = HOST) -> tuple[UserAgent, UserAgent]:
    """Make a caller and a callee with these transports."""
    contexts = [tls if way == "tls" else None for way in ways]
    return (
        UserAgent("caller", ways[0], host=host, tls=contexts[0]),
        UserAgent("callee", ways[1], host=host, tls=contexts[1]),
    )


class Secure(UserAgent):
    """One who has a SIPS URI: all that is for it has to come over TLS (RFC 3261 26.2.2)."""

    @property
    def uri(self) -> str:
        return super().uri.replace("sip:", "sips:").removesuffix(";transport=tls")


@asynccontextmanager
async def between(doors: Doors, caller: UserAgent, callee: UserAgent) -> AsyncIterator[Scene]:
    """Return the scene of a call between two user agents; the caller calls at the door that it can reach."""
    async with AsyncExitStack() as stack:
        for agent in (caller, callee):
            await stack.enter_async_context(agent)
        yield Scene(replace(doors, host=caller.host), caller, [callee], caller.transport)
