"""Addresses as the configuration spells them: sockets, UNIX sockets, networks, ranges of ports."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rtp_relay.config.problems import Wrong, wrong
from rtp_relay.config.values import Reader

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
TransportName = Literal["udp", "tcp", "tls", "http"]

_TRANSPORTS: Mapping[str, TransportName] = {"udp": "udp", "tcp": "tcp", "tls": "tls", "http": "http"}

HIGHEST_PORT = 65535

_SOCKET = re.compile(r"(?P<transport>udp|tcp|tls|http):(?:\[(?P<six>[^]]+)\]|(?P<host>[^][:/@\s]+)):(?P<port>\d{1,5})")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<six>[^]]+)\]|(?P<host>[^][:/@\s]+))(?::(?P<port>\d{1,5}))?")
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?")
_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An address. `host` is a name or an IP address without brackets; port 0: the system chooses."""

    transport: TransportName
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HostPort:
    """A name or an IP address without brackets; port 0 where none is named."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The address of a UNIX socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


NodeAddress = SocketAddress | UnixAddress


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1


def node_address(value: object) -> NodeAddress:
    """Read where a relay node takes commands: udp:HOST:PORT or unix:/PATH."""
    expected = "udp:HOST:PORT or unix:/PATH (an IPv6 address in brackets)"
    if isinstance(value, str) and value.startswith("unix:/"):
        return UnixAddress(value.removeprefix("unix:"))
    address = _socket_address(value)
    if address is None or address.transport != "udp" or address.port == 0:
        raise wrong(value, expected)
    return address


def listen_address(value: object) -> SocketAddress:
    """Read where to listen: udp:ADDRESS:PORT or tcp:ADDRESS:PORT; no names, because a name can mean many addresses."""
    address = _socket_address(value)
    if address is None or address.transport not in ("udp", "tcp") or not _is_ip(address.host):
        raise wrong(value, "udp:ADDRESS:PORT or tcp:ADDRESS:PORT (an IPv6 address in brackets)")
    return address


def collector_address(value: object) -> SocketAddress:
    """Read where captured packets go: udp:HOST:PORT or tcp:HOST:PORT."""
    address = _socket_address(value)
    if address is None or address.transport not in ("udp", "tcp") or address.port == 0:
        raise wrong(value, "udp:HOST:PORT or tcp:HOST:PORT (an IPv6 address in brackets)")
    return address


def ng_listen_address(value: object) -> SocketAddress:
    """Read where to listen for ng: udp:, tcp: or http:ADDRESS:PORT."""
    address = _socket_address(value)
    if address is None or address.transport == "tls" or not _is_ip(address.host):
        raise wrong(value, "udp:ADDRESS:PORT, tcp:ADDRESS:PORT or http:ADDRESS:PORT (an IPv6 address in brackets)")
    return address


def only(transport: TransportName) -> Reader[SocketAddress]:
    """Make a reader of where to listen by one transport alone."""

    def read(value: object) -> SocketAddress:
        address = _socket_address(value)
        if address is None or address.transport != transport or not _is_ip(address.host):
            raise wrong(value, f"{transport}:ADDRESS:PORT (an IPv6 address in brackets)")
        return address

    return read


def sip_listen_address(value: object) -> SocketAddress:
    """Read where to listen for SIP: udp:, tcp: or tls:ADDRESS:PORT."""
    address = _socket_address(value)
    if address is None or address.transport == "http" or not _is_ip(address.host):
        raise wrong(value, "udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT (an IPv6 address in brackets)")
    return address


def host_and_port(value: object) -> HostPort:
    """Read HOST or HOST:PORT; the host is a name or an IP address (IPv6 in brackets)."""
    match = _HOST_AND_PORT.fullmatch(value) if isinstance(value, str) else None
    host = _canonical_host(match["six"], match["host"]) if match else None
    port = int((match and match["port"]) or 0)
    if host is None or port > HIGHEST_PORT:
        raise wrong(value, "HOST or HOST:PORT (an IPv6 address in brackets)")
    return HostPort(host, port)


def ip_address(value: object) -> str:
    """Read an IP address, without brackets."""
    if isinstance(value, str) and _is_ip(value):
        return str(ipaddress.ip_address(value))
    raise wrong(value, "an IP address")


def network(value: object) -> Network:
    """Read an IP network such as 10.0.0.0/8, or a single address."""
    try:
        if isinstance(value, str):
            return ipaddress.ip_network(value)
    except ValueError:
        pass
    raise wrong(value, "an IP network such as 192.0.2.0/24 or 2001:db8::/32 (no host bits), or an IP address")


def place(value: object) -> Network | str:
    """Read an IP network, or a domain; one that begins with a dot stands for all below it, "." for all there are."""
    if value == ".":
        return value
    if isinstance(value, str) and not re.fullmatch(r"[\d.:/]+|.*[:/].*", value):
        host = _canonical_host(None, value.removeprefix("."))
        if host is not None:
            return f".{host.removesuffix('.')}" if value.startswith(".") else host.removesuffix(".")
    try:
        return network(value)
    except Wrong:
        raise wrong(value, "a domain such as example.org or .example.org, or an IP network or address") from None


def port_range(value: object) -> PortRange:
    """Read a range of ports, FIRST-LAST."""
    match = _RANGE.fullmatch(value) if isinstance(value, str) else None
    if match:
        first, last = int(match[1]), int(match[2])
        if 0 < first < last <= HIGHEST_PORT:
            return PortRange(first, last)
    raise wrong(value, f"FIRST-LAST, two ports from 1 to {HIGHEST_PORT}, the second above the first")


def _socket_address(value: object) -> SocketAddress | None:
    match = _SOCKET.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > HIGHEST_PORT:
        return None
    host = _canonical_host(match["six"], match["host"])
    if host is None:
        return None
    return SocketAddress(_TRANSPORTS[match["transport"]], host, int(match["port"]))


def _canonical_host(six: str | None, host: str | None) -> str | None:
    """Return an address in its one canonical spelling, a name in small letters, or None for neither."""
    if six is not None:
        return _canonical_ipv6(six)
    if host is None or not _HOST.fullmatch(host):
        return None
    if re.fullmatch(r"[\d.]+", host):
        return host if _is_ip(host) else None
    return host.lower()


def _canonical_ipv6(host: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        return None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
