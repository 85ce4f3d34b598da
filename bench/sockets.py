"""The UDP sockets of the bench's own programs."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
_BUFFER = 8 * 1024 * 1024


def udp_socket(port: int = 0) -> socket.socket:
    """Open a socket on loopback that loses no burst: with the largest receive buffer that the kernel gives."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    opened.bind((HOST, port))
    return opened
