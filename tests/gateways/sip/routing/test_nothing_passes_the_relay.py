"""No session description of a call with an engaged relay leaves the door but what the relay gave."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from events.names import Tag
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, ROUTE, Incoming, WholeDoor, response_to


def sdp(number: int) -> bytes:
    """A party's own; what a fake relay gives for it has a prefix."""
    address = "IN IP4 192.0.2.1"
    return f"v=0\r\no=- 1 {number} {address}\r\ns=-\r\nc={address}\r\nm=audio {number} RTP/AVP 0\r\n".encode()


Dress = tuple[str, str, bytes]
"""A way to send a session description: its name, the Content-Type of the message, and what is around it (%b)."""

IN_PARTS = "multipart/mixed;boundary=x"
PLAIN: Dress = ("plain", "application/sdp", b"%b")
READ: list[Dress] = [
    PLAIN,
    ("a part", IN_PARTS, b"--x\r\nContent-Type: application/sdp\r\n\r\n%b\r\n--x--\r\n"),
    ("folded", IN_PARTS, b"--x\r\nContent-Type:\r\n application/sdp\r\n\r\n%b\r\n--x--\r\n"),
    ("compact", IN_PARTS, b"--x\r\nc: application/sdp\r\n\r\n%b\r\n--x--\r\n"),
    ("LF", IN_PARTS, b"--x\nContent-Type: application/sdp\n\n%b\n--x--\n"),
    (
        "parts in a part",
        IN_PARTS,
        b"--x\r\nContent-Type: multipart/alternative;\r\n boundary=y\r\n\r\n%b\r\n--x--\r\n".replace(
            b"%b", b"--y\r\nContent-Type: application/sdp\r\n\r\n%b\r\n--y--\r\n"
        ),
    ),
]
UNREAD: list[Dress] = [
    ("no type", "", b"%b"),
    ("no type of the part", IN_PARTS, b"--x\r\n\r\n%b\r\n--x--\r\n"),
    ("not closed", IN_PARTS, b"--x\r\nContent-Type: application/sdp\r\n\r\n%b\r\n"),
    ("no boundary", "multipart/mixed", b"--x\r\nContent-Type: application/sdp\r\n\r\n%b\r\n--x--\r\n"),
    ("text", "text/plain", b"%b"),
    ("an old name", "application/x-sdp", b"%b"),
    ("a message", "message/sip", b"\r\n%b"),
    ("a part with another type", IN_PARTS, b"--x\r\nContent-Type: text/plain\r\n\r\n%b\r\n--x--\r\n"),
    ("before the parts", IN_PARTS, b"%b\r\n--x\r\nContent-Type: text/plain\r\n\r\nx\r\n--x--\r\n"),
]
DRESSES = [*READ, *UNREAD]
DRESSED = pytest.mark.parametrize("dress", DRESSES, ids=[name for name, _, _ in DRESSES])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@contextmanager
def open_door() -> Iterator[WholeDoor]:
    cluster = Cluster(relays=1)
    try:
        yield WholeDoor(cluster)
    finally:
        cluster.close()


def bodies(sent: list[Incoming]) -> list[bytes]:
    return [message.message.body for message in sent if message.message.body]


def check(door: WholeDoor) -> None:
    for body in bodies([message for message, _ in door.sent]):
        assert b"v=0" not in body or (b"s=relayed" in body and b"192.0.2.1" not in body), body


# -- one place after the other --

METHODS = ("INVITE", "UPDATE", "PRACK", "OPTIONS", "INFO", "MESSAGE", "NOTIFY", "REFER", "BYE")
CODES = (180, 183, 200, 202, 300, 404, 488, 500, 606)


