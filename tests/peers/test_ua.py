"""The user agent against itself, through a real proxy, and against peers that do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sipmessage import Headers

from tests.peers.datagram import DatagramSocket
from tests.peers.kamailio import Kamailio
from tests.peers.peer import wait_until
from tests.peers.rtp import converse, media_address
from tests.peers.ua import Arrived, Dialog, Place, Sent, UserAgent
from tests.peers.ua_dialog import description_faults
from tests.peers.ua_text import is_loose, parameter, place_of, tag_of, uri_of, values
from tests.peers.ua_wire import Wire

PROXY = Path(__file__).with_name("ua_proxy.cfg")


@pytest.fixture(params=["udp", "tcp"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[UserAgent, UserAgent]]:
    async with UserAgent("caller", request.param) as caller, UserAgent("callee", request.param) as callee:
        yield caller, callee


@pytest.fixture(params=["direct", pytest.param("kamailio", marks=pytest.mark.e2e)])
async def proxy(request: pytest.FixtureRequest, pair: tuple[UserAgent, UserAgent]) -> AsyncIterator[Place]:
    """Where an INVITE goes first: to the callee itself, or to a record-routing proxy."""
    if request.param == "direct":
        yield pair[1].place
        return
    async with Kamailio(PROXY, {}) as kamailio:
        yield Place(pair[0].transport, *kamailio.address)


async def establish(caller: UserAgent, callee: UserAgent, proxy: Place | None = None) -> tuple[Sent, Arrived]:
    sent = caller.invite(callee.uri, proxy, sdp=caller.sdp())
    invite = await callee.request("INVITE")
    callee.reply(invite, 180)
    await sent.response(180)
    callee.reply(invite, 200, sdp=callee.sdp())
    await sent.response(200)
    caller.ack(sent)
    await callee.request("ACK")
    return sent, invite


async def exchange(sender: UserAgent, dialog: Dialog, receiver: UserAgent, method: str) -> Arrived:
    sent = sender.send(dialog, method)
    arrived = await receiver.request(method)
    receiver.reply(arrived, 200)
    await sent.response(200)
    return arrived


async def test_a_call_in_which_both_send_requests(pair: tuple[UserAgent, UserAgent], proxy: Place) -> None:
    caller, callee = pair
    sent, invite = await establish(caller, callee, proxy)
    assert sent.final is not None
    caller.media.talk_to(media_address(sent.final.body))
    callee.media.talk_to(media_address(invite.body))
    await converse(caller.media, callee.media)
    for method in ("INFO", "UPDATE", "MESSAGE"):
        await exchange(caller, sent.dialog, callee, method)
        await exchange(callee, invite.in_dialog, caller, method)
    for one, other, dialog in ((caller, callee, sent.dialog), (callee, caller, invite.in_dialog)):
        again = one.send(dialog, "INVITE", sdp=one.sdp("sendonly"))
        arrived = await other.request("INVITE")
        other.reply(arrived, 200, sdp=other.sdp("recvonly"))
        await again.response(200)
        one.ack(again)
        await other.request("ACK")
    await exchange(callee, invite.in_dialog, caller, "BYE")
    assert {place.transport for place in caller.origins | callee.origins} == {proxy.transport}
    assert proxy in caller.origins or proxy.transport == "tcp"


async def test_options_are_answered(pair: tuple[UserAgent, UserAgent]) -> None:
    caller, callee = pair
    await caller.ask("OPTIONS", callee.uri).response(200)


async def test_a_late_offer_in_a_reliable_response(pair: tuple[UserAgent, UserAgent], proxy: Place) -> None:
    caller, callee = pair
    sent = caller.invite(callee.uri, proxy)
    invite = await callee.request("INVITE")
    callee.reply(invite, 183, sdp=callee.sdp(), reliable=True)
    prack = caller.prack(sent, await sent.response(183), sdp=caller.sdp())
    arrived = await callee.request("PRACK")
    assert media_address(arrived.body) == caller.media.address
    callee.reply(arrived, 200)
    await prack.response(200)
    callee.reply(invite, 200)
    await sent.response(200)
    caller.ack(sent)
    await callee.request("ACK")
    await exchange(caller, sent.dialog, callee, "BYE")


async def test_a_refusal_is_acknowledged(pair: tuple[UserAgent, UserAgent], proxy: Place) -> None:
    caller, callee = pair
    sent = caller.invite(callee.uri, proxy, sdp=caller.sdp())
    callee.reply(await callee.request("INVITE"), 486)
    await sent.response(486)


async def test_a_cancel(pair: tuple[UserAgent, UserAgent], proxy: Place) -> None:
    caller, callee = pair
    sent = caller.invite(callee.uri, proxy, sdp=caller.sdp())
    callee.reply(await callee.request("INVITE"), 180)
    await sent.response(180)
    await caller.cancel(sent).response(200)
    await sent.response(487)
    await callee.request("CANCEL")


@pytest.mark.e2e
async def test_a_fork_makes_a_dialog_with_each_callee() -> None:
    async with (
        Kamailio(PROXY, {}) as kamailio,
        UserAgent("caller") as caller,
        UserAgent("one") as one,
        UserAgent("other") as other,
    ):
        sent = caller.invite(
            one.uri, Place("udp", *kamailio.address), sdp=caller.sdp(), headers=[("X-Fork", other.uri)]
        )
        invites = [await agent.request("INVITE") for agent in (one, other)]
        for agent, invite in zip((one, other), invites, strict=True):
            agent.reply(invite, 183, sdp=agent.sdp())
            await sent.response(183)
        assert len(sent.dialogs) == 2
        other.reply(invites[1], 200, sdp=other.sdp())
        await sent.response(200)
        caller.ack(sent)
        await one.request("CANCEL")
        await other.request("ACK")
        await exchange(caller, sent.dialog, other, "BYE")


async def test_what_is_lost_is_sent_again() -> None:
    async with UserAgent("caller") as caller, Lossy() as callee:
        sent, invite = await establish(caller, callee)
        await exchange(caller, sent.dialog, callee, "BYE")
        assert callee.lost == 2
        assert invite.acknowledged


class Lossy(UserAgent):
    """A user agent that does not get the first INVITE and the first ACK."""

    def __init__(self) -> None:
        super().__init__("lossy")
        self.lost = 0
        self._unlucky = [b"INVITE", b"ACK"]

    def _take(self, data: bytes, origin: Place) -> None:
        method = data.partition(b" ")[0]
        if method in self._unlucky:
            self._unlucky.remove(method)
            self.lost += 1
        else:
            super()._take(data, origin)


REQUEST = """\
{method} {uri} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch={branch}
Max-Forwards: 70
From: {remote}
To: {local}
Call-ID: {call_id}
CSeq: {cseq} {method}
Content-Length: 0

