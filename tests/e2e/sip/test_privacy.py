"""A call between numbers, as its operators see it, and what is left of it when it is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from events.codec import Codec
from events.journal import CorruptEntry
from events.names import CallId
from events.redis import RedisJournal
from events.redis.keys import Keys, to_bytes
from events.secrets import Keyring
from tests.e2e.sip.calls import Scene
from tests.e2e.sip.stage import AS_ASKED, Stage, database
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service, Table
from tests.peers.ua import UserAgent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

CALLER, CALLEE = "4930123456789", "4940987654321"
KEY = bytes(range(32))


async def test_operators_see_no_number_and_a_forgotten_call_cannot_be_read(
    own_redis: RedisServer, relays: Mapping[str, Relay], tmp_path: Path
) -> None:
    file = tmp_path / "journal.key"
    file.touch(mode=0o600)
    file.write_text(KEY.hex())
    settings: Mapping[str, Table] = {
        "journal": {"encryption_key_files": [str(file)], "call_keys": "parties"},
        "privacy": {"numbers": "partly"},
        "service": {"log_level": "debug"},
    }
    url, nodes = database(own_redis, 5), [Node("rtpproxy-1", relays["rtpproxy"])]
    async with (
        Service(url, nodes, settings=settings, sip={"script": str(AS_ASKED)}) as service,
        UserAgent("caller") as caller,
        UserAgent("callee") as callee,
    ):
        caller.user, callee.user = CALLER, CALLEE
        scene = Scene(Stage(service, relays, "rtpproxy"), caller, [callee], "udp")
        call_id, call = await scene.establish()
        await call.talk()
        await call.hang_up("caller")

        of = Keys("rtp-relay").partition(to_bytes(call_id))
        async with own_redis.client() as client:
            await client.select(5)

            async def has_ended() -> bool:
                return bool(await client.hexists(of.ended, call_id))

            await wait_until(has_ended, "the call is among the ended ones")
            _, history, _ = await service.run("history", call_id, "--sdp", "--json")
            _, found, _ = await service.run("search", "--party", CALLER, "--json")
            for told in (history, found, service.log(100_000)):
                assert call_id in told
                assert f"sip:{CALLER[:-4]}xxxx@" in told
                assert CALLER not in told
                assert CALLEE not in told

            stream, keys = of.stream(to_bytes(call_id)), of.keys(to_bytes(call_id))
            copy = await client.dump(stream)
            assert copy is not None
            assert CALLER.encode() not in copy
            assert await client.hlen(keys) == 1
            await client.zadd(of.ended_at, {call_id: 1})  # as if that was long ago
            assert (await service.run("forget", call_id))[1] == "1 call removed\n"
            assert await client.exists(stream, keys) == 0
            await client.restore(stream, 0, copy)
            journal = await RedisJournal.open(url, codec=Codec(Keyring([KEY])), call_keys=True)
            with pytest.raises(CorruptEntry, match="forgotten, or lost"):
                await journal.read(CallId(call_id))
            await journal.close()
            await client.delete(stream)
