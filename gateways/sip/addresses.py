"""Where SIP messages come from and go to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SipTransport(StrEnum):
    """How messages travel (RFC 3261 18)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"

    @property
    def reliable(self) -> bool:
        """Whether nothing needs to be sent again for its loss."""
        return self is not _UDP

    @property
    def default_port(self) -> int:
        """The port where none is named (RFC 3261 19.1.2)."""
        return 5061 if self is _TLS else 5060


# Python 3.11 takes longer to find a member by its class than all else that is done here.
_UDP: Final = SipTransport.UDP
_TLS: Final = SipTransport.TLS


@dataclass(frozen=True, slots=True)
class ListeningPoint:
    """A listening point of ours. `advertised_host` and `advertised_port` are what others are told in its place.

    host: an IP address without brackets; advertised_host: an address or a name, likewise.
    """

    transport: SipTransport
    host: str
    port: int
    advertised_host: str
    advertised_port: int

    def __hash__(self) -> int:
        return hash((self.host, self.port))  # what tells nearly all apart: each message that is sent asks for it

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"

    @property
    def sent_by(self) -> str:
        """Host and port as Via, Route and Contact have them."""
        return f"{bracketed(self.advertised_host)}:{self.advertised_port}"


@dataclass(frozen=True, slots=True)
class Hop:
    """The other end of one hop: where a message came from or is to go to.

    host: an IP address without brackets. local: the listening point of ours that has to do with it; None where any of
    the transport and address family will do. name: what TLS is to find in the peer's certificate, "" for the host.
    """

    transport: SipTransport
    host: str
    port: int
    local: ListeningPoint | None = None
    name: str = ""

    def leaving(self, local: ListeningPoint) -> Hop:
        """Return the hop with the listening point that a message leaves from."""
        return self if self.local is local else Hop(self.transport, self.host, self.port, local, self.name)

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return a host as URIs have it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
