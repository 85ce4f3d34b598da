"""Flow m: the route engine is given the documented parameters at each event, each with its value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from actors.clock import now
from actors.directory import Directory
from engines.route.parameters import OfferParameters
from engines.route.routes import Routes
from events.memory import MemoryJournal
from rtp_relay.api.call import RelayCall
from rtp_relay.api.observed import Observed
from rtp_relay.assembly.nodes import open_nodes
from tests.golden_flows.stage import CALL_ID
from tests.named_sdp import named, with_named_sdp
from tests.replay.sip_story import message


@dataclass
class Routed:
    """A call on the route engine, and what its functions were called with."""

    call: RelayCall
    calls: list[tuple[str, dict[str, Any]]]

    async def tell(self, story: str) -> list[Observed]:
        """Tell of messages; a body's word is the name of a session."""
        lines = filter(None, map(str.strip, story.splitlines()))
        return [await self.call.see(with_named_sdp(message(line)), received_from="192.0.2.7") for line in lines]


@pytest.fixture
async def routed() -> AsyncIterator[Routed]:
    calls: list[tuple[str, dict[str, Any]]] = []

    def offer(call: OfferParameters) -> tuple[bytes, str]:
        calls.append(("offer", dict(call)))
        return b"relayed " + call["body"], "node-1"

    async def answer(call: Any) -> bytes:
        calls.append(("answer", dict(call)))
        return b"relayed " + bytes(call["body"])

    def delete(call: Any) -> None:
        calls.append(("delete", dict(call)))

    async with open_nodes([], Routes(offer=offer, answer=answer, delete=delete)) as table:
        journal = MemoryJournal(now)
        directory = Directory(name="control", journal=journal, nodes=table, now=now)
        yield Routed(RelayCall(CALL_ID, directory, journal), calls)
        assert list((await RelayCall(CALL_ID, directory, journal).state()).remaining_sessions()) == []
        assert await directory.close(within=5)


NAMES = {"callid": "call", "from_tag": "tC", "branch": -1, "set": "own"}
TO_CALLEE = {
    "ip": "198.51.100.2",
    "type": "SRTP",
    "in-iface": "priv",
    "out-iface": "pub",
    "ctx-flags": "of-context",
    "flags": "of-caller",
    "peer": "peer-of-callee",
}
TO_CALLER = {
    "ip": "198.51.100.1",
    "type": "RTP",
    "in-iface": "pub",
    "out-iface": "priv",
    "ctx-flags": "of-context",
    "flags": "of-callee",
    "peer": "peer-of-caller",
}
END = {"ctx-flags": "of-context", "delete": "context-delete callers-delete callees-delete"}


async def set_all(call: RelayCall) -> None:
    await call.rtp_relay_ctx.set(flags="of-context", delete="context-delete")
    await call.rtp_relay().set(
        flags="of-caller", peer="peer-of-caller", ip="198.51.100.1", type="RTP", iface="priv", delete="callers-delete"
    )
    await call.rtp_relay_peer().set(
        flags="of-callee", peer="peer-of-callee", ip="198.51.100.2", type="SRTP", iface="pub", delete="callees-delete"
    )


async def test_m_each_parameter_of_each_event(routed: Routed) -> None:
    await set_all(routed.call)
    await routed.call.engage("route", "own")
    seen = await routed.tell("""
        C INVITE at=- branch=br0 sdp=c
        A 200 INVITE branch=br0 sdp=a
        C ACK
        A INVITE cseq=7 sdp=a2
        C 200 INVITE at=A cseq=7 sdp=c2
        C BYE cseq=2
    """)
    relayed = [seeing.sdp for seeing in seen]
    assert relayed == [b"relayed " + named(name) if name else None for name in ("c", "a", "", "a2", "c2", "")]
    known = {**NAMES, "to_tag": "tA", "node": "node-1"}
    turned = {**known, "from_tag": "tA", "to_tag": "tC"}
    assert routed.calls == [
        ("offer", {**NAMES, **TO_CALLEE, "body": named("c")}),
        ("answer", {**known, **TO_CALLER, "body": named("a")}),
        ("offer", {**turned, **TO_CALLER, "body": named("a2")}),
        ("answer", {**turned, **TO_CALLEE, "body": named("c2")}),
        ("delete", {**known, **END}),
    ]


async def test_m_a_failed_branch_is_deleted_by_its_own_index_and_with_all_parameters(routed: Routed) -> None:
    await set_all(routed.call)
    for branch in (0, 1):
        await routed.call.engage("route", "own", branch=branch)
    await routed.tell("""
        C INVITE at=- branch=br0 sdp=c
        C INVITE at=- branch=br1 sdp=c
        A 486 INVITE branch=br0
        B 486 INVITE branch=br1
    """)
    deletes = [parameters for route, parameters in routed.calls if route == "delete"]
    gone = [{**NAMES, **END, "branch": branch, "node": "node-1"} for branch in (0, 1)]
    assert deletes == gone
