from __future__ import annotations

from dataclasses import replace

import pytest

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.messages.hops import fallback_hop, hop_of, response_hop
from gateways.sip.messages.vias import read_via

LOCAL = ListeningPoint(SipTransport.UDP, "192.0.2.7", 5060, "192.0.2.7", 5060)
UDP = Hop(SipTransport.UDP, "192.0.2.1", 40000, LOCAL)
TCP = Hop(SipTransport.TCP, "192.0.2.1", 40000)
TLS = Hop(SipTransport.TLS, "192.0.2.1", 40000)


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("SIP/2.0/UDP 192.0.2.1;rport=40000", 40000),
        ("SIP/2.0/UDP 10.0.0.1:5070;received=192.0.2.1", 5070),
        ("SIP/2.0/UDP 10.0.0.1;received=192.0.2.1", 5060),
        ("SIP/2.0/UDP 192.0.2.1:5070;rport", 5070),
        ("SIP/2.0/UDP 192.0.2.1:5070;rport=99999", 5070),
        ("SIP/2.0/UDP 192.0.2.1:5070;rport=x;maddr=6.6.6.6", 5070),
    ],
)
def test_udp_goes_back_to_the_address(via: str, port: int) -> None:
    assert response_hop(read_via(via), UDP) == replace(UDP, port=port)
    assert fallback_hop(read_via(via), UDP) == replace(UDP, port=port)


def test_connections_are_used_while_they_last() -> None:
    via = read_via("SIP/2.0/TCP 10.0.0.1:5070;rport=40000;received=192.0.2.1")
    assert response_hop(via, TCP) is TCP
    assert fallback_hop(via, TCP) == replace(TCP, port=5070)
    assert fallback_hop(read_via("SIP/2.0/TLS host"), TLS) == replace(TLS, port=5061)


@pytest.mark.parametrize(
    ("via", "hop"),
    [
        ("SIP/2.0/UDP 192.0.2.1", Hop(SipTransport.UDP, "192.0.2.1", 5060)),
        ("SIP/2.0/udp host:5070;received=192.0.2.1;rport=40000", Hop(SipTransport.UDP, "192.0.2.1", 40000)),
        ("SIP/2.0/TLS [2001:db8::1]", Hop(SipTransport.TLS, "2001:db8::1", 5061)),
        ("SIP/2.0/TCP host;received=[2001:db8::1]", Hop(SipTransport.TCP, "2001:db8::1", 5060)),
        ("SIP/2.0/TCP host;received=2001:db8::1", Hop(SipTransport.TCP, "2001:db8::1", 5060)),
        ("SIP/2.0/TCP host", None),
        ("SIP/2.0/SCTP 192.0.2.1", None),
    ],
)
def test_where_a_via_alone_leads(via: str, hop: Hop | None) -> None:
    assert hop_of(read_via(via)) == hop
