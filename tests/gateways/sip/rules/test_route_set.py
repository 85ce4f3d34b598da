from __future__ import annotations

import pytest
from sipmessage import Request, Response

from gateways.sip.messages.uris import read_uri
from gateways.sip.rules.route_set import Path, path, request_uri, routes_to_callee, routes_to_caller

BOB = read_uri("sip:bob@192.0.2.4:5062;transport=tcp")


def texts(way: Path) -> tuple[str, tuple[str, ...], str]:
    return str(way.request_uri), tuple(way.routes), str(way.next_hop)


def test_without_routes_the_target_is_the_next_hop() -> None:
    assert texts(path(BOB, ())) == (str(BOB), (), str(BOB))


def test_a_loose_router_gets_the_targets_request_uri() -> None:
    routes = ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert texts(path(BOB, routes)) == (str(BOB), routes, "sip:p1.example.com;lr")


def test_a_strict_router_gets_its_own_uri_and_the_target_comes_last() -> None:
    routes = ("<sip:p1.example.com;method=INVITE?Subject=x>", "<sip:p2.example.com;lr>")
    assert texts(path(BOB, routes)) == (
        "sip:p1.example.com",
        ("<sip:p2.example.com;lr>", f"<{BOB}>"),
        "sip:p1.example.com;method=INVITE?Subject=x",
    )


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:bob@host;method=BYE;x=1?Route=y", "sip:bob@host;x=1"),
        ("sip:bob?x@host", "sip:bob?x@host"),
        ("sip:bob;method=x@host;lr", "sip:bob;method=x@host;lr"),
        ("sip:bob;method=x@host;METHOD=BYE", "sip:bob;method=x@host"),
    ],
)
def test_headers_and_a_method_do_not_come_into_the_request_uri(uri: str, expected: str) -> None:
    assert str(request_uri(read_uri(uri))) == expected


def test_a_route_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="URI"):
        path(BOB, ("<>",))


def test_the_route_set_to_the_caller_is_in_the_order_of_the_request() -> None:
    request = Request("INVITE", BOB)
    request.headers.setlist("Record-Route", ["<sip:p2;lr>, <sip:p1;lr>"])
    assert routes_to_caller(request) == ("<sip:p2;lr>", "<sip:p1;lr>")


def test_the_route_set_to_the_callee_is_what_was_added_beyond_us_in_reverse_order() -> None:
    response = Response(200, "OK")
    response.headers.setlist("Record-Route", ["<sip:p4;lr>, <sip:p3;lr>", "<sip:us;lr>", "<sip:p1;lr>"])
    assert routes_to_callee(response, 2) == ("<sip:p3;lr>", "<sip:p4;lr>")
    assert routes_to_callee(response, 9) == ()
