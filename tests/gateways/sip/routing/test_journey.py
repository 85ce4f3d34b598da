from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sipmessage import Response

from events.names import Tag
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.making import set_body
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import RefusalError
from gateways.sip.routing.new_call import NewCall
from gateways.sip.routing.scripted_request import ScriptedRequest
from gateways.sip.script.branch_views import Branch as BranchView
from gateways.sip.script.branch_views import Reply
from gateways.sip.script.events import On
from gateways.sip.script.script import DefaultScript, ScriptFailure
from gateways.sip.script.views import Request
from replay.offer_answer import Role
from tests.gateways.sip.routing.fakes import (
    NO_REPLY,
    SDP,
    FakeBranch,
    FakeCalls,
    Nobody,
    arrival,
    branch,
    incoming,
    observed,
)

INVITE = incoming()
UNRELAYED = observed(Role.ANSWER, error=NO_REPLY)


class Failing(DefaultScript):
    """Its function for branches, or for replies, fails."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self.event = event

    def handles(self, event: On, request: Request) -> bool:  # noqa: ARG002
        return True

    async def branch(self, view: BranchView) -> None:  # noqa: ARG002
        self._fail("branch")

    async def reply(self, view: Reply) -> None:  # noqa: ARG002
        self._fail("reply")

    def _fail(self, event: str) -> None:
        if event == self.event:
            raise ScriptFailure(Path("route.py"), 7, "ZeroDivisionError", event)


def journey(calls: FakeCalls, routing: DefaultScript) -> ScriptedRequest:
    settings = CallSettings()
    settings.engage("rtpproxy")
    came = arrival(INVITE)
    dialogs: Any = Nobody()
    return ScriptedRequest(routing, Request(came, settings), NewCall(calls, came, settings), dialogs)


def accepted() -> Response:
    response = reply_to(INVITE.message, 200, to_tag=Tag("b1"))
    set_body(response, SDP, "application/sdp")
    return response


async def left(going: ScriptedRequest) -> FakeBranch:
    one = branch(INVITE)
    await going.branch_leaves(one)
    return one


async def refused(going: ScriptedRequest, one: FakeBranch, response: Response) -> RefusalError:
    """Let a response come that is refused, as the proxy does."""
    with pytest.raises(RefusalError) as caught:
        await going.response_came(one, response)
    await going.refused(one, reply_to(INVITE.message, caught.value.code), ends_request=True)
    return caught.value


@pytest.mark.parametrize("code", [180, 200])
async def test_a_reply_function_that_fails_ends_the_request_and_the_call(code: int) -> None:
    calls = FakeCalls()
    going = journey(calls, Failing("reply"))
    one = await left(going)
    refusal = await refused(going, one, reply_to(INVITE.message, code, to_tag=Tag("b1")))
    assert (refusal.code, calls.ended) == (500, ["the INVITE failed"])
    assert calls.seen()[-1] == ("INVITE", 500, "br0"), "the call knows how the branch ended"


async def test_an_answer_that_cannot_be_relayed_ends_the_call() -> None:
    calls = FakeCalls()
    going = journey(calls, DefaultScript())
    one = await left(going)
    calls.answers = [UNRELAYED]
    await refused(going, one, accepted())
    assert calls.ended == ["the INVITE failed"]


async def test_a_later_2xx_that_cannot_be_relayed_leaves_the_call_of_the_first_alone() -> None:
    calls = FakeCalls()
    going = journey(calls, DefaultScript())
    one = await left(going)
    await going.response_came(one, accepted())
    calls.answers = [UNRELAYED]
    other = reply_to(INVITE.message, 200, to_tag=Tag("b2"))
    set_body(other, SDP, "application/sdp")
    await refused(going, one, other)
    assert calls.ended == []


async def test_a_branch_function_that_fails_fails_the_branch() -> None:
    calls = FakeCalls()
    with pytest.raises(RefusalError) as caught:
        await left(journey(calls, Failing("branch")))
    assert (caught.value.code, calls.told) == (500, [])
