"""Messages and Vias in their usual form are read as any other is, and others are not taken for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.sip.messages import lines, vias
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.lines import MAX_LINES, Parts, take_any_apart, take_apart
from gateways.sip.messages.vias import read_any_via, read_via, top_branch, top_via
from tests.gateways.sip.messages.examples import INVITE, RINGING
from tests.gateways.sip.messages.torture import load

REAL = [INVITE, RINGING, *load("rfc4475.txt").values(), *load("rfc5118.txt").values()]
PIECES = [b"\r\n", b"\r\n ", b"\n", b"\n\t", b"\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b":", b" ", b"\xe9", b"a:b\r\n"]

VIAS = st.lists(
    st.sampled_from(
        [
            *("SIP/2.0/UDP h", "SIP/2.0/UDP ", "SIP/2.0/tls ", "SIP / 2.0 / UDP ", "sip/2.0/UDP ", "SIP/7.0/UDP "),
            *("10.0.0.1", "a_b", "[::1]", ":5060", ":0", ":70000", " ", "\t", ",", "\xe9", "\r", "\n", "<", ">", '"'),
            *(";branch=z9hG4bK-1", ";rport", ";rport=", ";Rport=1", ";received=::1", ";=1", ";", ";a=b=c", '="a;b"'),
            *("\\", "/", ":", "=", "[", "]", "%", "a", "1"),
        ]
    ),
    max_size=7,
).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, min(len(data), 400)))
        data = data[:at] + draw(st.sampled_from(PIECES)) + data[at + draw(st.integers(0, 3)) :]
    return data


def told(parts: Parts) -> tuple[object, ...]:
    headers = [(name, parts.headers.getlist(name)) for name in parts.headers.keys()]  # noqa: SIM118 no mapping
    return parts.start, headers, parts.has_repeats, parts.body, parts.fault


@settings(max_examples=500)
@given(mutated() | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_messages(data: bytes) -> None:
    assert told(take_apart(data)) == told(take_any_apart(data))


@pytest.mark.parametrize("count", [MAX_LINES, MAX_LINES + 1])
def test_a_message_of_many_lines(count: int) -> None:
    data = b"INVITE sip:a SIP/2.0\r\n" + count * b"Route: <sip:a>\r\n" + b"\r\n"
    assert told(take_apart(data)) == told(take_any_apart(data))
    assert bool(take_apart(data).fault) == (count > MAX_LINES)


@settings(max_examples=1000)
@given(VIAS | VIAS.map("SIP/2.0/UDP host:5060".__add__))
def test_vias(text: str) -> None:
    def read(how: Callable[[str], object]) -> str:
        try:
            return repr(how(text))
        except ValueError as error:
            return f"no Via: {error}"

    assert read(read_via) == read(read_any_via)
    assert text_of(read_via, text) == text_of(read_any_via, text)
    headers = CopyableHeaders.of([("Via", [text])])
    assert branch_of(top_branch, headers) == branch_of(lambda of: top_via(of).parameters.get("branch") or "", headers)


def branch_of(how: Callable[[CopyableHeaders], str], headers: CopyableHeaders) -> str:
    try:
        return how(headers)
    except ValueError as error:
        return f"no Via: {error}"


def text_of(how: Callable[[str], object], text: str) -> str:
    try:
        return str(how(text))
    except ValueError:
        return ""


@pytest.mark.sources
def test_usual_ones_are_not_read_in_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "take_any_apart", None)
    monkeypatch.setattr(vias, "read_any_via", None)
    assert take_apart(INVITE).headers.getlist("Via")
    via = read_via("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport=5062;received=192.0.2.1")
    assert dict(via.parameters) == {"branch": "z9hG4bK1", "rport": "5062", "received": "192.0.2.1"}
