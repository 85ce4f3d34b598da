"""How the transports are set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gateways.sip.addresses import Hop, SipTransport

Receive: TypeAlias = Callable[[bytes, Hop], None]
"""Takes a message as it came, and where from. Must not raise."""

Waited: TypeAlias = Callable[[float], None]
"""Takes the seconds for which a message has waited, just before it is received. Must not raise."""

Gauge: TypeAlias = Callable[[], Waited]
"""Gives what takes the waits of one socket's messages."""

Address: TypeAlias = tuple[str, int]
"""An IP address without brackets, and a port."""

Tap: TypeAlias = Callable[[bytes, SipTransport, Address, Address, bool], None]
"""Takes a copy of a message, with where it came from and went to, and whether it left here. Must not raise."""

Failed: TypeAlias = Callable[[str], None]
"""Takes the reason why a message could not leave."""


def no_gauge() -> Waited:
    """Ignore waits."""
    return lambda _seconds: None


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: `host` is an IP address without brackets; port 0 lets the system choose.

    advertised: the host (an address or a name) and the port that others are told in place of it. Without it, one who
    listens on the unspecified address tells the address that the machine has towards the world.
    """

    transport: SipTransport
    host: str
    port: int
    advertised: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How the transports are set up. Times are in seconds, sizes in bytes.

    certificate, key: files (PEM) that TLS presents, as a server always and as a client if it is asked; the key may be
    in the certificate's file. ca: whom to trust, a file (PEM), None for those whom the system trusts. verify: whether
    the certificates of servers are checked. client_certificates: whether clients have to have one, which is checked.
    idle_timeout: a connection over which no message went for so long is closed. max_message: the longest message that
    is taken from a stream. max_queued: so much may wait on one connection to leave. tap: who gets a copy of each
    message; None for nobody.
    """

    listen: Sequence[Listen]
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    verify: bool = True
    client_certificates: bool = False
    max_connections: int = 4096
    idle_timeout: float = 300.0
    connect_timeout: float = 5.0
    max_message: int = 65_535
    max_queued: int = 1024 * 1024
    tap: Tap | None = None
