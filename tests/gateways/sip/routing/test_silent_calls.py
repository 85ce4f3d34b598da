"""Nothing can be learned of a call: its journal is away, it is quarantined, or there is no room for its actor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.directory import DirectorySettings
from events.names import CallId
from events.verb import Verb
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.test_nothing_passes_the_relay import Parties, bring_up, check
from tests.gateways.sip.routing.whole_door import WholeDoor

BOTH = pytest.mark.parametrize("by_callee", [False, True], ids=["caller", "callee"])
PASSIVE = 30.0
"""Seconds after which a call has left memory."""


@pytest.fixture
def parties() -> Iterator[Parties]:
    cluster = Cluster(relays=1, control_nodes=1, settings=DirectorySettings(max_resident=1))
    try:
        door = WholeDoor(cluster)
        yield Parties(door)
        check(door)
    finally:
        cluster.close()


def rest(parties: Parties, seconds: float = PASSIVE) -> None:
    """Let the call leave memory."""
    cluster = parties.door.cluster
    for _ in range(round(seconds)):
        cluster.after(1)
        cluster.nodes[0].directory.sweep()


def away(parties: Parties, *, is_away: bool = True) -> None:
    parties.door.cluster.nodes[0].journal.away = is_away


def codes(sent: list[IncomingRequest | IncomingResponse]) -> list[int]:
    """Return the final responses that a request got; see that it went no further."""
    assert not [message for message in sent if isinstance(message, IncomingRequest)]
    return [message.status for message in sent if isinstance(message, IncomingResponse) and message.status > 100]


def goes_on(sent: list[IncomingRequest | IncomingResponse], method: str) -> bool:
    """Return whether a request went on; see that it has no body."""
    forwarded = [message for message in sent if isinstance(message, IncomingRequest)]
    assert [(message.method, message.message.body) for message in forwarded] in ([], [(method, b"")])
    return bool(forwarded)


def is_over(parties: Parties) -> bool:
    cluster = parties.door.cluster
    held = [relay.held() for relay in cluster.fakes.values()]
    return cluster.state(CallId("c")).status is CallStatus.ENDED and held == [set()]


@BOTH
@pytest.mark.parametrize("is_passive", [True, False], ids=["passive", "resident"])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "REFER", "MESSAGE"])
def test_without_a_journal_requests_are_to_come_again(
    parties: Parties, method: str, by_callee: bool, is_passive: bool
) -> None:
    bring_up(parties)
    if is_passive:
        rest(parties)
    away(parties)
    for has_sdp in (True, False):
        sent = parties.ask(method, by_callee=by_callee, has_sdp=has_sdp)
        assert codes(sent) == [503]
        assert sent[-1].message.headers.get("Retry-After")
    away(parties, is_away=False)
    sent = parties.ask(method, by_callee=by_callee, has_sdp=method in ("INVITE", "UPDATE"))
    assert [message.method for message in sent if isinstance(message, IncomingRequest)] == [method]


@BOTH
@pytest.mark.parametrize("is_passive", [True, False], ids=["passive", "resident"])
@pytest.mark.parametrize("has_sdp", [True, False])
def test_a_bye_goes_on_and_its_call_ends_when_the_journal_is_back(
    parties: Parties, by_callee: bool, is_passive: bool, has_sdp: bool
) -> None:
    bring_up(parties)
    if is_passive:
        rest(parties)
    away(parties)
    assert goes_on(parties.ask("BYE", by_callee=by_callee, has_sdp=has_sdp), "BYE")
    assert parties.answer("BYE", 200, has_sdp=False)
    rest(parties)
    away(parties, is_away=False)
    assert not is_over(parties)
    rest(parties, 3)
    assert is_over(parties)
    assert parties.door.cluster.events(CallId("c"))[-2:] == ["delete wanted", "deleted"]


def test_an_ack_goes_on_unless_it_would_pass_the_relay(parties: Parties) -> None:
    parties.invite(delayed=True)
    parties.answer("INVITE", 200)
    away(parties)
    assert not goes_on(parties.ask("ACK", by_callee=False, has_sdp=True), "ACK")
    assert goes_on(parties.ask("ACK", by_callee=False, has_sdp=False), "ACK")
    away(parties, is_away=False)
    (ack,) = parties.ask("ACK", by_callee=False, has_sdp=True)
    assert ack.message.body


def test_new_calls_are_to_come_again_and_leave_nothing_to_tell(parties: Parties) -> None:
    away(parties)
    for delayed in (True, False):
        sent = parties.invite(delayed=delayed)
        assert codes(sent) == [503]
        assert sent[-1].message.headers.get("Retry-After")
        parties.cseq += 1


def test_an_invite_that_fails_without_a_journal_leaves_nothing_when_it_is_back(parties: Parties) -> None:
    parties.invite(delayed=False)
    away(parties)
    assert 486 in codes([m for m in parties.answer("INVITE", 486, has_sdp=False) if isinstance(m, IncomingResponse)])
    away(parties, is_away=False)
    rest(parties, 3)
    assert is_over(parties)


def test_a_reinvite_that_fails_without_a_journal_is_not_in_the_way_of_the_next(parties: Parties) -> None:
    bring_up(parties)
    parties.ask("INVITE", by_callee=False)
    away(parties)
    parties.answer("INVITE", 488, has_sdp=False)
    away(parties, is_away=False)
    rest(parties, 3)
    (trying, invite) = parties.ask("INVITE", by_callee=False)
    assert isinstance(trying, IncomingResponse)
    assert isinstance(invite, IncomingRequest)


@BOTH
def test_a_quarantined_call_is_not_taken_for_none(parties: Parties, by_callee: bool) -> None:
    bring_up(parties)
    rest(parties)
    parties.door.cluster.journal.spoil(CallId("c"), 1, b"garbage")
    for _ in range(2):  # the second time it is known to be quarantined
        assert codes(parties.ask("INVITE", by_callee=by_callee)) == [503]
    assert goes_on(parties.ask("BYE", by_callee=by_callee, has_sdp=False), "BYE")


def test_without_room_for_its_actor_a_call_is_not_taken_for_none(parties: Parties) -> None:
    bring_up(parties)
    rest(parties)
    cluster = parties.door.cluster
    for relay in cluster.fakes.values():
        relay.silent = True
    cluster.ask(Verb.OFFER, CallId("busy"), a="x", sdp="v")  # the one who may be resident
    assert codes(parties.ask("INVITE", by_callee=False)) == [503]
    assert goes_on(parties.ask("BYE", by_callee=False, has_sdp=False), "BYE")
    for relay in cluster.fakes.values():
        relay.silent = False
    rest(parties, 60)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED


METHODS = st.sampled_from(["INVITE", "UPDATE", "INFO", "ACK", "BYE"])
STEPS = st.tuples(METHODS, st.booleans(), st.booleans(), st.sampled_from([0, 200, 200, 488]), st.booleans())


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_whenever_the_journal_is_away_nothing_passes_the_relay_and_who_hung_up_has_hung_up(
    steps: list[tuple[str, bool, bool, int, bool]],
) -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    try:
        parties = Parties(WholeDoor(cluster))
        bring_up(parties)
        hung_up = False
        for method, by_callee, has_sdp, code, is_away in steps:
            away(parties, is_away=is_away)
            sent = parties.ask(method, by_callee=by_callee, has_sdp=has_sdp and method != "INFO")
            went = any(isinstance(message, IncomingRequest) for message in sent)
            assert method != "BYE" or went
            hung_up = hung_up or method == "BYE"
            if code and went and method != "ACK":
                parties.answer(method, code, has_sdp=method in ("INVITE", "UPDATE") and code < 300)
        away(parties, is_away=False)
        rest(parties, 5)
        check(parties.door)
        assert is_over(parties) or not hung_up
    finally:
        cluster.close()
