"""The scripts of examples/scripts that want TLS do what they say: the parallel fork, and SRTP to RTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Call, Scene, check_relayed
from tests.e2e.sip.doors import Doors, contexts, listening, places
from tests.e2e.sip.examples import (
    CALLED,
    Browser,
    Encrypting,
    accept,
    example,
    over,
    place_call,
    protocol,
    uri,
)
from tests.e2e.sip.stage import database
from tests.e2e.stage import Relay
from tests.gateways.sip.transport.certificates import Authority
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service
from tests.peers.ua import Arrived, Sent, Tls, UserAgent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
_DATABASES = count()


@pytest.fixture
def url(own_redis: RedisServer) -> str:
    """A journal of the test's own."""
    return database(own_redis, next(_DATABASES) % 16)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    return contexts(authority, authority.certify(HOST))


@asynccontextmanager
async def secured(url: str, script: Path, relays: Mapping[str, Relay], authority: Authority) -> AsyncIterator[Doors]:
    """Return a stage with TLS whose door has that script."""
    ports = PortBlock()
    ports.reserve()
    try:
        doors = {key: place for key, place in places(ports).items() if key[1] == HOST}
        sip = listening(doors, authority, authority.certify(HOST)) | {"script": str(script)}
        async with Service(url, [Node("relay-1", relays["rtpengine"])], sip=sip) as service:
            stage = Doors(service, relays, "rtpengine", doors)
            yield stage
            await stage.clear()
    finally:
        ports.release()


@pytest_asyncio.fixture(loop_scope="package")
async def fork(
    url: str, relays: Mapping[str, Relay], authority: Authority, tls: Tls, tmp_path: Path
) -> AsyncIterator[Scene]:
    """A caller, and as callees a desk phone and a browser."""
    async with (
        UserAgent("caller") as caller,
        UserAgent("phone") as phone,
        Browser("browser", "tls", tls=tls) as browser,
    ):
        addresses = {
            "sip:phones.example.org": uri(phone.place),
            "sip:browsers.example.org;transport=tls": uri(browser.place),
        }
        script = example("parallel_fork", tmp_path, addresses)
        async with secured(url, script, relays, authority) as stage:
            yield Scene(stage, caller, [phone, browser])


async def ring(fork: Scene) -> tuple[Sent, Arrived, Arrived]:
    """Call, and see that each callee gets what it needs."""
    sent = place_call(fork.stage, fork.caller)
    at_phone, at_browser = [await callee.request("INVITE") for callee in fork.callees]
    check_relayed(fork.stage, at_phone.body)
    assert (protocol(at_phone.body), protocol(at_browser.body)) == (b"RTP/AVP", b"UDP/TLS/RTP/SAVPF")
    alerts = [arrived.request.headers.getlist("Alert-Info") for arrived in (at_phone, at_browser)]
    assert alerts == [["<urn:alert:source:internal>"], []]
    for word in (b"a=ice-ufrag:", b"a=candidate:", b"a=fingerprint:"):
        assert word in at_browser.body
        assert word not in at_phone.body
    return sent, at_phone, at_browser


@BOTH
async def test_parallel_fork_where_the_phone_answers(fork: Scene, by: str) -> None:
    phone, browser = fork.callees
    sent, at_phone, at_browser = await ring(fork)
    browser.reply(at_browser, 180)
    call = await accept(fork.stage, sent, at_phone, fork.caller, phone)
    await browser.request("CANCEL")
    await call.talk()
    await over(call, by)


@BOTH
async def test_parallel_fork_where_the_browser_answers(fork: Scene, by: str) -> None:
    """To the caller it is a plain call; a new offer for the browser is one for a browser, too."""
    phone, browser = fork.callees
    sent, at_phone, at_browser = await ring(fork)
    phone.reply(at_phone, 180)
    call = await accept(fork.stage, sent, at_browser, fork.caller, browser)
    await phone.request("CANCEL")
    for again in ("caller", "callee"):
        assert protocol(call.caller.hears) == b"RTP/AVP"
        assert b"a=fingerprint:" not in call.caller.hears
        assert b"a=candidate:" not in call.caller.hears
        check_relayed(fork.stage, call.caller.hears)
        await call.reinvite(again)
        assert protocol(call.callee.hears) == b"UDP/TLS/RTP/SAVPF"
        assert b"a=candidate:" in call.callee.hears
    await call.hang_up(by)
    await fork.stage.nothing_is_left(sent.request.call_id)


@pytest_asyncio.fixture(loop_scope="package")
async def gateway(
    url: str, relays: Mapping[str, Relay], authority: Authority, tmp_path: Path
) -> AsyncIterator[tuple[Doors, UserAgent]]:
    async with UserAgent("gateway") as callee:
        script = example("srtp_to_rtp", tmp_path, {"sip:gateway.example.org": uri(callee.place)})
        async with secured(url, script, relays, authority) as stage:
            yield stage, callee


@BOTH
async def test_srtp_to_rtp(gateway: tuple[Doors, UserAgent], tls: Tls, by: str) -> None:
    """What the caller hears was encrypted for it, and what the gateway hears is in the clear."""
    stage, callee = gateway
    async with Encrypting("caller", tls) as caller:
        sent = caller.invite(CALLED, stage.place("tls"), sdp=caller.sdp())
        call = await accept(stage, sent, await callee.request("INVITE"), caller, callee)
        await speak(call, caller)
        for again in ("caller", "callee"):
            await call.keeps_its_ports(again)
            await speak(call, caller)
        await call.hang_up(by)
        await stage.nothing_is_left(call.caller.dialog.call_id)


async def speak(call: Call, caller: Encrypting) -> None:
    """Talk, the caller with the keys that it was given last; see what both were told, and what both hear."""
    assert (protocol(call.caller.hears), protocol(call.callee.hears)) == (b"RTP/SAVP", b"RTP/AVP")
    assert b"a=crypto:" not in call.callee.hears
    assert b"a=fingerprint:" not in call.caller.hears + call.callee.hears
    caller.media.hears_with(call.caller.hears)
    await call.talk()
    for endpoint in (caller.media, call.callee.agent.media):
        assert {packet[12:] for packet, _ in endpoint.packets} == {b"\xff" * 160}


async def test_srtp_to_rtp_is_for_callers_over_tls(gateway: tuple[Doors, UserAgent]) -> None:
    stage, callee = gateway
    async with UserAgent("caller") as caller:
        refusal = await place_call(stage, caller).response(403)
        assert refusal.phrase == "Calls Come Over TLS Here"
        assert not callee.received
