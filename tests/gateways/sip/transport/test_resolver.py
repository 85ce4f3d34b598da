from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import dns.asyncresolver
import pytest
import uvloop
from sipmessage import URI

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport import names
from gateways.sip.transport.resolver import UriResolver
from tests.gateways.sip.transport.dns_server import DnsServer
from tests.peers.ports import HOST

LOCAL = ListeningPoint(SipTransport.UDP, HOST, 5060, HOST, 5060)
ADDRESS = "10.0.0.1"
A = f"host.example.com 60 IN A {ADDRESS}"


@asynccontextmanager
async def resolving(server: DnsServer, **settings: Any) -> AsyncIterator[UriResolver]:
    async with server:
        resolver = UriResolver([HOST], port=server.port, **settings)
        try:
            yield resolver
        finally:
            await resolver.close()


async def found(resolver: UriResolver, uri: str) -> list[str]:
    return [str(hop) for hop in await resolver.resolve(URI.parse(uri))]


# -- addresses in the URI --


@pytest.mark.parametrize(
    ("uri", "hops"),
    [
        ("sip:192.0.2.1", ["udp:192.0.2.1:5060"]),
        ("sip:bob@192.0.2.1:5070", ["udp:192.0.2.1:5070"]),
        ("sip:192.0.2.1;transport=tcp", ["tcp:192.0.2.1:5060"]),
        ("sip:192.0.2.1;transport=tls", ["tls:192.0.2.1:5061"]),
        ("sips:192.0.2.1", ["tls:192.0.2.1:5061"]),
        ("sips:192.0.2.1:5060;transport=tcp", ["tls:192.0.2.1:5060"]),
        ("sip:[2001:DB8::1]", ["udp:[2001:db8::1]:5060"]),
        ("sip:[2001:db8::1]:5070;transport=tcp", ["tcp:[2001:db8::1]:5070"]),
        ("sip:192.0.2.1;transport=sctp", []),
        ("sips:192.0.2.1;transport=udp", []),
        ("sip:192.0.2.1:70000", []),
    ],
)
async def test_an_address_needs_no_dns(uri: str, hops: list[str]) -> None:
    resolver = UriResolver([HOST], port=1)
    numeric = resolver.numeric(URI.parse(uri))
    assert numeric is not None
    assert [str(hop) for hop in numeric] == hops
    assert await found(resolver, uri) == hops


async def test_a_name_is_no_address() -> None:
    assert UriResolver([HOST]).numeric(URI.parse("sip:example.com")) is None


async def test_the_own_machine_has_a_name_that_needs_no_dns() -> None:
    resolver = UriResolver([HOST], port=1)
    assert await found(resolver, "sip:bob@localhost") == ["udp:[::1]:5060", "udp:127.0.0.1:5060"]


@pytest.mark.parametrize("uri", ["tel:+123", "sip:example.com:70000", "sip:example.com;transport=ws"])
async def test_what_leads_nowhere_is_not_asked(uri: str) -> None:
    server = DnsServer(A)
    async with resolving(server) as resolver:
        assert await found(resolver, uri) == []
    assert not server.asked


# -- the ways of RFC 3263 --


async def test_a_port_leads_to_the_addresses_at_once() -> None:
    server = DnsServer(A, "host.example.com 60 IN AAAA 2001:db8::1")
    async with resolving(server) as resolver:
        assert await found(resolver, "sip:host.example.com:5070") == ["udp:[2001:db8::1]:5070", "udp:10.0.0.1:5070"]
        assert await found(resolver, "sips:Host.Example.com:5070") == ["tls:[2001:db8::1]:5070", "tls:10.0.0.1:5070"]
    assert set(server.asked) == {("host.example.com", "A"), ("host.example.com", "AAAA")}


