from __future__ import annotations

import pytest

from gateways.sip.rules.own_routes import OwnAddresses
from gateways.sip.rules.passes import Way, nowhere, way_beyond

US, APP, FAR = "<sip:us.example.net;lr;rl>", "<sip:app.example.net;lr>", "<sip:far.example.net;lr>"
OWN = OwnAddresses((), ("us.example.net",))


@pytest.mark.parametrize(
    ("routes", "way"),
    [
        ([], Way(())),
        ([APP, FAR], Way((APP, FAR))),
        ([US], Way((), (None,))),
        ([APP, US, FAR], Way((FAR,), (None,))),
        ([US, APP, US, APP, FAR], Way((APP, FAR), (None, None))),
        (["<sip:us.example.net;lr;rl=0>", FAR], Way((FAR,), ("0",))),
        (["<sip:us.example.net;lr>", FAR], Way((FAR,))),
        (["<sip:us.example.net;lr;rl=0>", "<sip:us.example.net:5070;lr;rl=2>"], Way((), ("0", "2"))),
        (["nonsense", FAR], Way(("nonsense", FAR))),
    ],
)
def test_the_way_to_a_party_begins_beyond_the_last_pass(routes: list[str], way: Way) -> None:
    assert way_beyond(routes, OWN.match) == way


def test_nothing_leads_here_while_nobody_knows_where_we_are() -> None:
    assert way_beyond([US, FAR], nowhere) == Way((US, FAR))


@pytest.mark.parametrize(
    ("marks", "came"), [((), False), (("0",), False), ((None,), True), (("0", "2"), True), (("2", None), True)]
)
def test_what_a_request_has_passed_is_told_by_the_marks(marks: tuple[str | None, ...], came: bool) -> None:
    assert Way((), marks).request_came_before == came
