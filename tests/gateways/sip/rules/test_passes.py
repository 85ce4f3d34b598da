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
        ([US], Way((), again=True)),
        ([APP, US, FAR], Way((FAR,), again=True)),
        ([US, APP, US, APP, FAR], Way((APP, FAR), again=True)),
        (["<sip:us.example.net;lr;rl=0>", FAR], Way((FAR,))),
        (["<sip:us.example.net;lr>", FAR], Way((FAR,))),
        (["<sip:us.example.net;lr;rl=0>", "<sip:us.example.net:5070;lr;rl>"], Way((), again=True)),
        (["nonsense", FAR], Way(("nonsense", FAR))),
    ],
)
def test_the_way_to_a_party_begins_beyond_the_last_pass(routes: list[str], way: Way) -> None:
    assert way_beyond(routes, OWN.match) == way


def test_nothing_leads_here_while_nobody_knows_where_we_are() -> None:
    assert way_beyond([US, FAR], nowhere) == Way((US, FAR))
