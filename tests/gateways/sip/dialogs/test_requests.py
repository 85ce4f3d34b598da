from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sipmessage import URI, Request, Response

from actors.sip_requests import DialogRequest, SipOutcome
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.script.branch_views import Local as LocalView
from gateways.sip.script.script import ScriptFailure
from gateways.sip.transactions.users import TransactionFailure
from tests.gateways.sip.dialogs.fakes import FakeLayer, FakeNetwork, Outcomes, Sent, asked, udp

BOB = "<sip:bob@192.0.2.4>"
ELSEWHERE = "<sip:bob@192.0.2.44:5070>"


class Bench:
    """Requests of our own over fakes."""

    def __init__(self, patience: float = 30.0, grace: float = 30.0, max_in_flight: int = 1000) -> None:
        self.layer, self.network = FakeLayer(), FakeNetwork()
        hops = Hops(self.network, self.network)
        self.requests = DialogRequests(self.layer, hops, patience=patience, grace=grace, max_in_flight=max_in_flight)

    def signal(self, request: DialogRequest) -> Outcomes:
        outcomes = Outcomes()
        self.requests.signal(request, outcomes)
        return outcomes

    async def sent(self) -> Sent:
        return await self.layer.requests.get()

    async def ack(self) -> tuple[Request, str]:
        message, hop = await self.layer.alone.get()
        assert isinstance(message, Request)
        assert message.method == "ACK"
        return message, str(hop)


@asynccontextmanager
async def bench(patience: float = 30.0, grace: float = 30.0, max_in_flight: int = 1000) -> AsyncIterator[Bench]:
    made = Bench(patience, grace, max_in_flight)
    try:
        yield made
        assert made.requests.in_flight == 0
        assert made.layer.requests.empty()
        assert made.layer.alone.empty()
    finally:
        await made.requests.close()


# -- outcomes --


@pytest.mark.parametrize("code", [200, 401, 407, 408, 481, 488, 491, 500, 503])
async def test_a_final_response_is_the_outcome(code: int) -> None:
    async with bench() as on:
        outcomes = on.signal(asked("OPTIONS"))
        sent = await on.sent()
        sent.answer(100, "Trying")
        sent.answer(code, "So it is", b"v=0\r\n", Contact=BOB, Retry_After="18;duration=3600 (in a meeting)")
        assert await outcomes.outcome() == SipOutcome(code, "So it is", b"v=0\r\n", "sip:bob@192.0.2.4", 18)


async def test_no_answer_is_an_outcome_that_ends_the_dialog() -> None:
    async with bench() as on:
        outcomes = on.signal(asked("OPTIONS"))
        (await on.sent()).fail(TransactionFailure.TIMEOUT)
        outcome = await outcomes.outcome()
        assert (outcome.status, outcome.reached, outcome.ends_dialog) == (0, True, True)


async def test_nothing_is_known_of_a_party_that_nothing_could_be_sent_to() -> None:
    async with bench() as on:
        outcomes = on.signal(asked("OPTIONS"))
        (await on.sent()).fail(TransactionFailure.TRANSPORT)
        assert (await outcomes.outcome()).unsent


@pytest.mark.parametrize("target", ["sip:bob@nowhere.example.com", "mailto:bob@example.com", "sip:bob@192.0.2.4?a b"])
async def test_a_target_without_an_address_is_not_reached(target: str) -> None:
    async with bench() as on:
        assert (await on.signal(asked("BYE", target)).outcome()).unsent


async def test_a_request_goes_to_the_first_route() -> None:
    async with bench() as on:
        outcomes = on.signal(asked("BYE", routes=("<sip:192.0.2.10;lr>", "<sip:192.0.2.11;lr>")))
        sent = await on.sent()
        assert str(sent.request.uri) == "sip:bob@192.0.2.4"
        assert sent.request.headers.getlist("Route") == ["<sip:192.0.2.10;lr>", "<sip:192.0.2.11;lr>"]
        assert sent.hop == udp("192.0.2.10")
        sent.answer(200)
        assert (await outcomes.outcome()).status == 200


# -- address after address --


async def two_addresses(on: Bench) -> tuple[Outcomes, Sent]:
    on.network.names["bobs.example.com"] = [udp("192.0.2.1"), udp("192.0.2.2")]
    outcomes = on.signal(asked("BYE", "sip:bob@bobs.example.com"))
    return outcomes, await on.sent()


