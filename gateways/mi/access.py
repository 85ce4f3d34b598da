"""Who may ask the management interface, and what."""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateways.mi.methods import Caller, Role

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that somebody has, under whose name what is asked with it is logged."""

    name: str
    role: Role
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules. allow: the networks that may ask without a token, and role: what they may do.

    A UNIX socket is for those whom its file's mode lets in; they may do what `role` says, too.
    """

    allow: Sequence[Network]
    role: Role = Role.OPERATE
    tokens: Sequence[Token] = ()

    def of_datagram(self, host: str) -> Caller | None:
        """Return who asks by a datagram from an IP address, None if nobody there may."""
        return Caller(f"udp:{host}", self.role) if self._is_allowed(host) else None

    def of_unix(self) -> Caller:
        """Return who asks through a UNIX socket."""
        return Caller("unix socket", self.role)

    def of_http(self, host: str, authorization: str) -> Caller | None:
        """Return who asks over HTTP from an IP address, None if that is not allowed.

        authorization: the header of that name, "" for none. A wrong token is not allowed from anywhere.
        """
        if not authorization:
            return Caller(f"http:{host}", self.role) if self._is_allowed(host) else None
        secret = _secret(authorization)
        token = next((one for one in self.tokens if _same(one.secret, secret)), None)
        return Caller(f"{token.name} (http:{host})", token.role) if token else None

    def _is_allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host)
        return any(address in network for network in self.allow)


def _secret(authorization: str) -> str:
    """Return the token of a Bearer (RFC 6750) or Basic (RFC 7617) Authorization; "" for any other."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
