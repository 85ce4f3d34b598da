"""HEPv3 packets, byte by byte as the specification has them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.hep.packet import MAX_CORRELATION, MAX_PACKET, Agent, Captured, Kind, Network, encode
from tests.peers import hep

# "Example HEP3 packet" of the specification, whose chunk of the payload has the length 0x0014.
EXAMPLE = bytes.fromhex(
    """
    48 45 50 33 00 71
    00 00 00 01 00 07 02
    00 00 00 03 00 0a d4 ca 00 01
    00 00 00 04 00 0a 52 74 00 d3
    00 00 00 07 00 08 2e ea
    00 00 00 08 00 08 13 c4
    00 00 00 02 00 07 11
    00 00 00 09 00 0a 4e 49 82 cb
    00 00 00 0a 00 0a 00 01 d4 c0
    00 00 00 0b 00 07 01
    00 00 00 0c 00 0a 00 00 00 e4
    00 00 00 0f 00 14 49 4e 56 49 54 45 20 73 69 70 3a 62 6f 62
    """
)
"""Its chunks, which may come in any order, in ours."""

AGENT = Agent(228, b"")


def test_the_example_of_the_specification() -> None:
    captured = Captured(
        Kind.SIP, b"INVITE sip:bob", 1_313_440_459_120_000, ("212.202.0.1", 12010), ("82.116.0.211", 5060)
    )
    assert encode(captured, AGENT) == (EXAMPLE, 0)


def test_what_proves_and_names_who_captures_and_which_call_it_is_of() -> None:
    captured = Captured(Kind.NG, b"1 d2:abe", 1, ("::1", 1), ("2001:db8::2", 2), Network.TCP, b"call@x")
    packet, _ = encode(captured, Agent(7, b"control-1", b"secret"))
    assert packet == (
        b"HEP3\x00\xaa"
        b"\0\0\0\x01\0\x07\x0a"
        b"\0\0\0\x05\0\x16" + bytes(15) + b"\x01"
        b"\0\0\0\x06\0\x16\x20\x01\x0d\xb8" + bytes(11) + b"\x02"
        b"\0\0\0\x07\0\x08\0\x01"
        b"\0\0\0\x08\0\x08\0\x02"
        b"\0\0\0\x02\0\x07\x06"
        b"\0\0\0\x09\0\x0a\0\0\0\0"
        b"\0\0\0\x0a\0\x0a\0\0\0\x01"
        b"\0\0\0\x0b\0\x07\x3d"
        b"\0\0\0\x0c\0\x0a\0\0\0\x07"
        b"\0\0\0\x0e\0\x0csecret"
        b"\0\0\0\x11\0\x0ccall@x"
        b"\0\0\0\x13\0\x0fcontrol-1"
        b"\0\0\0\x0f\0\x0e1 d2:abe"
    )


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (("127.0.0.1", 1), ("::1", 2), (("::ffff:127.0.0.1", 1), ("::1", 2))),
        (("fe80::1%eth0", 1), ("::1", 2), (("fe80::1", 1), ("::1", 2))),
        (("relay.example", 1), ("", 0), (("0.0.0.0", 1), ("0.0.0.0", 0))),
    ],
)
def test_both_ends_are_of_one_family_whatever_they_are(
    source: tuple[str, int], destination: tuple[str, int], expected: tuple[tuple[str, int], tuple[str, int]]
) -> None:
    packet = hep.decode(encode(Captured(Kind.SIP, b"x", 1, source, destination), AGENT)[0])
    ends = [ipaddress.ip_address(end[0]) for end in (packet.source, packet.destination)]
    assert ends == [ipaddress.ip_address(end[0]) for end in expected]
    assert (packet.source[1], packet.destination[1]) == (expected[0][1], expected[1][1])


def test_a_payload_that_has_no_room_keeps_its_beginning() -> None:
    payload = bytes(range(256)) * 512
    data, left_out = encode(Captured(Kind.SIP, payload, 1, ("::1", 1), ("::1", 2), correlation=b"c" * 9000), AGENT)
    packet = hep.decode(data)
    assert len(data) == MAX_PACKET
    assert packet.payload == payload[: len(payload) - left_out]
    assert packet.chunks[0x11] == b"c" * MAX_CORRELATION


hosts = st.ip_addresses().map(str)
addresses = st.tuples(hosts, st.integers(0, 65535))


@given(
    captured=st.builds(
        Captured,
        st.sampled_from(Kind),
        st.binary(max_size=70_000),
        st.integers(0, 2**32 * 1_000_000 - 1),
        addresses,
        addresses,
        st.sampled_from(Network),
        st.binary(max_size=2000),
    ),
    agent=st.builds(Agent, st.integers(0, 2**32 - 1), st.binary(max_size=255), st.binary(max_size=255)),
)
def test_whatever_is_captured_is_read_as_it_was(captured: Captured, agent: Agent) -> None:
    data, left_out = encode(captured, agent)
    packet = hep.decode(data)
    assert len(data) <= MAX_PACKET
    assert (packet.protocol, packet.network, packet.number(0x0C)) == (captured.kind, captured.network, agent.number)
    assert packet.payload + captured.payload[len(captured.payload) - left_out :] == captured.payload
    assert packet.number(0x09) * 1_000_000 + packet.number(0x0A) == captured.at
    assert packet.chunks.get(0x11, b"") == captured.correlation[:MAX_CORRELATION]
    assert (packet.chunks.get(0x0E, b""), packet.chunks.get(0x13, b"")) == (agent.key, agent.name)
    assert _plain(packet.source) == _plain(captured.source)
    assert _plain(packet.destination) == _plain(captured.destination)


def _plain(end: tuple[str, int]) -> tuple[str, int]:
    """Return an address without what IPv6 has about one of IPv4."""
    address = ipaddress.ip_address(end[0])
    return str(getattr(address, "ipv4_mapped", None) or address), end[1]
