"""The scripts of examples/scripts do what they say, with real relays and media; only addresses are the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from events.registry import CallVariableSet, RelayEngaged
from tests.e2e.sip.calls import Scene, check_relayed, on_scene
from tests.e2e.sip.examples import (
    SCRIPTS,
    Hidden,
    accept,
    example,
    over,
    place_call,
    talk_directly,
    uri,
)
from tests.e2e.sip.stage import AGAIN, ENDED, PLAIN, Stage, database
from tests.e2e.stage import Relay, held
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import RtpEndpoint
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service, Value
from tests.peers.ua import UserAgent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
_DATABASES = count()


@pytest.fixture
def url(own_redis: RedisServer) -> str:
    """A journal of the test's own."""
    return database(own_redis, next(_DATABASES) % 15)


# -- one relay for all --


async def test_one_relay(url: str, relays: Mapping[str, Relay]) -> None:
    nodes = [Node("relay-1", relays["rtpengine"])]
    async with (
        Service(url, nodes, sip={"script": str(SCRIPTS / "one_relay.py")}) as service,
        on_scene(Stage(service, relays, "rtpengine")) as scene,
    ):
        call_id, call = await scene.establish()
        await call.talk()
        await over(call, "callee")
        assert await call.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


# -- NAT by source address --


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def core(
    own_redis: RedisServer, relays: Mapping[str, Relay], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    script = example("nat_by_source", tmp_path_factory.mktemp("nat"), {"192.0.2.0/24": f"{HOST}/32"})
    nodes = [Node("relay-1", relays["rtpengine"], set="edge")]
    settings = {"ng": {"set": "edge"}}
    async with Service(database(own_redis, 15), nodes, sip={"script": str(script)}, settings=settings) as service:
        yield Stage(service, relays, "rtpengine")


@pytest_asyncio.fixture(loop_scope="package")
async def nat(core: Stage) -> AsyncIterator[Stage]:
    yield core
    await core.clear()


def located(name: str, where: str) -> UserAgent:
    return Hidden(name) if where == "access" else UserAgent(name)


@BOTH
@pytest.mark.parametrize(("caller", "callee"), [("access", "core"), ("core", "access"), ("access", "access")])
async def test_nat_by_source(nat: Stage, caller: str, callee: str, by: str) -> None:
    async with located("caller", caller) as calling, located("callee", callee) as called:
        call_id, call = await Scene(nat, calling, [called]).establish()
        # Whoever is in the core got a Contact that leads to the other one, whatever that one says of itself.
        assert {call.caller.dialog.target, call.callee.dialog.target} == {calling.uri, called.uri}
        await call.talk()
        await over(call, by)
        assert await nat.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


@BOTH
async def test_nat_by_source_within_the_core(nat: Stage, by: str) -> None:
    """There is no relay in such a call; it is in the journal for its variable."""
    async with on_scene(nat) as scene:
        call_id, call = await scene.establish()
        await talk_directly(call)
        assert await nat.held() == 0
        await call.hang_up(by)
        await nat.nothing_is_left(call_id)
        events = [record.event for record in await nat.service.events(call_id)]
        assert CallVariableSet(variable="caller", value="core") in events
        assert not [event for event in events if isinstance(event, RelayEngaged)]


# -- serial fork --


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def both_sets(relays: Mapping[str, Relay]) -> AsyncIterator[Mapping[str, Relay]]:
    async with Rtpengine() as other:
        yield {"a": relays["rtpengine"], "b": other}


@pytest_asyncio.fixture(loop_scope="package")
async def gateways(url: str, both_sets: Mapping[str, Relay], tmp_path: Path) -> AsyncIterator[Scene]:
    """A caller, and as callees both gateways and voice mail."""
    async with (
        UserAgent("caller") as caller,
        UserAgent("a") as a,
        UserAgent("b") as b,
        UserAgent("voicemail") as voicemail,
    ):
        addresses = {
            "sip:gateway-a.example.org": uri(a.place),
            "sip:gateway-b.example.org": uri(b.place),
            "sip:voicemail.example.org": uri(voicemail.place),
        }
        sip: dict[str, Value] = {"script": str(example("serial_fork", tmp_path, addresses))}
        nodes = [Node(f"relay-{name}", relay, set=f"relays-{name}") for name, relay in both_sets.items()]
        async with Service(url, nodes, sip=sip, settings={"ng": {"set": "relays-a"}}) as service:
            stage = Stage(service, both_sets, "a")
            yield Scene(stage, caller, [a, b, voicemail])
            await stage.clear()


async def on_each(stage: Stage) -> list[int]:
    return [await held(relay) for relay in stage.relays.values()]


@pytest.mark.parametrize(("code", "by"), [(503, "caller"), (500, "callee")])
async def test_serial_fork_to_the_second_gateway(gateways: Scene, code: int, by: str) -> None:
    """The first one's relay is freed, and the call goes through one of the second one's."""
    a, b, _ = gateways.callees
    stage = Stage(gateways.stage.service, gateways.stage.relays, "b")
    sent = place_call(stage, gateways.caller)
    arrived = await a.request("INVITE")
    assert await on_each(stage) == [1, 0]
    check_relayed(gateways.stage, arrived.body)
    a.reply(arrived, code)
    call = await accept(stage, sent, await b.request("INVITE"), gateways.caller, b)
    await gateways.stage.holds(0)
    assert await on_each(stage) == [0, 1]
    await call.talk()
    await over(call, by)


async def test_serial_fork_to_voice_mail(gateways: Scene) -> None:
    """It is tried when the second gateway says that the callee does not answer."""
    a, b, voicemail = gateways.callees
    stage = Stage(gateways.stage.service, gateways.stage.relays, "b")
    sent = place_call(stage, gateways.caller)
    a.reply(await a.request("INVITE"), 503)
    b.reply(await b.request("INVITE"), 480)
    arrived = await voicemail.request("INVITE")
    assert str(arrived.request.uri) == "sip:bob@voicemail.example.org"
    call = await accept(stage, sent, arrived, gateways.caller, voicemail)
    await call.talk()
    await over(call, "caller")


async def test_serial_fork_where_nobody_answers(gateways: Scene) -> None:
    a, b, voicemail = gateways.callees
    sent = place_call(gateways.stage, gateways.caller)
    for callee, code in ((a, 503), (b, 486), (voicemail, 480)):
        callee.reply(await callee.request("INVITE"), code)
    await sent.response(480)
    await gateways.stage.nothing_is_left(sent.request.call_id)


async def test_serial_fork_leaves_the_callee_s_own_word(gateways: Scene) -> None:
    a, *_ = gateways.callees
    sent = place_call(gateways.stage, gateways.caller)
    a.reply(await a.request("INVITE"), 404)
    await sent.response(404)
    await gateways.stage.nothing_is_left(sent.request.call_id)


# -- an OpenSIPS script --


@pytest_asyncio.fixture(loop_scope="package")
async def phones(url: str, relays: Mapping[str, Relay], tmp_path: Path) -> AsyncIterator[Scene]:
    """A caller, and as callees the desk phone, the mobile phone and voice mail; the relay's set is a number."""
    async with (
        UserAgent("caller") as caller,
        UserAgent("desk") as desk,
        UserAgent("mobile") as mobile,
        UserAgent("voicemail") as voicemail,
    ):
        addresses = {
            '"sip:desk.example.org"': f'"{uri(desk.place)}"',
            '"sip:mobile.example.org"': f'"{uri(mobile.place)}"',
            '"sip:voicemail.example.org"': f'"{uri(voicemail.place)}"',
        }
        sip: dict[str, Value] = {"script": str(example("from_opensips", tmp_path, addresses))}
        nodes = [Node("relay-1", relays["rtpproxy"], set="1")]
        async with Service(url, nodes, sip=sip, settings={"ng": {"set": 1}}) as service:
            stage = Stage(service, relays, "rtpproxy")
            yield Scene(stage, caller, [desk, mobile, voicemail])
            await stage.clear()


@BOTH
async def test_from_opensips_the_mobile_phone_answers(phones: Scene, by: str) -> None:
    """Its branch has flags, and a header, of its own."""
    stage, (desk, mobile, _) = phones.stage, phones.callees
    sent = place_call(stage, phones.caller)
    to_desk, to_mobile = await desk.request("INVITE"), await mobile.request("INVITE")
    assert [bool(to.request.headers.get("Alert-Info")) for to in (to_desk, to_mobile)] == [False, True]
    check_relayed(stage, to_desk.body)
    desk.reply(to_desk, 180)
    await sent.response(180)
    call = await accept(stage, sent, to_mobile, phones.caller, mobile)
    await desk.request("CANCEL")
    await call.talk()
    await stage.holds(1)
    engaged, *_ = [
        record.event
        for record in await stage.service.events(sent.request.call_id)
        if isinstance(record.event, RelayEngaged)
    ]
    assert (engaged.engine, engaged.set) == ("rtpproxy", "1")
    await over(call, by)


async def test_from_opensips_voice_mail_takes_what_nobody_answers(phones: Scene) -> None:
    stage, (desk, mobile, voicemail) = phones.stage, phones.callees
    sent = place_call(stage, phones.caller)
    desk.reply(await desk.request("INVITE"), 480)
    mobile.reply(await mobile.request("INVITE"), 486)
    arrived = await voicemail.request("INVITE")
    assert str(arrived.request.uri) == "sip:bob@voicemail.example.org"
    call = await accept(stage, sent, arrived, phones.caller, voicemail)
    await call.talk()
    await over(call, "caller")


# -- the route engine --


async def test_route_engine(url: str, relays: Mapping[str, Relay]) -> None:
    """Audio goes from one to the other, and the caller's video is refused; there is no relay."""
    script = str(SCRIPTS / "route_engine.py")
    nodes, settings = [Node("relay-1", relays["rtpengine"])], {"route": {"script": script}}
    async with (
        Service(url, nodes, sip={"script": script}, settings=settings) as service,
        on_scene(Stage(service, relays, "route")) as scene,
        RtpEndpoint() as video,
    ):
        stream = f"m=video {video.address[1]} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        sent, (arrived,) = await scene.invite(sdp=scene.caller.sdp() + stream)
        assert arrived.body.decode() == scene.caller.sdp() + stream.replace(str(video.address[1]), "0", 1)
        answer = scene.callee.sdp() + "m=video 0 RTP/AVP 96\r\n"
        scene.callee.reply(arrived, 200, sdp=answer)
        call = await scene.accepted(sent, arrived, scene.callee)
        assert call.caller.hears.decode() == answer
        await talk_directly(call)
        assert await held(relays["rtpengine"]) == 0
        await call.hang_up("caller")
        await scene.stage.nothing_is_left(sent.request.call_id)
        told = await scene.stage.told(sent.request.call_id)
        assert [name for name in told if name != "answer intended"] == PLAIN + ENDED
