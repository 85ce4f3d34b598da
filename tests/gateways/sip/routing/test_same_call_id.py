"""A call goes as if nobody else had its Call-ID, whatever others do with it, and with which tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.results import Refused
from events.names import NO_TAG, CallId, Tag
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import set_body
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import RefusalError
from gateways.sip.routing.new_call import NewCall
from gateways.sip.routing.router import CallRouter
from gateways.sip.routing.sides import CallSide
from replay.identity import first_id, id_of_caller
from replay.state import CALLERS_TAG
from tests.actors.simulation import Cluster
from tests.examples_tried import examples
from tests.gateways.sip.routing.fakes import CALLER_HOP, arrival, branch
from tests.named_sdp import named

CALL_ID, CALLER, CALLEE = "c1", "a1", "b1"


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody's INVITE, and what becomes of it: a final status, or 0 where it is cancelled."""

    call_id: CallId
    from_tag: Tag
    to_tag: Tag
    status: int
    place: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody's request in a dialog, and its final status, 0 where none comes."""

    call_id: CallId
    method: str
    from_tag: Tag
    to_tag: Tag
    status: int
    place: int


@dataclass
class Doors:
    """The call side of the SIP doors of two control nodes."""

    cluster: Cluster = field(default_factory=Cluster)
    cseq: int = 100

    def calls(self, place: int) -> CallClient:
        node = self.cluster.nodes[place]
        return CallClient(node.directory, self.cluster.loop.now_ms)

    async def new_call(self, call_id: CallId, from_tag: Tag, place: int = 0) -> tuple[NewCall, Any, IncomingRequest]:
        """Let an INVITE with an engaged relay leave."""
        request = self.request("INVITE", call_id, from_tag, NO_TAG)
        relay = CallSettings()
        relay.engage("rtpengine")
        side, one = NewCall(self.calls(place), arrival(request), relay), branch(request)
        await side.leaves(one)
        return side, one, request

    async def in_dialog(self, asked: Asked) -> None:
        """Let a request in a dialog leave, and its final response come."""
        request = self.request(asked.method, asked.call_id, asked.from_tag, asked.to_tag)
        came, one = arrival(request, ours=True), branch(request)
        router = CallRouter(None, self.calls(asked.place))  # type: ignore[arg-type]
        call = await router._look(came)
        assert not isinstance(call, Refused)
        side: CallSide = router._side(came, CallSettings(call.relay, call.variables), call)
        await side.leaves(one)
        if asked.status and asked.method != "ACK":
            await side.answered(one, response(request, asked.status, asked.to_tag, b"an answer"))

    def request(self, method: str, call_id: CallId, from_tag: Tag, to_tag: Tag) -> IncomingRequest:
        self.cseq += 1
        body = named(f"{from_tag} {self.cseq}") if method in ("INVITE", "UPDATE", "ACK", "PRACK") else b""
        tag = f";tag={to_tag}" if to_tag else ""
        text = (
            f"{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK{self.cseq}\r\n"
            f"From: <sip:alice@example.com>;tag={from_tag}\r\nTo: <sip:bob@example.com>{tag}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {self.cseq} {method}\r\nContact: <sip:user@192.0.2.1:5062>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        found = read(text.encode() + body, CALLER_HOP)
        assert isinstance(found, IncomingRequest)
        return found

    # -- what others do --

    async def intrude(self, what: Invited | Asked) -> None:
        try:
            if isinstance(what, Invited):
                await self.invite(what)
            else:
                await self.in_dialog(what)
        except RefusalError:
            pass  # it got what it deserves

    async def invite(self, what: Invited) -> None:
        side, one, request = await self.new_call(what.call_id, what.from_tag, what.place)
        if what.status:
            await side.answered(one, response(request, what.status, what.to_tag, b"their answer"))
            if what.status >= 300:
                await side.given_up()
        else:
            await side.cancelled()
            await side.answered(one, response(request, 487, what.to_tag, b""))

    # -- what the call's own parties do --

    def play(self, between: Sequence[Sequence[Invited | Asked]]) -> list[tuple[str, Any]]:
        """Play the call, with what others do between its steps; tell what its journal has in the end."""
        others = iter(between)

        async def intruders() -> None:
            for what in next(others, ()):
                await self.intrude(what)

        async def story() -> None:
            await intruders()
            side, one, request = await self.new_call(CallId(CALL_ID), Tag(CALLER))
            await intruders()
            await side.answered(one, response(request, 183, Tag(CALLEE), b"early"))
            await intruders()
            await side.answered(one, response(request, 200, Tag(CALLEE), b"the answer"))
            await intruders()
            await self.in_dialog(Asked(CallId(CALL_ID), "INVITE", Tag(CALLER), Tag(CALLEE), 200, place=1))
            await intruders()
            await self.in_dialog(Asked(CallId(CALL_ID), "UPDATE", Tag(CALLEE), Tag(CALLER), 200, place=0))
            await intruders()
            await self.in_dialog(Asked(CallId(CALL_ID), "BYE", Tag(CALLEE), Tag(CALLER), 200, place=1))
            await intruders()

        self.cluster.run(story())
        self.cluster.after(1)
        return self.told()

    def told(self) -> list[tuple[str, Any]]:
        """Tell what the call's journal says of its parties and sessions."""
        said = ("method", "status", "from_tag", "to_tag", "branch", "relay_id", "session", "scope", "tag", "leg")
        records = self.cluster.stream(CallId(CALL_ID))
        return [(record.event.name, tuple(str(getattr(record.event, name, "")) for name in said)) for record in records]


def response(request: IncomingRequest, status: int, to_tag: Tag, body: bytes) -> Any:
    made = reply_to(request.message, status, to_tag=to_tag)
    made.headers.set("Contact", "<sip:bob@192.0.2.2:5064>")
    set_body(made, named(body.decode()) if status < 300 else b"", "application/sdp")
    return made


TAGS = st.sampled_from([CALLER, CALLEE, "x", "y", f"x{CALLERS_TAG}{CALLER}", "%3B", "x%3Bfrom-tag=a1", "*", "#", "~"])
CALL_IDS = st.sampled_from([CALL_ID] * 6 + [f"{CALL_ID}{CALLERS_TAG}{tag}" for tag in (CALLER, "x", "")] + ["c1#2"])
STATUSES = st.sampled_from([0, 200, 486])
PLACES = st.integers(0, 1)
METHODS = st.sampled_from(["INVITE", "UPDATE", "BYE", "INFO", "PRACK", "ACK", "REFER"])


def _is_of_others(what: Invited | Asked) -> bool:
    if what.call_id != CALL_ID:
        return True
    if isinstance(what, Invited):
        return what.from_tag != CALLER
    return {what.from_tag, what.to_tag} != {CALLER, CALLEE}


INTRUSIONS = st.one_of(
    st.builds(Invited, CALL_IDS, TAGS, TAGS, STATUSES, PLACES),
    st.builds(Asked, CALL_IDS, METHODS, TAGS, TAGS, STATUSES, PLACES),
).filter(_is_of_others)


@pytest.fixture(scope="module")
def undisturbed() -> list[tuple[str, Any]]:
    told = played([])
    assert [name for name, _ in told].count("answered") == 4
    return told


def played(between: Sequence[Sequence[Invited | Asked]]) -> list[tuple[str, Any]]:
    doors = Doors()
    try:
        told = doors.play(between)
        for call_id in (CALL_ID, *live(doors.cluster)):
            doors.cluster.call_ids.add(call_id)
        doors.cluster.check_no_leak()
        assert CALL_ID not in live(doors.cluster)
        return told
    finally:
        doors.cluster.close()


def live(cluster: Cluster) -> list[str]:
    async def names() -> list[str]:
        return [call.call_id async for call in cluster.journal.live_calls()]

    return cluster.run(names())


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(between=st.lists(st.lists(INTRUSIONS, max_size=3), min_size=7, max_size=7))
def test_whatever_others_do_the_call_goes_as_if_alone(
    undisturbed: list[tuple[str, Any]], between: Sequence[Sequence[Invited | Asked]]
) -> None:
    # Who calls with the Call-ID first, and is there still, has its name: the call is then in a stream of its own.
    between = [[what for what in between[0] if what.call_id != CALL_ID], *between[1:-1], []]
    assert played(between) == undisturbed


IDS = st.lists(st.sampled_from([*";=%#ab", CALLERS_TAG, "%3B", "%25"]), min_size=1, max_size=6).map("".join)


@given(one=st.tuples(IDS, IDS), other=st.tuples(IDS, IDS))
def test_no_two_calls_have_the_same_name(one: tuple[CallId, Tag], other: tuple[CallId, Tag]) -> None:
    names = [{first_id(*pair), id_of_caller(*pair)} for pair in (one, other)]
    if one[0] != other[0]:
        assert not names[0] & names[1]
    elif one[1] != other[1]:
        assert id_of_caller(*one) not in names[1]
