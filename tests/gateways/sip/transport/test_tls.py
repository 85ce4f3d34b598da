from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from gateways.sip.addresses import Hop, SipTransport
from tests.gateways.sip.transport.certificates import Authority
from tests.gateways.sip.transport.opened import TLS, message, opened, until
from tests.peers.ports import HOST


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("certificates"))


async def test_the_name_is_verified_and_the_connection_used_both_ways(authority: Authority) -> None:
    server = authority.certify("proxy.example.com")
    async with (
        opened(TLS, certificate=server, ca=authority.ca) as one,
        opened(TLS, certificate=server, ca=authority.ca) as two,
    ):
        one.send(message(1), two.hop("Proxy.Example.com"))
        data, hop = await two.received.get()
        assert (data, hop.transport, hop.name) == (message(1), SipTransport.TLS, "")
        two.send(message(2), hop)
        data, back = await one.received.get()
        assert (data, back) == (
            message(2),
            Hop(SipTransport.TLS, HOST, two.local.port, one.local, "Proxy.Example.com"),
        )
        one.send(message(3), back)
        assert (await two.received.get()) == (message(3), hop)
        assert two.transports.connections == 1


async def test_one_who_cannot_prove_the_name_gets_nothing(authority: Authority) -> None:
    server = authority.certify("proxy.example.com")
    async with (
        opened(TLS, certificate=server, ca=authority.ca) as one,
        opened(TLS, certificate=server, ca=authority.ca) as two,
    ):
        one.send(message(1), two.hop("proxy.example.com"))
        await two.received.get()
        one.send(message(2), two.hop("other.example.com"))  # not over the connection that is there
        assert "other.example.com" in await one.failures.get()
        one.send(message(3), two.hop())  # without a name it is the address that is to be proved
        assert "IP address mismatch" in await one.failures.get()
        assert two.received.empty()


@pytest.mark.parametrize("name", [".example.com", "a" * 64 + ".example.com", "a\0b.example.com"])
async def test_what_is_no_name_cannot_be_proved(authority: Authority, name: str) -> None:
    async with opened(TLS, certificate=authority.certify(HOST), ca=authority.ca) as there:
        there.send(message(), there.hop(name))
        assert await there.failures.get() == "no certificate can have this name"
        await until(lambda: there.transports.connections == 0)


async def test_an_address_can_be_proved(authority: Authority) -> None:
    server = authority.certify("proxy.example.com", HOST)
    async with (
        opened(TLS, certificate=server, ca=authority.ca) as one,
        opened(TLS, certificate=server, ca=authority.ca) as two,
    ):
        one.send(message(), two.hop())
        assert (await two.received.get())[0] == message()


async def test_one_whom_nobody_trusts_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path, "stranger")
    async with (
        opened(TLS, certificate=authority.certify("a.example.com"), ca=authority.ca) as one,
        opened(TLS, certificate=stranger.certify(HOST)) as two,
    ):
        one.send(message(), two.hop())
        assert "CERTIFICATE_VERIFY_FAILED" in await one.failures.get()


async def test_without_verifying_anybody_will_do(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path, "stranger")
    async with (
        opened(TLS, certificate=authority.certify("a.example.com"), verify=False) as one,
        opened(TLS, certificate=stranger.certify("b.example.com")) as two,
    ):
        one.send(message(1), two.hop("c.example.com"))
        one.send(message(2), two.hop("d.example.com"))
        assert [(await two.received.get())[0] for _ in range(2)] == [message(1), message(2)]
        assert two.transports.connections == 1


async def test_mutual(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path, "stranger")
    server = authority.certify("proxy.example.com", HOST)
    known, unknown = authority.certify("known.example.com"), stranger.certify("unknown.example.com")
    async with (
        opened(TLS, certificate=server, ca=authority.ca, client_certificates=True) as door,
        opened(TLS, certificate=known, ca=authority.ca) as one,
        opened(TLS, certificate=unknown, ca=authority.ca) as two,
    ):
        two.send(message(2), door.hop())
        await until(lambda: two.transports.connections == 0)
        one.send(message(1), door.hop())
        assert (await door.received.get())[0] == message(1)
        assert door.received.empty()


async def test_one_who_speaks_no_tls_is_turned_away(authority: Authority) -> None:
    async with opened(TLS, certificate=authority.certify(HOST)) as there:
        reader, writer = await asyncio.open_connection(HOST, there.local.port)
        writer.write(message())
        await until(lambda: there.transports.connections == 0)
        await reader.read()
        assert there.received.empty()
        writer.close()


async def test_one_who_does_not_finish_the_handshake_counts_and_is_closed(authority: Authority) -> None:
    settings = {"certificate": authority.certify(HOST), "connect_timeout": 0.2, "max_connections": 1}
    async with opened(TLS, **settings) as there:
        with socket.create_connection((HOST, there.local.port)):
            await until(lambda: there.transports.connections == 1)
            await until(lambda: there.transports.connections == 0)


async def test_large_messages_and_a_peer_that_does_not_read(authority: Authority) -> None:
    server = authority.certify(HOST)
    async with (
        opened(TLS, certificate=server, max_queued=200_000) as there,
        opened(TLS, certificate=server, ca=authority.ca) as peer,
    ):
        large = message(body=b"x" * 60_000)
        peer.send(large, there.hop())
        data, hop = await there.received.get()
        assert data == large
        (connection,) = peer.transports._connections._all
        assert connection._transport is not None
        connection._transport.pause_reading()
        while there.failures.empty():
            there.send(large, hop)
            await asyncio.sleep(0)
        assert await there.failures.get() == "too much waits on the connection"
        await until(lambda: there.transports.connections == 0)


@pytest.mark.parametrize(
    ("files", "error"),
    [({}, ValueError), ({"certificate": Path("missing.pem")}, OSError)],
)
async def test_it_does_not_open_without_a_certificate(files: dict[str, Path], error: type[Exception]) -> None:
    with pytest.raises(error):
        async with opened(TLS, **files):
            pass


@pytest.mark.parametrize(
    "scenario",
    [
        test_the_name_is_verified_and_the_connection_used_both_ways,
        test_one_who_cannot_prove_the_name_gets_nothing,
        test_one_who_speaks_no_tls_is_turned_away,
        test_one_who_does_not_finish_the_handshake_counts_and_is_closed,
        test_large_messages_and_a_peer_that_does_not_read,
    ],
)
def test_on_uvloop(scenario: Callable[[Authority], Coroutine[None, None, None]], authority: Authority) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario(authority))
