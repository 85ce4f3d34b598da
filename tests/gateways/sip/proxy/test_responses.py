from __future__ import annotations

import pytest
from sipmessage import Response

from events.names import Tag
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import Forwarding
from gateways.sip.proxy.responses import best_of, for_client
from gateways.sip.transactions.users import TransactionFailure
from tests.gateways.sip.proxy.world import A, B, World, request, settle


def response(code: int, *headers: tuple[str, str]) -> Response:
    return reply_to(request().message, code, headers=headers)


@pytest.mark.parametrize(
    ("codes", "best"),
    [
        ([404], 404),
        ([404, 603, 302], 603),
        ([404, 302, 500], 302),
        ([500, 404, 503], 404),
        ([486, 404], 404),
        ([404, 486], 486),
        ([408, 486, 487], 486),
        ([503, 502], 502),
        *[([486, code, 404], code) for code in (401, 407, 415, 420, 484)],
    ],
)
def test_the_best(codes: list[int], best: int) -> None:
    assert best_of([response(code) for code in codes]).code == best


def test_all_challenges_are_passed_on() -> None:
    one = response(401, ("WWW-Authenticate", 'Digest realm="a"'), ("Proxy-Authenticate", 'Digest realm="p"'))
    two = response(407, ("Proxy-Authenticate", 'Digest realm="b"'), ("Proxy-Authenticate", 'Digest realm="c"'))
    best = best_of([one, response(404), two])
    assert best.code == 407
    assert best.headers.getlist("WWW-Authenticate") == ['Digest realm="a"']
    assert best.headers.getlist("Proxy-Authenticate") == [f'Digest realm="{realm}"' for realm in "bcp"]
    assert len(two.headers.getlist("Proxy-Authenticate")) == 2


def test_503_says_nothing_of_us() -> None:
    busy = response(503, ("Retry-After", "10"))
    told = for_client(busy)
    assert (told.code, told.headers.get("Retry-After")) == (500, None)
    assert busy.code == 503
    assert for_client(told) is told


async def test_our_via_is_off_and_all_else_is_as_it_came() -> None:
    world = World()
    world.forward()
    server = await world.take()
    world.clients[0].answer(183, Tag("tB"), [("X-Odd", '"a, b" ; c'), ("X-Odd", "d")])
    await settle()
    (told,) = server.responses
    assert told.headers.getlist("Via") == request().message.headers.getlist("Via")
    assert told.headers.getlist("X-Odd") == ['"a, b" ; c', "d"]


async def test_two_vias_on_one_line() -> None:
    world = World()
    world.forward()
    server = await world.take()
    (client,) = world.clients
    client.request.headers.setlist("Via", [", ".join(client.header("Via"))])
    client.answer(180)
    await settle()
    assert server.responses[0].headers.getlist("Via") == request().message.headers.getlist("Via")


async def test_100_goes_no_further() -> None:
    world = World()
    world.forward()
    server = await world.take()
    for code in (100, 180, 183):
        world.clients[0].answer(code)
    await settle()
    assert server.codes == [180, 183]
    assert world.passing.log == [("leaves", 0), ("came", 0, 180), ("came", 0, 183)]


async def test_a_lone_503_becomes_500() -> None:
    world = World()
    world.forward()
    server = await world.take()
    world.clients[0].answer(503)
    await settle()
    assert world.passing.log[-1] == ("failed", 503)
    assert server.codes == [500]


@pytest.mark.parametrize(("failure", "told"), [(TransactionFailure.TIMEOUT, 408), (TransactionFailure.TRANSPORT, 503)])
async def test_failures_are_made_responses(failure: TransactionFailure, told: int) -> None:
    world = World()
    world.forward()
    server = await world.take()
    world.clients[0].fail(failure)
    await settle()
    assert world.passing.log == [("leaves", 0), ("came", 0, told), ("failed", told)]
    assert server.codes == [408 if told == 408 else 500]
    assert "tag=" in (server.responses[0].headers.get("To") or "")


async def test_nobody_but_an_inviter_is_told_of_silence() -> None:
    world = World()
    world.forward()
    server = await world.take(request("MESSAGE"))
    world.clients[0].fail(TransactionFailure.TIMEOUT)
    await settle()
    assert server.codes == []
    assert world.nothing_is_left()


async def test_no_targets_at_all() -> None:
    world = World()
    world.decision = Forwarding((), world.passing)
    server = await world.take()
    assert world.passing.log == [("failed", 480)]
    assert server.codes == [480]


async def test_best_over_all_forks() -> None:
    world = World()
    server = await world.fork(A, B)
    world.clients[0].answer(404)
    world.clients[1].answer(302)
    await settle()
    assert server.codes == [302]
