"""The address that media are sent to, as c=, o= and a=rtcp lines write it (RFC 8866 section 5.7)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple


class MediaAddress(NamedTuple):
    """An address: its family (b"IP4" or b"IP6") and the host as it is written, mostly an IP literal."""

    family: bytes
    host: bytes

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The host as an IP address of this family; None for a name, a multicast range, or something else."""
        address = _literal(self.host)
        return address if address is not None and address.version == (6 if self.family == b"IP6" else 4) else None

    @property
    def is_unspecified(self) -> bool:
        """Whether it is 0.0.0.0 or ::, which puts a stream on hold (RFC 3264 section 8.4)."""
        literal = self.literal
        return literal is not None and literal.is_unspecified


_REMEMBERED = 4096
"""So many addresses: the same few, of relays and gateways, come again and again."""


@lru_cache(maxsize=_REMEMBERED)
def _literal(host: bytes) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.decode("ascii"))
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


@lru_cache(maxsize=_REMEMBERED)
def parse_address(host: bytes) -> MediaAddress | None:
    """Return the address that an IP literal is, whichever its family; None for anything else."""
    literal = _literal(host)
    return None if literal is None else MediaAddress(b"IP6" if literal.version == 6 else b"IP4", host)