@dataclass(slots=True)
class Parties:
    """A caller tC and a callee tA, who send what a test has them send; what they get has passed the door."""

    door: WholeDoor
    cseq: int = 1
    bodies: int = 0
    came: dict[str, IncomingRequest] = field(default_factory=dict)
    dress: Dress = PLAIN

    def body(self) -> bytes:
        self.bodies += 1
        return self.dress[2].replace(b"%b", sdp(4000 + self.bodies))

    def invite(self, *, delayed: bool, callers_tag: Tag = Tag("tC")) -> list[Incoming]:
        body = b"" if delayed else self.body()
        request = self.door.request("INVITE", body=body, kind=self.dress[1], callers_tag=callers_tag)
        return self._asked("INVITE", request, by_callee=False)

    def ask(
        self,
        method: str,
        *,
        by_callee: bool,
        has_sdp: bool = True,
        tag: Tag = Tag("tA"),
        routed: bool = True,
        callers_tag: Tag = Tag("tC"),
        route: str = ROUTE,
    ) -> list[Incoming]:
        if method != "ACK":
            self.cseq += 1
        cseq = 1 if method == "ACK" else self.cseq
        body = self.body() if has_sdp else b""
        asked = self.door.request(
            method,
            by_callee=by_callee,
            cseq=cseq,
            tag=tag,
            body=body,
            kind=self.dress[1],
            routed=routed,
            callers_tag=callers_tag,
            route=route,
        )
        return self._asked(method, asked, by_callee=by_callee)

    def _asked(self, method: str, request: bytes, *, by_callee: bool) -> list[Incoming]:
        sent = self.door.receive(request, CALLEE if by_callee else CALLER)
        for message in sent:
            if isinstance(message, IncomingRequest) and message.method == method:
                self.came[method] = message
        return sent

    def answer(
        self, method: str, code: int, *, has_sdp: bool = True, tag: Tag = Tag("tA"), reliable: bool = False
    ) -> list[Incoming]:
        request = self.came.get(method)
        if request is None:
            return []
        body = self.body() if has_sdp else b""
        response = response_to(request, code, tag=tag, body=body, kind=self.dress[1], reliable=reliable)
        return self.door.receive(response, request.hop)


@pytest.fixture
def parties() -> Iterator[Parties]:
    with open_door() as door:
        yield Parties(door)
        check(door)


BOTH = pytest.mark.parametrize("by_callee", [False, True], ids=["caller", "callee"])
DELAYED = pytest.mark.parametrize("delayed", [False, True], ids=["", "delayed"])


def bring_up(parties: Parties, *, delayed: bool = False) -> None:
    parties.invite(delayed=delayed)
    parties.answer("INVITE", 200)
    parties.ask("ACK", by_callee=False, has_sdp=delayed)


@DELAYED
@pytest.mark.parametrize("reliable", [False, True], ids=["", "reliable"])
@pytest.mark.parametrize("code", CODES)
def test_responses_to_an_invite(parties: Parties, code: int, *, delayed: bool, reliable: bool) -> None:
    parties.invite(delayed=delayed)
    for _ in range(3):
        parties.answer("INVITE", code, reliable=reliable)
    parties.answer("INVITE", 200)
    parties.ask("ACK", by_callee=False)
    parties.answer("INVITE", 200)
    parties.answer("INVITE", 200, tag=Tag("tB"))


@BOTH
@DELAYED
@pytest.mark.parametrize("has_sdp", [True, False], ids=["sdp", ""])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("early", [183, 200])
def test_requests_in_a_dialog_and_their_responses(
    parties: Parties, early: int, method: str, *, has_sdp: bool, delayed: bool, by_callee: bool
) -> None:
    if early < 200:
        parties.invite(delayed=delayed)
        parties.answer("INVITE", early)
    else:
        bring_up(parties, delayed=delayed)
    for code in CODES:
        parties.ask(method, by_callee=by_callee, has_sdp=has_sdp)
        parties.answer(method, code)
        parties.answer(method, 200)
        parties.ask("ACK", by_callee=by_callee)
    parties.answer("INVITE", 200)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK", "ACK", "INFO"])
def test_requests_that_come_without_our_route(parties: Parties, method: str) -> None:
    bring_up(parties)
    parties.ask(method, by_callee=True, routed=False)
    parties.answer(method, 200)


@pytest.mark.parametrize("method", [*METHODS, "ACK"])
def test_what_comes_after_the_call(parties: Parties, method: str) -> None:
    bring_up(parties)
    parties.ask("OPTIONS", by_callee=False, has_sdp=False)
    parties.ask("INVITE", by_callee=False)
    parties.ask("BYE", by_callee=True, has_sdp=False)
    parties.answer("BYE", 200)
    parties.answer("OPTIONS", 200)
    parties.answer("INVITE", 200)
    parties.ask(method, by_callee=False)
    parties.answer(method, 200)


