"""A control node in this process, between a Redis and a relay that are processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.children import NODE, FakeRelay, Journal
from bench.options import DeleteReply, Durability
from rtp_relay.config.load import parse
from rtp_relay.service import Service
from tests.peers.ports import HOST


@asynccontextmanager
async def control_node(sip: str = "") -> AsyncIterator[Service]:
    """Start a control node; `sip` are the lines of its configuration's section of that name, which opens that door."""
    async with Journal(Durability.MEMORY) as redis, FakeRelay(DeleteReply.FULL) as relay:
        service = Service(parse(_configuration(redis, relay, sip), redis.folder / "rtp-relay.toml"))
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


def _configuration(redis: Journal, relay: FakeRelay, sip: str) -> str:
    door = f'[sip]\nlisten = ["udp:{HOST}:0"]\n{sip}' if sip else ""
    return f"""\
[service]
name = "guard"
state_dir = "{redis.folder}"
log_level = "warning"
shutdown_grace = 0
[journal]
url = "{redis.journal_url}"
[ng]
listen = ["udp:{HOST}:0"]
[http]
listen = []
[[nodes]]
name = "{NODE}"
engine = "rtpengine"
url = "udp:{HOST}:{relay.port}"
{door}
"""
