"""Flow j: every setting of the legs and the context, as it reaches the relay, in both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.golden_flows.stage import Flow, on_stage
from tests.golden_flows.tap import ng
from tests.peers.bencode import NgDict
from tests.peers.ports import HOST
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

CALL = """
    C INVITE at=- branch=br0 sdp=c -> offer
    A 200 INVITE branch=br0 sdp=a -> answer established
    C ACK -> nothing
"""
FORK = """
    C INVITE at=- branch=br0 sdp=c -> offer
    C INVITE at=- branch=br1 sdp=c -> offer
"""
CALLEE_OFFERS = """
    A INVITE cseq=7 sdp=a2 -> offer
    C 200 INVITE at=A cseq=7 sdp=c2 -> answer
    A ACK cseq=7 -> nothing
"""


class TwoInterfaces(Rtpengine):
    """An rtpengine with two interfaces, both on loopback."""

    def __init__(self) -> None:
        super().__init__(interface=f"priv/{HOST}")

    def command(self) -> list[str]:
        return [*super().command(), f"--interface=pub/{HOST}"]


class Bridge(Rtpproxy):
    """An rtpproxy in bridge mode, both of its sides on loopback."""

    def command(self) -> list[str]:
        return [f"{HOST}/{HOST}" if word == HOST else word for word in super().command()]


@pytest.fixture
async def rtpengine() -> AsyncIterator[Flow]:
    async with on_stage(TwoInterfaces()) as flow:
        yield flow


@pytest.fixture
async def rtpproxy() -> AsyncIterator[Flow]:
    async with on_stage(Bridge()) as flow:
        yield flow


def options(flow: Flow, verb: bytes) -> list[NgDict]:
    """Return what the commands of a verb said beside the names of the parties."""
    names = (b"command", b"call-id", b"from-tag", b"to-tag", b"via-branch", b"sdp", b"received-from")
    commands = [ng(said) for said in flow.tap.exchanges]
    return [
        {key: value for key, value in command.items() if key not in names}
        for command in commands
        if command[b"command"] == verb
    ]


def letters(flow: Flow) -> list[str]:
    """Return the first words of the commands to an rtpproxy, without the payload types."""
    return [said.command.decode().split()[0].partition("c")[0] for said in flow.tap.exchanges]


async def set_all(flow: Flow) -> None:
    call = flow.call
    await call.rtp_relay_ctx.set(flags="of-context", delete="context-delete")
    await call.rtp_relay().set(
        flags="callers-flag", peer="callers-peer", iface="priv", ip="198.51.100.1", delete="callers-delete"
    )
    await call.rtp_relay_peer().set(
        flags="callees-flag",
        peer="callees-peer",
        iface="pub",
        ip="198.51.100.2",
        type="RTP/AVP",
        delete="callees-delete",
    )


TO_CALLEE: NgDict = {
    b"flags": [b"of-context", b"callers-flag", b"callees-peer"],
    b"direction": [b"priv", b"pub"],
    b"transport-protocol": b"RTP/AVP",
    b"media-address": b"198.51.100.2",
}
TO_CALLER: NgDict = {
    b"flags": [b"of-context", b"callees-flag", b"callers-peer"],
    b"direction": [b"pub", b"priv"],
    b"media-address": b"198.51.100.1",
}


@pytest.mark.parametrize("bye", ["C BYE cseq=9", "A BYE cseq=9"])
async def test_each_setting_of_an_rtpengine_in_both_directions(rtpengine: Flow, bye: str) -> None:
    await set_all(rtpengine)
    rtpengine.addresses = {b"198.51.100.1", b"198.51.100.2"}
    await rtpengine.call.engage("rtpengine")
    await rtpengine.tell(CALL + CALLEE_OFFERS)
    assert options(rtpengine, b"offer") == [TO_CALLEE, TO_CALLER]
    assert options(rtpengine, b"answer") == [TO_CALLER, TO_CALLEE]
    assert b"c=IN IP4 198.51.100.2\r\n" in rtpengine.given["c"]
    assert b"c=IN IP4 198.51.100.1\r\n" in rtpengine.given["a"]
    await rtpengine.tell(f"{bye} -> call ended")
    assert [named[b"flags"] for named in options(rtpengine, b"delete") if b"flags" in named] == [
        [b"context-delete", b"callers-delete", b"callees-delete"]
    ]
    await rtpengine.nothing_is_left()


async def test_a_failed_branch_is_deleted_with_the_delete_flags_too(rtpengine: Flow) -> None:
    await set_all(rtpengine)
    rtpengine.addresses = {b"198.51.100.1", b"198.51.100.2"}
    await rtpengine.call.engage("rtpengine")
    await rtpengine.tell(FORK)
    await rtpengine.tell("""
        A 486 INVITE branch=br0 -> branch failed
        B 486 INVITE branch=br1 -> branch failed
    """)
    wanted = [b"context-delete", b"callers-delete", b"callees-delete"]
    assert [named.get(b"flags") for named in options(rtpengine, b"delete")] == [wanted, wanted, None]
    await rtpengine.nothing_is_left()


async def test_each_setting_of_an_rtpproxy_in_both_directions(rtpproxy: Flow) -> None:
    await rtpproxy.call.rtp_relay_ctx.set(flags="o")
    await rtpproxy.call.rtp_relay().set(flags="r", peer="z20", iface="internal", ip="198.51.100.1")
    await rtpproxy.call.rtp_relay_peer().set(flags="s", peer="a", iface="external", ip="198.51.100.2", type="z30")
    rtpproxy.addresses = {b"198.51.100.1", b"198.51.100.2"}
    await rtpproxy.call.engage("rtpproxy")
    await rtpproxy.tell(CALL + CALLEE_OFFERS)
    assert letters(rtpproxy) == ["Uaiez30", "Lseiz20", "Useiz20", "Laiez30"]
    assert b"c=IN IP4 198.51.100.2\r\n" in rtpproxy.given["c"]
    assert b"o=- 4000 1 IN IP4 198.51.100.2\r\n" in rtpproxy.given["c"], "the context's o"
    assert b"c=IN IP4 198.51.100.1\r\n" in rtpproxy.given["a"]
    await rtpproxy.tell("C BYE cseq=9 -> call ended")
    await rtpproxy.nothing_is_left()


async def test_the_contexts_ids_stand_in_for_the_dialogs(stage: Flow) -> None:
    await stage.call.rtp_relay_ctx.set(callid="other", from_tag="fx", to_tag="tx")
    await stage.call.engage(stage.engine)
    await stage.tell(CALL + CALLEE_OFFERS + "C BYE cseq=9 -> call ended")
    await stage.came_to(
        rtpengine="""
        offer other fx - br0
        answer other fx tx br0
        offer other tx fx br0
        answer other tx fx br0
        delete other fx - -
        delete other - - -
        """,
        rtpproxy="""
        U other fx;1
        L other fx;1 tx;1
        U other tx;1 fx;1
        L other tx;1 fx;1
        D other fx tx
        """,
    )


async def test_c_each_branch_has_its_own_settings_by_index_and_the_others_those_of_all(rtpengine: Flow) -> None:
    call = rtpengine.call
    await call.rtp_relay().set(flags="of-caller")
    await call.rtp_relay_peer().set(peer="of-all")
    await call.rtp_relay(1).set(peer="of-branch-1", flags="of-b")
    await call.engage("rtpengine")
    await rtpengine.tell(FORK)
    assert options(rtpengine, b"offer") == [
        {b"flags": [b"of-caller", b"of-all"]},
        {b"flags": [b"of-caller", b"of-branch-1"]},
    ]
    assert (await call.rtp_relay(0).get(), await call.rtp_relay(1).get()) == (
        {"peer": "of-all"},
        {"peer": "of-branch-1", "flags": "of-b"},
    )
    await rtpengine.tell("""
        A 183 INVITE branch=br0 sdp=a -> answer
        B 200 INVITE branch=br1 sdp=b -> answer established
    """)
    assert options(rtpengine, b"answer") == [{}, {b"flags": [b"of-b"]}]
    assert await call.rtp_relay("tB").get() == await call.rtp_relay(1).get()
    await call.rtp_relay("tB").set(flags="changed-in-dialog")
    await rtpengine.tell("""
        B INVITE cseq=7 sdp=b2 -> offer
        C 200 INVITE at=B cseq=7 sdp=c2 -> answer
    """)
    assert options(rtpengine, b"offer")[-1] == {b"flags": [b"changed-in-dialog"]}
    assert options(rtpengine, b"answer")[-1] == {b"flags": [b"of-caller", b"of-branch-1"]}
    await rtpengine.tell("C BYE at=B cseq=2 -> call ended")
    await rtpengine.nothing_is_left()


async def test_a_body_stands_in_for_what_its_leg_sends(stage: Flow) -> None:
    await stage.call.rtp_relay().set(body=stage.body("c").replace(b"s=-", b"s=instead"))
    await stage.call.engage(stage.engine)
    await stage.tell(CALL)
    assert b"\r\ns=instead\r\n" in stage.given["c"]
    assert b"\r\ns=-\r\n" in stage.given["a"]
    await stage.tell("C BYE cseq=2 -> call ended")
    await stage.nothing_is_left()


@pytest.mark.parametrize("leg", ["caller", "callee"])
async def test_a_leg_that_is_disabled_has_no_relay_at_all(stage: Flow, leg: str) -> None:
    await stage.call.rtp_relay(leg=leg).set(disabled=True)
    await stage.call.engage(stage.engine)
    for line in (CALL + CALLEE_OFFERS + "A BYE cseq=8").splitlines():
        if line.strip():
            event = stage.message(line.partition(" -> ")[0].strip())
            assert (await stage.call.see(event)).sdp in (None, event.sdp)
    assert stage.commands == []
    await stage.nothing_is_left()