# -- another caller takes the Call-ID --

THEIRS = pytest.mark.parametrize("theirs", [0, 200, 486], ids=["rings", "answered", "failed"])
"""What has become of the other caller's call."""


def take_over(parties: Parties, status: int) -> None:
    parties.invite(delayed=False, callers_tag=Tag("tX"))
    if status:
        parties.answer("INVITE", status, tag=Tag("tY"), has_sdp=status < 300)


@THEIRS
@BOTH
@pytest.mark.parametrize("end", ["BYE", "CANCEL", "failure"])
@pytest.mark.parametrize("method", [*METHODS, "ACK"])
def test_what_comes_after_a_call_whose_call_id_another_caller_has_taken(
    parties: Parties, method: str, end: str, theirs: int, *, by_callee: bool
) -> None:
    if end == "BYE":
        bring_up(parties)
        parties.ask("BYE", by_callee=False, has_sdp=False)
        parties.answer("BYE", 200)
    else:
        parties.invite(delayed=False)
        parties.answer("INVITE", 183)
        parties.answer("INVITE", 487 if end == "CANCEL" else 486, has_sdp=False)
    take_over(parties, theirs)
    for routed in (True, False):
        sent = parties.ask(method, by_callee=by_callee, routed=routed)
        if method in ("INVITE", "UPDATE"):
            assert responses(sent)[-1] == (481, False)
        else:
            assert requests(sent) == [(method, False)]
            parties.answer(method, 200)
    check(parties.door)


@THEIRS
def test_the_second_bye_of_a_fork_after_another_caller_has_taken_the_call_id(parties: Parties, theirs: int) -> None:
    parties.invite(delayed=False)
    parties.answer("INVITE", 200, tag=Tag("tA"))
    parties.answer("INVITE", 200, tag=Tag("tB"))
    for tag in ("tA", "tB"):
        parties.ask("ACK", by_callee=False, has_sdp=False, tag=Tag(tag))
        parties.ask("BYE", by_callee=True, has_sdp=False, tag=Tag(tag))
        parties.answer("BYE", 200, tag=Tag(tag))
    take_over(parties, theirs)
    for tag in ("tA", "tB"):
        assert requests(parties.ask("BYE", by_callee=True, has_sdp=False, tag=Tag(tag))) == [("BYE", False)]
        assert responses(parties.answer("BYE", 200, tag=Tag(tag))) == [(200, False)]


@pytest.mark.parametrize("method", [*METHODS, "ACK"])
@pytest.mark.parametrize("over", [False, True], ids=["", "over"])
def test_requests_with_invented_tags(parties: Parties, method: str, *, over: bool) -> None:
    bring_up(parties)
    if over:
        parties.ask("BYE", by_callee=True, has_sdp=False)
        parties.answer("BYE", 200)
    sent = parties.ask(method, by_callee=False, callers_tag=Tag("tZ"), tag=Tag("tZZ"))
    if method in ("INVITE", "UPDATE"):
        assert responses(sent)[-1] == (481, False)
    else:
        assert requests(sent) == [(method, False)]
        assert responses(parties.answer(method, 200)) == ([(200, False)] if method != "ACK" else [])


def test_a_leg_without_a_relay_goes_on_beside_one_with_and_the_same_call_id(parties: Parties) -> None:
    """As some B2BUAs have it. Its Route says that it never had one."""
    bring_up(parties)
    engaged, parties.door = parties.door, WholeDoor(parties.door.cluster, 1, engine="")
    (arrived,) = [m for m in parties.invite(delayed=False, callers_tag=Tag("tX")) if isinstance(m, IncomingRequest)]
    (route,) = arrived.message.headers.getlist("Record-Route")
    assert responses(parties.answer("INVITE", 200, tag=Tag("tY"))) == [(200, True)]
    for by_callee in (False, True):
        sent = parties.ask("INVITE", by_callee=by_callee, tag=Tag("tY"), callers_tag=Tag("tX"), route=route)
        assert ("INVITE", True) in requests(sent)
        assert responses(parties.answer("INVITE", 200, tag=Tag("tY"))) == [(200, True)]
    parties.door = engaged


