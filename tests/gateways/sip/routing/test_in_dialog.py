from __future__ import annotations

from dataclasses import replace

import pytest

from events.names import Leg, Tag
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import set_body
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import RefusalError
from gateways.sip.routing.in_dialog_request import InDialogRequest
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Fault, Remedy, Role
from replay.sip_dialogs import CSeqs, Party
from tests.gateways.sip.routing.fakes import (
    NO_REPLY,
    OFFER,
    PLAIN,
    RELAYED,
    SDP,
    FakeCalls,
    Settled,
    branch,
    incoming,
    observed,
)

PARTIES = {
    (Leg.CALLER, Tag("a1")): Party(
        "<sip:alice@example.com>", "sip:alice@old", ("<sip:before;lr>",), "udp:l:1", "udp:s:1"
    ),
    (Leg.CALLEE, Tag("b1")): Party("<sip:bob@example.com>", "sip:bob@old", (), "udp:l:1", "udp:s:2"),
}
CALL = CallSnapshot(
    name="c1", callers_tag=Tag("a1"), parties=PARTIES, sequences={(Leg.CALLER, Tag("b1")): CSeqs(3, [(2, 2)])}
)
SHIFTED = observed(Role.NOTHING, shift=2)


def side(calls: FakeCalls, request: IncomingRequest) -> Settled:
    return Settled(InDialogRequest(calls, request, CallSettings(), CALL))


async def test_a_reinvite_is_relayed_both_ways_and_says_where_its_parties_are_now() -> None:
    calls, request = FakeCalls(), incoming(to_tag=Tag("b1"), cseq=3)
    going, one = side(calls, request), branch(request)
    await going.leaves(one)
    ok = reply_to(request.message, 200, headers=[("Contact", "<sip:bob@new>"), ("Session-Expires", "60")])
    set_body(ok, SDP, "application/sdp")
    await going.answered(one, ok)
    assert (one.request.body, ok.body) == (RELAYED, RELAYED)
    assert calls.seen() == [("INVITE", None, ""), ("INVITE", 200, "")]
    first, second = (told.party for told in calls.told)
    assert first is not None
    assert second is not None
    assert (first.leg, first.tag, first.party.contact, first.party.routes) == (
        "caller", "a1", "sip:user@192.0.2.1:5062", ("<sip:before;lr>",),
    )  # fmt: skip
    assert (second.leg, second.tag, second.party.contact) == ("callee", "b1", "sip:bob@new")
    assert [told.event.from_caller for told in calls.told] == [True, False]
    assert calls.told[1].expires == 60


async def test_requests_of_the_callee_are_the_callees() -> None:
    calls, request = FakeCalls(), incoming("BYE", to_tag=Tag("b1"), by_callee=True, body=b"")
    await side(calls, request).leaves(branch(request))
    assert [(told.event.from_caller, told.party) for told in calls.told] == [(False, None)]


async def test_cseqs_are_shifted_on_the_way_and_back() -> None:
    calls, request = FakeCalls(answers=[SHIFTED]), incoming("INFO", to_tag=Tag("b1"), cseq=3, body=b"")
    going, one = side(calls, request), branch(request)
    await going.leaves(one)
    assert one.request.headers.get("CSeq") == "5 INFO"
    ok = reply_to(one.request, 200)
    await going.answered(one, ok)
    assert ok.headers.get("CSeq") == "3 INFO"
    assert calls.seen() == [("INFO", None, "")]


async def test_a_prack_names_the_invite_by_the_number_that_it_has_beyond_us() -> None:
    calls = FakeCalls(answers=[SHIFTED])
    request = incoming("PRACK", to_tag=Tag("b1"), cseq=4, body=b"", more="RAck: 776 3 INVITE\r\n")
    one = branch(request)
    await side(calls, request).leaves(one)
    assert (one.request.headers.get("CSeq"), one.request.headers.get("RAck")) == ("6 PRACK", "776 5 INVITE")


