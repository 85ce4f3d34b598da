"""What the four state machines of transactions have in common.

Each machine is a table (invite_client.py, invite_server.py, client.py, server.py): for each state the timers that run
in it, and for each input that matters there the next state and what is to be done. An input without a row is absorbed.

A transaction never has more than two timers: one that has something sent again and again, and one that ends the state
it is in. So there are no instructions to start and stop timers: each runs for as long as the transaction is in a state
that names it. It starts when such a state is entered from one that does not name it, and it stops likewise. What ends
its state after no time at all (over reliable transports several do) ends the transaction as that state is entered.

A machine knows no sockets and no clock: it is fed with inputs, gives what is to be done, and has its timers set by
something that will ring it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from gateways.sip.transactions.timers import Timer, Timers


class State(StrEnum):
    """A state of a transaction: the RFCs' (first group), and those for what they tell in words beside the figures."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"

    CANCELLING = "calling, to be cancelled"
    CANCELLED = "cancelled"
    FORGOTTEN = "forgotten"
    DROPPED = "dropped"


class TransactionEvent(StrEnum):
    """What can happen to a transaction beside the ringing of a timer."""

    # Responses: they come to a client transaction, and are given to a server transaction by its user.
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    # From the network:
    REQUEST = "the request came again"
    ACK = "ACK came"
    UNREACHABLE = "transport failed"
    # From the user:
    CANCEL = "cancel it"
    FORGET = "tell nothing more"
    DROP = "no answer will be given"


class Act(StrEnum):
    """What is to be done."""

    SEND = "send the request, or the response that was given"
    PASS = "send the response that was given, without keeping it for repeats"
    REPEAT = "send the last response again"
    ACK = "acknowledge the response"
    CANCEL = "send a CANCEL"
    TELL = "tell the user what came"
    TELL_TIMEOUT = "tell the user that nothing came"
    TELL_UNREACHABLE = "tell the user that the peer cannot be reached"
    NOTE_NO_ACK = "note that the ACK did not come"


class Pace(StrEnum):
    """When what was just sent again is to be sent the next time."""

    DOUBLE = "after twice the time"
    DOUBLE_TO_T2 = "after twice the time, but T2 at most"
    T2 = "after T2"


# Bound to names, since Python 3.11 searches for a member each time: a quarter of a microsecond.
_TERMINATED: Final = State.TERMINATED
_T2: Final = Pace.T2
_DOUBLE_TO_T2: Final = Pace.DOUBLE_TO_T2

Input: TypeAlias = TransactionEvent | Timer
Running: TypeAlias = tuple[Timer | None, Timer | None]


class Row(NamedTuple):
    """What an input brings: the next state, what is to be done, and when the timer that rang rings again."""

    state: State
    acts: tuple[Act, ...]
    pace: Pace | None


def to(state: State, *acts: Act, pace: Pace | None = None) -> Row:
    """Make a row of a table."""
    return Row(state, acts, pace)


@dataclass(frozen=True, slots=True)
class Table:
    """A state machine: the state it begins in, the timers that run in each state (again, end), and its rows."""

    first: State
    timers: Mapping[State, Running]
    rows: Mapping[State, Mapping[Input, Row]]


class Alarm(Protocol):
    """A timer that was set."""

    @property
    def timer(self) -> Timer:
        """Which timer it is."""

    @property
    def delay(self) -> float:
        """After how many seconds it was to ring."""

    def cancel(self) -> None:
        """Cancel the timer; do nothing if it has expired."""


class Bell(Protocol):
    """What can be rung."""

    def ring(self, timer: Timer) -> None:
        """Handle the end of a timer."""


class TimerClock(Protocol):
    """What sets timers."""

    def set(self, delay: float, bell: Bell, timer: Timer) -> Alarm:
        """Ring a bell with a timer after `delay` seconds, more than 0."""


class Pacing(NamedTuple):
    """How long timers run over a transport, in seconds; 0 as Timers.durations has it."""

    durations: Mapping[Timer, float]
    t2: float


def pacing(timers: Timers, *, reliable: bool) -> Pacing:
    """Return how long timers run over a transport."""
    return Pacing(timers.durations(reliable=reliable), timers.t2)


class Machine:
    """A transaction's state and timers. A subclass does what is to be done, on `ring` too, and knows of its end."""

    __slots__ = ("_again", "_clock", "_end", "_pacing", "_table", "state")

    def __init__(self, table: Table, pacing: Pacing, clock: TimerClock) -> None:
        self._table, self._pacing, self._clock = table, pacing, clock
        self._again: Alarm | None = None
        self._end: Alarm | None = None
        self._enter(table.first)

    def feed(self, what: Input) -> tuple[Act, ...]:
        """Apply an input; return what is to be done, in this order. The state is the next one already."""
        row = self._table.rows[self.state].get(what)
        if row is None:
            return ()
        if row.state is not self.state:
            self._enter(row.state)
        elif row.pace is not None:
            self._again = self._next(row.pace)
        return row.acts

    def ring(self, timer: Timer) -> None:
        """Handle the end of a timer."""
        raise NotImplementedError

    def ended(self) -> None:
        """Handle the end of the transaction: called once."""

    def stop(self) -> None:
        """Stop the timers."""
        for alarm in (self._again, self._end):
            if alarm is not None:
                alarm.cancel()

    def _enter(self, state: State) -> None:
        self.state = state
        again, end = self._table.timers[state]
        if again is not None or self._again is not None:
            self._again = self._running(self._again, again)
        if end is not None or self._end is not None:
            self._end = self._running(self._end, end)
        if state is _TERMINATED:
            self.ended()
        elif end is not None and self._end is None:
            self._enter(_TERMINATED)

    def _running(self, alarm: Alarm | None, timer: Timer | None) -> Alarm | None:
        """Return the alarm for a timer that is to run: the one that runs already if it is for this timer."""
        if alarm is not None:
            if alarm.timer is timer:
                return alarm
            alarm.cancel()
        if timer is None:
            return None
        delay = self._pacing.durations[timer]
        return self._clock.set(delay, self, timer) if delay else None

    def _next(self, pace: Pace) -> Alarm | None:
        if self._again is None:
            return None
        delay, t2 = 2 * self._again.delay, self._pacing.t2
        if pace is _T2 or (pace is _DOUBLE_TO_T2 and delay > t2):
            delay = t2
        return self._clock.set(delay, self, self._again.timer)
