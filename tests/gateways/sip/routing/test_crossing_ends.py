"""The end of a dialog crosses the answer to an offer in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from gateways.sip.messages.incoming import IncomingResponse
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.test_nothing_passes_the_relay import Parties, bring_up, check
from tests.gateways.sip.routing.whole_door import WholeDoor


@pytest.fixture
def parties() -> Iterator[Parties]:
    cluster = Cluster(relays=1, control_nodes=1)
    try:
        door = WholeDoor(cluster)
        yield Parties(door)
        check(door)
    finally:
        cluster.close()


def test_an_answer_after_the_end_of_its_dialog_is_no_news_to_operators(parties: Parties) -> None:
    bring_up(parties)
    parties.ask("INVITE", by_callee=False)
    with capture_logs() as told:
        parties.ask("BYE", by_callee=True, has_sdp=False)
        sent = parties.answer("INVITE", 200)
    assert [message.status for message in sent if isinstance(message, IncomingResponse)] == [481]
    assert [line for line in told if line["log_level"] in ("warning", "error")] == []
