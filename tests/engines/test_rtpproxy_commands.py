from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ids import safe_name
from engines.kind import Untranslatable
from engines.rtpproxy.commands import (
    VERSION,
    Notification,
    SessionKey,
    StreamOptions,
    capability,
    delete,
    info,
    look_up,
    query,
    record,
    update,
)

PLAIN = StreamOptions()
OFFERED = SessionKey(b"abc@h", b"ftag", medium=1)
ANSWERED = SessionKey(b"abc@h", b"ftag", b"ttag", 2)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (VERSION, b"V"),
        (capability("20081102"), b"VF 20081102"),
        (update(PLAIN, OFFERED, b"10.0.0.1", 4000), b"U abc@h 10.0.0.1 4000 ftag;1"),
        (update(PLAIN, ANSWERED, b"10.0.0.1", 4000), b"U abc@h 10.0.0.1 4000 ftag;2 ttag;2"),
        (look_up(PLAIN, ANSWERED, b"10.0.0.9", 5000), b"L abc@h 10.0.0.9 5000 ftag;2 ttag;2"),
        (
            update(PLAIN, OFFERED, b"10.0.0.1", 4000, notification=Notification(b"tcp:10.0.0.5:9000", b"d%201")),
            b"U abc@h 10.0.0.1 4000 ftag;1 tcp:10.0.0.5:9000 d%201",
        ),
        (delete(SessionKey(b"abc@h", b"ftag", b"ttag")), b"D abc@h ftag ttag"),
        (delete(SessionKey(b"abc@h", b"ftag"), weak=True), b"Dw abc@h ftag"),
        (query(ANSWERED), b"Q abc@h ftag;2 ttag;2"),
        (info(), b"Ib"),
        (info(brief=False), b"I"),
    ],
)
def test_commands(command: bytes, text: bytes) -> None:
    assert command == text


@pytest.mark.parametrize(
    ("options", "letters"),
    [
        (PLAIN, b""),
        (StreamOptions(asymmetric=True), b"a"),
        (StreamOptions(asymmetric=False, interfaces="ie", ipv6=True, weak=True, new_port=True), b"sie6wn"),
        (StreamOptions(ptime=20, payload_types=(0, 101)), b"z20c0,101"),
        (StreamOptions(ipv6=True, payload_types=(8,), local_address="2001:db8::1"), b"6c8l[2001:db8::1]"),
        (StreamOptions(remote_address="192.0.2.1"), b"r192.0.2.1"),
    ],
)
def test_options(options: StreamOptions, letters: bytes) -> None:
    assert options.encode() == letters


@pytest.mark.parametrize("bad", [b"", b"a b", b"a\nb", b"a\rb", b"a\tb", b"a\0b", b"a\x7fb", b"&&", b" a", b"a\n"])
def test_what_could_end_a_word_is_refused_everywhere(bad: bytes) -> None:
    with pytest.raises(Untranslatable, match="call-id"):
        delete(SessionKey(bad, b"ftag"))
    with pytest.raises(Untranslatable, match="from-tag"):
        delete(SessionKey(b"id", bad))
    with pytest.raises(Untranslatable, match="address"):
        update(PLAIN, OFFERED, bad, 4000)
    if bad:
        with pytest.raises(Untranslatable, match="to-tag"):
            delete(SessionKey(b"id", b"ftag", bad))


def test_a_tag_with_a_semicolon_is_refused_since_it_would_name_another_stream() -> None:
    with pytest.raises(Untranslatable, match=r"from-tag: .* semicolon"):
        query(SessionKey(b"id", b"ftag;2", medium=1))


def test_a_command_longer_than_the_relay_reads_is_refused() -> None:
    with pytest.raises(Untranslatable, match="too long"):
        delete(SessionKey(b"x" * 7000, b"f" * 2000))


def split_as_rtpproxy_does(command: bytes) -> list[bytes]:
    """Follow rtpp_strsplit and rtpp_command_split: four separators, `&&` begins another command, NUL is an error."""
    assert b"\0" not in command
    words = [word for word in command.translate(bytes.maketrans(b"\t\r\n", b"   ")).split(b" ") if word]
    assert b"&&" not in words
    return words


def on_the_relay(tag: bytes) -> bytes:
    return safe_name(tag.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def test_no_recording_leaves_its_folder() -> None:
    assert record(SessionKey(b"abc@h", b"../../tag", medium=1)) == b"R abc@h ..#x2f..#x2ftag;1"
    with pytest.raises(Untranslatable, match="slash"):
        record(SessionKey(b"../../abc", b"tag", medium=1))


@given(st.binary(max_size=12), st.binary(max_size=12), st.binary(max_size=12), st.none() | st.integers(1, 9))
def test_whatever_is_sent_arrives_as_it_was_meant(
    call_id: bytes, from_tag: bytes, to_tag: bytes, medium: int | None
) -> None:
    try:
        command = update(PLAIN, SessionKey(call_id, from_tag, to_tag, medium), b"10.0.0.1", 4000)
    except Untranslatable:
        return
    suffix = b"" if medium is None else b";%d" % medium
    tags = [on_the_relay(tag) + suffix for tag in (from_tag, to_tag) if tag]
    assert split_as_rtpproxy_does(command) == [b"U", call_id, b"10.0.0.1", b"4000", *tags]
    assert all(tag.count(b";") == len(suffix[:1]) for tag in tags)
