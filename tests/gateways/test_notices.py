"""Timeout notices of relays: read from a socket, and what they do to the call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.commands.recovery import EndSilentSession
from actors.flows.media.wording import notice_tag
from actors.results import Done, Refused
from events.names import BranchId, CallId
from events.verb import Verb
from gateways.timeout_notices import listen
from tests.actors.simulation import Cluster

SDP = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


async def test_each_line_is_a_notice_and_garbage_is_none(tmp_path: Path) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    path = tmp_path / "notices.sock"
    async with listen(f"unix:{path}", lambda call_id, branch: heard.put_nowait((call_id, branch))):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(f"garbage\n\xff\n{notice_tag(CallId('a b@host'), BranchId('br1'))}\n".encode("latin-1"))
        assert await asyncio.wait_for(heard.get(), 10) == ("a b@host", "br1")
        writer.close()
        await writer.wait_closed()
    assert heard.empty()
    assert not path.exists()


@pytest.mark.parametrize(("ends_call", "status"), [(True, "ended"), (False, "live")])
def test_a_timeout_ends_the_call_or_the_branch_by_policy(ends_call: bool, status: str) -> None:
    cluster = Cluster(engine="rtpproxy", control_nodes=1)
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="br0", sdp=SDP)
    cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", branch="br0", sdp=SDP)
    for fake in cluster.rtpproxies.values():
        fake.sessions.clear()
    results: list[Done | Refused] = []
    command = EndSilentSession(
        call_id=CallId("c"), branch=BranchId("br0"), ends_call=ends_call, at=cluster.loop.now_ms()
    )

    async def tell() -> None:
        cluster.nodes[0].directory.submit(command, results.append)

    cluster.run(tell())
    cluster.after(1)
    assert [type(result) for result in results] == [Done]
    assert "media timed out" in cluster.events(CallId("c"))
    assert cluster.events(CallId("c"))[-1] == "deleted"
    assert cluster.state(CallId("c")).status == status
    cluster.check_no_leak()
    cluster.close()
