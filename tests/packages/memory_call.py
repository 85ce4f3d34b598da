"""A call through an ng door, with the journal in memory."""

from __future__ import annotations

from types import SimpleNamespace

from actors.control.control import Control
from actors.directory import Directory
from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from engines.sets import NodeSpec
from events.memory import MemoryJournal, wall_clock
from events.names import CallId, NodeName
from gateways.ng.door import NgDoor, NgSettings
from replay.fold import fold
from tests.gateways.doors import LOOPBACK
from tests.peers.ng_client import NgClient
from tests.peers.rtp import make_sdp

CALL = CallId("c1@x")


async def place_call(url: str) -> list[str]:
    """Place a call on the rtpproxy at a url; return what its requests came to, and how its state ended."""
    spec = NodeSpec(name=NodeName("one"), engine="rtpproxy", url=url)
    engine = EngineActor.start(spec, EngineSettings())
    await (await engine.proxy().connect())
    nodes, journal = NodeTable([Node(spec, engine)]), MemoryJournal()
    directory = Directory(name="test", journal=journal, nodes=nodes, now=wall_clock)
    settings = NgSettings(listen=[SimpleNamespace(transport="udp", host="127.0.0.1", port=0)], allow=LOOPBACK)
    door = NgDoor(settings, calls=directory, control=Control(journal, nodes), now=wall_clock, ready=lambda: True)
    await door.open()
    try:
        results = await _requests(door)
    finally:
        await door.close(1)
        await directory.close(5)
        engine.stop(block=False)
    state = fold(CALL, await journal.read(CALL))
    return [*results, f"sessions:{len(state.sessions)}"]


async def _requests(door: NgDoor) -> list[str]:
    [(_, host, port)] = door.addresses
    async with NgClient((host, port)) as client:
        replies = [
            await client.command("offer", call_id=CALL, from_tag="a", sdp=make_sdp((host, 6000))),
            await client.command("answer", call_id=CALL, from_tag="a", to_tag="b", sdp=make_sdp((host, 6002))),
            await client.command("delete", call_id=CALL, from_tag="a"),
        ]
    return [reply[b"result"].decode() for reply in replies if isinstance(reply[b"result"], bytes)]
