"""The rtpproxy kind against the real rtpproxy, with real RTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Self

import pytest

from engines.kind import Exchange, Operation
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from engines.rtpproxy.commands import SessionKey, StreamOptions, info, update
from engines.rtpproxy.kind import RtpproxyKind
from engines.rtpproxy.replies import ErrorReply, Info, PortAllocation, parse_allocation, parse_info
from engines.sdp.session import parse
from events.names import NO_TAG, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told
from tests.peers.ports import HOST
from tests.peers.rtp import Parties, RtpEndpoint, converse, media_address
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

KIND = RtpproxyKind()


@pytest.fixture
async def relay() -> AsyncIterator[Rtpproxy]:
    async with Rtpproxy() as peer:
        yield peer


async def run(peer: Rtpproxy, exchange: Exchange) -> Told:
    """Have the node answer all commands of an exchange."""
    try:
        commands = next(exchange)
        while True:
            replies = [(await peer.command_reply(command.decode())).encode() for command in commands]
            commands = exchange.send(replies)
    except StopIteration as stop:
        return Told(stop.value)


async def negotiate(
    peer: Rtpproxy, verb: Verb, sdp: str | bytes, from_tag: Tag, to_tag: Tag = NO_TAG, **more: bytes
) -> bytes:
    """Do an offer or answer that has to succeed, and return the new SDP."""
    request: NgDict = {b"from-tag": from_tag.encode(), b"sdp": sdp if isinstance(sdp, bytes) else sdp.encode()}
    request |= {b"to-tag": to_tag.encode()} if to_tag else {}
    if "direction" in more:
        request[b"direction"] = list(more["direction"].split())
    reply = await run(
        peer, KIND.perform(Operation(verb=verb, relay_id=RelayId("abc@h-0"), request=NodeRequest(request)))
    )
    assert reply[b"result"] == b"ok", reply
    new = reply[b"sdp"]
    assert isinstance(new, bytes)
    return new


async def teardown(peer: Rtpproxy, from_tag: Tag = Tag("ft"), to_tag: Tag = Tag("tt")) -> Told:
    return await run(peer, KIND.perform(KIND.teardown(RelayId("abc@h-0"), from_tag, to_tag)))


async def test_a_call_with_media_both_ways_and_nothing_left_after_it(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        to_callee = await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        to_caller = await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt"))
        await parties.talk(to_caller, to_callee)

        assert parties.caller.senders == {media_address(to_caller)}
        assert parties.callee.senders == {media_address(to_callee)}

    reply = await teardown(relay)
    totals, tags = reply[b"totals"], reply[b"tags"]
    assert isinstance(totals, dict)
    assert isinstance(tags, dict)
    assert int(totals[b"RTP"][b"packets"]) >= 20  # type: ignore[index, call-overload, arg-type]
    assert set(tags) == {b"ft", b"tt"}
    assert await relay.sessions() == 0
    assert (await teardown(relay)).unknown


async def test_packets_are_counted_for_the_party_that_sent_them(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        to_caller = media_address(await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt")))
        for _ in range(3):
            parties.caller.send_packet(to_caller)
        await parties.callee.wait_for(parties.caller.ssrc, 3)

    for from_tag, to_tag in (("ft", "tt"), ("tt", "ft")):
        reply = await run(relay, KIND.perform(KIND.knows(RelayId("abc@h-0"), Tag(from_tag), Tag(to_tag))))
        stats = {b"index": 1, b"streams": [{b"stats": {b"packets": 3}}]}
        assert reply[b"tags"][b"ft"] == {b"tag": b"ft", b"medias": [stats]}  # type: ignore[index, call-overload]
    await teardown(relay)


async def test_offers_in_the_dialog_keep_the_session_and_its_ports_whoever_makes_them(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        caller, callee = parties.caller.sdp(), parties.callee.sdp()
        to_callee = media_address(await negotiate(relay, Verb.OFFER, caller, Tag("ft")))
        to_caller = media_address(await negotiate(relay, Verb.ANSWER, callee, Tag("ft"), Tag("tt")))

        assert media_address(await negotiate(relay, Verb.OFFER, caller, Tag("ft"), Tag("tt"))) == to_callee
        assert media_address(await negotiate(relay, Verb.ANSWER, callee, Tag("ft"), Tag("tt"))) == to_caller
        assert media_address(await negotiate(relay, Verb.OFFER, callee, Tag("tt"), Tag("ft"))) == to_caller
        assert media_address(await negotiate(relay, Verb.ANSWER, caller, Tag("tt"), Tag("ft"))) == to_callee
        assert await relay.sessions() == 1

        async with RtpEndpoint() as moved:
            await negotiate(relay, Verb.OFFER, moved.sdp(), Tag("tt"), Tag("ft"))
            await negotiate(relay, Verb.ANSWER, caller, Tag("tt"), Tag("ft"))
            parties.caller.talk_to(to_caller)
            moved.talk_to(to_callee)
            await converse(parties.caller, moved)
    await teardown(relay)
    assert await relay.sessions() == 0


async def test_one_delete_takes_all_streams_also_one_that_the_callee_added(relay: Rtpproxy) -> None:
    head = f"v=0\r\nc=IN IP4 {HOST}\r\n"
    two = f"{head}m=audio 4000 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 4004 RTP/AVP 96\r\n"
    three = two.replace("audio 0", "audio 4002")

    offered = parse(await negotiate(relay, Verb.OFFER, two, Tag("ft")))
    assert [stream.is_live for stream in offered.streams] == [True, False, True]
    await negotiate(relay, Verb.ANSWER, two, Tag("ft"), Tag("tt"))
    assert await relay.sessions() == 2
    await negotiate(relay, Verb.OFFER, three, Tag("tt"), Tag("ft"))
    await negotiate(relay, Verb.ANSWER, three, Tag("tt"), Tag("ft"))
    assert await relay.sessions() == 3

    assert (await teardown(relay))[b"result"] == b"ok"
    assert await relay.sessions() == 0


async def test_a_session_that_the_callee_made_without_knowing_of_the_caller_goes_with_the_others(
    relay: Rtpproxy,
) -> None:
    async with Parties() as parties:
        await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt"))
        await negotiate(relay, Verb.OFFER, parties.callee.sdp(), Tag("tt"))
    assert await relay.sessions() == 2
    await teardown(relay)
    assert await relay.sessions() == 0


async def test_two_streams_carry_media_apart(relay: Rtpproxy) -> None:
    async with Parties() as audio, Parties() as video:

        def sdp(first: RtpEndpoint, second: RtpEndpoint) -> str:
            streams = f"m=audio {first.address[1]} RTP/AVP 0\r\nm=video {second.address[1]} RTP/AVP 96\r\n"
            return f"v=0\r\nc=IN IP4 {HOST}\r\n{streams}"

        to_callee = parse(await negotiate(relay, Verb.OFFER, sdp(audio.caller, video.caller), Tag("ft")))
        to_caller = parse(await negotiate(relay, Verb.ANSWER, sdp(audio.callee, video.callee), Tag("ft"), Tag("tt")))
        for parties, number in ((audio, 0), (video, 1)):
            parties.caller.talk_to((HOST, int(to_caller.streams[number].port.text)))
            parties.callee.talk_to((HOST, int(to_callee.streams[number].port.text)))
            await converse(parties.caller, parties.callee)
    await teardown(relay)
    assert await relay.sessions() == 0


async def test_a_teardown_before_the_answer(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
    assert (await teardown(relay, to_tag=NO_TAG))[b"result"] == b"ok"
    assert await relay.sessions() == 0


async def test_an_answer_without_an_offer_is_about_an_unknown_call(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        request: NgDict = {b"from-tag": b"ft", b"to-tag": b"tt", b"sdp": parties.callee.sdp().encode()}
        reply = await run(
            relay, KIND.perform(Operation(verb=Verb.ANSWER, relay_id=RelayId("abc"), request=NodeRequest(request)))
        )
    assert reply.unknown


async def test_hold_the_old_way(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt"))
        held = await negotiate(
            relay,
            Verb.OFFER,
            parties.caller.sdp().replace(f"c=IN IP4 {HOST}", "c=IN IP4 0.0.0.0"),
            Tag("ft"),
            Tag("tt"),
        )
    assert b"c=IN IP4 0.0.0.0\r\n" in held
    await teardown(relay)


async def test_a_relay_without_ports_says_what_clients_understand() -> None:
    async with Rtpproxy("-m", "65530", "-M", "65532") as peer, Parties() as parties:
        request: NgDict = {b"from-tag": b"ft", b"sdp": parties.caller.sdp().encode()}
        replies = [
            await run(
                peer,
                KIND.perform(
                    Operation(verb=Verb.OFFER, relay_id=RelayId(f"abc-{number}"), request=NodeRequest(request))
                ),
            )
            for number in range(4)
        ]
        assert replies[-1] == {b"result": b"error", b"error-reason": b"Ran out of ports"}
        assert await peer.sessions() == sum(reply[b"result"] == b"ok" for reply in replies)


async def test_ping_and_info(relay: Rtpproxy) -> None:
    assert await run(relay, KIND.ping()) == {b"result": b"pong"}
    found = parse_info((await relay.command_reply(info(brief=False).decode())).encode())
    assert isinstance(found, Info)
    assert found.active_sessions == 0


@pytest.mark.parametrize(
    "options",
    [
        StreamOptions(asymmetric=True, weak=True, new_port=True),
        StreamOptions(asymmetric=False, ptime=20, payload_types=(0, 8)),
        StreamOptions(payload_types=(0,), local_address=HOST),
        StreamOptions(remote_address=HOST, ptime=30),
    ],
)
async def test_all_options_are_understood(relay: Rtpproxy, options: StreamOptions) -> None:
    command = update(options, SessionKey(b"abc", b"ft", medium=1), HOST.encode(), 4000)
    reply = parse_allocation((await relay.command_reply(command.decode())).encode())
    assert isinstance(reply, PortAllocation)


async def test_a_relay_without_bridge_mode_refuses_interfaces(relay: Rtpproxy) -> None:
    command = update(StreamOptions(interfaces="ie"), SessionKey(b"abc", b"ft", medium=1), HOST.encode(), 4000)
    assert parse_allocation((await relay.command_reply(command.decode())).encode()) == ErrorReply(12)


class Ipv6Endpoint(RtpEndpoint):
    """A party that speaks IPv6."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("::1", 0))
        return self

    def sdp(self, version: int = 1) -> str:
        return super().sdp(version).replace("IN IP4", "IN IP6")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_a_call_between_ipv4_and_ipv6() -> None:
    async with Rtpproxy("-6", "/::1") as peer, RtpEndpoint() as caller, Ipv6Endpoint() as callee:
        to_callee = await negotiate(peer, Verb.OFFER, caller.sdp(), Tag("ft"), direction=b"internal external")
        to_caller = await negotiate(
            peer, Verb.ANSWER, callee.sdp(), Tag("ft"), Tag("tt"), direction=b"external internal"
        )

        assert b"c=IN IP6 ::1\r\n" in to_callee
        assert b"c=IN IP4 127.0.0.1\r\n" in to_caller
        caller.talk_to(media_address(to_caller))
        callee.talk_to(media_address(to_callee))
        await converse(caller, callee)
        await teardown(peer)
        assert await peer.sessions() == 0


async def test_a_unix_socket_takes_one_command_a_connection_with_or_without_newline() -> None:
    async with Rtpproxy(unix=True) as peer:
        for command in (b"V", b"V\n"):
            reader, writer = await asyncio.open_unix_connection(peer.unix_url.removeprefix("unix:"))
            writer.write(command)
            assert await reader.read() == b"20040107\n"
            writer.close()
            await writer.wait_closed()
