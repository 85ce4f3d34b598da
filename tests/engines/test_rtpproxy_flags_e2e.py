"""The letters of rtpproxy's flags, on a real rtpproxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.kind import Operation
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict
from engines.rtpproxy.kind import RtpproxyKind
from engines.rtpproxy.own import MARK
from events.names import RelayId, Tag
from events.verb import Verb
from tests.engines.test_rtpproxy_e2e import run
from tests.peers.rtp import Parties, RtpEndpoint, converse, media_address
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

KIND = RtpproxyKind()


@pytest.fixture
async def relay() -> AsyncIterator[Rtpproxy]:
    async with Rtpproxy() as peer:
        yield peer


async def ask(peer: Rtpproxy, media: MediaRequest) -> NgDict:
    operation = Operation(verb=media.verb, relay_id=RelayId("abc-0"), request=KIND.request(media))
    reply = await run(peer, KIND.perform(operation))
    assert reply.ok, reply
    return reply


def offer_of(party: RtpEndpoint, flags: str = "") -> MediaRequest:
    return MediaRequest(verb=Verb.OFFER, from_tag=Tag("ft"), sdp=party.sdp().encode(), flags=flags)


def answer_of(party: RtpEndpoint, flags: str = "") -> MediaRequest:
    return replace(offer_of(party, flags), verb=Verb.ANSWER, to_tag=Tag("tt"))


def body(reply: NgDict) -> bytes:
    sdp = reply[b"sdp"]
    assert isinstance(sdp, bytes)
    return sdp


@pytest.mark.parametrize("flags", ["", "rco", "acz20", "swrt600T500"])
async def test_a_call_with_flags_has_media_and_marks_and_leaves_nothing(relay: Rtpproxy, flags: str) -> None:
    async with Parties() as parties:
        to_callee = body(await ask(relay, offer_of(parties.caller, flags)))
        to_caller = body(await ask(relay, answer_of(parties.callee, flags)))
        assert to_callee.endswith(MARK + b"\r\n")
        assert to_caller.endswith(MARK + b"\r\n")
        await parties.talk(to_caller, to_callee)

        await ask(relay, MediaRequest(verb=Verb.DELETE, from_tag=Tag("ft"), to_tag=Tag("tt")))
        assert await relay.sessions() == 0


async def test_t_sets_the_time_to_live(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        await ask(relay, offer_of(parties.caller, "t4321"))
    assert (await relay.command_reply("Q abc-0 ft;1")).startswith(("4321 ", "4320 "))


async def test_n_has_the_end_of_a_silent_session_told(tmp_path: Path) -> None:
    told: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.put_nowait(await reader.readline())
        writer.close()

    server = await asyncio.start_unix_server(listen, tmp_path / "notices")
    async with server, Rtpproxy("-n", f"unix:{tmp_path / 'notices'}") as relay, Parties() as parties:
        offer = offer_of(parties.caller, f"t1n<unix:{tmp_path / 'notices'}>")
        await ask(relay, replace(offer, notify_tag="call 1%"))
        async with asyncio.timeout(10):
            assert await told.get() == b"call 1%\n"


async def test_l_makes_no_session_and_finds_the_one_that_is_there(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        unknown = Operation(
            verb=Verb.OFFER, relay_id=RelayId("abc-0"), request=KIND.request(offer_of(parties.caller, "l"))
        )
        assert (await run(relay, KIND.perform(unknown))).unknown
        assert await relay.sessions() == 0

        first = media_address(body(await ask(relay, offer_of(parties.caller))))
        assert media_address(body(await ask(relay, offer_of(parties.caller, "l")))) == first
        assert await relay.sessions() == 1


async def test_k_makes_a_session_that_the_parties_do_not_know_of(relay: Rtpproxy) -> None:
    async with Parties() as parties:
        offer = offer_of(parties.caller, "k")
        assert body(await ask(relay, offer)) == offer.sdp
        assert await relay.sessions() == 1


async def test_a_chain_of_two_relays_needs_f() -> None:
    async with Rtpproxy() as near, Rtpproxy() as far, Parties() as parties:
        marked = replace(offer_of(parties.caller), sdp=body(await ask(near, offer_of(parties.caller))))
        assert body(await ask(far, marked)) == marked.sdp
        assert await far.sessions() == 0

        to_callee = body(await ask(far, replace(marked, flags="f")))
        from_far = replace(answer_of(parties.callee), sdp=body(await ask(far, answer_of(parties.callee, "f"))))
        to_caller = body(await ask(near, replace(from_far, flags="f")))
        assert to_callee.count(MARK) == to_caller.count(MARK) == 1
        parties.caller.talk_to(media_address(to_caller))
        parties.callee.talk_to(media_address(to_callee))
        await converse(parties.caller, parties.callee)
