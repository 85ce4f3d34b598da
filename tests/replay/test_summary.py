"""What the table of ended calls says of a call, and how it is searched and counted."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import registry as e
from events.ended import EndedCall, Outcome
from events.names import CallId, Leg, NodeName, RelayId, Tag
from events.records import Recorded
from replay.fold import fold
from replay.projection import Deadlines, project
from replay.search import Wanted
from replay.statistics import CAUSES, OTHER_CAUSES, Statistics, Times, plot
from replay.summary import LONGEST, MOST, ended_call
from tests.events.ended_contract import ENDED
from tests.events.samples import RELAYED, SDP
from tests.replay.stories import CALL, START, STORY


def of(*events: e.Event) -> EndedCall:
    """Return what is kept of a call with these events, one a second."""
    records = [Recorded(number, START + 1000 * number, "c", event) for number, event in enumerate(events, 1)]
    return ended_call(fold(CALL, records))


def engaged(session: int, node: str = "relay-1", set_: str = "gold") -> e.SessionIntended:
    return e.SessionIntended(
        session=session,
        operation=session,
        engine="rtpproxy",
        set=set_,
        node=NodeName(node),
        relay_id=RelayId("r"),
        from_tag=Tag("caller"),
    )


def offered(session: int) -> e.Offered:
    return e.Offered(session=session, operation=session, from_tag=Tag("caller"), sdp=SDP, relayed=RELAYED)


ANSWERED = e.Answered(session=1, from_tag=Tag("caller"), to_tag=Tag("callee"), sdp=SDP, relayed=RELAYED)


def failed(session: int) -> e.OfferFailed:
    return e.OfferFailed(session=session, operation=session, reason=f"node {session} is busy", reached=False)


def wanted(*sessions: int, reason: str = "delete by the client") -> e.DeleteIntended:
    return e.DeleteIntended(scope=e.Scope.CALL, sessions=sessions, reason=reason)


def deleted(session: int) -> e.Deleted:
    return e.Deleted(session=session, how=e.RemovalProof.CONFIRMED)


def test_an_answered_call() -> None:
    assert ended_call(fold(CALL, STORY)) == EndedCall(
        call_id=CALL,
        version=7,
        created=START,
        ended=START + 9700,
        answered=START + 3000,
        outcome=Outcome.ANSWERED,
        reason="delete by the client",
        by="control-1",
        nodes=("relay-1",),
        sets=("gold",),
        engines=("rtpengine",),
        tags=("caller", "callee"),
        branches=1,
    )


def test_it_is_in_the_index_when_nothing_is_left_and_not_before() -> None:
    for version in range(1, len(STORY) + 1):
        index = project(fold(CALL, STORY[:version]), Deadlines())
        assert (index.ended is not None) == (version == len(STORY)) == (index.live is None)


@pytest.mark.parametrize(
    ("events", "outcome", "failure"),
    [
        ((engaged(1), offered(1), wanted(1), deleted(1)), Outcome.UNANSWERED, ""),
        ((engaged(1), failed(1), wanted()), Outcome.FAILED, "node 1 is busy"),
        ((engaged(1), failed(1), engaged(2, "relay-2"), offered(2), wanted(2)), Outcome.UNANSWERED, "node 1 is busy"),
        (
            (engaged(1), offered(1), ANSWERED, e.MediaTimedOut(session=1), wanted(1), deleted(1)),
            Outcome.LOST,
            "its media timed out",
        ),
    ],
    ids=["unanswered", "failed", "another node", "lost"],
)
def test_what_became_of_a_call(events: tuple[e.Event, ...], outcome: Outcome, failure: str) -> None:
    call = of(*events)
    assert (call.outcome, call.failure) == (outcome, failure)


def test_a_call_that_begins_anew_has_nothing_of_the_one_before() -> None:
    before = (engaged(1), offered(1), ANSWERED, e.MediaTimedOut(session=1), wanted(1), deleted(1))
    call = of(*before, engaged(2), offered(2), wanted(2), deleted(2))
    assert (call.outcome, call.failure, call.answered) == (Outcome.UNANSWERED, "", 0)


def test_the_media_of_all_streams_are_told() -> None:
    def stream(party: str, packets: int, **told: Any) -> e.MeasuredStream:
        return e.MeasuredStream(party=Tag(party), packets=packets, **told)

    heard = e.MediaMeasured(
        session=1,
        node=NodeName("relay-1"),
        measured=(
            stream("caller", 100, lost=5, jitter=3, mos=(30, 40, 43)),
            stream("callee", 0, one_way=True, mos=(10, 21, 43), jitter=9),
        ),
    )
    call = of(engaged(1), offered(1), ANSWERED, wanted(1), heard, deleted(1))
    assert (call.packets, call.lost, call.jitter, call.mos, call.one_way) == (100, 5, 9, 21, True)
    quiet = of(engaged(1), offered(1), wanted(1), deleted(1))
    assert (quiet.packets, quiet.mos, quiet.one_way) == (0, 0, False)
    assert not Wanted(mos_below=50).takes(quiet)


def test_parties_are_told_by_their_uris() -> None:
    parties = [
        e.PartyLearned(leg=Leg.CALLER, tag=Tag("caller"), uri="<sip:ann@x>"),
        e.PartyLearned(leg=Leg.CALLEE, tag=Tag("one"), uri="<sip:one@x>"),
        e.PartyLearned(leg=Leg.CALLEE, tag=Tag("two"), uri="<sip:two@x>"),
    ]
    call = of(engaged(1), *parties, offered(1), wanted(1), deleted(1))
    assert (call.caller, call.callee, call.tags) == ("<sip:ann@x>", "<sip:two@x>", ("caller",))


@given(st.text(), st.integers(1, 40))
def test_what_others_chose_is_kept_short(text: str, nodes: int) -> None:
    text = text * 50
    sessions = [engaged(number, f"{text}{number}") for number in range(1, nodes + 1)]
    call = of(*sessions, *(failed(number) for number in range(1, nodes + 1)), wanted(reason=text))
    assert len(call.nodes) <= MOST
    assert max(map(len, (call.reason, *call.nodes))) <= LONGEST


MATCHING = [
    {},
    {"node": "ng2"},
    {"set": "gold"},
    {"engine": "rtpengine"},
    {"by": "control-1"},
    {"party": "BOB@"},
    {"party": "ann"},
    {"tag": "b"},
    {"outcome": Outcome.ANSWERED},
    {"failure": "TIME"},
    {"branches": 2},
    {"moves": 1},
    {"one_way": True},
    {"mos_below": 33},
    {"loss_above": 99},
    {"text": "client"},
    {"text": "call-77"},
    {"text": "NG1"},
]
OTHERS = [
    {"node": "ng"},
    {"set": "silver"},
    {"engine": "rtpproxy"},
    {"by": "control-2"},
    {"party": "carol"},
    {"tag": "c"},
    {"outcome": Outcome.FAILED},
    {"failure": "busy"},
    {"branches": 3},
    {"moves": 2},
    {"mos_below": 32},
    {"loss_above": 100},
    {"text": "nowhere"},
]
FOUND = replace(ENDED, call_id=CallId("call-77"))


@pytest.mark.parametrize("what", MATCHING, ids=str)
def test_a_call_that_has_all_that_is_wanted_is_found(what: dict[str, object]) -> None:
    assert Wanted(**what).takes(FOUND)  # type: ignore[arg-type]


@pytest.mark.parametrize("other", OTHERS, ids=str)
@pytest.mark.parametrize("what", [{}, {"text": "call-77"}], ids=str)
def test_one_thing_that_it_has_not_leaves_it_out(what: dict[str, object], other: dict[str, object]) -> None:
    assert not Wanted(**(what | other)).takes(FOUND)  # type: ignore[arg-type]


def test_the_name_of_a_service_stands_for_its_workers() -> None:
    worker = replace(FOUND, by="control-1/2")
    assert Wanted(by="control-1").takes(worker)
    assert Wanted(by="control-1/2").takes(worker)
    assert not Wanted(by="control-1/1").takes(worker)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=200), st.sampled_from([50, 95, 99, 100]))
def test_percentiles_are_right_to_five_percent(durations: list[int], percent: int) -> None:
    times = Times()
    for ms in durations:
        times.add(ms)
    exact = sorted(durations)[-(-len(durations) * percent // 100) - 1]
    told = times.percentile(percent)
    assert told is not None
    assert exact * 0.94 - 1 <= told <= exact * 1.06 + 1
    assert statistics.fmean(durations) <= max(durations)


def test_calls_are_counted_by_node_set_cause_and_time() -> None:
    counted = Statistics(since=0, until=100, buckets=10)
    assert counted.total.set_up.percentile(50) is None
    for at in (0, 5, 99, 1000):
        counted.add(replace(ENDED, ended=at, created=100, answered=350))
    counted.add(EndedCall(ended=50, outcome=Outcome.FAILED, failure="busy", nodes=("ng2",)))
    assert counted.total.outcomes == {Outcome.ANSWERED: 4, Outcome.FAILED: 1}
    assert (counted.nodes["ng2"].calls, counted.nodes["ng1"].calls, counted.sets["gold"].calls) == (5, 4, 4)
    assert counted.causes == {"timeout": 4, "busy": 1}
    assert counted.ended == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert counted.failed == counted.ended
    assert counted.nodes["ng1"].moves == counted.total.one_way == counted.mos[32] == 4
    assert (counted.total.loss, counted.nodes["ng2"].loss) == (10, 10)
    assert (counted.branches[2], counted.total.set_up.count) == (4, 4)


def test_causes_that_others_choose_do_not_grow_without_bounds() -> None:
    counted = Statistics(0, 1, 1)
    for number in range(CAUSES + 10):
        counted.add(EndedCall(failure=f"cause {number}"))
    assert len(counted.causes) == CAUSES + 1
    assert counted.causes[OTHER_CAUSES] == 10


def test_a_plot_is_as_high_as_its_numbers() -> None:
    assert plot([0, 1, 4, 8]) == " ▁▄█"
    assert plot([]) == plot([0])[:0] == ""
