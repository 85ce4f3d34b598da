"""The workers as one of them sees them: who lives, who hangs, and who serves a call."""

from __future__ import annotations

import asyncio
from typing import Any

from gateways.handoff.beating import beat
from gateways.handoff.mesh import Kind, Mesh
from tests.gateways.handoff.meshes import connect, meshes, served_by
from tests.peers.peer import wait_until


async def until(condition: Any) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, "the mesh")


async def test_all_workers_name_the_same_one_for_a_call() -> None:
    three = meshes(3)
    for worker in (1, 2, 3):
        call_id = served_by(three[0], worker).encode()
        assert [mesh.server(call_id) or mesh.me for mesh in three] == [worker] * 3
    for mesh in three:
        mesh.close()


async def test_a_worker_that_is_gone_serves_nothing_until_another_one_has_its_place() -> None:
    one, two = meshes(2)
    call_id = served_by(one, 2).encode()
    two.close()
    await until(lambda: one.server(call_id) is None)
    again = Mesh(2, 2, is_new=True)
    connect(one, again, is_new=True)
    assert again.server(call_id) is None
    assert one.server(call_id) is None, "it is not at work yet"
    again.tell_all(Kind.BEAT)
    await until(lambda: one.server(call_id) == 2)
    for mesh in (one, again):
        mesh.close()


async def test_a_worker_that_hangs_serves_nothing_until_it_gives_a_sign_of_life() -> None:
    one, two = Mesh(1, 2, silence=0.1), Mesh(2, 2)
    connect(two, one)
    call_id = served_by(one, 2).encode()
    beating = asyncio.create_task(beat(one, 0.02))
    await until(lambda: one.server(call_id) is None)
    assert one.send(2, Kind.NG_REPLY), "it may go on"
    two.tell_all(Kind.BEAT)
    await until(lambda: one.server(call_id) == 2)
    beating.cancel()
    for mesh in (one, two):
        mesh.close()


async def test_a_worker_that_is_about_to_end_serves_nothing_and_can_still_be_spoken_to() -> None:
    one, two, three = meshes(3)
    call_ids = [served_by(one, worker).encode() for worker in (1, 2, 3)]
    heard: list[Any] = []
    two.on(Kind.NG_REPLY, lambda worker, fields: heard.append((worker, fields)))
    two.leave()
    assert two.server(call_ids[1]) in (1, 3)
    await until(lambda: one.server(call_ids[1]) != 2 and three.server(call_ids[1]) != 2)
    assert one.send(2, Kind.NG_REPLY, 7, b"reply")
    await until(lambda: heard == [(1, [7, b"reply"])])
    one.leave()
    three.leave()
    await until(lambda: all(mesh.server(call_id) is None for mesh in (one, two, three) for call_id in call_ids))
    for mesh in (one, two, three):
        mesh.close()


async def test_who_watches_is_told_of_those_who_come_and_go() -> None:
    told: list[tuple[Any, ...]] = []

    class Member:
        def joined(self, worker: int, *, is_new: bool) -> None:
            told.append(("joined", worker, is_new))

        def left(self, worker: int) -> None:
            told.append(("left", worker))

    one, two, three = meshes(3)
    one.watch(Member())
    two.close()
    await until(lambda: ("left", 2) in told)
    again = Mesh(2, 3, is_new=True)
    connect(one, again, is_new=True)
    again.tell_all(Kind.BEAT)
    await until(lambda: len(told) == 4)
    assert told == [("joined", 2, False), ("joined", 3, False), ("left", 2), ("joined", 2, True)]
    for mesh in (one, three, again):
        mesh.close()
