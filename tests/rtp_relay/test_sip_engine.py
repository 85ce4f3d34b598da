"""Which engine calls get without a script: that of the nodes that there are."""

from __future__ import annotations

from actors.messages import SetAdminState
from actors.node_keeper import NodeKeeper
from engines.health import AdminState
from events.names import NodeName
from gateways.sip.script.script import DefaultScript
from rtp_relay.assembly.nodes import configured_nodes, node_keeper
from rtp_relay.assembly.sip import default_routing
from rtp_relay.config import EngineName, NodeConfig, SipConfig, SocketAddress
from tests.peers.peer import wait_until
from tests.peers.ports import HOST

PROXY, ENGINE, ELSEWHERE = (
    NodeConfig(name=NodeName(name), engine=engine, url=SocketAddress("udp", HOST, port), set=group)
    for name, engine, port, group in (
        ("a", EngineName.RTPPROXY, 9, "default"),
        ("b", EngineName.RTPENGINE, 10, "default"),
        ("c", EngineName.RTPENGINE, 11, "other"),
    )
)


def engine_of(keeper: NodeKeeper) -> str | None:
    routing = default_routing(SipConfig(), keeper.table)
    assert routing is None or isinstance(routing, DefaultScript)
    return None if routing is None else routing._engine


async def keep(keeper: NodeKeeper, *configs: NodeConfig) -> None:
    assert await keeper.keep(configured_nodes(configs), {}, {}) == []


async def test_calls_get_the_engine_of_the_first_node_of_their_set_that_is_to_get_them() -> None:
    async with node_keeper() as keeper:
        await keep(keeper, PROXY, ENGINE, ELSEWHERE)
        assert engine_of(keeper) == "rtpproxy"
        actor = keeper.table.actor("a")
        assert actor is not None
        actor.tell(SetAdminState(AdminState.DRAINING))

        async def follows() -> bool:
            return engine_of(keeper) == "rtpengine"

        await wait_until(follows, "new calls go to the other engine")


async def test_calls_do_not_go_without_a_relay_when_the_last_node_has_gone() -> None:
    async with node_keeper() as keeper:
        await keep(keeper, PROXY, ELSEWHERE)
        await keep(keeper, ELSEWHERE)
        assert engine_of(keeper) == "rtpproxy", "it is gone, and refuses new calls"
        keeper.let_go([PROXY.name])
        assert engine_of(keeper) is None, "what was before stays"


async def test_what_is_configured_stays() -> None:
    async with node_keeper() as keeper:
        await keep(keeper, PROXY)
        assert default_routing(SipConfig(engine="rtpengine"), keeper.table) is None
