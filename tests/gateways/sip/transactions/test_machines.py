"""The four machines against the figures of RFC 3261 17 and RFC 6026, row by row, and their timers to the second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.sip.transactions import client, invite_client, invite_server, server
from gateways.sip.transactions.alarms import Alarms
from gateways.sip.transactions.machine import (
    Act,
    Alarm,
    Bell,
    Input,
    Machine,
    State,
    Table,
    TransactionEvent,
    pacing,
)
from gateways.sip.transactions.timers import Timer, Timers
from tests.gateways.sip.transactions.figures import FIGURES, rows
from tests.gateways.sip.transactions.virtual import VirtualLoop

TABLES = {
    "invite client": invite_client.TABLE,
    "client": client.TABLE,
    "invite server": invite_server.TABLE,
    "server": server.TABLE,
}
INPUTS: tuple[Input, ...] = (*TransactionEvent, *Timer)


class Recorder:
    """A machine at work in virtual time, of which it is written down what it has to do, and when it ends."""

    def __init__(self, table: Table, *, reliable: bool = False) -> None:
        self.loop = VirtualLoop()
        self.log: list[tuple[float, str]] = []
        self.ends = 0
        self._alarms = Alarms(self.loop, 0.0)
        self.machine = Machine(table, pacing(Timers(), reliable=reliable), self)

    @property
    def state(self) -> State:
        return self.machine.state

    def set(self, delay: float, bell: Bell, timer: Timer) -> Alarm:
        """Set a timer of the machine that rings here."""
        del bell
        return self._alarms.set(delay, self, timer)

    def take(self, what: Input) -> None:
        before = self.state
        acts = self.machine.feed(what)
        if self.state is State.TERMINATED and before is not State.TERMINATED:
            self.ends += 1
            self.log.append((self.loop.now, "END"))
        self.log += [(self.loop.now, act.name) for act in acts]

    def ring(self, timer: Timer) -> None:
        self.take(timer)

    def times(self, act: str) -> list[float]:
        return [time for time, name in self.log if name == act]


def cells() -> Iterator[tuple[str, State, Input]]:
    for name, table in TABLES.items():
        for state in table.rows:
            for what in INPUTS:
                yield name, state, what


@pytest.mark.parametrize(("name", "state", "what"), list(cells()))
def test_each_input_in_each_state_does_what_the_figure_says(name: str, state: State, what: Input) -> None:
    machine = Recorder(TABLES[name]).machine
    if state is not machine.state:
        machine._enter(state)

    acts = tuple(act.name for act in machine.feed(what))

    assert (acts, machine.state.name) == rows(FIGURES[name]).get((state.name, what.name), ((), state.name))


@pytest.mark.parametrize("name", TABLES)
def test_each_state_has_its_timers_and_a_row_for_each_of_them(name: str) -> None:
    table = TABLES[name]
    assert set(table.timers) == set(table.rows)
    for state, running in table.timers.items():
        timers = {timer for timer in running if timer is not None}
        assert timers == {what for what in table.rows[state] if isinstance(what, Timer)}


def test_an_invite_goes_out_again_at_ever_longer_pauses_until_timer_b() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.loop.run_until(1000)
    assert machine.times("SEND") == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.log[-2:] == [(32.0, "END"), (32.0, "TELL_TIMEOUT")]


def test_a_provisional_answer_ends_the_repeats_of_an_invite_and_its_timeout() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.loop.run_until(2)
    machine.take(TransactionEvent.PROVISIONAL)
    machine.loop.run_until(1000)
    assert machine.log == [(0.5, "SEND"), (1.5, "SEND"), (2.0, "TELL")]
    assert machine.loop.waiting == 0


@pytest.mark.parametrize("reliable", [False, True])
def test_timer_m_keeps_an_accepted_invite_for_64_t1(reliable: bool) -> None:
    machine = Recorder(invite_client.TABLE, reliable=reliable)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(20)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(1000)
    assert machine.log == [(0.0, "TELL"), (20.0, "TELL"), (32.0, "END")]


def test_timer_d_keeps_a_failed_invite_for_32_seconds_in_which_repeats_are_acknowledged() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.take(TransactionEvent.FAILURE)
    machine.loop.run_until(31.9)
    machine.take(TransactionEvent.FAILURE)
    machine.loop.run_until(1000)
    assert machine.log == [(0.0, "ACK"), (0.0, "TELL"), (31.9, "ACK"), (32.0, "END")]


def test_a_cancelled_invite_waits_64_t1_for_its_final_answer() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.take(TransactionEvent.CANCEL)
    machine.loop.run_until(0.7)
    machine.take(TransactionEvent.PROVISIONAL)
    machine.loop.run_until(1000)
    assert machine.log == [
        (0.5, "SEND"),
        (0.7, "CANCEL"),
        (0.7, "TELL"),
        (32.7, "END"),
        (32.7, "TELL_TIMEOUT"),
    ]


def test_to_cancel_does_not_prolong_calling() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.loop.run_until(30)
    machine.take(TransactionEvent.CANCEL)
    machine.loop.run_until(1000)
    assert machine.times("SEND") == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.times("TELL_TIMEOUT") == [32.0]


def test_a_forgotten_invite_is_cancelled_at_timer_c() -> None:
    machine = Recorder(invite_client.TABLE)
    machine.take(TransactionEvent.PROVISIONAL)
    machine.take(TransactionEvent.FORGET)
    machine.loop.run_until(1000)
    assert machine.log[1:] == [(181.0, "CANCEL"), (213.0, "END"), (213.0, "TELL_TIMEOUT")]


def test_a_request_goes_out_again_with_pauses_of_up_to_t2_until_timer_f() -> None:
    machine = Recorder(client.TABLE)
    machine.loop.run_until(1000)
    assert machine.times("SEND") == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.log[-2:] == [(32.0, "END"), (32.0, "TELL_TIMEOUT")]


def test_a_provisional_answer_slows_the_repeats_of_a_request_to_t2() -> None:
    machine = Recorder(client.TABLE)
    machine.loop.run_until(0.6)
    machine.take(TransactionEvent.PROVISIONAL)
    machine.loop.run_until(1000)
    assert machine.times("SEND") == [0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert machine.times("TELL_TIMEOUT") == [32.0]


def test_timer_k_absorbs_repeats_of_an_answer_for_t4() -> None:
    machine = Recorder(client.TABLE)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(4.9)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(1000)
    assert machine.log == [(0.0, "TELL"), (5.0, "END")]


def test_a_failure_of_an_invite_goes_out_again_with_pauses_of_up_to_t2_until_timer_h() -> None:
    machine = Recorder(invite_server.TABLE)
    machine.take(TransactionEvent.FAILURE)
    machine.loop.run_until(1000)
    assert machine.times("REPEAT") == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.log[-2:] == [(32.0, "END"), (32.0, "NOTE_NO_ACK")]


def test_an_ack_ends_the_repeats_of_a_failure_and_timer_i_absorbs_further_acks_for_t4() -> None:
    machine = Recorder(invite_server.TABLE)
    machine.take(TransactionEvent.FAILURE)
    machine.loop.run_until(1)
    machine.take(TransactionEvent.ACK)
    machine.loop.run_until(5.9)
    machine.take(TransactionEvent.ACK)
    machine.take(TransactionEvent.REQUEST)
    machine.loop.run_until(1000)
    assert machine.log == [(0.0, "SEND"), (0.5, "REPEAT"), (6.0, "END")]


@pytest.mark.parametrize("reliable", [False, True])
def test_timer_l_keeps_an_accepted_invite_for_64_t1_and_lets_2xx_and_acks_pass(reliable: bool) -> None:
    machine = Recorder(invite_server.TABLE, reliable=reliable)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(10)
    for what in (TransactionEvent.REQUEST, TransactionEvent.SUCCESS, TransactionEvent.ACK, TransactionEvent.FAILURE):
        machine.take(what)
    machine.loop.run_until(1000)
    assert machine.log == [(0.0, "PASS"), (10.0, "PASS"), (10.0, "TELL"), (32.0, "END")]


def test_a_dropped_invite_absorbs_its_repeats_for_64_t1() -> None:
    machine = Recorder(invite_server.TABLE)
    machine.loop.run_until(1)
    machine.take(TransactionEvent.DROP)
    machine.take(TransactionEvent.REQUEST)
    machine.loop.run_until(1000)
    assert machine.log == [(33.0, "END")]


def test_timer_j_answers_repeats_of_a_request_for_64_t1() -> None:
    machine = Recorder(server.TABLE)
    machine.loop.run_until(3)
    machine.take(TransactionEvent.SUCCESS)
    machine.loop.run_until(34.9)
    machine.take(TransactionEvent.REQUEST)
    machine.loop.run_until(1000)
    assert machine.log == [(3.0, "SEND"), (34.9, "REPEAT"), (35.0, "END")]


@pytest.mark.parametrize("reliable", [False, True])
def test_a_request_that_nobody_answers_ends_when_its_client_has_given_up(reliable: bool) -> None:
    machine = Recorder(server.TABLE, reliable=reliable)
    machine.loop.run_until(10)
    machine.take(TransactionEvent.PROVISIONAL)
    machine.loop.run_until(1000)
    assert machine.log == [(10.0, "SEND"), (32.0, "END")]


@pytest.mark.parametrize(
    ("table", "inputs", "log"),
    [
        (invite_client.TABLE, [TransactionEvent.FAILURE], ["END", "ACK", "TELL"]),
        (client.TABLE, [TransactionEvent.SUCCESS], ["END", "TELL"]),
        (invite_server.TABLE, [TransactionEvent.FAILURE, TransactionEvent.ACK], ["SEND", "END"]),
        (server.TABLE, [TransactionEvent.FAILURE], ["END", "SEND"]),
    ],
)
def test_over_reliable_transports_the_last_state_ends_at_once(
    table: Table, inputs: list[Input], log: list[str]
) -> None:
    machine = Recorder(table, reliable=True)
    for what in inputs:
        machine.take(what)
    assert machine.log == [(0.0, act) for act in log]
    assert machine.state is State.TERMINATED


@pytest.mark.parametrize("name", TABLES)
def test_over_reliable_transports_nothing_is_sent_again_but_patience_ends_as_well(name: str) -> None:
    machine = Recorder(TABLES[name], reliable=True)
    if name == "invite server":
        machine.take(TransactionEvent.FAILURE)
    machine.loop.run_until(1000)
    assert not {"REPEAT"} & {act for _time, act in machine.log}
    assert len(machine.times("SEND")) == (name == "invite server")
    assert machine.times("END") == [32.0]


steps = st.lists(st.one_of(st.sampled_from(TransactionEvent), st.floats(0, 40)), max_size=30)


@given(st.sampled_from(list(TABLES)), st.booleans(), steps)
def test_whatever_comes_a_machine_ends_once_and_tells_each_thing_once(
    name: str, reliable: bool, steps: list[TransactionEvent | float]
) -> None:
    machine = Recorder(TABLES[name], reliable=reliable)
    for step in steps:
        if isinstance(step, TransactionEvent):
            machine.take(step)
        else:
            machine.loop.run_for(step)
    for last in (TransactionEvent.FORGET, TransactionEvent.DROP):  # what is left with an INVITE in proceeding
        machine.take(last)
    machine.loop.run_for(400)

    assert machine.state is State.TERMINATED
    assert machine.ends == 1
    assert machine.loop.waiting == 0
    assert len(machine.times(Act.TELL_TIMEOUT.name) + machine.times(Act.TELL_UNREACHABLE.name)) <= 1
    assert len(machine.times(Act.CANCEL.name)) <= 1