@DRESSED
def test_an_invite_however_its_body_is_sent(parties: Parties, dress: Dress) -> None:
    parties.dress = dress
    (_, told) = parties.invite(delayed=False)
    if dress in READ:
        assert requests([told]) == [("INVITE", True)]
    else:
        assert responses([told]) == [(400, False)]
        assert len(parties.door.cluster.relays["relay1"].calls) == 0


@DRESSED
@pytest.mark.parametrize("code", [183, 200])
def test_a_response_however_its_body_is_sent(parties: Parties, dress: Dress, code: int) -> None:
    parties.invite(delayed=False)
    parties.dress = dress
    sent = parties.answer("INVITE", code)
    if dress in READ:
        assert responses(sent) == [(code, True)]
    else:
        assert responses(sent) == [(502 if code == 200 else code, False)]
        assert [method for method, _ in requests(sent)] == (["ACK", "BYE"] if code == 200 else [])


@DRESSED
@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "ACK"])
def test_requests_in_a_dialog_however_their_bodies_are_sent(parties: Parties, dress: Dress, method: str) -> None:
    bring_up(parties)
    parties.dress = dress
    parties.ask(method, by_callee=True)
    parties.answer(method, 200)


# -- what becomes of it --


def responses(sent: list[Incoming]) -> list[tuple[int, bool]]:
    return [(message.status, bool(message.message.body)) for message in sent if isinstance(message, IncomingResponse)]


def requests(sent: list[Incoming]) -> list[tuple[str, bool]]:
    return [(message.method, bool(message.message.body)) for message in sent if isinstance(message, IncomingRequest)]


def test_early_media_of_a_delayed_offer_are_relayed(parties: Parties) -> None:
    parties.invite(delayed=True)
    assert responses(parties.answer("INVITE", 183)) == [(183, True)]
    assert responses(parties.answer("INVITE", 200)) == [(200, True)]
    assert requests(parties.ask("ACK", by_callee=False)) == [("ACK", True)]


@BOTH
@pytest.mark.parametrize("dress", [None, *UNREAD], ids=["empty", *(name for name, _, _ in UNREAD)])
def test_after_an_ack_without_the_answer_there_may_be_offers(
    parties: Parties, dress: Dress | None, *, by_callee: bool
) -> None:
    parties.invite(delayed=True)
    assert responses(parties.answer("INVITE", 200)) == [(200, True)]
    parties.dress = dress or PLAIN
    assert requests(parties.ask("ACK", by_callee=False, has_sdp=dress is not None)) == [("ACK", False)]
    parties.dress = PLAIN
    assert requests(parties.ask("ACK", by_callee=False)) == [("ACK", False)]  # what comes later is no answer any more
    for _ in range(2):
        assert requests(parties.ask("INVITE", by_callee=by_callee)) == [("INVITE", True)]
        assert responses(parties.answer("INVITE", 200)) == [(200, True)]
    assert len(parties.door.cluster.relays["relay1"].calls) == 1


def test_what_nobody_asked_for_is_taken_out(parties: Parties) -> None:
    bring_up(parties)
    assert requests(parties.ask("ACK", by_callee=False)) == [("ACK", False)]
    parties.ask("UPDATE", by_callee=True, has_sdp=False)
    assert responses(parties.answer("UPDATE", 200)) == [(200, False)]
    parties.ask("OPTIONS", by_callee=True, has_sdp=False)
    assert responses(parties.answer("OPTIONS", 200)) == [(200, False)]
    assert requests(parties.ask("BYE", by_callee=True)) == [("BYE", False)]


def test_a_request_with_an_sdp_that_means_nothing_is_refused(parties: Parties) -> None:
    bring_up(parties)
    assert responses(parties.ask("INFO", by_callee=False)) == [(488, False)]
    parties.ask("UPDATE", by_callee=False)
    assert responses(parties.ask("UPDATE", by_callee=True)) == [(491, False)]


def test_a_200_after_the_call_was_given_up_is_refused_and_its_dialog_ended(parties: Parties) -> None:
    parties.invite(delayed=False)
    parties.answer("INVITE", 180, has_sdp=False)
    parties.door.cluster.after(100)  # past `offer_timeout`, and not past timer C
    sent = parties.answer("INVITE", 200)
    assert (480, False) in responses(sent)
    assert [method for method, _ in requests(sent)] == ["ACK", "BYE"]


