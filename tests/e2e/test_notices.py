"""A relay that ends a session for want of media says so, and the call hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtp_relay import RelayCall, open_relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

CONFIG = """
[journal]
url = "{redis}"
[[nodes]]
name = "proxy"
engine = "rtpproxy"
url = "{relay}"
[calls]
notices = "unix:{socket}"
on_media_timeout = "{policy}"
"""


async def names(call: RelayCall) -> list[str]:
    return [record.event.name for record in await call.history()]


@pytest.mark.parametrize(("policy", "status"), [("end", "ended"), ("session", "live")])
async def test_a_timeout_that_an_rtpproxy_tells_of_ends_the_call_or_its_session(
    policy: str, status: str, tmp_path: Path
) -> None:
    socket, config = tmp_path / "notices", tmp_path / "c.toml"
    async with RedisServer() as redis, Rtpproxy("-T", "1", "-n", f"unix:{socket}") as relay:
        text = CONFIG.format(redis=redis.url, relay=relay.url, socket=socket, policy=policy)
        config.write_text(text)
        async with open_relay(config) as system:
            call = system.call("timed-out@example.com")
            await call.rtp_relay().set(flags="n")
            await call.engage("rtpproxy")
            await call.offer(make_sdp(("127.0.0.1", 4000)), from_tag="a")
            await call.answer(make_sdp(("127.0.0.1", 5000)), from_tag="a", to_tag="b")

            async def told() -> bool:
                return (await names(call))[-1] == "deleted"

            await wait_until(told, "the relay's notice")
            assert "media timed out" in await names(call)
            assert (await call.state()).status == status
        assert await relay.sessions() == 0