async def test_an_address_that_cannot_be_reached_is_followed_by_the_next() -> None:
    async with bench() as on:
        outcomes, first = await two_addresses(on)
        first.fail(TransactionFailure.TRANSPORT)
        second = await on.sent()
        assert (first.hop, second.hop) == (udp("192.0.2.1"), udp("192.0.2.2"))
        assert first.request.headers.get("Via") != second.request.headers.get("Via")
        second.answer(200)
        assert (await outcomes.outcome()).status == 200


async def test_an_address_that_does_not_answer_in_its_share_of_the_time_is_followed_by_the_next() -> None:
    async with bench(patience=0.05) as on:
        outcomes, _ = await two_addresses(on)
        (await on.sent()).answer(200)
        assert (await outcomes.outcome()).status == 200


async def test_a_503_is_the_outcome_only_if_the_next_address_says_no_more() -> None:
    async with bench() as on:
        outcomes, first = await two_addresses(on)
        first.answer(503, "Overload")
        (await on.sent()).fail(TransactionFailure.TRANSPORT)
        assert await outcomes.outcome() == SipOutcome(503, "Overload")


async def test_a_refusal_is_not_asked_for_again() -> None:
    async with bench() as on:
        outcomes, first = await two_addresses(on)
        first.answer(481)
        assert (await outcomes.outcome()).status == 481


# -- the ACK of a 2xx --


async def test_a_2xx_to_an_invite_is_acknowledged_before_the_outcome_and_at_each_repeat() -> None:
    async with bench() as on:
        outcomes = on.signal(asked())
        sent = await on.sent()
        sent.answer(200, "OK", Contact=BOB)
        assert not outcomes.came
        ack, to = await on.ack()
        assert (ack.headers.get("CSeq"), str(ack.uri), to) == ("3 ACK", "sip:bob@192.0.2.4", "udp:192.0.2.4:5060")
        assert (await outcomes.outcome()).status == 200
        sent.answer(200, "OK", Contact=BOB)
        again, _ = await on.ack()
        assert again.headers.get("Call-ID") == ack.headers.get("Call-ID")


async def test_the_ack_follows_the_party_to_its_new_address() -> None:
    async with bench() as on:
        outcomes = on.signal(asked())
        sent = await on.sent()
        sent.answer(200, "OK", Contact=ELSEWHERE)
        ack, to = await on.ack()
        assert (str(ack.uri), to) == ("sip:bob@192.0.2.44:5070", "udp:192.0.2.44:5070")
        assert (await outcomes.outcome()).contact == "sip:bob@192.0.2.44:5070"
        sent.answer(200, "OK", Contact=ELSEWHERE)
        assert (await on.ack())[1] == to


async def test_the_ack_goes_where_the_invite_went_if_the_contact_cannot_be_read() -> None:
    async with bench() as on:
        outcomes = on.signal(asked())
        (await on.sent()).answer(200, "OK", Contact="<mailto:bob@example.com>")
        assert (await on.ack())[1] == "udp:192.0.2.4:5060"
        assert (await outcomes.outcome()).status == 200


@pytest.mark.parametrize(("method", "code"), [("BYE", 200), ("INVITE", 491), ("INVITE", 180)])
async def test_nothing_else_is_acknowledged_by_us(method: str, code: int) -> None:
    async with bench() as on:
        outcomes = on.signal(asked(method))
        sent = await on.sent()
        sent.answer(code)
        sent.fail(TransactionFailure.TIMEOUT)
        assert (await outcomes.outcome()).status in (code, 0)


# -- patience --


async def test_an_invite_that_only_rings_is_cancelled() -> None:
    async with bench(patience=0.02) as on:
        outcomes = on.signal(asked())
        sent = await on.sent()
        sent.answer(180)
        await sent.cancelled.wait()
        sent.answer(487)
        assert (await outcomes.outcome()).status == 487


async def test_a_2xx_that_crosses_the_cancel_counts() -> None:
    async with bench(patience=0.02) as on:
        outcomes = on.signal(asked())
        sent = await on.sent()
        sent.answer(180)
        await sent.cancelled.wait()
        sent.answer(200, "OK", Contact=BOB)
        await on.ack()
        assert (await outcomes.outcome()).status == 200


async def test_a_2xx_that_comes_after_the_end_is_still_acknowledged() -> None:
    async with bench(patience=0.02, grace=0.01) as on:
        outcomes = on.signal(asked())
        sent = await on.sent()
        assert (await outcomes.outcome()).status == 0
        sent.answer(200, "OK", Contact=BOB)
        await on.ack()


