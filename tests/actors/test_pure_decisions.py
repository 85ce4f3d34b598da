"""A decision is a function of the state: made twice it comes to the same, changes nothing, and logs nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from structlog.testing import capture_logs

import actors.call_stream
from actors.call_stream import CallStream, StreamUser
from actors.commands.sip import EndCall
from actors.effects import Decision, Persist, Read
from actors.scheduler import Run
from events.records import Recorded
from replay.fold import apply
from replay.settings_changes import ChangeContextSettings
from replay.state import CallState
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED, SipCall, check_over
from tests.actors.test_crash_points import STORIES, play
from tests.actors.test_dialog_promises import Dialogs
from tests.actors.test_promises import Promises, PromisesWithEmulatedBranches
from tests.examples_tried import examples

pytestmark = pytest.mark.sources  # it takes the place of a step that compiled code goes to directly


class Doubter:
    """Makes each decision of all calls twice, and compares. Whoever logs within one, or within the fold, fails there.

    made: how many decisions there were. faults: what was wrong with them; an actor that fails ends only itself.
    """

    def __init__(self) -> None:
        self.made = 0
        self.faults: list[str] = []
        self._busy = False

    def decide(self, effect: Persist | Read, state: CallState) -> Decision:
        """Make a decision."""
        before = copy.deepcopy(state)
        self._busy = True
        first, second = effect.decide(state), effect.decide(state)
        self._busy = False
        if first != second:
            self.faults.append(f"{first} and {second}")
        if state != before:
            self.faults.append(f"{before} made {state}")
        self.made += 1
        return first

    def apply(self, state: CallState, record: Recorded) -> None:
        """Apply an event."""
        self._busy = True
        apply(state, record)
        self._busy = False

    def log(self, _: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """Let nothing be logged, and fail where nothing may be."""
        if self._busy:
            self._busy = False
            self.faults.append(f"logged within a decision: {event}")
            raise AssertionError(self.faults[-1])
        raise structlog.DropEvent


@pytest.fixture
def doubter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doubter]:
    """Put a doubter into all calls' streams."""
    doubter, record = Doubter(), CallStream.record

    def doubted(stream: CallStream, run: Run | None, effect: Persist | Read, user: StreamUser) -> Any:
        return record(stream, run, Persist(lambda state: doubter.decide(effect, state)), user)

    monkeypatch.setattr(CallStream, "record", doubted)
    monkeypatch.setattr(actors.call_stream, "apply", doubter.apply)
    structlog.configure(processors=[doubter.log], wrapper_class=structlog.make_filtering_bound_logger(0))
    yield doubter
    structlog.reset_defaults()
    assert doubter.faults == []


@pytest.mark.parametrize("name", STORIES)
def test_in_plain_stories(doubter: Doubter, cluster: Cluster, name: str) -> None:
    acknowledged = play(cluster, STORIES[name])
    cluster.after(60)
    assert doubter.made > len(acknowledged)


@pytest.mark.parametrize("machine", [Promises, PromisesWithEmulatedBranches, Dialogs])
def test_whatever_happens(doubter: Doubter, machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(machine.TestCase.settings, max_examples=examples(15)))
    assert doubter.made > 100


def test_in_a_call_whose_settings_cannot_be_said(doubter: Doubter, cluster: Cluster) -> None:
    call = engaged_with_unfit_delete_flags(cluster)
    end(call)
    assert doubter.made


@pytest.mark.parametrize("others", [False, True])
def test_delete_flags_that_are_left_out_are_told_of_once(cluster: Cluster, others: bool) -> None:
    """Also where another control node was first, so that the delete is decided twice."""
    structlog.reset_defaults()
    with capture_logs() as told:
        call = engaged_with_unfit_delete_flags(cluster)
        if others:
            call.tell("C INFO cseq=2", 1)
        end(call)
    (line,) = [line for line in told if line["event"] == "delete flags left out"]
    assert line["call_id"] == call.call_id
    assert "call-id" in line["why"]
    assert line["log_level"] == "warning"


def engaged_with_unfit_delete_flags(cluster: Cluster) -> SipCall:
    call = SipCall(cluster)
    call.tell("C INVITE at=- sdp=c", changes=[ENGAGED, ChangeContextSettings(values={"delete": "call-id=other"})])
    call.tell("A 200 INVITE sdp=a")
    call.tell("C ACK")
    return call


def end(call: SipCall) -> None:
    call.command(EndCall(call_id=call.call_id, reason="a wish"))
    call.cluster.after(10)
    check_over(call)
