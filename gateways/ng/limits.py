"""Who may ask, and how much at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_CLIENTS = 4096
"""So many clients are remembered, beside those that have requests in work."""


class Client:
    """A host that asks: how many of its requests are in work."""

    __slots__ = ("host", "queued")

    def __init__(self, host: str) -> None:
        self.host, self.queued = host, 0


class Clients:
    """The hosts that may ask. Each may have `max_queued` requests in work, through all its sockets together."""

    def __init__(self, allow: Sequence[Network], max_queued: int) -> None:
        self._allow, self._max_queued = tuple(allow), max_queued
        self._clients: dict[str, Client] = {}

    def find(self, host: str) -> Client | None:
        """Return the client at an IP address, or None if it is not allowed."""
        client = self._clients.get(host)
        if client is None and self._is_allowed(host):
            self._forget_idle()
            client = self._clients[host] = Client(host)
        return client

    def has_room(self, client: Client) -> bool:
        """Whether a client, with the request that was just taken into work, keeps to its bound."""
        return client.queued <= self._max_queued

    def _is_allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host)
        return any(address in network for network in self._allow)

    def _forget_idle(self) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            self._clients = {host: client for host, client in self._clients.items() if client.queued}
