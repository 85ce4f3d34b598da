from __future__ import annotations

import pytest
from sipmessage import Headers

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.vias import mark_source, read_via, top_via

HOP = Hop(SipTransport.UDP, "192.0.2.1", 5062)
HOP6 = Hop(SipTransport.TCP, "2001:db8::1", 5062)


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "params"),
    [
        ("SIP/2.0/UDP pbx1;branch=z9hG4bK1", "UDP", "pbx1", None, {"branch": "z9hG4bK1"}),
        (
            "sip / 2.0 / tls [::1] : 5061 ; Branch = a%41 ;rport",
            "tls",
            "[::1]",
            5061,
            {"branch": "a%41", "rport": None},
        ),
        ("SIP/2.0/UDP a;received=2001:db8::9:255", "UDP", "a", None, {"received": "2001:db8::9:255"}),
        ("SIP/2.0/UDP a;received=[2001:db8::9:255]", "UDP", "a", None, {"received": "[2001:db8::9:255]"}),
        ('SIP/2.0/UDP a;x="b;c, \\"d";y=', "UDP", "a", None, {"x": 'b;c, "d', "y": ""}),
        ("SIP/2.0/UNKNOWN a", "UNKNOWN", "a", None, {}),
    ],
)
def test_vias(text: str, transport: str, host: str, port: int | None, params: dict[str, str | None]) -> None:
    via = read_via(text)
    assert (via.transport, via.host, via.port, dict(via.parameters)) == (transport, host, port, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/UDP [::g]",
        "SIP/2.0/UDP a:70000",
        "SIP/2.0/UDP a;",
        "SIP/2.0/UDP a, b",
    ],
)
def test_what_is_no_via(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 any
        read_via(text)


@pytest.mark.parametrize(
    ("hop", "text", "marked"),
    [
        (HOP, "SIP/2.0/UDP 192.0.2.1;branch=b", ""),
        (HOP, "SIP/2.0/UDP host;branch=b", ";branch=b;received=192.0.2.1"),
        (HOP, "SIP/2.0/UDP 192.0.2.1", ""),
        (HOP, "SIP/2.0/UDP 10.0.0.1", ";received=192.0.2.1"),
        (HOP, "SIP/2.0/UDP 192.0.2.1;rport;branch=b", ";branch=b;received=192.0.2.1;rport=5062"),
        (HOP, "SIP/2.0/UDP 192.0.2.1 ; rport=1 ; received=6.6.6.6", ";received=192.0.2.1;rport=5062"),
        (HOP, "SIP/2.0/UDP 192.0.2.1;received=6.6.6.6", ";received=192.0.2.1"),
        (HOP6, "SIP/2.0/TCP [2001:DB8:0::1];branch=b", ""),
        (HOP6, "SIP/2.0/TCP [2001:db8::2];branch=b", ";branch=b;received=2001:db8::1"),
        (HOP6, "SIP/2.0/TCP 192.0.2.1;branch=b", ";branch=b;received=2001:db8::1"),
        (Hop(SipTransport.UDP, "fe80::1%eth0", 5060), "SIP/2.0/UDP a", ";received=fe80::1"),
    ],
)
def test_mark_source(hop: Hop, text: str, marked: str) -> None:
    headers = Headers()
    headers.add("Via", f"{text}, SIP/2.0/UDP next;rport")
    via = mark_source(headers, hop)
    top = text.partition(" ;")[0].partition(";")[0] + marked if marked else text
    assert headers.getlist("Via") == [f"{top}, SIP/2.0/UDP next;rport"]
    assert via == read_via(top) == top_via(headers)
    assert mark_source(headers, hop) == via


@pytest.mark.parametrize("values", [[], ["x"], [", SIP/2.0/UDP a"]])
def test_no_via_to_mark(values: list[str]) -> None:
    headers = Headers()
    for value in values:
        headers.add("Via", value)
    with pytest.raises(ValueError, match="Via"):
        mark_source(headers, HOP)
