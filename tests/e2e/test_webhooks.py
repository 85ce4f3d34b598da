"""What happens to calls, told to a receiver: through a crash of the control node, and by two that share the work."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from rtp_relay.assembly.webhooks import UNSENT
from tests.e2e.stage import NgCall
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service
from tests.peers.webhooks import Receiver, receiving

pytestmark = pytest.mark.e2e

SECRET = b"a secret that nobody knows"
WANTED = ["engaged", "offered", "answered", "delete wanted", "deleted"]


async def test_webhooks_survive_the_death_of_a_control_node(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    secret.chmod(0o600)
    async with receiving(SECRET) as receiver, RedisServer() as redis, Rtpengine() as relay, Parties() as media:
        settings = {
            "events": {
                "webhook": [receiver.url],
                "webhook_events": WANTED,
                "webhook_secret_file": str(secret),
            }
        }
        nodes = [Node("relay-1", relay)]
        call, other = NgCall("first@example.com", media), NgCall("second@example.com", media)
        receiver.status = lambda _: 503
        async with Service(redis.url, nodes, settings=settings) as first:  # type: ignore[arg-type]
            async with first.client() as client:
                await call.offer(client)
                await call.answer(client)
            await receiver.until(lambda: receiver.attempts, "it is tried")
            await wait_until(partial(_are_kept, redis, len(WANTED[:3])), "what was journalled is in the outbox")
            first.kill()
            async with Service(redis.url, nodes, name="control-2", settings=settings) as second:  # type: ignore[arg-type]
                receiver.status = lambda _: 200
                await receiver.until(lambda: receiver.events(call.call_id) == WANTED[:3], "the other one sends")
                await first.restart()
                async with first.client() as client, second.client() as another:
                    await other.offer(client)
                    await other.answer(another)
                    await other.delete(client)
                    await call.delete(another)
                for one in (call, other):
                    stands = [
                        (record.version, record.event.name)
                        for record in await first.events(one.call_id)
                        if record.event.name in WANTED
                    ]
                    await receiver.until(partial(_were_told, receiver, one.call_id, stands), "all of it is told")
        assert all("v=0" not in str(document) for document in receiver.taken)


async def _are_kept(redis: RedisServer, number: int) -> bool:
    """Return whether the only outbox has so many letters, and runs out.

    One that its control node had no time to put in is lost.
    """
    async with Redis.from_url(redis.url) as client:
        boxes = [key async for key in client.scan_iter("*out:webhook:*", _type="stream")]
        return bool(boxes) and await client.xlen(boxes[0]) == number and await client.ttl(boxes[0]) > UNSENT


def _were_told(receiver: Receiver, call_id: str, stands: list[tuple[int, str]]) -> bool:
    told = [(one["version"], one["event"]) for one in receiver.taken if one["call_id"] == call_id]
    return sorted(told) == stands  # two control nodes wrote it
