"""A call between IPv4 and IPv6, and one whose journal is a real Redis."""

from __future__ import annotations

import pytest

from events.redis import RedisJournal
from tests.engines.test_rtpproxy_e2e import has_ipv6
from tests.golden_flows.stage import Flow, on_stage
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

CALL = """
    C INVITE at=- branch=br0 sdp=c -> offer
    A 200 INVITE branch=br0 sdp=a -> answer established
    C ACK -> nothing
"""


class BothFamilies(Rtpengine):
    """An rtpengine that has an address of each family."""

    def command(self) -> list[str]:
        return [*super().command(), "--interface=v6/::1"]


async def between_families(flow: Flow) -> None:
    """Have a caller of IPv4 talk to a callee of IPv6, and check what each is given."""
    flow.addresses = {HOST.encode(), b"::1"}
    flow.bodies["a"] = make_sdp(("::1", 5000)).replace("IP4", "IP6").encode()
    await flow.call.engage(flow.engine)
    await flow.tell(CALL)
    assert b"\r\nc=IN IP6 ::1\r\n" in flow.given["c"]
    assert b"\r\nc=IN IP4 127.0.0.1\r\n" in flow.given["a"]
    await flow.tell("A BYE cseq=7 -> call ended")
    await flow.nothing_is_left()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_an_rtpengine_between_ipv4_and_ipv6() -> None:
    async with on_stage(BothFamilies(interface=f"v4/{HOST}")) as flow:
        await flow.call.rtp_relay().set(iface="v4")
        await flow.call.rtp_relay_peer().set(iface="v6")
        await flow.call.rtp_relay_peer().set(peer="address-family=IP6")
        await flow.call.rtp_relay().set(peer="address-family=IP4")
        await between_families(flow)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_an_rtpproxy_between_ipv4_and_ipv6() -> None:
    async with on_stage(Rtpproxy("-6", "/::1")) as flow:
        await flow.call.rtp_relay().set(iface="internal", flags="r")
        await flow.call.rtp_relay_peer().set(iface="external", flags="r")
        await between_families(flow)


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_a_fork_with_its_journal_in_a_real_redis(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with RedisServer() as redis:
        journal = await RedisJournal.open(redis.url)
        try:
            async with on_stage(relay(), journal) as flow:
                await flow.call.engage(flow.engine)
                await flow.tell("""
                    C INVITE at=- branch=br0 sdp=c -> offer
                    C INVITE at=- branch=br1 sdp=c -> offer
                    A 183 INVITE branch=br0 sdp=a -> answer
                    B 200 INVITE branch=br1 sdp=b -> answer established
                    C ACK at=B -> nothing
                    B BYE cseq=7 -> call ended
                """)
                await flow.nothing_is_left()
                versions = [record.version for record in await flow.call.history()]
                assert versions == list(range(1, len(versions) + 1))
        finally:
            await journal.close()
