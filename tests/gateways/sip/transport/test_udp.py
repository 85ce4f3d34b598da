from __future__ import annotations

import asyncio
import socket

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.transport import udp
from gateways.sip.transport.settings import Listen
from gateways.sip.transport.udp import SipUdpPort
from tests.gateways.sip.transport.opened import UDP, message, opened
from tests.peers.datagram import DatagramSocket


async def test_messages_both_ways() -> None:
    async with opened(UDP) as one, opened(UDP) as two:
        one.send(message(1), two.hop())
        data, hop = await two.received.get()
        assert (data, hop) == (message(1), Hop(SipTransport.UDP, "127.0.0.1", one.local.port, two.local))
        two.send(message(2), hop)
        assert (await one.received.get())[0] == message(2)


async def test_ipv6() -> None:
    listen = Listen(SipTransport.UDP, "::1", 0)
    async with opened(listen) as one, opened(listen) as two:
        one.send(message(), two.hop())
        data, hop = await two.received.get()
        assert (data, hop.host) == (message(), "::1")
        assert str(hop.local) == f"udp:[::1]:{two.local.port}"


@pytest.mark.parametrize(
    ("listen", "asked"), [("0.0.0.0", "127.0.0.5"), ("0.0.0.0", "127.0.0.6"), ("127.0.0.1", "127.0.0.1"), ("::", "::1")]
)
async def test_the_answer_comes_from_the_address_that_was_asked(listen: str, asked: str) -> None:
    async with opened(Listen(SipTransport.UDP, listen, 0)) as there:
        with socket.socket(socket.AF_INET6 if ":" in asked else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(message(1), (asked, there.local.port))
            _, hop = await there.received.get()
            assert hop.local == there.local
            there.send(message(2), hop)
            data, sender = await asyncio.to_thread(client.recvfrom, 1000)
        assert data == message(2)
        assert sender[:2] == (asked, there.local.port)


@pytest.mark.sources
async def test_only_so_many_remotes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "MAX_SOURCES", 2)
    async with opened(Listen(SipTransport.UDP, "0.0.0.0", 0)) as there:
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for number, client in enumerate(clients):
            client.sendto(message(number), ("127.0.0.7", there.local.port))
            await there.received.get()
        (port,) = there.transports._ports.values()
        assert [remote[1] for remote in port._sources] == [client.getsockname()[1] for client in clients[1:]]
        for client in clients:
            client.close()


async def test_keep_alives_are_not_answered() -> None:
    async with opened(UDP) as there, DatagramSocket() as client:
        for keep_alive in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b""):
            client.send(keep_alive, ("127.0.0.1", there.local.port))
        client.send(message(), ("127.0.0.1", there.local.port))
        data, hop = await there.received.get()
        assert data == message()
        there.send(b"SIP/2.0 200 OK", hop)
        assert (await client.received.get())[0] == b"SIP/2.0 200 OK"


async def test_what_is_too_long_for_a_datagram_fails_later() -> None:
    async with opened(UDP) as one, opened(UDP) as two:
        one.send(message(body=bytes(65_536)), two.hop())
        assert one.failures.empty()
        assert "too long" in await one.failures.get()
        longest = message(body=bytes(60_000))
        one.send(longest, two.hop())
        assert (await two.received.get())[0] == longest


async def test_a_remote_that_is_not_there_does_not_stop_the_others() -> None:
    async with opened(UDP) as one, opened(UDP) as two:
        async with opened(UDP) as gone:
            nowhere = gone.hop()
        for _ in range(3):
            one.send(message(0), nowhere)
        two.send(message(1), one.hop())
        assert (await one.received.get())[0] == message(1)


async def test_an_error_of_the_socket_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        monkeypatch.undo()
        raise ConnectionRefusedError

    async with opened(UDP) as one, opened(UDP) as two:
        monkeypatch.setattr(udp, "take_some", refuse)
        two.send(message(1), one.hop())
        assert (await one.received.get())[0] == message(1)


class Full:
    """A socket that has no room."""

    def sendmsg(self, *_args: object) -> int:
        raise BlockingIOError


async def test_what_finds_the_socket_full_is_lost_as_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(UDP) as one, opened(UDP) as two:
        port: SipUdpPort = one.transports._ports[one.local]
        with monkeypatch.context() as patched:
            patched.setattr(port, "_sock", Full())
            one.send(message(1), two.hop())
        one.send(message(2), two.hop())
        assert (await two.received.get())[0] == message(2)
        assert one.failures.empty()


async def test_a_burst_comes_in_full() -> None:
    async with opened(UDP) as one, opened(UDP) as two:
        for number in range(200):
            one.send(message(number), two.hop())
        assert [(await two.received.get())[0] for _ in range(200)] == [message(number) for number in range(200)]