async def test_naptr_then_srv_then_addresses() -> None:
    server = DnsServer(
        'example.com 60 IN NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
        'example.com 60 IN NAPTR 50 60 "s" "SIP+D2T" "" _other._tcp.example.com.',
        "_sips._tcp.example.com 60 IN SRV 2 0 5071 b.example.com.",
        "_sips._tcp.example.com 60 IN SRV 1 0 5071 a.example.com.",
        "_other._tcp.example.com 60 IN SRV 1 0 5080 a.example.com.",
        "a.example.com 60 IN A 10.0.0.1",
        "a.example.com 60 IN A 10.0.0.2",
        "b.example.com 60 IN A 10.0.0.3",
    )
    async with resolving(server) as resolver:
        hops = await resolver.resolve(URI.parse("sip:example.com"))
        assert [hop.host for hop in hops[2:]] == ["10.0.0.3"]
        assert {hop.host for hop in hops[:2]} == {"10.0.0.1", "10.0.0.2"}
        assert {(hop.transport, hop.port, hop.name) for hop in hops} == {(SipTransport.TLS, 5071, "example.com")}
        assert await found(resolver, "sip:example.com;transport=tcp") == []
        resolver._reach = [ListeningPoint(SipTransport.TCP, HOST, 5060, HOST, 5060)]
        assert {hop.port for hop in await resolver.resolve(URI.parse("sip:example.com"))} == {5080}


async def test_without_naptr_the_services_are_guessed() -> None:
    server = DnsServer("_sip._tcp.example.com 60 IN SRV 1 0 5070 host.example.com.", A)
    async with resolving(server) as resolver:
        assert await found(resolver, "sip:example.com") == ["tcp:10.0.0.1:5070"]
        assert await found(resolver, "sip:example.com;transport=tcp") == ["tcp:10.0.0.1:5070"]
    assert server.asked["_sip._udp.example.com", "SRV"] == 1


async def test_sips_asks_for_tls_only() -> None:
    server = DnsServer(
        "_sip._udp.example.com 60 IN SRV 1 0 5070 host.example.com.",
        "_sips._tcp.example.com 60 IN SRV 1 0 5071 host.example.com.",
        A,
    )
    async with resolving(server) as resolver:
        hops = await resolver.resolve(URI.parse("sips:example.com"))
    assert hops == [Hop(SipTransport.TLS, ADDRESS, 5071, name="example.com")]


async def test_without_srv_the_host_itself_is_asked_for() -> None:
    async with resolving(DnsServer(A)) as resolver:
        assert await found(resolver, "sip:host.example.com") == ["udp:10.0.0.1:5060"]
        assert await found(resolver, "sip:host.example.com;transport=tcp") == ["tcp:10.0.0.1:5060"]
        assert await found(resolver, "sips:host.example.com.") == ["tls:10.0.0.1:5061"]


async def test_a_service_that_is_not_there_is_not_looked_for_elsewhere() -> None:
    server = DnsServer("_sip._udp.host.example.com 60 IN SRV 0 0 0 .", A)
    async with resolving(server) as resolver:
        assert await found(resolver, "sip:host.example.com") == []


async def test_an_alias_is_followed() -> None:
    server = DnsServer("www.example.com 60 IN CNAME host.example.com.", A)
    async with resolving(server) as resolver:
        assert await found(resolver, "sip:www.example.com:5060") == ["udp:10.0.0.1:5060"]


async def test_a_long_answer_comes_over_tcp_and_only_so_much_of_it_is_followed() -> None:
    records = [f"_sip._udp.example.com 60 IN SRV 1 1 5060 host-number-{number}.example.com." for number in range(40)]
    addresses = [
        f"host-number-{number}.example.com 60 IN A 10.0.{each}.{number}" for number in range(40) for each in range(4)
    ]
    server = DnsServer(*records, *addresses)
    async with resolving(server, random=Random(1)) as resolver:
        hops = await found(resolver, "sip:example.com")
    assert len(set(hops)) == 16
    assert sum(server.asked[f"host-number-{number}.example.com", "A"] for number in range(40)) == 8


async def test_only_what_can_be_reached_is_given() -> None:
    server = DnsServer(A, "host.example.com 60 IN AAAA 2001:db8::1")
    reach = [LOCAL]
    async with resolving(server, reach=reach) as resolver:
        assert await found(resolver, "sip:host.example.com") == ["udp:10.0.0.1:5060"]
        assert await found(resolver, "sip:host.example.com;transport=tcp") == []
        reach.append(ListeningPoint(SipTransport.TCP, "::1", 5060, "::1", 5060))
        assert await found(resolver, "sip:host.example.com;transport=tcp") == ["tcp:[2001:db8::1]:5060"]


# -- what is remembered --


