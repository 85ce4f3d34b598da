"""Sockets that the supervisor holds: one for each worker, in their order, and none where they would not help."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rtp_relay.config import Config, SocketAddress
from rtp_relay.config.addresses import TransportName
from rtp_relay.workers.addresses import settled
from rtp_relay.workers.held_sockets import HeldSockets

HOST = "127.0.0.1"


async def config_of(transports: Sequence[TransportName]) -> Config:
    config = Config()
    listen = tuple(SocketAddress(transport, HOST, 0) for transport in transports)
    return await settled(
        replace(config, service=replace(config.service, workers=3), ng=replace(config.ng, listen=listen))
    )


async def test_until_a_worker_reads_all_comes_to_the_first_one() -> None:
    config = await config_of(["udp", "tcp"])
    udp = config.ng.listen[0]
    held = HeldSockets(config)
    try:
        given = [held.of(worker) for worker in (1, 2, 3)]
        assert [[address for address, _ in each] for each in given] == [[udp]] * 3
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            for port in range(20):
                client.sendto(b"%d" % port, (udp.host, udp.port))
        with socket.socket(fileno=os.dup(given[0][0][1])) as first:
            first.settimeout(10)
            assert [first.recv(100) for _ in range(20)] == [b"%d" % port for port in range(20)]
    finally:
        held.close()
    await settled(config)  # the addresses are free


async def test_where_the_kernel_cannot_be_told_none_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_program: bytes, _sock: socket.socket) -> None:
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    monkeypatch.setattr("rtp_relay.workers.held_sockets.attach", refuse)
    config = await config_of(["udp", "udp"])
    held = HeldSockets(config)
    assert held.of(1) == held.of(3) == ()
    await settled(config)


async def test_an_address_that_another_has_is_not_held_in_part() -> None:
    config = await config_of(["udp", "udp"])
    taken = config.ng.listen[1]
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((taken.host, taken.port))
        with pytest.raises(OSError, match=f"{taken}: Address already in use"):
            HeldSockets(config)
    await settled(config)
