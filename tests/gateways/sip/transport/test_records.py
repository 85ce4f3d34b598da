from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import URI

from gateways.sip.addresses import SipTransport
from gateways.sip.transport.records import Naptr, Srv, SrvService, allowed_transports, in_order, service_of, services_in

ALL = (SipTransport.UDP, SipTransport.TCP, SipTransport.TLS)


@pytest.mark.parametrize(
    ("uri", "transports"),
    [
        ("sip:example.com", ALL),
        ("sip:example.com;transport=udp", (SipTransport.UDP,)),
        ("sip:example.com;Transport=TCP", (SipTransport.TCP,)),
        ("sip:example.com;transport=tls", (SipTransport.TLS,)),
        ("sip:example.com;transport=sctp", ()),
        ("sip:example.com;transport", ALL),
        ("sips:example.com", (SipTransport.TLS,)),
        ("sips:example.com;transport=tcp", (SipTransport.TLS,)),
        ("sips:example.com;transport=tls", (SipTransport.TLS,)),
        ("sips:example.com;transport=udp", ()),
    ],
)
def test_the_transports_that_a_uri_allows(uri: str, transports: tuple[SipTransport, ...]) -> None:
    assert allowed_transports(URI.parse(uri)) == transports


def test_where_srv_records_are() -> None:
    assert [service_of("example.com", transport).name for transport in ALL] == [
        "_sip._udp.example.com",
        "_sip._tcp.example.com",
        "_sips._tcp.example.com",
    ]


def test_naptr_records_in_their_order() -> None:
    records = [
        Naptr(10, 50, "s", "SIPS+D2T", "tls."),
        Naptr(20, 10, "s", "SIP+D2U", "later."),
        Naptr(10, 100, "S", "sip+d2u", "udp."),
        Naptr(10, 90, "s", "SIP+D2T", "tcp."),
        Naptr(5, 1, "u", "E2U+sip", "!.*!sip:a@b!"),
        Naptr(5, 2, "s", "SIP+D2S", "sctp."),
    ]
    assert services_in(records, ALL) == [
        SrvService("tls.", SipTransport.TLS),
        SrvService("tcp.", SipTransport.TCP),
        SrvService("udp.", SipTransport.UDP),
    ]
    assert services_in(records, (SipTransport.TCP,)) == [SrvService("tcp.", SipTransport.TCP)]
    assert services_in([], ALL) == []


def test_weights_are_shares() -> None:
    records = [Srv(1, 0, 1, "never"), Srv(1, 30, 1, "a"), Srv(1, 70, 1, "b"), Srv(0, 0, 1, "first"), Srv(0, 0, 1, ".")]
    random = Random(1)
    orders = [in_order(records, random) for _ in range(2000)]
    assert {order[0].target for order in orders} == {"first"}
    shares = Counter(order[1].target for order in orders)
    assert 1300 < shares["b"] < 1500
    assert shares["never"] < 50


@given(
    records=st.lists(
        st.builds(Srv, st.integers(0, 3), st.integers(0, 9), st.just(1), st.sampled_from(["a", "b", "."])), max_size=12
    ),
    seed=st.integers(),
)
def test_each_record_comes_once_and_by_priority(records: list[Srv], seed: int) -> None:
    ordered = in_order(records, Random(seed))
    assert Counter(ordered) == Counter(record for record in records if record.target != ".")
    assert [record.priority for record in ordered] == sorted(record.priority for record in ordered)
