"""The parts that the demonstration is made of."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from engines.ng.bencode import decode, encode
from rtp_relay.demo.ng_client import NgClient, NoReplyError
from rtp_relay.demo.party import MediaParty, _mu_law
from rtp_relay.demo.report import Report, StepResult
from rtp_relay.demo.sdp import describe, media_address
from tests.peers.datagram import DatagramSocket
from tests.peers.rtp import media_address as peers_media_address


def test_sdp_says_where_media_are_taken() -> None:
    sdp = describe(("127.0.0.1", 4000), version=2)
    assert media_address(sdp) == peers_media_address(sdp) == ("127.0.0.1", 4000)


@pytest.mark.parametrize("sdp", [b"", b"c=IN IP4 127.0.0.1\r\n", b"m=audio 0 RTP/AVP 0\r\nc=IN IP4 127.0.0.1\r\n"])
def test_sdp_that_does_not_say_it(sdp: bytes) -> None:
    with pytest.raises(ValueError, match="does not say"):
        media_address(sdp)


@pytest.mark.parametrize(
    ("sample", "code"),
    [(0, 0xFF), (-1, 0x7F), (8000, 0xA0), (-8000, 0x20), (32767, 0x80), (-32768, 0x00)],
)
def test_mu_law(sample: int, code: int) -> None:
    assert _mu_law(sample) == code


async def test_parties_hear_each_other_and_know_strangers() -> None:
    caller, callee = await MediaParty.open("caller", pitch=400), await MediaParty.open("callee", pitch=1000)
    caller.listen_for(callee)
    callee.listen_for(caller)
    caller.talk_to(callee.address)
    callee.talk_to(caller.address)
    async with asyncio.timeout(10):
        await asyncio.gather(caller.hear(3), callee.hear(3))
    assert (set(caller.heard), caller.strange) == ({callee.address}, 0)
    async with DatagramSocket() as stranger:
        stranger.send(bytes(172), caller.address)
        async with asyncio.timeout(10):
            while not caller.strange:
                await caller.hear(1)
    assert set(caller.heard) == {callee.address}
    await caller.close()
    await callee.close()


async def test_packets_are_rtp() -> None:
    party = await MediaParty.open("caller", pitch=400)
    async with DatagramSocket() as listener:
        party.talk_to(listener.address)
        async with asyncio.timeout(10):
            first, second = [(await listener.received.get())[0] for _ in range(2)]
    await party.close()
    assert (first[:2], len(first)) == (b"\x80\x00", 172)
    assert first[8:12] == second[8:12] == party.ssrc.to_bytes(4)
    assert (int.from_bytes(second[2:4]) - int.from_bytes(first[2:4])) % 2**16 == 1
    assert (int.from_bytes(second[4:8]) - int.from_bytes(first[4:8])) % 2**32 == 160
    assert first[12:] == second[12:]


async def test_the_client_repeats_itself_under_one_cookie() -> None:
    async with DatagramSocket() as door:
        client = await NgClient.open(door.address)
        asking = asyncio.create_task(client.ask("ping", {"call_id": b"c"}))
        first, sender = await door.received.get()
        second, _ = await door.received.get()
        assert first == second
        cookie, _, body = first.partition(b" ")
        assert decode(body) == {b"command": b"ping", b"call-id": b"c"}
        door.send(b"another " + encode({b"result": b"error"}), sender)
        door.send(cookie + b" " + encode({b"result": b"pong"}), sender)
        assert await asking == {b"result": b"pong"}
        client.close()


@pytest.mark.parametrize("body", [b"garbage", b"le"])
async def test_a_reply_that_is_none(body: bytes) -> None:
    async with DatagramSocket() as door:
        client = await NgClient.open(door.address)
        asking = asyncio.create_task(client.ask("ping", {}))
        request, sender = await door.received.get()
        door.send(request.partition(b" ")[0] + b" " + body, sender)
        with pytest.raises(NoReplyError, match="the reply"):
            await asking
        client.close()


async def test_no_reply() -> None:
    async with DatagramSocket() as door:
        client = await NgClient.open(door.address)
        with pytest.raises(NoReplyError, match=r"no reply to ping within 0.5 s"):
            await client.ask("ping", {}, tries=1)
        client.close()


def test_the_report_for_programs() -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        report = Report(as_json=True)
        checks = [StepResult("one", True, "well"), StepResult("two", False, "nothing\x1b")]
        report.tell(checks[1])
        report.conclude("call", checks, 3, [], Path("/folder"))
    document = json.loads(out.getvalue())
    assert (document["ok"], document["expected"], document["folder"]) == (False, 3, "/folder")
    assert document["checks"][1] == {"name": "two", "ok": False, "found": "nothing\x1b"}
    assert "FAILED  two: nothing\\x1b" in err.getvalue()
    assert "1 of 3 checks passed: the demonstration has FAILED" in err.getvalue()


def test_the_report_for_people() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        report = Report(as_json=False)
        report.tell(StepResult("one", True, "well"))
        report.conclude("call", [StepResult("one", True, "well")], 1, [], None)
    assert out.getvalue().split("\n") == ["ok      one: well", "1 of 1 checks passed", ""]