"""


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"uri": "sip:somebody@127.0.0.1"}, "its Request-URI is"),
        ({"cseq": 1}, "its CSeq is not above"),
        ({"remote": "<sip:caller@example.com>;tag=unknown"}, "is of no dialog of here"),
        ({"remote_uri": "sip:other@example.com"}, "its From is"),
        ({"branch": "1"}, "the branches of its Vias"),
        ({"branch": "z9hG4bK1\nRoute: <sip:127.0.0.1;lr>"}, "there is a Route left"),
        ({"method": "ACK", "cseq": 7}, "is for nothing"),
        ({"method": "CANCEL", "cseq": 7}, "is for nothing"),
        ({"method": "PRACK"}, "is for nothing: RAck"),
        ({"call_id": "a\nCall-ID: b"}, "has several Call-ID"),
        ({"cseq": "2 BYE\nCSeq: 3"}, "has several CSeq"),
    ],
)
async def test_wrong_requests_are_complained_of(wrong: dict[str, object], complaint: str) -> None:
    async with UserAgent("caller") as caller, UserAgent("callee") as callee, DatagramSocket() as socket:
        sent, invite = await establish(caller, callee)
        dialog = invite.in_dialog
        remote = dialog.remote.replace(uri_of(dialog.remote), str(wrong.get("remote_uri", uri_of(dialog.remote))))
        right = {
            "method": "INFO",
            "uri": callee.uri,
            "branch": "z9hG4bK1",
            "remote": remote,
            "local": dialog.local,
            "call_id": dialog.call_id,
            "cseq": dialog.remote_seq + 1,
        }
        text = REQUEST.format(**{**right, "port": socket.address[1], **wrong})
        socket.send(text.replace("\n", "\r\n").encode(), (callee.place.host, callee.place.port))
        await complained(callee, complaint)
        callee.violations.clear()
        sent.dialog.local_seq = 10
        await exchange(caller, sent.dialog, callee, "BYE")


async def complained(agent: UserAgent, complaint: str) -> None:
    async def heard() -> bool:
        return any(complaint in violation for violation in agent.violations)

    await wait_until(heard, complaint)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("CSeq: 1", "CSeq: 2", "its CSeq is"),
        ("branch=z9hG4bK", "branch=z9hG4bKother", "answers nothing"),
        ("Via: ", "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKhere\r\nVia: ", "answers nothing"),
        ("\r\nFrom:", ", SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom:", "has 2 Vias"),
        (";tag=callee", ";nothing=callee", "its To tag is ''"),
        ("Contact: ", "X-Contact: ", "has no Contact"),
        ("Content-Length: 0", "Content-Length: 1", "says Content-Length 1"),
    ],
)
async def test_wrong_responses_are_complained_of(before: str, after: str, complaint: str) -> None:
    async with UserAgent("caller") as caller, Wrong(before, after) as callee:
        caller.invite(callee.uri)
        callee.reply(await callee.request("INVITE"), 200)
        await complained(caller, complaint)
        forget(caller, callee)


async def finish(caller: UserAgent, callee: UserAgent, sent: Sent, invite: Arrived) -> None:
    caller.ack(sent)
    await callee.request("ACK")
    assert invite.acknowledged


def forget(*agents: UserAgent) -> None:
    """Keep what was spoilt from being reported at the end."""
    for agent in agents:
        agent.violations.clear()
        for sent in agent._sent.values():
            sent.stop()
        agent._sent.clear()
        for arrived in agent._arrived.values():
            arrived.stop()
        agent._arrived.clear()


class Wrong(UserAgent):
    """A callee that says `after` where it ought to say `before`."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__("callee")
        self._change = before.encode(), after.encode()

    def _send(self, data: bytes, place: Place) -> None:
        super()._send(data.replace(*self._change, 1), place)


