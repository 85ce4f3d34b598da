"""Redis restarts, goes away, or forgets, in the midst of calls."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial

import pytest

from events.registry import TailLost
from tests.e2e.stage import CALLEE, CALLER, NgCall, Stage, on_stage
from tests.peers.bencode import NgDict
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Service, Table

pytestmark = pytest.mark.e2e

CALL = ["engaged", "offered", "answered"]
ENDED = ["delete wanted", "deleted"]

RESIDENT: dict[str, Table] = {"service": {"passivate_after": 3600}}
"""What a call that stays in memory remembers is what these tests are about."""

PASSIVE: dict[str, Table] = {"service": {"passivate_after": 0}}


@pytest.mark.parametrize("settings", [RESIDENT, PASSIVE], ids=["resident", "passive"])
@pytest.mark.parametrize("crash", [False, True], ids=["orderly", "crash"])
async def test_calls_go_on_over_a_restart_of_redis(settings: dict[str, Table], crash: bool) -> None:
    redis = RedisServer(appendonly=True, args=["--appendfsync", "always"])
    async with on_stage(Rtpengine(), redis=redis, settings=settings) as stage:
        talking, ringing = stage.call(), stage.call("call-2")
        await talking.establish(stage.client)
        await ringing.offer(stage.client)
        if crash:
            redis.kill()
        await redis.restart()
        await talking.still_talks()
        await talking.offer_again(stage.client)
        await talking.answer_again(stage.client)
        await ringing.answer(stage.client)
        for call in (talking, ringing):
            await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == [*CALL, "offer intended", "offered", "answered", *ENDED]
        assert await stage.events("call-2") == CALL + ENDED


async def test_without_redis_errors_are_clear_and_with_it_all_is_well_again() -> None:
    redis = RedisServer(appendonly=True, args=["--appendfsync", "always"])
    async with on_stage(Rtpengine(), redis=redis) as stage:
        call = stage.call()
        await call.establish(stage.client)
        redis.kill()
        await says_not_ready(stage)
        await call.still_talks()
        replies = await asyncio.gather(*(ask(stage, verb) for verb in ("offer", "answer", "delete")))
        assert [reply[b"result"] for reply in replies] == [b"error"] * 3
        assert all(str(reply[b"error-reason"]).startswith("b'Journal: ") for reply in replies)
        await redis.start()
        await says_ready(stage)
        await call.offer_again(stage.client)
        await call.answer_again(stage.client)
        await call.still_talks()
        await call.delete(stage.client)
        await stage.call("call-3").offer(stage.client)
        await stage.call("call-3").delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == [*CALL, "offer intended", "offered", "answered", *ENDED]


async def test_the_log_stays_short_while_redis_refuses_each_request() -> None:
    async with on_stage(Rtpengine(), settings=RESIDENT) as stage, stage.redis.client() as redis:
        await redis.config_set("min-replicas-to-write", "1")
        calls, sdp = [f"call-{number}" for number in range(40)], stage.media.caller.sdp()
        replies = await asyncio.gather(
            *(stage.client.command("offer", call_id=call, from_tag=CALLER, sdp=sdp) for call in calls)
        )
        reasons = {reply[b"error-reason"] for reply in replies}
        assert reasons == {b"Journal: Redis refuses: NOREPLICAS Not enough good replicas to write"}
        lines = logged(stage, "call left memory")
        assert 1 <= len(lines) <= 5
        assert max(map(len, lines)) < 300
        await asyncio.sleep(5)  # a status is told each two seconds
        await redis.config_set("min-replicas-to-write", "0")
        await wait_until(partial(has_logged, stage, "status published again"), "its status is known again")
        assert len(logged(stage, "status not published")) == len(logged(stage, "status published again")) == 1
        await stage.nothing_is_left()


def logged(stage: Stage, event: str) -> list[str]:
    return [line for line in (stage.service.folder / "log").read_text().splitlines() if event in line]


async def has_logged(stage: Stage, event: str) -> bool:
    return bool(logged(stage, event))


async def test_a_stop_while_calls_wait_for_redis_is_orderly() -> None:
    redis = RedisServer(appendonly=True)
    async with on_stage(Rtpengine(), redis=redis, settings={"service": {"shutdown_grace": 0.1}}) as stage:
        call = stage.call()
        redis.pause()
        asking = asyncio.create_task(call.offer(stage.client))
        await asyncio.sleep(0.2)  # it has come to the journal by then; if it has not, nothing is tested
        stage.service.terminate()

        async def gives_up() -> bool:
            return "calls were busy to the end" in stage.service.log()

        await wait_until(gives_up, "the grace is over")
        redis.resume()  # what the call waited for comes when its node is closed already
        assert await stage.service.ended(20) == 0
        await stage.service.start()
        await asking
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def ask(stage: Stage, verb: str) -> NgDict:
    """Send a command of some other call through a client of its own."""
    sdp = stage.media.caller.sdp()
    async with stage.service.client() as client:
        return await client.command(verb, call_id=f"other-{verb}", from_tag=CALLER, to_tag=CALLEE, sdp=sdp)


async def says_not_ready(stage: Stage) -> None:
    async def not_ready() -> bool:
        return await stage.client.command("ping") == {b"result": b"error", b"error-reason": b"Not ready"}

    await wait_until(not_ready, "a ping is answered that the service is not ready")


async def says_ready(stage: Stage) -> None:
    await wait_until(stage.service.ready, "a ping is answered with pong")


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_what_redis_forgot_altogether_is_remembered_and_freed_at_the_calls_end(
    relay: type[Rtpengine | Rtpproxy],
) -> None:
    async with on_stage(relay(), settings=RESIDENT) as stage:
        call = stage.call()
        await call.establish(stage.client)
        async with stage.redis.client() as redis:
            await redis.flushall()
        await call.offer_again(stage.client)
        await call.answer_again(stage.client)
        await call.still_talks()
        await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == [*CALL, "tail lost", "offer intended", "offered", "answered", *ENDED]


async def test_a_session_of_which_redis_came_back_without_a_word_is_adopted_and_freed() -> None:
    async with on_stage(Rtpproxy(), settings=RESIDENT) as stage:
        before, after = stage.call(branch="branch-1"), stage.call(branch="branch-2")
        await before.offer(stage.client)
        await come_back_with_the_past_after(stage, after)
        assert await stage.held() == 2
        await after.answer(stage.client)
        await after.talk()
        await after.delete(stage.client)
        await stage.nothing_is_left()
        records = await stage.service.events("call-1")
        assert [record.event for record in records if isinstance(record.event, TailLost)] == [TailLost(known=4)]


async def come_back_with_the_past_after(stage: Stage, call: NgCall) -> None:
    """Restart Redis as it was before the offer of `call`."""
    data = stage.redis.folder / "dump.rdb"
    past = data.with_name("past.rdb")
    async with stage.redis.client() as redis:
        await redis.save()
    shutil.copy(data, past)
    await call.offer(stage.client)
    stage.redis.kill()
    shutil.copy(past, data)
    await stage.redis.start()


async def test_a_delete_that_redis_forgot_is_done_when_the_client_repeats_it() -> None:
    async with on_stage(Rtpengine(), settings=RESIDENT) as stage:
        call = stage.call()
        await call.establish(stage.client)
        async with stage.redis.client() as redis:
            await redis.save()
        await call.delete(stage.client)
        stage.redis.kill()
        await stage.redis.start()
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_what_another_control_node_wrote_in_place_of_what_redis_forgot_is_seen() -> None:
    """As many entries: the session of which they tell is not known to whom the client asks to end the call."""
    async with on_stage(Rtpproxy(), settings=RESIDENT) as stage:
        nodes = stage.service.nodes
        async with Service(stage.redis.url, nodes, name="control-2") as other, other.client() as client:
            call = stage.call()
            await call.establish(stage.client)
            async with stage.redis.client() as redis:
                await redis.save()
            await call.offer_again(stage.client)
            known = await stage.service.events("call-1")
            stage.redis.kill()
            await stage.redis.start()
            sdp = stage.media.caller.sdp()
            reply = await client.command("offer", call_id="call-1", from_tag="another", sdp=sdp)
            assert reply[b"result"] == b"ok"
            there = await stage.service.events("call-1")
            assert len(there) == len(known)
            assert there != known
            assert await stage.held() == 2
            await call.delete(stage.client)
            await stage.client.command("delete", call_id="call-1", from_tag="another")
            await stage.nothing_is_left()
            assert "tail lost" in await stage.events()