async def test_answers_are_remembered_for_their_ttl() -> None:
    server = DnsServer(A, "short.example.com 0 IN A 10.0.0.2")
    async with resolving(server) as resolver:
        for _ in range(3):
            assert await found(resolver, "sip:host.example.com:5060") == ["udp:10.0.0.1:5060"]
            assert await found(resolver, "sip:short.example.com:5060") == ["udp:10.0.0.2:5060"]
            assert await found(resolver, "sip:nobody.example.com:5060") == []
    assert server.asked["host.example.com", "A"] == 1
    assert server.asked["host.example.com", "AAAA"] == 1  # the name is there, without this type
    assert server.asked["nobody.example.com", "A"] == 1
    assert server.asked["short.example.com", "A"] == 3


async def test_what_is_remembered_too_long_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_LONGEST", 0)
    server = DnsServer(A)
    async with resolving(server) as resolver:
        for _ in range(2):
            assert await found(resolver, "sip:host.example.com:5060") == ["udp:10.0.0.1:5060"]
    assert server.asked["host.example.com", "A"] == 2


async def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_REMEMBERED", 4)
    server = DnsServer(A)
    async with resolving(server) as resolver:
        await found(resolver, "sip:host.example.com:5060")
        for number in range(10):
            await found(resolver, f"sip:nobody{number}.example.com:5060")
        assert len(resolver._names._remembered) == 4
        await found(resolver, "sip:host.example.com:5060")
    assert server.asked["host.example.com", "A"] == 2


async def test_what_many_ask_at_once_is_asked_once() -> None:
    server = DnsServer(A)
    async with resolving(server) as resolver:
        first, *others = [asyncio.create_task(found(resolver, "sip:host.example.com:5060")) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [["udp:10.0.0.1:5060"]] * 19
    assert server.asked["host.example.com", "A"] == 1


async def test_only_so_much_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_ASKED", 2)
    async with resolving(DnsServer(A, silent=("A", "AAAA"))) as resolver:
        waiting = asyncio.create_task(found(resolver, "sip:nobody.example.com:5060"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await found(resolver, "sip:host.example.com:5060") == []
        assert not waiting.done()
        await resolver.close()
        assert await waiting == []


# -- nameservers that fail --


async def test_a_broken_naptr_does_not_hide_what_is_there() -> None:
    server = DnsServer("_sip._udp.example.com 60 IN SRV 1 0 5070 host.example.com.", A, broken=("NAPTR", "AAAA"))
    async with resolving(server) as resolver:
        assert await found(resolver, "sip:example.com") == ["udp:10.0.0.1:5070"]


async def test_a_silent_nameserver_is_given_up_and_left_alone_for_a_while() -> None:
    server = DnsServer(A, silent=("A", "AAAA"))
    async with resolving(server, timeout=0.05) as resolver:
        assert await found(resolver, "sip:host.example.com:5060") == []
        asked = server.asked["host.example.com", "A"]
        server.silent = ()
        assert await found(resolver, "sip:host.example.com:5060") == []
        assert server.asked["host.example.com", "A"] == asked


async def test_a_search_has_an_end() -> None:
    async with resolving(DnsServer(A, silent=("NAPTR", "SRV")), timeout=0.05) as resolver:
        assert await found(resolver, "sip:host.example.com") == []


async def test_the_next_nameserver_gets_its_turn() -> None:
    async with DnsServer(A) as server:
        resolver = UriResolver(["127.0.0.77", HOST], port=server.port, timeout=2)
        assert await found(resolver, "sip:host.example.com:5060") == ["udp:10.0.0.1:5060"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example.com", ".".join(["a" * 60] * 5)])
async def test_names_that_dns_cannot_have(host: str) -> None:
    async with resolving(DnsServer()) as resolver:
        assert await resolver.resolve(URI(scheme="sip", host=host)) == []


def test_a_nameserver_has_an_address() -> None:
    with pytest.raises(ValueError, match="dns"):
        UriResolver(["dns.example.com"])


async def test_without_a_configuration_the_own_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.asyncresolver.Resolver, "read_resolv_conf", _no_configuration)
    assert UriResolver()._names._resolver.nameservers == ["127.0.0.1"]


def _no_configuration(*_args: object) -> None:
    raise dns.resolver.NoResolverConfiguration


@pytest.mark.parametrize(
    "scenario",
    [
        test_naptr_then_srv_then_addresses,
        test_a_long_answer_comes_over_tcp_and_only_so_much_of_it_is_followed,
        test_what_many_ask_at_once_is_asked_once,
        test_a_silent_nameserver_is_given_up_and_left_alone_for_a_while,
    ],
)
def test_on_uvloop(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