# -- the script --


class FakeRouting:
    def __init__(self, failure: ScriptFailure | None = None) -> None:
        self.failure = failure

    async def local(self, view: LocalView) -> None:
        if self.failure:
            raise self.failure
        view.headers.set("X-To", f"{view.method} {view.to_leg}")


async def test_the_script_may_change_a_request() -> None:
    async with bench() as on:
        on.requests.routing = FakeRouting()
        outcomes = on.signal(asked("BYE"))
        sent = await on.sent()
        assert sent.request.headers.get("X-To") == "BYE callee"
        sent.answer(200)
        await outcomes.outcome()


async def test_a_script_that_fails_does_not_keep_a_request_from_leaving() -> None:
    async with bench() as on:
        on.requests.routing = FakeRouting(ScriptFailure(Path("script.py"), 3, "KeyError: 'x'", "local"))
        outcomes = on.signal(asked("BYE"))
        (await on.sent()).answer(200)
        assert (await outcomes.outcome()).status == 200


# -- bounds and ends --


async def test_only_so_many_are_under_way_at_a_time() -> None:
    async with bench(max_in_flight=1) as on:
        first = on.signal(asked("BYE"))
        assert (await on.signal(asked("BYE")).outcome()).unsent
        (await on.sent()).answer(200)
        await first.outcome()
        third = on.signal(asked("BYE"))
        (await on.sent()).answer(200)
        assert (await third.outcome()).status == 200


async def test_who_waits_is_told_of_the_close() -> None:
    async with bench() as on:
        waiting, not_begun = on.signal(asked("BYE")), None
        await on.sent()
        not_begun = on.signal(asked("BYE"))
        await on.requests.close()
        assert (await waiting.outcome()).unsent
        assert (await not_begun.outcome()).unsent


async def test_a_fault_of_ours_is_an_outcome() -> None:
    class Broken(FakeLayer):
        def request(self, *_: object) -> Sent:
            raise RuntimeError("broken")

    network = FakeNetwork()
    requests, outcomes = DialogRequests(Broken(), Hops(network, network)), Outcomes()
    requests.signal(asked("BYE"), outcomes)
    assert (await outcomes.outcome()).unsent
    assert requests.in_flight == 0


# -- dialogs that nobody takes --


def two_hundred(contact: str = BOB) -> tuple[Request, Response]:
    sent = Request("INVITE", asked_uri())
    response = Response(200, "OK")
    for name, text in (("From", "<sip:a@x>;tag=a"), ("Call-ID", "call"), ("CSeq", "7 INVITE")):
        sent.headers.add(name, text)
        response.headers.add(name, text)
    response.headers.add("To", "<sip:b@x>;tag=b")
    response.headers.add("Contact", contact)
    return sent, response


def asked_uri() -> URI:
    return URI.parse("sip:bob@192.0.2.4")


async def test_an_abandoned_dialog_is_acknowledged_and_then_ended() -> None:
    async with bench() as on:
        await on.requests.abandon(*two_hundred(), source=udp("192.0.2.4"))
        ack, to = await on.ack()
        assert (ack.headers.get("CSeq"), ack.headers.get("To"), to) == (
            "7 ACK",
            "<sip:b@x>;tag=b",
            "udp:192.0.2.4:5060",
        )
        bye = await on.sent()
        assert (bye.request.method, bye.request.headers.get("CSeq")) == ("BYE", "8 BYE")
        bye.answer(200)
        await asyncio.gather(*on.requests._tasks)


async def test_an_abandoned_dialog_that_nobody_can_be_found_for_is_left() -> None:
    async with bench() as on:
        await on.requests.abandon(*two_hundred("<sip:b@nowhere.example>"))
        await asyncio.gather(*on.requests._tasks)


async def test_an_abandoned_dialog_whose_contact_is_no_sip_uri_is_ended_where_the_invite_went() -> None:
    async with bench() as on:
        await on.requests.abandon(*two_hundred("<mailto:b@x>"))
        assert (await on.ack())[1] == "udp:192.0.2.4:5060"
        bye = await on.sent()
        assert (bye.request.method, str(bye.request.uri)) == ("BYE", "sip:bob@192.0.2.4")
        bye.answer(200)
        await asyncio.gather(*on.requests._tasks)
