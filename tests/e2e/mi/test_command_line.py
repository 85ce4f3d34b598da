"""The command line asks the service that runs, and the journal where none does."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rtp_relay.config import load
from tests.e2e.stage import Stage, on_stage
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

READING = ["calls", "call CALL", "history CALL"]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage(Rtpproxy()) as made:
        yield made


async def documents(stage: Stage, call_id: str) -> dict[str, tuple[Any, str]]:
    """Return what each reading command says as JSON, with its complaints."""
    told: dict[str, tuple[Any, str]] = {}
    for words in READING:
        code, output, complaint = await stage.service.run(*words.replace("CALL", call_id).split(), "--json")
        assert code == 0, complaint
        told[words] = json.loads(output), complaint
    return told


async def test_what_a_service_says_is_what_the_journal_says_without_it(stage: Stage) -> None:
    call = stage.call("a=b@h")
    await call.establish(stage.client)
    socket = load(stage.service.config).local_socket
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    with_service = await documents(stage, "a=b@h")
    assert {complaint for _, complaint in with_service.values()} == {""}
    stage.service.kill()
    note = f"rtp-relay: no service answers at {socket} (Connection refused): the journal is asked\n"
    without = await documents(stage, "a=b@h")
    assert without == {words: (document, note) for words, (document, _) in with_service.items()}
    code, _, complaint = await stage.service.run("end", "a=b@h")
    assert (code, complaint) == (
        4,
        f"{note}rtp-relay: a live call is ended by a running service, and none was reached\n",
    )
    await stage.service.start()
    assert (await stage.service.run("calls"))[2] == ""
    await call.delete(stage.client)
    await stage.nothing_is_left()


async def test_an_operator_ends_a_call(stage: Stage) -> None:
    call = stage.call("unwanted")
    await call.establish(stage.client)
    code, output, complaint = await stage.service.run("end", "unwanted")
    assert (code, complaint) == (0, "")
    assert output.startswith("unwanted: who signals it is not told; 1 session to be removed by the control nodes\n")
    await stage.nothing_is_left()
    events = (await stage.service.events("unwanted"))[-3:]
    assert [record.event.name for record in events] == ["delete wanted", "media measured", "deleted"]
    assert "(local socket)" in str(events[0].event)
    asked = [json.loads(line) for line in stage.service.log(lines=1000).splitlines() if "management request" in line]
    assert [(line["method"], line["params"]) for line in asked] == [("rtp_relay:end", {"callid": "unwanted"})]
    assert asked[0]["by"].endswith("(local socket)")
    assert (await stage.service.run("end", "unwanted"))[0] == 3


async def test_ended_calls_are_found_and_counted(stage: Stage) -> None:
    for name in ("one", "two"):
        call = stage.call(name)
        await call.establish(stage.client)
        await call.delete(stage.client)
    await stage.nothing_is_left()
    code, output, complaint = await stage.service.run("search", "--node", "relay-1", "--text", "one", "--json")
    assert (code, complaint) == (0, "")
    (found,) = json.loads(output)
    assert (found["call_id"], found["outcome"], found["tags"]) == ("one", "answered", ["caller", "callee"])
    assert found["created"] <= found["answered"] <= found["ended"]
    counted = json.loads((await stage.service.run("stats", "--since", "1h", "--json"))[1])
    assert (counted["calls"], counted["answered"], counted["nodes"]["relay-1"]["calls"]) == (2, 2, 2)


async def test_tables_are_those_of_the_journal(stage: Stage) -> None:
    call = stage.call()
    await call.establish(stage.client)
    for words in ("calls", "call call-1", "history call-1 --sdp", "nodes"):
        code, output, complaint = await stage.service.run(*words.split())
        assert (code, complaint) == (0, "")
        assert "relay-1" in output
    assert (await stage.service.run("history", "nobody"))[0] == 3
    assert (await stage.service.run("calls", "--set", "-1"))[0] == 2
    await call.delete(stage.client)
    await stage.nothing_is_left()
