"""Prompts and recordings: what is sent to an rtpproxy, and what a real one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.kind import Operation, Untranslatable
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from engines.rtpproxy.kind import RtpproxyKind
from engines.rtpproxy.prompts import NOT_RECORDED
from events.names import RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import run
from tests.engines.test_rtpproxy_e2e import negotiate, teardown
from tests.engines.test_rtpproxy_e2e import run as run_on
from tests.peers.rtp import Parties
from tests.peers.rtpproxy import Rtpproxy

KIND = RtpproxyKind()
PARTIES: NgDict = {b"from-tag": b"ft", b"to-tag": b"tt"}
ALL: NgDict = {**PARTIES, b"flags": [b"all"]}
OK: NgDict = {b"result": b"ok"}


def operation(verb: Verb, request: NgDict) -> Operation:
    return Operation(verb=verb, relay_id=RelayId("abc@h-0"), request=NodeRequest(request))


@pytest.mark.parametrize(
    ("verb", "request_", "commands"),
    [
        (Verb.PLAY_MEDIA, {**PARTIES, b"file": b"/p/hello"}, [b"P1 abc@h-0 /p/hello session ft;1 tt;1"]),
        (Verb.PLAY_MEDIA, {b"from-tag": b"ft", b"file": b"x"}, [b"P1 abc@h-0 x session ft;1"]),
        (
            Verb.PLAY_MEDIA,
            {**ALL, b"file": b"x", b"repeat-times": 3},
            [b"P3 abc@h-0 x session ft;1 tt;1", b"P3 abc@h-0 x session tt;1 ft;1"],
        ),
        (Verb.PLAY_MEDIA, {**PARTIES, b"file": b"x", b"repeat times": b"7"}, [b"P7 abc@h-0 x session ft;1 tt;1"]),
        (Verb.STOP_MEDIA, PARTIES, [b"S abc@h-0 ft;1 tt;1"]),
        (Verb.STOP_MEDIA, ALL, [b"S abc@h-0 ft;1 tt;1", b"S abc@h-0 tt;1 ft;1"]),
        (Verb.START_RECORDING, PARTIES, [b"R abc@h-0 ft tt", b"R abc@h-0 tt ft"]),
        (Verb.START_RECORDING, {b"from-tag": b"ft"}, [b"R abc@h-0 ft"]),
        (Verb.STOP_RECORDING, PARTIES, [b"Na abc@h-0 ft tt"]),
    ],
)
def test_commands(verb: Verb, request_: NgDict, commands: list[bytes]) -> None:
    assert run(KIND.perform(operation(verb, request_)), lambda _: b"0\n") == ([commands], OK)


@pytest.mark.parametrize(
    ("verb", "reply", "reason"),
    [
        (Verb.PLAY_MEDIA, b"E50\n", b"Unknown call-id"),
        (Verb.PLAY_MEDIA, b"E60\n", b"the rtpproxy refused it: E60, the prompt cannot be played"),
        (Verb.STOP_MEDIA, b"E50\n", b"Unknown call-id"),
        (Verb.START_RECORDING, b"E50\n", b"Unknown call-id, or the rtpproxy has no directory for recordings (-r)"),
        (Verb.STOP_RECORDING, b"E98\n", b"Load limit exceeded"),
    ],
)
def test_refusals(verb: Verb, reply: bytes, reason: bytes) -> None:
    _, told = run(KIND.perform(operation(verb, {**PARTIES, b"file": b"x"})), lambda _: reply)
    why = told[b"error-reason"]
    assert isinstance(why, bytes)
    assert why.startswith(reason)


def test_that_nothing_is_recorded_is_no_failure_of_stop_recording() -> None:
    _, told = run(KIND.perform(operation(Verb.STOP_RECORDING, PARTIES)), lambda _: b"E50\n")
    assert told == {b"result": b"ok", b"warning": NOT_RECORDED}


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({}, "file: an rtpproxy needs the name"),
        ({b"blob": b"RIFF"}, "blob: an rtpproxy plays whole files"),
        ({b"file": b"x", b"start-pos": 5}, "start-pos: "),
        ({b"file": b"x", b"repeat-times": b"often"}, "repeat-times: b'often'"),
        ({b"file": b"x", b"repeat-times": 0}, "repeat-times: 0"),
        ({b"file": b"a b"}, "file: b'a b' has bytes"),
    ],
)
def test_what_cannot_be_played_is_refused(request_: NgDict, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        KIND.perform(operation(Verb.PLAY_MEDIA, {**PARTIES, **request_}))


@pytest.mark.e2e
async def test_the_party_that_is_named_hears_a_prompt(tmp_path: Path) -> None:
    (tmp_path / "hello.0").write_bytes(b"\x55" * 80_000)
    async with Rtpproxy() as relay, Parties() as parties:
        await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt"))
        request: NgDict = {**PARTIES, b"file": bytes(tmp_path / "hello")}

        assert await run_on(relay, KIND.perform(operation(Verb.PLAY_MEDIA, request))) == OK
        packet, _ = await parties.caller.received.get()
        assert set(packet[12:]) == {0x55}
        assert await run_on(relay, KIND.perform(operation(Verb.STOP_MEDIA, PARTIES))) == OK
        missing = await run_on(relay, KIND.perform(operation(Verb.PLAY_MEDIA, {**request, b"file": b"/none"})))
        assert missing[b"result"] == b"error"
        await teardown(relay)


def recordings(folder: Path) -> list[Path]:
    """Return the recordings of more than a few packets."""
    return [path for path in folder.rglob("*.rtp") if path.stat().st_size > 5 * 160]


@pytest.mark.e2e
async def test_what_both_parties_say_is_recorded(tmp_path: Path) -> None:
    async with Rtpproxy("-r", str(tmp_path)) as relay, Parties() as parties:
        to_callee = await negotiate(relay, Verb.OFFER, parties.caller.sdp(), Tag("ft"))
        to_caller = await negotiate(relay, Verb.ANSWER, parties.callee.sdp(), Tag("ft"), Tag("tt"))
        assert await run_on(relay, KIND.perform(operation(Verb.START_RECORDING, PARTIES))) == OK
        await parties.talk(to_caller, to_callee)
        assert await run_on(relay, KIND.perform(operation(Verb.STOP_RECORDING, PARTIES))) == OK
        assert (await run_on(relay, KIND.perform(operation(Verb.STOP_RECORDING, PARTIES))))[b"warning"] == NOT_RECORDED
        await teardown(relay)
    assert len(recordings(tmp_path)) == 2
