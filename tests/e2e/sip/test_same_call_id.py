"""Others use a live call's Call-ID: by design, as some B2BUAs do, or by malice. The call is none of theirs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from events.names import CallId, Tag
from replay.identity import id_of_caller
from tests.e2e.sip.calls import Call, Scene, on_scene
from tests.e2e.sip.stage import Stage
from tests.peers.ports import HOST
from tests.peers.rtp import media_address
from tests.peers.ua import Dialog, Sent
from tests.peers.ua_text import tag_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


@pytest_asyncio.fixture(loop_scope="package")
async def intruders(stage: Stage) -> AsyncIterator[Scene]:
    """Two who have nothing to do with the call."""
    async with on_scene(stage, "accomplice") as scene:
        yield scene


async def intrude(intruders: Scene, call_id: str) -> Sent:
    """Call the accomplice with the Call-ID of another call."""
    stage = intruders.stage
    return intruders.caller.invite(
        intruders.callee.uri,
        stage.place(),
        sdp=intruders.caller.sdp(),
        headers=[("X-Engine", stage.engine)],
        call_id=call_id,
    )


def own_name(sent: Sent) -> str:
    """Return the name of the stream that an intruder's call has."""
    return id_of_caller(CallId(sent.request.call_id), Tag(tag_of(sent.request.headers["From"])))


async def version(stage: Stage, call_id: str) -> int:
    """Return how many events a call's journal has."""
    return len(await stage.service.events(call_id))


async def test_one_that_fails_takes_nothing_of_the_call(scene: Scene, intruders: Scene) -> None:
    stage = scene.stage
    call_id, call = await scene.establish()
    before = await version(stage, call_id)
    sent = await intrude(intruders, call_id)
    arrived = await intruders.callee.request("INVITE")
    assert media_address(arrived.body) != media_address(call.callee.hears)
    await stage.holds(2)
    intruders.callee.reply(arrived, 486)
    await sent.response(486)
    await stage.holds(1)
    assert await version(stage, call_id) == before
    await call.talk()
    await call.keeps_its_ports("callee")
    await call.hang_up("caller")
    await stage.nothing_is_left(call_id)


async def test_one_that_is_answered_is_a_call_of_its_own(scene: Scene, intruders: Scene) -> None:
    stage = scene.stage
    call_id, call = await scene.establish()
    before = await version(stage, call_id)
    sent = await intrude(intruders, call_id)
    arrived = await intruders.callee.request("INVITE")
    intruders.callee.reply(arrived, 200, sdp=intruders.callee.sdp())
    other = await intruders.accepted(sent, arrived, intruders.callee)
    assert await version(stage, call_id) == before
    await stage.holds(2)
    for each in (call, other):
        await each.talk()
    await other.keeps_its_ports("callee")
    await call.keeps_its_ports("caller")
    await call.hang_up("callee")
    await stage.holds(1)
    await other.keeps_its_ports("caller")
    await other.talk()
    await other.hang_up("callee")
    await stage.nothing_is_left(call_id)
    await stage.nothing_is_left(own_name(sent))


async def test_while_the_call_rings(scene: Scene, intruders: Scene) -> None:
    stage = scene.stage
    first, (arrived,) = await scene.invite()
    scene.callee.reply(arrived, 183, sdp=scene.callee.sdp())
    await first.response(183)
    sent = await intrude(intruders, first.request.call_id)
    theirs = await intruders.callee.request("INVITE")
    intruders.callee.reply(theirs, 180)
    await sent.response(180)
    intruders.caller.cancel(sent)
    await sent.response(487)
    await stage.holds(1)
    scene.callee.reply(arrived, 200, sdp=scene.callee.sdp())
    call = await scene.accepted(first, arrived, scene.callee)
    await call.talk()
    await call.hang_up("callee")
    await stage.nothing_is_left(first.request.call_id)


async def test_one_that_was_there_before_the_call_has_ended_goes_on_after_it(scene: Scene, intruders: Scene) -> None:
    """The Call-ID is free again: a third call takes it, and the second one's requests still find theirs."""
    stage = scene.stage
    call_id, call = await scene.establish()
    sent = await intrude(intruders, call_id)
    arrived = await intruders.callee.request("INVITE")
    intruders.callee.reply(arrived, 200, sdp=intruders.callee.sdp())
    other = await intruders.accepted(sent, arrived, intruders.callee)
    await call.hang_up("caller")
    again = await intrude(scene, call_id)
    arrived = await scene.callee.request("INVITE")
    scene.callee.reply(arrived, 200, sdp=scene.callee.sdp())
    third = await scene.accepted(again, arrived, scene.callee)
    await other.keeps_its_ports("callee")
    await third.keeps_its_ports("callee")
    for each in (other, third):
        await each.talk()
        await each.hang_up("caller")
    await stage.nothing_is_left(call_id)
    await stage.nothing_is_left(own_name(sent))