@BOTH
def test_an_update_while_it_rings_goes_on_and_so_does_its_answer(parties: Parties, *, by_callee: bool) -> None:
    parties.invite(delayed=False)
    assert responses(parties.answer("INVITE", 180, has_sdp=False)) == [(180, False)]
    assert requests(parties.ask("UPDATE", by_callee=by_callee)) == [("UPDATE", True)]
    assert responses(parties.answer("UPDATE", 200)) == [(200, True)]
    assert responses(parties.answer("INVITE", 200)) == [(200, True)]
    assert len(parties.door.cluster.relays["relay1"].calls) == 1


@pytest.mark.parametrize("method", [*METHODS[:4], "BYE"])
def test_while_the_journal_cannot_be_asked_a_bye_goes_on_and_all_else_comes_again(
    parties: Parties, method: str
) -> None:
    bring_up(parties)
    parties.door.cluster.nodes[0].journal.fail_before = 100
    sent = parties.ask(method, by_callee=True)
    if method == "BYE":
        assert requests(sent) == [("BYE", False)]
    else:
        assert requests(sent) == []
        assert responses(sent)[-1] == (503, False)


# -- and whatever comes --

KINDS = ["ask", "ask", "answer", "answer", "answer", "answer", "wait", "silence", "journal", "dress", "invite"]

Step = tuple[str, int, tuple[object, ...]]
"""What happens, at which door, and how."""


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    flags, doors = st.booleans(), st.sampled_from([0, 0, 0, 1])
    callers = st.sampled_from(["tC", "tC", "tC", "tC", "tX", "tZ"])
    story: list[Step] = [("dress", 0, draw(st.sampled_from(DRESSES))), ("invite", 0, (draw(flags), "tC"))]
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(KINDS))
        method = draw(st.sampled_from([*METHODS[:4], "ACK", "BYE"]))
        tag = draw(st.sampled_from(["tA", "tA", "tA", "tB"]))
        how: tuple[object, ...] = (draw(st.sampled_from([1.0, 20.0, 70.0])),)
        if kind == "invite":
            how = draw(flags), draw(st.sampled_from(["tC", "tX", "tX"]))
        elif kind == "dress":
            how = draw(st.sampled_from([*READ, *DRESSES]))
        elif kind == "ask":
            how = (method, draw(flags), draw(flags), tag, draw(st.sampled_from([True, True, False])), draw(callers))
        elif kind == "answer":
            of = draw(st.sampled_from(["INVITE", "INVITE", method]))
            how = (of, draw(st.sampled_from(CODES)), draw(flags), tag, draw(flags))
        story.append((kind, draw(doors), how))
    return story


def play(parties: Parties, kind: str, how: tuple[object, ...]) -> None:
    cluster, place = parties.door.cluster, parties.door.place
    match kind, how:
        case "dress", (str(name), str(kind_of_body), bytes(around)):
            parties.dress = name, kind_of_body, around
        case "invite", (bool(delayed), str(callers_tag)):
            parties.invite(delayed=delayed, callers_tag=Tag(callers_tag))
        case "ask", (str(method), bool(by_callee), bool(has_sdp), str(tag), bool(routed), str(callers_tag)):
            parties.ask(
                method, by_callee=by_callee, has_sdp=has_sdp, tag=Tag(tag), routed=routed, callers_tag=Tag(callers_tag)
            )
        case "answer", (str(method), int(code), bool(has_sdp), str(tag), bool(reliable)):
            parties.answer(method, code, has_sdp=has_sdp, tag=Tag(tag), reliable=reliable)
        case "silence", (float(seconds),):
            cluster.relays["relay1"].silent = True
            cluster.after(seconds / 10)
            cluster.relays["relay1"].silent = False
        case "journal", _:
            cluster.nodes[place].journal.fail_before = 1
        case _, (float(seconds),):
            cluster.after(seconds)


@settings(max_examples=60, deadline=None)
@given(steps())
def test_whatever_parties_send_no_sdp_of_theirs_leaves_a_door(story: list[Step]) -> None:
    """Requests come to either of two doors, and responses, too, whichever sent the request."""
    with open_door() as door:
        doors = door, WholeDoor(door.cluster, 1)
        parties = Parties(door)
        for kind, place, how in story:
            parties.door = doors[place]
            play(parties, kind, how)
            for each in doors:
                check(each)
