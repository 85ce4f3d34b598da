from __future__ import annotations

import pytest
from sipmessage import Response

from actors.commands.sip import PartyFacts
from events.names import BranchId, Leg, Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.calls import facts
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from replay.offer_answer import SipMessage
from replay.sip_dialogs import Party

HERE = ListeningPoint(SipTransport.UDP, "192.0.2.10", 5060, "sip.example.com", 5060)
HOP = Hop(SipTransport.UDP, "192.0.2.1", 5062, HERE)
SDP = b"v=0\r\n"


def invite(more: str = "", body: bytes = SDP) -> IncomingRequest:
    head = (
        "INVITE sip:bob@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1\r\n"
        'From: "Alice, A." <sip:alice@example.com;user=phone>;tag=a1\r\n'
        "To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:alice@192.0.2.1:5062>\r\n{more}"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    incoming = read(head.encode() + body, HOP)
    assert isinstance(incoming, IncomingRequest)
    return incoming


def response(code: int, *headers: tuple[str, str]) -> Response:
    return reply_to(invite().message, code, to_tag=Tag("b1"), headers=headers)


def test_a_request() -> None:
    assert facts.request_event(invite(), from_caller=True, branch=BranchId("br0")) == SipMessage(
        "INVITE", True, 7, branch=BranchId("br0"), from_tag=Tag("a1"), sdp=SDP
    )


def test_a_response_has_its_requests_numbers_and_its_own_sender() -> None:
    event = facts.request_event(invite(), from_caller=True, branch=BranchId("br0"))
    assert facts.response_event(event, response(183)) == SipMessage(
        "INVITE", False, 7, 183, BranchId("br0"), Tag("a1"), Tag("b1"), None, reliable=False
    )


@pytest.mark.parametrize(
    ("code", "headers", "reliable"),
    [
        (183, [("Require", "100rel"), ("RSeq", "1")], True),
        (183, [("Require", "timer, 100REL"), ("RSeq", "1")], True),
        (183, [("Require", "100rel")], False),
        (183, [("RSeq", "1")], False),
        (100, [("Require", "100rel"), ("RSeq", "1")], False),
        (200, [("Require", "100rel"), ("RSeq", "1")], False),
    ],
)
def test_reliable_provisional_responses(code: int, headers: list[tuple[str, str]], reliable: bool) -> None:
    assert facts.is_reliable(response(code, *headers)) is reliable


@pytest.mark.parametrize(
    ("code", "value", "seconds"),
    [(200, "1800;refresher=uac", 1800), (200, " 90", 90), (200, "soon", 0), (200, "", 0), (422, "90", 0)],
)
def test_session_timers(code: int, value: str, seconds: int) -> None:
    assert facts.session_expires(response(code, ("Session-Expires", value))) == seconds


def test_the_caller_is_reached_through_the_proxies_before_us_nearest_first() -> None:
    request = invite("Record-Route: <sip:near;lr>, <sip:middle;lr>\r\nRecord-Route: <sip:far;lr>\r\n")
    assert facts.party_of_request(request.message, HOP, Leg("caller")) == PartyFacts(
        Leg("caller"),
        Tag("a1"),
        Party(
            uri='"Alice, A." <sip:alice@example.com;user=phone>',
            contact="sip:alice@192.0.2.1:5062",
            routes=("<sip:near;lr>", "<sip:middle;lr>", "<sip:far;lr>"),
            local="udp:192.0.2.10:5060",
            source="udp:192.0.2.1:5062",
        ),
    )


def test_the_callee_is_reached_through_the_proxies_beyond_us_nearest_first() -> None:
    ok = response(200, ("Contact", "<sip:bob@192.0.2.2>"))
    ok.headers.setlist("Record-Route", ["<sip:far;lr>, <sip:near;lr>", "<sip:us;lr>", "<sip:before;lr>"])
    told = facts.party_of_response(ok, HOP, recorded=2)
    party = told.party
    assert (told.leg, told.tag, party.contact) == ("callee", "b1", "sip:bob@192.0.2.2")
    assert party.uri == "<sip:bob@example.com>"
    assert party.routes == ("<sip:near;lr>", "<sip:far;lr>")


def test_a_response_that_lost_record_routes_has_none_beyond_us() -> None:
    assert facts.party_of_response(response(200), HOP, recorded=2).party.routes == ()


def test_a_target_refresh_changes_the_contact_and_leaves_the_route_set() -> None:
    known = Party("<sip:bob@example.com>", "sip:bob@old", ("<sip:near;lr>",), "udp:192.0.2.10:5060", "udp:h:1")
    again = facts.party_again(response(200, ("Contact", "<sip:bob@new>")), HOP, Leg("callee"), Tag("b1"), known).party
    assert (again.contact, again.routes, again.source) == ("sip:bob@new", ("<sip:near;lr>",), "udp:192.0.2.1:5062")
    assert facts.party_again(response(200), HOP, Leg("callee"), Tag("b1"), known).party.contact == "sip:bob@old"


@pytest.mark.parametrize(
    ("allow", "before", "takes"),
    [
        (["INVITE, ACK, UPDATE"], False, True),
        (["INVITE, ACK", "update"], False, True),
        (["INVITE, ACK"], True, False),
        ([], True, True),
        ([], False, False),
    ],
)
def test_the_newest_allow_says_whether_a_party_takes_update(allow: list[str], before: bool, takes: bool) -> None:
    known = Party("<sip:bob@example.com>", "sip:bob@old", takes_update=before)
    ok = response(200, *(("Allow", value) for value in allow))
    assert facts.party_again(ok, HOP, Leg("callee"), Tag("b1"), known).party.takes_update is takes