# -- forged requests and responses in the dialog --


@contextmanager
def plain_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((HOST, 0))
        opened.setblocking(False)
        yield opened


def forged(method: str, dialog: Dialog, tags: tuple[str, str], port: int, sdp: str) -> bytes:
    """Write a request that has a dialog's Call-ID and route, and leads to a port of ours."""
    body = sdp.encode() if method in ("INVITE", "UPDATE", "ACK", "PRACK") else b""
    route = "".join(f"Route: {value}\r\n" for value in dialog.routes)
    to_tag = f";tag={tags[1]}" if tags[1] else ""
    head = (
        f"{method} sip:victim@{HOST}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{method}{id(tags)}\r\n"
        f"{route}Max-Forwards: 70\r\nFrom: <sip:one@example.com>;tag={tags[0]}\r\nTo: <sip:two@example.com>{to_tag}\r\n"
        f"Call-ID: {dialog.call_id}\r\nCSeq: 4711 {method}\r\nContact: <sip:evil@{HOST}:{port}>\r\n"
        f"RAck: 1 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


METHODS = ("BYE", "INVITE", "UPDATE", "PRACK", "INFO", "ACK", "CANCEL", "REFER")


async def test_requests_with_other_tags_change_nothing(scene: Scene) -> None:
    stage = scene.stage
    call_id, call = await scene.establish()
    one, two = tag_of(call.caller.dialog.local), tag_of(call.caller.dialog.remote)
    records = await stage.service.events(call_id)
    wrong = [(one, "x"), ("x", one), (two, "x"), ("x", two), ("x", "y"), (two, two), (one, one), ("x", "x")]
    loop = asyncio.get_running_loop()
    with plain_socket() as opened:
        port = opened.getsockname()[1]
        for tags in wrong:
            for method in METHODS:
                data = forged(method, call.caller.dialog, tags, port, scene.caller.sdp())
                await loop.sock_sendto(opened, data, (HOST, stage.service.sip_port))
    await still_is(call, stage, call_id, len(records))


async def still_is(call: Call, stage: Stage, call_id: str, events: int) -> None:
    """See that a call goes on, that its journal has so many events, and that it ends when its parties want that."""
    await call.ask("caller", "INFO")  # by now the door has seen what came before
    records = await stage.service.events(call_id)
    assert [record.event for record in records[events:] if getattr(record.event, "method", "") != "INFO"] == []
    await call.talk()
    await call.keeps_its_ports("callee")
    await call.keeps_its_ports("caller")
    await call.hang_up("callee")
    await stage.nothing_is_left(call_id)


async def test_a_cancel_with_other_tags_cancels_nothing(scene: Scene) -> None:
    """It has the INVITE's branch, which whoever is between may have seen, and not its tags."""
    sent, (arrived,) = await scene.invite()
    scene.callee.reply(arrived, 180)
    await sent.response(180)
    wrong = bytes(scene.caller._same_hop("CANCEL", sent, sent.request.headers["To"]))
    tag = tag_of(sent.request.headers["From"]).encode()
    with plain_socket() as opened:
        loop = asyncio.get_running_loop()
        place = (HOST, scene.stage.service.sip_port)
        await loop.sock_sendto(opened, wrong.replace(tag, b"another"), place)
        await loop.sock_sendto(opened, wrong.replace(sent.request.call_id.encode(), b"another"), place)
    scene.callee.reply(arrived, 183, sdp=scene.callee.sdp())
    await sent.response(183)
    scene.callee.reply(arrived, 200, sdp=scene.callee.sdp())
    call = await scene.accepted(sent, arrived, scene.callee)
    await call.talk()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(sent.request.call_id)


async def test_a_callee_that_answers_with_a_tag_of_another_call(scene: Scene, intruders: Scene) -> None:
    """Its To tag is what it says; whatever it is, it is one of its own call."""
    stage = scene.stage
    call_id, call = await scene.establish()
    before = await version(stage, call_id)
    sent = await intrude(intruders, call_id)
    arrived = await intruders.callee.request("INVITE")
    stolen = tag_of(call.callee.dialog.local)
    arrived.to_value = f"{arrived.request.headers['To']};tag={stolen}"
    intruders.callee.reply(arrived, 200, sdp=intruders.callee.sdp())
    other = await intruders.accepted(sent, arrived, intruders.callee)
    await other.hang_up("callee")
    await stage.holds(1)
    assert await version(stage, call_id) == before
    await call.talk()
    await call.hang_up("callee")
    await stage.nothing_is_left(call_id)
