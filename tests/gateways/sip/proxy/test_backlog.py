"""When messages wait for too long."""

from __future__ import annotations

from events.names import Tag
from gateways.sip.proxy.backlog import PATIENCE, Backlog
from gateways.sip.proxy.settings import ProxySettings
from tests.gateways.sip.proxy.world import World, request


def test_it_takes_many_late_messages_in_a_row() -> None:
    backlog = Backlog(0.1)
    waited = backlog.gauge()
    seen = []
    for seconds in (*[0.2] * (PATIENCE - 1), 0.1, *[0.2] * PATIENCE, 0.0):
        waited(seconds)
        seen.append(backlog.stands)
    assert seen == [*[False] * (2 * PATIENCE - 1), True, False]


def test_each_socket_has_its_own() -> None:
    backlog = Backlog(0.1)
    slow, quick = backlog.gauge(), backlog.gauge()
    for _ in range(PATIENCE):
        slow(0.2)
        quick(0.0)
        assert not backlog.stands
    slow(0.2)
    assert backlog.stands


async def test_while_it_stands_only_requests_within_dialogs_are_taken() -> None:
    world = World(ProxySettings(max_delay=0.1))
    world.forward()
    waited = world.proxy.backlog.gauge()
    for _ in range(PATIENCE):
        waited(0.2)
    assert (await world.take(request())).codes == [503]
    assert (await world.take(request("OPTIONS", cseq=2))).codes == [503]
    assert world.proxy.counters.overloaded == 2
    await world.take(request("BYE", cseq=3, to_tag=Tag("b")))
    assert [client.request.method for client in world.clients] == ["BYE"]
    waited(0.0)
    await world.take(request(cseq=4))
    assert [client.request.method for client in world.clients] == ["BYE", "INVITE"]
