"""Calls that real relays have had, replayed against others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import CALLEE, CALLER, Stage, held, on_stage
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

SECURE = (
    b"v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0 8 101\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw\r\n"
)


def against(path: Path, engine: str, url: str) -> str:
    """Write a configuration with one node; return its path."""
    path.write_text(f'[[nodes]]\nname = "new"\nengine = "{engine}"\nurl = "{url}"\ntimeout = 0.5\n')
    return str(path)


async def replayed(stage: Stage, *words: str) -> tuple[int, dict[str, Any]]:
    """Return how a replay ended, and its report."""
    code, output, complaint = await stage.service.run("replay", *words, "--json")
    assert output, complaint
    report: dict[str, Any] = json.loads(output)
    return code, report


async def place_calls(stage: Stage) -> None:
    """Have a plain call with a re-INVITE, and one with SDES whose callee has none and no ICE."""
    plain = stage.call("plain")
    await plain.offer(stage.client)
    await plain.answer(stage.client)
    await plain.offer_again(stage.client)
    await plain.answer_again(stage.client)
    await plain.delete(stage.client)
    names = {"call_id": "secure", "from_tag": CALLER}
    client = stage.client
    await client.command("offer", sdp=SECURE, transport_protocol="RTP/AVP", ICE="remove", **names)
    await client.command("answer", sdp=stage.media.callee.sdp(), to_tag=CALLEE, ICE="remove", **names)
    await client.command("delete", **names)


def told(report: dict[str, Any], call_id: str) -> set[tuple[str, str]]:
    """Return what differs in a call: the aspect, and what of it."""
    return {(one["aspect"], one["what"]) for one in report["by_call"].get(call_id, [])}


async def test_against_the_same_another_and_a_dead_relay(tmp_path: Path) -> None:
    async with on_stage(Rtpengine()) as stage, Rtpproxy() as rtpproxy, Rtpengine() as dead:
        await place_calls(stage)
        await stage.nothing_is_left()
        same = str(stage.service.config)
        code, report = await replayed(stage, "--against", same)
        assert (code, report["calls"], report["by_call"], report["left"]) == (0, 2, {}, [])
        assert report["operations"] >= 8
        assert await stage.held() == 0

        archive = tmp_path / "calls.jsonl"
        assert (await stage.service.run("export", "--to", str(archive)))[0] == 0
        code, report = await replayed(stage, str(archive), "--against", same)
        assert (code, report["calls"], report["by_call"], report["left"]) == (0, 2, {}, [])

        other = against(tmp_path / "other.toml", "rtpproxy", rtpproxy.url)
        code, report = await replayed(stage, "--against", other)
        assert code == 1
        assert ("crypto", "SDES suites") in told(report, "secure")
        assert ("media", "transport") in told(report, "secure")
        assert not {aspect for aspect, _ in told(report, "plain")} & {"error", "crypto", "ice", "codecs"}
        assert report["left"] == []
        assert await held(rtpproxy) == 0

        none = against(tmp_path / "none.toml", "rtpengine", dead.url)
        dead.kill()
        code, report = await replayed(stage, "plain", "--against", none)
        assert (code, told(report, "plain")) == (1, {("error", "offer")})
        assert [left["node"] for left in report["left"]] == ["new"]  # nobody can say that it is gone
        assert await stage.held() == 0
