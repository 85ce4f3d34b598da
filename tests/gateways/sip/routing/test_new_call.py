from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.results import Observed, Refused
from engines.refusal import RefusalCode
from events.names import NO_TAG, BranchId, Tag
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.making import set_body
from gateways.sip.messages.replies import phrase_of, reply_to
from gateways.sip.proxy.hooks import RefusalError
from gateways.sip.routing.new_call import NewCall
from replay.offer_answer import Role, SipMessage
from replay.settings_changes import EngageRelay
from tests.gateways.sip.routing.fakes import (
    NO_REPLY,
    RELAYED,
    SDP,
    FakeBranch,
    FakeCalls,
    Settled,
    arrival,
    branch,
    incoming,
    observed,
)

INVITE = incoming()


def engaged() -> CallSettings:
    settings = CallSettings()
    settings.engage("rtpproxy")
    return settings


def answer(code: int, tag: Tag = Tag("b1"), sdp: bytes = b"", **headers: str) -> Any:
    response = reply_to(INVITE.message, code, to_tag=tag, headers=headers.items())
    response.headers.set("Contact", "<sip:bob@192.0.2.2:5064>")
    set_body(response, sdp, "application/sdp")
    return response


async def left(calls: FakeCalls, count: int = 1) -> tuple[Settled, list[FakeBranch]]:
    """An INVITE of which `count` branches have left."""
    side = Settled(NewCall(calls, arrival(INVITE), engaged()))
    branches = [branch(INVITE, index) for index in range(count)]
    for one in branches:
        await side.leaves(one)
    return side, branches


async def test_without_a_relay_the_call_is_not_told_of_anything() -> None:
    calls, one = FakeCalls(), branch(INVITE)
    side = Settled(NewCall(calls, arrival(INVITE), CallSettings()))
    await side.leaves(one)
    await side.answered(one, answer(200, sdp=SDP))
    await side.given_up()
    await side.cancelled()
    assert (calls.told, calls.ended, one.request.body) == ([], [], SDP)


async def test_each_branch_is_told_of_and_gets_the_relays_offer() -> None:
    calls = FakeCalls()
    _, branches = await left(calls, 2)
    assert calls.seen() == [("INVITE", None, "br0"), ("INVITE", None, "br1")]
    assert [one.request.body for one in branches] == [RELAYED, RELAYED]
    assert [list(told.changes) for told in calls.told] == [[EngageRelay(engine="rtpproxy", set="default")], []]
    assert {told.source for told in calls.told} == {"192.0.2.1"}
    party = calls.told[0].party
    assert party is not None
    assert (party.leg, party.tag, party.party.contact) == ("caller", "a1", "sip:user@192.0.2.1:5062")


async def test_the_offer_is_the_one_that_the_script_has_left_in_the_branch() -> None:
    calls, one = FakeCalls(), branch(INVITE)
    set_body(one.request, b"v=0\r\ns=other\r\n", "application/sdp")
    await Settled(NewCall(calls, arrival(INVITE), engaged())).leaves(one)
    assert calls.told[0].event.sdp == b"v=0\r\ns=other\r\n"


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (RefusalCode.FULL, 503),
        (RefusalCode.NO_NODE, 503),
        (RefusalCode.NO_REPLY, 503),
        (RefusalCode.NO_JOURNAL, 503),
        (RefusalCode.UNKNOWN_CALL, 481),
        (RefusalCode.BAD_SDP, 400),
        (RefusalCode.NOT_ACCEPTABLE, 488),
        (RefusalCode.BAD_SETTINGS, 488),
        (RefusalCode.REFUSED, 500),
        (RefusalCode.INTERNAL, 500),
    ],
)
async def test_a_branch_whose_offer_cannot_be_relayed_is_refused_by_cause(cause: RefusalCode, code: int) -> None:
    error = Refused(cause, "Node relay7: [Errno 111] Connection refused")
    calls = FakeCalls(answers=[observed(Role.OFFER, error=error)])
    with pytest.raises(RefusalError) as caught:
        await left(calls)
    assert caught.value.code == code
    assert dict(caught.value.headers).keys() == ({"Retry-After"} if code == 503 else set())
    assert caught.value.phrase == phrase_of(code), "parties are told no node's name and no number of an error"


async def test_a_packed_body_is_refused_with_how_it_may_come() -> None:
    request = incoming(more="Content-Encoding: gzip\r\n", body=b"\x1f\x8b packed")
    side, one = Settled(NewCall(FakeCalls(), arrival(request), engaged())), branch(request)
    with pytest.raises(RefusalError) as caught:
        await side.leaves(one)
    assert (caught.value.code, caught.value.headers) == (415, [("Accept-Encoding", "identity")])


async def test_a_fault_in_a_callees_sdp_is_not_blamed_on_the_caller() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    error = Refused(RefusalCode.BAD_SDP, "Failed to parse SDP")
    calls.answers = [observed(Role.ANSWER, error=error)]
    with pytest.raises(RefusalError) as caught:
        await side.answered(one, answer(200, sdp=SDP))
    assert caught.value.code == 502


async def test_a_branch_without_a_relay_of_its_own_goes_as_it_is() -> None:
    calls = FakeCalls(answers=[observed(Role.OFFER, error=Refused(RefusalCode.NOT_ENGAGED, "none"))])
    _, (one,) = await left(calls)
    assert one.request.body == SDP


