"""The letters of rtpproxy's flags: requests made of them, and what becomes of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engines.kind import Operation, Untranslatable
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from engines.rtpproxy.flags import read
from engines.rtpproxy.kind import RtpproxyKind
from engines.rtpproxy.own import LEFT_ALONE, MARK
from events.names import RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told, run
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS

KIND = RtpproxyKind()
OFFER = MediaRequest(verb=Verb.OFFER, from_tag=Tag("ft"), sdp=AUDIO, received_from="192.0.2.7")
ANSWER = replace(OFFER, verb=Verb.ANSWER, to_tag=Tag("tt"))
MARKED = AUDIO + MARK + b"\r\n"
RELAYED = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 203.0.113.5").replace(b"4000", b"35000")
PORT = b"35000 203.0.113.5\n"


def ask(media: MediaRequest, reply: Callable[[bytes], bytes] = lambda _: PORT) -> tuple[list[bytes], Told]:
    """Perform a request on a node with one answer for all; return its commands and the reply."""
    operation = Operation(verb=media.verb, relay_id=RelayId("abc"), request=KIND.request(media))
    asked, answered = run(KIND.perform(operation), reply)
    return [command for commands in asked for command in commands], answered


@pytest.mark.parametrize(
    ("letters", "options", "own"),
    [
        (b"", {}, {}),
        (b"a", {b"flags": [b"asymmetric", b"trust-address"]}, {}),
        (b"s", {b"flags": [b"symmetric"]}, {}),
        (b"W", {b"flags": [b"symmetric"]}, {}),
        (b"as", {b"flags": [b"symmetric", b"trust-address"]}, {}),
        (b"sa", {b"flags": [b"asymmetric", b"trust-address"]}, {}),
        (b"rr", {b"flags": [b"trust-address"]}, {}),
        (b"co o", {b"replace": [b"session-connection", b"origin"]}, {}),
        (b"ie", {b"direction": [b"internal", b"external"]}, {}),
        (b"Ei", {b"direction": [b"external", b"internal"]}, {}),
        (b"z20z30", {b"repacketize": 30}, {}),
        (b"lkf", {}, {b"look-up": 1, b"keep-sdp": 1, b"force": 1}),
        (b"LKF", {}, {b"look-up": 1, b"keep-sdp": 1, b"force": 1}),
        (b"n", {}, {b"notify": b""}),
        (b"n<unix:/run/x>", {}, {b"notify": b"unix:/run/x"}),
        (b"N<tcp:[::1]:9>r", {b"flags": [b"trust-address"]}, {b"notify": b"tcp:[::1]:9"}),
        (b"t60T90", {}, {b"ttl": 60, b"peer-ttl": 90}),
        (b"d", {}, {b"dtmf": b""}),
        (b"D96r", {b"flags": [b"trust-address"]}, {b"dtmf": b"96"}),
    ],
)
def test_letters(letters: bytes, options: NgDict, own: NgDict) -> None:
    assert read(letters) == {**options, b"rtpproxy": own}


@pytest.mark.parametrize(
    ("letters", "why"),
    [
        (b"x", "'x' is not a flag"),
        (b"co7", "'7' is not a flag"),
        (b"n<unclosed", "'<' is not a flag"),
        (b"\xff", r"'\\\\xff' is not a flag"),
        (b"z", "z: a number is needed"),
        (b"z0", "z0: a number"),
        (b"z1000", "z1000: a number"),
        (b"t", "t: a number"),
        (b"T99999999999", "T99999999999: a number"),
        (b"i", "i and e stand in pairs"),
        (b"eie", "i and e stand in pairs"),
    ],
)
def test_letters_that_cannot_be_meant_are_refused(letters: bytes, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        read(letters)


def test_the_letters_of_all_places_are_one_text() -> None:
    media = replace(OFFER, type="r", in_iface="e", out_iface="internal", ctx_flags="z2", flags="0", peer="o")
    assert KIND.request(media).words == {
        b"command": b"offer",
        b"from-tag": b"ft",
        b"sdp": AUDIO,
        b"received-from": [b"IP4", b"192.0.2.7"],
        b"flags": [b"trust-address"],
        b"direction": [b"external", b"internal"],
        b"repacketize": 20,
        b"replace": [b"origin"],
        b"rtpproxy": {},
    }


def test_a_delete_names_the_session_only() -> None:
    media = MediaRequest(verb=Verb.DELETE, from_tag=Tag("ft"), to_tag=Tag("tt"), flags="o", delete="w", ctx_delete="x")
    assert KIND.request(media).words == {b"command": b"delete", b"from-tag": b"ft", b"to-tag": b"tt"}


def test_an_offer_without_flags_is_marked() -> None:
    commands, reply = ask(OFFER)
    assert commands == [b"Uc0,8 abc 192.0.2.7 4000 ft;1"]
    assert reply == {b"result": b"ok", b"sdp": RELAYED + MARK + b"\r\n"}


def test_for_a_client_without_our_key_marks_mean_nothing() -> None:
    request: NgDict = {b"from-tag": b"ft", b"sdp": MARKED}
    _, reply = run(
        KIND.perform(Operation(verb=Verb.OFFER, relay_id=RelayId("abc"), request=NodeRequest(request))), lambda _: PORT
    )
    assert reply[b"sdp"] == RELAYED + MARK + b"\r\n"


@pytest.mark.parametrize("media", [replace(OFFER, sdp=MARKED), replace(ANSWER, sdp=MARKED, flags="k")])
def test_an_sdp_that_another_proxy_has_marked_is_left_alone(media: MediaRequest) -> None:
    assert ask(media) == ([], {b"result": b"ok", b"sdp": MARKED, b"warning": LEFT_ALONE})


def test_f_goes_on_in_spite_of_a_mark() -> None:
    commands, reply = ask(replace(OFFER, sdp=MARKED, flags="f"))
    assert len(commands) == 1
    assert reply[b"sdp"] == RELAYED + MARK + b"\r\n"


@pytest.mark.parametrize(
    ("body", "end"),
    [
        (ICE, b"a=rtcp-mux\r\n" + MARK + b"\r\n"),
        (OWN_CONNECTIONS.removesuffix(b"\0\0"), b"c=IN IP4 203.0.113.5\n" + MARK + b"\n"),
        (OWN_CONNECTIONS, b"c=IN IP4 203.0.113.5\n" + MARK + b"\n\0\0"),
    ],
)
def test_where_the_mark_stands(body: bytes, end: bytes) -> None:
    _, reply = ask(replace(OFFER, sdp=body, flags="r"))
    assert isinstance(reply[b"sdp"], bytes)
    assert reply[b"sdp"].endswith(end)


def test_the_mark_comes_after_a_c_line_that_is_added_at_the_same_place() -> None:
    body = AUDIO.removesuffix(b"a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n") + b"m=video 4002 RTP/AVP 96\r\n"
    addresses = iter([b"35000 203.0.113.5\n", b"35002 203.0.113.6\n"])
    _, reply = ask(replace(OFFER, sdp=body), lambda _: next(addresses))
    assert isinstance(reply[b"sdp"], bytes)
    assert reply[b"sdp"].endswith(b"m=video 35002 RTP/AVP 96\r\nc=IN IP4 203.0.113.6\r\n" + MARK + b"\r\n")


@pytest.mark.parametrize(
    ("media", "command"),
    [
        (replace(OFFER, flags="a"), b"Uac0,8 abc 10.0.0.1 4000 ft;1"),
        (replace(OFFER, flags="w"), b"Usc0,8 abc 192.0.2.7 4000 ft;1"),
        (replace(OFFER, flags="r"), b"Uc0,8 abc 10.0.0.1 4000 ft;1"),
        (replace(OFFER, flags="z30"), b"Uz30c0,8 abc 192.0.2.7 4000 ft;1"),
        (replace(OFFER, in_iface="i", out_iface="e"), b"Uiec0,8 abc 192.0.2.7 4000 ft;1"),
        (replace(OFFER, type="RTP"), b"Uc0,8 abc 192.0.2.7 4000 ft;1"),
        (replace(OFFER, flags="l"), b"Lc0,8 abc 192.0.2.7 4000 dummy;1 ft;1"),
        (replace(OFFER, flags="l", to_tag=Tag("tt")), b"Lc0,8 abc 192.0.2.7 4000 tt;1 ft;1"),
        (replace(ANSWER, flags="l"), b"Lc0,8 abc 192.0.2.7 4000 ft;1 tt;1"),
        (
            replace(OFFER, flags="n<unix:/run/x>", notify_tag="a b%"),
            b"Uc0,8 abc 192.0.2.7 4000 ft;1 unix:/run/x a%20b%25",
        ),
        (
            replace(OFFER, flags="n", notify_socket="tcp:127.0.0.1:9", notify_tag="t"),
            b"Uc0,8 abc 192.0.2.7 4000 ft;1 tcp:127.0.0.1:9 t",
        ),
        (replace(ANSWER, flags="n<unix:/run/x>", notify_tag="t"), b"Lc0,8 abc 192.0.2.7 4000 ft;1 tt;1"),
        (replace(OFFER, flags="t60T90"), b"Uc0,8 abc 192.0.2.7 4000 ft;1 && S ttl=60 && Sr ttl=90"),
        (
            replace(OFFER, flags="d", notify_socket="unix:/x", notify_tag="t"),
            b"Uc0,8 abc 192.0.2.7 4000 ft;1 unix:/x I && M3:1 Ddt",
        ),
        (
            replace(ANSWER, flags="d101t60", notify_socket="unix:/x", notify_tag="t"),
            b"Lc0,8 abc 192.0.2.7 4000 ft;1 tt;1 && S ttl=60 && M3:1 Ddt 101",
        ),
    ],
)
def test_commands(media: MediaRequest, command: bytes) -> None:
    commands, reply = ask(media)
    assert commands == [command]
    assert reply.ok


def test_k_leaves_the_sdp_as_it_is() -> None:
    commands, reply = ask(replace(OFFER, flags="k"))
    assert commands == [b"Uc0,8 abc 192.0.2.7 4000 ft;1"]
    assert reply == {b"result": b"ok", b"sdp": AUDIO}


def test_o_and_c_and_the_leg_s_own_address() -> None:
    _, reply = ask(replace(OFFER, flags="oc", ip="198.51.100.1", sdp=OWN_CONNECTIONS))
    assert isinstance(reply[b"sdp"], bytes)
    assert reply[b"sdp"].count(b"IN IP4 198.51.100.1\n") == 4


def test_a_subcommand_that_fails_does_not_undo_the_session() -> None:
    _, reply = ask(replace(OFFER, flags="t60"), lambda _: b"35000 203.0.113.5 && -1\n")
    assert reply[b"sdp"] == RELAYED + MARK + b"\r\n"


@pytest.mark.parametrize(
    ("media", "why"),
    [
        (replace(OFFER, flags="q"), "'q' is not a flag of an rtpproxy"),
        (replace(OFFER, in_iface="dmz", out_iface="i"), "iface: dmz: an rtpproxy knows"),
        (replace(OFFER, in_iface="i"), "i and e stand in pairs"),
        (replace(OFFER, type="SRTP"), "transport-protocol rtp/savp: not something"),
        (replace(OFFER, flags="n", notify_tag="t"), "no socket for notices is known"),
        (replace(OFFER, flags="d"), "no socket for notices is known"),
        (replace(OFFER, received_from="here"), "received-from: here"),
        (replace(OFFER, ip="here"), "media-address: b'here' is not an IP address"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(media: MediaRequest, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        KIND.perform(Operation(verb=media.verb, relay_id=RelayId("abc"), request=KIND.request(media)))


def test_our_key_is_checked_as_all_that_comes_from_a_client() -> None:
    request: NgDict = {b"from-tag": b"ft", b"sdp": AUDIO, b"rtpproxy": b"f"}
    with pytest.raises(Untranslatable, match="rtpproxy: not a dictionary"):
        KIND.perform(Operation(verb=Verb.OFFER, relay_id=RelayId("abc"), request=NodeRequest(request)))
    request[b"rtpproxy"] = {b"dtmf": b"1\n&& X", b"notify": b"unix:/x", b"notify-tag": b"t"}
    with pytest.raises(Untranslatable, match="flags: b'&&' has bytes"):
        KIND.perform(Operation(verb=Verb.OFFER, relay_id=RelayId("abc"), request=NodeRequest(request)))
