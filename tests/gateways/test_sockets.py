"""Listening sockets of the doors."""

from __future__ import annotations

import socket
from typing import Literal

import pytest

from gateways.sockets import bind
from rtp_relay.config import SocketAddress
from tests.peers.ports import HOST


@pytest.mark.parametrize("transport", ["tcp", "http"])
def test_the_system_finds_out_which_clients_have_vanished(transport: Literal["tcp", "http"]) -> None:
    """One that says nothing more, not even that it ends, would keep its place among the connections for good."""
    with bind(SocketAddress(transport, HOST, 0)) as listening, socket.socket() as client:
        listening.setblocking(True)
        listening.listen()
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            idle, interval, count = (
                accepted.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert idle + interval * count <= 120
