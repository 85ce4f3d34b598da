"""What callables may return."""

from __future__ import annotations

import pytest

from engines.ng.bencode import NgDict, encode
from engines.request import HANDLE
from engines.route.parameters import Route
from engines.route.returns import BadReturn, failure, reply_to

UNCHANGED: NgDict = {b"result": b"ok"}
BODY: NgDict = {b"result": b"ok", b"sdp": b"new"}
BOTH: NgDict = {b"result": b"ok", b"sdp": b"new", HANDLE: b"mine"}
NODE: NgDict = {b"result": b"ok", HANDLE: b"mine"}


@pytest.mark.parametrize(
    ("returned", "reply"),
    [
        (None, UNCHANGED),
        (b"new", BODY),
        ("new", BODY),
        (bytearray(b"new"), BODY),
        (("new",), BODY),
        (["new"], BODY),
        ((), UNCHANGED),
        ((1,), UNCHANGED),
        ((1, "new"), BODY),
        ((1, "new", "mine"), BOTH),
        (("new", "mine"), BOTH),
        (("new", b"mine"), BOTH),
        ((None, "mine"), NODE),
        ({}, UNCHANGED),
        ({"body": "new"}, BODY),
        ({"body": None, "node": "mine"}, NODE),
        ({"body": "new", "node": "mine"}, BOTH),
        (("new", 7), {**BODY, HANDLE: b"7"}),
        ("\udcff", {b"result": b"ok", b"sdp": b"\xff"}),
    ],
)
def test_an_offer_returns(returned: object, reply: NgDict) -> None:
    assert reply_to(Route.OFFER, returned) == encode(reply)


@pytest.mark.parametrize(
    ("returned", "named"),
    [
        (7, "int as the body"),
        (True, "bool as the body"),
        (object(), "object as the body"),
        ("", "empty body"),
        (b"", "empty body"),
        ("\ud800", "UTF-8"),
        ((True, "new"), "bool as the body"),
        ((2, "new"), "int as the body"),
        (("new", 1.5), "float as the node"),
        (("new", True), "bool as the node"),
        (("new", "mine", "more"), "3 values"),
        ((1, "new", "mine", "more"), "3 values"),
        ({"sdp": "new"}, "'sdp'"),
        ({"body": 7}, "int as the body"),
        ({1: 2}, "1, which is not one of body, node"),
    ],
)
def test_an_offer_does_not_return(returned: object, named: str) -> None:
    with pytest.raises(BadReturn, match=named):
        reply_to(Route.OFFER, returned)


def test_an_answer_returns_a_body_alone() -> None:
    assert reply_to(Route.ANSWER, (1, "new")) == encode(BODY)
    for returned in (("new", "mine"), {"node": "mine"}):
        with pytest.raises(BadReturn):
            reply_to(Route.ANSWER, returned)


def test_the_offer_of_a_copy_returns_what_to_know_it_by() -> None:
    named: NgDict = {b"result": b"ok", b"copy-ctx": b"mine"}
    assert reply_to(Route.COPY_OFFER, (1, "mine")) == encode(named)
    assert reply_to(Route.COPY_OFFER, {"copy-ctx": "mine", "body": "new"}) == encode({**named, b"sdp": b"new"})


@pytest.mark.parametrize("route", [Route.DELETE, Route.COPY_ANSWER, Route.COPY_DELETE])
def test_what_the_others_return_counts_for_nothing(route: Route) -> None:
    assert reply_to(route, object()) == encode(UNCHANGED)


def test_any_text_can_be_told_of_a_failure() -> None:
    assert failure("\ud800 \udcff") == encode({b"result": b"error", b"error-reason": b"\\ud800 \\udcff"})
