"""A call whose INVITE never has a final response ends by itself; one that is established never does so."""

from __future__ import annotations

import pytest

from actors.flows.recovery.silence import UNDECIDED
from events.registry import DeleteIntended, MediaSeen
from replay.projection import Deadlines
from replay.state import CallStatus
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import ENGAGED, SipCall, check_over, state

PAST_ALL = (DEADLINES.offer + DEADLINES.operation) / 1000 + 20

FAILED_AFTER_EARLY = ("A 183 INVITE branch=br0 sdp=a", "B 180 INVITE branch=br1", "A 486 INVITE branch=br0")
EARLY = ("A 183 INVITE branch=br0 sdp=a", "B 180 INVITE branch=br1")
CANCELLED = (*EARLY, "C CANCEL at=-")
EARLY_DIALOG_ENDED = (*EARLY, "C BYE cseq=2")
STORIES = {
    "failed after early media": FAILED_AFTER_EARLY,
    "early media": EARLY,
    "cancelled": CANCELLED,
    "early dialog ended": EARLY_DIALOG_ENDED,
}


def fork(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c branch=br0", changes=[ENGAGED])
    call.tell("C INVITE at=- sdp=c branch=br1")


def reasons(call: SipCall) -> list[str]:
    events = [record.event for record in call.cluster.stream(call.call_id)]
    return [event.reason for event in events if isinstance(event, DeleteIntended)]


@pytest.mark.parametrize("steps", [None, 0, 1, 2, 4])
@pytest.mark.parametrize("story", STORIES)
def test_a_call_that_is_never_answered_for_good_ends(cluster: Cluster, story: str, steps: int | None) -> None:
    """Its control node dies at the last message; another one finds the call due."""
    call = SipCall(cluster)
    fork(call)
    *before, last = STORIES[story]
    for line in before:
        call.tell(line)
    cluster.nodes[0].life.crossings = steps
    call.attempt(last)
    cluster.nodes[0].kill()
    cluster.after(PAST_ALL)
    check_over(call)
    assert reasons(call)[-1] == UNDECIDED


def test_a_call_with_a_dialog_is_never_ended_so(cluster: Cluster) -> None:
    call = SipCall(cluster)
    fork(call)
    for line in (*EARLY, "B 200 INVITE branch=br1 sdp=b", "C ACK at=B"):
        call.tell(line)
    cluster.nodes[0].kill()
    cluster.after(10 * PAST_ALL)
    assert state(call).status is CallStatus.LIVE
    assert state(call).has_session
    cluster.check_no_leak()


def test_an_early_answer_may_ring_for_as_long_as_the_door_lets_it() -> None:
    cluster = Cluster(deadlines=Deadlines(offer=10_000, ringing=300_000))
    call = SipCall(cluster)
    fork(call)
    for line in EARLY:
        call.tell(line)
    cluster.after(280)
    assert state(call).status is CallStatus.LIVE
    cluster.after(60)
    check_over(call)
    cluster.close()


def test_early_media_are_waited_for_until_they_end(cluster: Cluster) -> None:
    call = SipCall(cluster)
    fork(call)
    for line in EARLY:
        call.tell(line)
    for relay in cluster.relays.values():
        relay.flowing, relay.packets = True, 1000
    cluster.after(3 * PAST_ALL)
    assert state(call).status is CallStatus.LIVE
    assert any(isinstance(record.event, MediaSeen) for record in cluster.stream(call.call_id))
    for relay in cluster.relays.values():
        relay.flowing = False
    cluster.after(2 * PAST_ALL)
    check_over(call)
