"""HEPv3 packets, as bytes ("HEP3 Network Protocol Specification", revision 37).

A packet is `HEP3`, its length, and chunks; a chunk is its vendor, its type, its length with this header, and a value.
All numbers are in network order. The lengths have 16 bits, so a payload may be too long: then its end is left out.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]
"""An IP address without brackets, and a port."""

MAX_PACKET = 65_507
"""Bytes of a packet, at most: what a datagram over IPv4 has room for. The packet's own length could be 28 more."""

MAX_CORRELATION = 1024
"""Bytes of a correlation id, at most."""

_HEADER = struct.Struct(">4sH")
_CHUNK = struct.Struct(">HHH")
_ANYWHERE = bytes(4)
_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address among those of IPv6 (RFC 4291 2.5.5.2)
_MAX_SECONDS = 0xFFFF_FFFF


class Chunk(IntEnum):
    """The generic types of chunks that are used here."""

    FAMILY = 0x01
    PROTOCOL = 0x02
    SOURCE_V4 = 0x03
    DESTINATION_V4 = 0x04
    SOURCE_V6 = 0x05
    DESTINATION_V6 = 0x06
    SOURCE_PORT = 0x07
    DESTINATION_PORT = 0x08
    SECONDS = 0x09
    MICROSECONDS = 0x0A
    PROTOCOL_TYPE = 0x0B
    AGENT_ID = 0x0C
    KEY = 0x0E
    PAYLOAD = 0x0F
    CORRELATION = 0x11
    AGENT_NAME = 0x13


class Kind(IntEnum):
    """What a payload is: the protocol type. NG and EVENT are numbers that rtpengine and heplify-server use."""

    SIP = 1
    QUALITY = 34
    NG = 61
    EVENT = 100


class Network(IntEnum):
    """What carried the payload: the IP protocol's number."""

    TCP = socket.IPPROTO_TCP
    UDP = socket.IPPROTO_UDP


class Agent(NamedTuple):
    """Who captures. number, name: what the collector knows it by. key: what it proves itself with, b"" for nothing."""

    number: int
    name: bytes
    key: bytes = b""


class Captured(NamedTuple):
    """Something that was captured. at: when, in microseconds since the epoch. correlation: what its call goes by."""

    kind: Kind
    payload: bytes
    at: int
    source: Address
    destination: Address
    network: Network = Network.UDP
    correlation: bytes = b""


def encode(captured: Captured, agent: Agent) -> tuple[bytes, int]:
    """Return a packet, and how many bytes of the payload had no room in it."""
    at = divmod(captured.at, 1_000_000)
    chunks = [
        *_ends(captured.source, captured.destination),
        _number(Chunk.PROTOCOL, captured.network, 1),
        _number(Chunk.SECONDS, min(at[0], _MAX_SECONDS), 4),
        _number(Chunk.MICROSECONDS, at[1], 4),
        _number(Chunk.PROTOCOL_TYPE, captured.kind, 1),
        _number(Chunk.AGENT_ID, agent.number, 4),
    ]
    texts = (
        (Chunk.KEY, agent.key),
        (Chunk.CORRELATION, captured.correlation[:MAX_CORRELATION]),
        (Chunk.AGENT_NAME, agent.name),
    )
    chunks += [_chunk(kind, value) for kind, value in texts if value]
    room = MAX_PACKET - _HEADER.size - sum(map(len, chunks)) - _CHUNK.size
    chunks.append(_chunk(Chunk.PAYLOAD, captured.payload[:room]))
    body = b"".join(chunks)
    return _HEADER.pack(b"HEP3", _HEADER.size + len(body)) + body, max(0, len(captured.payload) - room)


def _chunk(kind: Chunk, value: bytes) -> bytes:
    """Return a generic chunk."""
    return _CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value


def _number(kind: Chunk, number: int, size: int) -> bytes:
    """Return a generic chunk with a number of so many bytes."""
    return _chunk(kind, number.to_bytes(size, "big"))


def _ends(source: Address, destination: Address) -> Sequence[bytes]:
    """Return the chunks that say where something came from and went to, as those of one address family."""
    hosts = [_packed(source[0]), _packed(destination[0])]
    is_v6 = any(len(host) > len(_ANYWHERE) for host in hosts)
    if is_v6:
        hosts = [host if len(host) > len(_ANYWHERE) else _MAPPED + host for host in hosts]
    kinds = (Chunk.SOURCE_V6, Chunk.DESTINATION_V6) if is_v6 else (Chunk.SOURCE_V4, Chunk.DESTINATION_V4)
    return (
        _number(Chunk.FAMILY, socket.AF_INET6 if is_v6 else socket.AF_INET, 1),
        *map(_chunk, kinds, hosts),
        _number(Chunk.SOURCE_PORT, source[1], 2),
        _number(Chunk.DESTINATION_PORT, destination[1], 2),
    )


def _packed(host: str) -> bytes:
    """Return an address as bytes; that of no host for what is none."""
    host = host.partition("%")[0]
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return _ANYWHERE
