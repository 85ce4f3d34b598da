"""The management door as a whole: its sockets opened and closed, its methods put together."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from actors.control.control import Control
from engines.set_names import BY_NAME, SetNames
from gateways.bounded_http import MAX_CONNECTIONS, BoundedServer
from gateways.mi import local
from gateways.mi.access import Access
from gateways.mi.bulk import BulkMethods
from gateways.mi.calls import CallMethods
from gateways.mi.cluster import ClusterMethods
from gateways.mi.datagrams import DatagramPort
from gateways.mi.draining import DrainMethods
from gateways.mi.events import EventMethods
from gateways.mi.histories import HistoryMethods
from gateways.mi.http import HttpRequests, by_address_and_token
from gateways.mi.methods import Methods
from gateways.mi.moves import MoveMethods
from gateways.mi.nodes import NodeMethods
from gateways.mi.notifier import Notifier
from gateways.mi.process import ProcessHooks, ProcessMethods
from gateways.mi.sessions import SessionMethods
from gateways.mi.steering import SteeringMethods
from gateways.sockets import ListenAddress, bind

GRACE = 2.0
"""Seconds for which HTTP requests in work may go on when the door closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiSettings:
    """How the door is set up.

    http, udp: the addresses. unix: the paths of the datagram sockets. sets: the numbers of sets. root: the path of HTTP
    requests. pretty: whether replies over HTTP are set out for people.
    """

    access: Access
    http: Sequence[ListenAddress] = ()
    udp: Sequence[ListenAddress] = ()
    unix: Sequence[Path] = ()
    sets: SetNames = BY_NAME
    root: str = "/mi"
    pretty: bool = False


def methods_of(control: Control, sets: SetNames) -> Methods:
    """Return the methods about calls and nodes, of which most need no service that runs."""
    methods = Methods()
    for part in (
        SessionMethods(control, sets),
        CallMethods(control, sets),
        HistoryMethods(control),
        MoveMethods(control, sets),
        BulkMethods(control, sets),
        NodeMethods(control, sets),
        ClusterMethods(control),
        SteeringMethods(control, sets),
        DrainMethods(control, sets),
    ):
        part.add_to(methods)
    return methods


class MiDoor:
    """What OpenSIPS' tools take for its management interface."""

    def __init__(self, settings: MiSettings, control: Control, hooks: ProcessHooks) -> None:
        self._settings = settings
        self.methods = methods_of(control, settings.sets)
        self.notifier = Notifier(control, settings.sets)
        for part in (ProcessMethods(hooks), EventMethods(self.notifier)):
            part.add_to(self.methods)
        self._open = AsyncExitStack()
        self.addresses: list[str] = []
        """What is open: http:HOST:PORT, udp:HOST:PORT, unix:PATH."""

    async def open(self) -> None:
        """Begin to listen on all addresses, or on none if it raises. Raises OSError, which names the address."""
        try:
            for address in self._settings.http:
                await self._listen_http(address)
            for address in self._settings.udp:
                self._listen_datagrams(_bound(address), "udp")
            for path in self._settings.unix:
                self._listen_datagrams(_bound_unix(path), "unix")
                self._open.callback(path.unlink, missing_ok=True)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all sockets."""
        await self._open.aclose()
        await self.notifier.close()
        self.addresses.clear()

    async def open_local(self, path: Path) -> None:
        """Listen for HTTP at the local socket, too. Raises OSError if it cannot be had."""
        sock = local.listening(path)
        self._open.callback(path.unlink, missing_ok=True)
        await self._serve_http(sock, HttpRequests(self.methods, local.caller_of))

    async def _listen_http(self, address: ListenAddress) -> None:
        by_rules = by_address_and_token(self._settings.access)
        requests = HttpRequests(self.methods, by_rules, root=self._settings.root, pretty=self._settings.pretty)
        sock = _bound(address)
        await self._serve_http(sock, requests)
        self.addresses.append(f"http:{_shown(sock)}")

    async def _serve_http(self, sock: socket.socket, requests: HttpRequests) -> None:
        runner = web.ServerRunner(BoundedServer(requests.answer, most=MAX_CONNECTIONS), shutdown_timeout=GRACE)
        await runner.setup()
        self._open.push_async_callback(runner.cleanup)
        await web.SockSite(runner, sock).start()

    def _listen_datagrams(self, sock: socket.socket, scheme: str) -> None:
        self.addresses.append(f"{scheme}:{_shown(sock)}")
        self._open.push_async_callback(DatagramPort(sock, self.methods, self._settings.access).close)


def _bound(address: ListenAddress) -> socket.socket:
    try:
        return bind(address)
    except OSError as error:
        raise OSError(error.errno, f"{address.host}:{address.port}: {error.strerror}") from error


def _bound_unix(path: Path) -> socket.socket:
    """Make a datagram socket that only its owner can write to. What a dead control node left of it is removed."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        with contextlib.suppress(FileNotFoundError):
            if path.is_socket():
                path.unlink()
        sock.bind(str(path))
        path.chmod(0o600)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"unix:{path}: {error.strerror}") from error
    return sock


def _shown(sock: socket.socket) -> str:
    name = sock.getsockname()
    if isinstance(name, str):
        return name
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{host}:{name[1]}"
