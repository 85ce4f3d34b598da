"""A call through each door, as Homer's collectors get to see it: over UDP and TCP alike."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateways.hep.packet import Agent, Captured, Kind, encode
from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.stage import AS_ASKED
from tests.e2e.sip.stage import Stage as SipStage
from tests.e2e.stage import NgCall
from tests.peers import hep
from tests.peers.datagram import DatagramSocket
from tests.peers.hep import Collector, Packet, collecting
from tests.peers.kamailio import Kamailio
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service

pytestmark = pytest.mark.e2e

CONFIG = Path(__file__).parent / "hep" / "kamailio.cfg"
SIP, QUALITY, NG, EVENT = 1, 34, 61, 100
CALL_ID = "captured@example.com"


def routes(packets: list[Packet], *ports: int) -> list[tuple[int, bool]]:
    """Return which of the ports has to do with each packet, and whether it came from there."""
    ends = [(packet.source, packet.destination) for packet in packets]
    assert all(host == HOST for pair in ends for host, _ in pair)
    return [(port, pair[0][1] == port) for pair in ends for port in ports if port in (pair[0][1], pair[1][1])]


async def test_what_collectors_see_of_calls(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("let me in\n")
    key.chmod(0o600)
    async with (
        collecting() as udp,
        collecting(tcp=True) as tcp,
        RedisServer() as redis,
        Rtpengine(delete_delay=1) as relay,
    ):
        settings = {
            "hep": {
                "collectors": [f"udp:{HOST}:{udp.port}", f"tcp:{HOST}:{tcp.port}"],
                "capture_id": 77,
                "key_file": str(key),
            }
        }
        nodes = [Node("relay-1", relay)]
        script = {"script": str(AS_ASKED)}
        async with (
            Service(redis.url, nodes, settings=settings, sip=script) as service,  # type: ignore[arg-type]
            service.client() as client,
            service.client(tcp=True) as stream,
            Parties() as media,
        ):
            await tcp.until(lambda: tcp.connections, "it connects")
            call = NgCall(CALL_ID, media)
            began = time.time()
            await call.offer(client)
            await call.answer(stream)
            await call.talk()
            await call.delete(client)
            for collector in (udp, tcp):
                await collector.until(lambda c=collector: _is_whole(c), "the call is captured")  # type: ignore[misc]
            assert all(began - 1 < packet.at < time.time() + 1 for packet in udp.of(NG, CALL_ID))
            _check_ng(udp.of(NG, CALL_ID), service.port, relay.port)
            _check_events(udp, [record.event.name for record in await service.events(CALL_ID)])

            sip_stage = SipStage(service, {"rtpengine": relay}, "rtpengine")
            async with on_scene(sip_stage) as scene:
                sip_id, established = await scene.establish()
                await established.hang_up("caller")
                await udp.until(lambda: len(udp.of(SIP, sip_id)) >= 12, "the messages are captured")
                _check_sip(udp.of(SIP, sip_id), service.sip_port)
        said = {(packet.number(0x0C), packet.chunks[0x0E], packet.chunks[0x13]) for packet in udp.packets}
        assert said == {(77, b"let me in", b"control-1")}
        assert sorted(tcp.raw) == sorted(udp.raw)


def _is_whole(collector: Collector) -> bool:
    events = [packet.document["event"] for packet in collector.of(EVENT, CALL_ID)]
    return "deleted" in events and len(collector.of(NG, CALL_ID)) >= 14


def _check_ng(packets: list[Packet], door: int, relay: int) -> None:
    """Three requests and their replies, each at the door and at the relay, which is queried before the delete, too."""
    ports = [door] * 3 + [relay] * 4
    assert sorted(routes(packets, door, relay)) == sorted((port, came) for port in ports for came in (False, True))
    at_door = [packet for packet in packets if door in (packet.source[1], packet.destination[1])]
    assert [packet.network for packet in at_door] == [17, 17, 6, 6, 17, 17]
    asked = [packet for packet in at_door if packet.destination[1] == door]
    assert [b"5:offer" in one.payload or b"6:answer" in one.payload or b"6:delete" in one.payload for one in asked]
    for packet in packets:
        cookie, _, body = packet.payload.partition(b" ")
        assert cookie
        assert body[:1] == b"d"


def _check_events(collector: Collector, journalled: list[str]) -> None:
    documents = [packet.document for packet in collector.of(EVENT, CALL_ID)]
    assert [one["event"] for one in documents] == journalled
    assert [one["version"] for one in documents] == list(range(1, len(documents) + 1))
    assert all(b"\n" not in packet.payload for packet in collector.of(EVENT, CALL_ID))
    assert {one["call_id"] for one in documents} == {CALL_ID}
    reports = [packet.document for packet in collector.of(QUALITY, CALL_ID)]
    assert {report["PARTY"] for report in reports} == {"caller", "callee"}
    assert all(report["TOTAL_PK"] > 0 and report["RTP_SIP_CALL_ID"] == CALL_ID for report in reports), json.dumps(
        reports
    )


def _check_sip(packets: list[Packet], door: int) -> None:
    """Every message that came was seen once as it came and once as it left, but for what a proxy answers itself."""
    assert all(packet.network == 17 for packet in packets)
    came = [packet.payload.split(b"\r\n")[0] for packet in packets if packet.destination == (HOST, door)]
    left = [packet.payload.split(b"\r\n")[0] for packet in packets if packet.source == (HOST, door)]
    assert len(came) + len(left) == len(packets)
    for method in (b"INVITE", b"ACK", b"BYE"):
        assert [line.split()[0] for line in came].count(method) == [line.split()[0] for line in left].count(method) == 1
    assert b"SIP/2.0 200 OK" in came
    assert b"SIP/2.0 200 OK" in left


async def test_a_collector_of_others_reads_what_is_sent(tmp_path: Path) -> None:
    """Kamailio's module `sipcapture`."""
    v4, v6 = (("192.0.2.1", 5060), ("192.0.2.2", 5061)), (("2001:db8::1", 5060), ("2001:db8::2", 5061))
    sent = [(Kind.SIP, v4), (Kind.SIP, v6), (Kind.NG, v4)]
    async with Kamailio(CONFIG, {"DATABASE": f'"text://{tmp_path}"'}) as kamailio, DatagramSocket() as sock:
        for number, (kind, ends) in enumerate(sent):
            captured = Captured(kind, b"1 d7:command4:pinge", 1, *ends, correlation=b"call-%d" % number)
            sock.send(encode(captured, Agent(77, b"control-1", b"secret"))[0], kamailio.address)

        async def read() -> bool:
            return kamailio.log(1000).count("read: ") == len(sent)

        await wait_until(read, "Kamailio has read them")
        lines = [line.rpartition("read: ")[2] for line in kamailio.log(1000).splitlines() if "read: " in line]
    assert lines == [
        f"3 {source[0]} {source[1]} {destination[0]} {destination[1]} {int(kind)} 77 call-{number} secret"
        for number, (kind, (source, destination)) in enumerate(sent)
    ]


def test_the_decoder_refuses_what_the_specification_does_not_allow() -> None:
    good = bytes.fromhex("48455033000c00000001000702")
    for broken in (good, good[:-1], b"HEP2" + good[4:]):
        with pytest.raises(AssertionError):
            hep.decode(broken)
