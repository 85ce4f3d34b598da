"""Which Redis server has a slot, and how a connection to it is made; redis-py does the finding.

A journal's URL is one of
    redis://, rediss:// and unix:// as redis-py has them: one server
    redis+sentinel://[user:password@]host:port[,host:port...]/service[/db]: the master of a service that Sentinel guards
    redis+cluster://[user:password@]host:port[,host:port...]: a Redis Cluster, by any of its nodes
Options of redis-py may follow as a query; rediss+sentinel:// and rediss+cluster:// speak TLS.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

_CONNECT_SECONDS = 2.0
_SENTINEL_PORT = 26379
_CLUSTER_PORT = 6379


class Topology(Protocol):
    """The servers of a journal. A place names one of them: the master that has a slot."""

    def place(self, slot: int) -> str:
        """Return the place of a slot."""

    async def connection(self, place: str) -> AbstractConnection:
        """Return a new connection, not connected yet, to the server at a place."""

    async def refresh(self) -> None:
        """Ask again which server has what, after a server failed or refused."""

    async def close(self) -> None:
        """Close the connections that finding the servers needed."""

    def scattered(self) -> bool:
        """Return whether slots are at several places, so that one script cannot reach them all."""


async def find_topology(url: str) -> Topology:
    """Return the servers of a URL; ValueError when it is none, RedisError or OSError when they cannot be reached."""
    try:
        topology = _topology(url)
    except TypeError as error:  # an option that redis-py does not know
        raise ValueError(str(error)) from error
    await topology.refresh()
    return topology


def _topology(url: str) -> Topology:
    scheme, separator, rest = url.partition("://")
    base, _, kind = scheme.partition("+")
    plain = f"{base}://{rest}"
    if separator and not kind:
        return OneServer(plain)
    if kind == "sentinel":
        return SentinelMaster(plain)
    if kind == "cluster":
        return ClusterMasters(plain)
    raise ValueError("it is no kind of journal")


def _options() -> dict[str, Any]:
    # Pipelines do the retrying and the timing of replies. RESP2 has no messages that nobody asked for.
    return {
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


class OneServer:
    """A server by itself."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(url, **_options())
        self._check_options()

    def _check_options(self) -> None:
        """Raise TypeError for an option that no connection knows: it is made, and not connected."""
        self._pool.make_connection()  # type: ignore[no-untyped-call]

    def place(self, slot: int) -> str:  # noqa: ARG002 - has all slots
        """Return the only place."""
        return ""

    async def connection(self, place: str) -> AbstractConnection:  # noqa: ARG002 - there is one place
        """Return a new connection."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return connection

    async def refresh(self) -> None:
        """Do nothing: the server stays where it is."""

    async def close(self) -> None:
        """Close the pool, which has nothing connected."""
        await self._pool.aclose()

    def scattered(self) -> bool:
        """Return False: everything is at one place."""
        return False


class SentinelMaster(OneServer):
    """The master of a service, asked for again by each new connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        service, _, database = parts.path.strip("/").partition("/")
        if not service:
            raise ValueError("redis+sentinel:// needs the name of a service: host:port/service")
        addresses, options = _addresses(parts, _SENTINEL_PORT), _client_options(parts, database)
        asking = {**_options(), "socket_timeout": _CONNECT_SECONDS}
        self._sentinel = Sentinel(addresses, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
        self._master = self._sentinel.master_for(service, **{**_options(), **options})
        self._pool = self._master.connection_pool
        self._check_options()

    async def close(self) -> None:
        """Close the connections to the sentinels."""
        await self._master.aclose()
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()


class ClusterMasters:
    """The masters of a Redis Cluster."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._addresses, self._options = _addresses(parts, _CLUSTER_PORT), _client_options(parts)
        self._cluster = self._client()
        self._refreshing = asyncio.Lock()

    def _client(self) -> RedisCluster:
        nodes = [ClusterNode(host, port) for host, port in self._addresses]
        fixed = {"protocol": 2, "socket_connect_timeout": _CONNECT_SECONDS}
        return RedisCluster(startup_nodes=nodes, **{**fixed, **self._options})

    def place(self, slot: int) -> str:
        """Return the address of the master of a slot."""
        return str(self._cluster.nodes_manager.get_node_from_slot(slot).name)

    async def connection(self, place: str) -> AbstractConnection:
        """Return a new connection to the master at an address."""
        node = self._cluster.get_node(node_name=place)
        if node is None:
            raise ConnectionError(f"{place} is not in the cluster any more")
        return node.connection_class(**{**node.connection_kwargs, **_options()})

    async def refresh(self) -> None:
        """Ask the cluster who has which slots; what was known stays when it does not answer."""
        async with self._refreshing:
            cluster = self._client()
            await cluster.initialize()
            old, self._cluster = self._cluster, cluster
            await old.aclose()

    async def close(self) -> None:
        """Close the connections to the cluster."""
        await self._cluster.aclose()

    def scattered(self) -> bool:
        """Return True: slots are at several places."""
        return True


def _client_options(parts: SplitResult, database: str = "") -> dict[str, Any]:
    """Return what a URL says beside the servers: who logs in, TLS, a database, options of redis-py."""
    credentials = parts.netloc.rpartition("@")[0]
    options = dict(parse_url(f"redis://{credentials}@host/{database}?{parts.query}"))
    options.pop("host")
    if parts.scheme == "rediss":
        options["ssl"] = True
    return options


def _addresses(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    return [_address(text, default_port) for text in parts.netloc.rpartition("@")[2].split(",")]


def _address(text: str, default_port: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and not text.endswith("]") else (text.strip("[]"), default_port)