async def test_an_ack_without_sdp_is_not_told_but_has_its_invites_number() -> None:
    calls, request = FakeCalls(), incoming("ACK", to_tag=Tag("b1"), cseq=3, body=b"")
    one = branch(request)
    await side(calls, request).leaves(one)
    assert (calls.told, one.request.headers.get("CSeq")) == ([], "5 ACK")


async def test_an_ack_with_the_answer_is_relayed() -> None:
    calls, request = FakeCalls(), incoming("ACK", to_tag=Tag("b1"), cseq=1)
    one = branch(request)
    await side(calls, request).leaves(one)
    assert (calls.seen(), one.request.body) == ([("ACK", None, "")], RELAYED)


@pytest.mark.parametrize("code", [481, 488, 491, 500])
async def test_an_offer_where_none_may_be_does_not_go_past_the_relay(code: int) -> None:
    seeing = observed(Role.ILLEGAL, remedy=Remedy.REFUSE, refuse_with=code)
    request = incoming(to_tag=Tag("b1"))
    with pytest.raises(RefusalError) as caught:
        await side(FakeCalls(answers=[seeing]), request).leaves(branch(request))
    assert caught.value.code == code
    assert dict(caught.value.headers).keys() == ({"Retry-After"} if code == 500 else set())
    without = incoming(to_tag=Tag("b1"), body=b"")
    await side(FakeCalls(answers=[seeing]), without).leaves(branch(without))


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK"])
async def test_a_final_response_of_ours_is_told_once(method: str) -> None:
    calls, request = FakeCalls(answers=[replace(OFFER, error=NO_REPLY)]), incoming(method, to_tag=Tag("b1"))
    going, one = side(calls, request), branch(request)
    with pytest.raises(RefusalError):
        await going.leaves(one)
    for _ in range(2):
        await going.refused(one, reply_to(request.message, 503))
    assert calls.seen() == [(method, None, ""), (method, 503, "")]


async def test_that_of_a_request_which_the_call_did_not_take_is_not_told() -> None:
    """It may have the CSeq of one that is under way."""
    seeing = observed(Role.ILLEGAL, Fault.STALE, remedy=Remedy.REFUSE, refuse_with=500)
    calls, request = FakeCalls(answers=[seeing]), incoming(to_tag=Tag("b1"))
    going, one = side(calls, request), branch(request)
    with pytest.raises(RefusalError):
        await going.leaves(one)
    await going.refused(one, reply_to(request.message, 500))
    assert calls.seen() == [("INVITE", None, "")]


async def test_a_failure_is_told_and_the_relay_has_no_say_in_it() -> None:
    calls, request = (
        FakeCalls(answers=[OFFER, observed(Role.NOTHING, error=NO_REPLY)]),
        incoming(to_tag=Tag("b1")),
    )
    going, one = side(calls, request), branch(request)
    await going.leaves(one)
    refused = reply_to(request.message, 488)
    await going.answered(one, refused)
    assert calls.seen() == [("INVITE", None, ""), ("INVITE", 488, "")]
    assert calls.told[1].party is None


async def test_repeats_of_a_2xx_are_told_once_and_what_says_nothing_is_not() -> None:
    calls, request = FakeCalls(answers=[PLAIN]), incoming(to_tag=Tag("b1"), body=b"")
    going, one = side(calls, request), branch(request)
    await going.leaves(one)
    await going.answered(one, reply_to(request.message, 180))
    for _ in range(2):
        ok = reply_to(request.message, 200)
        set_body(ok, SDP, "application/sdp")
        await going.answered(one, ok)
        assert ok.body == RELAYED
    assert calls.seen() == [("INVITE", None, ""), ("INVITE", 200, "")]


async def test_an_ack_that_the_call_waits_for_is_told_of() -> None:
    calls, request = FakeCalls(), incoming("ACK", to_tag=Tag("b1"), cseq=1, body=b"")
    waiting = replace(CALL, unacknowledged={"b1"})
    await InDialogRequest(calls, request, CallSettings(), waiting).leaves(branch(request))
    assert calls.seen() == [("ACK", None, "")]
