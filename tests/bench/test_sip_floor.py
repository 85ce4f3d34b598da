"""The floor takes of sockets, Redis and relay what the door does, and its messages are those of a proxy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.guard.limits import read_limits
from bench.sip.floor import relay, rows
from bench.sip.floor.journal import Journal, NoJournal
from bench.sip.floor.proxy import FloorProxy
from bench.sip.floor.relay import NoRelay
from tests.peers.datagram import Address
from tests.peers.redis_server import RedisServer

CALLER, FLOOR, CALLEE = ("127.0.0.1", 20001), ("127.0.0.1", 5060), ("127.0.0.1", 20002)
SDP = b"v=0\r\nm=audio 41000 RTP/AVP 8\r\n"
PARTS = ("sip.ringing", "sip.set-up", "sip.end")
CALL_ID = b"8-429@127.0.0.1"

DIALOG = b"""From: <sip:caller@127.0.0.1:20001>;tag=429caller8
To: <sip:callee@127.0.0.1:5060>%b
Call-ID: 8-429@127.0.0.1
CSeq: %b
"""
VIA = b"Via: SIP/2.0/UDP 127.0.0.1:20001;branch=z9hG4bK-%b\n"
OWN_VIA = b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-%b.floor;rport"
RECORDED = b"Record-Route: <sip:127.0.0.1:5060;lr>\n"
TAG = b";tag=428callee8"


class Socket(asyncio.DatagramTransport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, Address]] = []

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.sent.append((data, addr))


def lines(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


def with_sdp(text: bytes) -> bytes:
    return lines(b"%bContent-Type: application/sdp\nContent-Length: %d\n\n" % (text, len(SDP))) + SDP


def passed(message: bytes, source: Address) -> list[tuple[bytes, Address]]:
    """Return what the floor makes of a message without Redis and relay."""
    proxy, transport = FloorProxy(FLOOR, CALLEE, NoJournal(), NoRelay()), Socket()
    proxy.connection_made(transport)
    proxy.datagram_received(message, source)
    return transport.sent


def test_an_invite_is_passed_on_after_its_100() -> None:
    begin, dialog = b"INVITE sip:callee@127.0.0.1:5060 SIP/2.0\n", DIALOG % (b"", b"1 INVITE")
    contact = b"Contact: <sip:caller@127.0.0.1:20001>\nMax-Forwards: %d\n"
    trying, invite = passed(with_sdp(begin + VIA % b"1" + dialog + contact % 70), CALLER)
    assert trying == (lines(b"SIP/2.0 100 Trying\n" + VIA % b"1" + dialog + b"Content-Length: 0\n\n"), CALLER)
    head = begin + OWN_VIA % b"1" + b"\n" + VIA % b"1" + dialog + contact % 69
    length = b"Content-Type: application/sdp\n" + RECORDED + b"Content-Length: %d\n\n" % len(SDP)
    assert invite == (lines(head + length) + SDP, CALLEE)


@pytest.mark.parametrize("method", [b"ACK", b"BYE"])
def test_a_request_in_a_dialog_is_passed_on_to_its_uri(method: bytes) -> None:
    begin, dialog = method + b" sip:callee@127.0.0.1:20002 SIP/2.0\n", DIALOG % (TAG, b"2 " + method)
    route, end = b"Route: <sip:127.0.0.1:5060;lr>\n", b"Max-Forwards: %d\nContent-Length: 0\n\n"
    sent = passed(lines(begin + VIA % b"6" + route + dialog + end % 70), CALLER)
    assert sent == [(lines(begin + OWN_VIA % b"6" + b"\n" + VIA % b"6" + dialog + end % 69), CALLEE)]


@pytest.mark.parametrize("start", [b"180 Ringing", b"200 OK"])
def test_a_response_goes_back_without_the_own_via(start: bytes) -> None:
    begin, rest = b"SIP/2.0 %b\n" % start, DIALOG % (TAG, b"1 INVITE") + b"Content-Length: 0\n\n"
    via = OWN_VIA % b"1" + (VIA % b"1").replace(b"Via: ", b", ")
    assert passed(lines(begin + via + RECORDED + rest), CALLEE) == [
        (lines(begin + VIA % b"1" + RECORDED + rest), CALLER)
    ]


def counted(step: str) -> int:
    """Return what the guard lets a call through the door take of a step."""
    limits = read_limits()
    return sum(limits[part][step].number for part in PARTS)


def test_a_call_takes_as_many_steps_of_the_journal_as_the_door_takes() -> None:
    assert len(rows.rows()) == counted("appends") + counted("checks")
    assert counted("entries") == rows.ENTRIES


async def test_redis_is_sent_as_much_as_by_the_door() -> None:
    sent: list[bytes] = []
    journal = Journal()
    journal.connection_made(Written(sent))
    for step in range(len(rows.rows())):
        journal.write(step, CALL_ID, lambda: None)
        journal.data_received(b"*0\r\n")
    assert sum(map(len, sent)) == pytest.approx(counted("redis bytes"), rel=0.05)


class Written(asyncio.WriteTransport):
    def __init__(self, sent: list[bytes]) -> None:
        super().__init__()
        self._sent = sent

    def write(self, data: Any) -> None:
        self._sent.append(data)


def test_what_is_written_meanwhile_travels_together() -> None:
    sent: list[bytes] = []
    done: list[str] = []
    journal = Journal()
    journal.connection_made(Written(sent))
    journal.write(rows.OFFER, b"first", lambda: done.append("first"))
    journal.write(rows.OFFER, b"second", lambda: done.append("second"))
    journal.write(rows.OFFER, b"third", lambda: done.append("third"))
    assert (len(sent), done) == (1, [])
    journal.data_received(b"*0")
    assert (len(sent), done) == (1, [])
    journal.data_received(b"\r\n")
    assert (len(sent), done) == (2, ["first"])
    journal.data_received(b"*0\r\n")
    assert (len(sent), done) == (2, ["first", "second", "third"])


def test_a_session_description_is_the_one_that_the_relay_gave() -> None:
    asked, node = Socket(), relay.Relay()
    given: list[bytes] = []
    node.connection_made(asked)
    invite = with_sdp(b"INVITE sip:callee@127.0.0.1:5060 SIP/2.0\n" + VIA % b"1" + DIALOG % (b"", b"1 INVITE"))
    node.offer(invite, given.append)
    ((command, _),) = asked.sent
    cookie, _, request = command.partition(b" ")
    assert request == (
        b"d7:call-id15:8-429@127.0.0.17:command5:offer8:from-tag10:429caller813:received-froml3:IP49:127.0.0.1e"
        b"3:sdp%d:%b10:via-branch3:br0e" % (len(SDP), SDP)
    )
    node.datagram_received(cookie + b" d6:result2:ok3:sdp5:v=0\r\ne", None)
    node.datagram_received(cookie + b" d6:result2:oke", None)
    assert given == [b"v=0\r\n"]


@pytest.mark.e2e
async def test_redis_takes_all_entries_of_a_call_and_forgets_that_it_was_live() -> None:
    async with RedisServer(unix=True) as server, server.client() as client:
        journal = await Journal.connect(server.url)
        for step in range(len(rows.rows())):
            both = [asyncio.Event() for _ in range(2)]
            for number, done in enumerate(both):
                journal.write(step, b"call-%d" % number, done.set)
            await asyncio.gather(*(done.wait() for done in both))
        for call_id in ("call-0", "call-1"):
            assert await client.xlen(f"rtp-relay:{{0}}:s:{call_id}") == rows.ENTRIES
            assert await client.hexists("rtp-relay:{0}:ended", call_id)
        assert await client.exists("rtp-relay:{0}:live", "rtp-relay:{0}:due", "rtp-relay:{0}:on:relay") == 0
