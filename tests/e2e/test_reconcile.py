"""What relays hold and what the journal says, after somebody else had a hand in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtp_relay.cli.management import ServiceMethods
from tests.e2e.stage import CALLER, Stage, on_stage
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e


async def reconciled(stage: Stage, *options: str) -> tuple[int, dict[str, Any]]:
    """Return how the command ends, and its document."""
    code, told, complaints = await stage.service.run("reconcile", "--json", "--rate", "0", *options)
    assert not complaints, complaints
    document: dict[str, Any] = json.loads(told)
    return code, document


async def place_on(relay: Rtpengine, stage: Stage, call_id: str) -> None:
    """Make a session on a relay behind the service's back."""
    async with relay.client() as direct:
        await stage.call(call_id).offer(direct)


async def test_orphans_are_named_and_only_ours_deleted(tmp_path: Path) -> None:
    relay = Rtpengine()
    async with on_stage(relay) as stage:
        ended = stage.call("ended")
        await ended.establish(stage.client)
        await ended.delete(stage.client)
        await stage.nothing_is_left()
        for call_id in ("ended", "theirs", "prefixed-1", "listed"):
            await place_on(relay, stage, call_id)
        await stage.call("lives").offer(stage.client)

        code, found = await reconciled(stage)
        assert (code, found["ghosts"], found["asked"][0]["listed"]) == (1, [], 5)
        assert {(one["relay_id"], one["ours"], one["call_id"]) for one in found["orphans"]} == {
            ("ended", True, "ended"),
            ("theirs", False, ""),
            ("prefixed-1", False, ""),
            ("listed", False, ""),
        }
        ids = tmp_path / "ids"
        ids.write_text("listed\n")
        options = ("--prefix", "prefixed-", "--ids", str(ids), "--fix")
        code, found = await reconciled(stage, *options)
        assert code == 1
        assert not any(one["fixed"] for one in found["orphans"]), "they are too young"
        assert len(await relay.sessions()) == 5
        code, found = await reconciled(stage, *options, "--older-than", "0")
        assert code == 0
        assert {one["relay_id"] for one in found["orphans"] if one["fixed"]} == {"ended", "prefixed-1", "listed"}
        assert await relay.sessions() == ["lives", "theirs"]
        code, found = await reconciled(stage)
        assert (code, [one["relay_id"] for one in found["orphans"]]) == (0, ["theirs"])


async def test_a_ghost_is_named_and_seen_to() -> None:
    relay = Rtpengine()
    async with on_stage(relay) as stage:
        for call_id in ("ghost", "sound"):
            call = stage.call(call_id)
            await call.offer(stage.client)
            await call.answer(stage.client)
        async with relay.client() as direct:
            await direct.command("delete", call_id="ghost", from_tag=CALLER)
        code, found = await reconciled(stage)
        assert code == 1
        assert [(one["call_id"], one["node"], one["fixed"]) for one in found["ghosts"]] == [("ghost", "relay-1", False)]
        code, found = await reconciled(stage, "--fix")
        assert (code, [one["fixed"] for one in found["ghosts"]]) == (0, [True])
        assert (await stage.events("ghost"))[-2:] == ["delete wanted", "deleted"]
        code, found = await reconciled(stage)
        assert (code, found["ghosts"], found["orphans"]) == (0, [], [])
        assert await relay.sessions() == ["sound"]
        code, told, complaint = await stage.service.run("verify")
        assert (code, told) == (0, "2 calls, 0 faults\n"), complaint


async def test_a_session_that_an_rtpproxy_lost_is_a_ghost() -> None:
    relay = Rtpproxy()
    async with on_stage(relay) as stage:
        call = stage.call("lost")
        await call.establish(stage.client)
        code, found = await reconciled(stage)
        assert (code, found["asked"][0]["listed"], found["checked"]) == (0, None, 1)
        await relay.restart()
        code, found = await reconciled(stage)
        assert (code, [one["call_id"] for one in found["ghosts"]]) == (1, ["lost"])
        code, found = await reconciled(stage, "--fix")
        assert code == 0
        assert (await stage.events("lost"))[-2:] == ["delete wanted", "deleted"]


async def test_in_the_background_what_is_found_is_journalled_and_mended_if_that_is_wished() -> None:
    relay = Rtpengine()
    wished: dict[str, str | int | float | bool | list[str]] = {
        "every": "300ms",
        "fix": False,
        "older_than": 0,
        "prefixes": ["prefixed-"],
        "rate": 1000,
    }
    async with on_stage(relay, settings={"reconcile": wished}) as stage:
        for call_id in ("ghost", "sound"):
            call = stage.call(call_id)
            await call.offer(stage.client)
            await call.answer(stage.client)
        for call_id in ("theirs", "prefixed-1"):
            await place_on(relay, stage, call_id)
        async with relay.client() as direct:
            await direct.command("delete", call_id="ghost", from_tag=CALLER)

        await wait_until(lambda: found(stage, "orphans", "ghosts"), "both are found")
        await wait_until(lambda: found(stage, "rounds", number=4), "they are found again and again")
        assert (await stage.events("ghost")).count("session missing") == 1, "it is told once"
        assert (await stage.events("ghost"))[-1] == "session missing"
        assert await relay.sessions() == ["prefixed-1", "sound", "theirs"]

        wished["fix"] = True
        await stage.service.restart()
        await wait_until(lambda: found(stage, "orphans_deleted", "ghosts_removed"), "both are mended")
        assert (await stage.events("ghost"))[-3:] == ["session missing", "delete wanted", "deleted"]
        assert await relay.sessions() == ["sound", "theirs"]
        (row,) = json.loads((await stage.service.run("search", "--json"))[1])
        assert (row["outcome"], row["failure"]) == ("lost", "its node did not know it any more")


async def found(stage: Stage, *names: str, number: int = 1) -> bool:
    """Return whether the service has counted so much of all these."""
    service = ServiceMethods(stage.service.folder / "state" / f"{stage.service.control_node}.sock")
    try:
        told = await service.call("get_statistics", statistics=["reconcile:"])
    finally:
        await service.aclose()
    keys = [(f"reconcile:{name}", f"reconcile:{name}-relay-1") for name in names]
    return all(told.get(alone, 0) + told.get(of_node, 0) >= number for alone, of_node in keys)
