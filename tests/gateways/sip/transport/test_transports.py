from __future__ import annotations

import asyncio
import socket

import pytest

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport import transports
from gateways.sip.transport.settings import Listen, TransportSettings
from gateways.sip.transport.transports import Transports
from gateways.sockets import source_towards
from tests.gateways.sip.transport.opened import TCP, UDP, Opened, message, opened
from tests.peers.ports import HOST


async def test_several_listening_points_in_the_order_of_the_settings() -> None:
    async with opened(UDP, TCP, Listen(SipTransport.UDP, "::1", 0), UDP) as there, opened(UDP, TCP) as other:
        assert [(local.transport, local.host) for local in there.transports.locals] == [
            (SipTransport.UDP, HOST),
            (SipTransport.TCP, HOST),
            (SipTransport.UDP, "::1"),
            (SipTransport.UDP, HOST),
        ]
        for local in there.transports.locals:
            assert local.port != 0
            assert (local.advertised_host, local.advertised_port) == (local.host, local.port)
        last = there.transports.locals[3]
        to_udp = other.hop()
        there.send(message(1), Hop(SipTransport.UDP, HOST, to_udp.port, last))
        assert (await other.received.get())[1].port == last.port
        there.send(message(2), to_udp)
        assert (await other.received.get())[1].port == there.transports.locals[0].port


async def test_others_are_told_what_is_advertised() -> None:
    async with opened(Listen(SipTransport.UDP, HOST, 0, ("sip.example.com", 5080))) as there:
        assert there.local.sent_by == "sip.example.com:5080"
        assert str(there.local) == f"udp:127.0.0.1:{there.local.port}"


@pytest.mark.parametrize(("host", "loopback"), [("0.0.0.0", HOST), ("::", "::1")])
@pytest.mark.parametrize("known", [True, False])
async def test_one_who_listens_everywhere_tells_an_address_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, host: str, loopback: str, known: bool
) -> None:
    monkeypatch.setattr(transports, "source_towards", lambda _: "10.9.8.7" if known else None)
    async with opened(Listen(SipTransport.UDP, host, 0)) as there:
        assert there.local == ListeningPoint(
            SipTransport.UDP, host, there.local.port, "10.9.8.7" if known else loopback, there.local.port
        )


def test_the_address_that_the_system_sends_from() -> None:
    assert source_towards("127.0.0.9") == HOST
    assert source_towards("::1") == "::1"
    assert source_towards("255.255.255.255") is None  # which needs leave to be sent to


async def test_the_listening_point_that_a_message_leaves_from() -> None:
    listen = [Listen(SipTransport.UDP, host, 0) for host in ("127.0.0.9", HOST, "0.0.0.0", "::1")]
    async with opened(*listen, TCP) as there:
        nine, one, everywhere, six, tcp = there.transports.locals
        local_for = there.transports.local_for
        assert local_for(Hop(SipTransport.UDP, HOST, 5060)) == one  # which the system would send from
        assert local_for(Hop(SipTransport.UDP, HOST, 5060, nine)) == nine
        assert local_for(Hop(SipTransport.UDP, HOST, 5060, everywhere)) == everywhere
        assert local_for(Hop(SipTransport.UDP, "::1", 5060)) == six
        assert local_for(Hop(SipTransport.UDP, "::1", 5060, one)) == six
        assert local_for(Hop(SipTransport.TCP, HOST, 5060, one)) == tcp
        assert local_for(Hop(SipTransport.TCP, "::1", 5060)) is None
        assert local_for(Hop(SipTransport.TLS, HOST, 5060)) is None


async def test_a_way_that_is_none_of_a_listening_points_own_goes_from_the_unspecified_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transports, "source_towards", lambda _: "192.0.2.7")
    async with opened(UDP, Listen(SipTransport.UDP, "0.0.0.0", 0)) as there:
        assert there.transports.local_for(Hop(SipTransport.UDP, "192.0.2.1", 5060)) == there.transports.locals[1]


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", 5060),
        ("", 5060),
        ("1.2.3", 5060),
        ("a\0b", 5060),
        ("\ud800", 5060),
        (HOST, 0),
        (HOST, 65_536),
        (HOST, -1),
    ],
)
@pytest.mark.parametrize("transport", [SipTransport.UDP, SipTransport.TCP])
async def test_what_is_no_address_fails_later(transport: SipTransport, host: str, port: int) -> None:
    async with opened(UDP, TCP) as there:
        there.send(message(), Hop(transport, host, port))
        assert there.failures.empty()
        assert await there.failures.get() == "no listening point of ours can reach it"


async def test_nobody_needs_to_hear_of_a_failure() -> None:
    async with opened(UDP) as there:
        there.transports.send(message(), Hop(SipTransport.TCP, HOST, 5060))
        there.send(message(), Hop(SipTransport.TCP, HOST, 5060))
        await there.failures.get()


@pytest.mark.parametrize("transport", [SipTransport.UDP, SipTransport.TCP])
async def test_an_address_that_is_taken_is_named_and_nothing_stays_open(transport: SipTransport) -> None:
    kind = socket.SOCK_DGRAM if transport is SipTransport.UDP else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        there = Opened(TransportSettings(listen=[UDP, TCP, Listen(transport, HOST, port)]))
        with pytest.raises(OSError, match=f"{transport}:127.0.0.1:{port}: "):
            await there.transports.open()
    assert there.transports.locals == []
    assert len(asyncio.all_tasks()) == 1


async def test_a_host_that_is_no_address_is_named() -> None:
    with pytest.raises(ValueError, match=r"udp:example\.com:0"):
        await Transports(TransportSettings(listen=[Listen(SipTransport.UDP, "example.com", 0)]), print).open()
