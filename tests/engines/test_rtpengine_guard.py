"""What goes past an rtpengine if nobody looks: kept from it where a call's media may not pass their relay."""

from __future__ import annotations

import pytest

from engines.kind import Exchange, Operation, Untranslatable
from engines.ng.bencode import NgDict, NgValue, decode, encode
from engines.request import NodeRequest
from engines.rtpengine.kind import RtpengineKind
from engines.sdp.session import Sdp, parse
from engines.sdp.tcp import TcpStreams
from events.names import RelayId
from events.verb import Verb
from tests.engines.exchanges import Told
from tests.engines.sdp_bodies import AUDIO, WITH_TCP
from tests.peers.rtpengine import Rtpengine

ONLY_TCP = AUDIO.partition(b"m=")[0] + WITH_TCP[len(AUDIO) :]
ALTERNATIVES = AUDIO + b"a=altc:1 IP4 10.0.0.1 4000\r\na=alt:1 1 : x y 10.0.0.1 4000\r\n"
RELAYED = AUDIO.replace(b"10.0.0.1", b"203.0.113.5").replace(b"4000", b"35000")


def offer(
    sdp: bytes, wish: TcpStreams = TcpStreams.OFF, *, guarded: bool = True, flags: tuple[bytes, ...] = ()
) -> Exchange:
    request: NgDict = {b"command": b"offer", b"from-tag": b"f", b"sdp": sdp, b"flags": list[NgValue](flags)}
    return RtpengineKind(wish).perform(
        Operation(verb=Verb.OFFER, relay_id=RelayId("c"), request=NodeRequest(request), guarded=guarded)
    )


def asked(exchange: Exchange) -> bytes:
    """Return the SDP that the node is asked to relay."""
    (command,) = next(exchange)
    request = decode(command)
    assert isinstance(request, dict)
    sdp = request[b"sdp"]
    assert isinstance(sdp, bytes)
    return sdp


def answered(exchange: Exchange, sdp: bytes) -> Told:
    """Return what is made of the node's reply with this SDP."""
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send([encode({b"result": b"ok", b"sdp": sdp})])
    return Told(end.value.value)


@pytest.mark.parametrize("sdp", [WITH_TCP, ALTERNATIVES])
def test_a_client_of_the_ng_door_has_its_sdp_as_it_is(sdp: bytes) -> None:
    assert asked(offer(sdp, guarded=False)) == sdp
    assert answered(offer(sdp, guarded=False), sdp)[b"sdp"] == sdp


def test_a_tcp_stream_is_switched_off_passed_or_refused_as_the_node_says() -> None:
    assert b"m=message 0 TCP/MSRP" in asked(offer(WITH_TCP))
    kept = asked(offer(WITH_TCP, TcpStreams.PASS))
    assert b"m=message 7000 TCP/MSRP *\r\nc=IN IP4 10.0.0.1\r\n" in kept
    with pytest.raises(Untranslatable, match="TCP/MSRP"):
        next(offer(WITH_TCP, TcpStreams.REFUSE))
    with pytest.raises(Untranslatable, match="TCP/MSRP"):
        next(offer(ONLY_TCP))


def test_alternative_addresses_are_not_told_to_the_node() -> None:
    assert asked(offer(ALTERNATIVES)) == AUDIO


@pytest.mark.parametrize(
    "line",
    [
        b"a=Candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n",
        b"a=candidate :1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n",
        b"a= remote-candidates:1 10.0.0.1 4000\r\n",
        b"a=ICE-ufrag:abcd\r\n",
        b"a=RTCP:4001 IN IP4 10.0.0.1\r\n",
        b"a=rtcp\t:4001 IN IP4 10.0.0.1\r\n",
        b"a=acap:1 candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n",
        b"a=acap:2 rtcp:4001 IN IP4 10.0.0.1\r\n",
    ],
)
def test_addresses_in_lines_that_the_node_does_not_know_are_not_told_to_it(line: bytes) -> None:
    known = b"a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\na=ice-lite\r\na=rtcp:4001\r\n"
    assert asked(offer(AUDIO + line + known)) == AUDIO + known


def test_what_the_node_relayed_goes_on() -> None:
    assert answered(offer(AUDIO), RELAYED) == {b"result": b"ok", b"sdp": RELAYED}


@pytest.mark.parametrize("given", [AUDIO, AUDIO.replace(b"4000", b"04000"), RELAYED + b"no line\r\n"])
def test_what_the_node_gave_back_as_it_was_does_not_go_on(given: bytes) -> None:
    reply = answered(offer(AUDIO), given)
    assert not reply.ok
    assert b"sdp" not in reply


@pytest.mark.parametrize(
    "given", [AUDIO.replace(b"4000", b"4002"), AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 10.0.0.2")]
)
def test_the_same_address_or_the_same_port_alone_is_chance(given: bytes) -> None:
    assert answered(offer(AUDIO), given).ok


def test_what_was_relayed_before_may_come_back_where_that_is_asked_for() -> None:
    assert answered(offer(AUDIO, flags=(b"loop-protect",)), AUDIO).ok


def test_a_held_stream_has_no_address_to_compare() -> None:
    held = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0")
    assert answered(offer(held), held).ok


@pytest.mark.parametrize("line", [b"a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n", b"a=ice-ufrag:a\r\n"])
def test_a_held_stream_with_candidates_has_addresses(line: bytes) -> None:
    held = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0") + line
    assert not answered(offer(held), held).ok
    assert answered(offer(held), held.replace(b"4000 RTP", b"35000 RTP")).ok


@pytest.mark.e2e
@pytest.mark.parametrize("address", [b"10.0.0.1", b"0.0.0.0"])
async def test_a_real_rtpengine_does_not_relay_messages(address: bytes) -> None:
    message = b"m=message 9 UDP *\r\na=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n"
    async with Rtpengine() as relay, relay.client() as client:
        exchange = offer(AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 " + address) + message)
        (command,) = next(exchange)
        with pytest.raises(StopIteration) as end:
            exchange.send([await client.exchange(command)])
        assert not Told(end.value.value).ok


@pytest.mark.e2e
@pytest.mark.parametrize(
    "stream",
    [
        b"m=message 7000 TCP/MSRP *\r\na=path:msrp://10.0.0.1:7000/x;tcp\r\n",
        b"m=application 7000 UDP/BFCP *\r\n",
        b"m=application 7000 UDP/FOO *\r\n",
        b"m=image 7000 udptl t38\r\n",
        b"m=application 7000 DTLS/SCTP 5000\r\n",
    ],
)
async def test_no_stream_passes_a_real_rtpengine(stream: bytes) -> None:
    async with Rtpengine() as relay, relay.client() as client:
        exchange = offer(AUDIO + stream)
        (command,) = next(exchange)
        with pytest.raises(StopIteration) as end:
            exchange.send([await client.exchange(command)])
        given = Told(end.value.value)[b"sdp"]
        assert isinstance(given, bytes)
        assert places(parse(given)).isdisjoint(places(parse(AUDIO + stream)))


def places(sdp: Sdp) -> set[tuple[bytes, int]]:
    """Return where the live streams are to be sent."""
    return {(sdp.address_of(stream).host, int(stream.port.text)) for stream in sdp.live_streams}