async def test_an_early_dialog_is_told_of_once_by_whatever_begins_it() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    for response in (answer(100, NO_TAG), answer(180), answer(180), answer(181, Tag("b2")), answer(180)):
        await side.answered(one, response)
    assert [(told.event.status, told.event.to_tag) for told in calls.told[1:]] == [(180, "b1"), (181, "b2")]


async def test_answers_are_relayed_and_what_says_nothing_is_not_told() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    await side.answered(one, answer(100, NO_TAG))
    progress, accepted = answer(183, sdp=SDP), answer(200, Tag("b1"), SDP, **{"Session-Expires": "90"})
    await side.answered(one, progress)
    await side.answered(one, accepted)
    assert calls.seen()[1:] == [("INVITE", 183, "br0"), ("INVITE", 200, "br0")]
    assert (progress.body, accepted.body) == (RELAYED, RELAYED)
    party = calls.told[2].party
    assert party is not None
    assert (party.leg, party.tag, party.party.contact) == ("callee", "b1", "sip:bob@192.0.2.2:5064")
    assert (calls.told[2].source, calls.told[2].expires) == ("192.0.2.2", 90)


async def test_a_reliable_provisional_response_is_told_without_sdp() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    await side.answered(one, answer(180, Require="100rel", RSeq="1"))
    assert calls.seen()[1:] == [("INVITE", 180, "br0")]


async def test_a_2xx_that_comes_again_is_told_once() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    repeats = [answer(200, sdp=SDP) for _ in range(3)]
    for response in repeats:
        await side.answered(one, response)
    assert [response.body for response in repeats] == [RELAYED] * 3
    assert calls.seen()[1:] == [("INVITE", 200, "br0")]
    other = answer(200, tag=Tag("b2"), sdp=SDP)
    await side.answered(one, other)
    assert calls.seen()[1:] == [("INVITE", 200, "br0")] * 2


async def test_a_preview_that_cannot_be_relayed_goes_without_it_and_an_answer_does_not_go() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    calls.answers = [observed(Role.ANSWER, error=NO_REPLY)] * 2
    progress = answer(183, sdp=SDP)
    await side.answered(one, progress)
    assert (progress.body, progress.headers.get("Content-Type")) == (b"", None)
    with pytest.raises(RefusalError) as caught:
        await side.answered(one, answer(200, sdp=SDP))
    assert caught.value.code == 503


async def test_when_all_is_given_up_the_call_ends() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    await side.answered(one, answer(486))
    assert calls.ended == []
    await side.given_up()
    assert calls.ended == ["the INVITE failed"]


async def test_a_cancelled_call_ends_with_its_last_branch() -> None:
    calls = FakeCalls()
    side, (one, two) = await left(calls, 2)
    await side.answered(one, answer(486))
    await side.cancelled()
    assert calls.seen()[-1] == ("CANCEL", None, "")
    assert calls.ended == []
    await side.answered(two, answer(487))
    assert calls.ended == ["cancelled"]


async def test_a_cancel_that_lost_the_race_ends_nothing() -> None:
    calls = FakeCalls()
    side, (one,) = await left(calls)
    await side.answered(one, answer(200, sdp=SDP))
    await side.cancelled()
    await side.given_up()
    assert calls.ended == []


async def test_each_2xx_goes_on_in_its_turn_however_long_its_relay_takes() -> None:
    calls = SlowCalls()
    side, branches = await left(calls, 2)
    order: list[int] = []

    async def answers(one: FakeBranch) -> None:
        await side.answered(one, answer(200, Tag(f"b{one.index}"), SDP))
        order.append(one.index)

    first, second = (asyncio.ensure_future(answers(one)) for one in branches)
    await asyncio.sleep(0)
    calls.words[1].set()
    await asyncio.sleep(0)
    calls.words[0].set()
    await asyncio.gather(first, second)
    assert order == [0, 1]


class SlowCalls(FakeCalls):
    """Has its word on a branch's 2xx when it is told to."""

    words = (asyncio.Event(), asyncio.Event())

    async def signal(self, name: str, event: SipMessage, **more: Any) -> Observed:
        if event.status is not None:
            await self.words[int(event.branch.removeprefix("br"))].wait()
        return await super().signal(name, event, **more)


async def test_a_branch_that_left_before_a_relay_was_engaged_is_learned_with_its_first_answer() -> None:
    calls, settings, branches = FakeCalls(), CallSettings(), [branch(INVITE, index) for index in range(2)]
    side = Settled(NewCall(calls, arrival(INVITE), settings))
    await side.leaves(branches[0])
    settings.engage("rtpproxy", branch=BranchId("br1"))
    await side.leaves(branches[1])
    await side.answered(branches[0], answer(180))
    assert calls.seen()[1:] == [("INVITE", None, "br0"), ("INVITE", 180, "br0")]
    not_engaged = Refused(RefusalCode.NOT_ENGAGED, "no relay")
    calls.answers = [observed(Role.ANSWER, error=not_engaged)]
    accepted = answer(200, sdp=SDP)
    await side.answered(branches[0], accepted)
    assert calls.seen()[3:] == [("INVITE", 200, "br0")]
    assert accepted.body == SDP


async def test_the_end_of_a_dialog_that_nobody_upstream_hears_of_is_told_as_its_bye() -> None:
    calls = FakeCalls()
    side, _ = await left(calls)
    await side.abandoned(answer(200, Tag("b2"), SDP))
    bye = calls.told[-1].event
    assert (bye.method, bye.from_caller, bye.from_tag, bye.to_tag) == ("BYE", True, "a1", "b2")
    assert bye.sdp is None
