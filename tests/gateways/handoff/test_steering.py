"""The kernel gives each datagram to the worker that its call is served by, as the workers themselves reckon it."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateways.handoff.calls import call_of_ng, call_of_sip, top_branch
from gateways.handoff.sharing import Sharing
from gateways.handoff.steering.programs import Program, of_all, of_ng, of_sip
from gateways.handoff.steering.socket_filter import Do, If, SocketFilter, attach
from gateways.sip.messages.ids import worker_of
from gateways.sockets import bind
from rtp_relay.config import SocketAddress

GOLDEN = Path(__file__).parents[2] / "engines" / "golden_ng"
HOSTS = ["127.0.0.1", "::1"]
MOST = 5


class Group:
    """The sockets of five workers at one address, and a client. A group of fewer leaves the last ones alone."""

    def __init__(self, stack: ExitStack, host: str) -> None:
        first = bind(SocketAddress("udp", host, 0), shared=True)
        self.at: tuple[str, int] = first.getsockname()[:2]
        others = [bind(SocketAddress("udp", *self.at), shared=True) for _ in range(MOST - 1)]
        self.sockets = [stack.enter_context(sock) for sock in (first, *others)]
        self.client = stack.enter_context(socket.socket(first.family, socket.SOCK_DGRAM))

    def receiver(self, datagram: bytes) -> int:
        """Send a datagram; return the number of the worker that gets it."""
        self.client.sendto(datagram, self.at)
        (got,), _, _ = select.select(self.sockets, [], [], 10)
        assert got.recv(65_535) == datagram
        return self.sockets.index(got) + 1


@pytest.fixture(scope="module", params=HOSTS)
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(stack, request.param)


@st.composite
def sharings(draw: st.DrawFn) -> Sharing:
    sharing = Sharing(draw(st.integers(2, MOST)))
    sharing.set_alive(draw(st.sets(st.integers(1, sharing.workers), min_size=1)))
    return sharing


def text(of: bytes) -> bytes:
    return b"%d:%b" % (len(of), of)


COOKIES = st.from_regex(rb"[0-9a-f]{1,12}_[0-9]{1,4}", fullmatch=True)
CALL_IDS = st.binary(min_size=1, max_size=70)
WORDS = st.sampled_from([b"trust-address", b"ICE", b"session-connection", b"3:sd", b""])
SDPS = st.integers(0, 9000).map(lambda size: (b"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\n" * 300)[:size])


@st.composite
def ng_requests(draw: st.DrawFn) -> bytes:
    """A request as Kamailio and OpenSIPS put it (SDP first or not at all, then flags, then the call), or sorted."""
    first = draw(st.sampled_from([b"", b"8:supportsl10:load limite"]))
    sdp = b"".join(b"3:sdp" + text(one) for one in draw(st.lists(SDPS, max_size=1)))
    flags = b"5:flagsl" + b"".join(map(text, draw(st.lists(WORDS, max_size=8)))) + b"e"
    rest = b"13:received-froml3:IP49:127.0.0.1e8:from-tag6:caller7:command5:offere"
    call = b"7:call-id" + text(draw(CALL_IDS))
    if draw(st.booleans()):
        return draw(COOKIES) + b" d" + call + b"7:command5:offer8:from-tag6:caller" + sdp + b"e"
    return draw(COOKIES) + b" d" + first + sdp + flags + call + rest


LINES = st.sampled_from([b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK7", b"Max-Forwards: 70", b"X: ;branch=z9", b"C: 1"])
LOOK_ALIKES = st.sampled_from(
    [
        b"1_1 d5:flagsl7:call-ide7:call-id3:abc8:from-tag1:a7:command6:deletee",
        b"INVITE sip:b SIP/2.0\r\nCall-Info: x\r\nCall-ID: abc\r\nContent-Length: 0\r\n\r\n",
    ]
)
SIP_CALL_IDS = st.binary(min_size=1, max_size=70).filter(lambda it: it == it.strip() and not {*b"\r\n"} & {*it})


@st.composite
def sip_messages(draw: st.DrawFn) -> bytes:
    """A request, or a response to one that a worker has sent."""
    worker = draw(st.integers(1, MOST + 10))
    branch = draw(st.from_regex(rb"[0-9a-f]{24}", fullmatch=True)) + b"w%d" % worker
    ours = b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK" + branch
    head = draw(st.sampled_from([ours, ours + b";received=127.0.0.1", b"INVITE sip:bob@example.org SIP/2.0"]))
    lines = draw(st.lists(LINES, max_size=6))
    call = b"Call-ID: " + draw(SIP_CALL_IDS)
    end = [b"From: <sip:a@example.org>;tag=1", b"To: <sip:b@example.org>", b"CSeq: 1 INVITE", b"", b""]
    return b"\r\n".join([head, *lines, call, *end])


@settings(deadline=None, max_examples=200)
@given(sharings(), ng_requests())
def test_an_ng_request_goes_to_the_worker_of_its_call(group: Group, sharing: Sharing, request: bytes) -> None:
    call_id = call_of_ng(request)
    assert call_id is not None
    attach(of_ng(sharing), group.sockets[0])
    assert group.receiver(request) == sharing.server(call_id)


@pytest.mark.parametrize("name", ["kamailio_offer", "kamailio_delete"])
@pytest.mark.parametrize("living", [{1, 2, 3, 4, 5}, {2, 3}, {5}])
def test_requests_of_a_real_kamailio_are_seen(group: Group, name: str, living: set[int]) -> None:
    request = (GOLDEN / name).read_bytes()
    sharing = Sharing(MOST)
    sharing.set_alive(living)
    attach(of_ng(sharing), group.sockets[0])
    for number in range(20):
        of_another_call = request.replace(b"a84b4c76e66710", b"a84b4c76e667%02d" % number)
        assert group.receiver(of_another_call) == sharing.server(b"a84b4c76e667%02d@pc33.example.com" % number)


@settings(deadline=None, max_examples=200)
@given(sharings(), sip_messages())
def test_a_sip_message_goes_to_the_worker_that_sent_it_or_that_serves_its_call(
    group: Group, sharing: Sharing, message: bytes
) -> None:
    call_id, sender = call_of_sip(message), worker_of(top_branch(message))
    assert call_id is not None
    attach(of_sip(sharing), group.sockets[0])
    wanted = sender if sender in sharing.servers else sharing.server(call_id)
    assert group.receiver(message) == wanted


@settings(deadline=None, max_examples=200)
@given(sharings(), st.sampled_from([of_ng, of_sip, of_all]), st.data())
@example(Sharing(2), of_ng, None)
def test_whatever_comes_goes_to_a_worker_that_lives(
    group: Group, sharing: Sharing, program: Program, data: st.DataObject | None
) -> None:
    if data is None:
        sharing.set_alive({2})
        datagram = b""
    else:
        whole = data.draw(st.one_of(ng_requests(), sip_messages(), st.binary(max_size=300), LOOK_ALIKES))
        datagram = whole[: data.draw(st.integers(0, len(whole)))]
    attach(program(sharing), group.sockets[0])
    assert group.receiver(datagram) in sharing.servers


def test_a_message_that_comes_again_goes_to_the_same_worker(group: Group) -> None:
    sharing = Sharing(MOST)
    sharing.set_alive({2, 3, 5})
    attach(of_ng(sharing), group.sockets[0])
    pings = [b"%d_1 d7:command4:pinge" % (10**digits) for digits in range(9)]
    once = [group.receiver(ping) for ping in pings]
    assert set(once) == {2, 3, 5}
    assert [group.receiver(ping) for ping in pings] == once


def test_a_program_that_cannot_be_one_is_refused() -> None:
    far, back, long = SocketFilter(), SocketFilter(), SocketFilter()
    far.test(If.EQUAL, 1, yes="end")
    back.label("end")
    back.do(Do.SET_A, 1)
    back.jump("end")
    for program, steps in ((far, 300), (long, 4097)):
        for _ in range(steps):
            program.do(Do.SET_A, 1)
    far.label("end")
    for program, why in ((far, "goes 300 steps on"), (back, "goes back"), (long, "4097 steps are more than 4096")):
        with pytest.raises(ValueError, match=why):
            program.finished()