async def test_what_is_left_open_is_reported() -> None:
    async with UserAgent("caller") as caller, UserAgent("callee") as callee:
        sent = caller.invite(callee.uri)
        invite = await callee.request("INVITE")
        with pytest.raises(AssertionError, match="INVITE 1 INVITE got no final response"):
            caller.check()
        callee.reply(invite, 200)
        await sent.response(200)
        with pytest.raises(AssertionError, match="the 2xx to INVITE 1 INVITE got no ACK"):
            caller.check()
        with pytest.raises(AssertionError, match="the 200 to INVITE 1 INVITE got no ACK"):
            callee.check()
        await finish(caller, callee, sent, invite)


async def test_a_wait_that_is_in_vain_tells_what_was_said() -> None:
    async with UserAgent("caller") as caller, UserAgent("callee") as callee:
        sent = caller.invite(callee.uri)
        with pytest.raises(TimeoutError, match=r"(?s)180 to INVITE 1 INVITE did not come.*--> udp:127\.0\.0\.1"):
            await sent.response(180, within=0)
        callee.reply(await callee.request("INVITE"), 488)
        with pytest.raises(TimeoutError, match=r"SIP/2\.0 488"):
            await sent.response(200)


def test_sdp_that_changes_needs_a_higher_version() -> None:
    dialog = Dialog("call", "", "")
    sdp = "v=0\r\no=- 1 {} IN IP4 127.0.0.1\r\ns={}\r\n"
    complaints = [
        list(description_faults(dialog, sdp.format(version, name).encode()))
        for version, name in ((1, "a"), (1, "a"), (2, "b"), (2, "c"), (1, "d"))
    ]
    assert [len(faults) for faults in complaints] == [0, 0, 0, 1, 1]
    assert "the SDP's origin was" in next(description_faults(dialog, b"o=- 7 9 IN IP4 127.0.0.1"))


def test_headers_are_read_as_text() -> None:
    value = '"A, \\"B\\" ;tag=no" <sip:a@b;lr;x=1,2>;tag=yes ; q=1'
    assert tag_of(value) == "yes"
    assert uri_of(value) == "sip:a@b;lr;x=1,2"
    assert uri_of("sip:a@b;tag=1") == "sip:a@b"
    assert (parameter(value, "q"), parameter(value, "lr"), parameter("<sip:a>;rport", "rport")) == ("1", None, "")
    assert is_loose(value)
    assert place_of("sip:a@127.0.0.1;transport=TCP") == Place("tcp", "127.0.0.1", 5060)


async def test_a_stream_is_cut_into_messages() -> None:
    came: list[bytes] = []
    wire = Wire(lambda data, _: came.append(data), pytest.fail)
    await wire.open()
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    messages = [b"A\r\nl: 3\r\n\r\nabc", b"B\r\nContent-Length: 0\r\n\r\n", b"C\r\n\r\n"]
    for byte in b"\r\n\r\n".join(messages):
        writer.write(bytes([byte]))
        await writer.drain()

    async def all_came() -> bool:
        return len(came) == len(messages)

    await wait_until(all_came, "all messages")
    assert came == messages
    writer.close()
    await writer.wait_closed()
    await wire.close()


def test_values_of_one_line_are_told_apart() -> None:
    headers = Headers()
    for line in ('<sip:a,b;lr>, "x, y" <sip:c>', "<sip:d>"):
        headers.add("Route", line)
    assert values(headers, "Route") == ["<sip:a,b;lr>", '"x, y" <sip:c>', "<sip:d>"]
