"""A relay is engaged before the call is answered, and refused after that, whether the call has one or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.sip.messages.incoming import IncomingRequest
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.test_nothing_passes_the_relay import Parties, requests, responses, sdp
from tests.gateways.sip.routing.whole_door import ROUTE, WholeDoor
from tests.gateways.sip.script.messages import script

CODE = """
from rtp_relay.routing import BadSetting

@on_request
def route(request):
    if not request.has_totag:
        {begin}
    else:
        try:
            request.rtp_relay_engage("rtpengine")
        except BadSetting as error:
            request.headers.set("X-Refused", str(error))
    request.relay()
"""

BEGUN = {
    "without": ("pass", "began without a relay", ROUTE.replace("rl", "rl=0")),
    "without, past our Route": ("pass", "began without a relay", ""),
    "with a variable": ("request.vars['a'] = 'b'", "the call is established", ROUTE),
    "with a relay": ("request.rtp_relay_engage('rtpengine')", "the call is established", ROUTE),
}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(relays=1)
    yield cluster
    cluster.close()


@pytest.mark.parametrize("by_callee", [False, True], ids=["caller", "callee"])
@pytest.mark.parametrize(("begin", "why", "route"), BEGUN.values(), ids=BEGUN)
def test_a_relay_is_not_engaged_in_a_dialog(
    tmp_path: Path, cluster: Cluster, begin: str, why: str, route: str, *, by_callee: bool
) -> None:
    parties = Parties(WholeDoor(cluster, script=script(tmp_path, CODE.format(begin=begin))))
    parties.invite(delayed=False)
    parties.answer("INVITE", 200)
    parties.ask("ACK", by_callee=False, has_sdp=False, route=route, routed=bool(route))
    for method in ("INVITE", "UPDATE"):
        sent = parties.ask(method, by_callee=by_callee, route=route, routed=bool(route))
        (asked,) = [message for message in sent if isinstance(message, IncomingRequest)]
        assert why in (asked.message.headers.get("X-Refused") or "")
        assert (asked.message.body == sdp(parties.bodies + 4000)) is not ("engage" in begin)
        parties.answer(method, 200)
        parties.ask("ACK", by_callee=by_callee, has_sdp=False, route=route, routed=bool(route))
    assert len(cluster.relays["relay1"].calls) == ("engage" in begin)


def test_a_request_whose_script_does_not_expect_that_is_not_sent_on(tmp_path: Path, cluster: Cluster) -> None:
    code = "@on_request\ndef route(request):\n"
    code += "    if request.has_totag: request.rtp_relay_engage('rtpengine')\n    request.relay()\n"
    parties = Parties(WholeDoor(cluster, script=script(tmp_path, code)))
    parties.invite(delayed=False)
    parties.answer("INVITE", 200)
    sent = parties.ask("INVITE", by_callee=False, route=ROUTE.replace("rl", "rl=0"))
    assert (requests(sent), responses(sent)) == ([], [(100, False), (500, False)])
